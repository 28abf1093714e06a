"""One application for all fuzzers of a process, on the engine that `--engine` names; its books must end right."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from fuzzing import TRIED, Running
from nostro.ledger.audit import verify
from postgresql import database


@pytest.fixture(scope="session")
def running(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    if request.config.getoption("--engine") == "sqlite":
        yield from _run(f"sqlite:///{tmp_path_factory.mktemp('fuzz') / 'nostro.db'}")
        return
    with database(request.getfixturevalue("postgresql")) as url:
        yield from _run(url)


def _run(url: str) -> Iterator[Running]:
    made = Running(url)
    yield made
    assert made.wait(verify(made.app.world.engine, made.app.world.registry)) == []
    made.close()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    told = ", ".join(f"{count:,} {what}" for what, count in sorted(TRIED.items()))
    if told:
        terminalreporter.write_line(f"Tried: {told}.")
