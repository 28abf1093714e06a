"""What Bacs reports: credits and debits that came back (ARUCS, ARUDD), instructions that were refused (AUDDIS), changed
or cancelled (ADDACS), credits to accounts that have other numbers now (AWACS). XML without a namespace, built and read.

ARUDD, AUDDIS and ADDACS are written as published samples have them. No sample of the others is published: ARUCS is
written as ARUDD is, with `ReturnedCreditItem`; AWACS as ADDACS is, with the letter W.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from typing import BinaryIO, Final
from xml.sax.saxutils import quoteattr

from msgspec import Struct

from nostro.networks.bacs.codes import REASONS, Report
from nostro.networks.bacs.standard18 import CURRENCY
from nostro.networks.file_error import FileError
from nostro.networks.iso20022 import reading
from nostro.networks.iso20022.reading import Element
from nostro.networks.iso20022.writing import decimal

_RETURNS: Final = {"ARUDD": "ReturnedDebitItem", "ARUCS": "ReturnedCreditItem"}
_ACCOUNTS: Final = {"ARUDD": "PayerAccount", "ARUCS": "ReceiverAccount"}
# The letter by which advices of instructions tell their report.
_RECORDS: Final[dict[Report, str]] = {"AUDDIS": "V", "ADDACS": "A", "AWACS": "W"}
_RECORD: Final = "Advice/OriginatingAccountRecords/OriginatingAccountRecord"


class Returned(Struct, frozen=True, kw_only=True):
    """A credit or debit that came back. `reference` is the one it was sent with, `code` its transaction code, `day` its
    processing day; `reason` is one of the report's in `codes`."""

    reference: str
    code: str
    reason: str
    amount: int
    day: date
    sort_code: str = ""
    number: str = ""
    name: str = ""


class Advice(Struct, frozen=True, kw_only=True):
    """What a bank says of an instruction (AWACS: of a credit), from `day` on. The new account where it says one."""

    reference: str
    reason: str
    day: date
    sort_code: str = ""
    number: str = ""
    name: str = ""
    new_sort_code: str = ""
    new_number: str = ""


class Returns(Struct, frozen=True, kw_only=True):
    """ARUCS or ARUDD for the service user `user`, of the processing day `day`."""

    report: Report
    user: str
    day: date
    items: tuple[Returned, ...]


class Advices(Struct, frozen=True, kw_only=True):
    """AUDDIS, ADDACS or AWACS for the service user `user`, made on `day`."""

    report: Report
    user: str
    day: date
    items: tuple[Advice, ...]


# ---------------------------------------------------------------- building


def build(report: Returns | Advices) -> bytes:
    body = "".join(_returns(report) if isinstance(report, Returns) else _advices(report))
    text = f'<?xml version="1.0" encoding="UTF-8"?>\n<BACSDocument><Data>{body}</Data></BACSDocument>\n'
    return text.encode()


def _returns(report: Returns) -> Iterator[str]:
    if report.report not in _RETURNS:
        raise FileError(0, "ARUCS or ARUDD", path="Data")
    total = decimal(sum(item.amount for item in report.items), CURRENCY)
    yield f"<{report.report}>" + _tag("Header", {"currentProcessingDate": report.day.isoformat()}, "/")
    yield _tag("ServiceLicenseInformation", {"userNumber": report.user}, "/")
    yield "<Advice><OriginatingAccountRecords><OriginatingAccountRecord>"
    for item in report.items:
        meaning = _meaning(report.report, item.reason)
        yield _tag(_RETURNS[report.report], {
            "ref": item.reference, "transCode": item.code, "returnCode": item.reason, "returnDescription": meaning,
            "originalProcessingDate": item.day.isoformat(), "valueOf": decimal(item.amount, CURRENCY),
            "currency": CURRENCY.upper(),
        }, "")  # fmt: skip
        account = {"number": item.number, "ref": item.reference, "name": item.name, "sortCode": item.sort_code}
        yield _tag(_ACCOUNTS[report.report], account, "/") + f"</{_RETURNS[report.report]}>"
    totals = {"numberOf": str(len(report.items)), "valueOf": total, "currency": CURRENCY.upper()}
    yield _tag("Totals", totals, "/")
    yield f"</OriginatingAccountRecord></OriginatingAccountRecords></Advice></{report.report}>"


def _advices(report: Advices) -> Iterator[str]:
    if report.report not in _RECORDS:
        raise FileError(0, "AUDDIS, ADDACS or AWACS", path="Data")
    if not report.items:
        raise FileError(0, "at least one advice", path="MessagingAdvice")
    yield "<MessagingAdvices>" + _tag("Header", {"report-generation-date": report.day.isoformat()}, "/")
    for item in report.items:
        _meaning(report.report, item.reason)
        yield _tag("MessagingAdvice", {
            "user-number": report.user, "record-type": _RECORDS[report.report], "effective-date": item.day.isoformat(),
            "reference": item.reference, "payer-name": item.name, "payer-account-number": item.number,
            "payer-sort-code": item.sort_code, "reason-code": item.reason,
            "payer-new-account-number": item.new_number, "payer-new-sort-code": item.new_sort_code,
        }, "/")  # fmt: skip
    yield "</MessagingAdvices>"


