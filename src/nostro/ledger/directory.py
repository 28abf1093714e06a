"""Directory: the accounts of one scope as bulk needs them, found by code and currency without a read each.

What it remembers is checked before each use: a change of limits or alerts changes the book's `ledger_rules`. New
accounts are looked up when they are first met; an account is never closed, and its code and currency never change.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from nostro.kernel.pace import Pace
from nostro.storage.batch import AccountKey, Remembered
from nostro.storage.body import whole
from nostro.storage.columns import Ints
from nostro.storage.unit import Scope
from nostro.storage.world import World

from .app_account import ACCOUNT, Record, limited

VERSION = "SELECT version FROM ledger_rules WHERE book=?"
AT_ONCE = 500
MOST = 2_000_000
decode = msgspec.json.Decoder(Record).decode


class Directory:
    """`lowest` and `highest` bound what an account may stand at after a credit and after a debit, debit positive."""

    def __init__(self, version: int = 0) -> None:
        self.version = version
        self.keys: list[AccountKey] = []
        self.remembered = Remembered()
        self.ids: list[str] = []
        self._places: dict[str, dict[str, int]] = {}
        self._bounds: Ints = np.zeros((2, 1024), np.int64)
        self._flags: NDArray[np.bool_] = np.zeros((2, 1024), np.bool_)

    def of(self, currency: str) -> dict[str, int]:
        """Places by code."""
        return self._places.setdefault(currency, {})

    def bounds(self, places: Ints) -> tuple[Ints, Ints]:
        """`lowest` and `highest`."""
        lowest, highest = self._bounds[:, places]
        return lowest, highest

    def debit_normal(self, places: Ints) -> NDArray[np.bool_]:
        normal: NDArray[np.bool_] = self._flags[0, places]
        return normal

    def watched(self, places: Ints) -> list[str]:
        """The ids of those that have an alert."""
        return [self.ids[place] for place in places[self._flags[1, places]].tolist()]

    def add(self, book: int, account: Record) -> None:
        place = len(self.keys)
        if place == self._flags.shape[1]:
            self._bounds = np.hstack((self._bounds, np.zeros_like(self._bounds)))
            self._flags = np.hstack((self._flags, np.zeros_like(self._flags)))
        self.keys.append((book, account.code, account.currency))
        self.ids.append(account.id)
        self._bounds[:, place] = -limited(account, -1).limit, limited(account, 1).limit
        self._flags[0, place] = account.normal_balance == "debit"
        self._flags[1, place] = account.alert_above is not None or account.alert_below is not None
        self.of(account.currency)[account.code] = place


async def directory(world: World, scope: Scope) -> Directory:
    """What is remembered and still true."""
    rows = await world.engine.rows(VERSION, (scope.book,))
    version = rows[0][0] if rows else 0
    kept: Directory | None = world.directories.get(scope.number)
    if kept is None or kept.version != version or len(kept.keys) > MOST:
        kept = world.directories[scope.number] = Directory(version)
    return kept


async def meet(world: World, scope: Scope, known: Directory, codes: Sequence[str], pace: Pace) -> None:
    """Look these accounts up, in every currency that they are open in."""
    engine = world.engine
    for start in range(0, len(codes), AT_ONCE):
        part = codes[start : start + AT_ONCE]
        rows = await engine.rows(
            f'SELECT id, created, body FROM "{ACCOUNT.table}" WHERE scope=? AND {engine.path("code")} IN '
            f"({','.join('?' * len(part))})", (scope.number, *part),
        )  # fmt: skip
        for row in rows:
            account = decode(whole(*row))
            if account.code not in known.of(account.currency):
                known.add(scope.book, account)
        await pace.give_way()
