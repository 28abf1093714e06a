"""Files that are made to do harm: refused with one error, in bounded time and memory, whatever message they pretend."""

import io
import tracemalloc
from collections.abc import Callable, Iterable, Iterator
from datetime import date, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nostro.networks.bacs import reports
from nostro.networks.file_error import FileError
from nostro.networks.iso20022 import camt, camt_writing, pain001, pain002, pain008
from nostro.networks.iso20022.parties import Account, Party
from nostro.networks.statement import Closing, Line, Opening, Statement

DAY, MOMENT = date(2026, 11, 20), datetime(2026, 11, 20, 6, 0)
IBAN = Account(iban="DE89370400440532013000")
HEAD = b'<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"><BkToCstmrStmt>'


def _statement() -> bytes:
    line = Line(amount=1050, booked=DAY, valued=DAY, code="PMNT/RCDT/ESCT", description="invoice")
    value = Statement(
        opening=Opening(account=IBAN.iban, currency="eur", number="1", balance=0, date=DAY),
        lines=(line,),
        closing=Closing(balance=1050, date=DAY, lines=1),
    )
    return camt_writing.build([value], message="M", created=MOMENT)


def _transfers() -> bytes:
    single = pain001.Transfer(end_to_end="E", amount=1, currency="eur", creditor=Party(name="A"), account=IBAN)
    payment = pain001.Payment(id="P", execution=DAY, debtor=Party(name="B"), account=IBAN, transfers=(single,))
    return pain001.build(pain001.Message(id="M", created=MOMENT, initiator=Party(name="B"), payments=(payment,)))


def _debits() -> bytes:
    mandate = pain008.Mandate(id="MD", signed=DAY)
    single = pain008.Debit(
        end_to_end="E", amount=1, currency="eur", debtor=Party(name="A"), account=IBAN, mandate=mandate
    )  # fmt: skip
    part = pain008.Collection(
        id="P", due=DAY, sequence="RCUR", creditor=Party(name="B"), creditor_id="DE98ZZZ09999999999", account=IBAN,
        debits=(single,),
    )  # fmt: skip
    return pain008.build(pain008.Message(id="M", created=MOMENT, initiator=Party(name="B"), collections=(part,)))


def _status() -> bytes:
    single = pain002.Single(end_to_end="E", status="RJCT", reasons=(pain002.Reason(code="AC04"),))
    payment = pain002.Payment(id="P", singles=(single,))
    return pain002.build(
        pain002.Report(id="R", created=MOMENT, message="M", kind="pain.001.001.09", payments=(payment,))
    )


def _advices() -> bytes:
    advice = reports.Advice(reference="MD", reason="1", day=DAY)
    return reports.build(reports.Advices(report="ADDACS", user="123456", day=DAY, items=(advice,)))


def _lines(source: Any) -> list[Any]:
    return list(camt.read(source))


FILES: list[tuple[bytes, Callable[[Any], Any]]] = [
    (_statement(), _lines), (_transfers(), pain001.read), (_debits(), pain008.read), (_status(), pain002.read),
    (_advices(), reports.read),
]  # fmt: skip
NAMES = ["camt", "pain001", "pain008", "pain002", "bacs"]


