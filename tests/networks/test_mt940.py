"""SWIFT statements: built and read back, read by another parser, and refused by the line where they are wrong."""

from datetime import date
from typing import Any

import mt940 as other
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nostro.networks import mt940, mt940_writing
from nostro.networks.file_error import FileError
from nostro.networks.statement import Closing, Line, Opening, Statement, whole

DAY = date(2026, 11, 20)


def line(amount: int = 1050, **fields: Any) -> Line:
    values = {"booked": DAY, "valued": DAY, "code": "NTRF", "reference": "BANK-1", "end_to_end": "E-1"}
    return Line(amount=amount, **(values | fields))


def statement(*lines: Line, number: str = "7", opening: int | None = 100_000, **fields: Any) -> Statement:
    closing = None if opening is None else opening + sum(each.amount for each in lines if not each.pending)
    currency, page = fields.pop("currency", "eur"), fields.pop("page", 0)
    return Statement(
        opening=Opening(
            account="10020030/1234567", currency=currency, number=number, balance=opening, date=DAY, page=page
        ),
        lines=lines,
        closing=Closing(balance=closing, date=DAY, lines=len(lines), **fields),
    )  # fmt: skip


def build(*statements: Statement, **fields: Any) -> bytes:
    return mt940_writing.build(statements, reference="REF-1", **fields)


def read(data: bytes) -> list[Statement]:
    return list(whole(mt940.read(data)))


FULL = line(
    own_code="166", description="invoice 7 of a rather long kind, which needs more than one part of the text",
    counterparty="Jenny Rosen of the Very Long Name", counterparty_account="FR1420041010050500013M02606",
    end_to_end="E-2-OF-MORE-THAN-16-CHARACTERS", instruction="I-1", mandate="MD-1",
)  # fmt: skip
SAMPLES = [
    [statement()],
    [statement(line(), line(-5), line(7, reversal=True), line(-7, reversal=True, reference="", end_to_end=""))],
    [statement(FULL, line(-995, own_code="109", return_reason="AC04", description="back"), available=5)],
    [statement(line(-9_000, instructed=10_000, instructed_currency="usd", charges=55))],
    [statement(line(valued=date(2025, 12, 31), booked=date(2026, 1, 2)), currency="jpy")],
    [statement(line(), number="1", page=1, is_last=False), statement(line(), opening=101_050, number="1", page=2)],
    [statement(line(), line(-1), opening=None)],
    [statement(line(description="y" * 200))],
]


@pytest.mark.parametrize("value", SAMPLES)
@pytest.mark.parametrize("envelope", ["", "COBADEFF"])
def test_what_is_built_is_read_back(value: list[Statement], envelope: str) -> None:
    built = build(*value, envelope=envelope)
    assert read(built) == value == read(built.replace(b"\r\n", b"\n"))


def test_another_parser_reads_the_same() -> None:
    (ours,) = SAMPLES[2]
    theirs = other.parse(build(ours).decode(), options=other.Options(applicant_iban=True))
    assert theirs.data["final_opening_balance"].amount.amount * 100 == ours.opening.balance
    assert theirs.data["final_closing_balance"].amount.amount * 100 == ours.closing.balance
    found = [each.data for each in theirs.transactions]
    assert [int(each["amount"].amount * 100) for each in found] == [each.amount for each in ours.lines]
    assert found[0]["applicant_name"] == FULL.counterparty and found[0]["applicant_iban"] == FULL.counterparty_account
    assert found[0]["end_to_end_reference"].strip() == FULL.end_to_end
    assert found[0]["bank_reference"] == FULL.reference and found[0]["id"] == "NTRF"


def test_named_parts_are_read() -> None:
    text = (
        b":86:/TRTP/SEPA OVERBOEKING/IBAN/NL91ABNA0417164300/BIC/ABNANL2A\r\n"
        b"/NAME/Jenny Rosen/REMI/invoice 7/EREF/E-9/RTRN/AC04\r\n"
    )
    built = build(statement(line(end_to_end="")))
    (found,) = read(built.replace(b":62F:", text + b":62F:"))[0].lines
    assert (found.counterparty, found.counterparty_account) == ("Jenny Rosen", "NL91ABNA0417164300")
    assert (found.end_to_end, found.description, found.return_reason) == ("E-9", "invoice 7", "AC04")


def test_what_a_bank_writes_beside_is_not_in_the_way() -> None:
    built = build(statement(line(description="text")))
    more = built.replace(b"-\r\n", b":65:C261122EUR1,00\r\n:86:closing words\r\n-\r\n").replace(
        b":25:", b":21:NONREF\r\n:25:"
    )
    assert read(more) == read(built)
    latin1 = built.replace(b":86:text", ":86:Müller".encode("latin-1"))
    assert read(latin1)[0].lines[0].description == "Müller"
    assert read(b"\xef\xbb\xbf" + built) == read(built)


