"""Nothing is written over, nobody else writes meanwhile, and what was broken off does not look whole."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import psycopg
import pytest

from copied import Nostro, Shop, dump, pay, until
from nostro.storage.databases import target_of
from nostro.testing.server import Server
from postgresql import database

# Stands still in the middle of a copy until it is killed.
HANGING = """
import sys, time
from nostro.storage import copy, databases
source, target = databases.snapshot_of(sys.argv[1]), databases.target_of(sys.argv[2])
def tell(what, done, total):
    if done > total // 2:
        print("half", flush=True)
        time.sleep(60)
copy.BATCH = 10
tallies = copy.copy(source, target, tell)
copy.differences(target, source.tables, tallies, tell)
"""


def test_a_target_with_data_is_refused(nostro: Nostro, shop: Shop, empty: str) -> None:
    nostro("backup", "b", "--database", shop.url)
    nostro("restore", "b", "--database", empty)
    for words in (["restore", "b", "--database", empty], ["copy", "--from", shop.url, "--to", empty]):
        trouble = nostro.troubled(*words)
        assert "is not empty" in trouble.what and trouble.then.startswith("Nothing was changed.")
    nostro("copy", "--from", empty, "--to", "sqlite:///same.db")
    assert dump(Path("same.db")) == dump(shop.file)


def test_a_target_that_was_only_prepared_is_empty(nostro: Nostro, shop: Shop, empty: str) -> None:
    nostro.says("migrate", "--database", empty)
    nostro("copy", "--from", shop.url, "--to", empty)
    nostro("copy", "--from", empty, "--to", "sqlite:///same.db")
    assert dump(Path("same.db")) == dump(shop.file)


def test_a_target_that_is_no_database(nostro: Nostro, shop: Shop) -> None:
    Path("letter.txt").write_text("Dear Ada, " * 100)
    assert "is not a database" in nostro.troubled("copy", "--from", shop.url, "--to", "sqlite:///letter.txt").what
    assert Path("letter.txt").read_text().startswith("Dear Ada")


def test_a_backup_is_replaced_only_when_that_is_said(nostro: Nostro, shop: Shop) -> None:
    nostro("backup", "b", "--database", shop.url)
    assert "--replace" in nostro.troubled("backup", "b", "--database", shop.url).then
    nostro("backup", "b", "--database", shop.url, "--replace")
    assert nostro("restore", "b", "--check-only")["ok"]


def test_a_restore_needs_to_know_where_to(nostro: Nostro, shop: Shop) -> None:
    nostro("backup", "b", "--database", shop.url)
    assert "--check-only" in nostro.troubled("restore", "b").then
    assert "no database at" in nostro.troubled("restore", "nothing", "--database", "sqlite:///x.db").what


def test_a_server_that_works_on_the_target(nostro: Nostro, shop: Shop) -> None:
    """Its file is locked by `serve`, as it is here."""
    from nostro.cli.lock import ServerLock

    lock = ServerLock(Path("target.db"))
    lock.take()
    assert "Another server" in nostro.troubled("copy", "--from", shop.url, "--to", "sqlite:///target.db").what
    lock.release()


def test_nobody_else_writes_to_postgresql_meanwhile(
    nostro: Nostro, shop: Shop, new_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    nostro.says("migrate", "--database", new_database)
    with psycopg.connect(new_database, autocommit=True) as other:
        target = target_of(new_database)
        other.execute("SET lock_timeout='50ms'")
        for statement in ("SELECT one FROM commit_order FOR UPDATE", "INSERT INTO job VALUES (1,'a','b',1,0,NULL,0,0)"):
            with pytest.raises(psycopg.errors.LockNotAvailable):
                other.execute(statement.encode())
        target.close()
        monkeypatch.setattr("nostro.storage.postgres_copy.LONG", ("SET lock_timeout='50ms'",))
        with other.transaction():
            other.execute("INSERT INTO job VALUES (1,'a','b',1,0,NULL,0,0)")
            assert "in use" in nostro.troubled("copy", "--from", shop.url, "--to", new_database).what


@pytest.mark.slow
def test_a_copy_that_is_killed_leaves_nothing_that_looks_whole(nostro: Nostro, shop: Shop, empty: str) -> None:
    copying = subprocess.Popen([sys.executable, "-c", HANGING, shop.url, empty], stdout=subprocess.PIPE)
    assert copying.stdout is not None and copying.stdout.readline() == b"half\n"
    os.kill(copying.pid, signal.SIGKILL)
    copying.communicate()
    if empty.startswith("sqlite"):
        file = Path(empty.removeprefix("sqlite:///"))
        assert [left.name for left in file.parent.iterdir()] == ["target.db.partial"]
    else:
        with psycopg.connect(empty) as db:
            assert db.execute(
                "SELECT count(*) FROM information_schema.tables WHERE table_schema='public'"
            ).fetchone() == (0,)
    nostro("copy", "--from", shop.url, "--to", empty)
    nostro("copy", "--from", empty, "--to", "sqlite:///same.db")
    assert dump(Path("same.db")) == dump(shop.file)
    assert not list(Path.cwd().rglob("*.partial"))


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["sqlite", "postgresql"])
def test_a_backup_beside_a_server_at_work_is_of_one_moment(
    nostro: Nostro, engine: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    if engine == "sqlite":
        _backup_while_busy(nostro, f"sqlite:///{tmp_path / 'busy.db'}")
    else:
        with database(request.getfixturevalue("postgresql")) as url:
            _backup_while_busy(nostro, url)


def _backup_while_busy(nostro: Nostro, url: str) -> None:
    stop, paid = threading.Event(), []

    def till(base: str, number: int) -> None:
        while not stop.is_set():
            paid.append(pay(base, f"busy-{number}-{len(paid)}").status_code)

    with Server(database=url) as server:
        tills = [threading.Thread(target=till, args=(server.api_base, n)) for n in range(2)]
        for one in tills:
            one.start()
        until(lambda: len(paid) > 10)
        before = len(paid)
        made = [nostro("backup", f"busy-{n}.backup", "--database", url) for n in range(2)]
        after = len(paid)
        stop.set()
        for one in tills:
            one.join()
    assert set(paid) == {200}
    assert before - 4 < made[0]["entries"] < made[1]["entries"] < after + 4, "the server went on, each backup is newer"
    for backup in made:
        assert nostro("restore", backup["file"], "--check-only")["ok"]
