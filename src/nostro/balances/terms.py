"""Terms of a merchant's balance that Stripe's settings have no words for: the platform's own policy. Values.

They are kept in the record of the balance settings, so that one reading tells what holds for a payment.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from nostro.kernel.resource import Shape

Percent = Annotated[int, Meta(ge=1, le=100)]


class RiskHolds(Shape, frozen=True, kw_only=True):
    """Whether a warning or a review holds its payment's money, and for how many days at most."""

    days: int = 90
    early_fraud_warning: bool = False
    review: bool = False


class Settlement(Shape, frozen=True, kw_only=True):
    """With `convert`, money in a currency that no bank account of the merchant takes becomes `currency`.

    Unless it is said, connected accounts convert and a platform does not; and the currency is the account's default
    currency, which of a platform is usd.
    """

    convert: bool | None = None
    currency: str | None = None

    def converts(self, connected: bool) -> bool:
        return connected if self.convert is None else self.convert


class InstantPayouts(Shape, frozen=True, kw_only=True):
    """How many a day of the merchant's there may be, and of how much in each currency (minor units)."""

    daily_amount_by_currency: dict[str, int] = {}
    daily_count: int = 10


class Advances(Shape, frozen=True, kw_only=True):
    """Early access: how much of what is pending may be advanced, its fee in hundredths of a percent, and after how
    many days what was not repaid is given up."""

    default_days: int = 30
    fee_basis_points: int = 100
    percent: int = 80


class Policy(Shape, frozen=True, kw_only=True):
    advances: Advances = Advances()
    instant_payouts: InstantPayouts = InstantPayouts()
    risk_holds: RiskHolds = RiskHolds()
    settlement: Settlement = Settlement()
