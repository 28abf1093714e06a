"""What a payment costs the merchant: a rate of the amount and a fixed sum, by the platform's plan."""

from __future__ import annotations

from functools import cache

from nostro.balances.balance_transaction import FeeDetail
from nostro.kernel.money import portion, text
from nostro.kernel.settings import FeePlan


def processing_fee(plan: FeePlan, amount: int, currency: str) -> FeeDetail:
    """Of `amount`, in minor units of `currency`."""
    return FeeDetail(
        amount=portion(amount, plan.rate) + plan.fixed, currency=currency, description=_described(plan, currency)
    )


@cache
def _described(plan: FeePlan, currency: str) -> str:
    rate = f"{(plan.rate * 100).normalize():f}%"
    return f"Card payment fee: {rate} + {text(plan.fixed, currency)}"
