"""One of several processes that work on the same database at once: `python hammer.py URL SEED`.

It says on its output what it did, as JSON; test_workers.py adds that up and compares.
"""

import asyncio
import json
import random
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from counter import COUNTER, Counter, deposit, withdrawal
from nostro.controls.api_key import make_scope
from nostro.events import event, job, webhook_endpoint
from nostro.events.work import perform
from nostro.kernel.clock import SystemClock
from nostro.kernel.errors import ApiError, Refused
from nostro.kernel.ids import Ids
from nostro.kernel.resource import Registry
from nostro.kernel.settings import Settings
from nostro.storage.postgres import PostgresEngine
from nostro.storage.tx import Tx
from nostro.storage.unit import Entry, Scope
from nostro.storage.world import World
from workbench import DIARY, note

RESOURCES = (event.RESOURCE, webhook_endpoint.RESOURCE, COUNTER, DIARY)
COUNTERS = 4
SIDE_BY_SIDE = 12
ROUNDS = 15
JOBS = 60


async def open_world(url: str) -> tuple[World, Scope]:
    engine = PostgresEngine(url, durable=False)
    await engine.prepare(RESOURCES)
    world = World(
        engine=engine, registry=Registry(RESOURCES), clock=SystemClock(), ids=Ids(), settings=Settings(), rails={},
        jobs={"note": note}, api_version="", work=asyncio.Event(),
    )  # fmt: skip
    return world, await make_scope(world, "acct_hammer", livemode=False, dev=True)


class Hammer:
    def __init__(self, world: World, scope: Scope, random: random.Random) -> None:
        self.world = world
        self.scope = scope
        self.random = random
        self.added = 0
        self.moved = 0
        self.refused = 0

    async def add_one(self) -> None:
        """Read, think, write: lost if another's version is overwritten."""
        id = f"cnt_{self.random.randrange(COUNTERS)}"

        async def run(tx: Tx) -> None:
            counter = await tx.find(COUNTER, id) or Counter(id=id, created=tx.now)
            await asyncio.sleep(0.001)
            tx.save(Counter(id=id, created=counter.created, value=counter.value + 1))

        try:
            await perform(self.world, self.scope, run)
            self.added += 1
        except ApiError as error:
            if error.code != "lock_timeout":
                raise

    async def move_money(self) -> None:
        """More is asked for than is there, so that limits are reached all the time."""
        amount = self.random.randint(1, 20)
        out = self.random.random() < 0.7
        account = self.random.choice("ab")
        made: Entry = withdrawal(account, amount) if out else deposit(account, amount)

        async def run(tx: Tx) -> None:
            tx.post(made.kind, made.source, made.postings)
            tx.schedule("note", f"again-{self.random.randrange(5)}", tx.now + 10**6)

        try:
            await perform(self.world, self.scope, run)
            self.moved += -amount if out else amount
        except Refused:
            self.refused += 1

    async def one(self) -> None:
        for _ in range(ROUNDS):
            await self.add_one()
            await self.move_money()

    async def run(self) -> None:
        working = [asyncio.create_task(self.one()) for _ in range(SIDE_BY_SIDE)]
        while not all(task.done() for task in working) or await job.next_wave(self.world):
            await job.run_due(self.world)
            await asyncio.sleep(0.005)
        await asyncio.gather(*working)


async def main(url: str, seed: int) -> None:
    world, scope = await open_world(url)
    hammer = Hammer(world, scope, random.Random(seed))
    await hammer.run()
    await world.engine.close()
    print(json.dumps({"added": hammer.added, "moved": hammer.moved, "refused": hammer.refused}))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2])))
