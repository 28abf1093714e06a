"""Break: what the bank and the ledger do not agree on: lines, entries or both, with a reason, an age and an owner.

As long as it is open, what the bank has more than the ledger stands in suspense, so that the ledger's cash account is
what the bank says. It ends when what it belongs to is found (the suspense entry is reversed), or when somebody books
the difference and says why.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta

from nostro.kernel.clock import DAY
from nostro.kernel.errors import invalid
from nostro.kernel.lifecycle import Lifecycle, Move
from nostro.kernel.money import text
from nostro.kernel.posting import Posting
from nostro.kernel.resource import (
    Filter,
    Params,
    Resource,
    Shape,
    Stored,
    Unset,
    Verb,
    View,
    Wire,
    listing,
    public,
    retrieve,
)  # fmt: skip
from nostro.ledger import chart
from nostro.storage.tx import Tx

from . import suspense
from .account import ACCOUNT, day_of, effective_on, text_of
from .account import Record as Account
from .owner import entry_ids, line_ids, own
from .pairing import Reason
from .rule import BOOKED, BookAs

MOST_ACCOUNTS, MOST_TOLD = 100, 1_000
MOST_NOTES = 100
Text = Annotated[str, Meta(min_length=1, max_length=500)]
Name = Annotated[str, Meta(min_length=1, max_length=80)]
Days = list[tuple[int, int]]


class Note(Shape, frozen=True, kw_only=True):
    at: int
    by: str | None
    text: str


class Resolution(Shape, frozen=True, kw_only=True):
    """Who ended it, how and why."""

    at: int
    book_as: BookAs
    by: str
    reason: str


class Break(Stored, frozen=True, kw_only=True):
    """`amount` is what the bank has more than the ledger (minor units, negative if less); `opened_on` the day that it
    is about, `age_days` how long that is ago. `owner` is whoever is to clear it up."""

    object: Literal["reconciliation.break"] = "reconciliation.break"
    account: str
    age_days: int = 0
    amount: int
    currency: str
    entries: list[str] = []
    lines: list[str] = []
    livemode: bool = False
    match: str | None = None
    notes: list[Note] = []
    opened_on: str
    owner: str | None = None
    reason: Reason
    resolution: Resolution | None = None
    status: Literal["open", "matched", "replaced", "resolved"]
    unassigned: bool = False


class Record(Break, frozen=True, kw_only=True, omit_defaults=True):
    """`own` is what it has booked on the cash account, by day. `spread` names the account if not all of its lines and
    entries count on one day. `by_hand`: no rule may match it."""

    ledger_account: str
    line_numbers: list[int] = []
    entry_numbers: list[int] = []
    own: Days = []
    spread: str | None = None
    by_hand: bool = False
    at_bank: Days = []
    in_ledger: Days = []


# Money ------------------------------------------------------------------------------------


def suspend(b: Record) -> tuple[Posting, ...]:
    """Whose it is is open: the ledger's cash account follows the bank."""
    return suspense.suspend(b.ledger_account, b.amount, b.currency)


def release(b: Record) -> tuple[Posting, ...]:
    """What it belongs to was found: the suspense entry is reversed."""
    return suspense.release(b.ledger_account, b.amount, b.currency)


def settle(b: Record) -> tuple[Posting, ...]:
    """It will not be found: what stands in suspense becomes a cost or income."""
    booked = BOOKED[b.resolution.book_as] if b.resolution else chart.LOSSES
    return suspense.settle(booked, b.amount, b.currency)


M = Move[Record]
OPENED, MATCHED, REPLACED, RESOLVED = (
    f"reconciliation.break.{what}" for what in ("opened", "matched", "replaced", "resolved")
)
# fmt: off
LIFE: Lifecycle[Record] = Lifecycle(
    #  move      from       to          posts     events
    M("open",    (),        "open",     suspend,  (OPENED,),   "The bank and the ledger do not agree."),
    M("match",   ("open",), "matched",  release,  (MATCHED,),  "What it belongs to was found."),
    M("resolve", ("open",), "resolved", settle,   (RESOLVED,), "Somebody has booked the difference and said why."),
    M("replace", ("open",), "replaced", release,  (REPLACED,), "More is known: another break is about it now."),
    rest=("matched", "replaced", "resolved"),
)
# fmt: on


