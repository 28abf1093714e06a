"""A backup: an SQLite file with the tables of a database, a manifest of what is in them, and a seal over every byte.

The manifest names each table's rows and digest, so a damaged file can say what is wrong with it. The seal is the
SHA-256 of the whole file, taken with its own 64 characters as zeros, so that nothing else has to be kept beside it.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import apsw
import msgspec
from msgspec import Struct

from .copy import Tally, Tell, differences
from .schema import CopyRefused
from .sqlite_copy import OF_BACKUPS, SqliteSnapshot, SqliteTarget

FORMAT = 1
MANIFEST, SEAL = OF_BACKUPS
ZEROS = b"0" * 64
STEP = 1 << 20
# What reading a damaged file may raise; a text that is no UTF-8 is a ValueError.
DAMAGED = (apsw.Error, ValueError)
_SEAL = re.compile(r"[0-9a-f]{32}:[0-9a-f]{64}")


class Manifest(Struct, frozen=True, kw_only=True):
    """`made` is seconds since 1970; `version` is the schema's, `program` that of the Nostro that wrote the file."""

    format: int = FORMAT
    program: str
    made: int
    source: str
    version: int
    tables: dict[str, Tally]


class BackupTarget(SqliteTarget):
    """Say what is in it with `describe`, then `keep` it."""

    def describe(self, manifest: Manifest) -> None:
        self._mark = secrets.token_hex(16).encode()  # finds the seal among the file's bytes
        self.db.execute(f"CREATE TABLE {MANIFEST} (manifest TEXT NOT NULL)")
        self.db.execute(f"INSERT INTO {MANIFEST} VALUES (?)", (msgspec.json.encode(manifest).decode(),))
        self.db.execute(f"CREATE TABLE {SEAL} (seal TEXT NOT NULL)")
        self.db.execute(f"INSERT INTO {SEAL} VALUES (?)", ((self._mark + b":" + ZEROS).decode(),))

    def sync(self) -> None:
        with self.partial.open("r+b") as file:
            at = _place(file, self._mark + b":")
            assert at is not None, "the seal was written a moment ago"
            seal = _hash(file, at, lambda done: None)
            file.seek(at)
            file.write(seal.encode())
        super().sync()


class Backup:
    """A backup that can be read. Raises `CopyRefused` for a file that is none."""

    def __init__(self, file: Path) -> None:
        self.file = file
        try:
            self.snapshot = SqliteSnapshot(file, alone=True)
            self.manifest = self._manifest()
        except DAMAGED as error:
            raise CopyRefused(f"{file} is damaged, or no backup: {error}.", "Take another backup.") from None

    def damage(self, tell: Tell) -> list[str]:
        """What is not as it was written; empty if the file is whole."""
        try:
            sealed = self._sealed(tell)
        except DAMAGED:
            sealed = False
        found = [] if sealed else ["The file was changed or damaged: its seal does not fit."]
        there, expected = {table.name for table in self.snapshot.tables}, self.manifest.tables
        found += [f"{name}: the table is missing" for name in sorted(expected.keys() - there)]
        found += [f"{name}: the table was added" for name in sorted(there - expected.keys())]
        tables = [table for table in self.snapshot.tables if table.name in expected]
        try:
            return found + differences(self.snapshot, tables, expected, tell)
        except DAMAGED as error:
            return [*found, f"The file cannot be read to its end: {error}."]

    def close(self) -> None:
        self.snapshot.close()

    def _manifest(self) -> Manifest:
        try:
            (text,) = self.snapshot.db.execute(f"SELECT manifest FROM {MANIFEST}").fetchall()[0]
        except (apsw.SQLError, IndexError):
            raise CopyRefused(
                f"{self.file} is a database, not a backup.",
                f"To copy it: nostro copy --from sqlite:///{self.file} --to URL",
            ) from None
        try:
            manifest = msgspec.json.decode(str(text), type=Manifest)
        except msgspec.DecodeError as error:
            raise CopyRefused(f"The manifest of {self.file} cannot be read: {error}.", "Take another backup.") from None
        if manifest.format != FORMAT:
            raise CopyRefused(f"{self.file} is a backup of format {manifest.format}.", "Use a later version of Nostro.")
        return manifest

    def _sealed(self, tell: Tell) -> bool:
        rows = self.snapshot.db.execute(f"SELECT seal FROM {SEAL}").fetchall()
        if len(rows) != 1 or not _SEAL.fullmatch(str(rows[0][0])):
            return False
        mark, _, stored = str(rows[0][0]).partition(":")
        with self.file.open("rb") as file:
            size, at = self.file.stat().st_size, _place(file, f"{mark}:".encode())
            return at is not None and _hash(file, at, lambda done: tell("bytes", done, size)) == stored


def _place(file: BinaryIO, mark: bytes) -> int | None:
    """Where the seal stands: after its mark, which is there once."""
    found: list[int] = []
    tail = b""
    file.seek(0)
    while piece := file.read(STEP):
        window, start = tail + piece, file.tell() - len(piece) - len(tail)
        found += [start + at.end() for at in re.finditer(re.escape(mark), window)]
        tail = window[1 - len(mark) :]
    return found[0] if len(found) == 1 else None


def _hash(file: BinaryIO, at: int, tell: Callable[[int], None]) -> str:
    """SHA-256 of the file as if its seal were zeros."""
    sha = hashlib.sha256()
    file.seek(0)
    while piece := bytearray(file.read(STEP)):
        first = file.tell() - len(piece)
        start, stop = max(at - first, 0), min(at + len(ZEROS) - first, len(piece))
        if start < stop:
            piece[start:stop] = ZEROS[: stop - start]
        sha.update(piece)
        tell(file.tell())
    return sha.hexdigest()
