"""How an account stands: looked at again in each unit that changes it, its persons or its external accounts.

What is asked "first" keeps a capability inactive from the start, so it is past due at once. What is asked "later" is
due soon after, with a deadline; when that has passed, the capability is inactive until it is given. What a law will
ask stands among the future requirements until its day. Without a bank account nothing is paid out, but payments go on.
"""

from __future__ import annotations

from typing import Any

import msgspec

from nostro.balances.settings import settings_of
from nostro.kernel.errors import invalid
from nostro.storage.tx import Tx

from .party import Due, verified, wait_for_review
from .party import Record as Person
from .payout_settings import with_payouts
from .profile import Capability, Record, Status, shown
from .requirements import Asked, Known, missing, takes_payments
from .shortcomings import alternatives, errors, is_listed, pending
from .values import Requirements, Shortcoming

JOB, REVIEW = "account.look", "person.review"
REVIEW_LASTS = 2
SHOWN = 10
MOST = 100
BANK, PAST_DUE = "external_account", "requirements.past_due"


async def own(tx: Tx) -> Record | None:
    """The account whose scope this is; None for the platform, whose account is not kept."""
    return await tx.find(tx.registry.by_object["account"], tx.merchant)


async def recall_own(tx: Tx) -> Record | None:
    """The same from memory: payments ask."""
    return await tx.recall(tx.registry.by_object["account"], tx.merchant)


async def may_pay_out(tx: Tx) -> bool:
    """False while a connected account's payouts are not enabled; the platform's own always are."""
    account = await own(tx)
    return account is None or account.payouts_enabled


async def check_payouts(tx: Tx) -> None:
    """Raises `payouts_not_allowed` if the account may not be paid out."""
    if not await may_pay_out(tx):
        raise invalid(f"Payouts are not enabled for the account {tx.merchant}: look at its requirements.",
                      code="payouts_not_allowed")  # fmt: skip


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
    account = with_payouts(account, await settings_of(tx))
    known = Known(account, persons, sum(bank.status != "errored" for bank in banks))
    judged = judge(known, tx.now)
    told = _tell_persons(tx, judged, persons)
    if individual is not None:
        judged = msgspec.structs.replace(judged, person=told[0])
    if (moment := _next(msgspec.structs.replace(known, account=judged), tx.now)) is not None:
        tx.schedule(JOB, judged.id, moment)
    if judged != before and "account.updated" not in events:
        events = (*events, "account.updated")
    tx.save(judged, *(events if before is not None else ()))
    for name, has in judged.has.items():
        was = before.has.get(name) if before else None
        if was != has:
            was_shown = shown(judged.id, name, was) if was else None
            tx.emit("capability.updated", shown(judged.id, name, has), was_shown)
    return judged


def checked(tx: Tx, person: Person) -> Person:
    """The person after test mode's check; one that takes its time is over in some seconds."""
    if wait_for_review(person):
        tx.schedule(REVIEW, person.id, tx.now + REVIEW_LASTS)
    return verified(person)


async def review_job(tx: Tx, id: str) -> None:
    """Job `person.review`: the check of a person is over."""
    person = await tx.find(tx.registry.by_object["person"], id)
    if person is not None:
        tx.save(verified(msgspec.structs.replace(person, reviewed=True)), "person.updated")
        await look(tx)


async def look_job(tx: Tx, ref: str) -> None:
    """A moment has come at which something falls due."""
    await look(tx)


def judge(known: Known, now: int) -> Record:
    """The account with its requirements, its capabilities and what is enabled, at this moment (seconds)."""
    account = known.account
    wrong = errors(known, now)
    has = {name: _capability(known, name, one, now, wrong) for name, one in account.has.items()}
    if account.active_since is None and any(one.status == "active" for one in has.values()):
        account = msgspec.structs.replace(account, active_since=now)
        known = msgspec.structs.replace(known, account=account)
        has = {name: _capability(known, name, one, now, wrong) for name, one in has.items()}
    wanted = {name: one for name, one in has.items() if one.requested_at is not None}
    open = not account.rejected
    active = {name for name, one in wanted.items() if one.status == "active"}
    return msgspec.structs.replace(
        account,
        has=has,
        requirements=_whole(known, [one.requirements for one in wanted.values()], wrong),
        future_requirements=_merged([one.future_requirements for one in wanted.values()]),
        charges_enabled=open and any(map(takes_payments, active)),
        payouts_enabled=known.banks > 0 and (bool(active) if open else account.still_paid),
        details_submitted=account.details_submitted or account.active_since is not None,
    )


