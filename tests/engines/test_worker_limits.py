"""Two workers on one PostgreSQL, as one server: numbers that add up, and limits that hold for both together."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from postgresql import database
from redis_server import RedisServer, needed
from served import Served, Writers

pytestmark = pytest.mark.slow
RATE = 40
TOKEN = "for-prometheus"


@pytest.fixture(scope="module")
def served(postgresql: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with database(postgresql) as url:
        running = Served(
            tmp_path_factory.mktemp("served"), "--workers", "2", database=url, limits="on", metrics_token=TOKEN,
            rate_live_write=RATE, rate_live_read=0, concurrent_live=0, overload_ms=60_000, drain_seconds=1,
        )  # fmt: skip
        try:
            yield running
            running.stop()
        finally:
            running.end()


def scraped(served: Served) -> list[Any]:
    answer = served.get("/metrics", authorization=f"Bearer {TOKEN}")
    assert answer.status_code == 200, answer.text
    return [sample for family in text_string_to_metric_families(answer.text) for sample in family.samples]


def value(samples: list[Any], name: str, **labels: str) -> float:
    found = [s.value for s in samples if s.name == name and labels.items() <= s.labels.items()]
    return sum(found)


def reads(samples: list[Any]) -> float:
    return value(samples, "nostro_requests_total", route="/v1/customers", method="GET", status="200")


def pids(samples: list[Any]) -> set[int]:
    return {int(s.labels["pid"]) for s in samples if s.name == "nostro_worker_memory_bytes"}


def children(served: Served) -> set[int]:
    told = subprocess.run(["ps", "-o", "pid=", "--ppid", str(served.process.pid)], capture_output=True, text=True)
    return {int(pid) for pid in told.stdout.split()}


def test_numbers_of_all_workers(served: Served) -> None:
    with ThreadPoolExecutor(8) as pool:
        assert {one.status_code for one in pool.map(lambda _: served.get("/v1/customers", served.live), range(60))} == {
            200
        }
    assert [reads(scraped(served)) for _ in range(6)] == [60] * 6, "whichever worker is asked"
    until = time.monotonic() + 10
    while pids(scraped(served)) != children(served) and time.monotonic() < until:
        time.sleep(0.2)
    before = children(served)
    assert pids(scraped(served)) == before and len(before) == 2
    os.kill(min(before), signal.SIGKILL)
    while (pids(scraped(served)) & {min(before)} or len(children(served)) < 2) and time.monotonic() < until:
        time.sleep(0.2)
    assert min(before) not in pids(scraped(served)), "the memory of one that is dead"
    assert reads(scraped(served)) == 60, "what it had counted stays"


def test_one_rate_for_both(served: Served) -> None:
    """Eight connections on two workers ask for some ten times the rate, for five seconds."""
    started = time.monotonic()
    passed: Counter[int] = Counter()

    def ask(_: int) -> None:
        with served.client(served.live) as client:
            while (second := int(time.monotonic() - started)) < 6:
                if client.post("/v1/customers", data={"name": "Amy"}).status_code == 200:
                    passed[second] += 1

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(ask, range(8)))
    assert sum(passed.values()) <= RATE + 6 * 1.3 * RATE, passed
    assert all(0.6 * RATE <= passed[second] <= 1.4 * RATE for second in (3, 4, 5)), passed


@needed
def test_redis_goes_and_comes_back(served: Served, tmp_path_factory: pytest.TempPathFactory) -> None:
    """A client sees nothing of it, and the log one line a worker."""
    redis = RedisServer(tmp_path_factory.mktemp("r"))
    served.environment |= {"NOSTRO_REDIS": redis.url, "NOSTRO_RATE_LIVE_WRITE": "0", "NOSTRO_RATE_LIVE_READ": "1000"}
    served.stop()
    served.start()
    started = time.monotonic()
    answers: Counter[int] = Counter()

    def ask(_: int) -> None:
        while time.monotonic() - started < 3:
            with served.client(served.live) as client:
                for _ in range(10):
                    answers[client.get("/v1/customers").status_code] += 1

    try:
        with ThreadPoolExecutor(4) as pool:
            asking = [pool.submit(ask, n) for n in range(4)]
            time.sleep(1.2)
            redis.stop()
            for one in asking:
                one.result()
    finally:
        redis.stop()
        del served.environment["NOSTRO_REDIS"]
    assert answers[200] > 100 and set(answers) <= {200, 429}, answers
    assert 1 <= served.log.read_text().count("Redis does not answer") <= 2


def test_both_finish_what_they_took_up(served: Served) -> None:
    served.environment["NOSTRO_LIMITS"] = "off"
    served.stop()
    served.start()
    writers = Writers(served, 8)
    served.process.send_signal(signal.SIGTERM)
    acknowledged = writers.ended()
    served.stop()
    served.start()
    with served.client(served.live) as client:
        assert all(client.get(f"/v1/customers/{id}").status_code == 200 for id in acknowledged)
