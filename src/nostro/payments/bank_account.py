"""Bank account: the legacy form of a saved account for direct debits in the United States, a customer's source.

It can be debited once its holder has told the amounts of two small deposits; in test mode these are 32 and 45.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import msgspec
from msgspec import UNSET

from nostro.kernel.errors import ApiError, invalid
from nostro.kernel.resource import Filter, Metadata, Resource, Stored, View, Wire, public
from nostro.storage.tx import Tx

DEPOSITS = (32, 45)
MOST_TRIES = 10
Status = Literal["new", "validated", "verified", "verification_failed", "errored"]
TEST_TOKENS: dict[str, Status] = {"btok_us": "new", "btok_us_verified": "verified"}


class BankAccount(Stored, frozen=True, kw_only=True):
    object: Literal["bank_account"] = "bank_account"
    account_holder_name: str | None = None
    account_holder_type: Literal["company", "individual"] | None = None
    account_type: str | None = None
    bank_name: str | None = None
    country: str
    currency: str
    customer: str | None = None
    fingerprint: str | None = None
    last4: str
    metadata: Metadata = {}
    routing_number: str | None = None
    status: Status


class Record(BankAccount, frozen=True, kw_only=True, omit_defaults=True):
    """`tries` counts wrong guesses at the deposits."""

    tries: int = 0


def render(_: View, account: Record) -> Wire:
    """Bank accounts have no `created` in the API."""
    wire = public(BankAccount, account)
    del wire["created"]
    return wire


def from_token(tx: Tx, id: str) -> Record | None:
    """A new account, not stored yet, from a published test token; None if it is not one."""
    status = None if tx.scope.livemode else TEST_TOKENS.get(id)
    if status is None:
        return None
    return Record(
        id=tx.new_id("ba"),
        created=tx.now,
        account_holder_name="Jane Austen",
        account_holder_type="individual",
        bank_name="STRIPE TEST BANK",
        country="US",
        currency="usd",
        fingerprint="1JWtPxqbdX5Gamtz",
        last4="6789",
        routing_number="110000000",
        status=status,
    )


def verify(tx: Tx, account: Record, amounts: Sequence[int]) -> Record:
    """The holder tells the deposits. A wrong guess is remembered; after ten the account cannot be used."""
    if account.status == "verified":
        raise invalid("This bank account has already been verified.")
    if account.status == "verification_failed":
        raise _failed("Verification of this bank account has failed too often, and it cannot be verified any more.")
    if sorted(amounts) == list(DEPOSITS):
        return tx.save(msgspec.structs.replace(account, status="verified"), "customer.source.updated")
    tries = account.tries + 1
    status: Status = "verification_failed" if tries >= MOST_TRIES else account.status
    tx.decline(_failed("The amounts provided do not match the amounts that were sent to the bank account."))
    return tx.save(msgspec.structs.replace(account, tries=tries, status=status))


def _failed(message: str) -> ApiError:
    return invalid(message, code="bank_account_verification_failed")


BANK_ACCOUNT: Resource[Record] = Resource(
    object="bank_account",
    noun="bank account",
    prefix="ba",
    record=Record,
    shape=BankAccount,
    present=render,
    shown={"created": UNSET},
    doc="A saved bank account in its legacy form. Its verbs are those of a customer's sources.",
    filters=(Filter("customer"),),
    expands=("customer",),
    verbs=(),
    errors=("bank_account_verification_failed",),
)
RESOURCE = BANK_ACCOUNT
