"""pain.008: direct debits, ordered from the bank of the one who collects.

A message has collections (`PmtInf`: one account, one day, one place in the sequence of a mandate), which have debits.
Counts and sums stand in both heads; `build` counts, `read` compares.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any, BinaryIO, Final, Literal

from msgspec import Struct

from nostro.networks.file_error import FileError
from nostro.networks.iso20022 import orders, reading, writing
from nostro.networks.iso20022.parties import (
    NOBODY,
    NOWHERE,
    Account,
    Party,
    Style,
    read_order_account,
    read_party,
    write_account,
    write_bank,
    write_party,
)
from nostro.networks.iso20022.reading import Element
from nostro.networks.iso20022.writing import leaf, tag

Version = Literal["02", "08"]
Sequence = Literal["FRST", "RCUR", "FNAL", "OOFF"]
SEQUENCES: Final = ("FRST", "RCUR", "FNAL", "OOFF")


class Mandate(Struct, frozen=True, kw_only=True):
    """The debtor's consent. Where it changed since the last debit: its former id, the former creditor with their
    creditor id, the former account of the debtor (`changed_account` alone says that it is at another bank)."""

    id: str
    signed: date
    former_id: str = ""
    former_creditor: str = ""
    former_creditor_id: str = ""
    former_account: Account = NOWHERE
    changed_account: bool = False


class Debit(orders.Single, frozen=True, kw_only=True):
    """From the debtor's `account`, as the mandate allows."""

    mandate: Mandate
    debtor: Party


class Collection(Struct, frozen=True, kw_only=True):
    """Debits into one account on one day. `local` is the scheme (CORE, B2B), `creditor_id` who collects in it."""

    id: str
    due: date
    sequence: Sequence
    creditor: Party
    creditor_id: str
    account: Account
    debits: tuple[Debit, ...]
    service: str = "SEPA"
    local: str = "CORE"
    category: str = ""
    bearer: Literal["", "SLEV", "SHAR", "DEBT", "CRED"] = "SLEV"
    one_booking: bool | None = None
    ultimate_creditor: Party = NOBODY


class Message(orders.Message, frozen=True, kw_only=True):
    collections: tuple[Collection, ...]


# ---------------------------------------------------------------- building


def build(message: Message, *, version: Version = "08", plain: bool = True) -> bytes:
    """The file. `plain` writes names and texts in SEPA's characters; without it they stay as they are."""
    return b"".join(pieces(message, version=version, plain=plain))


def pieces(message: Message, *, version: Version = "08", plain: bool = True) -> Iterator[bytes]:
    """The same, a debit at a time."""
    return orders.pieces(KIND, message, message.collections, version, plain)


def _write_collection(collection: Collection, total: orders.Sum, style: Style) -> str:
    kind = orders.write_type(collection.service, collection.local, collection.category, sequence=collection.sequence)
    return "".join((
        orders.identifier("PmtInfId", collection.id), "<PmtMtd>DD</PmtMtd>",
        orders.write_booking(collection.one_booking), total.write(), kind,
        writing.day("ReqdColltnDt", collection.due),
        writing.expected("Cdtr", write_party("Cdtr", collection.creditor, style)),
        writing.expected("CdtrAcct", write_account("CdtrAcct", collection.account)),
        write_bank("CdtrAgt", collection.account, style, always=True),
        write_party("UltmtCdtr", collection.ultimate_creditor, style), leaf("ChrgBr", collection.bearer),
        tag("CdtrSchmeId", _creditor_id(collection.creditor_id)),
    ))  # fmt: skip


def _creditor_id(number: str) -> str:
    other = tag("Othr", leaf("Id", number), tag("SchmeNm", "<Prtry>SEPA</Prtry>"))
    return tag("Id", tag("PrvtId", other)) if number else ""


