"""What a database would do with a statement, and what of it would cost more the more there is."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from nostro.storage.engine import Engine
from nostro.storage.sqlite import SqliteEngine

# What SQLite may walk whole: a recursion's own rows, the values of a statement, and what a subquery has bounded.
_OWN_ROWS = re.compile(r"SCAN (found|f|waiting|w|CONSTANT ROW|\(subquery|SUBQUERY|json_each|\d+ CONSTANT)")


class Plan:
    """`lines` are the engine's words; `faults` are what must not be in them."""

    def __init__(self, engine: Engine, lines: list[str]) -> None:
        self.lines = lines
        self.text = "\n".join(lines)
        sqlite = isinstance(engine, SqliteEngine)
        self.faults = [line for line in lines if (_slow_on_sqlite if sqlite else _slow_on_postgresql)(line)]

    def ranged(self, engine: Engine, columns: int) -> bool:
        """True if so many leading columns of an index are compared in it, and the rest needs no look at the rows."""
        if isinstance(engine, SqliteEngine):
            found = re.search(r"\((.*)\)", next(line for line in self.lines if line.startswith("SEARCH")))
            return bool(found) and found[1].count("=?") >= columns  # type: ignore[index]
        condition = next((line for line in self.lines if "Index Cond:" in line), "")
        return condition.count(" = ") >= columns and not any("Filter:" in line for line in self.lines)


def _slow_on_sqlite(line: str) -> bool:
    return "TEMP B-TREE" in line or (line.startswith("SCAN") and not _OWN_ROWS.match(line))


def _slow_on_postgresql(line: str) -> bool:
    return any(word in line for word in ("Seq Scan", "Sort", "Hash")) and "CTE" not in line


async def plan(engine: Engine, statement: str, values: Sequence[Any]) -> Plan:
    if isinstance(engine, SqliteEngine):
        rows = await engine.rows(f"EXPLAIN QUERY PLAN {statement}", values)
        return Plan(engine, [str(row[3]) for row in rows])
    rows = await engine.rows(f"EXPLAIN {statement}", values)
    return Plan(engine, [str(line).strip() for (line,) in rows])
