"""The fixtures of nostro.testing, used as its users use them."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import pytest
import stripe

import nostro.testing
from nostro.testing import Server
from nostro.testing.sandbox import Sandbox

USERS_TEST = """
import stripe

def test_a_payment(nostro):
    hooks = nostro.webhooks("payment_intent.succeeded")
    intent = nostro.client.v1.payment_intents.create({
        "amount": 2000, "currency": "usd", "payment_method": "pm_card_visa", "confirm": True,
        "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
    })
    assert intent.status == "succeeded"
    assert [event.data.object.id for event in hooks.settled()] == [intent.id]

def test_another_sandbox(nostro):
    assert nostro.client.v1.payment_intents.list().data == []

async def aside(nostro):
    return await nostro.client.v1.payment_intents.list_async()

def test_async(nostro):
    import asyncio
    assert asyncio.run(aside(nostro)).data == []
"""


def pay(sandbox: Sandbox) -> stripe.PaymentIntent:
    return sandbox.client.v1.payment_intents.create(
        {"amount": 2000, "currency": "usd", "payment_method": "pm_card_visa", "confirm": True,
         "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"}}
    )  # fmt: skip


def test_a_users_test_suite(tmp_path: Path) -> None:
    """In a directory of its own, by the entry point alone."""
    (tmp_path / "test_shop.py").write_text(USERS_TEST)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path)]
    run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert run.returncode == 0, run.stdout + run.stderr
    assert "3 passed" in run.stdout


def test_each_sandbox_is_alone(nostro_server: Server) -> None:
    with nostro_server.sandbox() as one, nostro_server.sandbox() as other:
        intent = pay(one)
        assert one.key != other.key
        with pytest.raises(stripe.InvalidRequestError, match="No such payment_intent"):
            other.client.v1.payment_intents.retrieve(intent.id)
        assert nostro_server.sandbox(one.key).client.v1.payment_intents.retrieve(intent.id).id == intent.id


def test_the_publishable_key_belongs_to_the_sandbox(nostro: Sandbox) -> None:
    intent = pay(nostro)
    browser = nostro.client_of(nostro.publishable_key)
    secret = str(intent.client_secret)
    assert browser.v1.payment_intents.retrieve(intent.id, {"client_secret": secret}).id == intent.id
    with pytest.raises(stripe.PermissionError):
        browser.v1.payment_intents.list()


def test_time_moves_and_money_becomes_available(nostro: Sandbox) -> None:
    pay(nostro)
    before = nostro.now
    assert nostro.client.v1.balance.retrieve().pending[0].amount > 0
    assert nostro.advance(days=7) >= before + 7 * 86_400
    balance = nostro.client.v1.balance.retrieve()
    assert [balance.pending[0].amount, balance.available[0].amount] == [0, 1912]


def test_webhooks_by_type_and_with_an_error(nostro: Sandbox) -> None:
    hooks = nostro.webhooks("charge.*")
    pay(nostro)
    assert [event.type for event in hooks.of("charge.succeeded")] == ["charge.succeeded"]
    hooks.status = 500
    pay(nostro)
    assert len(hooks.settled()) == 1
    hooks.status = 200


def test_the_books_are_right(nostro_server: Server, nostro: Sandbox) -> None:
    pay(nostro)
    nostro.settle()
    assert nostro_server.verify() == []


def test_a_server_that_cannot_start_says_why(tmp_path: Path) -> None:
    (tmp_path / "not_a.db").write_text("this is no database" * 100)
    with pytest.raises(RuntimeError, match="not a database"):
        Server(database=f"sqlite:///{tmp_path / 'not_a.db'}").start()


def test_a_stopped_server_leaves_nothing() -> None:
    before = threading.active_count()
    with Server() as server:
        assert pay(server.sandbox()).status == "succeeded"
        folder = Path(server._folder)
        assert folder.exists()
    assert not folder.exists()
    assert threading.active_count() <= before + 1  # the SDK's own
    with pytest.raises(stripe.APIConnectionError):
        pay(server.sandbox("sk_test_gone"))


def test_what_the_package_offers() -> None:
    for name in nostro.testing.__all__:
        assert getattr(nostro.testing, name) is not None
    with pytest.raises(AttributeError, match="nothing"):
        _ = nostro.testing.nothing


def test_importing_the_plugin_is_cheap() -> None:
    """It is imported in every pytest run of the environment."""
    heavy = ("uvicorn", "stripe", "httpx", "apsw")
    code = f"import sys, nostro.testing.plugin; print([name for name in {heavy} if name in sys.modules])"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"
