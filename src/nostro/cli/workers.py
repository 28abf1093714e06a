"""Several worker processes on one listening socket: started, started again when one dies, stopped together."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable

import typer

from .trouble import Trouble

LOOK = 0.1
YOUNG = 5.0
PAUSE = 0.5
MOST_EARLY_DEATHS = 5


class Workers:
    """`work(ready)` runs one worker until it is told to stop, and calls `ready` when it answers.

    Those that have not ended `patience` seconds after they were told to are killed. `buried(pid)` hears of each
    that has ended, `last_call` is made before they are told to end.
    """

    def __init__(
        self,
        count: int,
        work: Callable[[Callable[[], None]], None],
        patience: float,
        buried: Callable[[int], None],
        last_call: Callable[[], None],
    ) -> None:
        if not hasattr(os, "fork"):
            raise Trouble("Several workers need an operating system that can fork.", "Start them one by one.")
        self._count = count
        self._work = work
        self._patience = patience
        self._tell_buried = buried
        self._last_call = last_call
        self._born: dict[int, float] = {}
        self._early_deaths = 0
        self._stop = False
        self._told = 0
        self._alive_read, self._alive_write = os.pipe()
        self._ready_read, self._ready_write = os.pipe()

    def run(self, ready: Callable[[], None]) -> None:
        """Returns when all have ended after SIGTERM or SIGINT. Raises `Trouble` if they die before all were ready."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._told_to_stop)
        for _ in range(self._count):
            self._start()
        os.set_blocking(self._ready_read, False)
        waiting: int = self._count
        while not self._stop:
            if waiting > 0 and (waiting := waiting - self._answering()) <= 0:
                ready()
            for _ in range(self._buried()):
                self._start_again()
            if waiting > 0 and self._early_deaths >= MOST_EARLY_DEATHS:
                self._end()
                raise Trouble("The workers keep dying.", "Their log says why. One alone may say more: --workers 1")
            time.sleep(LOOK)
        self._end()
        typer.echo("Stopped.")

    def _start_again(self) -> None:
        """At once, unless they die young: the database may be away just now."""
        if self._early_deaths > 1:
            time.sleep(PAUSE)
        if not self._stop:
            self._start()

    def _told_to_stop(self, *_: object) -> None:
        self._stop = True
        self._told += 1

    def _answering(self) -> int:
        try:
            return len(os.read(self._ready_read, 1000))
        except BlockingIOError:
            return 0

    def _start(self) -> None:
        child = os.fork()
        if child:
            self._born[child] = time.monotonic()
            return
        status = 1
        try:
            os.close(self._alive_write)
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, signal.SIG_DFL)
            threading.Thread(target=self._outlive_nobody, daemon=True).start()
            self._work(self._say_ready)
            status = 0
        except KeyboardInterrupt:
            status = 0
        except BaseException as error:
            typer.secho(f"A worker failed: {error!r}", fg="red", err=True)
        finally:
            os._exit(status)

    def _say_ready(self) -> None:
        os.write(self._ready_write, b"1")

    def _outlive_nobody(self) -> None:
        """Nothing is ever written: the read ends when the parent does, however it does."""
        os.read(self._alive_read, 1)
        os.kill(os.getpid(), signal.SIGTERM)

    def _buried(self) -> int:
        """How many have died since the last look."""
        dead = 0
        for child in list(self._born):
            if os.waitpid(child, os.WNOHANG)[0]:
                dead += 1
                self._tell_buried(child)
                self._early_deaths = self._early_deaths + 1 if time.monotonic() - self._born[child] < YOUNG else 0
                del self._born[child]
        return dead

    def _end(self) -> None:
        self._last_call()
        until, passed_on = time.monotonic() + self._patience, 0
        while self._born and time.monotonic() < until:
            if self._told > passed_on or not passed_on:  # a second signal hurries them
                passed_on = max(self._told, 1)
                for child in self._born:
                    os.kill(child, signal.SIGTERM)
            self._buried()
            time.sleep(LOOK)
        for child in self._born:
            os.kill(child, signal.SIGKILL)
