"""Statements: what is built is read by us and by a strict reader of the published schemas; what is wrong is refused."""

from datetime import date, datetime
from typing import Any

import pytest

from iso20022_schema import follows_schema
from nostro.networks.iso20022 import camt, camt_writing
from nostro.networks.statement import Closing, Line, Opening, Statement, whole

DAY = date(2026, 11, 20)


def line(amount: int = 1050, **fields: Any) -> Line:
    values = {"booked": DAY, "valued": DAY, "code": "PMNT/RCDT/ESCT", "reference": "BANK-1"}
    return Line(amount=amount, **(values | fields))


def statement(*lines: Line, number: str = "S-1", opening: int | None = 100_000, **fields: Any) -> Statement:
    total = sum(each.amount for each in lines if not each.pending)
    closing = None if opening is None else opening + total
    account = fields.pop("account", "DE89370400440532013000")
    currency, page = fields.pop("currency", "eur"), fields.pop("page", 0)
    return Statement(
        opening=Opening(account=account, currency=currency, number=number, balance=opening, date=DAY, page=page),
        lines=lines,
        closing=Closing(balance=closing, date=DAY, lines=len(lines), **fields),
    )


def build(*statements: Statement, **fields: Any) -> bytes:
    return camt_writing.build(statements, message="M-1", created=datetime(2026, 11, 21, 6, 0), **fields)


def read(data: bytes) -> list[Statement]:
    return list(whole(camt.read(data)))


PAYMENT = line(
    description="invoice 7", counterparty="Jenny Rosen", counterparty_account="FR1420041010050500013M02606",
    end_to_end="E-1", message="M-7", batch="B-7", instruction="I-1", creditor_reference="RF18539007547034",
    own_code="NTRF+166", mandate="MD-1",
)  # fmt: skip
RETURN = line(995, reversal=True, return_reason="AC04", counterparty="Jenny", counterparty_account="000123", charges=55)
BATCH = line(-300, code="PMNT/ICDT/ESCT", message="M-8", batch="B-8", description="two payouts", parts=(
    line(-100, code="", reference="", end_to_end="E-2", counterparty="A"), line(-200, reference="BANK-2", code=""),
))  # fmt: skip
FOREIGN = line(-9_000, instructed=10_000, instructed_currency="usd", rate="0.9", description="x" * 200)
FEE = line(-500, code="", own_code="CHRG", reference="")
SAMPLES = [
    [statement()],
    [statement(PAYMENT, RETURN, BATCH, FOREIGN, FEE, line(7, pending=True), available=90_000)],
    [statement(line(), currency="jpy", account="000123456789"), statement(line(-200_000), number="S-2")],
    [statement(line(), page=1, is_last=False)],
    [statement(line(), page=2)],
    [statement(line(), page=2, is_last=False)],
]


@pytest.mark.parametrize("value", SAMPLES)
@pytest.mark.parametrize("version", ["02", "08"])
@pytest.mark.parametrize("kind", ["camt.052", "camt.053"])
def test_what_is_built_is_read_back(value: list[Statement], version: str, kind: str) -> None:
    built = build(*value, version=version, kind=kind)
    follows_schema(built)
    assert read(built) == value
