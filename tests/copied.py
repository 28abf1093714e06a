"""Databases that are copied: one as a shop's server leaves it, the commands that copy it, and a look at every byte."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner

from nostro.cli.main import app
from nostro.cli.trouble import Trouble
from nostro.testing.receiver import Receiver

KEY = "sk_test_copied"
PAYMENT = {"amount": "4200", "currency": "usd", "payment_method": "pm_card_visa", "confirm": "true",
           "metadata[naïve]": 'ż"\\ 😀'}  # fmt: skip
Dump = dict[str, list[tuple[Any, ...]]]


class Shop:
    """What was left: the file of the database, a payment's answer, and a receiver that still waits for a webhook."""

    def __init__(self, file: Path, answer: bytes, receiver: Receiver) -> None:
        self.file = file
        self.answer = answer
        self.receiver = receiver

    @property
    def url(self) -> str:
        return f"sqlite:///{self.file}"


def pay(base: str, idempotency_key: str) -> httpx.Response:
    headers = {"authorization": f"Bearer {KEY}", "idempotency-key": idempotency_key}
    return httpx.post(f"{base}/v1/payment_intents", data=PAYMENT, headers=headers, trust_env=False)


class Nostro:
    """Runs a command; `troubled` one that must fail with a sentence."""

    def __call__(self, *words: str | Path, status: int = 0) -> Any:
        """The answer of a command with `--json`."""
        done = CliRunner().invoke(app, [*map(str, words), "--json"])
        if done.exception is not None and not isinstance(done.exception, SystemExit):
            raise done.exception
        assert done.exit_code == status, done.output
        return json.loads(done.stdout)

    def says(self, *words: str | Path) -> str:
        done = CliRunner().invoke(app, [*map(str, words)])
        assert done.exit_code == 0, done.output
        return done.stdout

    def troubled(self, *words: str | Path) -> Trouble:
        with pytest.raises(Trouble) as caught:
            self(*words)
        return caught.value


def dump(file: Path) -> Dump:
    """Every row of every table with the type of each cell, read without any of our code."""
    with closing(sqlite3.connect(file)) as db:
        db.text_factory = bytes
        names = [name.decode() for (name,) in db.execute("SELECT name FROM sqlite_schema WHERE type='table'")]
        tables: Dump = {}
        for name in names:
            columns = [row[1].decode() for row in db.execute(f'PRAGMA table_info("{name}")')]
            cells = ",".join(f'typeof("{column}"), "{column}"' for column in columns)
            tables[name] = sorted(db.execute(f'SELECT {cells} FROM "{name}"').fetchall(), key=repr)
        return tables


def indexes(file: Path) -> dict[str, str]:
    with closing(sqlite3.connect(file)) as db:
        return dict(db.execute("SELECT name, sql FROM sqlite_schema WHERE type='index'"))


@contextmanager
def changed(file: Path) -> Iterator[sqlite3.Connection]:
    """As a careless or dishonest operator would."""
    with closing(sqlite3.connect(file)) as db, db:
        yield db


Wait = Callable[[], bool]


def until(happened: Wait, seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.02)
