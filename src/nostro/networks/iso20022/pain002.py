"""pain.002: what became of an order, as a whole, by payment, or one by one.

A bank reports as it likes: the group alone (`ACTC`), or the payments, or only the singles that were refused. A single
that is not in the report has the status of its payment, and that of the group where the payment has none.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any, BinaryIO, Final, Literal

from msgspec import Struct

from nostro.networks.file_error import FileError
from nostro.networks.iso20022 import orders, reading, writing
from nostro.networks.iso20022.parties import read_code
from nostro.networks.iso20022.reading import Element
from nostro.networks.iso20022.writing import leaf, required, tag

Version = Literal["03", "10"]
MESSAGES: Final = ("pain.002.001.03", "pain.002.001.10")
ROOT: Final = "CstmrPmtStsRpt"
# Received; accepted: technically, by the customer's profile, in settlement, settled (debtor's, creditor's side), with
# a change; partly; pending; refused; cancelled.
STATUSES: Final = frozenset("RCVD ACTC ACCP ACFC ACSP ACSC ACCC ACWC ACWP PART PDNG RJCT CANC BLCK".split())
REFUSED: Final = frozenset({"RJCT", "CANC", "BLCK"})


class Reason(Struct, frozen=True, kw_only=True):
    """`code` is one of `reasons.REASONS`, or the bank's own; `text` at most 105 characters."""

    code: str
    text: str = ""


class Single(Struct, frozen=True, kw_only=True):
    """One transfer or debit. `amount` and `currency` are those of the order, 0 and "" where the bank does not repeat
    them; `reference` is the bank's."""

    end_to_end: str
    status: str
    instruction: str = ""
    uetr: str = ""
    reasons: tuple[Reason, ...] = ()
    accepted: datetime | None = None
    reference: str = ""
    amount: int = 0
    currency: str = ""


class Payment(Struct, frozen=True, kw_only=True):
    """A `PmtInf` of the order; `status` is "" where only its singles have one."""

    id: str
    status: str = ""
    reasons: tuple[Reason, ...] = ()
    singles: tuple[Single, ...] = ()


class Report(Struct, frozen=True, kw_only=True):
    """`message` is the id of the order, `kind` its message and version (`pain.001.001.09`)."""

    id: str
    created: datetime
    message: str
    kind: str
    status: str = ""
    reasons: tuple[Reason, ...] = ()
    payments: tuple[Payment, ...] = ()


# ---------------------------------------------------------------- building


def build(report: Report, *, version: Version = "10") -> bytes:
    return b"".join(pieces(report, version=version))


def pieces(report: Report, *, version: Version = "10") -> Iterator[bytes]:
    return writing.document(f"pain.002.001.{version}", _report(report, version == "03"))


def _report(report: Report, old: bool) -> Iterator[str]:
    head = tag("GrpHdr", required("MsgId", report.id), writing.moment("CreDtTm", report.created))
    group = tag(
        "OrgnlGrpInfAndSts", required("OrgnlMsgId", report.message), required("OrgnlMsgNmId", report.kind),
        _status("GrpSts", report.status), *map(_reason, report.reasons),
    )  # fmt: skip
    yield f"<{ROOT}>{head}{group}"
    unique = orders.Unique()
    for payment in report.payments:
        unique.add("OrgnlPmtInfId", payment.id)
        status = _status("PmtInfSts", payment.status)
        yield "<OrgnlPmtInfAndSts>" + required("OrgnlPmtInfId", payment.id) + status
        yield "".join(map(_reason, payment.reasons))
        for single in payment.singles:
            unique.add("OrgnlEndToEndId", single.end_to_end)
            yield _single(single, old)
        yield "</OrgnlPmtInfAndSts>"
    yield f"</{ROOT}>"


