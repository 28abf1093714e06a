"""Statements: what is built is read by us and by a strict reader of the published schemas; what is wrong is refused."""

import io
import re
import tracemalloc
from datetime import date, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from iso20022_schema import follows_schema
from nostro.networks.file_error import FileError
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
    assert read(built) == value
    assert read(follows_schema(built)) == value, "what others write of it says the same"


def test_a_notification_has_no_balances() -> None:
    value = [statement(PAYMENT, BATCH, opening=None, page=1, is_last=False)]
    for version in ("02", "08"):
        built = build(*value, kind="camt.054", version=version)
        assert read(built) == value == read(follows_schema(built))
    with pytest.raises(FileError, match="no balance"):
        build(statement(PAYMENT), kind="camt.054")


def test_what_a_bank_booked_as_one_sum_keeps_its_parts() -> None:
    (found,) = read(build(statement(BATCH)))
    (booked,) = found.lines
    assert (booked.amount, booked.message, booked.batch) == (-300, "M-8", "B-8")
    assert [(part.amount, part.end_to_end) for part in booked.parts] == [(-100, "E-2"), (-200, "")]


@pytest.mark.parametrize(
    ("was", "now", "expected"),
    [
        (b'"EUR">1010.50', b'"EUR">1010.51', "a closing balance of 101050"),
        (b'"EUR">10.50', b'"EUR">10.501', "at most 2 decimals"),
        (b'"EUR">10.50', b'"EUR">-10.50', "an amount of at most 18 digits"),
        (b'"EUR">10.50', b'"EUR">1E1', "an amount of at most 18 digits"),
        (b'"EUR">10.50', b'"USD">10.50', "an amount in EUR, not USD"),
        (b'"EUR">10.50', b'"XXQ">10.50', "a currency of ISO 4217"),
        (b"<BookgDt><Dt>2026-11-20", b"<BookgDt><Dt>2026-02-30", "a date, YYYY-MM-DD"),
        (b"<BookgDt><Dt>2026-11-20", b"<BookgDt><Dt>2026-W47-5", "a date, YYYY-MM-DD"),
        (b"<NbOfNtries>1<", b"<NbOfNtries>2<", "1, as many as there are, not 2"),
        (b"<Sum>10.50", b"<Sum>10.49", "1050 in minor units"),
        (
            b"<CdtDbtInd>CRDT</CdtDbtInd></TtlNetNtry>",
            b"<CdtDbtInd>DBIT</CdtDbtInd></TtlNetNtry>",
            "credits less debits",
        ),
        (b"CRDT", b"CREDIT", "CRDT or DBIT"),
        (b"<Sts><Cd>BOOK</Cd></Sts>", b"", "expected Sts"),
        (b"</GrpHdr>", b"</GrpHdr><GrpHdr><MsgId>2</MsgId></GrpHdr>", "one GrpHdr"),
        (b"053.001.08", b"053.001.99", "a Document of camt"),
        (b"<NtryDtls>", b'<NtryDtls xmlns="urn:other">', None),
    ],
)
def test_a_wrong_field_is_refused(was: bytes, now: bytes, expected: str | None) -> None:
    built = build(statement(line(description="x")))
    assert was in built
    damaged = built.replace(was, now, 1)
    if expected is None:
        assert read(damaged)[0].lines[0].description == "", "what is of another namespace says nothing to us"
        return
    with pytest.raises(FileError, match=expected) as caught:
        read(damaged)
    assert caught.value.line > 0


def test_a_statement_is_in_a_file_once() -> None:
    with pytest.raises(FileError, match="in the file once"):
        build(statement(), statement())
    built = build(statement(), statement(number="S-2")).replace(b"S-2", b"S-1")
    with pytest.raises(FileError, match="in the file once"):
        read(built)


def test_parts_add_up_to_their_line_and_are_counted() -> None:
    built = build(statement(BATCH))
    with pytest.raises(FileError, match="payments that add up"):
        read(built.replace(b'"EUR">2.00', b'"EUR">2.01'))
    with pytest.raises(FileError, match="2, as many as there are"):
        read(built.replace(b"<NbOfTxs>2", b"<NbOfTxs>3"))


def test_a_prefix_means_what_no_prefix_means() -> None:
    built = build(statement(PAYMENT))
    prefixed = re.sub(rb"<(/?)(?=[A-Z])", rb"<\1ns2:", built).replace(b"xmlns=", b"xmlns:ns2=")
    assert read(prefixed) == read(built)


