"""BAI2: built and read back, read and built by another program, and refused by the line where it is wrong."""

import io
from datetime import date, datetime
from time import process_time
from typing import Any

import pytest
from bai2 import bai2 as other
from hypothesis import given, settings
from hypothesis import strategies as st

from nostro.networks import bai2
from nostro.networks.file_error import FileError
from nostro.networks.statement import Closing, Line, Opening, Statement, whole

DAY = date(2026, 11, 20)


def line(amount: int = 1050, **fields: Any) -> Line:
    values = {"booked": DAY, "valued": DAY, "code": "165" if amount > 0 else "455", "reference": "BANK-1"}
    return Line(amount=amount, **(values | fields))


def statement(*lines: Line, account: str = "000123", opening: int | None = 100_000, **fields: Any) -> Statement:
    day, currency = fields.pop("day", DAY), fields.pop("currency", "usd")
    closing = None if opening is None else opening + sum(each.amount for each in lines)
    return Statement(
        opening=Opening(account=account, currency=currency, number="7", balance=opening, date=day),
        lines=lines,
        closing=Closing(balance=closing, date=day, lines=len(lines), **fields),
    )


def build(*statements: Statement, **fields: Any) -> bytes:
    return bai2.build(
        statements, sender="122099999", receiver="123456789", created=datetime(2026, 11, 21, 6, 0), **fields
    )


def read(data: bytes) -> list[Statement]:
    return list(whole(bai2.read(data)))


LONG = line(description="a text that is rather long, with a comma, and does not fit in one record " * 3 + "end")
NEXT = date(2026, 11, 23)
SAMPLES = [
    [statement()],
    [statement(line(), line(-300, valued=NEXT, end_to_end="E-2"), LONG, available=5)],
    [statement(line(), opening=None), statement(line(-5), account="000124", opening=-7)],
    [
        statement(line(), currency="jpy"),
        statement(account="2"),
        statement(line(-1, booked=NEXT, valued=NEXT), day=NEXT),
    ],
]


@pytest.mark.parametrize("value", SAMPLES)
@pytest.mark.parametrize("width", [80, 4000])
def test_what_is_built_is_read_back(value: list[Statement], width: int) -> None:
    built = build(*value, width=width)
    found = read(built)
    assert sorted(found, key=str) == sorted(value, key=str)
    assert read(built.replace(b"\n", b"   \r\n") + b"\n\n") == found


@pytest.mark.parametrize("value", SAMPLES)
def test_another_program_reads_and_writes_the_same(value: list[Statement]) -> None:
    theirs = other.parse_from_string(build(*value).decode(), check_integrity=True)
    found = {
        account.header.customer_account_number: [(each.type_code.code, each.amount) for each in account.children]
        for group in theirs.children for account in group.children
    }  # fmt: skip
    if len(value) < 3:
        assert found == {each.opening.account: [(item.code, abs(item.amount)) for item in each.lines] for each in value}
    if value[0].opening.balance is None:
        return  # its writer wants an amount in every summary
    again = read(other.write(theirs).encode())
    assert [each.closing for each in again] == [each.closing for each in read(build(*value))]


def test_other_ways_to_write_a_record_are_read() -> None:
    text = b"""01,A,B,261121,0600,7,80,,2/
02,B,A,1,261120,2400,EUR,2/
03,123,,010,+1000,,,015,3500,,/
88,100,3000,2,V,261121,1200,400,500,1,D,2,0,200,1,300/
16,115,1000,S,500,300,200,BANK,CUST,lockbox/
16,475,500,0,CHECK/
16,195,2000,D,2,0,500,1,1500,WIRE/
88,E-1,first
88,second, with a comma
16,890,,,,,not money/
49,11500,9/
98,11500,1,11/
99,11500,1,13/
"""
    (found,) = read(text)
    assert [(each.amount, each.reference, each.description) for each in found.lines] == [
        (1000, "BANK", "lockbox"),
        (-500, "CHECK", ""),
        (2000, "WIRE", "first second, with a comma"),
    ]
    assert found.lines[2].end_to_end == "E-1" and found.opening.currency == "eur"


