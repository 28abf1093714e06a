"""Bank account of a merchant as it is kept. The number is private: answers show four digits and a fingerprint."""

from __future__ import annotations

from typing import Literal

from nostro.kernel.resource import Metadata, Stored, View, Wire, public

PayoutMethod = Literal["instant", "standard"]
HolderType = Literal["company", "individual"]


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
    status: Literal["new", "errored"] = "new"


class Record(ExternalAccount, frozen=True, kw_only=True, omit_defaults=True):
    """`fails_with` is the failure code of its payouts, in test mode. `number` is what a bank is told in a file."""

    fails_with: str | None = None
    number: str | None = None


def render(_: View, account: Record) -> Wire:
    """Bank accounts have no `created` in the API."""
    wire = public(ExternalAccount, account)
    del wire["created"]
    return wire
