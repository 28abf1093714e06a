"""Several processes on one PostgreSQL database: nothing is lost, nothing is done twice, nobody waits for ever."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

import hammer
from nostro.events.work import perform
from nostro.ledger.audit import verify
from nostro.storage.tx import Tx
from postgresql import database
from workbench import DIARY

PROCESSES = 3
NOSTRO = str(Path(sys.executable).with_name("nostro"))
pytestmark = pytest.mark.slow


@pytest.fixture
def fresh(postgresql: str) -> Iterator[str]:
    with database(postgresql) as url:
        yield url


def deadlocks(url: str) -> int:
    with psycopg.connect(url) as connection:
        row = connection.execute("SELECT deadlocks FROM pg_stat_database WHERE datname=current_database()").fetchone()
    assert row is not None
    return int(row[0])


async def put_jobs(url: str) -> None:
    world, scope = await hammer.open_world(url)

    async def run(tx: Tx) -> None:
        for n in range(hammer.JOBS):
            tx.schedule("note", f"job-{n}", tx.now - 1)

    await perform(world, scope, run)
    await world.engine.close()


async def found(url: str) -> tuple[int, dict[str, int], list[str], list[Any]]:
    """The counters' sum, the balances, what the jobs wrote, and what is wrong with the books."""
    world, scope = await hammer.open_world(url)
    tx = Tx(world, scope)
    total = sum(counter.value for counter in await tx.all(hammer.COUNTER, {}))
    balances = dict(await world.engine.rows("SELECT code, balance FROM ledger_account"))
    written = sorted(page.text for page in await tx.all(DIARY, {}, 1000))
    problems = [one for one in await verify(world.engine, world.registry) if "chart of accounts" not in str(one)]
    await world.engine.close()
    return total, balances, written, problems


def test_processes_side_by_side(fresh: str) -> None:
    asyncio.run(put_jobs(fresh))
    command = [sys.executable, hammer.__file__, fresh]
    running = [
        subprocess.Popen([*command, str(seed)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for seed in range(PROCESSES)
    ]
    told = [process.communicate(timeout=120) for process in running]
    assert [process.returncode for process in running] == [0] * PROCESSES, told
    done = [json.loads(out) for out, _ in told]
    total, balances, written, problems = asyncio.run(found(fresh))
    assert total == sum(one["added"] for one in done) > 0
    assert balances["bank"] == sum(one["moved"] for one in done)
    assert balances["a"] <= 0 and balances["b"] <= 0, "credit balances: a limit was overrun"
    assert sum(one["refused"] for one in done) > 0, "the limits were never reached"
    assert written == sorted(f"job-{n}" for n in range(hammer.JOBS))
    assert problems == []
    assert deadlocks(fresh) == 0


# The command ---------------------------------------------------------------------


class Serving:
    """`nostro serve --workers 2`, its key, and what it says."""

    def __init__(self, url: str, folder: Path) -> None:
        self.environment = {**os.environ, "NOSTRO_DATABASE": url}
        create = [NOSTRO, "keys", "create", "--json"]
        made = subprocess.run(create, env=self.environment, capture_output=True, text=True,
                              check=True)  # fmt: skip
        self.key: str = json.loads(made.stdout)["secret_key"]
        self.log = folder / "serve.log"
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                [NOSTRO, "serve", "--port", "0", "--workers", "2"], env=self.environment, stdout=log, stderr=log
            )
        self.base = self._base()

    def _base(self) -> str:
        until = time.monotonic() + 30
        while time.monotonic() < until and self.process.poll() is None:
            if "ready at " in (said := self.log.read_text()):
                return said.partition("ready at ")[2].split()[0]
            time.sleep(0.05)
        raise AssertionError(self.log.read_text())

    def post(self, path: str, form: dict[str, Any], key: str | None = None) -> httpx.Response:
        """On a connection of its own, so that any worker may answer."""
        headers = {"idempotency-key": key} if key else {}
        return httpx.post(
            self.base + path, data=form, auth=(self.key, ""), headers=headers, timeout=60, trust_env=False
        )

    def pay(self, amount: int = 10_000) -> dict[str, Any]:
        form = {"amount": amount, "currency": "usd", "confirm": "true", "payment_method": "pm_card_bypassPending",
                "payment_method_types[0]": "card"}  # fmt: skip
        answer = self.post("/v1/payment_intents", form)
        assert answer.status_code == 200, answer.text
        paid: dict[str, Any] = answer.json()
        return paid

    def children(self) -> list[int]:
        told = subprocess.run(["ps", "-o", "pid=", "--ppid", str(self.process.pid)], capture_output=True, text=True)
        return [int(pid) for pid in told.stdout.split()]


@pytest.fixture
def serving(fresh: str, tmp_path: Path) -> Iterator[Serving]:
    running = Serving(fresh, tmp_path)
    yield running
    if running.process.poll() is None:
        running.process.send_signal(signal.SIGTERM)
        assert running.process.wait(30) == 0, running.log.read_text()
    checked = subprocess.run([NOSTRO, "ledger", "verify"], env=running.environment, capture_output=True, text=True)
    assert checked.returncode == 0, checked.stdout


def test_refunds_at_once_never_exceed_the_charge(serving: Serving) -> None:
    charge = serving.pay(10_000)["latest_charge"]
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda _: serving.post("/v1/refunds", {"charge": charge, "amount": 3_000}), range(16)))
    assert sorted(answer.status_code for answer in answers) == [200] * 3 + [400] * 13


def test_one_key_at_once_is_one_payment(serving: Serving) -> None:
    form = {"amount": 700, "currency": "usd"}
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda _: serving.post("/v1/payment_intents", form, "the-key"), range(32)))
    assert {answer.status_code for answer in answers} <= {200, 409}
    assert len({answer.json()["id"] for answer in answers if answer.status_code == 200}) == 1
    listed = httpx.get(serving.base + "/v1/payment_intents", auth=(serving.key, ""), trust_env=False).json()
    assert len(listed["data"]) == 1


def test_a_worker_that_dies_is_replaced(serving: Serving) -> None:
    first = serving.children()
    assert len(first) == 2
    os.kill(first[0], signal.SIGKILL)
    until = time.monotonic() + 20
    while time.monotonic() < until and (len(serving.children()) < 2 or first[0] in serving.children()):
        time.sleep(0.05)
    assert len(serving.children()) == 2
    with ThreadPoolExecutor(8) as pool:
        assert all(one["status"] == "succeeded" for one in pool.map(lambda _: serving.pay(), range(16)))


def test_workers_do_not_outlive_their_parent(serving: Serving) -> None:
    children = serving.children()
    serving.process.kill()
    serving.process.wait()
    until = time.monotonic() + 20
    while time.monotonic() < until and any(Path(f"/proc/{child}").exists() for child in children):
        time.sleep(0.05)
    assert not [child for child in children if Path(f"/proc/{child}").exists()]
