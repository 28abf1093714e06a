"""Traffic: a day's sales, refunds and disputes."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from .market import Market, together
from .plan import FEE_RATE

MILLION = 1_000_000
CARD, DECLINED, DISPUTED = "pm_card_visa", "pm_card_chargeDeclined", "pm_card_createDispute"
EVIDENCE = ("winning_evidence", "losing_evidence")


class Sale(Struct, kw_only=True):
    """A charge that was paid. `seller` is whose scope it is in, None for the platform's own."""

    charge: str
    amount: int
    way: str
    seller: str | None
    transfer: str | None = None
    disputed: bool = False


class Traffic:
    def __init__(self, market: Market) -> None:
        self.market, self.random = market, market.random
        self.sales: list[Sale] = []

    def _befalls(self, rate: int) -> bool:
        return self.random.randrange(MILLION) < rate

    async def day(self, payments: int) -> None:
        """Sales of a day: what happens to each is drawn before any is made, so that the seed decides it."""
        plans = [self._drawn() for _ in range(payments)]
        for sale in await together(self._sell(*plan) for plan in plans):
            if sale is not None:
                self.sales.append(sale)
        older = [sale for sale in self.sales if not sale.disputed]
        returned = [one for one in older if self._befalls(self.market.plan.refunded // 10)]
        gone = {id(one) for one in returned}
        self.sales = [sale for sale in self.sales if id(sale) not in gone][-20 * max(payments, 1) :]
        parts = [self.random.choice((1, 1, 2)) for _ in returned]
        await together(self._refund(sale, sale.amount // part) for sale, part in zip(returned, parts, strict=True))
        await self._answer_disputes()

    def _drawn(self) -> tuple[str, str, int, str]:
        """The seller, the way, the amount and the card. Few sellers sell much: the twentieth part has half of it."""
        market, draw = self.market, self.random
        many = max(1, len(market.sellers) // 20)
        seller = draw.choice(market.sellers[:many] if draw.random() < 0.5 else market.sellers)
        roll = draw.randrange(MILLION)
        direct, separate = market.plan.direct, market.plan.separate
        way = "direct" if roll < direct else "separate" if roll < direct + separate else "destination"
        declined, disputed = self._befalls(market.plan.declined), self._befalls(market.plan.disputed)
        card = DECLINED if declined else DISPUTED if disputed else CARD
        return seller, way, draw.choice((999, 1500, 2499, 4999, 12_000, 25_050)) + draw.randrange(100), card

    async def _sell(self, seller: str, way: str, amount: int, card: str) -> Sale | None:
        market, fee = self.market, amount * FEE_RATE // 100
        form: dict[str, Any] = {"amount": amount, "currency": "usd", "payment_method": card, "confirm": True,
                                "payment_method_types": ["card"]}  # fmt: skip
        if way == "destination":
            form |= {"transfer_data": {"destination": seller}, "application_fee_amount": fee}
        elif way == "direct":
            form |= {"application_fee_amount": fee}
        whose = seller if way == "direct" else None
        market.counts["attempts"] += 1
        intent = await market.send("POST", "/v1/payment_intents", form, seller=whose, expect=(200, 402))
        if "error" in intent:
            market.counts["declined"] += 1
            return None
        market.counts[way] += 1
        market.counts["sold"] += amount
        sale = Sale(charge=intent["latest_charge"], amount=amount, way=way, seller=whose, disputed=card == DISPUTED)
        if way == "separate":
            made = await market.send("POST", "/v1/transfers", {
                "amount": amount - fee, "currency": "usd", "destination": seller, "source_transaction": sale.charge,
            })  # fmt: skip
            sale.transfer = made["id"]
        return sale

    async def _refund(self, sale: Sale, amount: int) -> None:
        form: dict[str, Any] = {"charge": sale.charge, "amount": amount}
        if sale.way == "destination":
            form |= {"reverse_transfer": True, "refund_application_fee": True}
        elif sale.way == "direct":
            form |= {"refund_application_fee": True}
        await self.market.send("POST", "/v1/refunds", form, seller=sale.seller)
        self.market.counts["refunds"] += 1
        self.market.counts["refunded"] += amount
        if sale.transfer is not None:
            back = amount - amount * FEE_RATE // 100
            path = f"/v1/transfers/{sale.transfer}/reversals"
            answer = await self.market.send("POST", path, {"amount": back}, expect=(200, 400))
            if "error" in answer:  # the seller has been paid out: the platform bears it
                assert answer["error"]["code"] == "balance_insufficient", answer
                self.market.counts["not_recovered"] += 1

    async def _answer_disputes(self) -> None:
        """Half of them with evidence that wins."""
        whose = [None, *{sale.seller for sale in self.sales if sale.disputed and sale.seller}]
        for seller in sorted(whose, key=str):
            for dispute in await self.market.all("/v1/disputes", seller):
                if dispute["status"] == "needs_response":
                    said = self.random.choice(EVIDENCE)
                    form = {"evidence": {"uncategorized_text": said}, "submit": True}
                    await self.market.send("POST", f"/v1/disputes/{dispute['id']}", form, seller=seller)
                    self.market.counts["disputes"] += 1
