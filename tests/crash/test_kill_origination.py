"""kill -9 while lines are taken, files built and laid into the outbox: no line is paid twice, no file comes twice."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from random import Random

import httpx
import pytest

from developed import serving
from nostro.app import RESOURCES
from nostro.kernel.resource import Registry
from nostro.ledger.audit import verify
from nostro.networks import nacha
from nostro.storage.sqlite import SqliteEngine

pytestmark = pytest.mark.slow
PARTS, LINES, A_FILE = 6, 300, 400
KEY = "sk_test_kill"


def good(answer: httpx.Response) -> dict[str, object]:
    assert answer.status_code == 200, answer.text
    found: dict[str, object] = answer.json()
    return found


def add_lines(client: httpx.Client) -> None:
    for part in range(PARTS):
        rows = [f"r{part}-{n},{1 + n % 7},usd,021000021,{5550000 + n}" for n in range(LINES)]
        body = "\n".join(("reference,amount,currency,routing_number,account_number", *rows))
        answer = client.post("/v1/bulk_payouts", params={"reference": "all"}, content=body,
                             headers={"content-type": "text/csv"})  # fmt: skip
        assert answer.status_code == 200 and answer.text.count('"refused"') == 0, answer.text[:500]


def reach_cut_off(client: httpx.Client) -> None:
    good(client.post("/v1/test_helpers/sandbox/advance", data={"seconds": 4 * 86_400}))


def send_files(client: httpx.Client) -> None:
    for file in good(client.get("/v1/bank_files", params={"limit": 100, "status": "built"}))["data"]:  # type: ignore[attr-defined]
        good(client.post(f"/v1/bank_files/{file['id']}/send"))
    good(client.post("/v1/test_helpers/sandbox/settle"))


def carry(folder: Path) -> None:
    """To the bank, which never had a file of this name."""
    for file in (folder / "outbox").glob("oa_*/*"):
        target = folder / "bank" / file.name
        assert not target.exists(), f"{file.name} came twice"
        target.parent.mkdir(exist_ok=True)
        file.rename(target)


def killed(folder: Path, step: Callable[[httpx.Client], None], seconds: float) -> None:
    """Do the step on a server that dies after so many seconds; then again on one that lives."""
    with serving(folder, KEY, outbox=folder / "outbox") as (process, client):
        timer = threading.Timer(seconds, process.kill)
        timer.start()
        with suppress(httpx.HTTPError, AssertionError):
            step(client)
        timer.cancel()
    carry(folder)
    with serving(folder, KEY, outbox=folder / "outbox") as (_, client):
        step(client)
    carry(folder)


async def test_lines_and_files_survive_kill_nine(tmp_path: Path) -> None:
    random = Random(5)
    with serving(tmp_path, KEY, outbox=tmp_path / "outbox") as (_, client):
        form = {"amount": 900_000, "currency": "usd", "source": "tok_bypassPending"}
        good(client.post("/v1/charges", data=form))
        ids = {"nacha[company_id]": "1", "nacha[company_name]": "M", "nacha[routing_number]": "110000000"}
        account = {"format": "nacha", "approval": "none", "delivery": "outbox", "most_payments": A_FILE, **ids}
        good(client.post("/v1/originating_accounts", data=account))
    killed(tmp_path, add_lines, random.uniform(0.05, 0.4))
    killed(tmp_path, reach_cut_off, random.uniform(0.05, 0.3))
    killed(tmp_path, send_files, random.uniform(0.02, 0.2))
    with serving(tmp_path, KEY, outbox=tmp_path / "outbox") as (_, client):
        good(client.post("/v1/test_helpers/sandbox/advance", data={"seconds": 10 * 86_400}))
        [bulk] = good(client.get("/v1/bulk_payouts"))["data"]  # type: ignore[misc]
        files = good(client.get("/v1/bank_files", params={"limit": 100}))["data"]
    assert (bulk["lines"], bulk["status"]) == (PARTS * LINES, "completed")
    assert bulk["settled_amount"] == bulk["amount"] == PARTS * sum(1 + n % 7 for n in range(LINES))
    assert {file["status"] for file in files} == {"settled"}  # type: ignore[attr-defined]
    at_bank = list((tmp_path / "bank").iterdir())
    assert sorted(file.name for file in at_bank) == sorted(file["filename"] for file in files)  # type: ignore[attr-defined]
    paid = [e.individual_id for file in at_bank for b in nacha.read(file.read_bytes()).batches for e in b.entries]
    assert len(paid) == len(set(paid)) == PARTS * LINES
    engine = SqliteEngine(tmp_path / "books.db")
    assert await verify(engine, Registry(RESOURCES)) == []
    await engine.close()
