"""A backup that is not what was written is refused, and says why; a copy that does not verify is not kept."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from copied import Nostro, Shop, changed
from nostro.cli.trouble import Trouble
from nostro.storage.backup import Backup, BackupTarget, Manifest
from nostro.storage.copy import copy
from nostro.storage.databases import snapshot_of
from nostro.storage.schema import CopyRefused
from nostro.storage.sqlite_copy import SqliteTarget

SPOIL_BOOKS = "UPDATE ledger_posting SET amount=amount+1, balance=balance+1 WHERE account=1 AND entry=1"


@pytest.fixture(scope="session")
def good(left: Shop, tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("good") / "good.backup"
    Nostro()("backup", file, "--database", left.url)
    return file


@pytest.fixture
def backup(good: Path, tmp_path: Path) -> Path:
    """A good backup, for a test to spoil."""
    return Path(shutil.copy(good, tmp_path / "shop.backup"))


def refused(nostro: Nostro, backup: Path) -> str:
    """Why it is, by the check alone and by a restore alike; the restore leaves nothing."""
    said = []
    for words in (["--check-only"], ["--database", "sqlite:///restored.db"]):
        try:
            said.append("\n".join(nostro("restore", backup, *words, status=1)["problems"]))
        except Trouble as trouble:
            said.append(trouble.what)
    assert said[0] == said[1] != ""
    assert not list(Path.cwd().glob("restored*"))
    return said[0]


def damaged(backup: Path) -> bool:
    try:
        with closing(Backup(backup)) as opened:
            return bool(opened.damage(lambda *step: None))
    except CopyRefused:
        return True


def test_a_good_one_is_not_refused(nostro: Nostro, backup: Path) -> None:
    before = backup.read_bytes()
    assert nostro("restore", backup, "--check-only")["rows"] > 30
    assert "is whole and right" in nostro.says("restore", backup, "--check-only")
    assert backup.read_bytes() == before and [file.name for file in Path.cwd().iterdir()] == ["shop.backup"]


def test_any_flipped_byte(nostro: Nostro, backup: Path) -> None:
    """Also in a page's unused space, where no row would tell."""
    whole, chance = backup.read_bytes(), random.Random(7)
    for at in [0, 20, 100, len(whole) - 1, *(chance.randrange(len(whole)) for _ in range(25))]:
        backup.write_bytes(whole[:at] + bytes([whole[at] ^ chance.randrange(1, 256)]) + whole[at + 1 :])
        assert damaged(backup), f"byte {at}"
    assert refused(nostro, backup)


def test_the_seal_is_found_wherever_it_stands(backup: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also across the pieces in which a file is read."""
    for step in (101, 1_009, 8_191):
        monkeypatch.setattr("nostro.storage.backup.STEP", step)
        assert not damaged(backup)


@pytest.mark.parametrize("keep", [0, 1, 100, 8192, 0.5, 0.999])
def test_a_file_that_was_cut_off(nostro: Nostro, backup: Path, keep: float) -> None:
    whole = backup.read_bytes()
    backup.write_bytes(whole[: keep if isinstance(keep, int) else int(len(whole) * keep)])
    assert refused(nostro, backup)


@pytest.mark.parametrize(
    ("statement", "why"),
    [
        ("DELETE FROM charge WHERE rowid=1", "charge: 1 rows, and there were 2"),
        ("UPDATE charge SET body=replace(body, '4200', '4201') WHERE rowid=1", "charge: of its 2 rows at least one"),
        ("UPDATE ledger_account SET balance=balance+1 WHERE account=1", "ledger_account: of its "),
        ("UPDATE file_content SET content=zeroblob(9)", "file_content: of its 1 rows at least one"),
        ("UPDATE delivery SET due=NULL", "delivery: of its 1 rows at least one"),
        ("INSERT INTO job VALUES (1,'a','b',2,0,NULL,0,0)", "job: "),
        ("DROP TABLE charge", "charge: the table is missing"),
        ("CREATE TABLE spare AS SELECT * FROM nostro_backup", "The table spare is not one of Nostro's"),
        ("DELETE FROM nostro_backup", "is a database, not a backup"),
        ("UPDATE nostro_backup SET manifest='{}'", "manifest"),
        ("UPDATE nostro_backup SET manifest=replace(manifest, '\"format\":1', '\"format\":2')", "of format 2"),
        ("UPDATE nostro_backup_seal SET seal='x'", "its seal does not fit"),
        ("DELETE FROM nostro_backup_seal", "its seal does not fit"),
        ("PRAGMA user_version=1", "is not one of Nostro's"),
    ],
)
def test_what_was_changed_is_named(nostro: Nostro, backup: Path, statement: str, why: str) -> None:
    with changed(backup) as db:
        db.execute(statement)
    assert why in refused(nostro, backup)


def test_books_that_are_wrong_under_a_good_seal(nostro: Nostro, shop: Shop) -> None:
    """Who can write seals can still not write books: the chain and the balances say no."""
    with changed(shop.file) as db:
        db.execute(SPOIL_BOOKS)
    source, target = snapshot_of(shop.url), BackupTarget(Path("forged.backup"))
    tallies = copy(source, target, lambda *step: None)
    target.describe(Manifest(program="", made=1, source="sqlite", version=source.version, tables=tallies))
    target.keep()
    assert "entry 1" in refused(nostro, Path("forged.backup"))


def test_a_backup_of_wrong_books_is_not_kept(nostro: Nostro, shop: Shop, tmp_path: Path) -> None:
    with changed(shop.file) as db:
        db.execute(SPOIL_BOOKS)
    assert "entry 1" in nostro("backup", "shop.backup", "--database", shop.url, status=1)["problems"][0]
    assert [file.name for file in tmp_path.iterdir() if "backup" in file.name] == []


@pytest.mark.parametrize(
    ("statement", "why"),
    [
        ("DELETE FROM refund WHERE rowid=1", "refund: 0 rows, and there were 1"),
        ("UPDATE charge SET body=replace(body, '4200', '4201') WHERE rowid=1", "charge: of its 2 rows at least one"),
    ],
)
def test_a_copy_that_is_not_equal_is_not_kept(
    nostro: Nostro, shop: Shop, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, statement: str, why: str
) -> None:
    """Whatever went wrong between writing and reading back."""
    index: Callable[[SqliteTarget], None] = SqliteTarget.index

    def spoiled(self: SqliteTarget) -> None:
        index(self)
        self.db.execute(statement)

    monkeypatch.setattr(SqliteTarget, "index", spoiled)
    assert why in nostro("copy", "--from", shop.url, "--to", "sqlite:///new.db", status=1)["problems"][0]
    assert not list(tmp_path.glob("new.db*"))
