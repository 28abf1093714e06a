"""Bugs put in on purpose, each a way in which such a system has gone wrong before: the simulation must find all.

A mutation is a context in which the product is broken in one place.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any
from unittest import mock

import apsw

from nostro.api import idempotency, server
from nostro.events import courier, delivery, job
from nostro.payments import refund
from nostro.storage.books import Books
from nostro.storage.sqlite import SqliteEngine, _answer
from nostro.storage.tx import END_JOB, Tx
from nostro.storage.unit import NOBODY, Unit
from nostro.storage.world import World

from .engine import SimEngine
from .money_mutations import MONEY

Mutation = Callable[[], AbstractContextManager[Any]]


def _in_place_of(owner: Any, name: str, broken: Any) -> Mutation:
    return lambda: mock.patch.object(owner, name, broken)


# The engine ---------------------------------------------------------------------------


async def _answer_first(self: SqliteEngine, group: Any) -> None:
    """The answers leave before the disk has the commit."""
    self._writer.execute("BEGIN IMMEDIATE")
    verdicts, learned = self._apply([unit for unit, _ in group])
    for (_, done), verdict in zip(group, verdicts, strict=True):
        _answer(done, verdict)
    await asyncio.get_running_loop().run_in_executor(self._thread, self._sync)
    self._accounts.update(learned)


async def _remember_too_soon(self: SqliteEngine, group: Any) -> None:
    """What a commit would add to memory is not rolled back with it when it fails."""
    apply = self._apply

    def applied(units: list[Unit]) -> Any:
        verdicts, learned = apply(units)
        self._accounts.update(learned)
        return verdicts, learned

    with mock.patch.object(self, "_apply", applied):
        await _commit_group(self, group)


def _shrug(self: SqliteEngine) -> None:
    """A commit that the disk refused counts as made."""
    try:
        self._writer.execute("COMMIT")
    except (apsw.FullError, apsw.IOError):
        if self._writer.in_transaction:
            self._writer.execute("ROLLBACK")


_open = SqliteEngine._open
_commit_group = SqliteEngine._commit_group
_write_books = SqliteEngine._write_books


def _without_sync(self: SqliteEngine, durable: bool) -> apsw.Connection:
    return _open(self, False)


def _short_by_one(self: SqliteEngine, books: Books) -> None:
    """The last line of each commit is not written to its account."""
    books.postings = books.postings[:-1]
    _write_books(self, books)


# Idempotency, deliveries, jobs ----------------------------------------------------------


async def _begin(*_: Any) -> None:
    return None


@contextmanager
def _without_keys() -> Iterator[None]:
    """A replay is served as if it were new."""
    with mock.patch.object(idempotency.Idempotency, "begin", _begin), mock.patch.object(server, "keep", _begin_not):
        yield


def _begin_not(*_: Any) -> None:
    return None


def _keep_later(tx: Tx, key: str, print: str, reply: Any) -> None:
    """The answer is kept in a unit of its own, behind the one that it answers."""
    body = (tx.scope.number, key, print, reply.status, tx.request.id, reply.body, tx.unit.micros // 1_000_000)
    unit = Unit(scope=NOBODY, micros=tx.unit.micros, rows=[(idempotency.PUT, body)])

    async def late() -> None:
        await asyncio.sleep(0.01)
        await tx.world.engine.commit(unit)

    asyncio.get_running_loop().create_task(late())


async def _start_and_forget(self: courier.Courier) -> int:
    """An endpoint whose claims failed counts as busy for ever. (A real one: this simulation found it.)"""
    chosen = await self._choose(courier.MOST - len(self._underway))
    claimed = await asyncio.gather(*(delivery.claim(self._world, due) for due in chosen))
    for due, mine in zip(chosen, claimed, strict=True):
        if mine is None:
            self._let_go(due.endpoint)
        else:
            task = asyncio.create_task(self._deliver(mine))
            self._underway[task] = mine
            task.add_done_callback(self._done)
    return sum(mine is not None for mine in claimed)


async def _give_up(world: World, failed: job.Job, error: Exception) -> None:
    """A job that failed once is dropped."""
    row = (END_JOB, (failed.scope, failed.kind, failed.ref))
    await world.engine.commit(Unit(scope=NOBODY, micros=world.clock.micros(), rows=[row]))


def _claim_in_vain(self: Tx, statement: str, values: tuple[Any, ...]) -> None:
    """A job that another has done meanwhile is done again."""
    self.write_row(statement, values)


MUTATIONS: dict[str, Mutation] = {
    "answers before the commit is synced": _in_place_of(SqliteEngine, "_commit_group", _answer_first),
    "does not roll back its memory": _in_place_of(SqliteEngine, "_commit_group", _remember_too_soon),
    "takes a refused commit for made": _in_place_of(SqliteEngine, "_sync", _shrug),
    "trusts the cache after a failed sync": _in_place_of(SqliteEngine, "_renew_log", lambda _: None),
    "does not sync": _in_place_of(SimEngine, "_open", _without_sync),
    "does not check versions": _in_place_of(SqliteEngine, "_stale", lambda *_: None),
    "drops a posting": _in_place_of(SqliteEngine, "_write_books", _short_by_one),
    "does not check limits": _in_place_of(Books, "refusal", lambda *_: None),
    "forgets keys": _without_keys,
    "keeps the answer in a second commit": _in_place_of(server, "keep", _keep_later),
    "delivers once only": _in_place_of(delivery, "RETRIES", ()),
    "takes a failed claim for a busy endpoint": _in_place_of(courier.Courier, "start_due", _start_and_forget),
    "drops a job that failed": _in_place_of(job, "_put_off", _give_up),
    "does a job that another did": _in_place_of(Tx, "claim", _claim_in_vain),
    "writes no statement line for a refund": _in_place_of(refund, "_line", lambda *_, **__: None),
    **MONEY,
}
