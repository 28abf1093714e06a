"""What the hosted page does for an account holder in test mode: give all that is due, by the published test values."""

from __future__ import annotations

from typing import Any

import msgspec

from nostro.kernel.address import Address
from nostro.storage.tx import Tx

from . import external_account, party, standing
from .profile import BusinessProfile, Company, Record, Tos
from .values import Dob

ADDRESS = Address(city="San Francisco", country="US", line1="address_full_match", postal_code="94103", state="CA")
BANK = "btok_us_verified"
IBAN = "DE89370400440532013000"


async def complete(tx: Tx, account: Record, ip: str) -> Record:
    """The account with everything that is asked of it, now or later, and with the terms accepted from this address."""
    address = msgspec.structs.replace(ADDRESS, country=account.country)
    profile = account.business_profile
    change: dict[str, Any] = {
        "business_type": account.business_type or "individual",
        "business_profile": _filled(
            profile, BusinessProfile(mcc="5734", url="https://accessible.stripe.com", name=profile.name)
        ),
        "tos_acceptance": Tos(date=tx.now, ip=ip, service_agreement=account.tos_acceptance.service_agreement),
        "details_submitted": True,
        "tax_id_wrong": False,
    }
    if change["business_type"] != "individual":
        test = Company(name="Test Company", phone="0000000000", owners_provided=True, tax_id_provided=True)
        company = account.company or Company()
        company = _filled(company, test)
        change["company"] = msgspec.structs.replace(company, address=_filled(company.address, address))
    account = msgspec.structs.replace(account, **change)
    await _fill_person(tx, account, address)
    if not await tx.every(external_account.EXTERNAL_ACCOUNT, 1):
        await external_account.add(tx, _bank(account), settle=False)
    kept = await standing.look(tx, account, "account.updated")
    assert kept is not None
    return kept


async def _fill_person(tx: Tx, account: Record, address: Address) -> None:
    """The individual, or the company's representative: the one that is known, or a new one."""
    persons: list[party.Record] = await tx.every(tx.registry.by_object["person"], standing.MOST)
    known = [p for p in persons if p.relationship.representative or account.business_type == "individual"]
    blank = party.Record(id=tx.new_id("person"), created=tx.now, account=account.id)
    person = known[0] if known else blank
    test = party.Record(
        id=person.id, created=person.created, account=account.id, first_name="Jenny", last_name="Rosen",
        email=account.email or "jenny.rosen@example.com", phone="0000000000", id_number_provided=True,
        ssn_last_4_provided=True,
    )  # fmt: skip
    filled = _filled(person, test)
    relationship = msgspec.structs.replace(
        filled.relationship, representative=True, title=filled.relationship.title or "Owner"
    )
    filled = msgspec.structs.replace(
        filled,
        address=_filled(filled.address, address) if not person.verification.details_code else address,
        dob=filled.dob if filled.dob.year else Dob(day=1, month=1, year=1901),
        relationship=relationship,
        verification=party.Verification(),
        wrong=False,
    )
    tx.save(party.verified(filled), "person.updated" if known else "person.created")


def _filled(given: Any, test: Any) -> Any:
    """What was given, and the test value where nothing was."""
    missing = {name: getattr(test, name) for name in given.__struct_fields__ if not getattr(given, name)}
    return msgspec.structs.replace(given, **missing)


def _bank(account: Record) -> Any:
    if account.country == "US":
        return BANK
    return {"object": "bank_account", "account_number": IBAN, "country": "DE", "currency": account.default_currency}
