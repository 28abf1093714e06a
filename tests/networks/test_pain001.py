"""Credit transfers: what is built is valid by the published schemas, is read back, and what is wrong is refused."""

from datetime import date, datetime
from importlib.resources import files
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree
from sepaxml import SepaTransfer

from iso20022_schema import follows_schema
from nostro.networks.file_error import FileError
from nostro.networks.iso20022 import pain001
from nostro.networks.iso20022.parties import NOWHERE, Account, Address, Party

SCHEMAS = {
    version: etree.XMLSchema(
        etree.fromstring((files("sepaxml") / "schemas" / f"pain.001.001.{version}.xsd").read_bytes())
    )
    for version in ("03", "09")
}
ACME = Party(
    name="Acme GmbH", address=Address(country="DE", town="Berlin", street="Allee", building="1", postal_code="10115"),
    id="DE123", scheme="TXID", bic="DEUTDEFF",
)  # fmt: skip
DE = Account(iban="DE89370400440532013000", bic="COBADEFFXXX", currency="eur")
US = Account(number="000123456789", scheme="BBAN", type="CACC", clearing="USABA", member="110000000", bank_name="Test")
GB = Account(number="31926819", scheme="BBAN", clearing="GBDSC", member="601613")


def transfer(n: int = 1, **fields: Any) -> pain001.Transfer:
    values = {"end_to_end": f"PO-{n}", "amount": 1050, "currency": "eur", "creditor": Party(name="Jenny Rosen"),
              "account": Account(iban="FR1420041010050500013M02606", bic="BNPAFRPPXXX")}  # fmt: skip
    return pain001.Transfer(**(values | fields))


def payment(*transfers: pain001.Transfer, **fields: Any) -> pain001.Payment:
    values = {"id": "B-1", "execution": date(2026, 11, 24), "debtor": ACME, "account": DE, "service": "SEPA",
              "bearer": "SLEV", "transfers": transfers}  # fmt: skip
    return pain001.Payment(**(values | fields))


def message(*payments: pain001.Payment, **fields: Any) -> pain001.Message:
    values = {"id": "M-1", "created": datetime(2026, 11, 23, 9, 30), "initiator": Party(name="Acme GmbH"),
              "payments": payments}  # fmt: skip
    return pain001.Message(**(values | fields))


FULL = transfer(
    2, instruction="I-2", uetr="6f1a2f64-0f2b-4c43-9f2e-1f2a3b4c5d6e", remittance="invoice 7, thanks",
    creditor_reference="RF18539007547034", purpose="SALA", bearer="SHAR", amount=123_456_789_012,
    ultimate_debtor=Party(name="Parent", is_person=True, id="42", scheme="CUST"),
    ultimate_creditor=Party(name="Child", lei="529900T8BM49AURSDO55"),
    creditor=Party(name="Jenny", address=Address(country="FR", lines=("1 rue", "75001 Paris"))),
)  # fmt: skip
MESSAGES = [
    message(payment(transfer())),
    message(payment(transfer(), FULL, local="INST", category="SALA", priority="HIGH", one_booking=True)),
    message(
        payment(transfer(1, currency="usd", account=US), transfer(2, currency="jpy", amount=7), service="NURG"),
        payment(transfer(3, currency="gbp", account=GB), id="B-2", service="", account=GB, one_booking=False),
    ),
]


@pytest.mark.parametrize("value", MESSAGES)
@pytest.mark.parametrize("version", ["03", "09"])
def test_what_is_built_is_valid_and_read_back(value: pain001.Message, version: pain001.Version) -> None:
    built = pain001.build(value, version=version)
    SCHEMAS[version].assertValid(etree.fromstring(built))
    found = pain001.read(built)
    if version == "09":
        assert found == value
    assert pain001.build(found, version=version) == built
    assert pain001.read(follows_schema(built)) == found


def test_the_old_version_has_no_place_for_some_ids() -> None:
    found = pain001.read(pain001.build(MESSAGES[1], version="03"))
    written = found.payments[0].transfers[1]
    assert (written.uetr, written.ultimate_creditor.lei, written.end_to_end) == ("", "", FULL.end_to_end)


