"""Load shedding: which requests a worker that cannot keep up turns away, and how many of them.

    level   0 .. 1   a growing part of the test-mode requests
            1 .. 2   all of these, and a growing part of the live reads
            2 .. 3   all of these, and a growing part of the live writes

The level rises while the worker is overloaded, quickly, and falls slowly once it is well below, so that what was
turned away does not come back all at once. In between it stays. What was begun is never dropped.
"""

from __future__ import annotations

TEST, READ, WRITE = 0, 1, 2
HIGHEST = 3.0
RISE = 2.0  # levels a second
FALL = 0.2
RELIEF = 0.6
"""The load below which the level falls; 1 is overload."""


class Shedder:
    def __init__(self) -> None:
        self.level = 0.0
        self._was_over = False
        self._owed = [0.0, 0.0, 0.0]

    def beat(self, load: float, seconds: float) -> None:
        """Learn the load after so many seconds. One beat above is a hiccup; the level rises from the second on."""
        over = load >= 1
        if over and self._was_over:
            self.level = min(HIGHEST, self.level + RISE * min(seconds, 1.0))
        elif load < RELIEF:
            self.level = max(0.0, self.level - FALL * min(seconds, 1.0))
        self._was_over = over

    def sheds(self, kind: int) -> bool:
        """Whether to turn away a request of this kind: evenly spread, and without chance."""
        part = self.level - kind
        if part <= 0:
            return False
        self._owed[kind] += min(part, 1.0)
        if self._owed[kind] < 1:
            return False
        self._owed[kind] -= 1
        return True
