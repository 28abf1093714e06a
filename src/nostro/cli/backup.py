"""`nostro backup`, `restore` and `copy`: all that a database holds, somewhere else, and proved before it is kept."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nostro.kernel.clock import SECOND, SystemClock, elapsed, utc_text

from . import show
from .database import existing
from .lock import ServerLock
from .options import AnyDatabase, Json
from .progress import Counting
from .target import database_file, in_postgresql, shown
from .trouble import Trouble

if TYPE_CHECKING:
    from nostro.ledger.copy import Copied
    from nostro.storage.copy import Snapshot, Target, Tell

URL = "sqlite:///FILE or postgresql://HOST/NAME"
File = Annotated[Path, typer.Argument(metavar="FILE", dir_okay=False, help="The backup: one file.")]


def backup(
    file: File,
    database: AnyDatabase = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="Write over a backup of this name, once the new one is good.")
    ] = False,
    json: Json = False,
) -> None:
    """Back up everything to one file, while servers go on working.

    The file holds one moment. It is the same for both engines: what was backed up on PostgreSQL can be restored to
    SQLite, and the other way. It gets its name only when it was read back and its books were proved; a backup that
    was interrupted leaves nothing under that name. It holds secrets: keep it where you keep keys.

    Example: nostro backup nostro-2026-11-21.backup --database postgresql://nostro@db/nostro
    """
    from nostro import __version__
    from nostro.storage.backup import BackupTarget, Manifest
    from nostro.storage.databases import snapshot_of

    if file.exists() and not replace:
        raise Trouble(f"{file} is there already.", "Name another file, or say --replace.")
    with _troubles(), _locked(file):
        source = snapshot_of(existing(database))
        made, target = SystemClock().micros() // SECOND, BackupTarget(file)

        def describe(copied: Copied) -> None:
            target.describe(Manifest(program=__version__, made=made, source=source.kind, version=source.version,
                                     tables=copied.tables))  # fmt: skip

        done = _copy(source, target, json, complete=False, before_keeping=describe)
    _report(done, json, file=str(file), bytes=file.stat().st_size, made=made, source=source.kind,
            schema=source.version)  # fmt: skip


def restore(
    file: File,
    database: Annotated[
        str | None,
        typer.Option("--database", envvar="NOSTRO_DATABASE", metavar="URL", help=f"The empty database to fill: {URL}."),
    ] = None,
    check_only: Annotated[
        bool, typer.Option("--check-only", help="Only prove that the backup is whole and right.")
    ] = False,
    json: Json = False,
) -> None:
    """Fill an empty database from a backup. Servers can start on it at once.

    The backup is checked first, every byte and every row; then the copy, and its books. Nothing half-done is left.

    Example: nostro restore nostro-2026-11-21.backup --database sqlite:///restored.db
    """
    from nostro.storage.backup import Backup

    if database is None and not check_only:
        raise Trouble("Restore to where?", f"Name an empty database: --database {URL}; or only look: --check-only")
    with _troubles():
        stored = Backup(file)
        try:
            with Counting(quiet=json) as tell:
                problems = stored.damage(tell)
                if check_only and not problems:
                    problems = _audit(stored.snapshot, tell)
            if problems:
                _refuse(problems, json, f"{file} is not a good backup. Take another one.")
            about: dict[str, Any] = {"file": str(file), "made": stored.manifest.made, "source": stored.manifest.source}
            if check_only:
                rows = sum(tally.rows for tally in stored.manifest.tables.values())
                if json:
                    show.as_json({"ok": True, "rows": rows, "schema": stored.manifest.version, **about})
                else:
                    typer.echo(f"{file} is whole and right: {rows:,} rows of {utc_text(stored.manifest.made)} UTC.")
                return
            assert database is not None
            with _target(database) as target:
                done = _copy(stored.snapshot, target, json, complete=True)
        finally:
            stored.close()
    _report(done, json, database=shown(database), **about)


def copy(
    from_: Annotated[str, typer.Option("--from", metavar="URL", help=f"What to copy: {URL}.")],
    to: Annotated[str, typer.Option("--to", metavar="URL", help=f"An empty database: {URL}.")],
    json: Json = False,
) -> None:
    """Copy a database to an empty one, also from SQLite to PostgreSQL and back.

    It holds the moment at which the copy began: stop the servers of the old database first, if they are to go on
    with the new one. A copy that is interrupted leaves nothing: start it again.

    Example: nostro copy --from sqlite:///nostro.db --to postgresql://nostro@db/nostro
    """
    from nostro.storage.databases import snapshot_of

    with _troubles(), _target(to) as target:
        source = snapshot_of(existing(from_))
        done = _copy(source, target, json, complete=True)
    _report(done, json, source=shown(from_), database=shown(to))


# The parts of all three --------------------------------------------------------------------


class Done:
    """A copy that was kept, and how long it took (microseconds)."""

    def __init__(self, copied: Copied, micros: int) -> None:
        self.copied = copied
        self.micros = max(1, micros)


def _copy(source: Snapshot, target: Target, json: bool, *, complete: bool, before_keeping: Any = None) -> Done:
    from nostro.app import RESOURCES
    from nostro.kernel.resource import Registry
    from nostro.ledger.copy import copied

    start = elapsed()
    try:
        with Counting(quiet=json) as tell:
            made = asyncio.run(copied(source, target, Registry(RESOURCES), tell, complete=complete))
        if made.problems:
            _refuse(made.problems, json, "The copy is not good, and was not kept.")
        if before_keeping is not None:
            before_keeping(made)
        target.keep()
    finally:
        target.close()
        source.close()
    return Done(made, elapsed() - start)


def _audit(source: Snapshot, tell: Tell) -> list[str]:
    """What is wrong with a backup's books; those of an older version are proved when they are restored."""
    from nostro.app import RESOURCES
    from nostro.kernel.resource import Registry
    from nostro.ledger.audit import verify
    from nostro.storage.schema import newest

    if source.version != newest():
        return []
    return [str(problem) for problem in asyncio.run(verify(source.engine, Registry(RESOURCES), tell))]


