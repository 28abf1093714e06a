"""A person at the test bank, in a real browser of the size of a phone."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import stripe

from browser import Browser, chromium

pytestmark = [pytest.mark.slow, pytest.mark.skipif(chromium() is None, reason="no Chromium is installed")]
FITS = "document.documentElement.scrollWidth <= innerWidth"


class Shop(BaseHTTPRequestHandler):
    """The merchant's page that a customer comes back to."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("content-type", "text/html")
        self.end_headers()
        self.wfile.write(b"<link rel=icon href=data:,><h1>Thanks</h1>")

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture(scope="module")
def shop() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Shop)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}/done?order=6735"
    server.shutdown()
    server.server_close()


@pytest.fixture
def browser() -> Iterator[Browser]:
    with Browser() as tab:
        yield tab


def pay(client: Any, **more: Any) -> Any:
    return client.v1.payment_intents.create(
        {"amount": 99_999_999, "currency": "eur", "confirm": True, "description": "W" * 60,
         "payment_method": "pm_card_authenticationRequired", **more}
    )  # fmt: skip


@pytest.mark.parametrize(
    ("button", "status", "redirect"),
    [
        ("Complete authentication", "succeeded", "succeeded"),
        ("Fail authentication", "requires_payment_method", "failed"),
    ],
)
def test_to_the_bank_and_back(
    client: Any, browser: Browser, shop: str, button: str, status: str, redirect: str
) -> None:
    intent = pay(client, return_url=shop)
    browser.open(intent.next_action.redirect_to_url.url)
    assert browser.run(FITS), "the page is wider than the phone"
    browser.click(button)
    browser.until("document.querySelector('h1')?.innerText === 'Thanks'")
    there = browser.run("Object.fromEntries(new URL(location).searchParams)")
    assert there == {
        "order": "6735", "payment_intent": intent.id, "payment_intent_client_secret": intent.client_secret,
        "redirect_status": redirect,
    }  # fmt: skip
    assert client.v1.payment_intents.retrieve(intent.id).status == status
    assert browser.run("document.referrer") == ""
    assert browser.errors == []


def test_save_a_card_and_stay(client: Any, browser: Browser) -> None:
    form = {"payment_method": "pm_card_authenticationRequired", "confirm": True}
    intent = client.v1.setup_intents.create(form)
    browser.open(intent.next_action.use_stripe_sdk.stripe_js)
    assert browser.run("document.querySelector('h1').innerText") == "Save this card for later payments"
    browser.click("Complete authentication")
    browser.until("document.querySelector('h1')?.innerText === 'Card saved'")
    assert client.v1.setup_intents.retrieve(intent.id).status == "succeeded"
    browser.run("history.back()")
    browser.until("document.querySelector('h1')?.innerText === 'Card saved'")


def test_a_receipt_fits_a_phone(client: Any, browser: Browser) -> None:
    form = {"amount": 99_999_999, "currency": "huf", "payment_method": "pm_card_visa", "confirm": True}
    intent = client.v1.payment_intents.create({**form, "description": "W" * 60, "expand": ["latest_charge"]})
    browser.open(intent.latest_charge.receipt_url)
    assert browser.run(FITS) and browser.run("document.querySelector('.amount').innerText").startswith("HUF")
    assert browser.errors == []


def test_the_page_of_a_failed_request(client: Any, server: Any, browser: Browser) -> None:
    with pytest.raises(stripe.CardError) as caught:
        client.v1.payment_intents.create(
            {"amount": 2000, "currency": "usd", "payment_method": "pm_card_chargeDeclined", "confirm": True,
             "description": "W" * 200}
        )  # fmt: skip
    server.run(server.app.api.log.flush())
    browser.open(caught.value.json_body["error"]["request_log_url"])
    assert browser.run(FITS), "the page is wider than the phone"
    assert "402" in browser.run("document.querySelector('.line').innerText")
    assert "generic_decline" in browser.run("document.body.innerText")
    assert browser.errors == []
