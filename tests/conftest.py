"""What every test shares: a server in this process, and the official SDK in a sandbox of the test's own.

The fixtures `nostro` and `nostro_server` are the product's own, for its users; the ones here add that every answer
is held against the contract.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import stripe
from hypothesis import settings

from checked import CheckedHttpx, CheckedRequests
from nostro.storage.pipe import Pipe
from nostro.testing.sandbox import Sandbox
from nostro.testing.server import Server
from portable import broken
from postgresql import cluster, database

# The servers that tests start as processes take as many requests as come, and stop at once. The tests of limits and
# of stopping say otherwise.
os.environ.setdefault("NOSTRO_LIMITS", "off")
os.environ.setdefault("NOSTRO_DRAIN_SECONDS", "0")

# Times vary on shared machines; a property is true or not, however long it takes to try.
settings.register_profile("nostro", deadline=None)
settings.load_profile("nostro")


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """`async def test_` runs on asyncio, as the server does."""
    return "asyncio"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--engine", choices=("sqlite", "postgresql"), default="sqlite", help="what the tests' server stands on"
    )


@pytest.fixture(scope="session")
def postgresql() -> Iterator[str]:
    """The URL of a real PostgreSQL, started when the first test asks for it."""
    if url := os.environ.get("NOSTRO_TEST_POSTGRESQL"):
        yield url
        return
    with cluster() as running:
        yield running.url


@pytest.fixture(scope="session")
def nostro_server(request: pytest.FixtureRequest) -> Iterator[Server]:
    """The product's own fixture, with its data where `--engine` says."""
    if request.config.getoption("--engine") == "sqlite":
        with Server() as server:
            yield server
        return
    with database(request.getfixturevalue("postgresql")) as url, portable_only(), Server(database=url) as server:
        yield server


@contextmanager
def portable_only() -> Iterator[None]:
    """What is put together while it runs keeps the rules too (tests/portable.py), or the request fails."""
    send, known = Pipe._send, set[str]()

    def checked(pipe: Pipe, batch: Any, statement: str, *values: Any) -> None:
        if statement not in known:
            assert not broken(statement), f"{broken(statement)}: {statement}"
            known.add(statement)
        send(pipe, batch, statement, *values)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Pipe, "_send", checked)
        yield


@pytest.fixture(scope="session")
def server(nostro_server: Server) -> Iterator[Server]:
    """One server for all tests of this process. At its end the books of every sandbox must be right."""
    yield nostro_server
    assert nostro_server.verify() == []


@pytest.fixture
def client(server: Server, nostro: Sandbox) -> stripe.StripeClient:
    """The SDK in the sandbox `nostro`; an answer that is not as declared fails the test."""
    return nostro.client_of(nostro.key, http_client=CheckedRequests())


@pytest.fixture
def async_client(server: Server, nostro: Sandbox) -> stripe.StripeClient:
    """The same for the methods that end in `_async`."""
    return nostro.client_of(nostro.key, http_client=CheckedHttpx())
