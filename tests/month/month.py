"""Month: a marketplace's days one after another, from the first seller to the closed books.

Each day sellers sell, buyers want money back or dispute; at the cut-off the day's payouts go to the bank in a file; in
the night the card network pays, the bank sends its returns and its statement, and the statement is held against the
books. After the last day the rest comes to its end, the month is closed, and the books are proved.
"""

from __future__ import annotations

import resource
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from msgspec import Struct

from nostro.reporting.span import named

from . import proof
from .accounting import Accounting, Spoiled
from .market import Market
from .plan import FIRST_DAY, Plan
from .traffic import Traffic
from .treasury import Treasury

DAY = 86_400
MORNING = 10 * 3600
# Banking days that the last payouts, and what comes back of them, take to come to their end.
AFTER = 8
MONTH = "2026-11"
Tell = Callable[[str, int, int], None]


class Result(Struct, kw_only=True):
    """What there is to report. `problems` is empty if all that was to be shown has been shown."""

    plan: Plan
    counts: dict[str, int] = {}
    seconds: dict[str, float] = {}
    days: list[dict[str, int]] = []
    lines: int = 0
    matched: dict[str, int] = {}
    spoiled: list[Spoiled] = []
    breaks: list[Any] = []
    closed: dict[str, Any] = {}
    totals: dict[str, int] = {}
    problems: list[str] = []
    bytes: int = 0
    memory: int = 0


class Month:
    def __init__(self, market: Market, home: Path, tell: Tell) -> None:
        self.market, self.home, self.tell = market, home, tell
        self.traffic = Traffic(market)
        self.treasury = Treasury(market, home)
        self.accounting = Accounting(market)
        self.result = Result(plan=market.plan)
        self._seconds: Counter[str] = Counter()
        self._read = 0

    @contextmanager
    def _takes(self, what: str) -> Iterator[None]:
        started = time.perf_counter()
        yield
        self._seconds[what] += time.perf_counter() - started  # type: ignore[assignment]

    async def run(self) -> Result:
        market, plan = self.market, self.market.plan
        opened = 0

        def one(count: int) -> None:
            nonlocal opened
            opened += count
            self.tell("sellers", opened, plan.sellers)

        with self._takes("opening accounts"):
            await market.open_shops(one)
        for n in range(plan.days + AFTER):
            await self._day(n)
            self.tell("days", n + 1, plan.days + AFTER)
        await self._close()
        self.result.counts, self.result.seconds = dict(market.counts), dict(self._seconds)
        self.result.lines, self.result.spoiled = self.accounting.lines, self.accounting.spoiled
        self.result.bytes = int(await market.world.engine.size())
        self.result.memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        return self.result

    async def _day(self, n: int) -> None:
        market, plan, midnight = self.market, self.market.plan, FIRST_DAY + n * DAY
        before = Counter(market.counts)
        with self._takes("jobs and payouts"):
            await market.until(midnight + MORNING)
        if n < plan.days:
            with self._takes("payments and refunds"):
                await self.traffic.day(plan.payments * (n + 1) // plan.days - plan.payments * n // plan.days)
        with self._takes("bank files"):
            await self.treasury.day(midnight)
        with self._takes("jobs and payouts"):
            await market.until(midnight + DAY)
        with self._takes("bank files"):
            await self.treasury.night(midnight + DAY)
        with self._takes("reconciliation"):
            await self._reconcile(n)
        done = market.counts - before
        self.result.days.append({name: done[name] for name in ("sold", "refunded", "attempts", "paid_out")})

    async def _reconcile(self, n: int) -> None:
        new = self.treasury.statements[self._read :]
        self._read = len(self.treasury.statements)
        if not new:
            return
        plan = self.market.plan
        left = plan.breaks - len(self.accounting.spoiled)
        share = -(-left * 2 // max(1, plan.days - n)) if n < plan.days else 0
        await self.accounting.take(new, min(left, share))
        found = await self.accounting.match()
        for rule, count in found.get("matches", {}).items():
            self.result.matched[rule] = self.result.matched.get(rule, 0) + count

    async def _close(self) -> None:
        market, result = self.market, self.result
        self.tell("closing", 0, 6)
        with self._takes("closing"):
            result.breaks = await self.accounting.breaks()
            self._compare()
            result.closed["day"] = await self.accounting.close_day(FIRST_DAY + market.plan.days * DAY)
            period = await market.send("POST", "/v1/reports/periods", {"month": MONTH})
            self.tell("closing", 1, 6)
            await market.send("POST", "/v1/test_helpers/sandbox/settle")
            period = await market.send("GET", f"/v1/reports/periods/{period['id']}")
            if period["status"] != "closed":
                result.problems.append(f"the month could not be closed: {period['checks']}")
            result.closed["period"] = period
        self.tell("closing", 2, 6)
        await self._prove()

    def _compare(self) -> None:
        """The breaks that are open must be the lines that were spoiled, each with its amount, and no others."""
        wrong = Counter(one.amount for one in self.accounting.spoiled)
        found = Counter(one["amount"] for one in self.result.breaks)
        self.result.problems += [f"a break of {amount} was not put in" for amount in found - wrong]
        self.result.problems += [f"a spoiled line of {amount} was not found" for amount in wrong - found]

    async def _prove(self) -> None:
        market, result, span = self.market, self.result, named(MONTH)
        world = market.world
        with self._takes("audit"):
            result.problems += await proof.audited(world)
        self.tell("closing", 3, 6)
        book = (await world.engine.rows("SELECT scope FROM scope WHERE scope=book"))[0][0]
        with self._takes("beancount"):
            told, wrong = await proof.beancount(world, book, span, self.home, _days(market.plan))
            result.problems += wrong
            self._agree("beancount", told, await proof.ours(market, span, "beancount"))
        self.tell("closing", 4, 6)
        with self._takes("hledger"):
            other = proof.hledger(await proof.journal(world, book, span, "hledger", self.home))
            if other is not None:
                self._agree("hledger", other, await proof.ours(market, span, "hledger"))
        self.tell("closing", 6, 6)

    def _agree(self, program: str, theirs: proof.Totals, ours: proof.Totals) -> None:
        self.result.totals[program] = len(ours)
        for key in sorted(theirs.keys() | ours.keys()):
            if theirs.get(key) != ours.get(key):
                said = f"{program} has {theirs.get(key)} on {key[0]} in {key[1]}, and we {ours.get(key)}"
                self.result.problems.append(said)


def _days(plan: Plan) -> int:
    """How many days of the month beancount reads at once: some ten thousand payments."""
    return max(1, min(15, 300_000 // plan.payments))


async def live(plan: Plan, home: Path, tell: Tell, database: str | None = None) -> Result:
    """The month in an empty directory, and in this database if not in a file there."""
    market = await Market.open(home, plan, database)
    try:
        return await Month(market, home, tell).run()
    finally:
        await market.world.engine.close()
