"""The servers that are measured, each a process on a port of its own, stopped when the block ends."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

from msgspec import Struct

from .load import SECRET

ROOT = Path(__file__).parent.parent
PATIENCE = 30
UNLIMITED = {"NOSTRO_RATE_TEST_READ": "0", "NOSTRO_RATE_TEST_WRITE": "0", "NOSTRO_CONCURRENT_TEST": "0"}
PEER = "localstripe"
PEER_PICKLE = Path("/tmp/localstripe.pickle")  # where the peer keeps its objects; it cannot be told otherwise


class Server(Struct):
    """A server that runs, and a secret key that it takes. `cpu` is its user and system time so far, in seconds."""

    name: str
    port: int
    process: subprocess.Popen[bytes]
    key: str = SECRET

    def memory(self) -> int:
        """Bytes of its own, without what it maps of files."""
        lines = Path(f"/proc/{self.process.pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("RssAnon:"))

    def cpu(self) -> float:
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextlib.contextmanager
def nostro(file: Path, profile: Path | None = None, database: str = "") -> Iterator[Server]:
    """Ours, every payment durable on disk before its answer. `database` is a URL instead of the file."""
    port = free_port()
    if profile is None:
        command = [str(Path(sys.executable).with_name("nostro")), "dev"]
    else:
        command = [sys.executable, "-m", "bench.sampler", str(profile)]
    command += ["--port", str(port), "--database", database or f"sqlite:///{file}"]
    with _running("nostro", command, port, file.parent) as server:
        yield server


@contextlib.contextmanager
def served(home: Path, database: str) -> Iterator[Server]:
    """Ours as it runs in production, `nostro serve`, with a test key that was issued and has no limits."""
    program, port = str(Path(sys.executable).with_name("nostro")), free_port()
    create = [program, "keys", "create", "--json", "--database", database]
    made = json.loads(subprocess.run(create, check=True, capture_output=True, text=True).stdout)
    command = [program, "serve", "--port", str(port), "--database", database]
    with _running("nostro", command, port, home, UNLIMITED) as server:
        server.key = made["secret_key"]
        yield server


@contextlib.contextmanager
def peer(python: Path) -> Iterator[Server]:
    PEER_PICKLE.unlink(missing_ok=True)
    port = free_port()
    command = [str(python.with_name(PEER)), "--port", str(port), "--from-scratch"]
    try:
        with _running(PEER, command, port, python.parent) as server:
            yield server
    finally:
        PEER_PICKLE.unlink(missing_ok=True)


@contextlib.contextmanager
def peer_installed() -> Iterator[tuple[Path, str]]:
    """A virtual environment of the peer's own, from the package index; its Python and the peer's version."""
    with tempfile.TemporaryDirectory(prefix="nostro-bench-") as home:
        venv.create(home, with_pip=True)
        python = Path(home) / "bin" / "python"
        pip = [str(python), "-m", "pip", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, "install", PEER], check=True)
        show = f"import importlib.metadata as m; print(m.version('{PEER}'))"
        version = subprocess.run([str(python), "-c", show], check=True, capture_output=True, text=True).stdout
        yield python, version.strip()


@contextlib.contextmanager
def _running(
    name: str, command: list[str], port: int, home: Path, settings: Mapping[str, str] = MappingProxyType({})
) -> Iterator[Server]:
    environment = {
        **os.environ,
        **settings,
        "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]),
    }
    with (home / f"{name}.log").open("wb") as log:
        process = subprocess.Popen(command, cwd=home, stdout=log, stderr=log, env=environment)
    try:
        _wait_for(port, process, home / f"{name}.log")
        yield Server(name, port, process)
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_for(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until and process.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1) as at:
            at.sendall(b"GET /v1/balance HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
            if at.recv(1):
                return
        time.sleep(0.1)
    raise RuntimeError(f"{' '.join(map(str, process.args))} did not start:\n{log.read_text()[-2000:]}")


def free_port() -> int:
    with socket.socket() as at:
        at.bind(("127.0.0.1", 0))
        port: int = at.getsockname()[1]
        return port
