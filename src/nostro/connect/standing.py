"""How an account stands: looked at again in each unit that changes it, its persons or its external accounts.

What is asked "first" keeps a capability inactive from the start, so it is past due at once. What is asked "later" is
due soon after, with a deadline; when that has passed, the capability is inactive until it is given.
"""

from __future__ import annotations

from typing import Any

import msgspec

from nostro.storage.tx import Tx

from .party import Due
from .profile import Capability, Record, shown
from .requirements import LATER, Known, errors, missing, takes_payments
from .values import Requirements

JOB = "account.look"
SHOWN = 10
MOST = 100


async def own(tx: Tx) -> Record | None:
    """The account whose scope this is; None for the platform, whose account is not kept."""
    return await tx.find(tx.registry.by_object["account"], tx.merchant)


async def look(tx: Tx, account: Record | None = None, *events: str) -> Record | None:
    """Judge the account anew and save it. Call it when what it rests on has changed in this unit.

    `events` are told whatever comes of it; a change of standing tells `account.updated`, and `capability.updated`
    of each capability that it touched.
    """
    account = account or await own(tx)
    if account is None:
        return None
    before = await own(tx)
    banks = await tx.every(tx.registry.by_object["external_account"], MOST)
    persons = await tx.every(tx.registry.by_object["person"], MOST)
    individual = persons[0] if persons and account.business_type == "individual" else None
    account = msgspec.structs.replace(account, banks=banks[::-1][: SHOWN + 1], person=individual)
    judged = judge(Known(account, persons, len(banks)), tx.now)
    _tell_persons(tx, judged, persons)
    if judged.active_since is not None:
        for due in (judged.active_since + LATER, judged.active_since + 2 * LATER):
            if due > tx.now:
                tx.schedule(JOB, judged.id, due)
                break
    if judged != before and "account.updated" not in events:
        events = (*events, "account.updated")
    tx.save(judged, *(events if before is not None else ()))
    for name, has in judged.has.items():
        was = before.has.get(name) if before else None
        if was != has:
            was_shown = shown(judged.id, name, was) if was else None
            tx.emit("capability.updated", shown(judged.id, name, has), was_shown)
    return judged


async def look_job(tx: Tx, ref: str) -> None:
    """A moment has come at which something falls due."""
    await look(tx)


def judge(known: Known, now: int) -> Record:
    """The account with its requirements, its capabilities and what is enabled, at this moment (seconds)."""
    account = known.account
    wrong = errors(known)
    has = {name: _capability(known, name, one, now, bool(wrong)) for name, one in account.has.items()}
    wanted = {name: one for name, one in has.items() if one.requested_at is not None}
    since = account.active_since
    if since is None and any(one.status == "active" for one in wanted.values()):
        since = now
        account = msgspec.structs.replace(account, active_since=now)
        known = msgspec.structs.replace(known, account=account)
        has = {name: _capability(known, name, one, now, bool(wrong)) for name, one in has.items()}
        wanted = {name: one for name, one in has.items() if one.requested_at is not None}
    asked = [one.requirements for one in wanted.values()]
    whole = Requirements(
        current_deadline=min((r.current_deadline for r in asked if r.current_deadline), default=None),
        currently_due=_union(asked, "currently_due"),
        disabled_reason=account.rejected or next((r.disabled_reason for r in asked if r.disabled_reason), None),
        errors=wrong,
        eventually_due=_union(asked, "eventually_due"),
        past_due=_union(asked, "past_due"),
    )
    open = not account.rejected
    return msgspec.structs.replace(
        account,
        has=has,
        requirements=whole,
        charges_enabled=open and any(takes_payments(n) and one.status == "active" for n, one in wanted.items()),
        payouts_enabled=open and known.banks > 0 and any(one.status == "active" for one in wanted.values()),
        details_submitted=account.details_submitted or since is not None,
    )


def _capability(known: Known, name: str, one: Capability, now: int, wrong: bool) -> Capability:
    if one.requested_at is None:
        return Capability()
    account = known.account
    first, later = missing(known, name, "first"), missing(known, name, "later")
    if wrong:
        first = sorted({*first, *(error.requirement for error in errors(known))})
    since = account.active_since
    late = since is not None and now >= since + LATER and bool(later)
    over = since is not None and now >= since + 2 * LATER and bool(later)
    past = sorted({*first, *(later if over else ())})
    requirements = Requirements(
        current_deadline=since + 2 * LATER if since is not None and late and not over else None,
        currently_due=sorted({*first, *(later if late else ())}),
        disabled_reason=account.rejected or ("requirements.past_due" if past else None),
        errors=errors(known),
        eventually_due=sorted({*first, *later}),
        past_due=past,
    )
    active = not past and not account.rejected
    return Capability(
        requested_at=one.requested_at, status="active" if active else "inactive", requirements=requirements
    )


def _union(asked: list[Requirements], field: str) -> list[str]:
    return sorted({name for one in asked for name in getattr(one, field)})


def _tell_persons(tx: Tx, account: Record, persons: list[Any]) -> None:
    """Each person shows its own part of what is asked."""
    whole = account.requirements
    for person in persons:
        names = ("individual." if account.business_type == "individual" else f"{person.id}.",)
        mine: dict[str, Any] = {
            field: [name.removeprefix(names[0]) for name in getattr(whole, field) if name.startswith(names)]
            for field in ("currently_due", "eventually_due", "past_due")
        }
        mine["errors"] = [error for error in whole.errors if error.requirement.startswith(names)]
        due = Due(**mine)
        if due != person.requirements:
            tx.save(msgspec.structs.replace(person, requirements=due))
