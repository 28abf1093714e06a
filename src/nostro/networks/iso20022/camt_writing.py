"""camt.052, 053 and 054 built: what a bank would send for these statements.

What `camt.read` gives for the file is what went in. Balances, counts and sums are checked on the way out too.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import date, datetime, time
from typing import Final, Literal

from nostro.networks.file_error import FileError
from nostro.networks.iso20022 import writing
from nostro.networks.iso20022.camt import REFERENCES, ROOTS
from nostro.networks.iso20022.writing import leaf, required, tag
from nostro.networks.statement import Closing, Line, Opening, Statement

Kind = Literal["camt.052", "camt.053", "camt.054"]
Version = Literal["02", "08"]
IBAN: Final = re.compile(r"[A-Z]{2}[0-9]{2}[A-Za-z0-9]{11,30}", re.ASCII)
RATE: Final = re.compile(r"[0-9]{1,10}(\.[0-9]{1,10})?", re.ASCII)


def build(
    statements: Iterable[Statement],
    *,
    message: str,
    created: datetime,
    kind: Kind = "camt.053",
    version: Version = "08",
) -> bytes:
    """The file. `message` is the id of it."""
    return b"".join(pieces(statements, message=message, created=created, kind=kind, version=version))


def pieces(
    statements: Iterable[Statement],
    *,
    message: str,
    created: datetime,
    kind: Kind = "camt.053",
    version: Version = "08",
) -> Iterator[bytes]:
    """The same, an entry at a time. The pages of one statement go into files of their own in version 02."""
    return writing.document(f"{kind}.001.{version}", _message(statements, message, created, kind, version == "02"))


def _message(statements: Iterable[Statement], message: str, created: datetime, kind: Kind, old: bool) -> Iterator[str]:
    root, name = ROOTS[kind]
    seen: set[str] = set()
    first = True
    for each in statements:
        opening, closing = each.opening, each.closing
        if first:
            pages = _pages("MsgPgntn", opening, closing) if old else ""
            head = required("MsgId", message) + writing.moment("CreDtTm", created) + pages
            yield f"<{root}><GrpHdr>{head}</GrpHdr>"
        elif old and (opening.page or not closing.is_last):
            raise FileError(0, "a file for each page, in version 02", path="MsgPgntn")
        if opening.number in seen:
            raise FileError(0, f"a number that is in the file once, not {opening.number!r}", path="Id")
        seen.add(opening.number)
        first = False
        yield f"<{name}>" + _head(each, created, kind, old)
        for line in each.lines:
            yield _entry(line, opening.currency, old)
        yield f"</{name}>"
    if first:
        raise FileError(0, "at least one statement", path=root)
    yield f"</{root}>"


def _pages(name: str, opening: Opening, closing: Closing) -> str:
    if not opening.page:
        return ""
    last = "true" if closing.is_last else "false"
    return f"<{name}><PgNb>{opening.page}</PgNb><LastPgInd>{last}</LastPgInd></{name}>"


def _head(statement: Statement, created: datetime, kind: Kind, old: bool) -> str:
    opening, closing, lines = statement.opening, statement.closing, statement.lines
    if closing.lines != len(lines):
        raise FileError(0, f"{len(lines)} lines in the closing, not {closing.lines}", path=kind)
    if kind == "camt.053":
        if opening.balance is None or closing.balance is None:
            raise FileError(0, "an opening and a closing balance", path="Bal")
        if opening.balance + sum(line.amount for line in lines if not line.pending) != closing.balance:
            raise FileError(0, "a closing balance that is the opening one and all lines", path="Bal")
    elif kind == "camt.054" and (opening.balance, closing.balance, closing.available) != (None, None, None):
        raise FileError(0, "no balance in a notification", path="Bal")
    start, end = datetime.combine(opening.date, time(0)), datetime.combine(closing.date, time(23, 59, 59))
    pages = (
        ""
        if old
        else _pages({"camt.052": "RptPgntn", "camt.053": "StmtPgntn"}.get(kind, "NtfctnPgntn"), opening, closing)
    )
    return "".join((
        required("Id", opening.number), pages, writing.moment("CreDtTm", created),
        tag("FrToDt", writing.moment("FrDtTm", start), writing.moment("ToDtTm", end)),
        tag("Acct", _account("Id", opening.account), leaf("Ccy", opening.currency.upper(), 3)),
        *_balances(opening, closing, kind), _summary(statement, old),
    ))  # fmt: skip


def _balances(opening: Opening, closing: Closing, kind: Kind) -> Iterator[str]:
    if opening.balance is not None:
        yield _balance("ITBD" if opening.page > 1 else "OPBD", opening.balance, opening.currency, opening.date)
    if closing.balance is not None:
        code = "CLBD" if kind == "camt.053" and closing.is_last else "ITBD"
        yield _balance(code, closing.balance, opening.currency, closing.date)
    if closing.available is not None:
        code = "CLAV" if kind == "camt.053" else "ITAV"
        yield _balance(code, closing.available, opening.currency, closing.date)


def _balance(code: str, amount: int, currency: str, day: date) -> str:
    kind = f"<Tp><CdOrPrtry><Cd>{code}</Cd></CdOrPrtry></Tp>"
    return tag("Bal", kind, _signed(amount, currency), tag("Dt", writing.day("Dt", day)))


def _signed(amount: int, currency: str) -> str:
    return writing.money("Amt", abs(amount), currency) + _way(amount)


def _way(amount: int) -> str:
    return f"<CdtDbtInd>{'CRDT' if amount >= 0 else 'DBIT'}</CdtDbtInd>"


def _summary(statement: Statement, old: bool) -> str:
    currency, lines = statement.opening.currency, statement.lines
    net, total = sum(line.amount for line in lines), sum(abs(line.amount) for line in lines)
    written = writing.decimal(abs(net), currency)
    difference = f"<TtlNetNtryAmt>{written}</TtlNetNtryAmt>{_way(net)}" if old else tag(
        "TtlNetNtry", f"<Amt>{written}</Amt>", _way(net))  # fmt: skip
    head = f"<NbOfNtries>{len(lines)}</NbOfNtries><Sum>{writing.decimal(total, currency)}</Sum>"
    return tag("TxsSummry", tag("TtlNtries", head, difference))


def _account(name: str, number: str) -> str:
    return tag(name, leaf("IBAN", number, 34) if IBAN.fullmatch(number) else tag("Othr", required("Id", number, 34)))


def _entry(line: Line, currency: str, old: bool) -> str:
    status = "PDNG" if line.pending else "BOOK"
    batch = tag(
        "Btch", leaf("MsgId", line.message), leaf("PmtInfId", line.batch), f"<NbOfTxs>{len(line.parts)}</NbOfTxs>"
    ) if line.parts else ""  # fmt: skip
    parts = [_payment(part, line, currency, old) for part in line.parts] or [_payment(line, None, currency, old)]
    return tag(
        "Ntry", _signed(line.amount, currency), "<RvslInd>true</RvslInd>" if line.reversal else "",
        f"<Sts>{status}</Sts>" if old else f"<Sts><Cd>{status}</Cd></Sts>",
        tag("BookgDt", writing.day("Dt", line.booked)), tag("ValDt", writing.day("Dt", line.valued)),
        leaf("AcctSvcrRef", line.reference), writing.expected("BkTxCd", _code(line)),
        _charges(line.charges, currency, old), tag("NtryDtls", batch, *parts),
        leaf("AddtlNtryInf", line.description, 500) if line.parts else "",
    )  # fmt: skip


def _payment(line: Line, of: Line | None, currency: str, old: bool) -> str:
    """The details of a line that is one payment, or of a part `of` one. What the entry says is not said again."""
    if of and old and line.amount and (line.amount < 0) != (of.amount < 0):
        raise FileError(0, "parts that go the way of their line, in version 02", path="TxDtls")
    names = [name for name in REFERENCES if not (name == "uetr" and old) and not (of is None and name == "reference")]
    charges = _charges(line.charges, currency, old) if of else ""
    long = len(line.description) > 140
    return tag(
        "TxDtls", tag("Refs", *(leaf(REFERENCES[name], getattr(line, name), 36) for name in names)),
        _signed(line.amount, currency) if of and not old else "", _amounts(line, currency, bool(of and old)),
        _code(line) if of else "", charges, _parties(line, old),
        tag("RmtInf", "" if long else leaf("Ustrd", line.description, 140), _structured(line.creditor_reference)),
        tag("RtrInf", writing.code_or_own("Rsn", line.return_reason)),
        leaf("AddtlTxInf", line.description, 500) if long else "",
    )  # fmt: skip


def _code(line: Line) -> str:
    own = tag("Prtry", leaf("Cd", line.own_code))
    if not line.code:
        return tag("BkTxCd", own)
    domain, _, rest = line.code.partition("/")
    family, _, sub = rest.partition("/")
    parts = required("Cd", domain, 4) + tag("Fmly", required("Cd", family, 4), required("SubFmlyCd", sub, 4))
    return tag("BkTxCd", tag("Domn", parts), own)


def _charges(amount: int, currency: str, old: bool) -> str:
    if not amount:
        return ""
    record = _signed(-amount, currency)
    return tag("Chrgs", record if old else tag("Rcrd", record))


def _amounts(line: Line, currency: str, always: bool) -> str:
    booked = tag("TxAmt", writing.money("Amt", abs(line.amount), currency))
    if not line.instructed_currency:
        return tag("AmtDtls", booked) if always else ""
    if line.rate and not RATE.fullmatch(line.rate):
        raise FileError(0, f"a rate of at most ten decimals, not {line.rate!r}", path="XchgRate")
    source, target = line.instructed_currency.upper(), currency.upper()
    rate = f"<CcyXchg><SrcCcy>{source}</SrcCcy><TrgtCcy>{target}</TrgtCcy><XchgRate>{line.rate}</XchgRate></CcyXchg>"
    amount = writing.money("Amt", line.instructed, line.instructed_currency)
    return tag("AmtDtls", tag("InstdAmt", amount, rate if line.rate else ""), booked)


def _parties(line: Line, old: bool) -> str:
    side = "Dbtr" if (line.amount > 0) != line.reversal else "Cdtr"
    name = leaf("Nm", line.counterparty, 140)
    account = _account("Id", line.counterparty_account) if line.counterparty_account else ""
    return tag("RltdPties", tag(side, name if old else tag("Pty", name)), tag(f"{side}Acct", account))


def _structured(reference: str) -> str:
    kind = "<Tp><CdOrPrtry><Cd>SCOR</Cd></CdOrPrtry></Tp>"
    return tag("Strd", tag("CdtrRefInf", kind, leaf("Ref", reference))) if reference else ""
