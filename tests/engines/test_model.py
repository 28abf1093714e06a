"""Units by chance on two or three openings of one database, held against a plain model (tests/reckoner.py).

One after another, what each is answered is known; at once, those that were booked must have been right in the order in
which they were, and what was refused must have been wrong at some moment of it. Connections and disks fail meanwhile.
"""

from __future__ import annotations

import asyncio
import copy
import os
from pathlib import Path
from random import Random
from typing import Any

import msgspec
import pytest

from counter import COUNTER
from faulty import FaultyDisk, faulty_pipe
from nostro.controls.api_key import PUT_SCOPE
from nostro.kernel.clock import ManualClock
from nostro.kernel.errors import ApiError, Conflict, Refused
from nostro.kernel.ids import Ids
from nostro.kernel.resource import Registry
from nostro.kernel.settings import Settings
from nostro.ledger import merging
from nostro.ledger.audit import verify
from nostro.ledger.balance import balance, balance_effective
from nostro.ledger.merging import MERGE, merge_job
from nostro.storage import line, postgres, postgres_group, runs, standings
from nostro.storage.postgres import PostgresEngine
from nostro.storage.tx import Tx
from nostro.storage.unit import NOBODY, Unit
from nostro.storage.world import World
from postgresql import database
from reckoner import BOOK, CONFLICT, ONE, TWO, Maker, Model, plain

UNKNOWN = "unavailable"
# More of them, and longer ones: make prove
HISTORIES = int(os.environ.get("NOSTRO_HISTORIES", "3"))
STEPS = int(os.environ.get("NOSTRO_STEPS", "60"))


class Bench:
    """Some worlds on one database, the model, and what happens to both."""

    def __init__(self, chance: Random, worlds: list[World]) -> None:
        self.chance = chance
        self.worlds = worlds
        self.model = Model({}, [], {}, {}, {1: 0, 2: 0})
        self.maker = Maker(chance, self.model, ["app:bank", *(f"app:{name}" for name in "abcdefgh")])

    async def one(self) -> None:
        """One unit, by whichever worker."""
        unit = self.maker.closing() if self.chance.random() < 0.05 else self.maker.unit()
        objections = self.model.objections(unit)
        told = await self._commit(self.chance.choice(self.worlds), unit)
        if told == UNKNOWN:
            told = "" if await self._there(unit) else UNKNOWN
        else:
            assert (told in objections) if objections else not told, (told, objections, unit)
        if not told:
            self._made(unit)

    async def many(self) -> None:
        """Some at the same moment. Each has an entry or a batch, so the order in which they were committed is known."""
        units = [self.maker.unit() for _ in range(self.chance.choice((2, 3, 8)))]
        for unit in units:
            if unit.batch is not None:  # all of it can be refused, and then nothing says when
                unit.writes, unit.claim, unit.renewed = [], None, set()
            if unit.claim is None:  # claims come before everybody's rows
                unit.rows = []
        # Two openings of one file in one thread would wait for each other's lock.
        worlds = [self.chance.choice(self.worlds)] if self.worlds[0].engine.exclusive else self.worlds
        told = await asyncio.gather(*(self._commit(self.chance.choice(worlds), unit) for unit in units))
        accepted = [
            (await self._first(unit), unit) for unit, no in zip(units, told, strict=True) if no in ("", UNKNOWN)
        ]
        refused = [(no, unit) for no, unit in zip(told, units, strict=True) if no not in ("", UNKNOWN)]
        left = [self._wrong(refused)]
        editions = dict(self.model.editions)
        for _, unit in sorted(((first, unit) for first, unit in accepted if first), key=lambda one: one[0]):
            assert self.model.objections(unit) == set(), unit
            self._made(unit)
            left.append(self._wrong(refused))
        now = dict(await self.worlds[0].engine.rows("SELECT scope, edition FROM scope"))
        assert {n for n in now if now[n] > editions[n]} == {n for n in now if self.model.editions[n] > editions[n]}
        self.model.editions.update(now)  # several changes of one commit may raise it once
        wrong = set.union(*left)
        assert wrong == set(range(len(refused))), [refused[n] for n in range(len(refused)) if n not in wrong]

    def _wrong(self, refused: list[tuple[str, Unit]]) -> set[int]:
        return {n for n, (no, unit) in enumerate(refused) if no in self.model.objections(unit)}

    def _made(self, unit: Unit) -> None:
        if unit.batch is not None and unit.batch.outcome is not None:
            told = {n: one.refusal for n, one in unit.batch.outcome.refused.items()}
            assert told == self.model.refused(unit.batch)
        self.model.apply(unit)

    async def _commit(self, world: World, unit: Unit) -> str:
        try:
            await world.engine.commit(unit)
        except Conflict:
            return CONFLICT
        except Refused as refusal:
            return refusal.refusal
        except ApiError as error:
            return UNKNOWN if error.status == 503 else str(error)
        return ""

    async def _first(self, unit: Unit) -> int:
        """The number of its first entry, 0 if none of it was booked."""
        if unit.entries:
            values = (unit.entries[0].source,)
            found = await self.worlds[0].engine.rows("SELECT min(entry) FROM ledger_entry WHERE source=?", values)
            return int(found[0][0] or 0)
        assert unit.batch is not None
        found = await self.worlds[0].engine.rows("SELECT first FROM ledger_batch WHERE reference=?",
                                                 (unit.batch.reference,))  # fmt: skip
        return int(found[0][0]) if found else 0

    async def _there(self, unit: Unit) -> bool:
        """Whether it was made, of which nobody was told."""
        if unit.entries:
            return await self._first(unit) > 0
        if unit.batch is not None and await self._first(unit):
            return True
        if self.model.objections(unit):
            return False
        after = copy.deepcopy(self.model)
        after.apply(unit)
        return after != self.model and await self._stands(after) == []

    async def merge(self) -> None:
        tx = Tx(self.chance.choice(self.worlds), ONE)
        await merge_job(tx, str(BOOK))
        if (unit := tx.seal()).rows:
            await self._commit(tx.world, unit)

    async def _stands(self, model: Model) -> list[Any]:
        """What is otherwise than the model says."""
        engine = self.chance.choice(self.worlds).engine
        records = plain(await engine.rows("SELECT scope, id, version, body FROM counter"))
        values = [(scope, id, version, _value(body)) for scope, id, version, body in records]
        editions = dict(await engine.rows("SELECT scope, edition FROM scope"))
        closed = dict(await engine.rows("SELECT book, until FROM ledger_closed"))
        jobs = await engine.rows("SELECT scope, kind, ref, due FROM job WHERE kind<>?", (MERGE,))
        stands = {code: await balance(engine, code, "usd", BOOK) for code in self.maker.accounts}
        return [
            (said, expected)
            for said, expected in (
                (values, plain([(*key, *value) for key, value in model.records.items()])),
                (editions, model.editions),
                (closed.get(BOOK, 0), model.closed),
                (plain(jobs), plain([(*job, due) for job, due in model.jobs.items()])),
                ({code: one for code, one in stands.items() if one}, {c: b for c, b in model.balances.items() if b}),
            )
            if said != expected
        ]

    async def check(self) -> None:
        assert await self._stands(self.model) == []
        engine = self.chance.choice(self.worlds).engine
        for _ in range(6):
            code, at = self.maker.any_past()
            then = sum(amount for one, effective, amount in self.model.lines if one == code and effective <= at)
            assert await balance_effective(engine, code, "usd", at, BOOK) == then
        wrong = [str(one) for one in await verify(engine, self.worlds[0].registry)]
        assert [one for one in wrong if "chart" not in one and "opened" not in one] == []
        newest = await engine.rows("SELECT coalesce(max(last),0) FROM ledger_chain")
        assert newest[0][0] == self.model.entries


