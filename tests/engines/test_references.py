"""References under several openings of one database: each is good for one entry, whichever way and worker it takes."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from application import Books, entry, opened
from nostro.controls.api_key import sandbox
from nostro.events.job import run_due
from nostro.kernel.errors import Conflict
from nostro.kernel.pace import Pace
from nostro.kernel.params import convert
from nostro.ledger.app_entry import CreateParams, create
from nostro.ledger.bulk_lines import read
from nostro.ledger.transfers import batch_of, plain
from nostro.storage.tx import Tx
from nostro.storage.unit import Unit
from postgresql import database

BANK, PURSES = "app:bank", ("app:a", "app:b", "app:c")


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: Any, tmp_path: Path) -> Iterator[str]:
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'books.db'}"
        return
    with database(request.getfixturevalue("postgresql")) as url:
        yield url


@pytest.fixture
async def workers(database_url: str) -> AsyncIterator[list[Books]]:
    """Three openings of one database. The first purse may not be overdrawn."""
    made = [Books(await opened(database_url)) for _ in range(3)]
    await made[0].open(BANK, "debit")
    for n, code in enumerate(PURSES):
        await made[0].open(code, never_negative=n == 0)
    yield made
    for books in made:
        await books.verified()
        await books.world.engine.close()


def lines_of(names: range) -> str:
    made = [
        {"debit": BANK, "credit": PURSES[1], "currency": "usd", "amount": 1, "reference": f"ref-{n}"} for n in names
    ]
    return "\n".join(map(json.dumps, made))


async def planned(books: Books, names: range) -> Unit:
    """A batch that has looked up its references, and not committed yet."""
    tx = Tx(books.world, await sandbox(books.world, "client"))
    pace = Pace()
    part = await anext(read(lines_of(names), "ndjson", 100, pace))
    batch_of(tx, await plain(tx, part.columns, pace), slice(None))
    return tx.seal()


async def test_who_looked_before_another_booked_looks_again(workers: list[Books]) -> None:
    one, other, third = workers
    tx = Tx(one.world, await sandbox(one.world, "client"))
    await create(tx, convert({**entry(BANK, PURSES[1], 1), "reference": "ref-70"}, CreateParams))
    alone, stale, fine = tx.seal(), await planned(one, range(70, 80)), await planned(one, range(10))
    assert (await _single(other, BANK, PURSES[1], 1, "ref-75"))[0] == "there"
    assert (await _single(third, BANK, PURSES[1], 1, "ref-11"))[0] == "there"
    with pytest.raises(Conflict):
        await one.world.engine.commit(stale)
    await one.world.engine.commit(fine)
    both = [await planned(one, range(100, 110)), await planned(other, range(105, 115))]
    assert len(await other.lines(lines_of(range(70, 140)))) == 70
    for unit, books in ((alone, one), (both[0], one), (both[1], other)):
        with pytest.raises(Conflict):
            await books.world.engine.commit(unit)
    assert len(await one.client.all("/v1/ledger/entries")) == 81


Said = tuple[str, str, int, str]


async def tell(books: Books, lines: list[Said], way: str) -> list[tuple[str, str | None]]:
    """What came of each line: its status, and the entry or the code of the error."""
    if way == "single":
        return [await _single(books, *line) for line in lines]
    form = {"reference": way} if way not in ("lines", "atomic") else {"atomic": True} if way == "atomic" else {}
    text = "\n".join(
        json.dumps({"debit": debit, "credit": credit, "currency": "usd", "amount": amount, "reference": reference})
        for debit, credit, amount, reference in lines
    )
    answer = await books.client("POST", "/v1/ledger/entries/bulk", form, lines=text)
    if answer.status != 200:
        assert answer.status == 400, answer.body
        return [("refused", answer.json["error"]["code"])] * len(lines)
    told = [json.loads(line) for line in answer.body.splitlines()]
    assert [one["line"] for one in told] == list(range(1, len(lines) + 1))
    return [(one["status"], one.get("entry") or one["error"].get("code")) for one in told]


async def _single(books: Books, debit: str, credit: str, amount: int, reference: str) -> tuple[str, str | None]:
    answer = await books.client("POST", "/v1/ledger/entries", {**entry(debit, credit, amount), "reference": reference})
    if answer.status == 200:
        return "there", answer.json["id"]
    assert answer.status in (400, 409), answer.body
    return "refused", answer.json["error"].get("code")


def story(chance: random.Random, names: int) -> tuple[list[Said], str]:
    """A stream of lines: most say of a reference what was said before, some something else."""
    way = chance.choice(("lines", "lines", "single", "atomic", f"stream-{chance.randrange(4)}"))
    lines = []
    for _ in range(chance.choice((1, 3, 20, 40)) if way != "single" else 2):
        n = chance.randrange(names)
        debit, credit = (BANK, PURSES[n % 3]) if n % 4 else (PURSES[0], PURSES[n % 2 + 1])
        lines.append((debit, credit, n % 50 + 1 + (chance.random() < 0.05), f"ref-{n}"))
    return lines, way


@pytest.mark.parametrize("seed", range(2))
async def test_each_is_booked_once(workers: list[Books], monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    for what, size in (("ledger.bulk.LEAST", 2), ("storage.names.PAGE", 4), ("storage.names.PART", 16),
                       ("ledger.merging.FAN_IN", 2), ("ledger.merging.PAGES", 2)):  # fmt: skip
        monkeypatch.setattr(f"nostro.{what}", size)
    chance, together = random.Random(seed), not workers[0].world.engine.exclusive  # type: ignore[attr-defined]
    booked: dict[str, set[str]] = {}
    for turn in range(10):
        asked = [(chance.choice(workers), *story(chance, 60 + 30 * turn)) for _ in range(6)]
        tells = [tell(*one) for one in asked]
        told = await asyncio.gather(*tells) if together else [await one for one in tells]
        for (_, lines, _), answers in zip(asked, told, strict=True):
            for (*_, reference), (status, what) in zip(lines, answers, strict=True):
                if status != "refused":
                    booked.setdefault(reference, set()).add(str(what))
                elif what not in ("ledger_floor_exceeded", "ledger_reference_in_use", "lock_timeout"):
                    raise AssertionError(what)
        await run_due(chance.choice(workers).world)
    assert {name: ids for name, ids in booked.items() if len(ids) != 1} == {}
    listed = await workers[0].client.all("/v1/ledger/entries")
    there = {one["reference"]: one["id"] for one in listed}
    assert len(there) == len(listed) and there == {name: next(iter(ids)) for name, ids in booked.items()}
    assert sum(one["id"].removeprefix("lent_").isdigit() for one in listed) > len(listed) / 3