def test_a_million_entries_need_the_memory_of_one() -> None:
    """Two thousand here, which would be some twenty megabytes if they were kept."""
    built = build(statement(line()))
    head, entry, tail = re.split(rb"(<Ntry>.*</Ntry>)", re.sub(rb"<TxsSummry>.*</TxsSummry>|<Bal>.*</Bal>", b"", built))

    class Endless(io.RawIOBase):
        left = 2_100

        def read(self, size: int = -1, /) -> bytes:
            self.left -= 100
            return entry * 100 if self.left > 0 else tail if self.left > -100 else b""

    tracemalloc.start()
    found = sum(isinstance(piece, Line) for piece in camt.read(Chained(head, Endless())))  # type: ignore[arg-type]
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert found == 2_000
    assert peak < 2_000_000


class Chained:
    def __init__(self, head: bytes, rest: io.RawIOBase) -> None:
        self.head, self.rest = head, rest

    def read(self, size: int) -> bytes:
        head, self.head = self.head, b""
        return head or self.rest.read(size) or b""


# A statement as a German bank writes it, in the old version: a balance of the day before, moments for days, a batch of
# debits whose payments state what they were booked with, a return with charges, a payment in another currency.
GERMAN = b"""<?xml version="1.0" encoding="UTF-8"?>
<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.02"><BkToCstmrStmt>
<GrpHdr><MsgId>053D1</MsgId><CreDtTm>2026-11-20T22:00:00.123+01:00</CreDtTm>
 <MsgPgntn><PgNb>1</PgNb><LastPgInd>true</LastPgInd></MsgPgntn></GrpHdr>
<Stmt><Id>0352C5320261120</Id><ElctrncSeqNb>352</ElctrncSeqNb><CreDtTm>2026-11-20T22:00:00+01:00</CreDtTm>
 <Acct><Id><IBAN>DE89370400440532013000</IBAN></Id><Ccy>EUR</Ccy><Ownr><Nm>Acme GmbH</Nm></Ownr>
  <Svcr><FinInstnId><BIC>COBADEFFXXX</BIC><Othr><Id>DE 123</Id><Issr>UmsStId</Issr></Othr></FinInstnId></Svcr></Acct>
 <Bal><Tp><CdOrPrtry><Cd>PRCD</Cd></CdOrPrtry></Tp><Amt Ccy="EUR">112.72</Amt><CdtDbtInd>CRDT</CdtDbtInd>
  <Dt><Dt>2026-11-19</Dt></Dt></Bal>
 <Bal><Tp><CdOrPrtry><Cd>CLBD</Cd></CdOrPrtry></Tp><Amt Ccy="EUR">78.42</Amt><CdtDbtInd>DBIT</CdtDbtInd>
  <Dt><Dt>2026-11-20</Dt></Dt></Bal>
 <Ntry><Amt Ccy="EUR">100.00</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts>BOOK</Sts>
  <BookgDt><DtTm>2026-11-20T11:00:00</DtTm></BookgDt><ValDt><Dt>2026-11-23</Dt></ValDt>
  <AcctSvcrRef>2026112000001</AcctSvcrRef><BkTxCd><Domn><Cd>PMNT</Cd><Fmly><Cd>IDDT</Cd><SubFmlyCd>ESDD</SubFmlyCd>
  </Fmly></Domn><Prtry><Cd>NDDT+192</Cd><Issr>ZKA</Issr></Prtry></BkTxCd>
  <NtryDtls><Btch><MsgId>MSG-1</MsgId><PmtInfId>PMT-1</PmtInfId><NbOfTxs>2</NbOfTxs></Btch>
   <TxDtls><Refs><EndToEndId>E-1</EndToEndId><MndtId>MD-1</MndtId></Refs>
    <AmtDtls><TxAmt><Amt Ccy="EUR">60.00</Amt></TxAmt></AmtDtls>
    <RltdPties><Dbtr><Nm>Jenny</Nm></Dbtr><DbtrAcct><Id><IBAN>FR1420041010050500013M02606</IBAN></Id></DbtrAcct>
     <Cdtr><Nm>Acme GmbH</Nm></Cdtr></RltdPties></TxDtls>
   <TxDtls><Refs><EndToEndId>NOTPROVIDED</EndToEndId></Refs>
    <AmtDtls><TxAmt><Amt Ccy="EUR">40</Amt></TxAmt></AmtDtls></TxDtls></NtryDtls>
  <AddtlNtryInf>SEPA-BASISLASTSCHRIFT</AddtlNtryInf></Ntry>
 <Ntry><Amt Ccy="EUR">63.00</Amt><CdtDbtInd>DBIT</CdtDbtInd><RvslInd>true</RvslInd><Sts>BOOK</Sts>
  <BookgDt><Dt>2026-11-20</Dt></BookgDt><BkTxCd><Prtry><Cd>NRTI+109</Cd></Prtry></BkTxCd>
  <Chrgs><Amt Ccy="EUR">3.00</Amt><CdtDbtInd>DBIT</CdtDbtInd><Br>SHAR</Br></Chrgs>
  <NtryDtls><TxDtls><Refs><EndToEndId>E-0</EndToEndId></Refs>
   <RltdPties><Dbtr><Nm>Sam</Nm></Dbtr><Cdtr><Nm>Acme GmbH</Nm></Cdtr></RltdPties>
   <RmtInf><Ustrd>first half, </Ustrd><Ustrd>second half</Ustrd></RmtInf>
   <RtrInf><Rsn><Cd>MD06</Cd></Rsn></RtrInf></TxDtls></NtryDtls></Ntry>
 <Ntry><Amt Ccy="EUR">228.14</Amt><CdtDbtInd>DBIT</CdtDbtInd><Sts>BOOK</Sts>
  <BookgDt><Dt>2026-11-20</Dt></BookgDt><ValDt><Dt>2026-11-20</Dt></ValDt><BkTxCd/>
  <NtryDtls><TxDtls><AmtDtls><InstdAmt><Amt Ccy="USD">250.00</Amt></InstdAmt><TxAmt><Amt Ccy="EUR">228.14</Amt>
   <CcyXchg><SrcCcy>EUR</SrcCcy><TrgtCcy>USD</TrgtCcy><XchgRate>1.0958</XchgRate></CcyXchg></TxAmt></AmtDtls>
   <RmtInf><Strd><CdtrRefInf><Ref>RF18539007547034</Ref></CdtrRefInf></Strd></RmtInf></TxDtls></NtryDtls></Ntry>
</Stmt></BkToCstmrStmt></Document>"""


