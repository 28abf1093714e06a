"""Entry of the API: postings that the caller books on the accounts it opened, in the journal that payments use.

An entry is never changed or deleted; what was wrong is reversed by an entry that names it. Entries that the product
booked itself can be listed and read too: their ids end in their number in the journal.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from nostro.kernel.errors import invalid, no_such
from nostro.kernel.resource import Filter, Metadata, Params, Resource, Stored, Verb, Wire, merge_metadata
from nostro.storage.names import name_of
from nostro.storage.tx import Tx

from . import entry as journal
from .app_account import Text, locate, watch
from .batches import entry_id
from .closed import check_open, check_period
from .draft import Draft, Exchange, ExchangeParams, Line, LineParams, again, drafted
from .dry_run import DryRun, rehearsed
from .reference import ENTRY as FAMILY
from .reference import ReferenceParam, content_of, keep, known

BOOKED = "ledger.entry.create"
REVERSED = "ledger.entry.reverse"
KIND = re.compile(r"[a-z0-9_.]{1,64}")
REVERSED_BY = "SELECT reversed_by FROM ledger_reversal WHERE entry=?"
REVERSE_ONCE = "INSERT INTO ledger_reversal (entry,reversed_by) VALUES (?,?) ON CONFLICT (entry) DO NOTHING"
NUMBER = "SELECT entry FROM ledger_entry WHERE source=? AND book=?"
Limit = Annotated[int, Meta(ge=1, le=100)]


class LedgerEntry(Stored, frozen=True, kw_only=True):
    """`created` is when it was booked, `effective_at` when it counts from, both in seconds. `period` is the closed
    month that it corrects."""

    object: Literal["ledger.entry"] = "ledger.entry"
    description: str | None = None
    effective_at: int
    exchange: Exchange | None = None
    kind: str
    livemode: bool = False
    metadata: Metadata = {}
    period: str | None = None
    postings: list[Line]
    reference: str | None = None
    reversed_by: str | None = None
    reverses: str | None = None
    source: str | None = None


class Record(LedgerEntry, frozen=True, kw_only=True, omit_defaults=True):
    pass


class Details(Params, frozen=True, kw_only=True):
    """What an entry may carry besides its postings."""

    description: Text | None = None
    dry_run: bool = False
    effective_at: int | None = None
    metadata: dict[str, str | None] | None = None
    period: str | None = None
    reference: ReferenceParam | None = None


class CreateParams(Details, frozen=True, kw_only=True):
    postings: list[LineParams]
    currency: str | None = None
    exchange: ExchangeParams | None = None
    kind: str | None = None


class ReverseParams(Details, frozen=True, kw_only=True):
    entry: str


class FindParams(Params, frozen=True, kw_only=True):
    entry: str


class ListParams(Params, frozen=True, kw_only=True):
    account: str | None = None
    kind: str | None = None
    limit: Limit = 10
    reference: str | None = None
    source: str | None = None
    starting_after: str | None = None


# Booking ----------------------------------------------------------------------------


async def create(tx: Tx, params: CreateParams) -> LedgerEntry | Wire:
    if params.kind is not None and not KIND.fullmatch(params.kind):
        raise invalid("A kind is a name of a-z, 0-9, _ and ., with up to 64 characters.", "kind")
    draft = await drafted(tx, params.postings, params.currency, params.exchange)
    kind = BOOKED if params.kind is None else f"app:{params.kind}"
    return await _book(tx, draft, params, kind)


async def reverse(tx: Tx, params: ReverseParams) -> LedgerEntry | Wire:
    """An entry with every posting the other way round. Limits hold for it as for any other."""
    original, number = await _original(tx, params.entry)
    draft = await again(tx, original.postings, -1)
    if draft.lines and original.exchange is not None:
        draft = msgspec.structs.replace(draft, exchange=original.exchange)
    return await _book(tx, draft, params, REVERSED, original, number)


async def _original(tx: Tx, id: str) -> tuple[LedgerEntry, int]:
    """An entry that was booked through the API, and its number."""
    record = await tx.find(ENTRY, id)
    if record is not None:
        return record, await _number(tx, record)
    number = journal.number_of(id)
    found = None if number is None else await journal.entry(tx.world.engine, number)
    if found is None or found.book != tx.scope.book or not _is_batched(found):
        raise no_such("ledger entry", id)
    return await _shown(tx, found), found.number


async def _book(
    tx: Tx, draft: Draft, params: Details, kind: str, original: LedgerEntry | None = None, number: int | None = None
) -> LedgerEntry | Wire:
    """`number` is that of the entry which this one reverses."""
    _check_effective(tx, params.effective_at)
    await check_period(tx, params.period)
    metadata = merge_metadata({}, params.metadata)
    of = None if original is None else original.id
    said = (draft.lines, draft.exchange, params.effective_at, params.description, metadata, kind, of)
    content = content_of(said if params.period is None else (*said, params.period))
    existing = await known(tx, FAMILY, params.reference, content)
    if existing is None:
        await check_open(tx, params.effective_at)
    if existing is None and original is not None:
        _check_reversible(original)
    if params.dry_run:
        return await rehearsed(tx, draft.accounts, draft.postings, existing)
    if existing is not None:
        return await retrieve(tx, FindParams(entry=existing))
    entry = Record(
        id=tx.new_id("lent"), created=tx.now, livemode=tx.scope.livemode, description=params.description,
        effective_at=tx.now if params.effective_at is None else params.effective_at, exchange=draft.exchange,
        kind=kind, metadata=metadata, period=params.period, postings=draft.lines, reference=params.reference,
        reverses=of,
    )  # fmt: skip
    tx.post(kind, entry.id, draft.postings, effective=entry.effective_at, reverses=number,
            description=entry.description)  # fmt: skip
    keep(tx, FAMILY, params.reference, entry.id, content)
    watch(tx, *draft.accounts)
    if isinstance(original, Record):
        tx.save(msgspec.structs.replace(original, reversed_by=entry.id))
    elif original is not None:  # it has no record whose version could change: of two that reverse it one claims it
        tx.claim(REVERSE_ONCE, (number, entry.id))
    return tx.save(entry)


def _check_effective(tx: Tx, at: int | None) -> None:
    if at is not None and not 0 <= at <= tx.now:
        raise invalid("An entry takes effect now or in the past.", "effective_at")


def _check_reversible(entry: LedgerEntry) -> None:
    if entry.reversed_by is not None:
        raise invalid(f"{entry.id} was reversed by {entry.reversed_by}.", code="ledger_entry_not_reversible")
    if entry.reverses is not None:
        raise invalid(f"{entry.id} is a reversal itself; book a new entry.", code="ledger_entry_not_reversible")


async def _number(tx: Tx, entry: Record) -> int:
    rows = await tx.world.engine.rows(NUMBER, (entry.id, tx.scope.book))
    assert rows, f"{entry.id} is not in the journal"
    return int(rows[0][0])


# Reading ----------------------------------------------------------------------------


async def retrieve(tx: Tx, params: FindParams) -> LedgerEntry:
    record = await tx.find(ENTRY, params.entry)
    if record is not None:
        return record
    number = journal.number_of(params.entry)
    found = None if number is None else await journal.entry(tx.world.engine, number)
    if found is None or found.book != tx.scope.book:
        raise no_such("ledger entry", params.entry)
    return await _shown(tx, found)


async def listed(tx: Tx, params: ListParams) -> Wire:
    """Every entry of this ledger, the product's too, newest first."""
    account, source = params.account, params.source
    if account is not None and account.startswith("lacct_"):
        account = (await locate(tx, account)).code
    if params.reference is not None:
        source = await known(tx, FAMILY, params.reference) or "nothing"
    before = None if params.starting_after is None else await _cursor(tx, params.starting_after)
    found = await journal.entries(
        tx.world.engine, tx.scope.book, source=source, kind=params.kind, account=account, before=before,
        limit=params.limit + 1,
    )  # fmt: skip
    return _page([await _shown(tx, one) for one in found], params)


