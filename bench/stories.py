"""What a shop lives through, as requests: the templates of the data that `bench.growth` measures on.

A word of 24 letters behind a prefix, like `order_...`, is another one in each copy.
"""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from nostro.cli.fixtures import FIXTURES, SETTLE, Step, advance, pay

TOKEN = "{}_000000000000000000000000"
ALONE = {"charge.updated", "payment_intent.created", "customer.created"}  # the parts of longer stories below
ORDER, MAIL, WALLET = (TOKEN.format(word) for word in ("order", "mail", "wallet"))


class Story(Struct, frozen=True):
    """`weight` is how often it happens, beside the others."""

    name: str
    weight: int
    steps: tuple[Step, ...]


CUSTOMER = Step(
    "customer", "/v1/customers",
    {"name": f"Amy {MAIL}", "email": f"{MAIL}@example.com", "phone": "+1 555 0100", "metadata": {"plan": "basic"}},
)  # fmt: skip
ATTACH = Step("payment_method", "/v1/payment_methods/pm_card_mastercard/attach", {"customer": "{customer.id}"})
FORM: dict[str, Any] = {
    "customer": "{customer.id}", "payment_method": "{payment_method.id}", "amount": 4200, "confirm": True,
    "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"}, "metadata": {"order_id": ORDER},
}  # fmt: skip
OF_CUSTOMER = Step("payment_intent", "/v1/payment_intents", {**FORM, "currency": "usd"})
IN_EUROS = Step("payment_intent", "/v1/payment_intents", {**FORM, "currency": "eur", "amount": 990})
PART_BACK = Step("refund", "/v1/refunds", {"payment_intent": "{payment_intent.id}", "amount": 100})
CREDIT = Step(
    "line", "/v1/customers/{customer.id}/balance_transactions", {"amount": -500, "currency": "usd"}
)  # fmt: skip
TAX = Step("tax", "/v1/customers/{customer.id}/tax_ids", {"type": "eu_vat", "value": "DE123456789"})
KEEP = Step(
    "setup_intent", "/v1/setup_intents",
    {"customer": "{customer.id}", "payment_method": "{payment_method.id}", "confirm": True,
     "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"}},
)  # fmt: skip


def opened(code: str, side: str) -> Step:
    return Step("account", "/v1/ledger/accounts", {"code": code, "currency": "usd", "normal_balance": side})


def booked(debit: str, credit: str, amount: int) -> Step:
    sides = ((debit, "debit"), (credit, "credit"))
    lines = [{"account": account, "direction": side, "amount": amount} for account, side in sides]
    return Step("entry", "/v1/ledger/entries", {"currency": "usd", "kind": "topup", "postings": lines})


BANK, PURSE = f"app:bank:{WALLET}", f"app:purse:{WALLET}"
HOLD = Step(
    "hold", "/v1/ledger/holds", {"account": PURSE, "currency": "usd", "amount": 40, "destination": BANK}
)  # fmt: skip
OWN_BOOKS = (
    opened(BANK, "debit"), opened(PURSE, "credit"), booked(BANK, PURSE, 900), HOLD,
    Step("hold", "/v1/ledger/holds/{hold.id}/post", {"amount": 30}), HOLD,
)  # fmt: skip

STORIES: tuple[Story, ...] = (
    Story("guest", 300, (pay(metadata={"order_id": ORDER}), advance(3))),
    Story("customer", 200, (CUSTOMER, ATTACH, OF_CUSTOMER, OF_CUSTOMER, IN_EUROS, PART_BACK, advance(3))),
    Story("subscriber", 30, (CUSTOMER, ATTACH, KEEP, CREDIT, TAX)),
    Story("own books", 30, OWN_BOOKS),
    *(Story(name, 2, (*steps, SETTLE)) for name, steps in FIXTURES.items() if name not in ALONE),
)
