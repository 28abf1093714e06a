"""An event loop in virtual time, whose order of ready tasks follows from the seed."""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Callable, Coroutine
from random import Random
from typing import Any
from weakref import WeakKeyDictionary

MOST_TURNS = 20_000


class VirtualLoop(asyncio.SelectorEventLoop):
    """Time passes when nothing is left to do, and then at once to the next timer.

    Tasks that were woken in the same turn run in an order that `random` chooses: which answer comes first is
    nobody's promise. Callbacks and the first steps of tasks keep their order, which asyncio does promise.
    """

    def __init__(self, random: Random | None = None) -> None:
        super().__init__()
        self._now = 0.0
        self._turns = 0
        self._random = random
        self._numbers: WeakKeyDictionary[asyncio.Task[Any], int] = WeakKeyDictionary()
        self._made = 0
        self.set_task_factory(self._numbered)

    def time(self) -> float:
        return self._now

    def tasks(self) -> list[asyncio.Task[Any]]:
        """Every task that has not ended, oldest first."""
        return sorted((task for task in self._numbers if not task.done()), key=self._numbers.__getitem__)

    def run_in_executor(self, executor: Any, func: Callable[..., Any], *args: Any) -> asyncio.Future[Any]:
        """There are no threads: what is given to one is done in the next turn, unless its program has died."""
        if executor is not None:
            return super().run_in_executor(executor, func, *args)
        done = self.create_future()

        def now() -> None:
            if done.cancelled():
                return
            try:
                done.set_result(func(*args))
            except Exception as error:
                done.set_exception(error)

        self.call_soon(now)
        return done

    def _numbered(self, loop: Any, coroutine: Any, **options: Any) -> asyncio.Task[Any]:
        task: asyncio.Task[Any] = asyncio.Task(coroutine, loop=loop, **options)
        self._made += 1
        self._numbers[task] = self._made
        return task

    def _run_once(self) -> None:
        loop: Any = self
        if not loop._ready:
            self._now = max(self._now, self._next_timer())
            self._turns = 0
        self._turns += 1
        if self._turns > MOST_TURNS:
            self._turns = 0
            raise AssertionError(f"{MOST_TURNS} turns, and no time has passed: the same thing is done for ever")
        if self._random is not None and len(loop._ready) > 1:
            self._shuffle(loop._ready)
        super()._run_once()  # type: ignore[misc]

    def _next_timer(self) -> float:
        """When it is due. One that was cancelled must go first: asyncio would sleep for the one behind it."""
        timers: list[asyncio.TimerHandle] = self._scheduled  # type: ignore[attr-defined]
        while timers and timers[0].cancelled():
            heapq.heappop(timers)._scheduled = False  # type: ignore[attr-defined]
            self._timer_cancelled_count -= 1  # type: ignore[attr-defined]
        assert timers, "everything waits, and nothing will ever come"
        return timers[0].when()

    def _shuffle(self, ready: Any) -> None:
        assert self._random is not None
        places = [
            n for n, one in enumerate(ready) if isinstance(getattr(one._callback, "__self__", None), asyncio.Task)
        ]
        woken = [ready[n] for n in places]
        self._random.shuffle(woken)
        for n, one in zip(places, woken, strict=True):
            ready[n] = one

    def _write_to_self(self) -> None:
        """Nobody calls from another thread, so there is no select() to wake."""


def run(main: Coroutine[Any, Any, None], random: Random | None = None) -> None:
    """Like `asyncio.run`, in virtual time."""
    with asyncio.Runner(loop_factory=lambda: VirtualLoop(random)) as runner:
        runner.run(main)