def _single(single: Single, old: bool) -> str:
    accepted = writing.moment("AccptncDtTm", single.accepted) if single.accepted else ""
    amount = tag("Amt", orders.write_amount(single.amount, single.currency)) if single.currency else ""
    return tag(
        "TxInfAndSts", leaf("OrgnlInstrId", single.instruction), required("OrgnlEndToEndId", single.end_to_end),
        "" if old else leaf("OrgnlUETR", single.uetr, 36), writing.expected("TxSts", _status("TxSts", single.status)),
        *map(_reason, single.reasons), accepted, leaf("AcctSvcrRef", single.reference), tag("OrgnlTxRef", amount),
    )  # fmt: skip


def _status(name: str, status: str) -> str:
    if status and status not in STATUSES:
        raise FileError(0, f"a status, one of {' '.join(sorted(STATUSES))}, not {status!r}", path=name)
    return leaf(name, status)


def _reason(reason: Reason) -> str:
    return tag("StsRsnInf", writing.code_or_own("Rsn", reason.code), leaf("AddtlInf", reason.text, 105))


# ---------------------------------------------------------------- reading


def read(source: bytes | BinaryIO) -> Report:
    """The whole report, or a FileError."""
    head: Element | None = None
    group: Element | None = None
    payments: list[Payment] = []
    singles: list[Single] = []
    unique = orders.Unique()
    at = f"{ROOT}/OrgnlPmtInfAndSts"
    wanted = (f"{ROOT}/GrpHdr", f"{ROOT}/OrgnlGrpInfAndSts", at, f"{at}/TxInfAndSts")
    for _, _, element in reading.elements(source, MESSAGES, wanted):
        name = element.spot.name
        if name == "GrpHdr" and head is None:
            head = element
        elif name == "OrgnlGrpInfAndSts" and group is None:
            group = element
        elif name == "TxInfAndSts":
            singles.append(_read_single(element))
            unique.add("OrgnlEndToEndId", singles[-1].end_to_end, element)
        elif name == "OrgnlPmtInfAndSts":
            payments.append(_read_payment(element, tuple(singles)))
            unique.add("OrgnlPmtInfId", payments[-1].id, element)
            singles = []
        else:
            raise element.refused(f"one {name}")
    if head is None or group is None:
        raise FileError(1, "a GrpHdr and an OrgnlGrpInfAndSts", path=ROOT)
    return Report(
        id=head.need("MsgId"),
        created=reading.moment(head.one("CreDtTm")),
        message=group.need("OrgnlMsgId"),
        kind=group.need("OrgnlMsgNmId"),
        status=_read_status(group.get("GrpSts")),
        reasons=_read_reasons(group),
        payments=tuple(payments),
    )


def _read_payment(element: Element, singles: tuple[Single, ...]) -> Payment:
    return Payment(
        id=element.need("OrgnlPmtInfId"),
        status=_read_status(element.get("PmtInfSts")),
        reasons=_read_reasons(element),
        singles=singles,
    )


def _read_single(element: Element) -> Single:
    accepted, amount = element.get("AccptncDtTm"), element.get("OrgnlTxRef", "Amt", "InstdAmt")
    fields: dict[str, Any] = orders.read_amount(amount) if amount else {}
    return Single(
        end_to_end=element.read("OrgnlEndToEndId") or element.need("OrgnlInstrId"),
        instruction=element.read("OrgnlInstrId"),
        uetr=element.read("OrgnlUETR"),
        status=_read_status(element.one("TxSts")),
        reasons=_read_reasons(element),
        accepted=reading.moment(accepted) if accepted else None,
        reference=element.read("AcctSvcrRef"),
        **fields,
    )


def _read_status(element: Element | None) -> str:
    if element is not None and element.text not in STATUSES:
        raise element.refused(f"a status, one of {' '.join(sorted(STATUSES))}")
    return element.text if element is not None else ""


def _read_reasons(element: Element) -> tuple[Reason, ...]:
    return tuple(
        Reason(code=read_code(each.get("Rsn")), text=" ".join(text.text for text in each.every("AddtlInf")))
        for each in element.every("StsRsnInf")
    )
