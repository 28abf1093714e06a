"""One server to a database file: two would deliver every webhook twice. One command at a time to a simulated bank."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from .trouble import Trouble

PAUSE = 0.02  # seconds between two looks at a lock that another has


class ServerLock:
    """Held as long as the process lives; the file beside the database names the process that holds it."""

    def __init__(self, database: Path) -> None:
        self.path = database.with_name(database.name + ".lock")
        self._file: IO[str] | None = None

    def take(self) -> None:
        """Raises `Trouble` if another server has it."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        file = self._open()
        if not _lock(file):
            file.seek(0)
            owner = file.read().strip() or "unknown"
            file.close()
            raise Trouble(
                f"Another server is using {self.path.with_suffix('')} (process {owner}).",
                "Stop it first, or give this one a file of its own: --database sqlite:///other.db",
            )
        if not self._is_still_there(file):
            file.close()  # whoever had it has just gone, and the file with it
            return self.take()
        self._file = file
        try:
            file.truncate(0)
            file.write(str(os.getpid()))
            file.flush()
        except OSError:
            with suppress(OSError):
                self.release()
            raise

    def release(self) -> None:
        if self._file is not None:
            self.path.unlink(missing_ok=True)  # first: a lock on a file that is gone keeps nobody out
            file, self._file = self._file, None
            file.close()

    def _open(self) -> IO[str]:
        return open(self.path, "a+")

    def _is_still_there(self, file: IO[str]) -> bool:
        try:
            return os.path.samestat(os.fstat(file.fileno()), self.path.stat())
        except FileNotFoundError:
            return False


@contextmanager
def locked(path: Path, patience: float) -> Iterator[None]:
    """Waits for others, for so many seconds. The file stays: whoever waits for it waits for the same one."""
    with open(path, "a") as file:
        end = time.monotonic() + patience
        while not _lock(file):
            if time.monotonic() > end:
                raise Trouble(f"{path.parent} is in use by another command.", "Wait for it, or stop it.")
            time.sleep(PAUSE)
        yield


def _lock(file: IO[str]) -> bool:
    try:
        import fcntl
    except ImportError:  # Windows: its own file locks keep a second server from writing
        return True
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
