"""The pytest fixtures. This file is imported by every pytest run of an environment that has Nostro: keep it light."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from .sandbox import Sandbox
    from .server import Server


@pytest.fixture(scope="session")
def nostro_server() -> Iterator[Server]:
    """A server in this process, on a free port, with its data in a temporary file that is deleted at the end."""
    from .server import Server

    with Server() as server:
        yield server


@pytest.fixture
def nostro(nostro_server: Server) -> Iterator[Sandbox]:
    """A fresh sandbox, and the official SDK pointed at it: `nostro.client`."""
    with nostro_server.sandbox() as sandbox:
        yield sandbox
