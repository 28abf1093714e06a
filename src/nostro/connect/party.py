"""Person as it is kept: who stands behind an account, and how far that was checked.

Test mode checks by the published values: the id numbers 111111111 and 111111112, the address `address_no_match` and
the file `file_identity_document_failure` do not pass; what else is whole, passes, at once, but for the day of birth
1901-01-01, whose check takes some seconds. Id numbers are kept nowhere: only that one was given, and whether it
passed.
"""

from __future__ import annotations

from datetime import date
from typing import Literal

import msgspec
from msgspec import UNSET

from nostro.kernel.address import Address
from nostro.kernel.clock import utc_date
from nostro.kernel.errors import invalid
from nostro.kernel.resource import Metadata, Shape, Stored, Unset, View, Wire, public
from nostro.kernel.resource import merge_metadata as merge

from .person_params import PersonParams
from .values import (
    Acceptance,
    Alternative,
    Dob,
    Document,
    JapaneseAddress,
    Shortcoming,
    documents,
    merged,
)  # fmt: skip

Status = Literal["unverified", "pending", "verified"]
WRONG_NUMBERS = {"111111111", "111111112", "1111"}
WRONG_ADDRESS = "address_no_match"
WRONG_FILE = "file_identity_document_failure"
SLOW = Dob(day=1, month=1, year=1901)
LISTED = Dob(day=1, month=1, year=1900)
"""The published day of birth of somebody who may be on a list of sanctions."""


class Acceptances(Shape, frozen=True, kw_only=True):
    account: Acceptance = Acceptance()


class Due(Shape, frozen=True, kw_only=True):
    """A person's part of the account's requirements; the names are without the person's id."""

    alternatives: list[Alternative] = []
    currently_due: list[str] = []
    errors: list[Shortcoming] = []
    eventually_due: list[str] = []
    past_due: list[str] = []
    pending_verification: list[str] = []


class Relationship(Shape, frozen=True, kw_only=True):
    authorizer: bool | None = None
    director: bool = False
    executive: bool = False
    legal_guardian: bool = False
    owner: bool = False
    percent_ownership: float | None = None
    representative: bool = False
    title: str | None = None


class Ethnicity(Shape, frozen=True, kw_only=True):
    ethnicity: list[str] | None = None
    ethnicity_other: str | None = None


class Race(Shape, frozen=True, kw_only=True):
    race: list[str] | None = None
    race_other: str | None = None


class CfpbData(Shape, frozen=True, kw_only=True):
    ethnicity_details: Ethnicity | None = None
    race_details: Race | None = None
    self_identified_gender: str | None = None


class Verification(Shape, frozen=True, kw_only=True):
    additional_document: Document = Document()
    details: str | None = None
    details_code: str | None = None
    document: Document = Document()
    status: Status = "unverified"


class Person(Stored, frozen=True, kw_only=True):
    object: Literal["person"] = "person"
    account: str
    additional_tos_acceptances: Acceptances = Acceptances()
    address: Address = Address()
    address_kana: JapaneseAddress | Unset = UNSET
    address_kanji: JapaneseAddress | Unset = UNSET
    dob: Dob = Dob()
    email: str | None = None
    first_name: str | None = None
    first_name_kana: str | None | Unset = UNSET
    first_name_kanji: str | None | Unset = UNSET
    full_name_aliases: list[str] = []
    future_requirements: Due = Due()
    gender: str | None = None
    id_number_provided: bool = False
    id_number_secondary_provided: bool | Unset = UNSET
    last_name: str | None = None
    last_name_kana: str | None | Unset = UNSET
    last_name_kanji: str | None | Unset = UNSET
    maiden_name: str | None = None
    metadata: Metadata = {}
    nationality: str | None = None
    phone: str | None = None
    political_exposure: Literal["existing", "none"] | None = None
    registered_address: Address = Address()
    relationship: Relationship = Relationship()
    requirements: Due = Due()
    ssn_last_4_provided: bool = False
    us_cfpb_data: CfpbData | Unset = UNSET
    verification: Verification = Verification()


