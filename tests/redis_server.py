"""A real Redis for the tests, on a socket of its own. They skip themselves where the program or package is missing."""

from __future__ import annotations

import shutil
import subprocess
import time
from importlib.util import find_spec
from pathlib import Path

import pytest

PROGRAM = shutil.which("redis-server")
needed = pytest.mark.skipif(
    PROGRAM is None or find_spec("redis") is None, reason="needs the program redis-server and the package redis"
)


class RedisServer:
    """`url` stays the same when it is stopped and started again; what was in it does not."""

    def __init__(self, folder: Path) -> None:
        self._socket = folder / "redis.sock"
        self.url = f"unix://{self._socket}"
        self.start()

    def start(self) -> None:
        assert PROGRAM is not None
        command = [PROGRAM, "--port", "0", "--unixsocket", str(self._socket), "--save", "", "--appendonly", "no"]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        until = time.monotonic() + 10
        while not self._socket.exists():
            assert time.monotonic() < until and self._process.poll() is None
            time.sleep(0.01)

    def stop(self) -> None:
        self._process.kill()
        self._process.wait()
        self._socket.unlink(missing_ok=True)
