"""What a platform asks about its sellers: payments that are shared, what is taken back of them, who may take part."""

from __future__ import annotations

from random import Random
from typing import Any

from seller import ADA, WHOLE

from .call import Call
from .desk import Desk, Seen, ask
from .payments import INTENTS, Payments

SELLS = {"card_payments": {"requested": True}, "transfers": {"requested": True}}
DAILY = {"schedule": {"interval": "daily"}, "debit_negative_balances": True}
ROUTING = "021000021"
MOST_SELLERS = 3
CARDS = (
    "bypassPending", "bypassPending", "bypassPending", "visa", "visa", "createDispute", "createDispute", "refundFail",
    "chargeDeclined", "createDisputeInquiry",
)  # fmt: skip
# What an account gives of itself in the course of time.
PIECES: tuple[dict[str, Any], ...] = (
    *({name: value} for name, value in WHOLE.items() if name != "external_account"),
    {"individual": {**ADA, "id_number": "000000000"}},
    {"individual": {"phone": "+15125550111"}},
)


def bank(number: int) -> dict[str, Any]:
    return {"object": "bank_account", "country": "US", "currency": "usd", "routing_number": ROUTING,
            "account_number": f"{number:09d}"}  # fmt: skip


def seller(number: int, whole: bool = True, **more: Any) -> Call:
    """An account that is opened with all that is asked of it, or with nothing."""
    known = {**WHOLE, "external_account": bank(5_000_000 + number)} if whole else {}
    return ask("/v1/accounts", {"type": "custom", "country": "US", "capabilities": SELLS, **known, **more})


class Market(Desk):
    """`sellers` are what each connected account asks for itself, by its id."""

    def __init__(self, random: Random, seen: Seen) -> None:
        super().__init__(random, seen)
        self.sellers: dict[str, Payments] = {}
        self._banks = 0

    def call(self) -> Call:
        makers = (
            self._destination, self._destination, self._direct, self._direct, self._direct, self._transfer,
            self._transfer, self._reverse, self._reverse, self._refund, self._refund, self._give_fee, self._account,
        )  # fmt: skip
        return self.one_of(makers)

    def _seller(self) -> str:
        return self.random.choice(list(self.sellers)) if self.sellers else "acct_none"

    def _paid(self) -> dict[str, Any]:
        return {
            "amount": self.random.choice((100, 1_010, 12_340, 50_000)),
            "currency": "eur" if self.chance(0.2) else "usd",
            "payment_method": f"pm_card_{self.random.choice(CARDS)}",
            "payment_method_types": ["card"],
            "confirm": True,
            "capture_method": "manual" if self.chance(0.2) else "automatic",
        }

    def _destination(self) -> Call:
        form, to = self._paid(), self._seller()
        part = self.random.choice((1, 50, 99, 1_000))
        if self.chance(0.5):
            form |= {"transfer_data": {"destination": to}, "application_fee_amount": part}
        else:
            form |= {"transfer_data": {"destination": to, "amount": part}}
        return ask(INTENTS, form | ({"on_behalf_of": to} if self.chance(0.2) else {}))

    def _direct(self) -> Call:
        """Whatever the seller wants; of its payments the platform takes a part."""
        account = self._seller()
        if account not in self.sellers:
            return self._destination()
        path, form = self.sellers[account].request()
        if path == INTENTS:
            form = {**self._paid(), "application_fee_amount": self.random.choice((1, 50, 99, 600))}
        elif path == "/v1/refunds" and self.chance(0.5):
            form["refund_application_fee"] = True
        return ask(path, form, account=account)

    def _transfer(self) -> Call:
        form: dict[str, Any] = {
            "amount": self.random.choice((10, 500, 9_000, 12_340)), "currency": "usd", "destination": self._seller(),
        }  # fmt: skip
        if self.chance(0.5):
            form["source_transaction"] = self.any("charge", "succeeded")
        return ask("/v1/transfers", form)

    def _reverse(self) -> Call:
        part = {} if self.chance(0.4) else {"amount": self.random.choice((5, 50, 400, 9_000))}
        fee = {"refund_application_fee": True} if self.chance(0.3) else {}
        return ask(f"/v1/transfers/{self.any('transfer')}/reversals", {**part, **fee})

    def _refund(self) -> Call:
        """Of a shared payment, mostly with the seller's share."""
        part = {} if self.chance(0.4) else {"amount": self.random.choice((10, 20, 600, 6_000))}
        form: dict[str, Any] = {"payment_intent": self.any("payment_intent", "succeeded"), **part}
        for name in ("reverse_transfer", "refund_application_fee"):
            if self.chance(0.5):
                form[name] = True
        return ask("/v1/refunds", form)

    def _give_fee(self) -> Call:
        part = {} if self.chance(0.3) else {"amount": self.random.choice((1, 20, 40))}
        return ask(f"/v1/application_fees/{self.any('application_fee')}/refunds", part)

    def _account(self) -> Call:
        account = self._seller()
        if len(self.sellers) < MOST_SELLERS and self.chance(0.3):
            return seller(len(self.sellers), whole=False)
        if self.chance(0.5):
            return self.new_bank(account)
        if self.chance(0.3):
            return ask(f"/v1/accounts/{account}", {"settings": {"payouts": DAILY}})
        return ask(f"/v1/accounts/{account}", self.random.choice(PIECES))

    def new_bank(self, account: str) -> Call:
        """Another bank account, as after a payout that came back."""
        self._banks += 1
        form = {"external_account": bank(7_000_000 + self._banks), "default_for_currency": True}
        return ask(f"/v1/accounts/{account}/external_accounts", form)
