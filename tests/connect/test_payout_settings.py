"""When a connected account's money is paid out: one setting, two doors."""

from __future__ import annotations

from typing import Any

import pytest
import stripe

from expect import fails
from nostro.testing.sandbox import Sandbox
from seller import WHOLE

Open = Any
CARD: Any = {"amount": 5000, "currency": "usd", "payment_method": "pm_card_bypassPending", "confirm": True,
             "payment_method_types": ["card"]}  # fmt: skip


def schedule(**given: Any) -> Any:
    return {"settings": {"payouts": {"schedule": given}}}


def test_the_accounts_door_and_the_other(open_account: Open, client: stripe.StripeClient) -> None:
    account = open_account(**WHOLE)
    on: Any = {"stripe_account": account.id}
    form = schedule(interval="weekly", weekly_anchor="friday", delay_days=5)
    form["settings"]["payouts"]["statement_descriptor"] = "ADA PRINTS"
    changed: Any = client.v1.accounts.update(account.id, form)
    assert changed.settings.payouts.schedule.to_dict() == {
        "delay_days": 5, "interval": "weekly", "weekly_anchor": "friday", "weekly_payout_days": ["friday"],
    }  # fmt: skip
    payments: Any = client.v1.balance_settings.retrieve(options=on).payments
    assert payments.payouts.schedule.weekly_payout_days == ["friday"]
    assert (payments.payouts.statement_descriptor, payments.settlement_timing.delay_days) == ("ADA PRINTS", 5)
    monthly: Any = {"payments": {"payouts": {"schedule": {"interval": "monthly", "monthly_payout_days": [3, 17]}}}}
    client.v1.balance_settings.update(monthly, on)
    for shown in (client.v1.accounts.retrieve(account.id), client.v1.accounts.list().data[0]):
        seen: Any = shown
        assert seen.settings.payouts.schedule.monthly_anchor == 3
        assert seen.settings.payouts.schedule.monthly_payout_days == [3, 17]
    own: Any = client.v1.balance_settings.retrieve()
    assert own.payments.payouts.schedule.interval == "manual"


def test_the_accounts_schedule_pays_it_out(open_account: Open, client: stripe.StripeClient, nostro: Sandbox) -> None:
    account = open_account(**WHOLE, **schedule(interval="daily"))
    client.v1.accounts.update(account.id, {"settings": {"payouts": {"statement_descriptor": "ADA PRINTS"}}})
    on: Any = {"stripe_account": account.id}
    client.v1.payment_intents.create(CARD, on)
    nostro.advance(days=4)
    (payout,) = client.v1.payouts.list(options=on).data
    assert (payout.automatic, payout.statement_descriptor) == (True, "ADA PRINTS")
    assert payout.destination == account.external_accounts.data[0].id
    assert client.v1.payouts.list().data == []


def test_while_payouts_are_not_enabled_nothing_is_paid_out(
    open_account: Open, client: stripe.StripeClient, nostro: Sandbox
) -> None:
    account = open_account(**WHOLE, **schedule(interval="daily"))
    on: Any = {"stripe_account": account.id}
    client.v1.payment_intents.create(CARD, on)
    client.v1.accounts.reject(account.id, {"reason": "fraud"})
    nostro.advance(days=5)
    assert client.v1.payouts.list(options=on).data == []
    fails(lambda: client.v1.payouts.create({"amount": 100, "currency": "usd"}, on), "payouts_not_allowed", None)
    client.v1.accounts.unreject(account.id)
    nostro.advance(days=5)
    assert len(client.v1.payouts.list(options=on).data) == 1


def test_a_bank_that_refuses_stops_payouts(open_account: Open, client: stripe.StripeClient, nostro: Sandbox) -> None:
    """The account is asked for another bank account, and goes on taking payments."""
    closed = {**WHOLE["external_account"], "account_number": "000111111113"}
    account = open_account(**{**WHOLE, "external_account": closed})
    on: Any = {"stripe_account": account.id}
    client.v1.payment_intents.create(CARD, on)
    client.v1.payouts.create({"amount": 1000, "currency": "usd"}, on)
    nostro.advance(days=8)
    account = client.v1.accounts.retrieve(account.id)
    assert (account.charges_enabled, account.payouts_enabled) == (True, False)
    assert account.requirements.currently_due == ["external_account"]
    new: Any = {"external_account": WHOLE["external_account"], "default_for_currency": True}
    client.v1.accounts.external_accounts.create(account.id, new)
    assert client.v1.accounts.retrieve(account.id).payouts_enabled is True