def _meaning(report: Report, reason: str) -> str:
    found = REASONS[report].get(reason)
    if found is None:
        raise FileError(0, f"a reason of {report}, not {reason!r}", path="returnCode")
    return found.meaning.upper()


def _tag(name: str, attributes: dict[str, str], end: str) -> str:
    for key, text in attributes.items():
        if not text.isprintable() or text != text.strip() or len(text) > 100:
            raise FileError(0, f"at most 100 printable characters, not {text!r}", path=f"{name}/{key}")
    return f"<{name}{''.join(f' {key}={quoteattr(text)}' for key, text in attributes.items() if text)}{end}>"


# ---------------------------------------------------------------- reading


def read(source: bytes | BinaryIO) -> Returns | Advices:
    """The whole report, or a FileError."""
    wanted = ["Data/MessagingAdvices", "Data/MessagingAdvices/MessagingAdvice"]
    for name, item in _RETURNS.items():
        wanted += [f"Data/{name}", f"Data/{name}/{_RECORD}", f"Data/{name}/{_RECORD}/{item}"]
    found: Returns | Advices | None = None
    returned: list[Returned] = []
    advices: list[Element] = []
    part = 0
    for _, _, element in reading.elements(source, {""}, wanted, root="BACSDocument"):
        name = element.spot.name
        if name in _RETURNS.values():
            returned.append(_read_returned(element))
        elif name == "OriginatingAccountRecord":
            _check(element.get("Totals"), returned[part:])
            part = len(returned)
        elif name == "MessagingAdvice":
            element.children = ()
            advices.append(element)
        elif found is not None:
            raise element.refused("one report")
        elif name == "MessagingAdvices":
            found = _read_advices(element, advices)
        else:
            report: Report = "ARUDD" if name == "ARUDD" else "ARUCS"
            user = _attribute(element.one("ServiceLicenseInformation"), "userNumber")
            day = _day(element.one("Header"), "currentProcessingDate")
            found = Returns(report=report, user=user, day=day, items=tuple(returned))
    if found is None:
        raise FileError(1, "a report: ARUCS, ARUDD or MessagingAdvices", path="Data")
    return found


def _read_returned(element: Element) -> Returned:
    account = element.get("PayerAccount") or element.get("ReceiverAccount")
    at = account.attributes if account else {}
    # Bacs appends three digits of its own to the reason.
    reason = _attribute(element, "returnCode")
    return Returned(
        reference=_attribute(element, "ref").strip(),
        code=_attribute(element, "transCode"),
        reason=reason[:1],
        amount=_pence(element, "valueOf"),
        day=_day(element, "originalProcessingDate"),
        sort_code=at.get("sortCode", "").replace("-", ""),
        number=at.get("number", ""),
        name=at.get("name", "").strip(),
    )


def _check(totals: Element | None, items: list[Returned]) -> None:
    if totals is None:
        return
    total = sum(item.amount for item in items)
    if _attribute(totals, "numberOf") != str(len(items)) or _pence(totals, "valueOf") != total:
        raise totals.refused(f"{len(items)} items of {total} pence, as many as there are")


def _read_advices(element: Element, items: list[Element]) -> Advices:
    header = element.get("Header") or element.one("MessagingHeader")
    letters = {_attribute(item, "record-type") for item in items}
    users = {_attribute(item, "user-number") for item in items}
    if len(users) > 1 or len(letters) > 1:
        raise element.refused("advices of one service user and kind")
    report: Report = next((name for name, letter in _RECORDS.items() if letters == {letter}), "AUDDIS")
    return Advices(
        report=report,
        user=next(iter(users), header.attributes.get("user-number", "")),
        day=_day(header, "report-generation-date"),
        items=tuple(_read_advice(item) for item in items),
    )


def _read_advice(element: Element) -> Advice:
    at = element.attributes
    return Advice(
        reference=_attribute(element, "reference").strip(),
        reason=_attribute(element, "reason-code"),
        day=_day(element, "effective-date"),
        sort_code=at.get("payer-sort-code", "").replace("-", ""),
        number=at.get("payer-account-number", ""),
        name=at.get("payer-name", "").strip(),
        new_sort_code=at.get("payer-new-sort-code", "").replace("-", ""),
        new_number=at.get("payer-new-account-number", ""),
    )


def _attribute(element: Element, name: str) -> str:
    found = element.attributes.get(name, "")
    if not found:
        raise element.refused(f"the attribute {name}")
    return found


def _pence(element: Element, name: str) -> int:
    text = _attribute(element, name)
    if element.attributes.get("currency", "GBP") != "GBP" or not re.fullmatch(r"[0-9]{1,12}\.[0-9]{2}", text, re.ASCII):
        raise element.refused(f"{name}, an amount of GBP with two decimals, not {text[:40]!r}")
    return int(text.replace(".", ""))


def _day(element: Element, name: str) -> date:
    text = _attribute(element, name)
    try:
        if re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}(T.*)?", text, re.ASCII):
            return date.fromisoformat(text[:10])
    except ValueError:
        pass
    raise element.refused(f"{name}, a date, YYYY-MM-DD, not {text[:40]!r}")