def _value(body: Any) -> int:
    return int(msgspec.json.decode(body if isinstance(body, str) else bytes(body)).get("value", 0))


def scant(patch: pytest.MonkeyPatch, chance: Random) -> None:
    """Everything that is there for speed, so small that it is reached all the time."""
    patch.setattr(postgres, "DOUBT", chance.choice((0, 1, 8)))
    patch.setattr(postgres_group, "MANY", chance.choice((1, 2, 32)))
    patch.setattr(standings, "MOST", chance.choice((5, 2_000_000, 2_000_000)))
    patch.setattr(standings, "FIRST_SIZE", chance.choice((1, 4, 1024)))
    patch.setattr(runs, "LINES_A_LOOK", chance.choice((0, 2_000)))
    patch.setattr(runs, "PAGE", chance.choice((5, 1024)))
    patch.setattr(runs, "AT_ONCE", chance.choice((5, 64)))
    patch.setattr(merging, "FAN_IN", chance.choice((2, 3)))


async def history(patch: pytest.MonkeyPatch, seed: int, url: str | None, folder: Path, steps: int) -> None:
    """One history of a seed, from an empty database."""
    chance = Random(seed)
    scant(patch, chance)
    mishaps = {"often": 0.0}
    patch.setattr(line, "Pipe", faulty_pipe(chance, lambda: mishaps["often"]))
    FaultyDisk.chance = chance
    worlds = []
    for _ in range(chance.choice((1, 2, 3))):
        engine = PostgresEngine(url, durable=False) if url else FaultyDisk(folder / f"{seed}.db", durable=False)
        await engine.prepare([COUNTER])
        worlds.append(World(
            engine=engine, registry=Registry([COUNTER]), clock=ManualClock(), ids=Ids(seed=1), settings=Settings(),
            rails={}, jobs={MERGE: None}, api_version="", work=asyncio.Event(),
        ))  # fmt: skip
    rows = [(PUT_SCOPE, (one.number, one.merchant, 0, BOOK, 1, 0)) for one in (ONE, TWO)]
    await worlds[0].engine.commit(Unit(scope=NOBODY, micros=0, rows=rows))
    bench = Bench(chance, worlds)
    often = chance.choice((0.0, 0.0, 0.01, 0.04))
    try:
        for step in range(steps):
            mishaps["often"] = FaultyDisk.often = often
            roll = chance.random()
            await (bench.one() if roll < 0.6 else bench.many() if roll < 0.9 else bench.merge())
            mishaps["often"] = FaultyDisk.often = 0.0
            if step % 20 == 19:
                await bench.check()
        await bench.check()
    finally:
        mishaps["often"] = FaultyDisk.often = 0.0
        for world in worlds:
            await world.engine.close()


@pytest.mark.parametrize("seed", range(HISTORIES))
async def test_sqlite_keeps_what_the_model_keeps(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, seed: int) -> None:
    await history(monkeypatch, seed, None, tmp_path, STEPS)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(HISTORIES))
async def test_postgresql_keeps_what_the_model_keeps(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, postgresql: str, seed: int
) -> None:
    with database(postgresql) as url:
        await history(monkeypatch, seed, url, tmp_path, STEPS)
