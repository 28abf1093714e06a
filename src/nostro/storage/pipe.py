"""One connection to PostgreSQL on which many statements travel at once (libpq's pipeline mode, through psycopg).

A batch is a list of statements and one synchronisation after them: they run one after another, each sees what was
committed before it, and after the first that fails the rest of the batch is not run. Batches may be sent while
others are under way. Results are read as they arrive, by the event loop's own watch on the socket, because a
coroutine for each statement would cost more than the statement.
"""

from __future__ import annotations

import asyncio
import struct
from collections import deque
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any, NamedTuple

import psycopg
from psycopg import pq

from .engine import Row

Encoded = tuple[list[bytes | None], list[int]]
Statement = tuple[str, Encoded]
Answer = list[Row] | int
MOST_PREPARED = 1_000
UNKNOWN_NAME = "26000"
LOOK = 0.5


class Lost(Exception):
    """The connection is gone, or the server is going. What was under way may have happened or not."""


class Failed(Exception):
    """The server refused a statement; `state` is its five-character SQLSTATE."""

    def __init__(self, state: str, message: str) -> None:
        super().__init__(f"{message.strip()} ({state})")
        self.state = state


class NotRun(Exception):
    """An earlier statement of the same batch failed."""


# Values ----------------------------------------------------------------------------------


CellKind = type[int] | type[str] | type[bytes]
OIDS: dict[CellKind, int] = {int: 20, str: 25, bytes: 17}


class Column:
    """The values of one column of many rows, sent as one array: `unnest(?::bigint[])`."""

    def __init__(self, values: Iterable[Any], kind: CellKind) -> None:
        cells = list(values)
        null = None in cells
        head = struct.pack(">3i", bool(cells), null, OIDS[kind])
        if cells:
            head += struct.pack(">2i", len(cells), 1)
        if kind is int and not null:
            sized: list[Any] = [8] * (2 * len(cells))
            sized[1::2] = cells
            self.data = head + _numbers(len(cells)).pack(*sized)
            return
        data = [None if v is None else v if isinstance(v, bytes) else _data(v) for v in cells]
        sized = [b""] * (2 * len(cells))
        sized[::2] = [NULL if one is None else len(one).to_bytes(4, "big") for one in data]
        sized[1::2] = [one or b"" for one in data]
        self.data = head + b"".join(sized)


NULL = b"\xff\xff\xff\xff"


@lru_cache
def _numbers(count: int) -> struct.Struct:
    """So many numbers of eight bytes, each after its length."""
    return struct.Struct(">" + "iq" * count)


def _data(value: int | str) -> bytes:
    return _text(value) if isinstance(value, str) else value.to_bytes(8, "big", signed=True)


def _text(value: str) -> bytes:
    if "\0" in value:
        raise ValueError("a text with a NUL character cannot be stored")
    return value.encode()


def encoded(values: Iterable[Any]) -> Encoded:
    """The values and their formats: 0 is text, whose type the statement decides, 1 is binary."""
    data: list[bytes | None] = []
    formats: list[int] = []
    for value in values:
        binary = isinstance(value, (bytes, Column))
        formats.append(int(binary))
        if binary or value is None:
            data.append(value.data if isinstance(value, Column) else value)
        else:
            data.append(_text(value) if isinstance(value, str) else b"%d" % value)
    return data, formats


NONE: Encoded = ([], [])


def _whole(value: bytes) -> int:
    """The database sums whole numbers as `numeric`."""
    return int(value.partition(b".")[0])


LOADERS: dict[int, Callable[[bytes], Any]] = {
    16: lambda value: int(value == b"t"),
    17: lambda value: bytes.fromhex(value[2:].decode()),
    **dict.fromkeys((20, 21, 23, 26), int),
    1700: _whole,
}


def rows_in(result: Any) -> list[Row]:
    load = [LOADERS.get(result.ftype(column), bytes.decode) for column in range(result.nfields)]
    get, columns = result.get_value, list(enumerate(load))
    return [
        tuple([None if (value := get(row, n)) is None else read(value) for n, read in columns])
        for row in range(result.ntuples)
    ]


# The connection ----------------------------------------------------------------------------


class Batch:
    """What came of each statement: rows, or the number of rows it changed, or why it was not done."""

    def __init__(self, done: asyncio.Future[list[Answer | Exception]]) -> None:
        self.done = done
        self.answers: list[Answer | Exception] = []
        self.unprepared: Exception | None = None


class Owed(NamedTuple):
    """What the server still has to answer: a statement, or its preparation, or (without one) the batch's end."""

    batch: Batch
    statement: str = ""
    preparing: bool = False


