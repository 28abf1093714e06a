"""`nostro dev`, with a sampler that notes a thousand times a second what its event loop is doing.

    python -m bench.sampler OUT.json --port 12111 --database sqlite:///books.db

A signal interrupts the loop's thread, so C code counts for the Python line that called it. What the commit
thread does beside it is timed on its own: each COMMIT, which waits for the disk.
"""

from __future__ import annotations

import signal
import sys
import time
from collections import Counter
from pathlib import Path
from types import FrameType

import msgspec

from nostro.cli.server import dev
from nostro.storage.sqlite import SqliteEngine

INTERVAL = 0.001
# The innermost frame that is in one of these says what the time was spent on.
SHARES = (
    ("nostro/storage/sqlite.py", "sqlite: rows written, read and looked up"),
    ("nostro/storage/books.py", "ledger: numbers, balances, hash chain"),
    ("nostro/kernel/form.py", "decode: form and parameters"),
    ("nostro/kernel/params.py", "decode: form and parameters"),
    ("nostro/api/reply.py", "encode: render and JSON"),
    ("nostro/storage/tx.py", "unit of work: records kept, JSON of the store"),
    ("nostro/storage/pack.py", "events"),
    ("nostro/events/event.py", "events"),
    ("nostro/events/webhook_endpoint.py", "events"),
    ("nostro/payments/", "verb: payments, rails, balances"),
    ("nostro/rails/", "verb: payments, rails, balances"),
    ("nostro/networks/", "verb: payments, rails, balances"),
    ("nostro/balances/", "verb: payments, rails, balances"),
    ("nostro/api/http.py", "http: parsing, sockets, protocol"),
    ("nostro/api/", "api: authentication, routing, idempotency"),
    ("nostro/controls/", "api: authentication, routing, idempotency"),
    ("nostro/events/", "unit of work: records kept, JSON of the store"),
    ("uvicorn/", "http: parsing, sockets, protocol"),
    ("asyncio/", "event loop, and idle"),
)
REST = "other"


class Sampled(msgspec.Struct):
    """`commits` and `commit_seconds` are of the commit thread, `units` what they carried."""

    samples: int = 0
    own: dict[str, int] = {}
    shares: dict[str, int] = {}
    commits: int = 0
    commit_seconds: float = 0.0
    units: int = 0


class Sampler:
    def __init__(self) -> None:
        self.own: Counter[str] = Counter()
        self.shares: Counter[str] = Counter()
        self.on = False

    def start(self) -> None:
        signal.signal(signal.SIGALRM, self._note)
        signal.signal(signal.SIGUSR1, self._begin)
        signal.setitimer(signal.ITIMER_REAL, INTERVAL, INTERVAL)

    def stop(self) -> None:
        signal.setitimer(signal.ITIMER_REAL, 0)

    def _begin(self, number: int, frame: FrameType | None) -> None:
        """Start-up is over: what is sampled from here on counts."""
        self.on = True

    def _note(self, number: int, frame: FrameType | None) -> None:
        if frame is None or not self.on:
            return
        self.own[f"{_short(frame.f_code.co_filename)} {frame.f_code.co_qualname}"] += 1
        while frame is not None:
            file = frame.f_code.co_filename
            for part, share in SHARES:
                if part in file:
                    self.shares[share] += 1
                    return
            frame = frame.f_back
        self.shares[REST] += 1


def _short(file: str) -> str:
    for mark in ("/site-packages/", "/src/", "/lib/", "/bench/"):
        if mark in file:
            return file.rpartition(mark)[2]
    return file


def main() -> None:
    out, _, port, _, database = sys.argv[1:]
    sampled, sampler = Sampled(), Sampler()
    apply, sync = SqliteEngine._apply, SqliteEngine._sync

    def counted(self: SqliteEngine, units: list) -> object:  # type: ignore[type-arg]
        sampled.units += len(units) if sampler.on else 0
        return apply(self, units)

    def timed(self: SqliteEngine) -> None:
        began = time.perf_counter()
        sync(self)
        if sampler.on:
            sampled.commits += 1
            sampled.commit_seconds += time.perf_counter() - began

    SqliteEngine._apply, SqliteEngine._sync = counted, timed  # type: ignore[assignment]
    sampler.start()
    try:
        dev(port=int(port), database=database)
    finally:
        sampler.stop()
        sampled.samples = sum(sampler.own.values())
        sampled.own, sampled.shares = dict(sampler.own.most_common(60)), dict(sampler.shares)
        Path(out).write_bytes(msgspec.json.encode(sampled))


if __name__ == "__main__":
    main()
