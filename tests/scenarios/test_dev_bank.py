"""`nostro dev --bank`: whoever makes a payout and advances the time sees it paid, or sent back, without a bank."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import stripe

from checked import CheckedRequests
from desk import Desk
from nostro.testing.sandbox import Sandbox
from nostro.testing.server import Server
from postgresql import database

NACHA = {"company_id": "1234567890", "company_name": "MARKET INC", "routing_number": "091000019"}
ISO = {"iban": "DE75512108001245126199", "initiating_party": "Market GmbH", "creditor_id": "DE98ZZZ09999999999"}
BACS = {"account_number": "55779911", "name": "MARKET LTD", "service_user_number": "123456", "sort_code": "200000"}
ACCOUNTS: dict[str, Any] = {
    "usd": {"nacha": NACHA}, "eur": {"iso20022": ISO}, "gbp": {"bacs": BACS},
}  # fmt: skip
US, GB, DE = ("US", "110000000"), ("GB", "108800"), ("DE", "")


@pytest.fixture(scope="module")
def bank_server(request: pytest.FixtureRequest) -> Iterator[Server]:
    if request.config.getoption("--engine") == "sqlite":
        with Server(simulated_bank=True) as server:
            yield server
            assert server.verify() == []
        return
    with database(request.getfixturevalue("postgresql")) as url, Server(database=url, simulated_bank=True) as server:
        yield server
        assert server.verify() == []


class Market(Desk):
    """A platform with money and an account at the bank in one currency."""

    def __init__(self, sandbox: Sandbox, currency: str, **more: Any) -> None:
        super().__init__(sandbox, sandbox.client_of(sandbox.key, http_client=CheckedRequests()))
        self.currency = currency
        self.till.pay(amount=100_000, currency=currency)
        self.post("originating_accounts", currency=currency, **ACCOUNTS[currency], **more)

    def account_at(self, number: str, where: tuple[str, str], name: str = "Jenny Rosen") -> Any:
        return self.bank(number, country=where[0], currency=self.currency, routing_number=where[1] or None,
                         account_holder_name=name)  # fmt: skip

    def pay(self, account: Any, amount: int = 4000) -> Any:
        return self.pay_out(amount, self.currency, destination=account.id)

    def seen(self, payout: Any) -> tuple[str, str | None]:
        found = self.payout(payout)
        return str(found.status), found.failure_code

    def balance(self) -> int:
        """What the bank says, where its account began with nothing."""
        [account] = self.get("test_helpers/bank")["accounts"]
        return int(account["balance"])


@pytest.fixture
def sandbox(bank_server: Server) -> Sandbox:
    return bank_server.sandbox()


def came_in(market: Market) -> int:
    """What the card network has paid."""
    found = market.get("ledger/entries", kind="network.settle", limit=100)["data"]
    return sum(one["amount"] for entry in found for one in entry["postings"] if one["account"] == "bank:cash")


CASES = [
    ("usd", US, "000123456789", "000111111113", "account_closed"),
    ("gbp", GB, "00012345", "11111116", "no_account"),
    ("eur", DE, "DE89370400440532013000", "DE62370400440532013001", "invalid_account_number"),
]


@pytest.mark.parametrize(("currency", "where", "good", "bad", "why"), CASES, ids=[case[0] for case in CASES])
def test_a_payout_is_paid_and_one_to_a_failing_test_number_comes_back(
    sandbox: Sandbox, currency: str, where: tuple[str, str], good: str, bad: str, why: str
) -> None:
    market = Market(sandbox, currency)
    before = market.till.available(currency)
    paid, back = market.pay(market.account_at(good, where)), market.pay(market.account_at(bad, where), 2500)
    market.nostro.advance(days=14)
    assert (market.seen(paid), market.seen(back)) == (("paid", None), ("failed", why))
    assert market.till.available(currency) == before - 4000
    assert market.balance() == came_in(market) - 4000, "and the bank says the same"
    [file] = market.get("bank_files")["data"]
    assert (file["status"], file["approved_by"], file["returned_payments"]) == ("settled", "nostro dev --bank", 1)
    [statement, *_] = market.get("reconciliation/statements")["data"]
    assert statement["closing_balance"] == market.balance()
    [account] = market.get("reconciliation/accounts")["data"]
    market.post(f"reconciliation/accounts/{account['id']}/match")
    matches = market.get("reconciliation/matches", account=account["id"])["data"]
    assert sorted(each["difference"] for each in matches) == [0] * len(matches)
    assert market.get("reconciliation/breaks", account=account["id"])["data"] == []


@pytest.mark.parametrize("currency", ["usd", "eur", "gbp"])
def test_a_top_up_is_collected_or_comes_back(sandbox: Sandbox, currency: str) -> None:
    market = Market(sandbox, currency)
    before = market.till.available(currency)
    _, where, good, _, _ = next(case for case in CASES if case[0] == currency)
    ends = {"Jenny Rosen": "succeeded", "Return AC04": "failed", "Return MD01 15d": "reversed"}
    made = []
    for name in ends:
        form: Any = {
            "amount": 2000 + len(made),
            "currency": currency,
            "source": market.account_at(good, where, name).id,
        }
        made.append(market.client.v1.topups.create(form))
    market.nostro.advance(days=45)
    assert [market.client.v1.topups.retrieve(one.id).status for one in made] == list(ends.values())
    assert market.till.available(currency) == before + 2000
    assert market.balance() == came_in(market) + 2000


def test_a_month_at_the_bank_can_be_proved(sandbox: Sandbox) -> None:
    """What the card network pays, what goes out and what comes back: the bank's books are the ledger's, day by day."""
    market = Market(sandbox, "usd")
    _, where, good, bad, _ = CASES[0]
    for week in range(3):
        market.till.pay("pm_card_visa", 10_000 + week)
        market.nostro.advance(days=4)
        market.pay(market.account_at(bad if week == 1 else good, where), 3000 + week)
        market.nostro.advance(days=3)
    market.nostro.advance(days=10)
    [account] = market.get("reconciliation/accounts")["data"]
    market.post(f"reconciliation/accounts/{account['id']}/match")
    assert market.get("reconciliation/breaks", account=account["id"])["data"] == []
    proof = market.draw_up(account["covered_until"])
    assert proof["balanced"] and proof["differences"] == [], proof
    assert proof["closing_balance"] == proof["ledger_balance"] == market.balance() > 0


def test_a_wrong_account_is_corrected_for_the_next_payout(sandbox: Sandbox) -> None:
    market = Market(sandbox, "gbp")
    account = market.account_at("31926819", ("GB", "601613"), "Change C01")
    payout = market.pay(account)
    market.nostro.advance(days=10)
    assert market.seen(payout) == ("paid", None)
    [answer] = market.get("bank_answers")["data"]
    assert (answer["format"], answer["changes"], answer["unmatched"]) == ("bacs", 1, [])
    corrected: Any = market.client.v1.accounts.external_accounts.retrieve(account.account, account.id)
    assert (corrected.last4, corrected.routing_number) == ("2345", "108800")


def test_a_second_key_is_still_needed_where_it_is_asked_for(sandbox: Sandbox) -> None:
    market = Market(sandbox, "usd", approval="second_key")
    payout = market.pay(market.account_at("000123456789", US))
    market.nostro.advance(days=5)
    [file] = market.get("bank_files")["data"]
    assert (file["status"], market.seen(payout)[0]) == ("built", "pending")
    market.post(f"bank_files/{file['id']}/approve", sha256=file["sha256"])
    market.nostro.advance(days=5)
    assert market.seen(payout)[0] == "paid"


def test_a_server_without_a_bank_says_so(client: stripe.StripeClient) -> None:
    with pytest.raises(stripe.InvalidRequestError, match="nostro dev --bank"):
        client.raw_request("get", "/v1/test_helpers/bank")
