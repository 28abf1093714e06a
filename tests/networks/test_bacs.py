"""Bacs files: laid out to the column, read back, and refused where their sums or labels are wrong."""

from datetime import date
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nostro.networks.bacs import standard18 as bacs
from nostro.networks.file_error import FileError

DAY, NEXT = date(2026, 11, 24), date(2026, 11, 25)
PAYEE = bacs.Account(sort_code="601613", number="31926819", name="JENNY ROSEN")
OURS = bacs.Account(sort_code="200000", number="55779911", name="ACME LTD")


def item(amount: int = 1050, **fields: Any) -> bacs.Item:
    values = {"code": "99", "account": PAYEE, "reference": "PAYOUT 1", "day": DAY}
    return bacs.Item(amount=amount, **(values | fields))


def file(*items: bacs.Item, **fields: Any) -> bacs.File:
    values = {"user": "123456", "name": "ACME LTD", "serial": "000007", "account": OURS,
              "created": date(2026, 11, 23), "expires": date(2026, 12, 7)}  # fmt: skip
    return bacs.File(**(values | fields), items=items)


FILES = [
    file(item()),
    file(item(1), item(2), item(3, code="17"), item(4, code="01"), number=12),
    file(item(1), item(2, day=NEXT), item(5, day=NEXT, code="18"), serial="ABC123"),
    file(item(0, code="0N"), item(0, code="0C"), item(700, code="19")),
]


@pytest.mark.parametrize("value", FILES)
def test_what_is_built_is_read_back(value: bacs.File) -> None:
    built = bacs.build(value)
    assert bacs.read(built) == value == bacs.read(built.replace(b"\r\n", b"\n") + b"\n")
    shorn = b"\n".join(line.rstrip() for line in built.splitlines())
    assert bacs.read(shorn) == value, "blanks at the end of a line may be gone"


def test_every_column_is_where_it_belongs() -> None:
    """Columns from the published record layouts, counted from 1."""
    vol, hdr1, hdr2, uhl, first, contra, eof1, eof2, utl = bacs.build(FILES[0]).decode().splitlines()
    assert {len(line) for line in (vol, hdr1, hdr2, uhl, eof1, eof2, utl)} == {80}
    assert (vol[:10], vol[41:47], vol[79]) == ("VOL1000007", "123456", "1")
    assert hdr1[:12] == "HDR1A123456S" and hdr1[15:35] == "12345600000700010001"
    assert (hdr1[41:47], hdr1[47:53], hdr1[53:60]) == (" 26327", " 26341", " 000000")
    assert (hdr2[:15], hdr2[50:52]) == ("HDR2F0200000100", "00")
    assert (uhl[:16], uhl[20:28], uhl[28:40]) == ("UHL1 26328999999", "00000000", "1 DAILY  001")
    assert (
        first == f"60161331926819099{'20000055779911'}    00000001050{'ACME LTD':18}{'PAYOUT 1':18}{'JENNY ROSEN':18}"
    )
    assert contra == f"20000055779911017{'20000055779911'}    00000001050{'ACME LTD':18}{'CONTRA':18}{'ACME LTD':18}"
    assert (eof1[:4], eof1[4:], eof2[:4], eof2[4:]) == ("EOF1", hdr1[4:], "EOF2", hdr2[4:])
    assert utl.rstrip() == "UTL1" + "0000000001050" * 2 + "0000001" * 2
    many = bacs.build(FILES[2]).decode().splitlines()
    assert many[2][:15] == "HDR2F0200000106" and many[3][28:37] == "4 MULTI  "
    assert [line[100:] for line in many[4:7]] == [" 26328", " 26329", " 26329"]


def test_names_are_written_in_the_characters_that_bacs_takes() -> None:
    account = bacs.Account(sort_code="601613", number="31926819", name="Jürgen & Söhne")
    (found,) = bacs.read(bacs.build(file(item(account=account, reference="no_1")))).items
    assert (found.account.name, found.reference) == ("JUERGEN & SOEHNE", "NO-1")


@pytest.mark.parametrize(
    ("line", "at", "text", "expected"),
    [
        (5, 36, b"00000001051", "a contra record for each day"),
        (5, 16, b"98", "a transaction code"),
        (5, 1, b"6016x3", "15 digits"),
        (5, 83, b"jenny", "capital letters"),
        (6, 1, b"200001", "on the originating account"),
        (6, 18, b"200001", "one name and account"),
        (1, 42, b"123457", "a service user number"),
        (4, 5, b" 26400", "a day"),
        (3, 11, b"00120", "100 or 106"),
        (7, 6, b"999999", "EOF1, which repeats HDR1"),
        (9, 5, b"0000000001051", "debits"),
        (9, 38, b"0000002", "count of credits"),
        (9, 1, b"UTL2", "UTL1"),
        (5, 47, b"\xff", "capital letters"),
    ],
)
def test_a_wrong_field_is_refused(line: int, at: int, text: bytes, expected: str) -> None:
    lines = bacs.build(FILES[0]).splitlines()
    lines[line - 1] = lines[line - 1][: at - 1] + text + lines[line - 1][at - 1 + len(text) :]
    with pytest.raises(FileError, match=expected):
        bacs.read(b"\r\n".join(lines))


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (item(0), "above zero"),
        (item(5, code="0N"), "zero in an instruction"),
        (item(code="98"), "a transaction code"),
        (item(reference="x" * 19), "at most 18"),
        (item(reference="CONTRA"), "other than CONTRA"),
        (item(account=bacs.Account(sort_code="60-16-13", number="31926819", name="A")), "6 digits"),
        (item(10**11), "not 100000000000"),
    ],
)
def test_what_has_no_place_is_not_built(value: bacs.Item, expected: str) -> None:
    with pytest.raises(FileError, match=expected):
        bacs.build(file(value))


words = st.text("ABZ09.&/- ", min_size=1, max_size=18).filter(lambda text: text == text.strip() and text != "CONTRA")


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["99", "01", "17", "18", "19"]), st.integers(1, 10**10), words,
                          st.sampled_from([DAY, NEXT])), min_size=1, max_size=8))  # fmt: skip
def test_any_file_is_read_back(drawn: list[tuple[str, int, str, date]]) -> None:
    items = [item(amount, code=code, reference=text, day=day) for code, amount, text, day in drawn]
    assert bacs.read(bacs.build(file(*items))) == file(*items)


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(FILES), st.integers(0, 10**6), st.binary(max_size=4), st.booleans())
def test_damage_is_refused_or_another_file(value: bacs.File, at: int, bytes_: bytes, cut: bool) -> None:
    built = bacs.build(value)
    at %= len(built)
    try:
        bacs.read(built[:at] if cut else built[:at] + bytes_ + built[at + 1 :])
    except FileError:
        return