def test_what_a_bank_writes_is_read() -> None:
    text = b"""\r
:20:STARTUMSE\r
:25:37040044/0532013000\r
:28C:00352/001\r
:60F:C261119EUR112,72\r
:61:2611231120CR60,NDDTE-1//2026112000001\r
:86:192?00LASTSCHRIFT?109310?20EREF+E-1?21MREF+MD-1?22SVWZ+Rechnung 7 und noch e\r
?23twas?30BNPAFRPPXXX?31FR1420041010050500013M02606?32Jenny?33 Rosen?34000\r
:61:261120DR63,00NRTINONREF\r
/OCMT/EUR60,00/CHGS/EUR3,00/\r
:86:109?00RUECKLASTSCHRIFT?20EREF+NOTPROVIDED?21SVWZ+zurueck Rueckgabegrund:?22 MD06\r
:62F:C261120EUR109,72\r
-\r
"""
    (found,) = read(text)
    first, second = found.lines
    assert (first.booked, first.valued, first.amount) == (DAY, date(2026, 11, 23), 6_000)
    assert (first.end_to_end, first.mandate, first.own_code) == ("E-1", "MD-1", "192")
    assert (first.description, first.counterparty) == ("Rechnung 7 und noch etwas", "Jenny Rosen")
    assert (second.amount, second.charges, second.return_reason, second.description) == (-6_300, 300, "MD06", "zurueck")


@pytest.mark.parametrize(
    ("was", "now", "at", "expected"),
    [
        (b"62F:C261120EUR1010,50", b"62F:C261120EUR1010,51", 6, "101050 in minor units"),
        (b"62F:C261120EUR", b"62F:C261120USD", 6, "EUR, not USD"),
        (b":61:2611201120C10,50", b":61:2602301120C10,50", 5, "a date, YYMMDD"),
        (b":61:2611201120C10,50", b":61:2611200230C10,50", 5, "a date, MMDD"),
        (b":61:2611201120C10,50", b":61:2611201120C10.50", 5, "a line: YYMMDD"),
        (b":61:2611201120C10,50", b":61:2611201120C10,501", 5, "2 decimals"),
        (b":61:2611201120C10,50", b":61:2611201120C-10,50", 5, "a line: YYMMDD"),
        (b":61:", b":99:", 5, "the fields of a statement"),
        (b":60F:", b":61X:", 4, "the fields of a statement"),
        (b":28C:7\r\n", b"", 3, "a number"),
        (b"E-1//", b"E-\x00/", 5, "a printable character"),
        (b":62F:C261120EUR1010,50\r\n", b"", 6, "one that closes"),
        (b":20:", b"20:", 1, "a field, :NN:"),
    ],
)
def test_what_is_wrong_is_refused_by_its_line(was: bytes, now: bytes, at: int, expected: str) -> None:
    built = build(statement(line()))
    assert was in built
    with pytest.raises(FileError, match=expected) as caught:
        read(built.replace(was, now))
    assert caught.value.line == at


def test_pages_and_statements_follow_each_other() -> None:
    first, second = SAMPLES[5]
    with pytest.raises(FileError, match="as the one before it ended"):
        read(build(first, statement(line(), opening=5, number="1", page=2)))
    with pytest.raises(FileError, match="in the file once"):
        read(build(first) + build(first))
    assert len(read(build(first) + build(second))) == 2
    with pytest.raises(FileError, match="in the file once"):
        build(first, first)


def test_counts_and_sums_within_the_day_are_compared() -> None:
    built = build(statement(line(), opening=None))
    with pytest.raises(FileError, match="the count and sum of the lines"):
        read(built.replace(b":90C:1EUR10,50", b":90C:2EUR10,50"))


def test_an_envelope_ends() -> None:
    built = build(statement(line()), envelope="COBADEFF")
    for damaged in (built.replace(b"-}", b"-"), built.replace(b"-}\r\n", b""), built.replace(b"{4:", b"{5:")):
        with pytest.raises(FileError):
            read(damaged)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (line(code="PMNT/RCDT/ESCT"), "a code of a letter"),
        (line(parts=(line(),)), "without parts"),
        (line(reference="x" * 17), "at most 16"),
        (line(amount=10**14), "at most 15 characters"),
        (line(own_code="166", counterparty="x" * 55), "54 characters"),
        (line(description="x" * 400), "390 characters"),
    ],
)
def test_what_has_no_place_is_not_built(value: Line, expected: str) -> None:
    with pytest.raises(FileError, match=expected):
        build(statement(value))


words = st.text("ABCxyz012(),'+. ", max_size=60).map(lambda text: " ".join(text.split()))


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_any_statement_is_read_back(data: st.DataObject) -> None:
    ids = st.text("AB01-.", max_size=16).map(lambda text: text.strip("."))
    lines = data.draw(st.lists(st.builds(
        line, st.integers(-(10**10), 10**10), description=words, counterparty=words.filter(lambda text: len(text) < 55),
        end_to_end=ids, reference=ids, own_code=st.sampled_from(["", "166"]), mandate=st.just(""),
    ), max_size=5))  # fmt: skip
    lines = [each if each.own_code else line(each.amount, description=each.description) for each in lines]
    value = [statement(*lines, currency=data.draw(st.sampled_from(["eur", "jpy", "kwd"])))]
    assert read(build(*value)) == value


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(SAMPLES), st.integers(0, 10**6), st.binary(max_size=4), st.booleans())
def test_damage_is_refused_or_another_statement(value: list[Statement], at: int, bytes_: bytes, cut: bool) -> None:
    built = build(*value)
    at %= len(built)
    try:
        read(built[:at] if cut else built[:at] + bytes_ + built[at + 1 :])
    except FileError:
        return
