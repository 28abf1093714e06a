"""camt.052, 053 and 054 read: what a bank reports within the day, at its end, and of single bookings.

`read` is a stream (see `statement`): a statement of any length needs the memory of its longest entry. Balances,
counts and sums are compared where the bank states them, so a refusal may come after lines: keep nothing before the
`Closing`. What a bank says of others (names, accounts, references) is taken as it is.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any, BinaryIO, Final

from nostro.kernel.money import CURRENCIES
from nostro.networks.file_error import FileError
from nostro.networks.iso20022 import reading
from nostro.networks.iso20022.orders import NOT_PROVIDED, choice, read_remittance
from nostro.networks.iso20022.parties import read_code
from nostro.networks.iso20022.reading import Element
from nostro.networks.statement import Closing, Line, Opening, Piece

# The message: its root element and the one that holds a statement.
ROOTS: Final = {
    "camt.052": ("BkToCstmrAcctRpt", "Rpt"),
    "camt.053": ("BkToCstmrStmt", "Stmt"),
    "camt.054": ("BkToCstmrDbtCdtNtfctn", "Ntfctn"),
}
MESSAGES: Final = tuple(f"{message}.001.{version}" for message in ROOTS for version in ("02", "08"))
# The fields of a line that are ids, and their elements, in the order of the schema.
REFERENCES: Final = {
    "message": "MsgId", "reference": "AcctSvcrRef", "batch": "PmtInfId", "instruction": "InstrId",
    "end_to_end": "EndToEndId", "uetr": "UETR", "mandate": "MndtId",
}  # fmt: skip
MOST_PARTS: Final = 100_000  # payments in one entry, as they are kept until it ends
# Balances that open and close a statement, the best first. An interim one is the first or the last of a page.
OPENS, CLOSES, AVAILABLE = ("OPBD", "PRCD"), ("CLBD",), ("CLAV", "ITAV")


def read(source: bytes | BinaryIO) -> Iterator[Piece]:
    """The statements of a file, piece by piece. Raises FileError."""
    wanted = []
    for root, name in ROOTS.values():
        at = f"{root}/{name}"
        wanted += [f"{root}/GrpHdr", at, f"{at}/Ntry", f"{at}/Ntry/NtryDtls/TxDtls"]
    state: _Statement | None = None
    head: Element | None = None
    seen: set[str] = set()
    details: list[_Detail] = []
    for message, above, element in reading.elements(source, MESSAGES, wanted):
        name = element.spot.name
        if name == "TxDtls":
            if len(details) >= MOST_PARTS:
                raise element.refused(f"at most {MOST_PARTS} payments in an entry")
            details.append(_Detail(element))
            continue
        if name == "GrpHdr":
            if head is not None:
                raise element.refused("one GrpHdr")
            head = element
            head.need("MsgId")
            continue
        if head is None:
            raise element.refused("a GrpHdr before it")
        if state is None:
            state = _Statement(message, above if name == "Ntry" else element, head, element)
            if state.opening.number in seen:
                raise element.refused(f"a statement that is in the file once, not {state.opening.number!r} again")
            seen.add(state.opening.number)
            yield state.opening
        if name == "Ntry":
            yield state.line(element, details)
            details = []
        else:
            yield state.closing(element)
            state = None
    if not seen:
        raise FileError(1, "a GrpHdr and a statement")


class _Detail:
    """One payment of an entry (`TxDtls`), before the entry has ended that says which way and in which currency."""

    __slots__ = ("amounts", "charges", "credit", "element", "fields", "instructed", "names")

    def __init__(self, element: Element) -> None:
        refs = element.get("Refs")
        text, reference = read_remittance(element.get("RmtInf"))
        fields: dict[str, Any] = {
            "description": text or element.read("AddtlTxInf"),
            "creditor_reference": reference,
            "return_reason": read_code(element.get("RtrInf", "Rsn")),
        }
        if refs is not None:
            for name, tag in REFERENCES.items():
                fields[name] = refs.read(tag)
            if fields["end_to_end"] == NOT_PROVIDED:
                fields["end_to_end"] = ""
        fields["code"], fields["own_code"] = _codes(element.get("BkTxCd"))
        self.fields = fields
        self.credit = _is_credit(element.get("CdtDbtInd"))
        self.amounts = _amounts(element)
        self.instructed = _instructed(element)
        self.charges = _charges(element)
        self.names = _names(element.get("RltdPties"))
        # For a refusal, its place; what stood in it is not kept.
        self.element = element
        element.children = ()

    def line(self, amount: int, currency: str, **fields: Any) -> Line:
        name, number = self.counterparty(amount, fields["reversal"])
        found = {**fields, **{key: value for key, value in self.fields.items() if value}}
        if self.instructed and self.instructed[1] != currency:
            found["instructed"], found["instructed_currency"], found["rate"] = self.instructed
        found["charges"] = fields.get("charges", 0) + sum(units for units, code in self.charges if code == currency)
        return Line(amount=amount, counterparty=name, counterparty_account=number, **found)

    def counterparty(self, amount: int, reversal: bool) -> tuple[str, str]:
        """Who pays when money comes in and is paid when it goes out; a reversal keeps the roles of the original."""
        debtor, creditor = self.names
        first, second = (debtor, creditor) if (amount > 0) != reversal else (creditor, debtor)
        return first if any(first) else second

    def amount(self, credit: bool, currency: str) -> int:
        for units, code in self.amounts:
            if code == currency:
                return units if (credit if self.credit is None else self.credit) else -units
        raise self.element.refused(f"an amount in {currency.upper()}, as payments booked as one sum have")


class _Statement:
    """What is known of the statement that is open."""

    def __init__(self, message: str, element: Element, head: Element, entry: Element) -> None:
        self.kind = message[:8]
        self.currency = self._currency(element, entry)
        self.balances, interim = self._balances(element)
        self.opens = next((self.balances[code] for code in OPENS if code in self.balances), None)
        self.closes = self.balances.get("CLBD")
        if self.opens is None and interim and (self.closes is not None or len(interim) > 1):
            self.opens = interim.pop(0)
        if self.closes is None and interim:
            self.closes = interim[-1]
        pages = (
            element.get("StmtPgntn") or element.get("RptPgntn") or element.get("NtfctnPgntn") or head.get("MsgPgntn")
        )
        self.is_last = reading.yes(pages.one("LastPgInd")) if pages else True
        page = reading.count(pages.one("PgNb")) if pages else 0
        created = reading.day(element.get("CreDtTm") or head.one("CreDtTm"))
        start, end = element.get("FrToDt", "FrDtTm"), element.get("FrToDt", "ToDtTm")
        self.day: date = self.closes[1] if self.closes else reading.day(end) if end else created
        account = element.one("Acct", "Id")
        self.opening = Opening(
            account=account.read("IBAN") or account.need("Othr", "Id"),
            currency=self.currency,
            number=element.need("Id"),
            balance=self.opens[0] if self.opens else None,
            date=self.opens[1] if self.opens else reading.day(start) if start else created,
            page=page,
        )
        self.count = self.booked = self.credits = self.debits = self.credit_count = 0

    def _currency(self, element: Element, entry: Element) -> str:
        named = element.get("Acct", "Ccy")
        if named is not None:
            if named.text.lower() not in CURRENCIES:
                raise named.refused("a currency of ISO 4217")
            return named.text.lower()
        found = element.get("Bal", "Amt") or entry.get("Amt")
        if found is None:
            raise element.refused("a currency: Acct/Ccy, or an amount")
        return reading.amount(found)[1]

    def _balances(self, element: Element) -> tuple[dict[str, tuple[int, date]], list[tuple[int, date]]]:
        balances: dict[str, tuple[int, date]] = {}
        interim = []
        for each in element.every("Bal"):
            code = read_code(each.one("Tp", "CdOrPrtry"))
            units, _ = reading.amount(each.one("Amt"), self.currency)
            found = (units if _is_credit(each.one("CdtDbtInd")) else -units, _day(each.one("Dt")))
            if code == "ITBD":
                interim.append(found)
            elif code in balances and code in (*OPENS, *CLOSES):
                raise each.refused(f"one balance {code}")
            else:
                balances[code] = found
        return balances, interim

    def line(self, entry: Element, details: list[_Detail]) -> Line:
        units, _ = reading.amount(entry.one("Amt"), self.currency)
        credit = bool(_is_credit(entry.one("CdtDbtInd")))
        status = entry.one("Sts")
        amount = units if credit else -units
        fields: dict[str, Any] = {"reversal": reading.yes(entry.get("RvslInd"))}
        fields["pending"] = (read_code(status) or status.text) != "BOOK"
        booked, valued = entry.get("BookgDt"), entry.get("ValDt")
        fields["booked"] = _day(booked) if booked else _day(valued) if valued else self.day
        fields["valued"] = _day(valued) if valued else fields["booked"]
        self.count += 1
        self.booked += 0 if fields["pending"] else amount
        self.credits += units if credit else 0
        self.debits += 0 if credit else units
        self.credit_count += credit
        own: dict[str, Any] = {"reference": entry.read("AcctSvcrRef") or entry.read("NtryRef")}
        own["code"], own["own_code"] = _codes(entry.one("BkTxCd"))
        own["charges"] = sum(units for units, code in _charges(entry) if code == self.currency)
        batches = _batches(entry)
        if len(details) == 1 and not batches:
            own["description"] = entry.read("AddtlNtryInf")
            return details[0].line(amount, self.currency, **fields, **own)
        for batch in batches:
            own["message"], own["batch"] = batch.read("MsgId"), batch.read("PmtInfId")
        parts = tuple(each.line(each.amount(credit, self.currency), self.currency, **fields) for each in details)
        _check_parts(entry, amount, own["charges"], parts, batches)
        return Line(amount=amount, description=entry.read("AddtlNtryInf"), parts=parts, **fields, **own)

    def closing(self, element: Element) -> Closing:
        """The statement has ended: compare what it says of itself."""
        if self.kind == "camt.053" and self.opens and self.closes and self.opens[0] + self.booked != self.closes[0]:
            found = self.opens[0] + self.booked
            raise element.refused(f"a closing balance of {found}, the opening and all entries, not {self.closes[0]}")
        summary = element.get("TxsSummry")
        if summary is not None and self.is_last and self.opening.page <= 1:
            every = self.credits + self.debits
            self._check(summary.get("TtlNtries"), self.count, every, self.credits - self.debits)
            self._check(summary.get("TtlCdtNtries"), self.credit_count, self.credits, None)
            self._check(summary.get("TtlDbtNtries"), self.count - self.credit_count, self.debits, None)
        available = next((self.balances[code][0] for code in AVAILABLE if code in self.balances), None)
        balance = self.closes[0] if self.closes else None
        return Closing(balance=balance, date=self.day, lines=self.count, available=available, is_last=self.is_last)

    def _check(self, stated: Element | None, count: int, total: int, net: int | None) -> None:
        if stated is None:
            return
        number, amount = stated.get("NbOfNtries"), stated.get("Sum")
        if number is not None and reading.count(number) != count:
            raise number.refused(f"{count}, as many as there are, not {number.text}")
        if amount is not None and reading.minor_units(amount, self.currency) != total:
            raise amount.refused(f"{total} in minor units, the sum of the entries, not {amount.text}")
        inner = stated.get("TtlNetNtry")
        difference = inner.one("Amt") if inner else stated.get("TtlNetNtryAmt")
        if difference is None or net is None:
            return
        way = _is_credit((inner or stated).get("CdtDbtInd"))
        if reading.minor_units(difference, self.currency) != abs(net) or (net and way == (net < 0)):
            raise difference.refused(f"{net} in minor units, credits less debits, not {difference.text}")


def _is_credit(element: Element | None) -> bool | None:
    if element is None:
        return None
    return choice(element, ("CRDT", "DBIT")) == "CRDT"


def _day(element: Element) -> date:
    """Of the choice between a day and a moment."""
    return reading.day(element.get("Dt") or element.one("DtTm"))


def _codes(element: Element | None) -> tuple[str, str]:
    """(domain/family/sub-family, the bank's own)"""
    if element is None:
        return "", ""
    domain = element.get("Domn")
    family = domain.get("Fmly") if domain else None
    code = ""
    if domain is not None and family is not None:
        code = f"{domain.read('Cd')}/{family.read('Cd')}/{family.read('SubFmlyCd')}"
    return code, element.read("Prtry", "Cd")


def _amounts(element: Element) -> list[tuple[int, str]]:
    """What a payment may be booked by, the best first."""
    details = element.get("AmtDtls")
    found = [element.get("Amt")]
    if details is not None:
        found += [details.get("TxAmt", "Amt"), details.get("CntrValAmt", "Amt"), details.get("InstdAmt", "Amt")]
    return [reading.amount(each) for each in found if each is not None]


def _instructed(element: Element) -> tuple[int, str, str] | None:
    details = element.get("AmtDtls")
    amount = details.get("InstdAmt", "Amt") if details else None
    if details is None or amount is None:
        return None
    rates = (details.read(name, "CcyXchg", "XchgRate") for name in ("InstdAmt", "TxAmt", "CntrValAmt"))
    return (*reading.amount(amount), next(filter(None, rates), ""))


def _charges(element: Element) -> list[tuple[int, str]]:
    """What the bank kept, less what it gave. Version 02 lists charges, version 08 lists records in one."""
    found = []
    for charges in element.every("Chrgs"):
        for each in charges.every("Rcrd") or [charges]:
            amount = each.get("Amt") or each.get("TtlChrgsAndTaxAmt")
            if amount is not None:
                units, currency = reading.amount(amount)
                found.append((-units if _is_credit(each.get("CdtDbtInd")) else units, currency))
    return found


def _names(parties: Element | None) -> tuple[tuple[str, str], tuple[str, str]]:
    """(name, account number) of the debtor and of the creditor."""
    if parties is None:
        return ("", ""), ("", "")
    found = []
    for name in ("Dbtr", "Cdtr"):
        party, account = parties.get(name), parties.get(f"{name}Acct", "Id")
        number = (account.read("IBAN") or account.read("Othr", "Id")) if account else ""
        found.append(((party.read("Pty", "Nm") or party.read("Nm")) if party else "", number))
    return found[0], found[1]


def _batches(entry: Element) -> list[Element]:
    return [batch for each in entry.every("NtryDtls") if (batch := each.get("Btch"))]


def _check_parts(entry: Element, amount: int, charges: int, parts: tuple[Line, ...], batches: list[Element]) -> None:
    stated = [each for batch in batches if (each := batch.get("NbOfTxs"))]
    if parts and stated and len(stated) == len(entry.every("NtryDtls")):
        if sum(map(reading.count, stated)) != len(parts):
            raise stated[0].refused(f"{len(parts)}, as many as there are, not {stated[0].text}")
    total = sum(part.amount for part in parts)
    if parts and total != amount and not charges and not any(part.charges for part in parts):
        raise entry.refused(f"payments that add up to the entry, {amount}, not {total}")
