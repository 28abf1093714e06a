"""A disk under SQLite, as a VFS: what programs see, what would survive a power loss, and what fails.

A file has two contents. The *seen* one is what reads answer: the operating system's cache. The *kept* one is what a
power loss leaves, together with some of the writes since the last sync, each whole, torn or missing. A sync that
fails drops some of them from that list for good, as Linux does: the cache still shows them, no later sync writes them.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from pathlib import Path
from random import Random
from typing import Any

import apsw
from msgspec import Struct

from .faults import Faults

SECTOR = 512
_names = count()


class Weather(Struct):
    """What fails and how: chances of each operation, and after how many operations the lights go out."""

    full: float = 0
    write: float = 0
    sync: float = 0
    read: float = 0
    slow: float = 0
    end_after: int | None = None
    end: Callable[[], None] | None = None


class Image:
    """The two contents of one file. A write is (offset, bytes), a truncation (size, None)."""

    def __init__(self, kept: bytes = b"") -> None:
        self.seen = bytearray(kept)
        self.kept = bytearray(kept)
        self.open: list[tuple[int, bytes | None]] = []

    def write(self, offset: int, data: bytes | None) -> None:
        _apply(self.seen, offset, data)
        self.open.append((offset, data))

    def sync(self) -> None:
        for one in self.open:
            _apply(self.kept, *one)
        self.open.clear()

    def fail_sync(self, random: Random) -> None:
        """Some reached the disk; the rest is forgotten, and counts as clean."""
        for one in self.open:
            if random.random() < 0.5:
                _apply(self.kept, *one)
        self.open.clear()

    def lose_power(self, random: Random, faults: Faults) -> None:
        """The open writes may have reached the disk in any order and number."""
        chance = random.choice((0.0, 0.5, 1.0))
        for offset, data in self.open:
            if random.random() >= chance:
                faults.note("write lost by power loss")
                continue
            if data is not None and len(data) > SECTOR and random.random() < 0.3:
                faults.note("write torn by power loss")
                data = data[: random.randrange(0, len(data), SECTOR)]
            _apply(self.kept, offset, data)
        self.open.clear()
        self.seen = bytearray(self.kept)


class Disk:
    """The files, by name. They outlive the programs that write them; `mount` gives them to the next one."""

    def __init__(self, random: Random, faults: Faults) -> None:
        self.random = random
        self.faults = faults
        self.images: dict[str, Image] = {}
        self.weather = Weather()
        self.pauses = 0.0  # the chance that a read waits for a turn, as it would on PostgreSQL

    def mount(self, directory: Path) -> Mount:
        """The files as they are now seen, in a new directory."""
        directory.mkdir()
        for name, image in self.images.items():
            (directory / name).write_bytes(image.seen)
        return Mount(self)

    def lose_power(self) -> None:
        for name in sorted(self.images):
            self.images[name].lose_power(self.random, self.faults)

    def strikes(self, chance: float, kind: str) -> bool:
        if not chance or self.random.random() >= chance:
            return False
        self.faults.note(kind)
        return True


class Mount(apsw.VFS):
    """The VFS of one life. Once `gone`, what is still written touches no image: nobody is there any more."""

    def __init__(self, disk: Disk) -> None:
        self.disk = disk
        self.gone = False
        self.name = f"sim-{next(_names)}"
        super().__init__(self.name, "", maxpathname=0)

    def xOpen(self, name: Any, flags: Any) -> File:
        return File(self, name, flags)

    def xDelete(self, filename: str, syncdir: bool) -> None:
        super().xDelete(filename, syncdir)
        if not self.gone:
            self.disk.images.pop(Path(filename).name, None)

    def xRandomness(self, numbytes: int) -> bytes:
        return self.disk.random.randbytes(numbytes)

    def tick(self) -> None:
        """Count an operation that changes something; the one that was waited for is the last."""
        weather = self.disk.weather
        if self.gone or weather.end_after is None:
            return
        weather.end_after -= 1
        if weather.end_after <= 0 and weather.end is not None:
            weather.end_after = None
            weather.end()


class File(apsw.VFSFile):
    def __init__(self, mount: Mount, name: Any, flags: Any) -> None:
        super().__init__("", name, flags)
        self._mount = mount
        filename = name.filename() if isinstance(name, apsw.URIFilename) else name
        images = mount.disk.images
        self._image = images.setdefault(Path(filename).name, Image()) if filename else Image()

    def xRead(self, amount: int, offset: int) -> bytes:
        if self._strikes("read", "read error"):
            raise _failed(apsw.SQLITE_IOERR_READ, "a read failed")
        return super().xRead(amount, offset)

    def xWrite(self, data: bytes, offset: int) -> None:
        if self._strikes("full", "disk full"):
            self._write(data[: self._mount.disk.random.randrange(len(data))], offset)
            raise apsw.FullError("the disk is full")
        if self._strikes("write", "write error"):
            self._write(data[: self._mount.disk.random.randrange(len(data))], offset)
            raise _failed(apsw.SQLITE_IOERR_WRITE, "a write failed")
        self._write(data, offset)
        self._mount.tick()

    def xTruncate(self, newsize: int) -> None:
        if not self._mount.gone:
            self._image.write(newsize, None)
        super().xTruncate(newsize)
        self._mount.tick()

    def xSync(self, flags: int) -> None:
        self._mount.tick()  # before: everything is written and nothing synced
        if self._mount.gone:
            return
        if self._strikes("sync", "sync error"):
            self._image.fail_sync(self._mount.disk.random)
            raise _failed(apsw.SQLITE_IOERR_FSYNC, "a sync failed")
        self._image.sync()
        self._mount.tick()

    def _write(self, data: bytes, offset: int) -> None:
        if not data:
            return
        if not self._mount.gone:
            self._image.write(offset, bytes(data))
        super().xWrite(data, offset)

    def _strikes(self, what: str, kind: str) -> bool:
        disk = self._mount.disk
        return not self._mount.gone and disk.strikes(getattr(disk.weather, what), kind)


def _apply(content: bytearray, offset: int, data: bytes | None) -> None:
    if data is None:
        del content[offset:]
        content.extend(bytes(max(0, offset - len(content))))
        return
    content.extend(bytes(max(0, offset - len(content))))
    content[offset : offset + len(data)] = data


def _failed(code: int, text: str) -> apsw.IOError:
    error = apsw.IOError(text)
    error.extendedresult = code  # type: ignore[attr-defined]
    return error