@pytest.mark.parametrize(
    ("type", "country", "given", "param"),
    [
        ("custom", "US", {"delay_days": 1}, "settings[payouts][schedule][delay_days]"),
        ("custom", "JP", {"delay_days": 3}, "settings[payouts][schedule][delay_days]"),
        ("custom", "US", {"delay_days": 32}, "settings[payouts][schedule][delay_days]"),
        ("standard", "US", {"delay_days": 10}, "settings[payouts][schedule][delay_days]"),
        ("custom", "US", {"interval": "weekly", "weekly_anchor": "sunday"},
         "settings[payouts][schedule][weekly_anchor]"),
        ("custom", "US", {"interval": "weekly"}, "payments[payouts][schedule][weekly_payout_days]"),
    ],
)  # fmt: skip
def test_what_a_schedule_cannot_be(
    open_account: Open, client: stripe.StripeClient, type: str, country: str, given: Any, param: str
) -> None:
    account = open_account(type=type, country=country)
    with pytest.raises(stripe.InvalidRequestError) as caught:
        client.v1.accounts.update(account.id, schedule(**given))
    assert caught.value.param == param


def test_the_delay_is_the_countrys_at_least(open_account: Open, client: stripe.StripeClient) -> None:
    for country, least in (("US", 2), ("DE", 3), ("JP", 4)):
        account = open_account(country=country)
        assert account.settings.payouts.schedule.delay_days == least
        client.v1.accounts.update(account.id, schedule(delay_days=least + 3))
        back: Any = client.v1.accounts.update(account.id, schedule(delay_days="minimum"))
        assert back.settings.payouts.schedule.delay_days == least
        on: Any = {"stripe_account": account.id}
        less: Any = {"payments": {"settlement_timing": {"delay_days_override": least - 1}}}
        fails(lambda on=on, less=less: client.v1.balance_settings.update(less, on), None,
              "payments[settlement_timing][delay_days_override]")  # fmt: skip


def test_who_is_liable_decides(open_account: Open, client: stripe.StripeClient) -> None:
    debit: Any = {"settings": {"payouts": {"debit_negative_balances": True}}}
    changed: Any = client.v1.accounts.update(open_account().id, debit)
    assert changed.settings.payouts.debit_negative_balances is True
    fails(lambda: client.v1.accounts.update(open_account(type="standard").id, debit), None,
          "settings[payouts][debit_negative_balances]")  # fmt: skip
    fails(lambda: client.v1.accounts.reject(open_account(type="standard").id, {"reason": "fraud"}), None, "account")


@pytest.mark.parametrize(("number", "status"), [("000123456789", "paid"), ("000333333335", "failed")])
def test_a_negative_balance_is_taken_from_the_bank(
    open_account: Open, client: stripe.StripeClient, nostro: Sandbox, number: str, status: str
) -> None:
    bank = {**WHOLE["external_account"], "account_number": number}
    debit: Any = {"debit_negative_balances": True, "schedule": {"interval": "daily"}}
    account = open_account(**{**WHOLE, "external_account": bank}, settings={"payouts": debit})
    on: Any = {"stripe_account": account.id}
    intent = client.v1.payment_intents.create(CARD, on)
    client.v1.refunds.create({"payment_intent": intent.id}, on)

    def available() -> int:
        balance: Any = client.v1.balance.retrieve(options=on)
        return int(sum(line.amount for line in balance.available))

    owed = -available()
    assert owed > 0
    nostro.advance(days=12)
    (payout,) = [one for one in client.v1.payouts.list(options=on).data if one.amount < 0]
    assert (payout.amount, payout.automatic, payout.status) == (-owed, True, status)
    carried: Any = {"payout": payout.id}
    lines = client.v1.balance_transactions.list(carried, on).data
    assert {line.type for line in lines} == {"charge", "refund", "payout"}
    assert sum(line.net for line in lines) == 0
    assert available() == (0 if status == "paid" else -owed)
