"""SQLite's write-ahead log does not grow for ever, and what it carries over into the file is whole."""

import asyncio
from pathlib import Path

import pytest

from nostro.app import RESOURCES
from nostro.storage.sqlite import SqliteEngine
from nostro.storage.unit import NOBODY, Unit

PAGE = 8192
PUT = "INSERT INTO file_content (scope,id,content) VALUES (?,?,?)"
READ = "SELECT id, content FROM file_content ORDER BY id"


async def _write(engine: SqliteEngine, count: int, scope: int = 1) -> int:
    """Commits of some 13 pages each; answers the size of the log afterwards, in pages."""
    for n in range(count):
        row = (PUT, (scope, f"{n:04}", bytes([n % 256]) * 100_000))
        await engine.commit(Unit(scope=NOBODY, micros=1, rows=[row]))
        await asyncio.sleep(0.002)
    return engine.file.with_name(engine.file.name + "-wal").stat().st_size // PAGE


async def test_the_log_begins_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SqliteEngine, "long_log", 100)
    engine = SqliteEngine(tmp_path / "books.db")
    await engine.prepare(RESOURCES)
    assert await _write(engine, 100) < 600
    rows = await _rows(engine)
    await engine.close()
    again = SqliteEngine(tmp_path / "books.db")
    assert await _rows(again) == rows
    assert len(rows) == 100
    await again.close()


async def test_a_reader_that_stays_does_not_stop_commits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SqliteEngine, "long_log", 100)
    engine = SqliteEngine(tmp_path / "books.db")
    await engine.prepare(RESOURCES)
    reader = SqliteEngine(tmp_path / "books.db")
    await reader.rows("BEGIN")
    assert await _rows(reader) == []
    assert await _write(engine, 30) > 300
    assert await _rows(reader) == []
    await reader.rows("COMMIT")
    assert await _write(engine, 90, scope=2) < 900  # all together are 1,600
    assert len(await _rows(reader)) == 120
    await reader.close()
    await engine.close()


async def _rows(engine: SqliteEngine) -> list[tuple[str, bytes]]:
    return [(id, bytes(content)) for id, content in await engine.rows(READ)]
