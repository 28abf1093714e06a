"""Person as it is kept: who stands behind an account, and how far that was checked.

Test mode checks at once, by the published values: the id numbers 111111111 and 111111112, the address
`address_no_match` and the file `file_identity_document_failure` do not pass; what else is whole, passes. Id numbers
are kept nowhere: only that one was given, and whether it passed.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta

from nostro.kernel.address import Address
from nostro.kernel.errors import invalid
from nostro.kernel.resource import Metadata, MetadataParam, Params, Shape, Stored, Unset, View, Wire, public
from nostro.kernel.resource import merge_metadata as merge

from .values import (
    Acceptance,
    AcceptanceParams,
    AddressParams,
    Dob,
    DobParams,
    Document,
    DocumentParams,
    Shortcoming,
    Text,
    merged,
)

Status = Literal["unverified", "pending", "verified"]
WRONG_NUMBERS = {"111111111", "111111112", "1111"}
WRONG_ADDRESS = "address_no_match"
WRONG_FILE = "file_identity_document_failure"


class Acceptances(Shape, frozen=True, kw_only=True):
    account: Acceptance = Acceptance()


class Due(Shape, frozen=True, kw_only=True):
    """A person's part of the account's requirements; the names are without the person's id."""

    alternatives: list[str] = []
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
    dob: Dob = Dob()
    email: str | None = None
    first_name: str | None = None
    full_name_aliases: list[str] = []
    future_requirements: Due = Due()
    gender: str | None = None
    id_number_provided: bool = False
    last_name: str | None = None
    maiden_name: str | None = None
    metadata: Metadata = {}
    nationality: str | None = None
    phone: str | None = None
    political_exposure: Literal["existing", "none"] | None = None
    registered_address: Address = Address()
    relationship: Relationship = Relationship()
    requirements: Due = Due()
    ssn_last_4_provided: bool = False
    verification: Verification = Verification()


class Record(Person, frozen=True, kw_only=True, omit_defaults=True):
    """`wrong` says that the id number that was given did not pass."""

    wrong: bool = False


def render(_: View, person: Record) -> Wire:
    return public(Person, person)


# Parameters ------------------------------------------------------------------


class RelationshipParams(Params, frozen=True, kw_only=True):
    authorizer: bool | Unset = UNSET
    director: bool | Unset = UNSET
    executive: bool | Unset = UNSET
    legal_guardian: bool | Unset = UNSET
    owner: bool | Unset = UNSET
    percent_ownership: Annotated[float, Meta(ge=0, le=100)] | None | Unset = UNSET
    representative: bool | Unset = UNSET
    title: Text = UNSET


class VerificationParams(Params, frozen=True, kw_only=True):
    additional_document: DocumentParams | Unset = UNSET
    document: DocumentParams | Unset = UNSET


class AcceptancesParams(Params, frozen=True, kw_only=True):
    account: AcceptanceParams | Unset = UNSET


class PersonParams(Params, frozen=True, kw_only=True):
    """The Japanese forms of names and addresses are not taken yet."""

    additional_tos_acceptances: AcceptancesParams | Unset = UNSET
    address: AddressParams | Unset = UNSET
    dob: DobParams | None | Unset = UNSET
    email: Text = UNSET
    first_name: Text = UNSET
    full_name_aliases: list[str] | None | Unset = UNSET
    gender: Literal["female", "male"] | None | Unset = UNSET
    id_number: str | None | Unset = UNSET
    last_name: Text = UNSET
    maiden_name: Text = UNSET
    metadata: MetadataParam = UNSET
    nationality: Text = UNSET
    phone: Text = UNSET
    political_exposure: Literal["existing", "none"] | None | Unset = UNSET
    registered_address: AddressParams | Unset = UNSET
    relationship: RelationshipParams | Unset = UNSET
    ssn_last_4: str | None | Unset = UNSET
    verification: VerificationParams | Unset = UNSET


PLAIN_SKIP = ("account", "dob", "full_name_aliases", "id_number", "metadata", "ssn_last_4")


def changed(person: Record, given: PersonParams, within: str = "") -> Record:
    """The person with what was given, checked again. `within` is the parameter that holds them, for errors."""
    made = merged(person, given, *PLAIN_SKIP)
    change: dict[str, object] = {"metadata": merge(person.metadata, given.metadata)}
    if given.dob is not UNSET:
        change["dob"] = Dob(day=given.dob.day, month=given.dob.month, year=given.dob.year) if given.dob else Dob()
    if given.full_name_aliases is not UNSET:
        change["full_name_aliases"] = given.full_name_aliases or []
    numbers = {number for number in (given.id_number, given.ssn_last_4) if number is not UNSET}
    if numbers:
        change["wrong"] = bool(numbers & WRONG_NUMBERS)
    for name, flag in (("id_number", "id_number_provided"), ("ssn_last_4", "ssn_last_4_provided")):
        number = getattr(given, name)
        if number is UNSET:
            continue
        _check_number(name, number, within)
        change[flag] = bool(number)
        if name == "id_number" and number:
            change["ssn_last_4_provided"] = True  # its end is known with it
    return verified(msgspec.structs.replace(made, **change))


def _check_number(name: str, number: str | None, within: str) -> None:
    if name == "ssn_last_4" and number and (len(number) != 4 or not number.isdigit()):
        param = f"{within}[ssn_last_4]" if within else "ssn_last_4"
        raise invalid("You must only provide the last 4 digits of an SSN.", param)


def verified(person: Record) -> Record:
    """What the check of test mode says of the person as it is now."""
    document = person.verification.document
    status: Status = "unverified"
    details = code = None
    failed_file = document.front == WRONG_FILE
    if failed_file:
        document = msgspec.structs.replace(
            document, details="The document is not readable.", details_code="document_not_readable"
        )
    elif document.details_code:
        document = msgspec.structs.replace(document, details=None, details_code=None)
    if not failed_file and (person.wrong or person.address.line1 == WRONG_ADDRESS) and not document.front:
        details = "The person's information could not be verified. Send an identity document."
        code = "failed_keyed_identity"
    elif not failed_file and _whole(person):
        status = "verified"
    verification = msgspec.structs.replace(
        person.verification, document=document, status=status, details=details, details_code=code
    )
    return msgspec.structs.replace(person, verification=verification)


def _whole(person: Record) -> bool:
    numbered = person.id_number_provided or person.ssn_last_4_provided or person.verification.document.front
    return bool(person.first_name and person.last_name and person.dob.year and person.address.line1 and numbered)
