"""The whole loop with a bank: a payout by the SDK, a file, the bank, its answers, the money back where it belongs."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner

from desk import Desk
from nostro.cli.main import app
from nostro.testing.sandbox import Sandbox

NACHA = {"company_id": "1234567890", "company_name": "MARKET INC", "routing_number": "091000019"}


ISO = {"iban": "DE75512108001245126199", "initiating_party": "Market Inc"}


class Market(Desk):
    """A platform with money, whose payouts leave through its own bank: the simulated one, in a folder."""

    def __init__(self, nostro: Sandbox, client: Any, currency: str = "usd", **account: Any) -> None:
        super().__init__(nostro, client)
        self.currency = currency
        self.till.pay(amount=100_000, currency=currency)
        self.post("originating_accounts", approval="none", **(account or {"format": "nacha", "nacha": NACHA}))

    def nostro_bank(self, *words: str, status: int = 0) -> str:
        done = CliRunner().invoke(app, ["bank", *words])
        assert done.exit_code == status, done.output or done.exception
        return done.output

    def carry(self) -> list[Any]:
        carried = [json.loads(line) for line in self.nostro_bank("carry", "--json").splitlines()]
        self.nostro.settle()
        return carried

    def pay(self, name: str, number: str = "5551234567", amount: int = 4000) -> Any:
        where = {} if self.currency == "usd" else {"country": number[:2], "routing_number": None}
        return self.pay_out(amount, self.currency, destination=self.bank(number, account_holder_name=name, **where).id)

    def status(self, payout: Any) -> str:
        return str(self.payout(payout).status)

    def balance(self) -> int:
        """What the bank says."""
        return int(json.loads(self.nostro_bank("accounts", "--json"))["data"][0]["balance"])


@pytest.fixture
def nearby(nostro: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The commands find the sandbox and the bank."""
    monkeypatch.setenv("NOSTRO_API_BASE", nostro.api_base)
    monkeypatch.setenv("NOSTRO_API_KEY", nostro.key)
    monkeypatch.setenv("NOSTRO_BANK", str(tmp_path / "bank"))


@pytest.fixture
def market(nostro: Sandbox, client: Any, nearby: None) -> Market:
    return Market(nostro, client)


@pytest.fixture
def euro_market(nostro: Sandbox, client: Any, nearby: None) -> Market:
    return Market(nostro, client, "eur", format="pain.001", iso20022=ISO)


def test_a_payout_is_accepted_paid_and_another_one_comes_back_days_later(market: Market) -> None:
    market.nostro_bank("open", "--account", "000900900900:usd:5000.00")
    before = market.till.available()
    paid, returned = market.pay("Jenny Rosen"), market.pay("Return R03 3d", "5557654321", 2500)
    refused, corrected = (
        market.pay("Reject R13", "5550000001", 100),
        market.pay("Change C01", "5550000002", 300),
    )
    assert market.till.available() == before - 4000 - 2500 - 100 - 300

    file = market.sent(market.currency)
    carried = market.carry()
    assert [(each["to"], each["outcome"]) for each in carried] == [
        ("bank", "partly_accepted"), ("server", f"{file['filename']} accepted"), ("server", "1 returns"),
    ]  # fmt: skip
    assert market.get(f"bank_files/{file['id']}")["status"] == "accepted"
    assert (market.status(paid), market.status(refused)) == ("in_transit", "failed")

    market.nostro.advance(days=5)
    assert (market.status(paid), market.status(returned)) == ("paid", "paid")
    assert [each["outcome"] for each in market.carry()] == ["1 changes"], "two days after it settled"

    market.nostro.advance(days=3)
    assert [each["outcome"] for each in market.carry()] == ["1 returns"]
    failed = market.client.v1.payouts.retrieve(returned.id)
    assert (failed.status, failed.failure_code) == ("failed", "no_account")
    assert market.till.available() == before - 4000 - 300, "what came back is there again"
    assert market.balance() == 500_000 - 4000 - 300, "and the bank says the same"
    account = market.client.v1.accounts.external_accounts.retrieve(
        market.client.v1.accounts.retrieve_current().id, corrected.destination
    )
    assert account.last4 == "6789", "as the bank has corrected it"
    assert market.carry() == [], "nothing is carried twice"


def test_a_file_that_the_bank_refuses_gives_its_money_back(market: Market) -> None:
    market.nostro_bank("open", "--account", "000900900900:usd:1.00")
    before = market.till.available()
    payout = market.pay("Jenny Rosen")
    file = market.sent(market.currency)
    assert market.carry()[-1]["outcome"] == f"{file['filename']} rejected"
    rejected = market.get(f"bank_files/{file['id']}")
    assert (rejected["status"], rejected["rejection_reason"]) == ("rejected", "R01: there is too little money")
    assert (market.status(payout), market.till.available(), market.balance()) == ("failed", before, 100)


def test_answers_that_are_late_doubled_and_cut_off_come_to_the_same(market: Market) -> None:
    market.nostro_bank("open", "--account", "000900900900:usd:5000.00", "--late", "20%", "--duplicate", "50%",
                       "--partial", "50%", "--reorder", "30%", "--seed", "22")  # fmt: skip
    before = market.till.available()
    payouts = [market.pay(f"Return R0{n} {n}d", f"555000000{n}", 1000 + n) for n in range(1, 5)]
    kept = market.pay("Settle", "5550000009", 5000)
    market.sent(market.currency)
    outcomes = []
    for _ in range(14):
        outcomes += [each["outcome"] for each in market.carry()]
        market.nostro.advance(days=1)
    assert any("refused" in outcome for outcome in outcomes), "a file that was cut off is refused"
    assert [market.status(payout) for payout in payouts] == ["failed"] * 4 and market.status(kept) == "paid"
    assert market.till.available() == before - 5000
    assert market.balance() == 500_000 - 5000


