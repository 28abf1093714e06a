"""What orders to a bank have in common: the head, ids, counts and sums, remittance."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import datetime
from decimal import Decimal
from typing import Any, BinaryIO, Final, Generic, NamedTuple, Protocol, TypeVar

from msgspec import Struct

from nostro.kernel.money import exponent
from nostro.networks.file_error import FileError
from nostro.networks.iso20022 import reading, writing
from nostro.networks.iso20022.characters import LATIN, latin
from nostro.networks.iso20022.parties import (
    NOBODY,
    Account,
    Party,
    Style,
    read_code,
    read_order_account,
    read_party,
    write_party,
)
from nostro.networks.iso20022.reading import Element
from nostro.networks.iso20022.writing import code_or_own, leaf, required, tag

NOT_PROVIDED: Final = "NOTPROVIDED"  # an end-to-end id that says that there is none
BEARERS: Final = ("SLEV", "SHAR", "DEBT", "CRED")
UETR: Final = re.compile(r"[a-f0-9]{8}-[a-f0-9]{4}-4[a-f0-9]{3}-[89ab][a-f0-9]{3}-[a-f0-9]{12}", re.ASCII)


class Sum:
    """Amounts added up as they are written, whatever their currencies: NbOfTxs and CtrlSum."""

    def __init__(self) -> None:
        self.count = 0
        self.units: dict[int, int] = {}  # by decimal places

    def add(self, amount: int, currency: str) -> None:
        places = exponent(currency)
        self.count += 1
        self.units[places] = self.units.get(places, 0) + amount

    def include(self, other: Sum) -> None:
        self.count += other.count
        for places, units in other.units.items():
            self.units[places] = self.units.get(places, 0) + units

    @property
    def total(self) -> Decimal:
        return sum((Decimal(units).scaleb(-places) for places, units in self.units.items()), Decimal(0))

    def write(self) -> str:
        return f"<NbOfTxs>{self.count}</NbOfTxs><CtrlSum>{self.total:f}</CtrlSum>"

    def check(self, head: Element, *, must: bool) -> None:
        """Compare with what the head says; `must` where the schema asks for the count."""
        stated = head.one("NbOfTxs") if must else head.get("NbOfTxs")
        if stated is not None and reading.count(stated) != self.count:
            raise stated.refused(f"{self.count}, as many as there are, not {stated.text}")
        total = head.get("CtrlSum")
        if total is None:
            return
        if not re.fullmatch(r"\+?[0-9]{0,18}(\.[0-9]{0,17})?", total.text, re.ASCII) or total.text in ("", ".", "+"):
            raise total.refused("a sum of at most 18 digits")
        if Decimal(total.text) != self.total:
            raise total.refused(f"{self.total:f}, the sum of what follows, not {total.text}")


class Unique:
    """Ids that may be in a file once."""

    def __init__(self) -> None:
        self.seen: set[tuple[str, str]] = set()

    def add(self, element: str, text: str, where: Element | None = None) -> None:
        if (element, text) in self.seen:
            expected = f"an {element} that is in the file once, not {text!r}"
            raise where.refused(expected) if where else FileError(0, expected, path=element)
        if text != NOT_PROVIDED:
            self.seen.add((element, text))


class Single(Struct, frozen=True, kw_only=True):
    """A transfer or a debit. `end_to_end` goes along to the other side, and comes back with a return; `account` is the
    other side's. `remittance` is free text of at most 140 characters; `creditor_reference` is the creditor's own (RF...
    of ISO 11649, or a national one). `uetr` is written since 2019."""

    end_to_end: str
    amount: int
    currency: str
    account: Account
    instruction: str = ""
    uetr: str = ""
    remittance: str = ""
    creditor_reference: str = ""
    purpose: str = ""
    ultimate_debtor: Party = NOBODY
    ultimate_creditor: Party = NOBODY


class Part(Protocol):
    """A payment, or a collection."""

    @property
    def id(self) -> str: ...


class Message(Struct, frozen=True, kw_only=True):
    """Who orders, and when."""

    id: str
    created: datetime
    initiator: Party


P = TypeVar("P", bound=Part)
S = TypeVar("S", bound=Single)


class Kind(NamedTuple, Generic[P, S]):
    """What tells one order from another: its elements, and how its parts and singles are written and read. `messages`
    are the version of before 2019 and the one since."""

    messages: tuple[str, str]
    root: str
    single: str
    singles: Callable[[P], tuple[S, ...]]
    write_part: Callable[[P, Sum, Style], str]
    write_single: Callable[[S, Style], str]
    read_part: Callable[[Element, tuple[S, ...]], P]
    read_single: Callable[[Element], S]


def pieces(kind: Kind[P, S], message: Message, parts: tuple[P, ...], version: str, plain: bool) -> Iterator[bytes]:
    """The file, a transfer or a debit at a time. `plain` writes names and texts in SEPA's characters."""
    old, _ = kind.messages
    style = Style(old.endswith(version), latin if plain else str)
    name = f"{old.rpartition('.')[0]}.{version}"
    return writing.document(name, _write(kind, message, parts, style))