async def opened(
    tx: Tx, account: Account, reason: Reason, lines: dict[int, tuple[int, int]], entries: dict[int, tuple[int, int]],
    by_hand: bool = False, carried: Sequence[tuple[int, int]] = (), before: Sequence[Record] = (),
) -> Record:  # fmt: skip
    """A new break. `lines` and `entries` are day and amount by number; `carried` is what was booked on the cash account
    about them before, which comes to nothing. What was noted on the breaks before it stays."""
    at_bank, in_ledger = list(lines.values()), list(entries.values())
    amount = sum(amount for _, amount in at_bank) - sum(amount for _, amount in in_ledger)
    day = min(day for day, _ in (*at_bank, *in_ledger))
    effective = await effective_on(tx, account, max(day for day, _ in (*at_bank, *in_ledger)))
    owner = next((b.owner for b in before if b.owner), None)
    own_days: Days = [*carried, *([(effective // DAY, amount)] if amount else [])]
    made = Record(
        id=tx.new_id("brk"), created=tx.now, account=account.id, amount=amount, currency=account.currency,
        entries=entry_ids(entries), lines=line_ids(account, lines), livemode=tx.scope.livemode, opened_on=text_of(day),
        reason=reason, status="open", notes=[note for b in before for note in b.notes][-MOST_NOTES:],
        owner=owner, unassigned=owner is None, ledger_account=account.ledger_account,
        line_numbers=list(lines), entry_numbers=list(entries), by_hand=by_hand, at_bank=at_bank, in_ledger=in_ledger,
        own=own_days, spread=_spread(account, [*at_bank, *in_ledger, *own_days]),
    )  # fmt: skip
    own(tx, account, lines, entries, made.id)
    return tx.move(made, LIFE["open"], effective=effective)


def _spread(account: Account, days: Sequence[tuple[int, int]]) -> str | None:
    return account.id if len({day for day, _ in days}) > 1 else None


async def found(tx: Tx, account: Account, b: Record, match: str | None, day: int) -> tuple[Record, Days]:
    """What it belongs to was found; answers also what it has booked on the cash account in all, which is the match's
    from now on."""
    effective = await effective_on(tx, account, day)
    days = [*b.own, *([(effective // DAY, -b.amount)] if b.amount else [])]
    move = LIFE["match"] if match else LIFE["replace"]
    return tx.move(b, move, effective=effective, match=match, own=[], spread=None, unassigned=False), days


# Verbs ------------------------------------------------------------------------------------


class UpdateParams(Params, frozen=True, kw_only=True):
    """`note` is added to the notes; `by` is who says so."""

    by: Name | None = None
    note: Text | None = None
    owner: Name | None | Unset = UNSET


class ResolveParams(Params, frozen=True, kw_only=True):
    book_as: BookAs
    by: Name
    reason: Text


async def update(tx: Tx, b: Record, params: UpdateParams) -> Record:
    changed: dict[str, Any] = {}
    if params.owner is not UNSET:
        changed |= {"owner": params.owner, "unassigned": params.owner is None}
    if params.note is not None:
        if len(b.notes) == MOST_NOTES:
            raise invalid(f"A break has up to {MOST_NOTES} notes.", "note")
        changed["notes"] = [*b.notes, Note(at=tx.now, by=params.by, text=params.note)]
    return tx.save(msgspec.structs.replace(b, **changed), "reconciliation.break.updated")


async def resolve(tx: Tx, b: Record, params: ResolveParams) -> Record:
    if b.status != "open":
        raise invalid(f"This break is {b.status}: only an open one can be resolved.",
                      code="reconciliation_break_unexpected_state")  # fmt: skip
    account = await tx.get(ACCOUNT, b.account)
    said = Resolution(at=tx.now, book_as=params.book_as, by=params.by, reason=params.reason)
    tx.save(account)
    return tx.move(b, LIFE["resolve"], resolution=said, unassigned=False)


async def still_open(tx: Tx, before: str) -> list[str]:
    """The breaks that are open about days before this one (`2026-12-01`), in words: what a month is closed with."""
    accounts = await tx.every(ACCOUNT, MOST_ACCOUNTS)
    found = [b for one in accounts for b in await tx.all(BREAK, {"account": one.id, "status": "open"}, MOST_TOLD)]
    return [
        f"{b.id}: {b.reason.replace('_', ' ')} of {text(b.amount, b.currency)} on {b.opened_on}"
        for b in found if b.opened_on < before
    ]  # fmt: skip


def present(view: View, b: Record) -> Wire:
    wire = public(Break, b)
    ended = b.resolution.at if b.resolution else view.now
    return wire | {"age_days": max(0, ended // DAY - day_of(b.opened_on))}


def example() -> Record:
    return Record(
        id="brk_1", created=0, account="racct_1", amount=1250, currency="usd", lines=["bln_1-1-7"],
        opened_on="2026-11-20", reason="missing_in_ledger", status="open", ledger_account=chart.CASH, line_numbers=[7],
        resolution=Resolution(at=0, book_as="bank_fee", by="ada", reason="Monthly fee"),
    )  # fmt: skip


BY_ACCOUNT, BY_STATUS = Filter("account", wide=True), Filter("status", under="account", wide=True)
BY_OWNER, BY_REASON = Filter("owner"), Filter("reason", wide=True)
SPREAD = Filter("spread")
_ID = "/v1/reconciliation/breaks/{id}"
BREAK: Resource[Record] = Resource(
    object="reconciliation.break",
    noun="break",
    prefix="brk",
    record=Record,
    shape=Break,
    life=LIFE,
    example=example,
    present=present,
    doc="What a bank and the ledger do not agree on. Beyond Stripe's API.",
    filters=(BY_ACCOUNT, BY_STATUS, BY_OWNER, BY_REASON, SPREAD),
    expands=("account",),
    verbs=(
        listing("/v1/reconciliation/breaks", BY_ACCOUNT, BY_STATUS, BY_OWNER, BY_REASON),
        retrieve(_ID),
        Verb(name="update", method="POST", path=_ID, run=update, params=UpdateParams,
             summary="Give it to somebody, or add a note."),
        Verb(name="resolve", method="POST", path=f"{_ID}/resolve", run=resolve, params=ResolveParams,
             summary="Book the difference, and say why."),
    ),
    errors=("reconciliation_break_unexpected_state",),
)  # fmt: skip
RESOURCE = BREAK
