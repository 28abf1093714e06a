"""Payouts through the platform's own bank: built into a file, approved, sent, paid, returned, corrected."""

from __future__ import annotations

import hashlib
from datetime import date
from typing import Any

import httpx
import pytest
import stripe

from nostro.balances.calendar import next_cut_off
from nostro.networks import nacha
from nostro.payouts.bank_file import BUILD_AFTER
from nostro.testing.sandbox import Sandbox
from till import Till

IDS = {"company_id": "1234567890", "company_name": "MARKET INC", "routing_number": "110000000"}


class Desk:
    """The treasury's desk: a till, an originating account, and what is done with files."""

    def __init__(self, nostro: Sandbox, client: stripe.StripeClient, **account: Any) -> None:
        self.till = Till(nostro, client)
        self.nostro, self.client = nostro, client
        self.till.pay(amount=100_000)
        self.account = self.post("originating_accounts", format="nacha", nacha=IDS, **{"approval": "none", **account})

    def post(self, path: str, **form: Any) -> Any:
        return self.client.raw_request("post", f"/v1/{path}", **form).data

    def get(self, path: str, **form: Any) -> Any:
        return self.client.raw_request("get", f"/v1/{path}", **form).data

    def contents(self, file: Any) -> bytes:
        url = f"{self.nostro.api_base}/v1/bank_files/{file['id']}/contents"
        answer = httpx.get(url, auth=(self.nostro.key, ""), trust_env=False)
        assert answer.status_code == 200
        return answer.content

    def bank(self, number: str = "5551234567", **more: Any) -> Any:
        me = self.client.v1.accounts.retrieve_current()
        form: Any = {"object": "bank_account", "account_number": number, "country": "US",
                     "routing_number": "021000021", **more}  # fmt: skip
        return self.client.v1.accounts.external_accounts.create(me.id, {"external_account": form})

    def pay_out(self, amount: int = 4000, **more: Any) -> Any:
        form: Any = {"amount": amount, "currency": "usd", **more}
        return self.client.v1.payouts.create(form)

    def payout(self, payout: Any) -> Any:
        return self.client.v1.payouts.retrieve(payout.id)

    def file(self) -> Any:
        """The file of the next cut-off."""
        now = self.nostro.now
        self.nostro.advance(next_cut_off("usd", now)[0] + BUILD_AFTER - now)
        return self.get("bank_files", limit=1)["data"][0]

    def sent(self) -> Any:
        file = self.file()
        answer = self.post(f"bank_files/{file['id']}/send")
        self.nostro.settle()
        return answer

    def return_(self, file: Any, code: str = "R02", **more: Any) -> Any:
        answer = self.post("bank_answers", content=returned(self.contents(file), code, **more).decode())
        self.nostro.settle()
        return answer


@pytest.fixture
def desk(nostro: Sandbox, client: stripe.StripeClient) -> Desk:
    return Desk(nostro, client)


def returned(file: bytes, code: str, *, data: str | None = None, number: int = 1) -> bytes:
    """What the bank sends back for every payment of a file: returns, or notifications of change with `data`."""
    found = nacha.read(file)
    entries = []
    for entry in [entry for batch in found.batches for entry in batch.entries]:
        trace, rdfi = entry.trace_number, entry.routing_number[:8]
        said: Any = nacha.Return(code=code, original_trace=trace, original_rdfi=rdfi)
        if data is not None:
            said = nacha.Change(code=code, original_trace=trace, original_rdfi=rdfi, corrected_data=data)
        entries.append(
            nacha.Entry(
                code=entry.code - 1, routing_number="110000000", account_number=entry.account_number,
                amount=0 if data is not None else entry.amount, name=entry.name,
                trace_number=f"02100002{len(entries) + number:07d}", addenda=(said,),
            )
        )  # fmt: skip
    batch = nacha.Batch(
        entry_class="PPD" if data is None else "COR", company_name="MARKET INC", company_id="1234567890",
        description="PAYOUT", effective_date=date(2026, 12, 1), odfi="02100002", number=1, entries=tuple(entries),
    )  # fmt: skip
    return nacha.build(nacha.File(destination="110000000", origin="021000021", created=found.created, batches=(batch,)))


def test_a_payout_goes_to_the_bank_in_a_file_and_is_paid(desk: Desk) -> None:
    bank = desk.bank(account_holder_name="Zoë Example", account_holder_type="company")
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
    bank = desk.bank()
    payout = desk.pay_out(destination=bank.id)
    file = desk.sent()
    if paid:
        desk.nostro.advance(days=7)
        assert desk.payout(payout).status == "paid"
    answer = desk.return_(file)
    assert (answer["returns"], answer["returned_amount"], answer["unmatched"]) == (1, 4000, [])
    failed = desk.payout(payout)
    assert (failed.status, failed.failure_code) == ("failed", "account_closed")
    assert "R02" in failed.failure_message
    line = desk.client.v1.balance_transactions.retrieve(failed.failure_balance_transaction)
    assert (line.type, line.amount, desk.till.available()) == ("payout_failure", 4000, before)
    errored: Any = desk.client.v1.accounts.external_accounts.retrieve(bank.account, bank.id)
    assert errored.status == "errored"
    assert desk.get(f"bank_files/{file['id']}")["returned_payments"] == 1
    again = desk.return_(file)
    assert again["id"] == answer["id"]  # the same bytes are the same answer
    other = desk.return_(file, number=9)
    assert (other["returns"], other["duplicates"]) == (0, 1)
    assert desk.till.available() == before
    retried = desk.pay_out(destination=desk.bank("77777").id)
    desk.sent()
    desk.nostro.advance(days=7)
    assert desk.payout(retried).status == "paid"
