"""Adding lines to bulk payouts: many in one request, a line each; one line of JSON is answered for each.

Each merchant's lines of a request are one unit: the rows, the entry and the record together, or nothing. A line whose
reference is there already changes nothing, so a stream can be sent again after an interruption, in whatever parts.
If the balance does not cover all, the lines that it covers are taken, in their order.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from nostro.connect import standing
from nostro.connect.originating_account import Record as Account
from nostro.connect.originating_account import next_cut_off, originating
from nostro.events.work import perform
from nostro.kernel.errors import ApiError, Refused, invalid, no_access, refused
from nostro.kernel.resource import Download, Params, Resource, Shape, Verb, Wire
from nostro.ledger import chart
from nostro.ledger.bulk_results import as_line, refusal
from nostro.ledger.reference import keep, known
from nostro.storage.scope import account_scope
from nostro.storage.tx import Tx
from nostro.storage.unit import Scope
from nostro.storage.world import World

from .bank_file import expect_build
from .bulk_payout import BULK_PAYOUT, Record, add
from .bulk_rows import Read, Row, checked, read
from .instruction import PUT, Receiver, encoded

FAMILY = "bulk_payout"
MOST_LINES = 50_000
AT_ONCE = 32  # merchants whose units are built side by side
ATTEMPTS = 20
SOME = 500
YIELD = 2_000  # lines that are checked between two turns for other requests


class AddParams(Params, frozen=True, kw_only=True):
    """The lines are the request's body, and its content type says the format: application/x-ndjson or text/csv."""

    lines: str
    reference: Annotated[str, Meta(min_length=1, max_length=200)]
    dry_run: bool = False
    format: Literal["ndjson", "csv"] = "ndjson"


class LineResult(Shape, frozen=True, kw_only=True):
    """What came of one line. `existing` was there before; `valid` is the answer of a dry run."""

    line: int
    status: Literal["created", "existing", "refused", "valid"]
    bulk_payout: str | None = None
    error: dict[str, Any] | None = None
    reference: str | None = None


class Wanted(Struct):
    """A line that may be booked."""

    number: int
    row: Row
    receiver: Receiver
    account: Account


Told = dict[int, Wire]
Groups = dict[tuple[Scope, str], list[Wanted]]


async def bulk(world: World, scope: Scope, params: AddParams) -> Download:
    if scope.connected:
        raise invalid("Bulk payouts are sent by the platform: name the account in the column merchant.")
    if "\0" in params.lines:
        raise invalid("Invalid NUL byte in the lines.", "lines")
    if params.lines.count("\n") > MOST_LINES:
        raise invalid(f"Send up to {MOST_LINES} lines at once.", "lines")
    lines = read(params.lines, params.format)
    if not lines:
        raise invalid("There are no lines.", "lines", "parameter_missing")
    told: Told = {}
    groups = await _sorted_out(world, scope, lines, told)
    if params.dry_run:
        for wanted in (one for group in groups.values() for one in group):
            told[wanted.number] = {"line": wanted.number, "status": "valid", "reference": wanted.row.reference}
    else:
        await _book_all(world, params.reference, groups, told)
    body = "".join(as_line(told[number]) for number, _ in lines)
    return Download(body.encode(), "application/x-ndjson", "results.ndjson")


async def _sorted_out(world: World, scope: Scope, lines: Sequence[Read], told: Told) -> Groups:
    """The good lines by merchant and currency, in their order; what is wrong with the others is told."""
    accounts: dict[str, Account | None] = {}
    scopes: dict[str, Scope | None] = {"": scope}
    groups: Groups = {}
    for n, (number, row) in enumerate(lines):
        if n % YIELD == 0:
            await asyncio.sleep(0)
        try:
            if isinstance(row, ApiError):
                raise row
            currency = row.currency.lower()
            if currency not in accounts:
                accounts[currency] = await originating(Tx(world, scope), currency)
            if row.merchant not in scopes:
                scopes[row.merchant] = await account_scope(world, scope, row.merchant)
            account, of = accounts[currency], scopes[row.merchant]
            receiver = checked(row, account)
            if of is None:
                raise no_access(row.merchant)
            assert account is not None, "a line that no account carries was let through"
            groups.setdefault((of, currency), []).append(Wanted(number, row, receiver, account))
        except ApiError as error:
            told[number] = refusal(number, error)
    return groups


async def _book_all(world: World, reference: str, groups: Groups, told: Told) -> None:
    parts = list(groups.items())
    for start in range(0, len(parts), AT_ONCE):
        some = parts[start : start + AT_ONCE]
        await asyncio.gather(
            *(_book(world, scope, f"{currency}:{reference}", group, told) for (scope, currency), group in some)
        )