def test_in_euro_by_pain_001_the_bank_accepts_refuses_and_returns(euro_market: Market) -> None:
    market = euro_market
    market.nostro_bank("open", "--account", f"{ISO['iban']}:eur:5000.00")
    before = market.till.available("eur")
    paid = market.pay("Jenny Rosen", "DE89370400440532013000")
    unknown = market.pay("Robert Braun", "DE62370400440532013001", 2500)
    refused = market.pay("Reject AC06", "DE89370400440532013000", 100)
    file = market.sent(market.currency)
    assert [each["outcome"] for each in market.carry()] == ["partly_accepted", "told by its status",
                                                            "1 accepted files, 1 returns"]  # fmt: skip
    assert market.get(f"bank_files/{file['id']}")["status"] == "accepted"
    assert (market.status(paid), market.status(refused)) == ("in_transit", "failed")

    market.post(f"bank_files/{file['id']}/resend", reason="The bank has lost it.")
    market.nostro.settle()
    market.nostro_bank("take", str(received(market, file)), status=1)
    market.carry()
    assert market.get(f"bank_files/{file['id']}")["status"] == "accepted", "a refused copy is no refused file"

    for _ in range(8):
        market.nostro.advance(days=1)
        market.carry()
    failed = market.client.v1.payouts.retrieve(unknown.id)
    assert (failed.status, market.status(paid)) == ("failed", "paid") and "AC01" in failed.failure_message
    assert market.till.available("eur") == before - 4000 and market.balance() == 500_000 - 4000


def received(market: Market, file: Any) -> Path:
    (found,) = Path(os.environ["NOSTRO_BANK"]).glob(f"received/*{file['filename']}")
    return found


def test_what_the_bank_says_each_day_is_reconciled(market: Market) -> None:
    """Each line of the payouts is matched; what is at the bank and in no books is a break."""
    market.nostro_bank("open", "--account", "000900900900:usd:100.00", "--statements", "camt.053")
    paid, returned = market.pay("Jenny Rosen"), market.pay("Return R03 2d", "5557654321", 2500)
    market.sent(market.currency)
    carried = market.carry()
    market.nostro_bank("deposit", "12.34", "--payer", "Nobody we know")
    for _ in range(9):
        market.nostro.advance(days=1)
        carried += market.carry()
    assert (market.status(paid), market.status(returned)) == ("paid", "failed")
    statements = [each["outcome"] for each in carried if "statement" in each["what"]]
    assert len(statements) >= 5 and sum(int(outcome.split()[0]) for outcome in statements) == 4

    [account] = market.get("reconciliation/accounts")["data"]
    assert account["balance"] == market.balance() == 10_000 + 1234 - 4000
    market.post(f"reconciliation/accounts/{account['id']}/match")
    matches = market.get("reconciliation/matches", account=account["id"])["data"]
    assert [(each["rule"], each["difference"]) for each in matches] == [("reference", 0)] * 3
    breaks = market.get("reconciliation/breaks", account=account["id"])["data"]
    assert sorted(each["amount"] for each in breaks) == [1234, 10_000], "what came in, and what was there before"


def test_a_file_that_the_bank_has_booked_in_one_sum_is_matched_with_its_payouts(market: Market) -> None:
    market.nostro_bank("open", "--account", "000900900900:usd:100.00", "--statements", "camt.053", "--booking", "batch")
    paid = [market.pay("Jenny Rosen", amount=2000 + n) for n in range(3)]
    market.sent(market.currency)
    for _ in range(6):
        market.carry()
        market.nostro.advance(days=1)
    assert {market.status(one) for one in paid} == {"paid"}
    [account] = market.get("reconciliation/accounts")["data"]
    market.post(f"reconciliation/accounts/{account['id']}/match")
    [match] = market.get("reconciliation/matches", account=account["id"])["data"]
    assert (match["rule"], len(match["lines"]), len(match["entries"])) == ("file", 1, 3)


def test_the_lines_of_a_bulk_payout_are_matched_with_its_one_entry(market: Market) -> None:
    """The bank books each payment, the ledger their sum; what comes back is matched by itself."""
    market.nostro_bank("open", "--account", "000900900900:usd:100.00", "--statements", "camt.053")
    lines = ["reference,amount,currency,routing_number,account_number,account_holder_name",
             "r1,1500,usd,021000021,5550001,Ada", "r2,2500,usd,021000021,5557654321,Return R03 2d"]  # fmt: skip
    taken = httpx.post(
        f"{market.nostro.api_base}/v1/bulk_payouts", params={"reference": "november"}, content="\n".join(lines),
        headers={"content-type": "text/csv"}, auth=(market.nostro.key, ""), trust_env=False, timeout=60,
    )  # fmt: skip
    assert taken.text.count('"created"') == 2, taken.text
    market.sent(market.currency)
    for _ in range(9):
        market.carry()
        market.nostro.advance(days=1)
    [account] = market.get("reconciliation/accounts")["data"]
    market.post(f"reconciliation/accounts/{account['id']}/match")
    matches = market.get("reconciliation/matches", account=account["id"])["data"]
    assert sorted((len(each["lines"]), len(each["entries"]), each["difference"]) for each in matches) == [
        (1, 1, 0), (2, 1, 0)
    ]  # fmt: skip
    breaks = market.get("reconciliation/breaks", account=account["id"])["data"]
    assert [each["amount"] for each in breaks] == [10_000], "what was there before"
