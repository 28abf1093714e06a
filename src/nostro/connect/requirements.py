"""What is asked of an account before a capability of it is active: a table, and how it is read.

A row says what is asked, of which business types, in which countries, for which capabilities, and when: "first"
before anything is active, "later" a while after the account became active. What a law will ask from a day on stands
in `UPCOMING`: it is shown ahead as a future requirement.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date
from typing import Literal

from msgspec import Struct

from nostro.kernel.clock import DAY, midnight

from .countries import COUNTRIES, EUROPE, UNION
from .party import Record as Person
from .profile import Record as Account

LATER = 30 * DAY
"""So long after an account became active the rows "later" are due, and as long again it may take."""
AHEAD = 90 * DAY
"""So long before its day a future requirement is due."""
ROLES = {"representative": "representative", "owners": "owner", "directors": "director", "executives": "executive"}
PERSONS = frozenset(("individual", *ROLES))
When = Literal["first", "later"]


class Row(Struct, frozen=True):
    """`business` and `countries` narrow it; empty stands for all. `payments` rows are asked only for capabilities
    that take payments. `on` is the day from which a law asks it."""

    fields: tuple[str, ...]
    business: tuple[str, ...] = ()
    countries: frozenset[str] = frozenset()
    payments: bool = False
    when: When = "first"
    on: date | None = None


def of(role: str, *fields: str) -> tuple[str, ...]:
    return tuple(f"{role}.{field}" for field in fields)


def within(*countries: str) -> frozenset[str]:
    return frozenset(countries)


STATES = frozenset(code for code, country in COUNTRIES.items() if country.state)
POSTAL = frozenset(code for code, country in COUNTRIES.items() if country.postal_code)
JP, US = within("JP"), within("US")
ELSEWHERE = frozenset(COUNTRIES) - JP
INDIVIDUAL, COMPANY = ("individual",), ("company",)
COMPANIES = ("company", "non_profit", "government_entity")
BORN = ("dob.day", "dob.month", "dob.year")
NAMED = ("first_name", "last_name")
LIVING = ("address.city", "address.line1")
BOTH_NAMES = ("first_name_kana", "first_name_kanji", "last_name_kana", "last_name_kanji")
BOTH_ADDRESSES = tuple(
    f"address_{script}.{part}" for script in ("kana", "kanji") for part in ("line1", "postal_code", "state", "town")
)
# Who has to give a national number at once, and who is asked for a document in time.
NUMBERED = within("BR", "HK", "IN", "MX", "MY", "SG", "TH")
DOCUMENTED = EUROPE | within("AU", "CA", "HK", "JP", "MY", "NZ", "SG", "TH")
DIRECTED = EUROPE | within("AU", "CA", "HK", "IN", "JP", "MY", "NZ", "SG", "TH")
EXECUTIVE = EUROPE | within("AE")
NATIONAL = within("AE", "MX", "SG")


def _person(role: str, business: tuple[str, ...], *extra: str) -> tuple[Row, ...]:
    """What is asked of an individual, and of the one who represents a company."""
    return (
        Row(of(role, *NAMED, *BORN, *LIVING, "email", "phone", *extra), business, ELSEWHERE),
        Row(of(role, *BOTH_NAMES, *BORN, *BOTH_ADDRESSES, "email", "phone", *extra), business, JP),
        Row(of(role, "address.postal_code"), business, ELSEWHERE & POSTAL),
        Row(of(role, "address.state"), business, ELSEWHERE & STATES),
        Row(of(role, "ssn_last_4"), business, US),
        Row(of(role, "id_number"), business, NUMBERED),
        Row(of(role, "id_number"), business, US, payments=True, when="later"),
        Row(of(role, "nationality"), business, NATIONAL),
        Row(of(role, "political_exposure"), business, within("IN", "MX")),
        Row(of(role, "verification.document"), business, within("AE")),
        Row(of(role, "verification.document"), business, DOCUMENTED, payments=True, when="later"),
        Row(of(role, "verification.additional_document"), business, within("GB"), payments=True, when="later"),
    )


TABLE = (
    Row(("business_type", "external_account", "tos_acceptance.date", "tos_acceptance.ip")),
    Row(("business_profile.mcc", "business_profile.url"), payments=True),
    *_person("individual", INDIVIDUAL),
    Row(("company.name", "company.phone", "company.tax_id"), COMPANIES),
    Row(of("company", *LIVING), COMPANIES, ELSEWHERE),
    Row(of("company", "name_kana", "name_kanji", *BOTH_ADDRESSES), COMPANIES, JP),
    Row(("company.address.postal_code",), COMPANIES, ELSEWHERE & POSTAL),
    Row(("company.address.state",), COMPANIES, ELSEWHERE & STATES),
    Row(("company.structure",), COMPANIES, within("AE")),
    Row(("company.owners_provided",), COMPANY),
    Row(("company.directors_provided",), COMPANY, DIRECTED),
    Row(("company.executives_provided",), COMPANY, EXECUTIVE),
    Row(("documents.company_license.files", "documents.bank_account_ownership_verification.files"), COMPANY,
        within("AE")),
    Row(("company.verification.document",), COMPANY, EUROPE | within("HK", "SG"), payments=True, when="later"),
    *_person("representative", COMPANIES, "relationship.title"),
    Row(of("owners", *NAMED, *BORN, *LIVING, "email"), COMPANY, ELSEWHERE),
    Row(of("owners", *BOTH_NAMES, *BORN, *BOTH_ADDRESSES, "email"), COMPANY, JP),
    Row(of("directors", *NAMED, *BORN), COMPANY, DIRECTED - JP),
    Row(of("directors", *BOTH_NAMES, *BORN), COMPANY, JP),
    Row(of("executives", *NAMED, *BORN, "relationship.title"), COMPANY, EXECUTIVE),
)  # fmt: skip
# Regulation (EU) 2024/1624 applies from this day; its article 22 has a customer's nationalities asked.
AML_REGULATION = date(2027, 7, 10)
UPCOMING = (
    Row(("individual.nationality",), INDIVIDUAL, UNION, payments=True, on=AML_REGULATION),
    Row(("representative.nationality", "owners.nationality"), COMPANIES, UNION, payments=True, on=AML_REGULATION),
)


def takes_payments(capability: str) -> bool:
    return capability.endswith("_payments")


class Known(Struct, frozen=True):
    """What is known of an account: itself, its persons and how many external accounts it has."""

    account: Account
    persons: list[Person]
    banks: int

    def people(self, role: str) -> list[Person]:
        """Who has this role: the individual, the company's representative, its owners."""
        if role == "individual":
            return self.persons[:1]
        return [person for person in self.persons if getattr(person.relationship, ROLES[role])]


