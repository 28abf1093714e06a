"""pain.001: credit transfers, ordered from the bank of the one who pays.

A message has payments (`PmtInf`: one account, one day), which have transfers. Counts and sums stand in both heads;
`build` counts, `read` compares. Amounts are minor units beside a currency in lower case.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any, BinaryIO, Final, Literal

from msgspec import Struct

from nostro.networks.iso20022 import orders, reading, writing
from nostro.networks.iso20022.parties import (
    NOBODY,
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

Version = Literal["03", "09"]
Bearer = Literal["", "SLEV", "SHAR", "DEBT", "CRED"]


class Transfer(orders.Single, frozen=True, kw_only=True):
    """To the creditor's `account`. `bearer` (who pays the charges) may stand here or on the payment."""

    creditor: Party
    bearer: Bearer = ""


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


class Message(orders.Message, frozen=True, kw_only=True):
    payments: tuple[Payment, ...]


# ---------------------------------------------------------------- building


def build(message: Message, *, version: Version = "09", plain: bool = True) -> bytes:
    """The file. `plain` writes names and texts in SEPA's characters; without it they stay as they are."""
    return b"".join(pieces(message, version=version, plain=plain))


def pieces(message: Message, *, version: Version = "09", plain: bool = True) -> Iterator[bytes]:
    """The same, a transfer at a time."""
    return orders.pieces(KIND, message, message.payments, version, plain)


def _write_payment(payment: Payment, total: orders.Sum, style: Style) -> str:
    execution = writing.day("ReqdExctnDt" if style.old else "Dt", payment.execution)
    return "".join((
        orders.identifier("PmtInfId", payment.id), "<PmtMtd>TRF</PmtMtd>", orders.write_booking(payment.one_booking),
        total.write(), orders.write_type(payment.service, payment.local, payment.category, payment.priority),
        execution if style.old else tag("ReqdExctnDt", execution),
        writing.expected("Dbtr", write_party("Dbtr", payment.debtor, style)),
        writing.expected("DbtrAcct", write_account("DbtrAcct", payment.account)),
        write_bank("DbtrAgt", payment.account, style, always=True),
        write_party("UltmtDbtr", payment.ultimate_debtor, style), leaf("ChrgBr", payment.bearer),
    ))  # fmt: skip


def _write_transfer(transfer: Transfer, style: Style) -> str:
    return tag(
        "CdtTrfTxInf", orders.write_ids(transfer, style),
        tag("Amt", orders.write_amount(transfer.amount, transfer.currency)),
        leaf("ChrgBr", transfer.bearer), write_party("UltmtDbtr", transfer.ultimate_debtor, style),
        write_bank("CdtrAgt", transfer.account, style),
        writing.expected("Cdtr", write_party("Cdtr", transfer.creditor, style)),
        writing.expected("CdtrAcct", write_account("CdtrAcct", transfer.account)),
        write_party("UltmtCdtr", transfer.ultimate_creditor, style), orders.write_why(transfer, style),
    )  # fmt: skip


# ---------------------------------------------------------------- reading


def read(source: bytes | BinaryIO) -> Message:
    """The whole message, or a FileError."""
    message, created, initiator, payments = orders.read(KIND, source)
    return Message(id=message, created=created, initiator=initiator, payments=payments)


def _read_payment(element: Element, transfers: tuple[Transfer, ...]) -> Payment:
    kind, execution = element.get("PmtTpInf"), element.one("ReqdExctnDt")
    orders.choice(element.one("PmtMtd"), ("TRF", "TRA"))
    fields: dict[str, Any] = {
        **orders.read_type(kind),
        "priority": orders.choice(kind.get("InstrPrty"), ("NORM", "HIGH")) if kind else "",
        "bearer": orders.choice(element.get("ChrgBr"), orders.BEARERS),
    }
    return Payment(
        id=element.need("PmtInfId"),
        execution=reading.day(execution.get("Dt") or execution.get("DtTm") or execution),
        debtor=read_party(element.one("Dbtr")),
        account=read_order_account(element.one("DbtrAcct"), element.get("DbtrAgt")),
        transfers=transfers,
        one_booking=orders.read_booking(element),
        ultimate_debtor=read_party(element.get("UltmtDbtr")),
        **fields,
    )


def _read_transfer(element: Element) -> Transfer:
    fields: dict[str, Any] = {"bearer": orders.choice(element.get("ChrgBr"), orders.BEARERS)}
    common = orders.read_single(element, element.one("Amt", "InstdAmt"), "Cdtr")
    return Transfer(creditor=read_party(element.one("Cdtr")), **common, **fields)


KIND: Final = orders.Kind(
    messages=("pain.001.001.03", "pain.001.001.09"),
    root="CstmrCdtTrfInitn",
    single="CdtTrfTxInf",
    singles=lambda payment: payment.transfers,
    write_part=_write_payment,
    write_single=_write_transfer,
    read_part=_read_payment,
    read_single=_read_transfer,
)
