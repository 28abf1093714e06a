"""A merchant's database as a server leaves it, and the commands that copy it."""

from __future__ import annotations

import io
import shutil
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from copied import KEY, PAYMENT, Nostro, Shop, pay
from nostro.testing.receiver import Receiver
from nostro.testing.server import Server
from postgresql import database


@pytest.fixture(scope="session")
def left(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """Payments, a refund, uploads and webhooks; one webhook was being sent when the server ended."""
    file = tmp_path_factory.mktemp("shop") / "shop.db"
    with Server(database=f"sqlite:///{file}") as server:
        sandbox = server.sandbox(KEY)
        sdk: Any = sandbox.client
        receiver = Receiver(sandbox, ["customer.created"], "/hook")
        answer = pay(server.api_base, "order-1")
        sdk.v1.refunds.create({"payment_intent": answer.json()["id"], "amount": 700})
        sdk.v1.payment_intents.create({**PAYMENT, "metadata": {"order": "2"}})
        upload = io.BytesIO(b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 100)
        upload.name = "scan.png"
        sdk.v1.files.create({"purpose": "dispute_evidence", "file": upload})
        sdk.v1.customers.create({"name": "Ada"})
        sandbox.settle()
    with closing(sqlite3.connect(file)) as db, db:
        db.execute("UPDATE delivery SET state='sending', due=?", (int(time.time()) - 1,))
    receiver.events.clear()
    yield Shop(file, answer.content, receiver)
    receiver.close()


@pytest.fixture
def shop(left: Shop, tmp_path: Path) -> Shop:
    """A copy of it, for a test to spoil."""
    file = tmp_path / "shop.db"
    shutil.copy(left.file, file)
    return Shop(file, left.answer, left.receiver)


@pytest.fixture
def new_database(postgresql: str) -> Iterator[str]:
    """The URL of an empty PostgreSQL database."""
    with database(postgresql) as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def empty(request: Any, tmp_path: Path) -> Iterator[str]:
    """An empty database of each kind."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'empty' / 'target.db'}"
        return
    with database(request.getfixturevalue("postgresql")) as url:
        yield url


@pytest.fixture
def nostro(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Nostro:
    monkeypatch.chdir(tmp_path)
    for name in ("DATABASE", "API_BASE", "API_KEY"):
        monkeypatch.delenv(f"NOSTRO_{name}", raising=False)
    return Nostro()