async def _book(world: World, scope: Scope, name: str, group: list[Wanted], told: Told) -> None:
    """One merchant's lines as one unit. If the balance is short, what it covers."""
    short: Refused | None = None

    async def run(tx: Tx) -> Told:
        currency = name.partition(":")[0]
        room = None if short is None else -await tx.balance(chart.available(scope.merchant), currency)
        return await _unit(tx, name, group, room, short)

    for _ in range(ATTEMPTS):
        try:
            told |= await perform(world, scope, run)
            return
        except Refused as error:
            short = error
        except ApiError as error:
            _refuse(group, error, told)
            return
    assert short is not None
    _refuse(group, refused(short), told)


def _refuse(group: Sequence[Wanted], error: ApiError, told: Told) -> None:
    for wanted in group:
        told[wanted.number] = refusal(wanted.number, error)


async def _unit(tx: Tx, name: str, group: Sequence[Wanted], room: int | None, short: Refused | None) -> Told:
    await standing.check_payouts(tx)
    currency, _, reference = name.partition(":")
    id = await known(tx, FAMILY, name, name)
    found: Record | None = None if id is None else await tx.get(BULK_PAYOUT, id)
    there = {} if found is None else await _there(tx, found.id, group)
    told: Told = {}
    new: list[Wanted] = []
    said: dict[str, tuple[int, str]] = {}
    for wanted in group:
        key, content = wanted.row.reference, (wanted.row.amount, encoded(wanted.receiver))
        before = there.get(key) or said.get(key)
        if before == content:
            told[wanted.number] = {"line": wanted.number, "status": "existing", "reference": key}
        elif before is not None:
            told[wanted.number] = refusal(wanted.number, _taken(key))
        elif room is not None and wanted.row.amount > room:
            assert short is not None
            told[wanted.number] = refusal(wanted.number, refused(short))
        else:
            room = None if room is None else room - wanted.row.amount
            said[key] = content
            new.append(wanted)
    made = _put(tx, found, name, reference, currency, new) if new else found
    for wanted in new:
        told[wanted.number] = {"line": wanted.number, "status": "created", "reference": wanted.row.reference}
    for wire in told.values():
        if made is not None and wire["status"] in ("created", "existing"):
            wire["bulk_payout"] = made.id
    return told


def _put(tx: Tx, found: Record | None, name: str, reference: str, currency: str, new: Sequence[Wanted]) -> Record:
    account = new[0].account
    due, _ = next_cut_off(account, tx.now)
    made = add(tx, found, reference, currency, [wanted.row.amount for wanted in new])
    if found is None:
        keep(tx, FAMILY, name, made.id, name)
    book, scope = tx.scope.book, tx.scope.number
    for wanted in new:
        row = wanted.row
        tx.write_row(
            PUT, (book, made.id, row.reference, scope, account.id, due, 0, row.amount, encoded(wanted.receiver))
        )
    expect_build(tx, account, due)
    return made


async def _there(tx: Tx, id: str, group: Sequence[Wanted]) -> dict[str, tuple[int, str]]:
    """Which of the references are lines already, with what they say."""
    found: dict[str, tuple[int, str]] = {}
    for start in range(0, len(group), SOME):
        names = [wanted.row.reference for wanted in group[start : start + SOME]]
        rows = await tx.world.engine.rows(
            "SELECT reference, amount, receiver FROM payment_instruction WHERE book=? AND source=? AND reference IN "
            f"({','.join('?' * len(names))})", (tx.scope.book, id, *names),
        )  # fmt: skip
        found |= {reference: (amount, receiver) for reference, amount, receiver in rows}
    return found


def _taken(reference: str) -> ApiError:
    return invalid(f"The reference '{reference[:60]}' belongs to a line that says something else.", "reference",
                   "ledger_reference_in_use")  # fmt: skip


BULK: Resource[Any] = Resource(
    object="bulk_payout.lines",
    prefix="bpol",
    record=LineResult,
    shape=LineResult,
    stored=False,
    doc="Lines for bulk payouts: newline-delimited JSON or CSV in, one line of JSON out for each. Beyond Stripe's API.",
    verbs=(
        Verb(name="create", method="POST", path="/v1/bulk_payouts", run=bulk, params=AddParams, kind="system",
             answers=Download, body="lines",
             summary="Pay out a stream of lines under the `reference` in the query; `dry_run` only checks them."),
    ),
    errors=("balance_insufficient", "ledger_reference_in_use", "payouts_not_allowed"),
)  # fmt: skip
RESOURCE = BULK
