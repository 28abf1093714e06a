"""ACH files: what is built is read back, agrees with another builder, and what is wrong is refused by line."""

import io
from datetime import date, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nostro.networks import nacha
from nostro.networks.ach_codes import CHANGES, CONTESTED, DISHONORED, RETURNS
from nostro.networks.file_error import FileError


def entry(n: int = 1, **fields: object) -> nacha.Entry:
    values = {"code": 22, "routing_number": "021000021", "account_number": "123456789", "amount": 1050,
              "name": "Jenny Rosen", "trace_number": f"09100001{n:07}"}  # fmt: skip
    return nacha.Entry(**(values | fields))  # type: ignore[arg-type]


def file(*entries: nacha.Entry, **fields: object) -> nacha.File:
    values = {"entry_class": "PPD", "company_name": "Acme", "company_id": "1234567890", "description": "PAYOUT",
              "effective_date": date(2026, 11, 24), "odfi": "09100001", "number": 1, "entries": entries}  # fmt: skip
    batch = nacha.Batch(**(values | fields))  # type: ignore[arg-type]
    return nacha.File(
        destination="091000019", origin="1234567890", created=datetime(2026, 11, 23, 9, 30), batches=(batch,)
    )


def returned(addenda: nacha.Return | nacha.Change) -> nacha.Entry:
    amount = 1050 if isinstance(addenda, nacha.Return) else 0
    return entry(code=21, amount=amount, addenda=(addenda,))


RETURN = nacha.Return(code="R01", original_trace="091000010000001", original_rdfi="02100002", text="funds")
CHANGE = nacha.Change(code="C01", original_trace="091000010000001", original_rdfi="02100002", corrected_data="42")
FILES = [
    file(entry(1), entry(2, code=27, amount=5)),
    file(entry(1, addenda=(nacha.Addenda(text="invoice 1"), nacha.Addenda(text="invoice 2"))), entry_class="CCD"),
    file(entry(1, code=37, discretionary="S"), entry_class="WEB"),
    file(entry(1, code=23, amount=0)),
    file(returned(RETURN)),
    file(returned(CHANGE), entry_class="COR"),
]


@pytest.mark.parametrize("value", FILES)
def test_what_is_built_is_read_back(value: nacha.File) -> None:
    built = nacha.build(value)
    assert nacha.read(built) == value == nacha.read(built.replace(b"\n", b"\r\n"))
    lines = built.splitlines()
    assert len(lines) % 10 == 0 and {len(line) for line in lines} == {94}


def test_the_records_are_those_of_another_builder() -> None:
    from ach.builder import AchFile

    other = AchFile("A", {
        "immediate_dest": "091000019", "immediate_org": "1234567890", "immediate_dest_name": "BANK",
        "immediate_org_name": "ACME", "company_id": "1234567890",
    })  # fmt: skip
    people = [{"type": "22", "routing_number": "021000021", "account_number": "123456789", "amount": "10.50",
               "name": "Jenny Rosen"}]  # fmt: skip
    other.add_batch("PPD", people, credits=True, debits=False, eff_ent_date=datetime(2026, 11, 24))
    theirs = other.render_to_string().splitlines()
    value = file(entry(1))
    ours = nacha.build(value).decode().splitlines()
    assert [line[0] for line in theirs] == [line[0] for line in ours]
    assert theirs[2][:39] == ours[2][:39], "code, routing number, account number and amount"
    assert theirs[3][4:44] == ours[3][4:44] and theirs[4][:55] == ours[4][:55], "counts, hashes and sums"


def test_another_parser_reads_the_same() -> None:
    from ach.parser import Parser

    (batch,) = Parser(nacha.build(FILES[0]).decode()).as_dict()["batches"]
    found = [line["entry_detail"] for line in batch["entries"]]
    assert [(int(e["transaction_code"]), int(e["amount"]), e["trace_num"]) for e in found] == [
        (e.code, e.amount, e.trace_number) for e in FILES[0].batches[0].entries
    ]
    assert batch["batch_header"]["eff_ent_date"] == "261124" and batch["batch_control"]["credit_amount"][-4:] == "1050"


