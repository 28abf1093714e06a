"""kill -9 while a stream is being imported: batches are there whole or not at all, and the stream goes on where it
was, no line of it twice."""

from __future__ import annotations

import threading
from contextlib import suppress
from pathlib import Path
from random import Random

import httpx
import pytest

from developed import serving
from nostro.app import RESOURCES
from nostro.kernel.resource import Registry
from nostro.ledger.audit import verify
from nostro.storage.sqlite import SqliteEngine

pytestmark = pytest.mark.slow
KILLS, PARTS, LINES = 4, 12, 9_000
KEY = "sk_test_stream"


def lines(part: int) -> str:
    rows = [f"app:bank,app:w{(part + n) % 50},{1 + n % 7},usd" for n in range(LINES)]
    return "debit,credit,amount,currency\n" + "\n".join(rows)


def send(client: httpx.Client) -> list[str]:
    """The whole stream; the status of each line of each part, as far as the server lived."""
    said = []
    for part in range(PARTS):
        answer = client.post(
            "/v1/ledger/entries/bulk", params={"reference": f"stream:{part}"}, content=lines(part),
            headers={"content-type": "text/csv"},
        )  # fmt: skip
        assert answer.status_code == 200, answer.text
        said += [line.split('"')[5] for line in answer.text.splitlines()]
    return said


async def problems(folder: Path) -> list[object]:
    engine = SqliteEngine(folder / "books.db")
    found: list[object] = [*await verify(engine, Registry(RESOURCES))]
    await engine.close()
    return found


async def test_a_stream_survives_kill_nine(tmp_path: Path) -> None:
    random = Random(3)
    with serving(tmp_path, KEY) as (_, client):
        for code in ("app:bank", *(f"app:w{n}" for n in range(50))):
            form = {"code": code, "currency": "usd", "normal_balance": "debit" if code == "app:bank" else "credit"}
            assert client.post("/v1/ledger/accounts", data=form).status_code == 200
    for _ in range(KILLS):
        with serving(tmp_path, KEY) as (process, client):
            timer = threading.Timer(random.uniform(0.1, 0.6), process.kill)
            timer.start()
            with suppress(httpx.HTTPError):
                send(client)
            timer.join()
        assert await problems(tmp_path) == []
    with serving(tmp_path, KEY) as (_, client):
        said = send(client)
        assert len(said) == PARTS * LINES and set(said) <= {"created", "existing"} and "existing" in said
        assert set(send(client)) == {"existing"}
        total = client.get("/v1/ledger/balances", params={"account": "app:bank"}).json()["data"][0]["balance"]
    assert total == PARTS * sum(1 + n % 7 for n in range(LINES))
    assert await problems(tmp_path) == []
