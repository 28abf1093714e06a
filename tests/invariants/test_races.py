"""Requests about the same money at the same moment leave what they leave one after the other (tests/rivals.py).

Each request against itself here; each against each other, and by two workers on PostgreSQL, with `make prove`.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import AsyncIterator

import pytest

from nostro.ledger.audit import verify
from postgresql import database
from race_scenes import SCENES
from rivals import Course, Sandbox
from treasury_desk import opened

SHORT = ("charge", "early", "failing_refund", "limited_instants", "of_charge", "reserve", "sellers_end", "statements")
ALL = "NOSTRO_HISTORIES" in os.environ
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module", params=["sqlite", "postgresql"] if ALL else ["sqlite"])
def url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path_factory.mktemp('races')}/races.db"
        return
    with database(request.getfixturevalue("postgresql")) as found:
        yield found


@pytest.fixture
async def course(url: str) -> AsyncIterator[Course]:
    worlds = [(await opened(url)).world for _ in range(1 if url.startswith("sqlite") else 2)]
    yield Course(*worlds)
    problems = await verify(worlds[0].engine, worlds[0].registry)
    for world in worlds:
        await world.engine.close()
    assert problems == []


@pytest.mark.parametrize("name", SCENES)
async def test_at_once_as_one_after_the_other(course: Course, name: str) -> None:
    scene = SCENES[name]
    count = len(await scene(Sandbox(course.worlds[0], f"count{name}")))
    whole = ALL or name in SHORT
    pairs = itertools.combinations_with_replacement(range(count), 2) if whole else ((n, n) for n in range(count))
    found = {pair: told for pair in pairs if (told := await course.differences(scene, *pair))}
    assert found == {}