def test_what_a_bank_writes_is_read() -> None:
    (found,) = read(GERMAN)
    assert (found.opening.balance, found.opening.date, found.opening.page) == (11_272, date(2026, 11, 19), 1)
    assert (found.closing.balance, found.closing.date, found.closing.lines) == (-7_842, DAY, 3)
    debits, back, abroad = found.lines
    assert (debits.batch, debits.message, debits.own_code) == ("PMT-1", "MSG-1", "NDDT+192")
    assert (debits.booked, debits.valued) == (DAY, date(2026, 11, 23))
    assert [(part.amount, part.end_to_end, part.counterparty) for part in debits.parts] == [
        (6_000, "E-1", "Jenny"),
        (4_000, "", ""),
    ]
    assert debits.parts[0].mandate == "MD-1" and debits.parts[0].counterparty_account.startswith("FR14")
    assert (back.amount, back.return_reason, back.charges, back.counterparty) == (-6_300, "MD06", 300, "Sam")
    assert back.description == "first half, second half" and back.valued == DAY
    assert (abroad.instructed, abroad.instructed_currency, abroad.rate) == (25_000, "usd", "1.0958")
    assert abroad.creditor_reference == "RF18539007547034"
    follows_schema(GERMAN)


texts = st.text(st.characters(min_codepoint=33, max_codepoint=0x2FFF, exclude_categories=("C", "Z")), max_size=30)


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_any_statement_is_read_back(data: st.DataObject) -> None:
    version = data.draw(st.sampled_from(["02", "08"]))
    lines = data.draw(st.lists(st.builds(
        line, st.integers(-(10**15), 10**15), description=texts, counterparty=texts, end_to_end=texts,
        reversal=st.booleans(), pending=st.booleans(), charges=st.integers(-99, 99), reference=texts,
        booked=st.dates(), valued=st.dates(), counterparty_account=texts, mandate=texts, return_reason=texts,
    ), max_size=5))  # fmt: skip
    value = [statement(*lines, currency=data.draw(st.sampled_from(["eur", "jpy", "kwd"])))]
    assert read(build(*value, version=version)) == value
