from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from nostro.kernel.clock import ManualClock
from receiver import Receiver
from workbench import Bench, open_bench


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    made = await open_bench(tmp_path / "bench.db", ManualClock())
    yield made
    await made.world.engine.close()


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    made = Receiver()
    await made.start()
    yield made
    await made.stop()
