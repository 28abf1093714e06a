"""Each type and reporting category of balance transactions is written by a real flow, or is of what is not here.

The tables are those of docs/concepts/balance-transactions.md; the lists are those of the installed SDK.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import pytest
import stripe
from stripe.params.reporting import _report_run_create_params as run_params

from marketplace import CONTROLLER, Marketplace
from nostro.testing.sandbox import Sandbox
from till import Till

PAGE = (Path(__file__).parents[2] / "docs" / "concepts" / "balance-transactions.md").read_text()
WRITTEN_PART, _, OTHER_PART = PAGE.partition("## What is not here")
OTHER_TYPES, _, OTHER_CATEGORIES = OTHER_PART.partition("| reporting categories |")
WRITTEN = re.findall(r"^\| `(\w+)` \| `(\w+)` \|", WRITTEN_PART, re.MULTILINE)


def sdk_types() -> set[str]:
    annotation: Any = stripe.BalanceTransaction.__annotations__["type"]
    return {name for part in get_args(annotation) for name in get_args(part)}


def sdk_categories() -> set[str]:
    [listed] = re.findall(
        r"reporting_category: NotRequired\[\s*\"Literal\[(.*?)\]", Path(run_params.__file__).read_text()
    )
    return set(re.findall(r"'(\w+)'", listed))


def names(part: str) -> set[str]:
    """What stands in the first column of a table."""
    return {name for row in re.findall(r"^\| (`.*?`) \|", part, re.MULTILINE) for name in re.findall(r"`(\w+)`", row)}


def test_every_type_of_the_sdk_is_written_or_is_of_what_is_not_here() -> None:
    here, other = {type for type, _ in WRITTEN}, names(OTHER_TYPES)
    assert here | other == sdk_types() and not here & other


def test_every_category_of_the_sdk_is_written_or_is_of_what_is_not_here() -> None:
    here, other = {category for _, category in WRITTEN}, names(OTHER_CATEGORIES)
    own = {"payout_minimum_balance_hold", "payout_minimum_balance_release"}  # report runs have no name for them
    assert (here - own) | other == sdk_categories() and not here & other


class Stories:
    """One a row. Each answers the account on whose statement the line is; None is the platform."""

    def __init__(self, nostro: Sandbox, client: stripe.StripeClient) -> None:
        self.market, self.till, self.client, self.nostro = (
            Marketplace(nostro, client),
            Till(nostro, client),
            client,
            nostro,
        )

    def _call(self, path: str, **form: Any) -> Any:
        raw: Any = self.client.raw_request("post", path, **form)
        return raw.data

    def charge_charge(self) -> str | None:
        self.till.pay()
        return None

    def refund_refund(self) -> str | None:
        self.client.v1.refunds.create({"charge": self.till.pay().id, "amount": 100})
        return None

    def refund_partial_capture_reversal(self) -> str | None:
        intent = self.client.v1.payment_intents.create(
            {"amount": 5000, "currency": "usd", "payment_method": "pm_card_bypassPending", "confirm": True,
             "capture_method": "manual"}
        )  # fmt: skip
        self.client.v1.payment_intents.capture(intent.id, {"amount_to_capture": 2000})
        charge, back = self.till.lines()
        assert (charge.amount, charge.fee, back.amount, back.fee) == (5000, 175, -3000, -87)
        assert charge.net + back.net == self.till.available() == 2000 - 88
        refund = self.client.v1.refunds.retrieve(back.source)
        assert (refund.amount, refund.balance_transaction) == (3000, back.id)
        return None

    def refund_failure_refund_failure(self) -> str | None:
        self.client.v1.refunds.create({"charge": self.till.pay("pm_card_refundFail").id})
        self.nostro.advance(60)
        return None

    def adjustment_dispute(self) -> str | None:
        self.till.pay("pm_card_createDispute")
        return None

    def adjustment_dispute_reversal(self) -> str | None:
        self.till.pay("pm_card_createDispute")
        [dispute] = self.client.v1.disputes.list().data
        form: Any = {"evidence": {"uncategorized_text": "winning_evidence"}, "submit": True}
        self.client.v1.disputes.update(dispute.id, form)
        self.nostro.advance(60)
        return None

    def adjustment_other_adjustment(self) -> str | None:
        self._call("/v1/balance/adjustments", amount=100, currency="usd", reason="Goodwill")
        return None

    def _shared(self, **more: Any) -> tuple[str, Any]:
        seller = self.market.open()
        charge = self.market.pay(transfer_data={"destination": seller}, application_fee_amount=500, **more)
        return seller, charge

    def adjustment_fee(self) -> str | None:
        seller, charge = self._shared()
        self.client.v1.application_fees.refunds.create(charge.application_fee)
        return seller

    def payment_charge(self) -> str | None:
        return self._shared()[0]

    def payment_refund_refund(self) -> str | None:
        seller, charge = self._shared()
        self.client.v1.transfers.reversals.create(charge.transfer, {"amount": 100})
        return seller

    def transfer_transfer(self) -> str | None:
        self._shared()
        return None

    def transfer_refund_transfer_reversal(self) -> str | None:
        self.client.v1.transfers.reversals.create(self._shared()[1].transfer, {"amount": 100})
        return None

    def transfer_cancel_transfer_reversal(self) -> str | None:
        self.client.v1.transfers.reversals.create(self._shared(card="pm_card_visa")[1].transfer)
        return None

    def application_fee_platform_earning(self) -> str | None:
        self._shared()
        return None

    def application_fee_refund_platform_earning_refund(self) -> str | None:
        self.client.v1.application_fees.refunds.create(self._shared()[1].application_fee)
        return None

    def stripe_fee_fee(self) -> str | None:
        seller = self.market.open(controller={**CONTROLLER, "fees": {"payer": "application"}})
        self.market.pay(account=seller)
        return None

    def _owing(self) -> str:
        self.market.pay(amount=20_000)
        seller, charge = self._shared()
        self.client.v1.payouts.create({"amount": 5000, "currency": "usd"}, self.market.of(seller))
        self.client.v1.refunds.create({"charge": charge.id, "reverse_transfer": True})
        self.nostro.settle()
        return seller

    def reserved_funds_connect_reserved_funds(self) -> str | None:
        self._owing()
        return None

    def connect_collection_transfer_connect_collection_transfer(self) -> str | None:
        seller = self._owing()
        self.nostro.advance(days=182)
        return seller

    def reserve_hold_risk_reserved_funds(self) -> str | None:
        self._call("/v1/reserve/plans", type="manual_release", percent=10)
        self.till.pay()
        return None

    def reserve_release_risk_reserved_funds(self) -> str | None:
        plan = self._call("/v1/reserve/plans", type="manual_release", percent=10)
        self.till.pay()
        self._call(f"/v1/reserve/plans/{plan['id']}/disable", release_holds=True)
        self.nostro.settle()
        return None

    def _pay_out(self) -> Any:
        self.till.pay()
        return self.client.v1.payouts.create({"amount": 1000, "currency": "usd"})

    def payout_payout(self) -> str | None:
        self._pay_out()
        return None

    def payout_cancel_payout_reversal(self) -> str | None:
        self.client.v1.payouts.cancel(self._pay_out().id)
        return None

    def payout_failure_payout_reversal(self) -> str | None:
        account = self.client.v1.accounts.retrieve_current()
        form: Any = {"external_account": "btok_us_verified_accountClosed"}
        self.client.v1.accounts.external_accounts.create(account.id, form)
        self._pay_out()
        self.nostro.advance(days=14)
        return None

    def _two_days_with_a_minimum(self) -> None:
        payouts: Any = {"schedule": {"interval": "daily"}, "minimum_balance_by_currency": {"usd": 3000}}
        self.client.v1.balance_settings.update({"payments": {"payouts": payouts}})
        for _ in range(2):
            self.till.pay(amount=10_000)
            self.nostro.advance(days=4)

    def payout_minimum_balance_hold_payout_minimum_balance_hold(self) -> str | None:
        self._two_days_with_a_minimum()
        return None

    def payout_minimum_balance_release_payout_minimum_balance_release(self) -> str | None:
        self._two_days_with_a_minimum()
        return None

    def _top_up(self, source: str) -> None:
        form: Any = {"amount": 5000, "currency": "usd", "source": source}
        self.client.v1.topups.create(form)
        self.nostro.advance(days=20)

    def topup_topup(self) -> str | None:
        self._top_up("btok_us_verified")
        return None

    def topup_reversal_topup_reversal(self) -> str | None:
        self._top_up("btok_us_verified_debitNotAuthorized")
        return None

    def advance_advance(self) -> str | None:
        self.till.pay("pm_card_visa", 20_000)
        self._call("/v1/balance/advances", amount=10_000, currency="usd")
        return None

    def anticipation_repayment_anticipation_repayment(self) -> str | None:
        self.advance_advance()
        self.nostro.advance(days=9)
        return None


@pytest.mark.parametrize(("type", "category"), WRITTEN, ids=lambda name: name)
def test_a_real_flow_writes_it(nostro: Sandbox, client: stripe.StripeClient, type: str, category: str) -> None:
    stories = Stories(nostro, client)
    story: Callable[[], str | None] = getattr(stories, f"{type}_{category}")
    account = story()
    form: Any = {"limit": 100, "type": type}
    found = client.v1.balance_transactions.list(form, stories.market.of(account)).data
    assert category in {line.reporting_category for line in found}
    every: Any = client.v1.balance_transactions.list({"limit": 100}, stories.market.of(account)).data
    balance = client.v1.balance.retrieve({}, stories.market.of(account))
    assert sum(line.net for line in every) == sum(part.amount for part in (*balance.available, *balance.pending))
    assert {(line.type, line.reporting_category) for line in every} <= set(WRITTEN)
