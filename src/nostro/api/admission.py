"""Who is let in: the limits of each key, and what the worker can bear. Asked before anything is begun.

too much under way in this worker    503
shed, by what the request is         503   overload.py
too much under way of one key        429   rate_limit, global-concurrency
too many requests of one key         429   rate_limit, global-rate
"""

from __future__ import annotations

from nostro.controls.api_key import Caller
from nostro.controls.rate_limit import RateLimits
from nostro.kernel.clock import elapsed
from nostro.kernel.errors import overloaded, rate_limited
from nostro.kernel.settings import Settings

from .overload import READ, TEST, WRITE, Shedder

READS = ("GET", "HEAD")
KINDS = ("test-mode requests", "live reads", "live writes")


class Admission:
    """`in_flight` counts the requests of everybody, limited or not."""

    def __init__(self, settings: Settings) -> None:
        self.rates = RateLimits(settings)
        self.shedder = Shedder()
        self.in_flight = 0
        self._on = settings.limited
        self._most = settings.max_in_flight
        self._late = settings.overload_ms * 1000

    def check_room(self) -> None:
        """Raises a 503 if the worker has its hands full, whoever asks."""
        if self._on and self.in_flight > self._most:
            raise overloaded("Too many requests are under way here.", "full")

    def enter(self, caller: Caller, method: str) -> None:
        """Raises a 429 or 503, or counts the request as the key's until `leave`."""
        if not self._on:
            return
        reads, live = method in READS, caller.scope.livemode
        kind = TEST if not live else READ if reads else WRITE
        if self.shedder.level and self.shedder.sheds(kind):
            raise overloaded(
                f"The server is busy and turns away {KINDS[kind]} for a while.", ("test", "read", "write")[kind]
            )
        now = elapsed()
        if not self.rates.enter(caller, now):
            raise rate_limited(
                f"Too many requests of this key are under way: it may have {self.rates.room(caller)} at once.",
                "global-concurrency",
            )
        if not self.rates.take(caller, not reads, now):
            self.rates.leave(caller)
            what = f"{self.rates.rate(caller, not reads)} {'reads' if reads else 'writes'} a second"
            raise rate_limited(f"Too many requests with this key: it may make {what}.", "global-rate")

    def leave(self, caller: Caller) -> None:
        if self._on:
            self.rates.leave(caller)

    def beat(self, late: int, passed: int) -> None:
        """`late` is how many microseconds after its time the event loop came to this, `passed` those since the last."""
        if self._on:
            load = max(late / self._late, self.in_flight / (self._most / 2))
            self.shedder.beat(load, passed / 1_000_000)
