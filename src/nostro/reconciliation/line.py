"""Line: one booking of a bank's statement, as it was imported. It never changes; whose it is stands beside it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from nostro.kernel.clock import EPOCH
from nostro.kernel.errors import invalid, no_such
from nostro.kernel.resource import Params, Resource, Shape, Stored, Verb, Wire
from nostro.networks import statement
from nostro.storage.engine import Row
from nostro.storage.tx import Tx

from .account import ACCOUNT, SHIFT, Record, named, text_of
from .keys import key
from .statement import Record as Statement
from .statement import ids_of

COLUMNS = (
    "account,line,amount,booked,valued,day,key,reference,end_to_end,code,description,counterparty,"
    "counterparty_account,reversal,parts"
)
PUT = f"INSERT INTO bank_line ({COLUMNS}) VALUES ({','.join('?' * 15)})"
DROP = "DELETE FROM bank_line WHERE account=? AND line>? AND line<?"
COUNT = "SELECT count(*) FROM bank_line WHERE account=? AND line>? AND line<?"
_FIELDS = ", ".join(f"l.{name}" for name in COLUMNS.split(","))
SHOWN = (
    f"SELECT {_FIELDS}, o.owner FROM bank_line l "
    "LEFT JOIN bank_line_owner o ON o.account=l.account AND o.line=l.line WHERE l.account=?"
)
_ID = re.compile(r"bln_(\d{1,9})-(\d{1,9})-(\d{1,10})")
LONGEST = 1_000  # characters of a text that are kept


class BankLine(Struct, frozen=True):
    """A row of `bank_line`, in its order."""

    account: int
    line: int
    amount: int
    booked: int
    valued: int
    day: int
    key: int
    reference: str
    end_to_end: str
    code: str
    description: str
    counterparty: str
    counterparty_account: str
    reversal: int
    parts: str


def row_of(account: int, number: int, day: int, line: statement.Line) -> tuple[Any, ...]:
    """The row of a line that counts on `day` (days since 1970)."""
    return (
        account, number, line.amount, line.booked.toordinal() - EPOCH, line.valued.toordinal() - EPOCH, day,
        key(line.end_to_end) or key(line.reference), _kept(line.reference), _kept(line.end_to_end), _kept(line.code),
        _kept(line.description), _kept(line.counterparty), _kept(line.counterparty_account), int(line.reversal),
        msgspec.json.encode(line.parts).decode() if line.parts else "",
    )  # fmt: skip


def _kept(text: str) -> str:
    if len(text) > LONGEST:
        text = text[:LONGEST]
    return text if text.isprintable() else "".join(letter if letter.isprintable() else " " for letter in text)


def line_id(account: int, line: int) -> str:
    return f"bln_{account}-{line >> SHIFT}-{line & (1 << SHIFT) - 1}"


def numbers_of(id: str) -> tuple[int, int] | None:
    """The account's number and the line's."""
    found = _ID.fullmatch(id)
    return (int(found[1]), int(found[2]) << SHIFT | int(found[3])) if found else None


async def lines_of(tx: Tx, account: Record, ids: Sequence[str], param: str) -> list[int]:
    """The numbers of lines that the caller names. Raises for one that is not there."""
    numbers = []
    for n, id in enumerate(ids):
        found = numbers_of(id)
        if found is None or found[0] != account.number or not await one(tx, account, found[1]):
            raise no_such("bank line", id, f"{param}[{n}]")
        numbers.append(found[1])
    return numbers


async def one(tx: Tx, account: Record, line: int) -> Row | None:
    if line > account.last_line:
        return None
    rows = await tx.world.engine.rows(f"{SHOWN} AND l.line=?", (account.number, line))
    return rows[0] if rows else None


async def read(tx: Tx, account: Record, numbers: Sequence[int]) -> dict[int, BankLine]:
    found: dict[int, BankLine] = {}
    for start in range(0, len(numbers), 500):
        part = numbers[start : start + 500]
        rows = await tx.world.engine.rows(
            f"SELECT {COLUMNS} FROM bank_line WHERE account=? AND line IN ({','.join('?' * len(part))})",
            (account.number, *part),
        )
        found |= {row[1]: BankLine(*row) for row in rows}
    return found


# Over the API ---------------------------------------------------------------------------


class Line(Shape, frozen=True, kw_only=True):
    """`amount` is minor units, positive into the account. `booked_on` is the bank's day, `counts_on` the one whose
    balance it is in, later if that day was closed. `status` is "unmatched" until the next run."""

    id: str
    object: Literal["reconciliation.line"] = "reconciliation.line"
    account: str
    amount: int
    booked_on: str
    code: str | None
    counterparty: str | None
    counterparty_account: str | None
    counts_on: str
    currency: str
    description: str | None
    end_to_end: str | None
    livemode: bool
    match: str | None
    break_: str | None = msgspec.field(name="break")
    reference: str | None
    reversal: bool
    statement: str
    status: Literal["matched", "break", "unmatched"]
    valued_on: str


class ListParams(Params, frozen=True, kw_only=True):
    account: str | None = None
    ending_before: str | None = None
    limit: Annotated[int, Meta(ge=1, le=100)] = 10
    starting_after: str | None = None
    statement: str | None = None


class FindParams(Params, frozen=True, kw_only=True):
    line: str


async def retrieve(tx: Tx, params: FindParams) -> Line:
    found = numbers_of(params.line)
    account = None if found is None else await _numbered(tx, found[0])
    row = None if account is None or found is None else await one(tx, account, found[1])
    if account is None or row is None:
        raise no_such("bank line", params.line)
    return shown(account, row, await ids_of(tx, account.number, [row[1] >> SHIFT]))


async def _numbered(tx: Tx, number: int) -> Record | None:
    rows = await tx.world.engine.rows(
        "SELECT id FROM reconciled_account WHERE number=? AND scope=?", (number, tx.scope.number)
    )
    return await tx.find(ACCOUNT, rows[0][0]) if rows else None


async def listed(tx: Tx, params: ListParams) -> Wire:
    """The lines of a statement or of all of an account's, the last first."""
    if params.starting_after and params.ending_before:
        raise invalid("You may only specify one of these parameters: ending_before, starting_after.")
    if params.statement is not None:
        of = await tx.get(tx.registry.by_record[Statement], params.statement, "statement")
        account = await tx.get(ACCOUNT, of.account)
        low, high = of.place << SHIFT, (of.place + 1) << SHIFT
    elif params.account is not None:
        account = await named(tx, params.account)
        low, high = 0, account.last_line + 1
    else:
        raise invalid("Name an account or a statement, whose lines you want.", "account", "parameter_missing")
    backwards = params.ending_before is not None
    cursor = params.ending_before or params.starting_after
    if cursor is not None:
        found = numbers_of(cursor)
        if found is None or found[0] != account.number:
            raise no_such("bank line", cursor, "ending_before" if backwards else "starting_after")
        low, high = (max(low, found[1] + 1), high) if backwards else (low, min(high, found[1]))
    rows = await tx.world.engine.rows(
        f"{SHOWN} AND l.line>=? AND l.line<? ORDER BY l.line {'ASC' if backwards else 'DESC'} LIMIT ?",
        (account.number, low, high, params.limit + 1),
    )
    more, rows = len(rows) > params.limit, rows[: params.limit]
    statements = await ids_of(tx, account.number, [row[1] >> SHIFT for row in rows])
    data = [shown(account, row, statements) for row in (rows[::-1] if backwards else rows)]
    return {"object": "list", "data": data, "has_more": more, "url": "/v1/reconciliation/lines"}