def _page(found: Sequence[LedgerEntry], params: ListParams) -> Wire:
    more = len(found) > params.limit
    return {"object": "list", "data": found[: params.limit], "has_more": more, "url": "/v1/ledger/entries"}


async def _cursor(tx: Tx, id: str) -> int:
    record = await tx.find(ENTRY, id)
    if record is not None:
        return await _number(tx, record)
    number = journal.number_of(id)
    if number is None:
        raise no_such("ledger entry", id, "starting_after")
    return number


async def _shown(tx: Tx, entry: journal.Entry) -> LedgerEntry:
    """As it was booked through the API, or as the journal has it."""
    batched = _is_batched(entry)
    if entry.source.startswith("lent_") and not batched:
        return await tx.get(ENTRY, entry.source)
    reversals = await tx.world.engine.rows(REVERSED_BY, (entry.number,)) if batched else []
    return LedgerEntry(
        id=entry_id(entry.number), created=entry.created, description=entry.description,
        effective_at=entry.effective, kind=entry.kind, livemode=tx.scope.livemode,
        source=None if batched else entry.source, reversed_by=reversals[0][0] if reversals else None,
        reference=(await name_of(tx.world.engine.rows, entry.number) or None) if batched else None,
        postings=[
            Line(account=one.account, amount=abs(one.amount), currency=one.currency,
                 direction="debit" if one.amount > 0 else "credit")
            for one in entry.postings
        ],
    )  # fmt: skip


def _is_batched(entry: journal.Entry) -> bool:
    return entry.source == entry_id(entry.number)


ENTRY: Resource[Record] = Resource(
    object="ledger.entry",
    own_name="ledger.app_entry",
    noun="ledger entry",
    prefix="lent",
    record=Record,
    shape=LedgerEntry,
    doc="A balanced set of postings on accounts of yours; never changed, only reversed. Beyond Stripe's API.",
    expands=("reversed_by", "reverses"),
    filters=(Filter("period"),),
    verbs=(
        Verb(name="create", method="POST", path="/v1/ledger/entries", run=create, params=CreateParams, kind="create",
             answers=LedgerEntry | DryRun,
             summary="Book an entry; with `dry_run`, answer what it would do."),
        Verb(name="list", method="GET", path="/v1/ledger/entries", run=listed, params=ListParams, kind="list",
             summary="List entries, newest first, the product's own too."),
        Verb(name="retrieve", method="GET", path="/v1/ledger/entries/{entry}", run=retrieve, params=FindParams,
             kind="retrieve"),
        Verb(name="reverse", method="POST", path="/v1/ledger/entries/{entry}/reverse", run=reverse,
             params=ReverseParams, answers=LedgerEntry | DryRun, summary="Book the opposite of an entry, once."),
    ),
    errors=("ledger_ceiling_exceeded", "ledger_entry_not_reversible", "ledger_entry_unbalanced",
            "ledger_floor_exceeded", "ledger_period_closed", "ledger_reference_in_use"),
)  # fmt: skip
RESOURCE = ENTRY
