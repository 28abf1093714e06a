"""Card: the legacy form of a saved card, a customer's payment source. Payment methods are its successor.

As everywhere, the number was exchanged for the network's token and is kept nowhere.
"""

from __future__ import annotations

from typing import Any, Literal

from msgspec import UNSET

from nostro.kernel.resource import Filter, Metadata, Resource, Shape, Stored, View, Wire, public
from nostro.rails import card as rail
from nostro.rails.rail import Attempt, Declined, Made
from nostro.storage.tx import Tx


class Networks(Shape, frozen=True, kw_only=True):
    preferred: str | None = None


class Card(Stored, frozen=True, kw_only=True):
    object: Literal["card"] = "card"
    address_city: str | None = None
    address_country: str | None = None
    address_line1: str | None = None
    address_line1_check: str | None = None
    address_line2: str | None = None
    address_state: str | None = None
    address_zip: str | None = None
    address_zip_check: str | None = None
    allow_redisplay: Literal["always", "limited", "unspecified"] = "unspecified"
    brand: str
    country: str | None = None
    customer: str | None = None
    cvc_check: str | None = None
    dynamic_last4: str | None = None
    exp_month: int
    exp_year: int
    fingerprint: str | None = None
    funding: str
    last4: str
    metadata: Metadata = {}
    name: str | None = None
    networks: Networks | None = None
    regulated_status: Literal["regulated", "unregulated"] | None = None
    tokenization_method: str | None = None


class Record(Card, frozen=True, kw_only=True, omit_defaults=True):
    """`token` is what the network knows the card by; `details` is the rail's hash, as on a payment method."""

    token: str
    details: dict[str, Any]
    supplied: list[str] = []

    def made(self) -> Made:
        """The card as its rail made it."""
        return Made(details=self.details, token=self.token, fingerprint=self.fingerprint,
                    supplied=tuple(self.supplied))  # fmt: skip


def render(_: View, card: Record) -> Wire:
    """Cards have no `created` in the API."""
    wire = public(Card, card)
    del wire["created"]
    return wire


def from_made(tx: Tx, made: Made) -> Record:
    """A new card, not stored yet."""
    details = made.details
    checks = dict.fromkeys(made.supplied, "unchecked")
    preferred = details["networks"]["preferred"]
    return Record(
        id=tx.new_id("card"),
        created=tx.now,
        brand=rail.LEGACY_BRANDS.get(details["brand"], "Unknown"),
        country=details["country"],
        cvc_check=checks.get("cvc"),
        exp_month=details["exp_month"],
        exp_year=details["exp_year"],
        fingerprint=made.fingerprint,
        funding=details["funding"],
        last4=details["last4"],
        networks=Networks(preferred=preferred) if preferred else None,
        regulated_status=details["regulated_status"],
        token=made.token,
        details=details,
        supplied=list(made.supplied),
    )


def checks_of(tx: Tx, card: Record) -> dict[str, Any]:
    """Ask the network whether the card may be saved: the card's fields with the answer. Raises the decline."""
    report = rail.verify(
        Attempt(
            reference=card.id, amount=0, currency="", details=card.details, token=card.token,
            supplied=tuple(card.supplied), off_session=True, now=tx.now,
        )
    )  # fmt: skip
    if isinstance(report, Declined):
        raise report.error
    checks = report.details.get("checks", {}) if hasattr(report, "details") else {}
    return {
        "cvc_check": checks.get("cvc_check"),
        "address_line1_check": checks.get("address_line1_check"),
        "address_zip_check": checks.get("address_postal_code_check"),
    }


CARD: Resource[Record] = Resource(
    object="card",
    prefix="card",
    record=Record,
    shape=Card,
    present=render,
    shown={"created": UNSET},
    doc="A saved card in its legacy form. Its verbs are those of a customer's sources.",
    filters=(Filter("customer"),),
    expands=("customer",),
    verbs=(),
)
RESOURCE = CARD
