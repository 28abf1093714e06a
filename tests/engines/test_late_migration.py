"""Books from before `latest` and `ledger_late`: the migration works both out from the entries that are there."""

import sqlite3
from importlib.resources import files
from pathlib import Path

from nostro.storage.sqlite import SqliteEngine

BEFORE = 7


async def test_old_entries_get_their_latest_time(tmp_path: Path) -> None:
    scripts = {int(file.name[:4]): file for file in (files("nostro.storage") / "migrations").iterdir()
               if file.name.endswith(".sql")}  # fmt: skip
    with sqlite3.connect(tmp_path / "old.db") as db:
        for number in sorted(number for number in scripts if number <= BEFORE):
            db.executescript(scripts[number].read_text())
        db.execute(f"PRAGMA user_version={BEFORE}")
        for entry, book, effective in ((1, 1, 50), (2, 2, 90), (3, 1, 40), (4, 1, 60), (5, 2, 90), (6, 1, 59)):
            db.execute("INSERT INTO ledger_entry VALUES (?,?,'k','s',1,?,NULL,NULL,'[]')", (entry, book, effective))
            db.executemany("INSERT INTO ledger_posting VALUES (?,?,?,0)", [(7, entry, entry), (8, entry, -entry)])
    db.close()
    engine = SqliteEngine(tmp_path / "old.db", durable=False)
    await engine.prepare([])
    latest = await engine.rows("SELECT entry, latest FROM ledger_entry ORDER BY entry")
    assert latest == [(1, 50), (2, 90), (3, 50), (4, 60), (5, 90), (6, 60)]
    late = await engine.rows("SELECT account, entry, effective, amount FROM ledger_late ORDER BY 1, 2")
    assert late == [(7, 3, 40, 3), (7, 6, 59, 6), (8, 3, 40, -3), (8, 6, 59, -6)]
    await engine.close()
