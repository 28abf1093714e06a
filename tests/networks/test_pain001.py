"""Credit transfers: what is built is valid by the published schemas, is read back, and what is wrong is refused."""

from datetime import date, datetime
from importlib.resources import files
from typing import Any

import pytest
from lxml import etree

from nostro.networks.iso20022 import pain001
from nostro.networks.iso20022.parties import Account, Address, Party

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
              "bearer": "SLEV", "transfers": transfers or (transfer(),)}  # fmt: skip
    return pain001.Payment(**(values | fields))


def message(*payments: pain001.Payment, **fields: Any) -> pain001.Message:
    values = {"id": "M-1", "created": datetime(2026, 11, 23, 9, 30), "initiator": Party(name="Acme GmbH"),
              "payments": payments or (payment(),)}  # fmt: skip
    return pain001.Message(**(values | fields))


FULL = transfer(
    2, instruction="I-2", uetr="6f1a2f64-0f2b-4c43-9f2e-1f2a3b4c5d6e", remittance="invoice 7, thanks",
    creditor_reference="RF18539007547034", purpose="SALA", bearer="SHAR", amount=123_456_789_012,
    ultimate_debtor=Party(name="Parent", is_person=True, id="42", scheme="CUST"),
    ultimate_creditor=Party(name="Child", lei="529900T8BM49AURSDO55"),
    creditor=Party(name="Jenny", address=Address(country="FR", lines=("1 rue", "75001 Paris"))),
)  # fmt: skip
MESSAGES = [
    message(),
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
