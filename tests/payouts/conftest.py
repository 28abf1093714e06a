"""A treasury's desk on the engine that `--engine` names."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from origination_desk import Desk, opened

from postgresql import database


@pytest.fixture
def database_url(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[str]:
    if request.config.getoption("--engine") == "sqlite":
        yield f"sqlite:///{tmp_path / 'desk.db'}"
        return
    with database(request.getfixturevalue("postgresql")) as url:
        yield url


@pytest.fixture
async def desk(database_url: str, tmp_path: Path) -> AsyncIterator[Desk]:
    """With a million minor units to pay out and an outbox; at the end the books must be right."""
    made = await opened(database_url, outbox=str(tmp_path / "outbox"))
    await made.earn()
    yield made
    await made.close()