def test_another_programs_file_is_read() -> None:
    theirs = SepaTransfer({"name": "Acme GmbH", "IBAN": DE.iban, "BIC": "COBADEFFXXX", "batch": True,
                           "currency": "EUR"}, schema="pain.001.001.09")  # fmt: skip
    theirs.add_payment({"name": "Jenny Rosen", "IBAN": "FR1420041010050500013M02606", "BIC": "BNPAFRPPXXX",
                        "amount": 1050, "execution_date": date(2026, 11, 24), "description": "invoice 7",
                        "endtoend_id": "PO-1"})  # fmt: skip
    (found,) = pain001.read(theirs.export()).payments
    (single,) = found.transfers
    assert (found.execution, found.account.iban, found.one_booking) == (date(2026, 11, 24), DE.iban, True)
    assert (single.amount, single.currency, single.end_to_end) == (1050, "eur", "PO-1")
    assert (single.creditor.name, single.remittance) == ("Jenny Rosen", "invoice 7")


def test_names_are_written_in_the_characters_that_every_bank_takes() -> None:
    value = message(payment(transfer(creditor=Party(name="Jürgen Groß & Söhne"), remittance="Łódź №7 ★")))
    found = pain001.read(pain001.build(value)).payments[0].transfers[0]
    assert (found.creditor.name, found.remittance) == ("Juergen Gross + Soehne", "Lodz No7 .")
    assert pain001.read(pain001.build(value, plain=False)) == value


@pytest.mark.parametrize(
    ("was", "now", "expected"),
    [
        (b"<NbOfTxs>2<", b"<NbOfTxs>3<", "2, as many as there are, not 3"),
        (b"<CtrlSum>21.00<", b"<CtrlSum>21.01<", "the sum of what follows"),
        (b'"EUR">10.50', b'"EUR">0', "an amount above zero"),
        (b"PO-2", b"PO-1", "in the file once"),
        (b"FR1420041010050500013M02606", b"FR1420041010050500013M02607", "an IBAN"),
        (b"BNPAFRPPXXX", b"BNPAFRPPX", "a BIC"),
        (b"<PmtMtd>TRF", b"<PmtMtd>CHK", "TRF or TRA"),
        (b"<MsgId>M-1</MsgId>", b"<MsgId></MsgId>", "a text"),
        (b"T09:30:00<", b"T25:30:00<", "a moment"),
        (b"</PmtInf>", b"</PmtInf><PmtInf><PmtInfId>2</PmtInfId></PmtInf>", "expected CdtTrfTxInf"),
    ],
)
def test_a_wrong_field_is_refused(was: bytes, now: bytes, expected: str) -> None:
    built = pain001.build(message(payment(transfer(1), transfer(2))))
    assert was in built
    with pytest.raises(FileError, match=expected) as caught:
        pain001.read(built.replace(was, now, 1))
    assert caught.value.path.startswith("CstmrCdtTrfInitn")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (message(payment(transfer(1), transfer(1))), "in the file once"),
        (message(payment(transfer(account=NOWHERE))), "CdtrAcct: expected something"),
        (message(payment(transfer(creditor=Party()))), "Cdtr: expected something"),
        (message(payment(transfer(amount=0))), "above zero"),
        (message(payment(transfer(amount=10**18))), "18 digits"),
        (message(payment(transfer(currency="xxq"))), "known currency"),
        (message(payment(transfer(end_to_end="a//b"))), "without a slash"),
        (message(payment(transfer(end_to_end="x" * 36))), "at most 35"),
        (message(payment(transfer(remittance="x" * 141))), "at most 140"),
        (message(payment(transfer(uetr="6f1a"))), "a UUID"),
        (message(payment(transfer(creditor_reference="RF19539007547034"))), "check digits"),
        (message(payment()), "at least one"),
    ],
)
def test_what_no_bank_would_take_is_not_built(value: pain001.Message, expected: str) -> None:
    with pytest.raises(FileError, match=expected):
        pain001.build(value)


texts = st.text(st.characters(min_codepoint=33, max_codepoint=0x2FFF, exclude_categories=("C", "Z")), max_size=30)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 10**15), st.sampled_from(["eur", "jpy", "kwd"]), texts, texts),
                min_size=1, max_size=6))  # fmt: skip
def test_any_message_is_read_back(drawn: list[tuple[int, str, str, str]]) -> None:
    transfers = [
        transfer(n, amount=amount, currency=currency, creditor=Party(name=name or "x"), remittance=text)
        for n, (amount, currency, name, text) in enumerate(drawn)
    ]
    value = message(payment(*transfers))
    assert pain001.read(pain001.build(value, plain=False)) == value
