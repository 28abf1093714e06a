"""`nostro dev --bank`, as somebody starts it: accounts are open at the bank, and what goes there and comes is told."""

from __future__ import annotations

import json
import time
from pathlib import Path

import httpx
import pytest

from developed import PATIENCE, serving
from nostro.cli import bank_carry
from nostro.cli.client import Client
from nostro.cli.trouble import Trouble

pytestmark = pytest.mark.slow


def said(folder: Path, what: str) -> str:
    """The server's log, as soon as this is in it."""
    until = time.monotonic() + PATIENCE
    while what not in (log := (folder / "server.log").read_text()):
        assert time.monotonic() < until, log
        time.sleep(0.05)
    return log


def test_a_payout_is_paid_by_a_bank_that_opened_by_itself(tmp_path: Path) -> None:
    with serving(tmp_path, "sk_test_nobody", "--bank") as (_, anybody):
        kept = json.loads((tmp_path / ".nostro" / "dev.json").read_text())
        base = str(anybody.base_url)
        with httpx.Client(base_url=base, auth=(kept["secret_key"], ""), timeout=PATIENCE, trust_env=False) as client:
            accounts = []
            until = time.monotonic() + PATIENCE
            while len(accounts) < 3 and time.monotonic() < until:
                accounts = client.get("/v1/originating_accounts").json()["data"]
            assert sorted((one["currency"], one["format"]) for one in accounts) == [
                ("eur", "pain.001"), ("gbp", "bacs"), ("usd", "nacha"),
            ]  # fmt: skip
            form = {"amount": "90000", "currency": "gbp", "source": "tok_bypassPending"}
            assert client.post("/v1/charges", data=form).status_code == 200
            payout = client.post("/v1/payouts", data={"amount": "5000", "currency": "gbp"}).json()
            client.post("/v1/test_helpers/sandbox/advance", data={"seconds": "864000"})
            assert client.get(f"/v1/payouts/{payout['id']}").json()["status"] == "paid"
        log = said(tmp_path, "balance -50.00 gbp")
        assert f"payout  {payout['id']}, 50.00 gbp, paid" in log
        assert "→ bank" in log and "(bacs): 50.00 gbp out" in log
        with pytest.raises(Trouble, match="a bank of its own"):
            bank_carry.check(Client(base, kept["secret_key"]))
