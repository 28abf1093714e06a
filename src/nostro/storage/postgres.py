"""The engine for production: PostgreSQL through psycopg's libpq, any number of workers on one database.

Units that arrive while a group is being committed wait and are applied together in the next one: in one round trip
where no other worker has booked meanwhile, else in two (postgres_group.py). Reads of the same moment travel together
on connections of their own. A connection that is lost is opened again and what was under way is done again, once it
is certain that it was not done, until `patience` ends: then callers are told to come back later.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from nostro.kernel.clock import elapsed
from nostro.kernel.errors import Conflict, unavailable
from nostro.kernel.resource import Resource

from .engine import PathKind, Row, Watch, unwatched
from .line import Line
from .pipe import Answer, Encoded, Failed, Lost, NotRun, Pipe, Statement, encoded
from .postgres_group import BEGIN, COMMIT, LAST_BATCH, LOCK, ROLLBACK, Group, Known, dollars, rows_of
from .postgres_schema import Schema
from .runs import ask, balances_upto
from .unit import Unit, together

GROUP = 256
READERS = 2
DOUBT = 8
PATIENCE = 20.0
FAREWELL = 3.0
TAKEN = "23505"
# Done again as it is: serialization failures and deadlocks, and a prepared statement that the server forgot.
AGAIN = ("40001", "40P01", "26000", "25P02")
# The server cannot do it now, or only reads, as in a failover: another connection may find one that can.
ELSEWHERE = ("25006", "25P03", "53300", "57P01", "57P02", "57P03", "08000", "08003", "08006")
# The server itself does not know whether the commit was made; `committer` tells.
UNKNOWN = ("08007", "40003")
# Every statement of ours has its index. Plans are kept for long, and one made for a table that was
# still small must not read the whole table when it is large.
BY_INDEX = tuple(
    f"SET {name}=off"
    for name in ("enable_seqscan", "enable_bitmapscan", "enable_hashjoin", "enable_mergejoin", "enable_sort",
                 "enable_hashagg", "jit")
)  # fmt: skip
Waiting = tuple[Unit, "asyncio.Future[None]"]


class Read(NamedTuple):
    statement: str
    values: Encoded
    done: asyncio.Future[list[Row]]
    until: float


class PostgresEngine:
    """`durable=False` answers before the disk has it, for tests that may lose everything."""

    exclusive = False

    def __init__(self, url: str, *, durable: bool = True, patience: float = PATIENCE) -> None:
        self.watch: Watch = unwatched
        self.url = url
        self.patience = patience
        self.schema = Schema(url)
        self._worker = secrets.token_hex(8)
        self._number = 0
        settings = [*BY_INDEX, "SET idle_in_transaction_session_timeout='10s'"]
        if not durable:
            settings.append("SET synchronous_commit=off")
        self._writer = Line(url, settings)
        self._readers = [Line(url, settings) for _ in range(READERS)]
        self._reads: list[Read] = []
        self._known = Known()
        self._doubt = 0
        self._waiting: list[Waiting] = []
        self._draining: asyncio.Task[None] | None = None
        self._again: set[asyncio.Task[None]] = set()

    # Reading -------------------------------------------------------------------

    async def rows(self, statement: str, values: Sequence[Any] = ()) -> list[Row]:
        loop = asyncio.get_running_loop()
        read = Read(dollars(statement), encoded(values), loop.create_future(), loop.time() + self.patience)
        if not self._reads:
            loop.call_soon(self._send_reads)
        self._reads.append(read)
        return await read.done

    def _send_reads(self) -> None:
        """All that was asked for in this turn of the loop, as one batch."""
        reads, self._reads = self._reads, []
        pipes = [line.now for line in self._readers if line.now is not None]
        if len(pipes) < READERS:
            self._later(reads)
            return
        pipe = min(pipes, key=lambda one: one.underway)
        pipe.send([(read.statement, read.values) for read in reads]).add_done_callback(
            lambda done: self._hand_out(reads, done)
        )

    def _hand_out(self, reads: list[Read], batch: asyncio.Future[list[Answer | Exception]]) -> None:
        if batch.cancelled() or batch.exception() is not None:
            self._later(reads)
            return
        again = []
        for read, answer in zip(reads, batch.result(), strict=True):
            if isinstance(answer, NotRun) or (isinstance(answer, Failed) and answer.state in (*AGAIN, *ELSEWHERE)):
                again.append(read)
            elif not read.done.done():
                _settle(read.done, answer)
        if again:
            self._later(again)

    def _later(self, reads: list[Read]) -> None:
        task = asyncio.create_task(self._read_again(reads))
        self._again.add(task)
        task.add_done_callback(self._again.discard)

    async def _read_again(self, reads: list[Read]) -> None:
        for read in reads:
            answer = await self._read_alone(read)
            if not read.done.done():
                _settle(read.done, answer)

    async def _read_alone(self, read: Read) -> Answer | Exception:
        """Until there is an answer, or its time is over."""
        loop, pause = asyncio.get_running_loop(), 0.0
        while True:
            try:
                for line in self._readers:
                    pipe = await line.open(read.until)
                answer = (await _ask(pipe, [(read.statement, read.values)], read.until))[0]
                if not isinstance(answer, Failed) or answer.state not in (*AGAIN, *ELSEWHERE):
                    return answer
                if answer.state in ELSEWHERE:
                    pipe.close()
            except TimeoutError:
                return unavailable()
            except Lost:
                pass
            if loop.time() >= read.until:
                return unavailable()
            await asyncio.sleep(pause)
            pause = min(0.5, pause * 2 + 0.01)

    async def version(self) -> int:
        number: int = (await self.rows("SELECT version FROM nostro_schema WHERE one=1"))[0][0]
        return number

    async def size(self) -> int:
        number: int = (await self.rows("SELECT pg_database_size(current_database())"))[0][0]
        return number

    # Setting up ----------------------------------------------------------------

    async def prepare(self, resources: Sequence[Resource[Any]]) -> None:
        await self.schema.prepare(resources)

    async def build_indexes(self, resources: Sequence[Resource[Any]], told: Callable[[str], None]) -> None:
        await self.schema.build_indexes(resources, told)

    def path(self, *field: str, kind: PathKind = "text") -> str:
        return self.schema.path(*field, kind=kind)

    # Committing ----------------------------------------------------------------

    async def commit(self, unit: Unit) -> None:
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((unit, done))
        if self._draining is None or self._draining.done():
            self._draining = asyncio.create_task(self._drain())
        await done

    async def _drain(self) -> None:
        while self._waiting:
            count = together([unit for unit, _ in self._waiting[: GROUP + 1]], GROUP)
            group, self._waiting = self._waiting[:count], self._waiting[count:]
            await self._commit_all(group)

    async def _commit_all(self, group: list[Waiting]) -> None:
        """Together; if that fails, each alone, so that one bad unit does not take the others with it."""
        started = elapsed()
        try:
            verdicts = await self._commit([unit for unit, _ in group])
            self.watch([one[0] for one, no in zip(group, verdicts, strict=True) if not no], elapsed() - started)
        except Exception as error:
            if len(group) > 1 and not isinstance(error, TimeoutError):
                for one in group:
                    await self._commit_all([one])
                return
            taken = isinstance(error, Failed) and error.state == TAKEN
            failure = unavailable() if isinstance(error, TimeoutError) else Conflict(str(error)) if taken else error
            verdicts = [failure] * len(group)
        for (_, done), verdict in zip(group, verdicts, strict=True):
            if not done.done():
                _settle(done, verdict)

    async def _commit(self, units: list[Unit]) -> list[Exception | None]:
        """Commit the units that are good; answers each unit's refusal or None. Raises `TimeoutError` past patience."""
        until = asyncio.get_running_loop().time() + self.patience
        pause = 0.0
        while True:
            self._number += 1
            group = Group(units, self._worker, self._number, self._known)
            try:
                await self._transact(group, until)
                return group.verdicts
            except Failed as failed:
                if failed.state not in (*AGAIN, *ELSEWHERE):
                    raise
                if failed.state in ELSEWHERE and self._writer.now is not None:
                    self._writer.now.close()
            except Lost:
                if await self._was_committed(self._number, until):
                    return group.verdicts
            if asyncio.get_running_loop().time() >= until:
                raise TimeoutError
            await asyncio.sleep(pause)
            pause = min(0.5, pause * 2 + 0.01)

    async def _transact(self, group: Group, until: float) -> None:
        pipe = await self._writer.open(until)
        self._known.standings.make_room()
        try:
            if await self._guessed(pipe, group, until):
                return
            if self._known.standings.upto is None:
                await self._warm({})
            answers = await _done(pipe, group.look(), until)
            while not group.weigh(answers):
                await _done(pipe, [ROLLBACK], until)
                await self._warm(group.cold)
                answers = await _done(pipe, group.look(), until)
            if group.good:
                await _done(pipe, group.write(), until)
                self._known.learn(group.made, group.places)
            else:
                await _done(pipe, [ROLLBACK], until)
        except BaseException as error:
            self._known.forget()
            if not isinstance(error, Lost):
                with contextlib.suppress(Lost):
                    await pipe.send([ROLLBACK])
            raise

    async def _guessed(self, pipe: Pipe, group: Group, until: float) -> bool:
        """Try it in one round trip, unless another worker was seen at work a moment ago."""
        self._doubt -= 1
        statements = group.guess() if self._doubt < 0 else None
        if statements is None:
            return False
        try:
            await _done(pipe, statements, until)
        except Failed as failed:
            if failed.state in (*AGAIN, *ELSEWHERE):
                raise
            await _done(pipe, [ROLLBACK], until)
            self._known.forget()
            self._doubt = DOUBT
            return False
        self._known.learn(group.made, group.places)
        return True

    async def _warm(self, cold: dict[int, list[int]]) -> None:
        """Learn what batches have booked on these accounts, by book, as of the last batch that is known here. What
        was booked does not change, so it is read while nothing is locked."""
        standings = self._known.standings
        if standings.upto is None:
            standings.upto = next((last for (last,) in await self.rows(LAST_BATCH)), 0)
        for book, accounts in cold.items():
            standings.warm(book, *await ask(self.rows, balances_upto(book, accounts, standings.upto)))

    async def _was_committed(self, number: int, until: float) -> bool:
        """Look behind the lock: as long as a lost connection's transaction may still end, it holds it."""
        mine: Statement = ("SELECT number FROM committer WHERE worker=$1", encoded((self._worker,)))
        while True:
            pipe = await self._writer.open(until)
            try:
                answers = await _done(pipe, [BEGIN, LOCK, mine, COMMIT], until)
                return rows_of(answers[2]) == [(number,)]
            except (Lost, Failed):
                pipe.close()
                if asyncio.get_running_loop().time() >= until:
                    raise TimeoutError("it is not known whether the last commit was made") from None
                await asyncio.sleep(0.1)

    async def close(self) -> None:
        """A commit may end; one that waits for a database that is away is given up, as its patience is nobody's now."""
        if self._draining is not None:
            await asyncio.wait({self._draining}, timeout=FAREWELL)
            self._draining.cancel()
            await asyncio.gather(self._draining, return_exceptions=True)
        for task in list(self._again):
            task.cancel()
        for line in (self._writer, *self._readers):
            if line.now is not None:
                line.now.close()


async def _ask(pipe: Pipe, statements: Sequence[Statement], until: float) -> list[Answer | Exception]:
    """The answers; a server that says nothing until then counts as lost."""
    left = max(0.1, until - asyncio.get_running_loop().time())
    try:
        return await asyncio.wait_for(pipe.send(statements), left)
    except TimeoutError:
        pipe.close()
        raise Lost("no answer in time") from None


async def _done(pipe: Pipe, statements: Sequence[Statement], until: float) -> list[Answer]:
    """The answers; raises what failed first."""
    answers: list[Answer] = []
    for answer in await _ask(pipe, statements, until):
        if isinstance(answer, Failed) and answer.state in UNKNOWN:
            pipe.close()
            raise Lost(str(answer))
        if isinstance(answer, Exception):
            raise answer
        answers.append(answer)
    return answers


def _settle(done: asyncio.Future[Any], answer: Any) -> None:
    if isinstance(answer, Exception):
        done.set_exception(answer)
    else:
        done.set_result(answer)
