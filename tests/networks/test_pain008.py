"""Direct debits: what is built is valid by the published schemas and read back; another program's files are read."""

from datetime import date, datetime
from importlib.resources import files
from typing import Any

import pytest
from lxml import etree
from sepaxml import SepaDD

from nostro.networks.file_error import FileError
from nostro.networks.iso20022 import pain008
from nostro.networks.iso20022.parties import Account, Party

SCHEMAS = {
    version: etree.XMLSchema(
        etree.fromstring((files("sepaxml") / "schemas" / f"pain.008.001.{version}.xsd").read_bytes())
    )
    for version in ("02", "08")
}
DE = Account(iban="DE89370400440532013000", bic="COBADEFFXXX")
FR = Account(iban="FR1420041010050500013M02606")
SIGNED = date(2026, 1, 31)


def debit(n: int = 1, **fields: Any) -> pain008.Debit:
    values = {"end_to_end": f"D-{n}", "amount": 2_500, "currency": "eur", "debtor": Party(name="Jenny Rosen"),
              "account": FR, "mandate": pain008.Mandate(id=f"MD-{n}", signed=SIGNED)}  # fmt: skip
    return pain008.Debit(**(values | fields))


def collection(*debits: pain008.Debit, **fields: Any) -> pain008.Collection:
    values = {"id": "C-1", "due": date(2026, 11, 30), "sequence": "RCUR", "creditor": Party(name="Acme GmbH"),
              "creditor_id": "DE98ZZZ09999999999", "account": DE, "debits": debits or (debit(),)}  # fmt: skip
    return pain008.Collection(**(values | fields))


def message(*collections: pain008.Collection) -> pain008.Message:
    return pain008.Message(
        id="M-1", created=datetime(2026, 11, 23, 9, 30), initiator=Party(name="Acme GmbH"),
        collections=collections or (collection(),),
    )  # fmt: skip


MOVED = pain008.Mandate(id="MD-2", signed=SIGNED, changed_account=True, former_id="MD-1")
SOLD = pain008.Mandate(
    id="MD-3", signed=SIGNED, former_creditor="Old GmbH", former_creditor_id="DE02ZZZ0123456789", former_account=FR
)
MESSAGES = [
    message(),
    message(
        collection(debit(2, mandate=MOVED, remittance="November"), debit(3, mandate=SOLD, purpose="RENT")),
        collection(debit(4, creditor_reference="RF18539007547034"), id="C-2", local="B2B", sequence="FRST"),
    ),
]


@pytest.mark.parametrize("value", MESSAGES)
@pytest.mark.parametrize("version", ["02", "08"])
def test_what_is_built_is_valid_and_read_back(value: pain008.Message, version: pain008.Version) -> None:
    built = pain008.build(value, version=version)
    SCHEMAS[version].assertValid(etree.fromstring(built))
    assert pain008.read(built) == value


def test_another_programs_file_is_read() -> None:
    config = {"name": "Acme GmbH", "IBAN": DE.iban, "BIC": DE.bic, "batch": True, "creditor_id": "DE98ZZZ09999999999",
              "currency": "EUR"}  # fmt: skip
    theirs = SepaDD(config, schema="pain.008.001.02")
    theirs.add_payment({
        "name": "Jenny Rosen", "IBAN": FR.iban, "BIC": "BNPAFRPPXXX", "amount": 2_500, "type": "RCUR",
        "collection_date": date(2026, 11, 30), "mandate_id": "MD-1", "mandate_date": SIGNED,
        "description": "November", "endtoend_id": "D-1",
    })  # fmt: skip
    (found,) = pain008.read(theirs.export()).collections
    (single,) = found.debits
    assert (found.creditor_id, found.sequence, found.due) == ("DE98ZZZ09999999999", "RCUR", date(2026, 11, 30))
    assert (single.amount, single.account.iban, single.mandate.id) == (2_500, FR.iban, "MD-1")


@pytest.mark.parametrize(
    ("was", "now", "expected"),
    [
        (b"<SeqTp>RCUR", b"<SeqTp>ALWAYS", "FRST or RCUR"),
        (b"<MndtId>MD-1</MndtId>", b"", "expected MndtId"),
        (b"2026-01-31", b"2026-01-32", "a date"),
        (b"FR1420041010050500013M02606", b"FR1420041010050500013M02607", "an IBAN"),
    ],
)
def test_a_wrong_field_is_refused(was: bytes, now: bytes, expected: str) -> None:
    built = pain008.build(message())
    assert was in built
    with pytest.raises(FileError, match=expected):
        pain008.read(built.replace(was, now))
