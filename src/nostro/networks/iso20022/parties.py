"""The people, companies, accounts and banks that every message names.

The same values serve all versions: until 2013 (pain .02 and .03, camt .02) a bank's code stands in `BIC`, later in
`BICFI`, and addresses gained parts.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final, NamedTuple

from msgspec import Struct
from schwifty import IBAN
from schwifty.exceptions import SchwiftyException

from nostro.networks.file_error import FileError
from nostro.networks.iso20022.reading import Element
from nostro.networks.iso20022.writing import code_or_own, leaf, required, tag

BIC: Final = re.compile(r"[A-Z]{6}[A-Z2-9][A-NP-Z0-9](?:[A-Z0-9]{3})?", re.ASCII)
COUNTRY: Final = re.compile(r"[A-Z]{2}", re.ASCII)
# What a member of a national clearing system is numbered by: codes of ISO's external list.
US_ROUTING, GB_SORT_CODE = "USABA", "GBDSC"
# (field, element, characters): the parts of an address that each version has.
_ADDRESS: Final = (
    ("department", "Dept", 70), ("street", "StrtNm", 70), ("building", "BldgNb", 16), ("building_name", "BldgNm", 35),
    ("floor", "Flr", 70), ("post_box", "PstBx", 16), ("room", "Room", 70), ("postal_code", "PstCd", 16),
    ("town", "TwnNm", 35), ("region", "CtrySubDvsn", 35),
)  # fmt: skip
_SINCE_2019: Final = frozenset({"BldgNm", "Flr", "PstBx", "Room"})


class Address(Struct, frozen=True, kw_only=True):
    """`country` is two letters (ISO 3166). Structured parts, or at most seven `lines` of 70 characters, or both
    ("hybrid", in which town and country are structured)."""

    country: str = ""
    street: str = ""
    building: str = ""
    postal_code: str = ""
    town: str = ""
    region: str = ""
    department: str = ""
    building_name: str = ""
    floor: str = ""
    post_box: str = ""
    room: str = ""
    lines: tuple[str, ...] = ()


class Party(Struct, frozen=True, kw_only=True):
    """A person or an organisation. `id` is a number in `scheme` (a code of ISO such as CUST or TXID, or a name of
    one's own); `bic` and `lei` name an organisation."""

    name: str = ""
    address: Address | None = None
    id: str = ""
    scheme: str = ""
    is_person: bool = False
    bic: str = ""
    lei: str = ""


class Account(Struct, frozen=True, kw_only=True):
    """An account and the bank that keeps it: an `iban`, or a `number` in `scheme` (BBAN, UPIC, or one's own); the bank
    by `bic`, or by its `member` number in a `clearing` system (USABA, GBDSC, ...)."""

    iban: str = ""
    number: str = ""
    scheme: str = ""
    type: str = ""
    currency: str = ""
    bic: str = ""
    clearing: str = ""
    member: str = ""
    bank_name: str = ""


class Style(NamedTuple):
    """How to write: `old` is the form of before 2019; `text` puts names and texts into the characters to use."""

    old: bool
    text: Callable[[str], str]


NOBODY: Final = Party()
NOWHERE: Final = Account()


# ---------------------------------------------------------------- writing


def write_party(name: str, party: Party, style: Style) -> str:
    """ "" for a party of which nothing is known."""
    other = tag("Othr", leaf("Id", party.id), code_or_own("SchmeNm", party.scheme))
    if party.is_person:
        who = tag("PrvtId", other)
    else:
        code = leaf("BICOrBEI" if style.old else "AnyBIC", checked_bic(party.bic), 11)
        who = tag("OrgId", code, "" if style.old else leaf("LEI", party.lei, 20), other)
    return tag(name, leaf("Nm", style.text(party.name), 140), _write_address(party.address, style), tag("Id", who))


def _write_address(address: Address | None, style: Style) -> str:
    if address is None:
        return ""
    if address.country and not COUNTRY.fullmatch(address.country):
        raise FileError(0, f"two capital letters, not {address.country!r}", path="Ctry")
    if len(address.lines) > 7:
        raise FileError(0, "at most seven lines", path="AdrLine")
    parts = [leaf(name, style.text(getattr(address, field)), most) for field, name, most in _ADDRESS
             if not (style.old and name in _SINCE_2019)]  # fmt: skip
    lines = [required("AdrLine", style.text(line), 70) for line in address.lines]
    return tag("PstlAdr", *parts, leaf("Ctry", address.country, 2), *lines)


def write_account(name: str, account: Account) -> str:
    if account.iban:
        which = leaf("IBAN", checked_iban(account.iban), 34)
    else:
        which = tag("Othr", leaf("Id", account.number, 34), code_or_own("SchmeNm", account.scheme))
    if not which:
        return ""
    return tag(name, tag("Id", which), code_or_own("Tp", account.type), leaf("Ccy", account.currency.upper(), 3))


def write_bank(name: str, account: Account, style: Style, *, always: bool = False) -> str:
    """The bank of the account. `always` writes one even where nothing is known, as SEPA does (NOTPROVIDED)."""
    member = tag(
        "ClrSysMmbId", code_or_own("ClrSysId", account.clearing, codes=5), leaf("MmbId", account.member)
    ) if account.member else ""  # fmt: skip
    parts = leaf("BIC" if style.old else "BICFI", checked_bic(account.bic), 11) + member
    parts += leaf("Nm", style.text(account.bank_name), 140)
    if not parts and always:
        parts = tag("Othr", leaf("Id", "NOTPROVIDED"))
    return tag(name, tag("FinInstnId", parts))


def checked_bic(bic: str) -> str:
    if bic and not BIC.fullmatch(bic):
        raise FileError(0, f"a BIC of 8 or 11 characters, not {bic!r}", path="BIC")
    return bic


def checked_iban(iban: str) -> str:
    try:
        return str(IBAN(iban))
    except SchwiftyException as error:
        raise FileError(0, f"an IBAN ({error})", path="IBAN") from None


# ---------------------------------------------------------------- reading


def read_party(element: Element | None) -> Party:
    if element is None:
        return NOBODY
    element = element.get("Pty") or element  # camt since 2019
    person = element.get("Id", "PrvtId")
    who = person or element.get("Id", "OrgId")
    other = who.get("Othr") if who else None
    return Party(
        name=element.read("Nm"),
        address=_read_address(element.get("PstlAdr")),
        id=other.read("Id") if other else "",
        scheme=read_code(other.get("SchmeNm")) if other else "",
        is_person=person is not None,
        bic=who.read("BICOrBEI") or who.read("AnyBIC") if who else "",
        lei=who.read("LEI") if who else "",
    )


def _read_address(element: Element | None) -> Address | None:
    if element is None:
        return None
    parts = {field: element.read(name) for field, name, _ in _ADDRESS}
    lines = tuple(line.text for line in element.every("AdrLine"))
    return Address(**parts, country=element.read("Ctry"), lines=lines)


def read_account(account: Element | None, bank: Element | None) -> Account:
    if account is None and bank is None:
        return NOWHERE
    found: dict[str, str] = {}
    if account is not None:
        number = account.get("Id", "Othr")
        found |= {"iban": account.read("Id", "IBAN"), "currency": account.read("Ccy").lower()}
        found |= {"type": read_code(account.get("Tp"))}
        if number is not None:
            found |= {"number": number.read("Id"), "scheme": read_code(number.get("SchmeNm"))}
    at = bank.get("FinInstnId") if bank is not None else None
    if at is not None:
        found |= {"bic": at.read("BIC") or at.read("BICFI"), "bank_name": at.read("Nm")}
        member = at.get("ClrSysMmbId")
        if member is not None:
            found |= {"clearing": read_code(member.get("ClrSysId")), "member": member.read("MmbId")}
    return Account(**found)


def read_order_account(account: Element | None, bank: Element | None) -> Account:
    """An account in an order to a bank, whose codes must be right (what a bank says of others is taken as it is)."""
    found = read_account(account, bank)
    where = account or bank
    try:
        checked_iban(found.iban) if found.iban else None
        checked_bic(found.bic)
    except FileError as error:
        assert where is not None
        raise where.refused(error.expected) from None
    return found


def read_code(element: Element | None) -> str:
    """The code, ISO's or one's own."""
    return (element.read("Cd") or element.read("Prtry")) if element is not None else ""
