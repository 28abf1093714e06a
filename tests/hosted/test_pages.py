"""The hosted pages over HTTP: what they show, what they do, and what they refuse."""

from __future__ import annotations

from http.client import HTTPConnection, HTTPResponse
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import msgspec
import pytest
import stripe

from nostro.testing.sandbox import Sandbox
from nostro.testing.server import Server

CARD = "pm_card_authenticationRequired"


class Answer:
    """One reply, redirects not followed."""

    def __init__(self, response: HTTPResponse) -> None:
        self.status = response.status
        self.headers = response.headers
        self.text = response.read().decode()


def ask(url: str, outcome: str | None = None, method: str | None = None) -> Answer:
    parts = urlsplit(url)
    connection = HTTPConnection(parts.netloc)
    body = urlencode({"outcome": outcome}) if outcome else None
    connection.request(method or ("POST" if body else "GET"), parts.path, body)
    try:
        return Answer(connection.getresponse())
    finally:
        connection.close()


def pay(client: Any, **more: Any) -> Any:
    return client.v1.payment_intents.create(
        {"amount": 123450, "currency": "eur", "payment_method": CARD, "confirm": True, "description": "<b>Tickets</b>",
         **more}
    )  # fmt: skip


def page_of(intent: Any) -> str:
    action = intent.next_action
    url: str = action.redirect_to_url.url if action.type == "redirect_to_url" else action.use_stripe_sdk.stripe_js
    return url


def test_the_challenge_says_what_it_is_for(client: Any) -> None:
    intent = pay(client, statement_descriptor_suffix="TICKETS")
    answer = ask(page_of(intent))
    assert answer.status == 200
    for text in ("€1,234.50", "to NOSTRO* TICKETS", "Visa •••• 3184", "&lt;b&gt;Tickets&lt;/b&gt;", intent.id):
        assert text in answer.text
    assert intent.client_secret not in answer.text and "http" not in answer.text
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert (answer.headers["cache-control"], answer.headers["referrer-policy"]) == ("no-store", "no-referrer")
    assert client.v1.payment_intents.retrieve(intent.id).status == "requires_action"


@pytest.mark.parametrize(("outcome", "status"), [("succeed", "succeeded"), ("fail", "failed")])
@pytest.mark.parametrize("noun", ["payment_intent", "setup_intent"])
def test_back_to_the_shop(client: Any, noun: str, outcome: str, status: str) -> None:
    back = "https://shop.example/done?cart=7#thanks"
    if noun == "payment_intent":
        intent = pay(client, return_url=back)
    else:
        intent = client.v1.setup_intents.create({"payment_method": CARD, "confirm": True, "return_url": back})
    answer = ask(page_of(intent), outcome)
    assert answer.status == 303
    there = urlsplit(answer.headers["location"])
    assert (there.netloc, there.path, there.fragment) == ("shop.example", "/done", "thanks")
    assert {name: value for name, (value,) in parse_qs(there.query).items()} == {
        "cart": "7", noun: intent.id, f"{noun}_client_secret": intent.client_secret, "redirect_status": status,
    }  # fmt: skip
    after = getattr(client.v1, f"{noun}s").retrieve(intent.id)
    assert after.status == ("succeeded" if outcome == "succeed" else "requires_payment_method")


def test_without_a_shop_to_go_back_to(client: Any) -> None:
    intent = pay(client)
    assert "Payment authenticated" in ask(page_of(intent), "succeed").text
    again = ask(page_of(intent), "fail")
    assert again.status == 200 and "Payment authenticated" in again.text
    assert client.v1.payment_intents.retrieve(intent.id).status == "succeeded"
    assert len(client.v1.charges.list().data) == 1
    assert "Payment authenticated" in ask(page_of(intent)).text


def test_an_answer_is_one_of_two(client: Any) -> None:
    intent = pay(client)
    assert ask(page_of(intent), "perhaps").status == 400
    assert client.v1.payment_intents.retrieve(intent.id).status == "requires_action"
    assert ask(page_of(intent), method="DELETE").status == 405


def test_what_became_of_it_elsewhere(client: Any) -> None:
    intent = pay(client)
    client.v1.payment_intents.cancel(intent.id)
    assert "Canceled" in ask(page_of(intent), "succeed").text
    failed = client.v1.setup_intents.create({"payment_method": CARD, "confirm": True})
    assert "Save this card" in ask(page_of(failed)).text
    assert "Not completed" in ask(page_of(failed), "fail").text
    waiting = client.v1.setup_intents.create({"payment_method": "pm_card_visa"})
    url = page_of(failed).replace(failed.client_secret, waiting.client_secret)
    assert "Nothing to do" in ask(url).text
    client.v1.setup_intents.confirm(waiting.id)
    assert "Card saved" in ask(url).text