class Stream(io.RawIOBase):
    """Bytes that are made as they are read, and how many were."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self.pieces: Iterator[bytes] = iter(pieces)
        self.rest, self.taken = b"", 0

    def read(self, size: int = -1, /) -> bytes:
        assert 0 < size <= 1 << 20, "never all of it at once"
        while len(self.rest) < size and (piece := next(self.pieces, b"")):
            self.rest += piece
        found, self.rest = self.rest[:size], self.rest[size:]
        self.taken += len(found)
        return found


def _endless(head: bytes, piece: bytes) -> Iterator[bytes]:
    yield head
    for _ in range(1 << 30 >> 16):  # a gigabyte
        yield piece * ((1 << 16) // len(piece))


@pytest.mark.parametrize(
    ("head", "piece"),
    [
        (HEAD + b"<GrpHdr><MsgId>", b"x"),
        (HEAD + b"<GrpHdr><MsgId><![CDATA[", b"x"),
        (HEAD + b"<!--", b"x"),
        (HEAD + b"<?x ", b"x"),
        (HEAD + b"<x a='", b"x"),
        (HEAD + b"<x ", b"a='1' "),
        (HEAD + b"<", b"x"),
        (HEAD, b"<x>"),
        (HEAD, b"<x/>"),
        (HEAD + b"<Stmt><Ntry>", b"<Amt/>"),
        (b"", b" "),
        (b"", b"<"),
        (b"<!DOCTYPE x [", b"<!ENTITY a 'b'>"),
    ],
    ids="text cdata comment instruction value attributes name depth breadth record blank nothing dtd".split(),
)
def test_a_gigabyte_of_one_thing_is_not_taken_into_memory(head: bytes, piece: bytes) -> None:
    stream = Stream(_endless(head, piece))
    tracemalloc.start()
    try:
        with pytest.raises(FileError):
            list(camt.read(stream))  # type: ignore[arg-type]
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert stream.taken < 3 << 20 and peak < 40 << 20


LAUGHS = b"".join(b'<!ENTITY l%d "%s">' % (n, b"&l%d;" % (n - 1) * 10) for n in range(1, 10))


@pytest.mark.parametrize(
    "prolog",
    [
        b'<!DOCTYPE x [<!ENTITY l0 "lol">' + LAUGHS + b"]>",
        b'<!DOCTYPE x [<!ENTITY f SYSTEM "file:///etc/passwd">]>',
        b'<!DOCTYPE x SYSTEM "http://127.0.0.1:1/x.dtd">',
        b'<!DOCTYPE x [<!ENTITY % p SYSTEM "http://127.0.0.1:1/x"> %p;]>',
    ],
    ids=["expansion", "file", "external", "parameter"],
)
@pytest.mark.parametrize(("data", "read"), FILES, ids=NAMES)
def test_document_types_and_entities_are_refused(data: bytes, read: Callable[[Any], Any], prolog: bytes) -> None:
    _, _, body = data.partition(b"?>")
    with pytest.raises(FileError, match="without a document type"):
        read(prolog + body.replace(b"invoice", b"&l9;"))
    with pytest.raises(FileError, match="well-formed XML"):
        read(data.replace(b"</", b"&f;</", 1))


@pytest.mark.parametrize(("data", "read"), FILES, ids=NAMES)
def test_other_encodings_are_read_or_refused(data: bytes, read: Callable[[Any], Any]) -> None:
    value = read(data)
    text = data.decode()
    assert read(b"\xef\xbb\xbf" + data) == value
    assert read(text.replace("UTF-8", "UTF-16").encode("utf-16")) == value
    assert read(text.replace("UTF-8", "ISO-8859-1").encode("latin-1")) == value
    for wrong in (
        text.encode("utf-16-le"),
        data.replace(b"UTF-8", b"UTF-16"),
        data.replace(b"UTF-8", b"EBCDIC-CP-NOT"),
        data.replace(b"UTF-8", b"UTF-7"),
        data.replace(b"</", b"\xff</", 1),
        data.replace(b"</", b"\0</", 1),
        data.replace(b"</", b"&#0;</", 1),
        data + b"x",
        data + data,
        b"",
        b"\0" * 100,
    ):
        with pytest.raises(FileError):
            read(wrong)


@pytest.mark.parametrize(("data", "read"), FILES, ids=NAMES)
def test_a_file_that_is_cut_off_is_refused(data: bytes, read: Callable[[Any], Any]) -> None:
    for at in range(0, len(data.rstrip()), 37):
        with pytest.raises(FileError):
            read(data[:at])


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(FILES), st.integers(0, 10**6), st.integers(0, 8), st.binary(max_size=8))
def test_damage_is_refused_or_another_value(
    file: tuple[bytes, Callable[[Any], Any]], at: int, gone: int, new: bytes
) -> None:
    data, read = file
    at %= len(data)
    try:
        read(data[:at] + new + data[at + gone :])
    except FileError:
        return


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=200))
def test_bytes_that_are_no_file_are_refused(data: bytes) -> None:
    for _, read in FILES:
        with pytest.raises(FileError):
            read(data)