@pytest.mark.parametrize(
    ("was", "now", "at", "expected"),
    [
        (b"16,165,1050", b"16,165,1051", 6, "a closing balance of 100551"),
        (b"49,202100", b"49,202301", 6, "a control total of 202100"),
        (b"49,202100,4", b"49,202100,3", 6, "4 records, not 3"),
        (b"98,202100,1", b"98,202100,2", 7, "1, as many as there are"),
        (b"99,202100,1,8/", b"99,202100,1,9/", 8, "8 records"),
        (b"99,202100,1,8/\n", b"", 7, "record 99, not the end"),
        (b"99,202100,1,8/\n", b"99,202100,1,8/\n01,A/\n", 9, "the end of the file"),
        (b"16,165,", b"16,999,", 6, "a closing balance"),
        (b"16,165,", b"16,720,", 4, "the type code of a credit or debit"),
        (b"16,165,1050", b"16,165,10.50", 4, "the type code of a credit or debit and an amount"),
        (b"1050,Z,", b"1050,Q,", 4, "a funds type"),
        (b",1,261120,", b",2,261120,", 2, "an update"),
        (b",1,261120,", b",1,261131,", 2, "a date"),
        (b",USD,2/", b",XXQ,2/", 2, "a currency"),
        (b"BANK-1", b"BANK\x00", 4, "a printable character"),
        (b"16,", b"16;", 4, "two digits and a comma"),
    ],
)
def test_what_is_wrong_is_refused_by_its_line(was: bytes, now: bytes, at: int, expected: str) -> None:
    built = build(statement(line(), line(-500, code="455", description="")), width=4000)
    assert was in built, built.decode()
    with pytest.raises(FileError, match=expected) as caught:
        read(built.replace(was, now, 1))
    assert caught.value.line == at


def test_an_account_is_in_a_file_once_a_day() -> None:
    with pytest.raises(FileError, match="once a day"):
        build(statement(), statement())
    built = build(statement(account="000123"), statement(account="000124")).replace(b"000124", b"000123")
    with pytest.raises(FileError, match="once a day"):
        read(built)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (line(code="455"), "goes the way"),
        (line(code="PMNT/RCDT"), "type code"),
        (line(reference="a,b"), "without commas"),
        (line(parts=(line(),)), "without parts"),
        (line(booked=NEXT), "booked on the statement's day"),
    ],
)
def test_what_has_no_place_is_not_built(value: Line, expected: str) -> None:
    with pytest.raises(FileError, match=expected):
        build(statement(value))


words = st.text("ABCxyz012()':+. ,", max_size=300).map(lambda text: " ".join(text.split()))
ids = st.text("AB01-. ", max_size=20).map(str.strip)


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_any_file_is_read_back(data: st.DataObject) -> None:
    lines = data.draw(st.lists(st.builds(
        line, st.integers(-(10**15), 10**15).filter(bool), description=words, reference=ids, end_to_end=ids,
    ), max_size=5))  # fmt: skip
    value = [statement(*lines, currency=data.draw(st.sampled_from(["eur", "jpy", "kwd"])))]
    assert read(build(*value)) == value


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(SAMPLES), st.integers(0, 10**6), st.binary(max_size=4), st.booleans())
def test_damage_is_refused_or_another_file(value: list[Statement], at: int, bytes_: bytes, cut: bool) -> None:
    built = build(*value)
    at %= len(built)
    try:
        read(built[:at] if cut else built[:at] + bytes_ + built[at + 1 :])
    except FileError:
        return


def test_a_line_without_an_end_is_not_taken_into_memory() -> None:
    class Endless(io.RawIOBase):
        taken = 0

        def readline(self, size: int | None = -1, /) -> bytes:
            assert size is not None and 0 < size < 10_000
            self.taken += size
            return b"1" * size

    endless = Endless()
    with pytest.raises(FileError, match="a line of at most"):
        list(bai2.read(endless))  # type: ignore[arg-type]
    assert endless.taken < 10_000


def test_a_record_that_is_continued_without_end_is_refused_soon() -> None:
    head = build(statement(line())).split(b"49,")[0].rstrip()
    started = process_time()
    with pytest.raises(FileError, match="a record of at most"):
        read(head + b"\n" + b"88,,,\n" * 100_000)
    assert process_time() - started < 1