def _refuse(problems: list[str], json: bool, what: str) -> None:
    if json:
        show.as_json({"ok": False, "problems": problems})
    else:
        for problem in problems:
            typer.secho(problem, fg="red", err=True)
        typer.echo(what, err=True)
    raise typer.Exit(1)


def _report(done: Done, json: bool, **about: Any) -> None:
    copied, head = done.copied, done.copied.head
    rate = copied.rows * 1_000_000 // done.micros
    if json:
        show.as_json({
            "ok": True, **about, "rows": copied.rows, "rows_per_second": rate, "audited": copied.audited,
            "entries": head.entries, "links": head.links, "hash": head.hash, "tables": copied.tables,
        })  # fmt: skip
        return
    name = about.get("database") if "schema" not in about else about["file"]
    typer.echo(
        f"{name}: {copied.rows:,} rows in {len(copied.tables)} tables, {rate:,} a second, read back and compared."
    )
    if copied.audited:
        typer.echo(
            f"The books are right. Entries: {head.entries}, links: {head.links}, last hash: {head.hash or 'none'}"
        )
    else:
        typer.echo("The tables are of an older version: the books are proved when they are restored.")


@contextmanager
def _target(url: str) -> Iterator[Target]:
    """The empty database, ours alone as long as it is filled."""
    from nostro.storage.databases import target_of

    if in_postgresql(url):
        with _closing(target_of(url)) as target:
            yield target
    else:
        with _locked(database_file(url)), _closing(target_of(url)) as target:
            yield target


@contextmanager
def _closing(target: Target) -> Iterator[Target]:
    try:
        yield target
    finally:
        target.close()


@contextmanager
def _locked(file: Path) -> Iterator[None]:
    lock = ServerLock(file)
    lock.take()
    try:
        yield
    finally:
        lock.release()


@contextmanager
def _troubles() -> Iterator[None]:
    from nostro.storage.databases import told
    from nostro.storage.schema import CopyRefused

    try:
        with told():
            yield
    except CopyRefused as refused:
        raise Trouble(refused.what, refused.then) from refused