class Record(Person, frozen=True, kw_only=True, omit_defaults=True):
    """`wrong` says that the id number that was given did not pass, `reviewed` that a check which takes its time is
    over. `documents` are the files that prove something, by what they prove.
    """

    documents: dict[str, list[str]] = {}
    reviewed: bool = False
    wrong: bool = False


def render(_: View, person: Record) -> Wire:
    return public(Person, person)


def changed(person: Record, given: PersonParams, within: str = "") -> Record:
    """The person with what was given, to be checked again. `within` is the parameter that holds them, for errors."""
    made = merged(person, given, "account", "documents", "full_name_aliases", "metadata", "person_token")
    change: dict[str, object] = {
        "metadata": merge(person.metadata, given.metadata),
        "documents": documents(person.documents, given.documents),
    }
    if given.full_name_aliases is not UNSET:
        change["full_name_aliases"] = given.full_name_aliases or []
    numbers = {number for number in (given.id_number, given.ssn_last_4) if number is not UNSET}
    if numbers:
        change["wrong"] = bool(numbers & WRONG_NUMBERS)
    if given.ssn_last_4 is not UNSET:
        _check_end(given.ssn_last_4, f"{within}[ssn_last_4]" if within else "ssn_last_4")
    _check_day(made.dob, f"{within}[dob][day]" if within else "dob[day]")
    if given.id_number:
        change["ssn_last_4_provided"] = True  # its end is known with it
    return msgspec.structs.replace(made, reviewed=False, **change)


def _check_end(number: str | None, param: str) -> None:
    if number and (len(number) != 4 or not number.isdigit()):
        raise invalid("You must only provide the last 4 digits of an SSN.", param)


def _check_day(day: Dob, param: str) -> None:
    if day.year and day.month and day.day:
        try:
            date(day.year, day.month, day.day)
        except ValueError:
            raise invalid("There is no such day of birth.", param) from None


# Checking --------------------------------------------------------------------


def whole(person: Record) -> bool:
    """True if there is enough to check: a name, a day of birth, an address, and a number or a document."""
    numbered = person.id_number_provided or person.ssn_last_4_provided or person.verification.document.front
    placed = person.address.line1 or (person.address_kanji and person.address_kanji.line1)
    named = (person.first_name and person.last_name) or (person.first_name_kanji and person.last_name_kanji)
    return bool(named and person.dob.year and placed and numbered)


def wait_for_review(person: Record) -> bool:
    """True if the person's check takes its time and is not over."""
    return whole(person) and person.dob == SLOW and not person.reviewed


def verified(person: Record) -> Record:
    """What the check of test mode says of the person as it is now."""
    front = person.verification.document.front
    document, additional = _read(person.verification.document), _read(person.verification.additional_document)
    status: Status = "unverified"
    details = code = None
    unread = document.details_code or additional.details_code
    if not unread and (person.wrong or person.address.line1 == WRONG_ADDRESS) and not front:
        details = "The person's information could not be verified. Send an identity document."
        code = "failed_keyed_identity"
    elif not unread and whole(person):
        status = "pending" if wait_for_review(person) else "verified"
    verification = Verification(
        additional_document=additional, document=document, status=status, details=details, details_code=code
    )
    return msgspec.structs.replace(person, verification=verification)


def _read(document: Document) -> Document:
    """The document with what is wrong with it."""
    if document.front == WRONG_FILE:
        return msgspec.structs.replace(
            document, details="The document is not readable.", details_code="document_not_readable"
        )
    return msgspec.structs.replace(document, details=None, details_code=None)


def age(person: Record, now: int) -> int | None:
    """In whole years at this moment (seconds); None if the day of birth is not known."""
    born, today = person.dob, utc_date(now)
    if not (born.year and born.month and born.day):
        return None
    return today.year - born.year - ((today.month, today.day) < (born.month, born.day))