def _write(kind: Kind[P, S], message: Message, parts: tuple[P, ...], style: Style) -> Iterator[str]:
    unique = Unique()
    total = Sum()
    for part in parts:
        total.include(_total(kind, part))
    if not parts:
        raise FileError(0, "at least one", path="PmtInf")
    yield f"<{kind.root}>" + _write_head(message, total, style)
    for part in parts:
        unique.add("PmtInfId", part.id)
        yield "<PmtInf>" + kind.write_part(part, _total(kind, part), style)
        for single in kind.singles(part):
            unique.add("EndToEndId", single.end_to_end)
            yield kind.write_single(single, style)
        yield "</PmtInf>"
    yield f"</{kind.root}>"


def read(kind: Kind[P, S], source: bytes | BinaryIO) -> tuple[str, datetime, Party, tuple[P, ...]]:
    """The id of the message, when it was made, who made it, and its parts: all of it, or a FileError."""
    head: Element | None = None
    parts: list[P] = []
    singles: list[S] = []
    unique, total, sum_of_part = Unique(), Sum(), Sum()
    wanted = (f"{kind.root}/GrpHdr", f"{kind.root}/PmtInf", f"{kind.root}/PmtInf/{kind.single}")
    for _, _, element in reading.elements(source, kind.messages, wanted):
        name = element.spot.name
        if name == "GrpHdr":
            if head is not None:
                raise element.refused("one GrpHdr")
            head = element
        elif name == kind.single:
            single = kind.read_single(element)
            unique.add("EndToEndId", single.end_to_end, element)
            sum_of_part.add(single.amount, single.currency)
            singles.append(single)
        else:
            if not singles:
                raise element.refused(kind.single)
            parts.append(kind.read_part(element, tuple(singles)))
            unique.add("PmtInfId", parts[-1].id, element)
            sum_of_part.check(element, must=False)
            total.include(sum_of_part)
            singles, sum_of_part = [], Sum()
    if head is None or not parts:
        raise FileError(1, "a GrpHdr and a PmtInf", path=kind.root)
    total.check(head, must=True)
    created, initiator = reading.moment(head.one("CreDtTm")), read_party(head.one("InitgPty"))
    return head.need("MsgId"), created, initiator, tuple(parts)


def _total(kind: Kind[P, S], part: P) -> Sum:
    total = Sum()
    for single in kind.singles(part):
        total.add(single.amount, single.currency)
    if not total.count:
        raise FileError(0, f"at least one in each payment, {part.id!r}", path=kind.single)
    return total


def _write_head(message: Message, total: Sum, style: Style) -> str:
    who = write_party("InitgPty", message.initiator, style) or "<InitgPty/>"
    return tag(
        "GrpHdr", identifier("MsgId", message.id), writing.moment("CreDtTm", message.created), total.write(), who
    )


def write_ids(single: Single, style: Style) -> str:
    uetr, instruction = single.uetr, single.instruction
    if uetr and not UETR.fullmatch(uetr):
        raise FileError(0, f"a UUID of version 4 in small letters, not {uetr!r}", path="UETR")
    return tag(
        "PmtId", identifier("InstrId", instruction) if instruction else "",
        identifier("EndToEndId", single.end_to_end), "" if style.old else leaf("UETR", uetr, 36),
    )  # fmt: skip


def write_why(single: Single, style: Style) -> str:
    """What it is for, which both kinds end with."""
    return code_or_own("Purp", single.purpose) + write_remittance(single.remittance, single.creditor_reference, style)


