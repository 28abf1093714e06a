"""pain.001: credit transfers, ordered from the bank of the one who pays.

A message has payments (`PmtInf`: one account, one day), which have transfers. Counts and sums stand in both heads;
`build` counts, `read` compares. Amounts are minor units beside a currency in lower case.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from typing import Any, BinaryIO, Final, Literal

from msgspec import Struct

from nostro.networks.file_error import FileError
from nostro.networks.iso20022 import reading, writing
from nostro.networks.iso20022.characters import latin
from nostro.networks.iso20022.orders import (
    UETR,
    Sum,
    Unique,
    choice,
    identifier,
    read_head,
    read_remittance,
    read_type,
    write_head,
    write_remittance,
    write_type,
)
from nostro.networks.iso20022.parties import (
    NOBODY,
    Account,
    Party,
    Style,
    read_code,
    read_order_account,
    read_party,
    write_account,
    write_bank,
    write_party,
)
from nostro.networks.iso20022.reading import Element
from nostro.networks.iso20022.writing import code_or_own, leaf, tag

Version = Literal["03", "09"]
MESSAGES: Final = ("pain.001.001.03", "pain.001.001.09")
Bearer = Literal["", "SLEV", "SHAR", "DEBT", "CRED"]
BEARERS: Final = ("SLEV", "SHAR", "DEBT", "CRED")


class Transfer(Struct, frozen=True, kw_only=True):
    """`end_to_end` goes along to the creditor. `remittance` is free text of at most 140 characters;
    `creditor_reference` is the creditor's own (RF... of ISO 11649, or a national one). `uetr` is written since
    version 09. `bearer` (who pays the charges) may stand here or on the payment."""

    end_to_end: str
    amount: int
    currency: str
    creditor: Party
    account: Account
    instruction: str = ""
    uetr: str = ""
    remittance: str = ""
    creditor_reference: str = ""
    purpose: str = ""
    bearer: Bearer = ""
    ultimate_debtor: Party = NOBODY
    ultimate_creditor: Party = NOBODY


class Payment(Struct, frozen=True, kw_only=True):
    """Transfers from one account on one day. `service` is such as SEPA, URGP or NURG, `local` the scheme within it
    (INST for instant payments); `one_booking` asks for one line on the statement."""

    id: str
    execution: date
    debtor: Party
    account: Account
    transfers: tuple[Transfer, ...]
    service: str = ""
    local: str = ""
    category: str = ""
    priority: Literal["", "NORM", "HIGH"] = ""
    bearer: Bearer = ""
    one_booking: bool | None = None
    ultimate_debtor: Party = NOBODY


class Message(Struct, frozen=True, kw_only=True):
    id: str
    created: datetime
    initiator: Party
    payments: tuple[Payment, ...]

    @property
    def count(self) -> int:
        return sum(len(payment.transfers) for payment in self.payments)


# ---------------------------------------------------------------- building


def build(message: Message, *, version: Version = "09", plain: bool = True) -> bytes:
    """The file. `plain` writes names and texts in SEPA's characters; without it they stay as they are."""
    return b"".join(pieces(message, version=version, plain=plain))


def pieces(message: Message, *, version: Version = "09", plain: bool = True) -> Iterator[bytes]:
    """The same, a transfer at a time."""
    style = Style(version == "03", latin if plain else str)
    return writing.document(f"pain.001.001.{version}", _message(message, style))


def _message(message: Message, style: Style) -> Iterator[str]:
    unique = Unique()
    total = Sum()
    for payment in message.payments:
        total.include(_total(payment))
    if not total.count:
        raise FileError(0, "at least one transfer", path="PmtInf")
    yield "<CstmrCdtTrfInitn>" + write_head(message, total, style)
    for payment in message.payments:
        unique.add("PmtInfId", payment.id)
        yield "<PmtInf>" + _payment(payment, style)
        for transfer in payment.transfers:
            unique.add("EndToEndId", transfer.end_to_end)
            yield _transfer(transfer, style)
        yield "</PmtInf>"
    yield "</CstmrCdtTrfInitn>"


def _total(payment: Payment) -> Sum:
    total = Sum()
    for transfer in payment.transfers:
        total.add(transfer.amount, transfer.currency)
    if not total.count:
        raise FileError(0, "at least one transfer in each payment", path="CdtTrfTxInf")
    return total


def _payment(payment: Payment, style: Style) -> str:
    booking = {None: "", True: "<BtchBookg>true</BtchBookg>", False: "<BtchBookg>false</BtchBookg>"}
    execution = writing.day("ReqdExctnDt" if style.old else "Dt", payment.execution)
    return "".join((
        identifier("PmtInfId", payment.id), "<PmtMtd>TRF</PmtMtd>", booking[payment.one_booking],
        _total(payment).write(), write_type(payment.service, payment.local, payment.category, payment.priority),
        execution if style.old else tag("ReqdExctnDt", execution),
        writing.expected("Dbtr", write_party("Dbtr", payment.debtor, style)),
        writing.expected("DbtrAcct", write_account("DbtrAcct", payment.account)),
        write_bank("DbtrAgt", payment.account, style, always=True),
        write_party("UltmtDbtr", payment.ultimate_debtor, style), leaf("ChrgBr", payment.bearer),
    ))  # fmt: skip