def shown(account: Record, row: Row, statements: dict[int, str]) -> Line:
    line, owner = BankLine(*row[:15]), row[15]
    return Line(
        id=line_id(account.number, line.line), account=account.id, amount=line.amount, booked_on=text_of(line.booked),
        code=line.code or None, counterparty=line.counterparty or None,
        counterparty_account=line.counterparty_account or None, counts_on=text_of(line.day),
        currency=account.currency, description=line.description or None, end_to_end=line.end_to_end or None,
        livemode=account.livemode, match=f"bmt_{account.number}-{owner}" if owner and owner.isdecimal() else None,
        break_=owner if owner and not owner.isdecimal() else None,
        reference=line.reference or None, reversal=bool(line.reversal), statement=statements[line.line >> SHIFT],
        status="unmatched" if owner is None else "matched" if owner.isdecimal() else "break",
        valued_on=text_of(line.valued),
    )  # fmt: skip


LINE: Resource[Stored] = Resource(
    object="reconciliation.line",
    noun="bank line",
    prefix="bln",
    record=Stored,
    shape=Line,
    stored=False,
    doc="One booking of a bank's statement. Every one belongs to a match or to a break, never to both. "
    "Beyond Stripe's API.",
    verbs=(
        Verb(name="list", method="GET", path="/v1/reconciliation/lines", run=listed, params=ListParams,
             answers=list[Line], summary="List the lines of an account or of a statement, the last first."),
        Verb(name="retrieve", method="GET", path="/v1/reconciliation/lines/{line}", run=retrieve, params=FindParams,
             answers=Line),
    ),
)  # fmt: skip
RESOURCE = LINE
