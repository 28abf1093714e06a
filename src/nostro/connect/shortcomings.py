"""What was given and did not pass, with the requirement that would settle it and what else would."""

from __future__ import annotations

from collections.abc import Iterator

from . import party
from .party import Record as Person
from .profile import Record as Account
from .requirements import Known
from .values import Alternative, Shortcoming

OF_AGE = 18
UNREACHABLE = "https://inaccessible.stripe.com"
"""The published address of a page that cannot be reached."""


def errors(known: Known, now: int) -> list[Shortcoming]:
    """In the order of the requirements' names."""
    found = [*_of_account(known.account)]
    for person in known.persons:
        name = "individual" if known.account.business_type == "individual" else person.id
        found += _of_person(name, person, now)
    return sorted(found, key=lambda error: error.requirement)


def _of_account(account: Account) -> Iterator[Shortcoming]:
    if account.tax_id_wrong and account.company and not account.company.verification.document.front:
        yield Shortcoming(code="verification_failed_tax_id_match", reason="The tax id does not belong to this name.",
                          requirement="company.verification.document")  # fmt: skip
    document = account.company.verification.document if account.company else None
    if document and document.front == party.WRONG_FILE:
        yield Shortcoming(code="verification_document_not_readable", reason="The document is not readable.",
                          requirement="company.verification.document")  # fmt: skip
    if (account.business_profile.url or "").rstrip("/") == UNREACHABLE:
        yield Shortcoming(code="invalid_url_website_inaccessible", reason="The website cannot be reached.",
                          requirement="business_profile.url")  # fmt: skip


def _of_person(name: str, person: Person, now: int) -> Iterator[Shortcoming]:
    verification = person.verification
    for part in ("document", "additional_document"):
        document = getattr(verification, part)
        if document.details_code:
            yield Shortcoming(code=f"verification_{document.details_code}", reason=document.details or "",
                              requirement=f"{name}.verification.{part}")  # fmt: skip
    if verification.details_code:
        yield Shortcoming(code=f"verification_{verification.details_code}",
                          reason=verification.details or "", requirement=f"{name}.verification.document")  # fmt: skip
    years = party.age(person, now)
    if years is not None and years < OF_AGE:
        yield Shortcoming(code="invalid_dob_age_under_18", reason=f"Nobody under {OF_AGE} can have an account.",
                          requirement=f"{name}.dob.year")  # fmt: skip


def alternatives(known: Known, due: list[str]) -> list[Alternative]:
    """What may be given in place of what is due."""
    found = []
    if "business_profile.url" in due and not known.account.business_profile.url:
        found.append(_instead("business_profile.url", "business_profile.product_description"))
    for person in known.persons:
        name = "individual" if known.account.business_type == "individual" else person.id
        if f"{name}.verification.document" in due and person.verification.details_code:
            again = "id_number" if person.wrong else "address.line1"
            found.append(_instead(f"{name}.verification.document", f"{name}.{again}"))
    return found


def _instead(asked: str, taken: str) -> Alternative:
    return Alternative(original_fields_due=[asked], alternative_fields_due=[taken])


def pending(known: Known) -> list[str]:
    """What is being checked at the moment."""
    return sorted(
        f"{'individual' if known.account.business_type == 'individual' else person.id}.verification.document"
        for person in known.persons
        if person.verification.status == "pending"
    )


def is_listed(known: Known) -> bool:
    """True if somebody may be on a list of sanctions."""
    return any(person.dob == party.LISTED for person in known.persons)
