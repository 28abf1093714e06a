"""Rows of the hand-written tables, as the units of one group commit say them: what may be said together is.

They take effect one after another, because a job may be put on, taken off and put on again. But plain inserts into a
table that no other statement of the group names may come in any order, and a job that was just put on for the same
moment need not be put on again.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from .tx import PUT_AGAIN, PUT_JOB, PUT_SOONER

OTHER_PUTS = (PUT_AGAIN, PUT_SOONER)
RowWrite = tuple[str, tuple[Any, ...]]
_INSERT = re.compile(r"INSERT INTO (\w+) \([\w,]+\) VALUES \([?,]+\)(?: ON CONFLICT \([\w,]+\) DO NOTHING)?")


def grouped(rows: Sequence[RowWrite]) -> list[tuple[str, list[tuple[Any, ...]]]]:
    """Each statement with the values that it is run with: one by one in their order first, then those together."""
    alone = _alone(frozenset(statement for statement, _ in rows))
    together: dict[str, list[tuple[Any, ...]]] = {}
    ordered: list[tuple[str, list[tuple[Any, ...]]]] = []
    put: dict[tuple[Any, ...], int] = {}
    for statement, values in rows:
        if statement in alone:
            together.setdefault(statement, []).append(values)
            continue
        if statement == PUT_JOB:
            if put.get(values[:3]) == values[3]:
                continue
            put[values[:3]] = values[3]
        elif statement in OTHER_PUTS or not statement.startswith("INSERT"):
            put.clear()
        ordered.append((statement, [values]))
    return ordered + list(together.items())


@lru_cache
def _alone(statements: frozenset[str]) -> frozenset[str]:
    """The plain inserts whose table no other of the statements names."""
    tables = {statement: found[1] for statement in statements if (found := _INSERT.fullmatch(statement))}
    return frozenset(
        statement
        for statement, table in tables.items()
        if not any(table in other for other in statements if other is not statement)
    )