def _write_debit(debit: Debit, style: Style) -> str:
    mandate = debit.mandate
    changes = _changes(mandate, style)
    related = tag(
        "MndtRltdInf", orders.identifier("MndtId", mandate.id), writing.day("DtOfSgntr", mandate.signed),
        "<AmdmntInd>true</AmdmntInd>" if changes else "", tag("AmdmntInfDtls", changes),
    )  # fmt: skip
    return tag(
        "DrctDbtTxInf", orders.write_ids(debit, style),
        orders.write_amount(debit.amount, debit.currency), tag("DrctDbtTx", related),
        write_party("UltmtCdtr", debit.ultimate_creditor, style),
        write_bank("DbtrAgt", debit.account, style, always=True),
        writing.expected("Dbtr", write_party("Dbtr", debit.debtor, style)),
        writing.expected("DbtrAcct", write_account("DbtrAcct", debit.account)),
        write_party("UltmtDbtr", debit.ultimate_debtor, style), orders.write_why(debit, style),
    )  # fmt: skip


def _changes(mandate: Mandate, style: Style) -> str:
    """Of an account at another bank only that it is another is told, by the letters SMNDA."""
    if mandate.changed_account and mandate.former_account != NOWHERE:
        raise FileError(0, "a former account or that it changed, not both", path="AmdmntInfDtls")
    creditor = leaf("Nm", style.text(mandate.former_creditor), 140) + _creditor_id(mandate.former_creditor_id)
    account = write_account("OrgnlDbtrAcct", mandate.former_account)
    if mandate.changed_account:
        account = tag("OrgnlDbtrAcct", tag("Id", tag("Othr", "<Id>SMNDA</Id>")))
    former = orders.identifier("OrgnlMndtId", mandate.former_id) if mandate.former_id else ""
    return former + tag("OrgnlCdtrSchmeId", creditor) + account


# ---------------------------------------------------------------- reading


def read(source: bytes | BinaryIO) -> Message:
    """The whole message, or a FileError."""
    message, created, initiator, collections = orders.read(KIND, source)
    return Message(id=message, created=created, initiator=initiator, collections=collections)


def _read_collection(element: Element, debits: tuple[Debit, ...]) -> Collection:
    kind = element.one("PmtTpInf")
    orders.choice(element.one("PmtMtd"), ("DD",))
    fields: dict[str, Any] = {
        **orders.read_type(kind),
        "sequence": orders.choice(kind.one("SeqTp"), SEQUENCES),
        "bearer": orders.choice(element.get("ChrgBr"), orders.BEARERS),
    }
    return Collection(
        id=element.need("PmtInfId"),
        due=reading.day(element.one("ReqdColltnDt")),
        creditor=read_party(element.one("Cdtr")),
        creditor_id=element.read("CdtrSchmeId", "Id", "PrvtId", "Othr", "Id"),
        account=read_order_account(element.one("CdtrAcct"), element.get("CdtrAgt")),
        debits=debits,
        one_booking=orders.read_booking(element),
        ultimate_creditor=read_party(element.get("UltmtCdtr")),
        **fields,
    )


def _read_debit(element: Element) -> Debit:
    mandate = _read_mandate(element.one("DrctDbtTx", "MndtRltdInf"))
    common = orders.read_single(element, element.one("InstdAmt"), "Dbtr")
    return Debit(mandate=mandate, debtor=read_party(element.one("Dbtr")), **common)


def _read_mandate(element: Element) -> Mandate:
    found = Mandate(id=element.need("MndtId"), signed=reading.day(element.one("DtOfSgntr")))
    changes = element.get("AmdmntInfDtls")
    if changes is None:
        return found
    account = read_order_account(changes.get("OrgnlDbtrAcct"), None) if changes.get("OrgnlDbtrAcct") else NOWHERE
    # Before 2016 the letters stood in the place of the bank.
    moved = "SMNDA" in (account.number, changes.read("OrgnlDbtrAgt", "FinInstnId", "Othr", "Id"))
    return Mandate(
        id=found.id,
        signed=found.signed,
        former_id=changes.read("OrgnlMndtId"),
        former_creditor=changes.read("OrgnlCdtrSchmeId", "Nm"),
        former_creditor_id=changes.read("OrgnlCdtrSchmeId", "Id", "PrvtId", "Othr", "Id"),
        former_account=NOWHERE if moved else account,
        changed_account=moved,
    )


KIND: Final = orders.Kind(
    messages=("pain.008.001.02", "pain.008.001.08"),
    root="CstmrDrctDbtInitn",
    single="DrctDbtTxInf",
    singles=lambda collection: collection.debits,
    write_part=_write_collection,
    write_single=_write_debit,
    read_part=_read_collection,
    read_single=_read_debit,
)
