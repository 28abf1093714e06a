"""Shops that do everything at once, on a server that meets every fault, checked to the cent after each step.

Everything that happens follows from the seed: time, ids, the order in which ready tasks run, what the disk, the card
network and the receivers of webhooks do, what is asked and when a client hangs up. `trace` is a hash over all that
was seen, so two runs can be told to be the same.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from pathlib import Path
from random import Random
from typing import Any
from unittest import mock

import apsw

from asgi import Answer
from nostro.events import sandbox
from nostro.kernel.errors import ApiError
from nostro.kernel.ids import Ids
from nostro.ledger.audit import verify
from nostro.storage.engine import Engine
from nostro.storage.meter import Meter

from .call import AGAIN, KEPT, SAID_NO, Call, same
from .checks import check_done, check_shop
from .clock import LoopClock
from .disk import Disk, Mount, Weather
from .engine import SimEngine
from .events import check_events, missing_events
from .faults import Faults
from .life import Down, Life
from .loop import VirtualLoop
from .network import Network
from .platform import Platform
from .platform_checks import check_platform, check_platform_done
from .receiver import Receiver
from .shop import Shop

# Who is there, by the seed: shops with wallets, or a platform with sellers and a bank.
PLATFORMS = ("mia",)
CASTS = (("ann", "bob"), ("ann", "mia"), ("mia",))
PATIENCE = 40  # asks, the last of them in fair weather
ERRANDS = 0.5  # the chance of a treasurer's morning
LOOKS = 8  # at a shop that goes on changing
LOOK_AGAIN = 0.5  # seconds of virtual time between two looks at what is not settled: it costs no real time to wait
STAGES = {
    "idle": "while idle",
    "writing": "while writing",
    "syncing": "while syncing",
    "synced": "after the sync",
}


class Simulation:
    """`step()` and `check()` in turn, `finish()` at the end. `log` says what happened, `marks` where a step began."""

    refusals: tuple[type[Exception], ...] = (ApiError, apsw.FullError, apsw.IOError)
    """What may keep a server from starting while its database is in trouble."""

    def __init__(self, seed: int, directory: Path) -> None:
        self.random = Random(seed)
        self.seed = seed
        self.directory = directory
        self.faults = Faults()
        self.clock = LoopClock()
        self.disk = Disk(Random(self.random.random()), self.faults)
        self.network = Network(Random(self.random.random()), self.faults)
        self.receiver = Receiver(Random(self.random.random()), self.faults)
        self.shops = {name: self._shop(name) for name in CASTS[seed % len(CASTS)]}
        self.lives = 0
        self.steps = 0
        self.requests = 0
        self.log: list[str] = []
        self.marks: list[int] = []
        self.life: Life
        self.engine: Any = None
        self.mount: Mount
        self._others: list[asyncio.Task[Any]] = []
        self._excused = self._silent = False

    def _shop(self, name: str) -> Shop:
        return Platform(name, self.random, self.faults) if name in PLATFORMS else Shop(name, self.random)

    @property
    def platforms(self) -> list[Platform]:
        return [shop for shop in self.shops.values() if isinstance(shop, Platform)]

    @property
    def outbox(self) -> Path:
        """Where bank files are laid down. It outlives the programs, and is on another disk than the books."""
        return self.directory / "outbox"

    @property
    def trace(self) -> str:
        """Says in sixteen digits all that was seen."""
        text = "\n".join((*self.log, *self.receiver.told, repr(sorted(self.faults.items()))))
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    # Lives --------------------------------------------------------------------------

    async def open(self) -> None:
        await self._start()
        for shop in self.shops.values():
            for call in shop.first_calls():
                answer = await self._ask(call)
                assert answer.status == 200, f"{call}: {answer.body!r}"
                self._learn(call, answer)
                if "secret" in answer.json:
                    name = answer.json["url"].rpartition("/")[2]
                    self.receiver.secrets[name] = answer.json["secret"]
        self.disk.pauses = 0.2

    async def close(self) -> None:
        self._calm()
        await self.life.app.close()

    async def _start(self) -> None:
        """Open the files and start the server; faults may strike while it does, so several times."""
        while True:
            self.lives += 1
            self.clock.jump(1)  # no program starts in the microsecond in which the last one ended
            self.life = Life(
                self._engine, self.clock, Ids(seed=self.seed * 1_000 + self.lives), self.network, self.outbox
            )
            self._others = self._tasks()
            try:
                await self.life.app.start()
            except self.refusals as error:
                if isinstance(error, ApiError) and error.status != 503:
                    raise
                self._end(power=False)
                self.log.append(f"life {self.lives} did not start: {error}")
                await self._abandon()
                self._calm()
                continue
            if self.life.over.is_set():
                self.log.append(f"life {self.lives} died while it started")
                await self._abandon()
                continue
            return

    def _engine(self) -> Engine:
        directory = self.directory / f"life-{self.lives}"
        self.mount = self.disk.mount(directory)
        self.engine = SimEngine(directory / "books.db", self.mount)
        return self.engine

    def _tasks(self) -> list[asyncio.Task[Any]]:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        return loop.tasks()

    def _end(self, power: bool) -> None:
        """The server is no more, at whatever it is doing. Without power, the system's cache is lost too."""
        if self.life.over.is_set():
            return
        stage = STAGES[self.engine.stage if self.engine else "idle"]
        self.faults.note(f"{'power lost' if power else 'killed'} {stage}")
        self.log.append(f"life {self.lives} ends {stage}, {'power lost' if power else 'killed'}")
        self.mount.gone = True
        if power:
            self.disk.lose_power()
        self.life.die()

    async def _abandon(self) -> None:
        kept = {id(task) for task in self._others}
        await self.life.bury([task for task in self._tasks() if id(task) not in kept])
        if self.engine is not None:
            await self.engine.abandon()
            self.engine = None
        self._calm_disk()

    def _calm_disk(self) -> None:
        self.disk.weather = Weather()

    def _calm(self) -> None:
        self._calm_disk()
        self.network.silent = 0
        self.disk.pauses = 0

    # Steps --------------------------------------------------------------------------

    async def step(self) -> None:
        self.steps += 1
        self.marks.append(len(self.log))
        kinds: tuple[Callable[[], Awaitable[None]], ...] = (
            self._storm, self._storm, self._storm, self._storm, self._crash, self._crash, self._crash_twice,
            self._replay, self._race, self._pass_time, self._advance, self._restart,
        )  # fmt: skip
        for platform in self.platforms:
            await platform.look_at_bank(self.life.world, self.clock.seconds, self.outbox)
        if self.platforms:
            kinds += (self._advance, self._advance)
        kind = self.random.choice(kinds)
        self.log.append(f"--- step {self.steps}:{kind.__name__.replace('_', ' ')}")
        self.receiver.trouble = self.random.choice((0.0, 0.3, 0.9))
        self.disk.pauses = self.random.choice((0.0, 0.3, 0.7))
        await kind()
        self._calm()
        self._excused = self._silent = False

    async def _storm(self) -> None:
        """Requests side by side in bad weather. It ends, and then everything was answered."""
        self._brew()
        await self._ask_all(self._calls())

    async def _crash(self) -> None:
        """The server dies in the middle of it; afterwards each request is sent again with its key."""
        if self.random.random() < 0.5:
            self._brew()
        calls, power = self._calls(), self.random.random() < 0.6
        self._excused = True
        if self.random.random() < 0.7:
            self.disk.weather.end = lambda: self._end(power)
            self.disk.weather.end_after = self.random.randint(1, 25)
        asking = asyncio.ensure_future(self._ask_all(calls))
        for _ in range(self.random.randint(0, 60)):
            await asyncio.sleep(self.random.choice((0, 0, 0, 0.01)))
        self._end(power)
        answers = await asking
        await self._abandon()
        if self.random.random() < 0.3:  # and again while it comes back
            self.disk.weather = Weather(end=lambda: self._end(power), end_after=self.random.randint(1, 12))
        elif self.random.random() < 0.3:
            self._brew()
        await self._start()
        self._calm()
        again = await self._ask_all(calls)
        for call, first in answers.items():
            if first.status in KEPT:
                assert same(again[call], first), f"{call} was first answered {first}, and now {again[call]}"

    async def _crash_twice(self) -> None:
        """A sync fails, the program is killed, clients are told what the cache still has; then the power goes.

        So whatever is believed after a restart must have been written to the disk anew.
        """
        self._excused = True
        self.disk.weather = Weather(sync=1.0)
        calls = self._calls()
        asking = asyncio.ensure_future(self._ask_all(calls))
        await asyncio.sleep(self.random.choice((0.01, 0.5)))
        self._end(power=False)
        await asking
        told = await self._come_back(calls)
        self._end(power=True)
        again = await self._come_back(calls)
        assert all(same(again[key], one) for key, one in told.items() if one.status in KEPT), "an answer was lost"

    async def _come_back(self, calls: list[Call]) -> dict[str, Answer]:
        await self._abandon()
        await self._start()
        self._calm()
        return await self._ask_all(calls)

    async def _replay(self) -> None:
        """The same requests with the same keys: the first answers, byte for byte."""
        for shop in self.shops.values():
            known = shop.answered(self.clock.seconds)
            for call, first in self.random.sample(known, min(len(known), 4)):
                self.faults.note("request repeated")
                again = await self._ask(call)
                assert same(again, first), f"{call} was first answered {first}, and now {again}"
                assert again.replayed, f"{call} was served anew"

    async def _race(self) -> None:
        """One key, sent twice at once: both get the one answer."""
        self._brew()
        call = next(call for call in iter(self._call, None) if call.lines is None)
        self.faults.note("request doubled")
        one, two = await asyncio.gather(self._ask(call), self._ask(call))
        if one.status in KEPT:
            assert same(one, two), f"{call} was answered {one} and {two}"
        self._learn(call, one)

    async def _pass_time(self) -> None:
        seconds = self.random.choice((1, 10, 3_600, 86_400, 3 * 86_400, 8 * 86_400))
        self.log.append(f"{seconds} seconds pass")
        if self.random.random() < 0.6:
            self._brew()
        self.faults.note("clock jumped")
        self.clock.jump(seconds)
        self.life.world.work.set()
        await self._sleep(self.random.choice((1, 5, 70)))

    async def _advance(self) -> None:
        """Move the time of one sandbox while others go on, and maybe while the disk is in trouble."""
        self._brew()
        shop = self.random.choice(list(self.shops.values()))
        move = self.random.choice((shop.settle(), shop.advance(self.random.choice((60, 86_400, 86_400, 9 * 86_400)))))
        self.faults.note("sandbox advanced")
        calls = self._calls()
        ahead = shop.ahead
        await asyncio.gather(self._ask_all([move]), self._ask_all(calls))
        assert shop.ahead >= ahead, f"the time of {shop.name} went back"

    async def _restart(self) -> None:
        self.faults.note("restart")
        self._calm()
        await self.life.app.close()
        self.engine = None
        await self._start()

    async def _sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    def _brew(self) -> None:
        """Weather for the disk and the network: mostly one trouble at a time."""
        bad = self.random.choice((0.05, 0.3, 1.0))
        trouble = self.random.choice(("full", "write", "sync", "read", "slow", "slow", "network", "network", "none"))
        if trouble == "network":
            self.network.silent = self.random.choice((0.1, 0.5))
            self._silent = True
        elif trouble != "none":
            setattr(self.disk.weather, trouble, bad)
        if self.random.random() < 0.3:
            self.disk.weather.slow = 0.5
        self._excused = True
        self.log.append(f"weather: {trouble} {bad}")

    # Asking -------------------------------------------------------------------------

    def _calls(self) -> list[Call]:
        """What is asked side by side; now and then what a treasurer does in the morning."""
        if not self.platforms:
            return [self._call() for _ in range(self.random.randint(1, 7))]
        platform = self.random.choice(self.platforms)
        errands = platform.errands(self.clock.seconds) if self.random.random() < ERRANDS else []
        return errands + [self._call() for _ in range(self.random.randint(2, 10))]

    def _call(self) -> Call:
        return self.random.choice(list(self.shops.values())).call(self.clock.seconds)

    async def _ask_all(self, calls: list[Call]) -> dict[str, Answer]:
        """Side by side. A dead server answers nobody; those calls are missing in what is returned."""
        answers = await asyncio.gather(*(self._ask(call) for call in calls), return_exceptions=True)
        for answer in answers:
            if isinstance(answer, BaseException) and not isinstance(answer, Down):
                raise answer
        heard = {str(call): one for call, one in zip(calls, answers, strict=True) if isinstance(one, Answer)}
        for call in calls:
            if (answer := heard.get(str(call))) is not None:
                self._learn(call, answer)
        return heard

    async def _ask(self, call: Call) -> Answer:
        """As a client that does not give up: it asks again with the same key until it is told."""
        self.requests += 1
        shop = self.shops[call.shop]
        for turn in range(PATIENCE):
            hurry = self._excused and turn < 3 and self.random.random() < 0.15
            answer = await self.life.send(call, shop, self.random.choice((0.0, 0.001, 0.5)) if hurry else None)
            if answer is None:
                self.faults.note("answer lost")
            elif answer.status not in AGAIN:
                assert answer.status in KEPT | SAID_NO, f"{call}: {answer.status} {answer.body!r}"
                return answer
            else:
                self._check_excuse(call, answer)
            await asyncio.sleep(self.random.uniform(0, 0.5))
            if turn > PATIENCE // 4:
                self._calm_disk()
                self.network.silent = 0
        raise AssertionError(f"{call} is never answered; the last answer was {answer}")

    def _check_excuse(self, call: Call, answer: Answer) -> None:
        """A server may fail while something fails under it, and never otherwise."""
        text = f"{call}: {answer.status} {answer.body!r}"
        assert self._excused or answer.status == 409, text
        assert answer.status != 500 or self._silent, text

    def _learn(self, call: Call, answer: Answer) -> None:
        digest = hashlib.sha256(answer.body).hexdigest()[:8]
        self.log.append(f"{self.clock.micros()} {call}: {answer.status} {digest}")
        self.shops[call.shop].learn(call, answer, self.clock.seconds)

    # Checks -------------------------------------------------------------------------

    async def check(self) -> None:
        """The books verify, and each shop's objects say what they say."""
        problems = await verify(self.engine, self.life.world.registry)
        assert not problems, str(problems[0])
        for shop in self.shops.values():
            await self._steadily(shop)
        if self.steps % 4 == 0:
            await self._check_events()

    async def _steadily(self, shop: Shop) -> None:
        """Jobs go on while lists are read: what does not fit then is looked at again."""
        for turn in range(LOOKS):
            begun = self._commits()
            try:
                if isinstance(shop, Platform):
                    await check_platform(self.life.world, self.life.app.api, shop)
                else:
                    await check_shop(self.life.world, shop.client(self.life.app.api), shop)
                return
            except (AssertionError, KeyError):
                if self._commits() == begun or turn == LOOKS - 1:
                    raise

    def _commits(self) -> int:
        return int(self.engine.commits)

    async def _check_events(self) -> None:
        for shop in self.shops.values():
            for account, _ in shop.ears():
                await check_events(shop.client(self.life.app.api, account))

    async def finish(self) -> None:
        """Fair weather: every job is done, every event is heard, and all that was answered is answered again."""
        self.marks.append(len(self.log))
        self._calm()
        self.receiver.trouble = 0
        for _ in range(4):
            self.clock.jump(43_200)
            self.life.world.work.set()
            await self._sleep(200)
        missing = await missing_events(self)
        assert not missing, f"{len(missing)} events were never delivered: {missing[:3]}"
        late = await self.engine.rows("SELECT kind, ref, error FROM job WHERE due<=?", (self.clock.seconds,))
        assert not late, f"these jobs were never done: {late}"
        for shop in self.shops.values():
            now, api = self.clock.seconds + shop.ahead, self.life.app.api
            if isinstance(shop, Platform):
                await check_platform_done(self.life.world, api, shop, now)
            else:
                await check_done(self.life.world, shop.client(api), now)
        await self._replay()
        await self.check()
        await self._check_events()


async def simulate(simulation: Simulation, steps: int) -> None:
    """So many steps with a check after each, and the end."""
    seldom = mock.patch.object(sandbox, "LOOK_AGAIN", LOOK_AGAIN)
    unmeasured = mock.patch.object(Meter, "sample")  # it reads the memory of this process from /proc
    with simulation.clock.measures_durations(), simulation.receiver.listens(), seldom, unmeasured:
        await simulation.open()
        for _ in range(steps):
            await simulation.step()
            await simulation.check()
        await simulation.finish()
        await simulation.close()