def test_a_wrong_secret_finds_nothing(client: Any) -> None:
    intent = pay(client)
    url = page_of(intent)
    base = url.replace(intent.client_secret, "")
    for wrong in (url[:-1] + ("0" if url[-1] != "0" else "1"), base, base + intent.id, base + "pi_x_secret_y",
                  base + "seti_%7F", base.replace("authenticate/", ""), base + "%FF"):  # fmt: skip
        for outcome in (None, "succeed"):
            answer = ask(wrong, outcome)
            assert answer.status == 404 and "Page not found" in answer.text, wrong
    assert client.v1.payment_intents.retrieve(intent.id).status == "requires_action"


def test_only_in_test_mode(client: Any, nostro: Any, server: Server) -> None:
    intent = pay(client)
    merchant = client.v1.accounts.retrieve_current().id
    world = server.world
    number, scope = next((n, s) for n, s in world.scopes.items() if s.merchant == merchant)
    world.scopes[number] = msgspec.structs.replace(scope, livemode=True)
    try:
        assert ask(page_of(intent)).status == 404
        assert ask(page_of(intent), "succeed").status == 404
    finally:
        world.scopes[number] = scope


def test_a_receipt(client: Any) -> None:
    intent = client.v1.payment_intents.create(
        {"amount": 2000, "currency": "usd", "payment_method": "pm_card_mastercard", "confirm": True,
         "description": "Shoes", "expand": ["latest_charge"]}
    )  # fmt: skip
    url = intent.latest_charge.receipt_url
    text = ask(url).text
    for shown in ("$20.00", "Paid", "NOSTRO", "Mastercard •••• 4444", "Shoes", intent.latest_charge.id, "Test mode"):
        assert shown in text
    assert "Refunded" not in text
    client.v1.refunds.create({"payment_intent": intent.id, "amount": 500})
    assert "−$5.00" in ask(url).text and "$15.00" in ask(url).text
    client.v1.refunds.create({"payment_intent": intent.id})
    assert "Refunded · NOSTRO" in ask(url).text
    assert ask(url + "0").status == 404
    assert ask(url, "succeed").status == 405


@pytest.mark.parametrize(
    ("form", "amount", "state"),
    [
        ({"capture_method": "manual"}, "¥500", "Held, not yet taken"),
        ({"currency": "kwd", "amount": 12340}, "KWD 12.340", "Paid"),
        ({"currency": "gbp", "amount": 50}, "£0.50", "Paid"),
    ],
)
def test_receipts_in_other_currencies_and_states(client: Any, form: Any, amount: str, state: str) -> None:
    intent = client.v1.payment_intents.create(
        {"amount": 500, "currency": "jpy", "payment_method": "pm_card_visa", "confirm": True,
         "expand": ["latest_charge"], **form}
    )  # fmt: skip
    text = ask(intent.latest_charge.receipt_url).text.replace("\N{NO-BREAK SPACE}", " ")
    assert f'<p class="amount">{amount}</p>' in text and state in text


def test_the_page_of_a_request(client: Any, server: Server, nostro: Sandbox) -> None:
    with pytest.raises(stripe.CardError) as caught:
        client.v1.payment_intents.create(
            {"amount": 2000, "currency": "usd", "payment_method": "pm_card_chargeDeclined", "confirm": True,
             "description": "<b>Tickets</b> 5105105105105100"}
        )  # fmt: skip
    url = caught.value.json_body["error"]["request_log_url"]
    server.run(server.app.api.log.flush())
    answer = ask(url)
    assert answer.status == 200
    for text in ("402", "/v1/payment_intents", "declined", "generic_decline", "Parameters", "Answer",
                 "&lt;b&gt;Tickets&lt;/b&gt; [hidden]", caught.value.request_id):  # fmt: skip
        assert text in answer.text
    assert nostro.key not in answer.text and "5105105105105100" not in answer.text
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    for wrong in ("req_nobody12345", "x" * 100, "req_'", "%00", ""):
        assert ask(url.replace(caught.value.request_id, wrong)).status == 404
    assert ask(url, method="POST").status == 405