def _transfer(transfer: Transfer, style: Style) -> str:
    if transfer.amount <= 0:
        raise FileError(0, f"an amount above zero, not {transfer.amount}", path="InstdAmt")
    if transfer.uetr and not UETR.fullmatch(transfer.uetr):
        raise FileError(0, f"a UUID of version 4 in small letters, not {transfer.uetr!r}", path="UETR")
    ids = tag(
        "PmtId", identifier("InstrId", transfer.instruction) if transfer.instruction else "",
        identifier("EndToEndId", transfer.end_to_end), "" if style.old else leaf("UETR", transfer.uetr, 36),
    )  # fmt: skip
    return tag(
        "CdtTrfTxInf", ids, tag("Amt", writing.money("InstdAmt", transfer.amount, transfer.currency)),
        leaf("ChrgBr", transfer.bearer), write_party("UltmtDbtr", transfer.ultimate_debtor, style),
        write_bank("CdtrAgt", transfer.account, style),
        writing.expected("Cdtr", write_party("Cdtr", transfer.creditor, style)),
        writing.expected("CdtrAcct", write_account("CdtrAcct", transfer.account)),
        write_party("UltmtCdtr", transfer.ultimate_creditor, style), code_or_own("Purp", transfer.purpose),
        write_remittance(transfer.remittance, transfer.creditor_reference, style),
    )  # fmt: skip


# ---------------------------------------------------------------- reading


_ROOT: Final = "CstmrCdtTrfInitn"


def read(source: bytes | BinaryIO) -> Message:
    """The whole message, or a FileError."""
    head: Element | None = None
    payments: list[Payment] = []
    transfers: list[Transfer] = []
    unique, total, part = Unique(), Sum(), Sum()
    wanted = (f"{_ROOT}/GrpHdr", f"{_ROOT}/PmtInf", f"{_ROOT}/PmtInf/CdtTrfTxInf")
    for _, _, element in reading.elements(source, MESSAGES, wanted):
        if element.spot.name == "GrpHdr":
            if head is not None:
                raise element.refused("one GrpHdr")
            head = element
            read_head(head)
        elif element.spot.name == "CdtTrfTxInf":
            transfer = _read_transfer(element)
            unique.add("EndToEndId", transfer.end_to_end, element)
            part.add(transfer.amount, transfer.currency)
            transfers.append(transfer)
        else:
            payments.append(_read_payment(element, tuple(transfers)))
            unique.add("PmtInfId", payments[-1].id, element)
            part.check(element, must=False)
            total.include(part)
            transfers, part = [], Sum()
    if head is None or not payments:
        raise FileError(1, "a GrpHdr and a PmtInf", path=_ROOT)
    total.check(head, must=True)
    message, created, initiator = read_head(head)
    return Message(id=message, created=created, initiator=initiator, payments=tuple(payments))


def _read_payment(element: Element, transfers: tuple[Transfer, ...]) -> Payment:
    method, kind, execution = element.one("PmtMtd"), element.get("PmtTpInf"), element.one("ReqdExctnDt")
    if not transfers:
        raise element.refused("a CdtTrfTxInf")
    choice(method, ("TRF", "TRA"))
    booking = element.get("BtchBookg")
    fields: dict[str, Any] = {
        **read_type(kind),
        "priority": choice(kind.get("InstrPrty"), ("NORM", "HIGH")) if kind else "",
        "bearer": choice(element.get("ChrgBr"), BEARERS),
    }
    return Payment(
        id=element.need("PmtInfId"),
        execution=reading.day(execution.get("Dt") or execution.get("DtTm") or execution),
        debtor=read_party(element.one("Dbtr")),
        account=read_order_account(element.one("DbtrAcct"), element.get("DbtrAgt")),
        transfers=transfers,
        one_booking=None if booking is None else reading.yes(booking),
        ultimate_debtor=read_party(element.get("UltmtDbtr")),
        **fields,
    )


def _read_transfer(element: Element) -> Transfer:
    amount, currency = reading.amount(element.one("Amt", "InstdAmt"))
    if not amount:
        raise element.one("Amt", "InstdAmt").refused("an amount above zero")
    text, reference = read_remittance(element.get("RmtInf"))
    fields: dict[str, Any] = {"bearer": choice(element.get("ChrgBr"), BEARERS)}
    return Transfer(
        end_to_end=element.need("PmtId", "EndToEndId"),
        instruction=element.read("PmtId", "InstrId"),
        uetr=element.read("PmtId", "UETR"),
        amount=amount,
        currency=currency,
        creditor=read_party(element.one("Cdtr")),
        account=read_order_account(element.one("CdtrAcct"), element.get("CdtrAgt")),
        remittance=text,
        creditor_reference=reference,
        purpose=read_code(element.get("Purp")),
        ultimate_debtor=read_party(element.get("UltmtDbtr")),
        ultimate_creditor=read_party(element.get("UltmtCdtr")),
        **fields,
    )
