"""Job: work that was put off until a moment of the sandbox's time, done exactly once.

A job is a row (scope, kind, ref, due). Running it is one unit, whose claim gives the row its next number: of two
runners that see the same job, the engine lets one commit. With that the row is deleted, unless the job was put on
again since the run looked at it (`puts`): then it stays and runs once more, because the run may not have seen what it
was put on for. A job that puts itself on again stays too. A job that fails keeps its row, with the error, and is tried
again later, unless it was put on again.

Due jobs run in waves: of each sandbox those of the earliest moment, and of these one kind. The jobs of a wave run
side by side and share a commit; what they put on for the same moment or before comes in its turn.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence

from msgspec import Struct

from nostro.kernel.clock import SECOND
from nostro.storage.engine import Row
from nostro.storage.scope import load_scope
from nostro.storage.tx import Tx
from nostro.storage.unit import NOBODY, Unit
from nostro.storage.world import World

from .work import perform

logger = logging.getLogger("nostro.jobs")

# Seconds until a failed job is tried again; the last one repeats.
BACKOFF = (10, 60, 300, 1_800, 7_200, 21_600)
WAVE = 200
LONGEST_ERROR = 500

_COLUMNS = "j.scope, j.kind, j.ref, j.due, j.attempts, j.number, j.puts"
_ORDER = "j.scope, j.kind, j.ref LIMIT ?"
# An offset is never negative, so what is due by the machine's clock is due in every sandbox. Sandboxes whose time
# was moved ahead are few, and each is asked by its own clock; the plus sign keeps the planner from walking through
# all jobs in due order instead.
DUE = f"SELECT {_COLUMNS} FROM job j WHERE j.due <= ? ORDER BY j.due, {_ORDER}"
DUE_AHEAD = (
    f"SELECT {_COLUMNS} FROM scope s JOIN job j ON j.scope = s.scope AND j.due <= s.clock_offset + ? "
    f"WHERE s.clock_offset > 0 ORDER BY +j.due, {_ORDER}"
)
DUE_IN = f"SELECT {_COLUMNS} FROM job j WHERE j.scope = ? AND j.due <= ? ORDER BY j.due, {_ORDER}"
DUE_CONNECTED = (
    f"SELECT {_COLUMNS} FROM connected c JOIN job j ON j.scope = c.scope AND j.due <= ? "
    f"WHERE c.platform = ? ORDER BY +j.due, {_ORDER}"
)
NEXT = "SELECT min(due) FROM job"
NEXT_AHEAD = (
    "SELECT min((SELECT min(j.due) FROM job j WHERE j.scope = s.scope) - s.clock_offset) "
    "FROM scope s WHERE s.clock_offset > 0"
)
FIND = "SELECT due, number, puts FROM job WHERE scope=? AND kind=? AND ref=?"
PUT_OFF = (
    "UPDATE job SET due=?, attempts=?, error=? "
    "WHERE scope=? AND kind=? AND ref=? AND attempts=? AND number=? AND puts=?"
)


class Job(Struct, frozen=True):
    """`due` is seconds of the sandbox's time; `attempts` counts the failures so far, `puts` how often it was put on
    under this `number`."""

    scope: int
    kind: str
    ref: str
    due: int
    attempts: int
    number: int
    puts: int


async def run_due(world: World, scope: int | None = None) -> int:
    """Run every due job, or those of one sandbox, in due order. Answers how many ran; failures count."""
    ran = 0
    while wave := await next_wave(world, scope):
        await run_wave(world, wave)
        ran += len(wave)
    return ran


async def next_wave(world: World, scope: int | None = None, until: int | None = None) -> list[Job]:
    """The jobs to run next. `until` (seconds of the sandbox's time) stands in for now, for one sandbox."""
    seconds = world.clock.micros() // SECOND
    if scope is not None:
        now = seconds + (await load_scope(world, scope)).offset if until is None else until
        return _first(await world.engine.rows(DUE_IN, (scope, now, WAVE)))
    rows = await world.engine.rows(DUE, (seconds, WAVE))
    ahead = await world.engine.rows(DUE_AHEAD, (seconds, WAVE))
    return _first(ahead if not rows else rows if not ahead else _merged(rows, ahead))


async def next_family_wave(world: World, platform: int, until: int) -> list[Job]:
    """Of a sandbox and its connected accounts, the jobs of the earliest moment up to `until`, in seconds."""
    own = await world.engine.rows(DUE_IN, (platform, until, WAVE))
    theirs = await world.engine.rows(DUE_CONNECTED, (until, platform, WAVE))
    wave = _first(_merged(own, theirs))
    return [job for job in wave if job.due == wave[0].due]


def _merged(rows: Sequence[Row], ahead: Sequence[Row]) -> list[Row]:
    """Both lists, each job once, with a sandbox that was moved ahead in its own due order."""
    return sorted({*rows, *ahead}, key=lambda row: (row[3], row[0], row[1], row[2]))


def _first(rows: Sequence[Row]) -> list[Job]:
    """Of each sandbox, the jobs that share the due moment and the kind of its first one."""
    first: dict[int, tuple[str, int]] = {}
    jobs = [Job(*row) for row in rows]
    return [job for job in jobs if first.setdefault(job.scope, (job.kind, job.due)) == (job.kind, job.due)]


async def run_wave(world: World, wave: Sequence[Job]) -> None:
    await asyncio.gather(*(_run(world, job) for job in wave))


async def next_due(world: World) -> int | None:
    """The machine's second at which the next job is due, or None if there is no job."""
    rows = [*await world.engine.rows(NEXT), *await world.engine.rows(NEXT_AHEAD)]
    return min((due for (due,) in rows if due is not None), default=None)


async def _run(world: World, job: Job) -> None:
    """One job as one unit; what it raises is kept with it."""

    puts = job.puts

    async def run(tx: Tx) -> bool:
        nonlocal puts
        until = max(job.due, tx.now)
        found = await world.engine.rows(FIND, (job.scope, job.kind, job.ref))
        if not found or found[0][0] > until or found[0][1] != job.number:
            return False  # another runner was first, or the job was moved
        puts = found[0][2]
        tx.run_job(job.kind, job.ref, job.number, puts, until)
        await world.jobs[job.kind](tx, job.ref)
        return True

    try:
        assert job.kind in world.jobs, f"no job is called {job.kind}"
        with world.trace(f"job {job.kind}", ref=job.ref):
            done = await perform(world, await load_scope(world, job.scope), run)
        if done:
            world.meter.jobs.labels(job.kind, "done").inc()
    except Exception as error:
        world.meter.jobs.labels(job.kind, "failed").inc()
        logger.exception("job %s about %s failed (attempt %d)", job.kind, job.ref, job.attempts + 1)
        await _put_off(world, job, puts, error)


async def _put_off(world: World, job: Job, puts: int, error: Exception) -> None:
    """Later, unless it was put on again meanwhile: then that run comes first."""
    scope, micros = await load_scope(world, job.scope), world.clock.micros()
    wait = BACKOFF[min(job.attempts, len(BACKOFF) - 1)]
    due = max(micros // SECOND + scope.offset, job.due) + wait
    text = f"{type(error).__name__}: {error}"[:LONGEST_ERROR]
    values = (due, job.attempts + 1, text, job.scope, job.kind, job.ref, job.attempts, job.number, puts)
    await world.engine.commit(Unit(scope=NOBODY, micros=micros, rows=[(PUT_OFF, values)]))