class Asked(Struct, frozen=True, order=True):
    """One field that is asked and not given. It is due from `due` on and past due from `past` on (seconds, None for
    not yet known); a law's is in the future until `on`."""

    field: str
    due: int | None = 0
    past: int | None = 0
    on: int = 0


def missing(known: Known, capability: str) -> list[Asked]:
    """What is asked for the capability and not given. A person that is known goes by its id."""
    account, payments = known.account, takes_payments(capability)
    recipient = account.tos_acceptance.service_agreement == "recipient"
    found = set()
    for row in rows(account.business_type or "", account.country, payments and not recipient):
        for field in row.fields:
            for name in _open(known, field):
                found.add(_asked(name, row, account.active_since))
    return sorted(found)


def _asked(field: str, row: Row, since: int | None) -> Asked:
    if row.on is not None:
        on = midnight(row.on)
        from_then = max(on, since or on)
        return Asked(field, from_then - AHEAD, from_then + LATER, on)
    if row.when == "first":
        return Asked(field)
    return Asked(field, since + LATER, since + 2 * LATER) if since is not None else Asked(field, None, None)


def rows(business: str, country: str, payments: bool) -> Iterator[Row]:
    for row in (*TABLE, *UPCOMING):
        if (not row.business or business in row.business) and (not row.countries or country in row.countries):
            if payments or not row.payments:
                yield row


def fields(business: str, country: str, when: When) -> list[str]:
    """All that is asked in this country today of an account that takes payments."""
    asked = rows(business, country, payments=True)
    return sorted({field for row in asked if row.when == when and row.on is None for field in row.fields})


def _open(known: Known, field: str) -> Iterable[str]:
    """The field by name if it is not given; of a role, that field of everybody who has it."""
    role, _, rest = field.partition(".")
    if role not in PERSONS:
        return () if _given(known, field) else (field,)
    people = known.people(role)
    if role == "individual":
        return () if people and _of_person(people[0], rest) else (field,)
    if not people:
        provided = role != "representative" and _read(known.account, f"company.{role}_provided")
        return () if provided else (field,)
    return [f"{person.id}.{rest}" for person in people if not _of_person(person, rest)]


def _given(known: Known, field: str) -> bool:
    account = known.account
    if field == "external_account":
        return known.banks > 0
    if field == "business_profile.url":
        return bool(account.business_profile.url or account.business_profile.product_description)
    if field == "company.tax_id":
        return bool(account.company and account.company.tax_id_provided)
    if field == "company.verification.document":
        return bool(account.company and account.company.verification.document.front)
    if field.startswith("documents."):
        return field.split(".")[1] in account.documents
    return bool(_read(account, field))


def _of_person(person: Person, field: str) -> bool:
    if field in ("id_number", "ssn_last_4"):
        return bool(getattr(person, f"{field}_provided"))
    if field.startswith("verification."):
        return bool(_read(person, f"{field}.front"))
    return bool(_read(person, field))


def _read(value: object, path: str) -> object:
    for name in path.split("."):
        value = getattr(value, name, None)
    return value
