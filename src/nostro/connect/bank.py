"""External account as it is kept: a merchant's bank account, or a debit card that receives payouts.

A bank account's number is private: answers show four digits and a fingerprint. A card's is kept nowhere.
"""

from __future__ import annotations

from typing import Literal

from nostro.kernel.resource import Metadata, Shape, Stored, View, Wire, public

PayoutMethod = Literal["instant", "standard"]
HolderType = Literal["company", "individual"]
Status = Literal["new", "validated", "verified", "verification_failed", "errored"]


class ExternalAccount(Stored, frozen=True, kw_only=True):
    object: Literal["bank_account"] = "bank_account"
    account: str
    account_holder_name: str | None = None
    account_holder_type: HolderType | None = None
    account_type: str | None = None
    available_payout_methods: list[PayoutMethod] = []
    bank_name: str | None = None
    country: str
    currency: str
    default_for_currency: bool = False
    fingerprint: str | None = None
    last4: str
    metadata: Metadata = {}
    routing_number: str | None = None
    status: Status = "new"


class CardNetworks(Shape, frozen=True, kw_only=True):
    preferred: str | None = None


class CardParts(Shape, frozen=True, kw_only=True):
    """What a card has and a bank account has not."""

    address_city: str | None = None
    address_country: str | None = None
    address_line1: str | None = None
    address_line1_check: str | None = None
    address_line2: str | None = None
    address_state: str | None = None
    address_zip: str | None = None
    address_zip_check: str | None = None
    brand: str
    cvc_check: str | None = None
    dynamic_last4: str | None = None
    exp_month: int
    exp_year: int
    funding: str
    name: str | None = None
    networks: CardNetworks | None = None
    regulated_status: Literal["regulated", "unregulated"] | None = None
    tokenization_method: str | None = None


class ExternalCard(CardParts, frozen=True, kw_only=True):
    """A debit card, as it is shown."""

    id: str
    object: Literal["card"] = "card"
    account: str
    allow_redisplay: Literal["always", "limited", "unspecified"] = "unspecified"
    available_payout_methods: list[PayoutMethod] = []
    country: str | None = None
    currency: str
    default_for_currency: bool = False
    fingerprint: str | None = None
    last4: str
    metadata: Metadata = {}
    status: Status = "new"


SHARED = ("id", "account", "available_payout_methods", "country", "currency", "default_for_currency", "fingerprint",
          "last4", "metadata", "status")  # fmt: skip


class Record(ExternalAccount, frozen=True, kw_only=True, omit_defaults=True):
    """`fails_with` is the failure code of its payouts, in test mode. `card` is there if it is a card. `number` is what
    a bank is told in a file, and `debited` is true once a file has told it to take money from there."""

    card: CardParts | None = None
    fails_with: str | None = None
    number: str | None = None
    debited: bool = False

    @property
    def type(self) -> Literal["bank_account", "card"]:
        return "card" if self.card else "bank_account"


def render(_: View, account: Record) -> Wire:
    """External accounts have no `created` in the API."""
    if account.card is None:
        wire = public(ExternalAccount, account)
        del wire["created"]
        return wire
    shared = {name: getattr(account, name) for name in SHARED}
    return public(ExternalCard, ExternalCard(**shared, **public(CardParts, account.card)))