class Pipe:
    """`send` may be called at any time. Once `lost` is set, it stays so: open another."""

    def __init__(self, connection: psycopg.AsyncConnection[Any]) -> None:
        self._connection = connection  # kept: it closes what it owns when it is collected
        self._pg = connection.pgconn
        self._loop = asyncio.get_running_loop()
        self._fd = self._pg.socket
        self._owed: deque[Owed] = deque()
        self._result: Any = None
        self._names: dict[str, bytes] = {}
        self._seen: set[str] = set()
        self._number = 0
        self._looking = False
        self.lost = ""
        self._pg.nonblocking = 1
        self._pg.enter_pipeline_mode()
        self._loop.add_reader(self._fd, self._readable)

    @property
    def underway(self) -> int:
        return len(self._owed)

    def send(self, statements: Iterable[Statement]) -> asyncio.Future[list[Answer | Exception]]:
        """Send a batch. The future raises `Lost` only; a refusal stands in the statement's place."""
        batch = Batch(self._loop.create_future())
        if self.lost:
            batch.done.set_exception(Lost(self.lost))
            return batch.done
        try:
            for statement, (values, formats) in statements:
                self._send(batch, statement, values, formats)
            self._pg.pipeline_sync()
            self._owed.append(Owed(batch))
            self._flush()
            self._look_later()
        except psycopg.OperationalError as error:
            self._owed.append(Owed(batch))
            self._lose(str(error))
        return batch.done

    def _send(self, batch: Batch, statement: str, values: list[bytes | None], formats: list[int]) -> None:
        name = self._names.get(statement)
        if name is None and statement in self._seen and len(self._names) < MOST_PREPARED:
            self._number += 1
            name = self._names[statement] = b"n%d" % self._number
            self._pg.send_prepare(name, statement.encode())
            self._owed.append(Owed(batch, statement, preparing=True))
        if name is not None:
            self._pg.send_query_prepared(name, values, formats)
        else:
            self._see(statement)
            self._pg.send_query_params(statement.encode(), values, None, formats)
        self._owed.append(Owed(batch, statement))

    def _see(self, statement: str) -> None:
        """A statement is prepared when it comes again: a search may never do."""
        if len(self._seen) > 4 * MOST_PREPARED:
            self._seen.clear()
        self._seen.add(statement)

    def _flush(self) -> None:
        if self._pg.flush():
            self._loop.add_writer(self._fd, self._writable)

    def _writable(self) -> None:
        try:
            if not self._pg.flush():
                self._loop.remove_writer(self._fd)
        except psycopg.OperationalError as error:
            self._lose(str(error))

    def _readable(self) -> None:
        try:
            self._pg.consume_input()
            while self._owed and not self._pg.is_busy():
                self._take(self._pg.get_result())
        except psycopg.OperationalError as error:
            self._lose(str(error))

    def _look_later(self) -> None:
        """Not every event loop tells of a connection that was reset: while an answer is owed, look for oneself."""
        if not self._looking:
            self._looking = True
            self._loop.call_later(LOOK, self._look)

    def _look(self) -> None:
        self._looking = False
        if self._owed:
            self._readable()
        if self._owed:
            self._look_later()

    def _take(self, result: Any) -> None:
        owed = self._owed[0]
        if result is None:  # the end of one statement's results
            if self._result is not None:
                self._owed.popleft()
                self._note(owed, self._result)
                self._result = None
        elif result.status == pq.ExecStatus.PIPELINE_SYNC:
            self._owed.popleft()
            if not owed.batch.done.done():
                owed.batch.done.set_result(owed.batch.answers)
        elif not owed.statement:  # a last word in place of the batch's end: whether it was done is not known
            self._lose(result.error_message)
        else:
            self._result = result

    def _note(self, owed: Owed, result: Any) -> None:
        batch = owed.batch
        if result.status == pq.ExecStatus.TUPLES_OK:
            batch.answers.append(rows_in(result))
        elif result.status == pq.ExecStatus.COMMAND_OK:
            if not owed.preparing:
                batch.answers.append(result.command_tuples or 0)
        else:
            self._refused(owed, _error(result))

    def _refused(self, owed: Owed, error: Exception) -> None:
        if owed.preparing or (isinstance(error, Failed) and error.state == UNKNOWN_NAME):
            self._names.pop(owed.statement, None)
        if owed.preparing:  # its execution comes next, and is not run
            owed.batch.unprepared = error
            return
        owed.batch.answers.append(owed.batch.unprepared or error)
        owed.batch.unprepared = None

    def _lose(self, why: str) -> None:
        if self.lost:
            return
        self.lost = why.strip() or "the connection is closed"
        self._loop.remove_reader(self._fd)
        self._loop.remove_writer(self._fd)
        self._pg.finish()
        owed, self._owed = self._owed, deque()
        for batch in {id(one.batch): one.batch for one in owed}.values():
            if not batch.done.done():
                batch.done.set_exception(Lost(self.lost))

    def close(self) -> None:
        """At once: what is under way counts as lost."""
        self._lose("the connection was closed")


def _error(result: Any) -> Exception:
    if result.status == pq.ExecStatus.PIPELINE_ABORTED:
        return NotRun("an earlier statement of the batch failed")
    state = result.error_field(pq.DiagnosticField.SQLSTATE) or b""
    message = result.error_field(pq.DiagnosticField.MESSAGE_PRIMARY) or result.error_message
    return Failed(state.decode(), message.decode(errors="replace"))
