"""Payouts through the platform's own bank: built into a file, approved, sent, paid, returned, corrected."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest
import stripe

from desk import Desk
from nostro.networks import nacha
from nostro.testing.sandbox import Sandbox
from treasury_desk import IDS, returned

NUMBER = "5551234567"


@pytest.fixture
def desk(nostro: Sandbox, client: stripe.StripeClient) -> Desk:
    """With money, and an account at the bank."""
    made = Desk(nostro, client)
    made.till.pay(amount=100_000)
    made.post("originating_accounts", format="nacha", nacha=IDS, approval="none")
    return made


def test_a_payout_goes_to_the_bank_in_a_file_and_is_paid(desk: Desk) -> None:
    bank = desk.bank(NUMBER, account_holder_name="Zoë Example", account_holder_type="company")
    payout = desk.pay_out(destination=bank.id, statement_descriptor="WEEK 47")
    assert (payout.status, payout.trace_id.status) == ("pending", "pending")
    file = desk.file()
    assert (file["status"], file["number"], file["payments"], file["amount"]) == ("built", 1, 1, 4000)
    content = desk.contents(file)
    assert (file["sha256"], file["size"]) == (hashlib.sha256(content).hexdigest(), len(content))
    [batch] = nacha.read(content).batches
    [entry] = batch.entries
    assert (batch.entry_class, batch.description, batch.company_id) == ("CCD", "WEEK 47", "1234567890")
    assert (entry.code, entry.amount, entry.account_number) == (22, 4000, "5551234567")
    assert (entry.name, entry.routing_number) == ("Zoe Example", "021000021")
    assert desk.payout(payout).status == "pending"
    sent = desk.post(f"bank_files/{file['id']}/send")
    assert [one["filename"] for one in sent["transmissions"]] == [file["filename"]]
    desk.nostro.settle()
    on_its_way = desk.payout(payout)
    assert (on_its_way.status, on_its_way.trace_id.value) == ("in_transit", entry.trace_number)
    assert on_its_way.arrival_date == file["effective_date"]
    [told] = desk.get("payment_instructions", source=payout.id)["data"]
    assert (told["bank_file"], told["trace"], told["returned"]) == (file["id"], entry.trace_number, None)
    desk.nostro.advance(days=7)
    assert desk.payout(payout).status == "paid"
    assert desk.get(f"bank_files/{file['id']}")["status"] == "settled"


@pytest.mark.parametrize("paid", [False, True], ids=["before it was paid", "after it was paid"])
def test_the_bank_sends_a_payout_back(desk: Desk, paid: bool) -> None:
    before = desk.till.available()
    bank = desk.bank(NUMBER)
    payout = desk.pay_out(destination=bank.id)
    file = desk.sent()
    if paid:
        desk.nostro.advance(days=7)
        assert desk.payout(payout).status == "paid"
    answer = desk.answer(returned(desk.contents(file)))
    assert (answer["returns"], answer["returned_amount"], answer["unmatched"]) == (1, 4000, [])
    failed = desk.payout(payout)
    assert (failed.status, failed.failure_code) == ("failed", "account_closed")
    assert "R02" in failed.failure_message
    line = desk.client.v1.balance_transactions.retrieve(failed.failure_balance_transaction)
    assert (line.type, line.amount, desk.till.available()) == ("payout_failure", 4000, before)
    errored: Any = desk.client.v1.accounts.external_accounts.retrieve(bank.account, bank.id)
    assert errored.status == "errored"
    assert desk.get(f"bank_files/{file['id']}")["returned_payments"] == 1
    again = desk.answer(returned(desk.contents(file)))
    assert again["id"] == answer["id"]  # the same bytes are the same answer
    other = desk.answer(returned(desk.contents(file), number=9))
    assert (other["returns"], other["duplicates"]) == (0, 1)
    assert desk.till.available() == before
    retried = desk.pay_out(destination=desk.bank("77777").id)
    desk.sent()
    desk.nostro.advance(days=7)
    assert desk.payout(retried).status == "paid"