def read_single(element: Element, amount: Element, other: str) -> dict[str, Any]:
    """The fields of a `Single`; `other` begins the names of the other side's elements (Cdtr, Dbtr)."""
    ids = element.one("PmtId")
    text, reference = read_remittance(element.get("RmtInf"))
    return {
        **read_amount(amount),
        "end_to_end": ids.need("EndToEndId"),
        "account": read_order_account(element.one(f"{other}Acct"), element.get(f"{other}Agt")),
        "instruction": ids.read("InstrId"),
        "uetr": ids.read("UETR"),
        "remittance": text,
        "creditor_reference": reference,
        "purpose": read_code(element.get("Purp")),
        "ultimate_debtor": read_party(element.get("UltmtDbtr")),
        "ultimate_creditor": read_party(element.get("UltmtCdtr")),
    }


def write_amount(amount: int, currency: str) -> str:
    if amount <= 0:
        raise FileError(0, f"an amount above zero, not {amount}", path="InstdAmt")
    return writing.money("InstdAmt", amount, currency)


def read_amount(element: Element) -> dict[str, Any]:
    amount, currency = reading.amount(element)
    if not amount:
        raise element.refused("an amount above zero")
    return {"amount": amount, "currency": currency}


def write_booking(one_booking: bool | None) -> str:
    return "" if one_booking is None else f"<BtchBookg>{'true' if one_booking else 'false'}</BtchBookg>"


def read_booking(element: Element) -> bool | None:
    booking = element.get("BtchBookg")
    return None if booking is None else reading.yes(booking)


def identifier(name: str, text: str) -> str:
    """An id travels through every bank, so it keeps to the characters that all take (EPC230-15)."""
    if not LATIN.fullmatch(text) or text.startswith("/") or text.endswith("/") or "//" in text:
        raise FileError(0, f"letters, digits and /-?:().,'+ without a slash at an end or two in a row, not {text!r}",
                        path=name)  # fmt: skip
    return required(name, text)


def write_remittance(text: str, reference: str, style: Style) -> str:
    if reference.startswith("RF"):
        check_reference(reference)
    kind = tag("Tp", "<CdOrPrtry><Cd>SCOR</Cd></CdOrPrtry>", "<Issr>ISO</Issr>" if reference.startswith("RF") else "")
    structured = tag("Strd", tag("CdtrRefInf", kind, leaf("Ref", reference))) if reference else ""
    return tag("RmtInf", leaf("Ustrd", style.text(text), 140), structured)


def check_reference(reference: str) -> None:
    """A creditor reference of ISO 11649: RF, two check digits (modulo 97), at most 21 letters and digits."""
    turned = reference[4:] + reference[:4]
    if (
        not re.fullmatch(r"RF[0-9]{2}[A-Z0-9]{1,21}", reference, re.ASCII)
        or int("".join(str(int(each, 36)) for each in turned)) % 97 != 1
    ):
        raise FileError(0, f"a creditor reference with its check digits, not {reference!r}", path="Ref")


def read_remittance(element: Element | None) -> tuple[str, str]:
    """(free text, creditor reference)"""
    if element is None:
        return "", ""
    structured = element.every("Strd")
    references = [found for each in structured if (found := each.read("CdtrRefInf", "Ref"))]
    return " ".join(text.text for text in element.every("Ustrd")), references[0] if references else ""


def write_type(service: str, local: str, category: str, priority: str = "", sequence: str = "") -> str:
    """How to pay: service level and the scheme within it. Codes of local instruments are longer than ISO's others."""
    return tag(
        "PmtTpInf", leaf("InstrPrty", priority), code_or_own("SvcLvl", service),
        code_or_own("LclInstrm", local, codes=35), leaf("SeqTp", sequence), code_or_own("CtgyPurp", category),
    )  # fmt: skip


def read_type(element: Element | None) -> dict[str, str]:
    if element is None:
        return {"service": "", "local": "", "category": ""}
    return {
        "service": read_code(element.get("SvcLvl")),
        "local": read_code(element.get("LclInstrm")),
        "category": read_code(element.get("CtgyPurp")),
    }


def choice(element: Element | None, accepted: tuple[str, ...]) -> str:
    """The element's text, which is one of these; "" if it is not there."""
    if element is None:
        return ""
    if element.text not in accepted:
        raise element.refused(" or ".join(accepted))
    return element.text
