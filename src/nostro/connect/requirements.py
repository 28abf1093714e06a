"""What is asked of an account before a capability of it is active: a table, and how it is read.

The fields are those that the country specifications of the API list for the United States and, without what only
the United States ask, elsewhere. A row says for which capabilities, business types and countries, and when: "first"
before anything is active, "later" a while after the account became active.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from msgspec import Struct

from nostro.kernel.clock import DAY

from .party import Record as Person
from .profile import Record as Account
from .values import Shortcoming

LATER = 30 * DAY
"""So long after an account became active the rows "later" are due, and as long again it may take."""
PERSON = ("individual", "representative")
When = Literal["first", "later"]


class Row(Struct, frozen=True):
    """`fields` are asked of accounts with these business types; empty stands for all. `us` narrows to the US, or
    to all others if false. `payments` rows are asked only for capabilities that take payments."""

    fields: tuple[str, ...]
    business: tuple[str, ...] = ()
    us: bool | None = None
    payments: bool = False
    when: When = "first"


COMPANIES = ("company", "non_profit", "government_entity")
NAMED = ("first_name", "last_name", "dob.day", "dob.month", "dob.year")
LIVING = ("address.city", "address.line1", "address.postal_code")
TABLE = (
    Row(("business_type", "external_account", "tos_acceptance.date", "tos_acceptance.ip")),
    Row(("business_profile.mcc", "business_profile.url"), payments=True),
    Row(tuple(f"individual.{f}" for f in (*NAMED, *LIVING, "email", "phone")), ("individual",)),
    Row(("individual.address.state", "individual.ssn_last_4"), ("individual",), us=True),
    Row(("individual.id_number",), ("individual",), us=False),
    Row(("individual.id_number",), ("individual",), us=True, payments=True, when="later"),
    Row(("company.name", "company.phone", "company.tax_id", *(f"company.{f}" for f in LIVING)), COMPANIES),
    Row(("company.address.state",), COMPANIES, us=True),
    Row(("company.owners_provided",), ("company",)),
    Row(tuple(f"representative.{f}" for f in (*NAMED, *LIVING, "email", "phone", "relationship.title")), COMPANIES),
    Row(("representative.address.state", "representative.ssn_last_4"), COMPANIES, us=True),
    Row(("representative.id_number",), COMPANIES, us=True, payments=True, when="later"),
)


def takes_payments(capability: str) -> bool:
    return capability.endswith("_payments")


class Known(Struct, frozen=True):
    """What is known of an account: itself, its persons and how many external accounts it has."""

    account: Account
    persons: list[Person]
    banks: int

    def person(self, role: str) -> Person | None:
        """The individual, or the company's representative."""
        if role == "individual":
            return next(iter(self.persons), None)
        return next((person for person in self.persons if person.relationship.representative), None)


def missing(known: Known, capability: str, when: When) -> list[str]:
    """The fields that are asked for the capability and not given, by name. A person that is known goes by its id."""
    account = known.account
    asked = _asked(account.business_type or "", account.country, when, takes_payments(capability))
    return sorted({_named(known, field) for field in asked if not _given(known, field)})


def fields(business: str, country: str, when: When) -> list[str]:
    """All that is asked in this country of an account that takes payments."""
    return sorted(_asked(business, country, when, payments=True))


def _asked(business: str, country: str, when: When, payments: bool) -> Iterator[str]:
    for row in TABLE:
        if row.when != when or (row.business and business not in row.business):
            continue
        if (row.us is None or row.us == (country == "US")) and (payments or not row.payments):
            yield from row.fields


def _named(known: Known, field: str) -> str:
    role, _, rest = field.partition(".")
    person = known.person(role) if role == "representative" else None
    return f"{person.id}.{rest}" if person else field


def _given(known: Known, field: str) -> bool:
    role, _, rest = field.partition(".")
    account = known.account
    if field == "external_account":
        return known.banks > 0
    if field == "business_profile.url":
        return bool(account.business_profile.url or account.business_profile.product_description)
    if field == "company.tax_id":
        return bool(account.company and account.company.tax_id_provided)
    if role in PERSON:
        person = known.person(role)
        if rest in ("id_number", "ssn_last_4"):
            return person is not None and getattr(person, f"{rest}_provided")
        return bool(_read(person, rest))
    return bool(_read(account, field))


def _read(value: object, path: str) -> object:
    for name in path.split("."):
        value = getattr(value, name, None)
    return value


def errors(known: Known) -> list[Shortcoming]:
    """What was given and did not pass, with the document that would settle it."""
    return [*_of_persons(known), *_of_company(known.account)]


def _of_persons(known: Known) -> Iterator[Shortcoming]:
    for person in known.persons:
        name = "individual" if known.account.business_type == "individual" else person.id
        verification = person.verification
        if verification.document.details_code:
            yield Shortcoming(code="verification_document_not_readable", reason=verification.document.details or "",
                        requirement=f"{name}.verification.document")  # fmt: skip
        elif verification.details_code:
            yield Shortcoming(code="verification_failed_keyed_identity", reason=verification.details or "",
                        requirement=f"{name}.verification.document")  # fmt: skip


def _of_company(account: Account) -> Iterator[Shortcoming]:
    if account.tax_id_wrong and account.company and not account.company.verification.document.front:
        yield Shortcoming(code="verification_failed_tax_id_match", reason="The tax id does not belong to this name.",
                    requirement="company.verification.document")  # fmt: skip
