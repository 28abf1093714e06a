"""Whatever a platform and its sellers do, in whatever order: money is conserved, and every statement adds up."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import stripe
from hypothesis import given, settings
from hypothesis import strategies as st

from marketplace import Marketplace
from nostro.testing.server import Server

CARDS = ("pm_card_bypassPending", "pm_card_visa", "pm_card_createDispute", "pm_card_refundFail")
DISPUTE_FEE = 1500
STEPS = st.lists(
    st.tuples(
        st.sampled_from(("direct", "destination", "part", "separate", "transfer", "transfer", "refund", "refund",
                         "refund", "reverse", "give_fee", "own_refund", "time")),
        st.sampled_from(CARDS), st.integers(0, 1), st.integers(50, 20_000), st.integers(0, 100), st.booleans(),
        st.booleans(),
    ),
    min_size=4, max_size=14,
)  # fmt: skip


class Play:
    """Does the steps through the SDK, and remembers only what customers paid: the sharing is the server's to tell."""

    def __init__(self, market: Marketplace) -> None:
        self.market = market
        self.sellers = [market.open(), market.open()]
        self.charges: list[tuple[str | None, str]] = []

    def do(self, step: tuple[Any, ...]) -> None:
        what, card, who, amount, percent, first, second = step
        seller, part = self.sellers[who], amount * percent // 100
        try:
            if what in ("direct", "destination", "part", "separate"):
                self.pay(what, card, seller, amount, part)
            elif what == "time":
                self.market.nostro.advance(days=1 + percent % 3)
            elif self.charges:
                account, charge = self.charges[amount % len(self.charges)]
                self.change(what, account, charge, percent, first, second)
        except stripe.InvalidRequestError:
            pass  # what may not be must change nothing

    def pay(self, what: str, card: str, seller: str, amount: int, part: int) -> None:
        more: dict[str, Any] = {}
        if what == "direct":
            more = {"account": seller, "application_fee_amount": part}
        elif what == "destination":
            more = {"transfer_data": {"destination": seller}, "application_fee_amount": part}
        elif what == "part":
            more = {"transfer_data": {"destination": seller, "amount": part}} if part else {}
        charge = self.market.pay(amount, card, **more)
        self.charges.append((more.get("account"), charge.id))
        if what == "separate" and part:
            form: Any = {"amount": part, "currency": "usd", "destination": seller, "source_transaction": charge.id}
            self.market.client.v1.transfers.create(form)

    def change(self, what: str, account: str | None, id: str, percent: int, first: bool, second: bool) -> None:
        sdk, on = self.market.client.v1, self.market.of(account)
        charge: Any = sdk.charges.retrieve(id, {"expand": ["transfer", "application_fee"]}, on)
        share = max(1, charge.amount * percent // 100)
        form: Any = {"amount": share}
        if what == "refund":
            whole = {"charge": id} if percent > 70 else {"charge": id, **form}
            asked = {"reverse_transfer": first and hasattr(charge, "transfer"),
                     "refund_application_fee": second and charge.application_fee is not None}  # fmt: skip
            sdk.refunds.create({**whole, **{name: True for name, yes in asked.items() if yes}}, on)
        elif what == "transfer":
            sdk.transfers.create({**form, "currency": "usd", "destination": self.sellers[percent % 2]})
        elif what == "reverse" and hasattr(charge, "transfer"):
            sdk.transfers.reversals.create(charge.transfer.id, {**form, "refund_application_fee": second})
        elif what == "give_fee" and charge.application_fee is not None:
            sdk.application_fees.refunds.create(charge.application_fee.id, form)
        elif what == "own_refund" and hasattr(charge, "transfer"):
            payment = charge.transfer.destination_payment
            sdk.refunds.create({"charge": payment, **form}, self.market.of(charge.transfer.destination))

    def paid(self) -> int:
        """What customers paid and did not get back, less our fees: what all merchants have together."""
        total = 0
        for account, id in self.charges:
            on = self.market.of(account)
            charge = self.market.client.v1.charges.retrieve(id, {}, on)
            fee = (Decimal(charge.amount) * Decimal("0.029")).quantize(Decimal(1), ROUND_HALF_UP) + 30
            disputes = self.market.client.v1.disputes.list({"charge": id}, on).data
            lost = sum(dispute.amount + DISPUTE_FEE for dispute in disputes)
            total += charge.amount - charge.amount_refunded - int(fee) - lost
        return total

    def check(self) -> None:
        everybody = (None, *self.sellers)
        self.market.nostro.settle()
        assert sum(sum(self.market.has(one)) for one in everybody) + self.market.reserved() == self.paid()
        for one in everybody:
            lines = self.market.client.v1.balance_transactions.list({"limit": 100}, self.market.of(one))
            assert sum(line.net for line in lines.auto_paging_iter()) == sum(self.market.has(one))


@settings(max_examples=6)
@given(steps=STEPS)
def test_whatever_is_done_money_is_conserved(steps: list[tuple[Any, ...]], server: Server) -> None:
    with server.sandbox() as nostro:
        play = Play(Marketplace(nostro, nostro.client))
        for step in steps:
            play.do(step)
        play.check()
        nostro.advance(days=9)
        play.check()
        assert server.verify() == []