def _whole(known: Known, asked: list[Requirements], wrong: list[Shortcoming]) -> Requirements:
    """The account's requirements: those of its capabilities together."""
    whole = _merged(asked)
    reason = known.account.rejected or next((r.disabled_reason for r in asked if r.disabled_reason), None)
    if reason is None and whole.past_due:
        reason = PAST_DUE
    if reason is None and not asked:
        reason = "action_required.requested_capabilities"
    return msgspec.structs.replace(whole, disabled_reason=reason, errors=wrong)


def _merged(asked: list[Requirements]) -> Requirements:
    ways = {way.original_fields_due[0]: way for one in asked for way in one.alternatives}
    return Requirements(
        alternatives=[ways[name] for name in sorted(ways)],
        current_deadline=min((one.current_deadline for one in asked if one.current_deadline), default=None),
        currently_due=_union(asked, "currently_due"),
        eventually_due=_union(asked, "eventually_due"),
        past_due=_union(asked, "past_due"),
        pending_verification=_union(asked, "pending_verification"),
    )


def _capability(known: Known, name: str, one: Capability, now: int, wrong: list[Shortcoming]) -> Capability:
    if one.requested_at is None:
        return Capability()
    account = known.account
    asked = missing(known, name)
    again = [Asked(error.requirement) for error in wrong]
    now_asked = _requirements(known, [*(ask for ask in asked if ask.on <= now), *again], now)
    stops = [field for field in now_asked.past_due if field != BANK]
    waits = now_asked.pending_verification if account.active_since is None else []
    reason = (
        account.rejected
        or ("listed" if is_listed(known) else None)
        or (PAST_DUE if stops else None)
        or ("requirements.pending_verification" if waits else None)
    )
    status: Status = "inactive" if reason else "active"
    if waits and reason == "requirements.pending_verification":
        status = "pending"
    return Capability(
        requested_at=one.requested_at,
        status=status,
        requirements=msgspec.structs.replace(now_asked, disabled_reason=reason, errors=wrong),
        future_requirements=_future([ask for ask in asked if ask.on > now], now),
    )


def _requirements(known: Known, asked: list[Asked], now: int) -> Requirements:
    due = [ask for ask in asked if ask.due is not None and ask.due <= now]
    past = [ask for ask in due if ask.past is not None and ask.past <= now]
    names = _names(due)
    return Requirements(
        alternatives=alternatives(known, names),
        current_deadline=min((ask.past for ask in due if ask.past is not None and ask.past > now), default=None),
        currently_due=names,
        eventually_due=_names(asked),
        past_due=_names(past),
        pending_verification=pending(known),
    )


def _future(asked: list[Asked], now: int) -> Requirements:
    due = [ask for ask in asked if ask.due is not None and ask.due <= now]
    return Requirements(
        current_deadline=min((ask.on for ask in due), default=None),
        currently_due=_names(due),
        eventually_due=_names(asked),
    )


def _names(asked: list[Asked]) -> list[str]:
    return sorted({ask.field for ask in asked})


def _next(known: Known, now: int) -> int | None:
    """The next moment (seconds) at which time alone changes how the account stands."""
    names = [name for name, one in known.account.has.items() if one.requested_at is not None]
    asked = [ask for name in names for ask in missing(known, name)]
    moments = {at for ask in asked for at in (ask.due, ask.past, ask.on) if at is not None and at > now}
    return min(moments, default=None)


def _union(asked: list[Requirements], field: str) -> list[str]:
    return sorted({name for one in asked for name in getattr(one, field)})


def _tell_persons(tx: Tx, account: Record, persons: list[Person]) -> list[Person]:
    """Each person shows its own part of what is asked."""
    whole = account.requirements
    told = []
    for person in persons:
        names = ("individual." if account.business_type == "individual" else f"{person.id}.",)
        wrong = [error for error in whole.errors if error.requirement.startswith(names)]
        due, ahead = Due(**_of_names(whole, names), errors=wrong), Due(**_of_names(account.future_requirements, names))
        if (due, ahead) != (person.requirements, person.future_requirements):
            person = tx.save(msgspec.structs.replace(person, requirements=due, future_requirements=ahead))
        told.append(person)
    return told


def _of_names(whole: Requirements, names: tuple[str]) -> dict[str, Any]:
    """What is asked of one person, by names without the person's."""
    return {
        field: [name.removeprefix(names[0]) for name in getattr(whole, field) if name.startswith(names)]
        for field in ("currently_due", "eventually_due", "past_due", "pending_verification")
    }
