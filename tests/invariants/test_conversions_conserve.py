"""Whatever is paid, shared, refunded and reversed in currencies that accounts do not hold: in each currency the
merchants, the platform's positions and what it earned are together what customers paid."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
import stripe
from hypothesis import given, settings
from hypothesis import strategies as st

from marketplace import Marketplace
from nostro.testing.server import Server

CURRENCIES = ("eur", "jpy", "kwd", "usd")
EARNED = ("platform:fees", "platform:fx_revenue", "platform:fx_rounding")
STEPS = st.lists(
    st.tuples(
        st.sampled_from(("direct", "destination", "behalf", "part", "separate", "refund", "refund", "refund", "reverse",
                         "give_fee", "time")),
        st.sampled_from(CURRENCIES), st.integers(0, 1), st.integers(2_000, 20_000), st.integers(1, 100), st.booleans(),
    ),
    min_size=4, max_size=12,
)  # fmt: skip


class Play:
    """Does the steps through the SDK, and remembers what customers paid: the rest is the server's to tell."""

    def __init__(self, market: Marketplace) -> None:
        self.market = market
        self.sellers = [market.open(), market.open()]
        policy: Any = {"settlement": {"convert": True, "currency": "jpy"}}
        market.client.raw_request("post", "/v1/balance/policy", **policy, **market.of(self.sellers[1]))
        self.charges: list[tuple[str | None, str]] = []

    def convert(self) -> None:
        """The platform's own money is converted too."""
        self.market.client.raw_request("post", "/v1/balance/policy", settlement={"convert": True, "currency": "kwd"})

    def do(self, step: tuple[Any, ...]) -> None:
        what, currency, who, amount, percent, both = step
        try:
            if what == "time":
                self.market.nostro.advance(days=1 + percent % 3)
            elif what in ("refund", "reverse", "give_fee"):
                if self.charges:
                    self.change(what, *self.charges[amount % len(self.charges)], percent, both)
            else:
                self.pay(what, currency, self.sellers[who], amount // 10 * 10, percent, both)
        except stripe.InvalidRequestError:
            pass  # what may not be must change nothing

    def pay(self, what: str, currency: str, seller: str, amount: int, percent: int, waits: bool) -> None:
        part = amount * percent // 100
        more: dict[str, Any] = {
            "direct": {"account": seller, "application_fee_amount": part},
            "destination": {"transfer_data": {"destination": seller}, "application_fee_amount": part},
            "behalf": {"transfer_data": {"destination": seller}, "on_behalf_of": seller},
            "part": {"transfer_data": {"destination": seller, "amount": part}},
        }.get(what, {})
        charge = self.market.pay(amount, "pm_card_visa" if waits else "pm_card_bypassPending", **more,
                                 currency=currency)  # fmt: skip
        self.charges.append((more.get("account"), charge.id))
        if what == "separate":
            got = self.market.client.v1.balance_transactions.retrieve(charge.balance_transaction)
            form: Any = {"amount": max(1, got.amount * percent // 100), "currency": got.currency,
                         "destination": seller, "source_transaction": charge.id}  # fmt: skip
            self.market.client.v1.transfers.create(form)

    def change(self, what: str, account: str | None, id: str, percent: int, both: bool) -> None:
        sdk, on = self.market.client.v1, self.market.of(account)
        charge: Any = sdk.charges.retrieve(id, {"expand": ["transfer", "application_fee"]}, on)
        if what == "refund":
            form: Any = {"charge": id, "amount": max(1, charge.amount * percent // 100)}
            asked = {"reverse_transfer": both and hasattr(charge, "transfer"),
                     "refund_application_fee": both and charge.application_fee is not None}  # fmt: skip
            form = form if percent < 80 else {"charge": id}
            sdk.refunds.create({**form, **{name: True for name, yes in asked.items() if yes}}, on)
        elif what == "reverse" and hasattr(charge, "transfer"):
            form = {"amount": max(1, charge.transfer.amount * percent // 100)}
            sdk.transfers.reversals.create(charge.transfer.id, form)
        elif what == "give_fee" and charge.application_fee is not None:
            form = {"amount": max(1, charge.application_fee.amount * percent // 100)}
            sdk.application_fees.refunds.create(charge.application_fee.id, form)

    def check(self) -> None:
        self.market.nostro.settle()
        explained, everybody = Counter[str](), (None, *self.sellers)
        for one in everybody:
            has = self.holds(one)
            stated = Counter[str]()
            for line in self.lines(one):
                stated[line.currency] += line.net
            assert {name: n for name, n in stated.items() if n} == has
            explained.update(has)
        explained.update(self.amounts(self.market.client.v1.balance.retrieve().connect_reserved or []))
        for currency in CURRENCIES:
            for account in (*EARNED, f"clearing:fx:{currency}"):
                explained[currency] += self.stands(account, currency)
        assert {name: n for name, n in explained.items() if n} == {name: n for name, n in self.paid().items() if n}
        assert set(self.holds(self.sellers[0])) <= {"usd"} and set(self.holds(self.sellers[1])) <= {"jpy", "usd"}

    def holds(self, account: str | None) -> Counter[str]:
        balance = self.market.client.v1.balance.retrieve({}, self.market.of(account))
        return self.amounts([*balance.available, *balance.pending])

    def amounts(self, parts: Any) -> Counter[str]:
        found = Counter[str]()
        for part in parts:
            found[part.currency] += part.amount
        return Counter({currency: amount for currency, amount in found.items() if amount})

    def lines(self, account: str | None) -> Any:
        on = self.market.of(account)
        return self.market.client.v1.balance_transactions.list({"limit": 100}, on).auto_paging_iter()

    def stands(self, account: str, currency: str) -> int:
        """The credit balance of an account of ours."""
        try:
            raw: Any = self.market.client.raw_request("get", "/v1/ledger/balances", account=account, currency=currency)
        except stripe.InvalidRequestError:
            return 0  # nothing was ever booked on it
        return int(raw.data["data"][0]["balance"])

    def paid(self) -> Counter[str]:
        """What customers paid and did not get back."""
        total = Counter[str]()
        for account, id in self.charges:
            charge = self.market.client.v1.charges.retrieve(id, {}, self.market.of(account))
            total[charge.currency] += charge.amount - charge.amount_refunded
        return total


@pytest.mark.slow
@settings(max_examples=5)
@given(steps=STEPS, converts=st.booleans())
def test_whatever_is_converted_money_is_conserved(steps: Any, converts: bool, server: Server) -> None:
    with server.sandbox() as nostro:
        play = Play(Marketplace(nostro, nostro.client))
        if converts:
            play.convert()
        for step in steps:
            play.do(step)
        play.check()
        nostro.advance(days=9)
        play.check()
        assert server.verify() == []
