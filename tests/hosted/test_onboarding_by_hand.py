"""A seller on the onboarding pages, in a real browser of the size of a phone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import stripe

from browser import Browser, chromium

pytestmark = [pytest.mark.slow, pytest.mark.skipif(chromium() is None, reason="no Chromium is installed")]
FITS = "document.documentElement.scrollWidth <= innerWidth"
BOTH = {"card_payments": {"requested": True}, "transfers": {"requested": True}}


@pytest.fixture
def browser() -> Iterator[Browser]:
    with Browser() as tab:
        yield tab


def wait(browser: Browser, shown: str) -> None:
    """Until the whole page is there, and this is true of it."""
    browser.until(f"document.readyState === 'complete' && {shown}")


def heading(browser: Browser, words: str) -> None:
    wait(browser, f"document.querySelector('h1').innerText.includes('{words}')")
    assert browser.run(FITS), f"the page {words} is wider than the phone"


def test_from_the_link_to_the_terms(client: stripe.StripeClient, browser: Browser) -> None:
    account = client.v1.accounts.create({"type": "express", "email": "w" * 60 + "@example.com", "capabilities": BOTH})
    link = client.v1.account_links.create(
        {"account": account.id, "type": "account_onboarding", "return_url": "http://127.0.0.1:9/back",
         "refresh_url": "http://127.0.0.1:9/again"}
    )  # fmt: skip
    browser.open(link.url)
    heading(browser, "Your business")
    browser.click("Use test values")
    wait(browser, "document.querySelector('input[type=url]').value !== ''")
    browser.click("Continue")
    heading(browser, "Your details")
    browser.click("Continue")
    wait(browser, "document.querySelectorAll('.wrong').length > 5")
    assert browser.run("document.querySelectorAll('label, legend').length") >= 10
    browser.click("Use test values")
    wait(browser, "document.querySelectorAll('.wrong').length === 0")
    browser.click("Continue")
    heading(browser, "Your bank account")
    browser.click("Use test values")
    wait(browser, "document.querySelector('[name=\"external_account[account_number]\"]').value !== ''")
    browser.click("Continue")
    heading(browser, "Review and agree")
    browser.click("Agree and submit")
    for _ in range(200):
        done: Any = client.v1.accounts.retrieve(account.id)
        if done.charges_enabled:
            break
    assert (done.charges_enabled, done.payouts_enabled, done.details_submitted) == (True, True, True)
