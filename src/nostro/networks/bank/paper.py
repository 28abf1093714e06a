"""The simulated bank's statements as files: what a day's value says, in the formats that banks send.

`Line.code` holds the bank's own kind of booking until here; each format has its own codes for it.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from io import StringIO
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from nostro.networks import bai2, mt940_writing
from nostro.networks.iso20022 import camt_writing
from nostro.networks.iso20022.characters import latin
from nostro.networks.statement import Closing, Line, Opening, Statement

from .account import Account
from .answer import Named

# Characters that an MT940 has room for.
MOST_TEXT, MOST_NAME = 130, 54
BANK, FIELD_ENDS = "NOSTRO BANK", re.compile("[,/]")
# Statements, and the moment (seconds since 1970) at which they are written.
Writer = Callable[[Iterable[Statement], int], bytes]


class Codes(Struct, frozen=True):
    """`iso` is domain/family/sub-family of the ISO 20022 bank transaction codes, `swift` the type of an MT940 line,
    `gvc` what German banks say of it in three digits, `bai` the BAI2 type codes of a credit and of a debit."""

    iso: str
    swift: str
    gvc: str
    bai: tuple[str, str]


KINDS: Final[dict[str, Codes]] = {
    "credit_transfer": Codes("PMNT/ICDT/ESCT", "NTRF", "116", ("257", "466")),
    "credit_transfer_return": Codes("PMNT/ICDT/RRTN", "NRTI", "159", ("257", "557")),
    "direct_debit": Codes("PMNT/IDDT/ESDD", "NDDT", "171", ("166", "557")),
    "direct_debit_return": Codes("PMNT/IDDT/UPDD", "NRTI", "108", ("257", "557")),
    "transfer": Codes("PMNT/RCDT/ESCT", "NTRF", "166", ("165", "495")),
    "card_settlement": Codes("PMNT/MCRD/POSC", "NCLR", "168", ("169", "469")),
    "charge": Codes("PMNT/RDDT/ESDD", "NDDT", "105", ("399", "455")),
    "fee": Codes("ACMT/MDOP/CHRG", "NCHG", "808", ("398", "698")),
    "interest": Codes("ACMT/MCOP/INTR", "NINT", "814", ("354", "654")),
}
OTHER: Final = Codes("PMNT/NTAV/NTAV", "NMSC", "999", ("399", "699"))


def notice(account: Account, lines: Sequence[Line], now: int, number: int) -> Named:
    """What came back to an account this morning, each payment with its reason (camt.054)."""
    day = lines[0].booked
    statement = Statement(
        opening=Opening(account=account.number, currency=account.currency, number=f"N{number}", balance=None, date=day),
        lines=_coded(lines), closing=Closing(balance=None, date=day, lines=len(lines)),
    )  # fmt: skip
    content = camt_writing.build([statement], message=f"N{number}", created=_moment(now), kind="camt.054")
    return Named("returns.camt054.xml", content)


def letter(format: str, statement: Statement, now: int) -> Named:
    """A closed day's statement, as it is sent."""
    return Named(f"statement.{SUFFIXES[format]}", write(format, [statement], now))


def write(format: str, statements: Iterable[Statement], now: int) -> bytes:
    return WRITERS[format](statements, now)


def _camt(kind: camt_writing.Kind) -> Writer:
    def written(statements: Iterable[Statement], now: int) -> bytes:
        return camt_writing.build(_iso(statements), message=_message(now), created=_moment(now), kind=kind)

    return written


def _iso(statements: Iterable[Statement]) -> Iterator[Statement]:
    return (replace(each, lines=_coded(each.lines)) for each in statements)


def _coded(lines: Sequence[Line]) -> tuple[Line, ...]:
    return tuple(replace(line, code=_codes(line).iso, parts=_coded(line.parts)) for line in lines)


def _codes(line: Line) -> Codes:
    return KINDS.get(line.code, OTHER)


def _mt940(statements: Iterable[Statement], now: int) -> bytes:
    """What has no place in the six lines of a text is cut off, as banks do."""
    short = (replace(each, lines=tuple(map(_short, each.lines))) for each in statements)
    return mt940_writing.build(short, reference=f"NB{_moment(now):%y%m%d%H%M}")


def _short(line: Line) -> Line:
    codes = _codes(line)
    return replace(line, code=codes.swift, own_code=codes.gvc, description=latin(line.description)[:MOST_TEXT].strip(),
                   counterparty=latin(line.counterparty)[:MOST_NAME].strip(), instruction="")  # fmt: skip


def _message(now: int) -> str:
    return f"NB-{_moment(now):%Y%m%d%H%M%S}"


def _moment(now: int) -> datetime:
    return datetime.fromtimestamp(now, UTC)


def _bai2(statements: Iterable[Statement], now: int) -> bytes:
    """Of one number: the day's. Raises FileError for more."""
    made = [replace(each, lines=tuple(map(_plain, each.lines))) for each in statements]
    receiver = made[0].opening.account if made else ""
    return bai2.build(made, sender=BANK, receiver=receiver, created=_moment(now))


def _plain(line: Line) -> Line:
    """Commas and slashes end a field there."""
    credit, debit = _codes(line).bai
    return replace(line, code=credit if line.amount > 0 else debit, end_to_end=FIELD_ENDS.sub("-", line.end_to_end))


# Amounts in minor units, as everywhere in Nostro; `balance` is the one after the line.
COLUMNS: Final = (
    "account", "statement", "booked", "valued", "amount", "currency", "reference", "end_to_end", "code", "description",
    "counterparty", "counterparty_account", "batch", "return_reason", "balance",
)  # fmt: skip


def _csv(statements: Iterable[Statement], now: int) -> bytes:
    out = StringIO()
    rows = csv.writer(out)
    rows.writerow(COLUMNS)
    for each in statements:
        opening, balance = each.opening, each.opening.balance or 0
        for line in each.lines:
            balance += line.amount
            rows.writerow((opening.account, opening.number, line.booked, line.valued, line.amount, opening.currency,
                           line.reference, line.end_to_end, line.code, line.description, line.counterparty,
                           line.counterparty_account, line.batch, line.return_reason, balance))  # fmt: skip
    return out.getvalue().encode()


WRITERS: Final[dict[str, Writer]] = {
    "camt.052": _camt("camt.052"),
    "camt.053": _camt("camt.053"),
    "mt940": _mt940,
    "bai2": _bai2,
    "csv": _csv,
}
SUFFIXES: Final = {"camt.052": "camt052.xml", "camt.053": "camt053.xml", "mt940": "sta", "bai2": "bai", "csv": "csv"}
