"""The simulated bank's counter: payment files that tests hand in, and what they look at afterwards."""

from __future__ import annotations

from datetime import UTC, date, datetime

import msgspec

from nostro.balances import calendar
from nostro.networks import nacha
from nostro.networks.bank.account import Account
from nostro.networks.bank.answer import Receipt
from nostro.networks.bank.bank import open_account, open_bank, take
from nostro.networks.bank.day import advance
from nostro.networks.bank.post import Letter
from nostro.networks.bank.state import Bank, Terms
from nostro.networks.statement import Statement

GOOD = "000123456789"
NUMBER, DAY = "9876543210", 86_400
MONDAY = int(datetime(2026, 11, 16, 15, tzinfo=UTC).timestamp())  # ten in the morning in New York
CLOSED = "000111111113"


def entry(n: int, name: str = "Jenny Rosen", **fields: object) -> nacha.Entry:
    values = {"code": 22, "routing_number": "110000000", "account_number": GOOD, "amount": 1000, "name": name,
              "trace_number": f"09100001{n:07}"}  # fmt: skip
    return nacha.Entry(**(values | fields))  # type: ignore[arg-type]


def ach(*entries: nacha.Entry, day: date = date(2026, 11, 16), modifier: str = "A") -> bytes:
    batch = nacha.Batch(entry_class="PPD", company_name="Acme", company_id="1234567890", description="PAYOUT",
                        effective_date=day, odfi="09100001", number=1, entries=entries)  # fmt: skip
    return nacha.build(nacha.File(destination="091000019", origin="1234567890", created=datetime(2026, 11, 16, 9),
                                  batches=(batch,), modifier=modifier))  # fmt: skip


def bank(balance: int = 1_000_000, **terms: object) -> Bank:
    made = open_bank(MONDAY, Terms(**terms))  # type: ignore[arg-type]
    open_account(made, calendar, Account(number=NUMBER, currency="usd"), balance)
    return made


def taken(made: Bank, content: bytes, name: str = "") -> Receipt:
    receipt, letters = take(made, calendar, content, name)
    (letter,) = [letter for letter in letters if letter.name.endswith("receipt.json")]
    assert msgspec.json.decode(letter.content, type=Receipt) == receipt
    return receipt


def days(made: Bank, count: int) -> tuple[list[Letter], list[Statement]]:
    out = list(advance(made, calendar, made.now + count * DAY))
    return [each for each in out if isinstance(each, Letter)], [each for each in out if isinstance(each, Statement)]


def addenda(letters: list[Letter], kind: str) -> list[tuple[str, str]]:
    """Code and original trace number of all returns (or changes) in the files."""
    files = [nacha.read(letter.content) for letter in letters if letter.name.endswith(f"{kind}.ach")]
    entries = [each for file in files for batch in file.batches for each in batch.entries]
    return [(each.addenda[0].code, each.addenda[0].original_trace) for each in entries]  # type: ignore[union-attr]
