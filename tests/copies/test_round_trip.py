"""Whatever is in a database comes back byte for byte, from either engine to either, also from tables of tomorrow."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from copied import Nostro, Shop, changed, dump, indexes
from nostro.storage.copy import copy, differences
from nostro.storage.databases import snapshot_of, target_of

SMALLEST, LARGEST = -(2**63), 2**63 - 1
ODD_JSON = '{ "b":1,\t"a" : [1.50, 1e400, "\\u00e9é😀"],  "b":2 }'


def test_to_postgresql_and_back(nostro: Nostro, shop: Shop, new_database: str, tmp_path: Path) -> None:
    there = nostro("copy", "--from", shop.url, "--to", new_database)
    back = nostro("copy", "--from", new_database, "--to", "sqlite:///back.db")
    assert dump(tmp_path / "back.db") == dump(shop.file)
    assert indexes(tmp_path / "back.db") == indexes(shop.file)
    assert there["tables"] == back["tables"] and there["entries"] == back["entries"] > 2
    assert there["hash"] == back["hash"] and there["audited"] and back["audited"]


def test_a_backup_of_one_engine_is_restored_to_the_other(
    nostro: Nostro, shop: Shop, new_database: str, tmp_path: Path
) -> None:
    nostro("backup", "one.backup", "--database", shop.url)
    nostro("restore", "one.backup", "--database", new_database)
    made = nostro("backup", "two.backup", "--database", new_database)
    nostro("restore", "two.backup", "--database", "sqlite:///back.db")
    assert dump(tmp_path / "back.db") == dump(shop.file) and indexes(tmp_path / "back.db") == indexes(shop.file)
    assert made["source"] == "postgresql" and made["rows"] == sum(map(len, dump(shop.file).values()))
    assert (tmp_path / "two.backup").stat().st_mode & 0o077 == 0, "others may read the secrets"
    assert not [left for left in tmp_path.iterdir() if left.suffix in (".partial", ".lock")]


def fill_every_table(file: Path) -> None:
    """Rows at the ends of what a column holds, and with NULL where that is allowed; found in the schema, not listed."""
    with changed(file) as db:
        for (name,) in db.execute("SELECT name FROM sqlite_schema WHERE type='table'").fetchall():
            columns = db.execute(f'PRAGMA table_info("{name}")').fetchall()
            extremes = {"INTEGER": (SMALLEST, LARGEST), "TEXT": ("", "\x01\t\\N\r\né😀' \""),
                        "BLOB": (b"", bytes(range(256)) * 400)}  # fmt: skip
            for n in range(2):
                row = [
                    ODD_JSON if column == "body" and type == "TEXT" else
                    None if n == 0 and not required and not key else extremes[type][n]
                    for _, column, type, required, _, key in columns
                ]  # fmt: skip
                marks = ",".join("?" * len(row))
                db.execute(f'INSERT OR REPLACE INTO "{name}" VALUES ({marks})', row)


def test_every_table_is_copied(
    nostro: Nostro, new_database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It fails for a migration that adds what cannot be copied, such as a column of a type of its own."""
    monkeypatch.setattr("nostro.storage.copy.MOST_BYTES", 1_000)
    nostro.says("migrate", "--database", "sqlite:///all.db")
    fill_every_table(tmp_path / "all.db")
    held = dump(tmp_path / "all.db")
    assert len(held) > 30 and all(rows for rows in held.values())
    for source_url, target_url in (("sqlite:///all.db", new_database), (new_database, "sqlite:///back.db")):
        source, target = snapshot_of(source_url), target_of(target_url)
        told: list[tuple[str, int, int]] = []
        tallies = copy(source, target, lambda *step, told=told: told.append(step))  # type: ignore[misc]
        assert differences(target, source.tables, tallies, lambda *step: None) == []
        rows = sum(map(len, held.values()))
        assert told[-1] == ("copy", rows, rows)
        target.keep()
        source.close()
    assert dump(tmp_path / "back.db") == held


def test_a_table_that_is_not_ours_is_not_left_out_in_silence(nostro: Nostro, shop: Shop, tmp_path: Path) -> None:
    with changed(shop.file) as db:
        db.execute("CREATE TABLE notes (id INTEGER PRIMARY KEY, note TEXT)")
    assert nostro.troubled("backup", "b", "--database", shop.url).what.startswith("The table notes is not one of")
    with changed(shop.file) as db:
        db.execute("DROP TABLE notes")
        db.execute("DROP TABLE job")
    assert nostro.troubled("backup", "b", "--database", shop.url).what == "The table job is missing."
    with changed(shop.file) as db:
        db.execute("PRAGMA user_version=9999")
    assert "versions up to" in nostro.troubled("backup", "b", "--database", shop.url).what
    assert not (tmp_path / "b").exists()


def test_records_of_a_resource_that_is_gone_are_copied_too(nostro: Nostro, shop: Shop, tmp_path: Path) -> None:
    with changed(shop.file) as db:
        db.execute("ALTER TABLE review RENAME TO old_review")
        db.execute("INSERT INTO old_review VALUES (1, 'orv_1', 1, 1, '{}')")
    nostro("copy", "--from", shop.url, "--to", "sqlite:///back.db")
    assert dump(tmp_path / "back.db")["old_review"] == dump(shop.file)["old_review"] != []


def test_a_backup_of_an_older_version_is_brought_to_this_one(nostro: Nostro, empty: str, tmp_path: Path) -> None:
    old = target_of("sqlite:///old.db")
    old.make(1, ())
    old.index()
    old.keep()
    with changed(tmp_path / "old.db") as db:
        db.execute("INSERT INTO scope VALUES (1, 'acct_old', 1, 1, 0, 0, 5)")
    assert nostro("backup", "old.backup", "--database", "sqlite:///old.db")["audited"] is False
    assert nostro("restore", "old.backup", "--check-only")["schema"] == 1
    assert "of an older version" in nostro.says("backup", "o.backup", "--database", "sqlite:///old.db")
    assert nostro("restore", "old.backup", "--database", empty)["audited"] is True
    nostro("copy", "--from", empty, "--to", "sqlite:///new.db")
    with closing(sqlite3.connect(tmp_path / "new.db")) as db:
        assert db.execute("PRAGMA user_version").fetchone()[0] > 1
        assert db.execute("SELECT merchant FROM scope").fetchall() == [("acct_old",)]


@pytest.mark.parametrize("name", ["sqlite:///none.db", "mysql://x"])
def test_a_source_that_is_none(nostro: Nostro, name: str) -> None:
    nostro.troubled("backup", "b", "--database", name)


def test_an_empty_postgresql_is_no_source(nostro: Nostro, new_database: str) -> None:
    assert "no Nostro database" in nostro.troubled("backup", "b", "--database", new_database).what