@pytest.mark.parametrize(
    ("line", "at", "text", "expected"),
    [
        (3, 30, b"0000001051", "debits|credits"),
        (4, 11, b"0000000001", "hash"),
        (5, 8, b"000009", "blocks"),
        (3, 12, b"9", "check digit"),
        (3, 55, b"\xff", "printable ASCII"),
        (2, 51, b"XYZ", "PPD"),
        (2, 70, b"261399", "a date"),
        (6, 94, b"8", "nines"),
    ],
)
def test_a_wrong_field_is_refused(line: int, at: int, text: bytes, expected: str) -> None:
    lines = nacha.build(file(entry(1))).splitlines()
    lines[line - 1] = lines[line - 1][: at - 1] + text + lines[line - 1][at - 1 + len(text) :]
    with pytest.raises(FileError, match=expected):
        nacha.read(b"\n".join(lines) + b"\n")


def test_a_trace_number_is_in_a_file_once() -> None:
    with pytest.raises(FileError, match="in the file once"):
        nacha.build(file(entry(1), entry(1)))
    built = nacha.build(file(entry(1), entry(2))).replace(b"091000010000002", b"091000010000001")
    with pytest.raises(FileError, match="line 4, position 80"):
        nacha.read(built)


def test_a_line_without_an_end_is_not_taken_into_memory() -> None:
    class Endless(io.RawIOBase):
        taken = 0

        def readline(self, size: int | None = -1, /) -> bytes:
            assert size is not None and 0 < size < 100
            self.taken += size
            return b"1" * size

    endless = Endless()
    with pytest.raises(FileError, match="94 characters"):
        nacha.read(endless)  # type: ignore[arg-type]
    assert endless.taken < 100


def test_a_reversal_takes_the_money_back() -> None:
    (batch,) = FILES[0].batches
    back = nacha.reversal(batch, number=2, effective_date=date(2026, 11, 25))
    assert (back.debits, back.credits, back.description) == (batch.credits, batch.debits, "REVERSAL")
    with pytest.raises(FileError, match="cannot be reversed"):
        nacha.reversal(FILES[3].batches[0], number=2, effective_date=date(2026, 11, 25))


def test_only_a_lack_of_money_is_tried_again_as_it_is() -> None:
    assert {code for code, reason in RETURNS.items() if reason.retry == "same"} == {"R01", "R09"}
    assert RETURNS["R10"].days == 60 and RETURNS["R03"].days == 2
    assert RETURNS["R13"].days == 0, "the operator sends it back with the next file"
    assert not RETURNS.keys() & (DISHONORED.keys() | CONTESTED.keys())
    assert all(code[0] == "R" for code in (*RETURNS, *DISHONORED, *CONTESTED)) and all(
        code[0] == "C" for code in CHANGES
    )


words = st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=15)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.sampled_from([22, 27, 32, 37]), st.integers(0, 10**10 - 1), words), max_size=12))
def test_any_file_is_read_back(drawn: list[tuple[int, int, str]]) -> None:
    value = file(*(entry(n, code=code, amount=amount, name=name) for n, (code, amount, name) in enumerate(drawn, 1)))
    assert nacha.read(nacha.build(value)) == value


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(FILES), st.integers(0, 10**6), st.integers(0, 255), st.booleans())
def test_damage_is_refused_or_another_valid_file(value: nacha.File, at: int, byte: int, cut: bool) -> None:
    built = nacha.build(value)
    at %= len(built)
    damaged = built[:at] if cut else built[:at] + bytes([byte]) + built[at + 1 :]
    try:
        found = nacha.read(damaged)
    except FileError:
        return
    assert not cut or at == len(built) - 1
    assert nacha.read(nacha.build(found)) == found
