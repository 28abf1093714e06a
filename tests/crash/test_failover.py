"""kill -9 under load, of a worker, a backend, the database, and the primary of a pair: nothing acknowledged is lost.

`make failover` does many rounds of it.
"""

from pathlib import Path

import pytest

from drill import FAULTS, Drill
from receiver import Receiver
from standby import pair


@pytest.mark.slow
async def test_each_fault_once(tmp_path: Path) -> None:
    receiver = Receiver()
    await receiver.start()
    with pair() as both:
        drill = Drill(both, tmp_path, receiver)
        try:
            await drill.listen()
            for fault in FAULTS:
                await drill.round(fault, 0.8)
            await drill.check(list(drill.answers))
            await drill.check_all()
            await drill.stop()
        finally:
            drill.kill()
    await receiver.stop()
    assert len(drill.answers) > 50
