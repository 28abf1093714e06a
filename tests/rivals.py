"""Rivals: two requests that both read before either commits. What comes of it must be what comes of one after the
other, in one order or the other: the same answers, the same records and events, the same balances.

A scene is prepared in a sandbox of its own as often as it is looked at, so that whatever it makes is made alike.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import re
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from contextvars import ContextVar
from functools import partial
from typing import Any, NamedTuple

from asgi import Client
from nostro.api.server import Api
from nostro.controls.api_key import sandbox, sandbox_merchant
from nostro.events.job import run_due
from nostro.storage.scope import move_clocks, with_connected
from nostro.storage.unit import Unit
from nostro.storage.world import World
from treasury_desk import on_behalf

WITHIN: ContextVar[int | None] = ContextVar("rival", default=None)
ID = re.compile(r"\b(?:([a-z]{2,8})_[0-9A-Za-z_]{8,}|(?:bln|lent)_[-0-9]+)")
# Named by chance, or the number of an entry of the whole database.
CHANCE = re.compile(r'"(fingerprint|receipt_number|authorization_code|network_transaction_id|trace_id|entry|number'
                    r'|token|client_secret|descriptor|trace|last_entry|invoice_prefix|risk_score|reference|sha256|builder'
                    r'|content|created_by|maker|built_by|approved_by|by|proof|hash|link|previous|found_by|numbered|chain_hash|chain_link|lines_hash|reserved|last|place|file|line|match|entries_done|lines_done)":'
                    r'("[^"]*"|\d+)')  # fmt: skip
NUMBERS = re.compile(r'"(?:line|entry)_numbers":\[[^]]*\],?')
TRACE = re.compile(r'"trace_id":\{[^}]*\}')
# Nothing was done, and trying again may do it.
TRY_AGAIN = ("409 lock_timeout", "400 bank_statement_overlap")
NAMES = itertools.count()
LONGEST = 0.3
"""Seconds for which a rival is held at most: who needs longer for its first commit waits for the other."""
Outcome = tuple[tuple[str, ...], frozenset[Any]]


# What stands in hand-written tables, of a book or of the reconciled accounts of its scope.
OF_BANK = "WHERE account IN (SELECT number FROM reconciled_account WHERE scope=?)"
TABLES = (
    "SELECT debit, amount, due, code, file IS NULL FROM payment_instruction WHERE book=?",
    f"SELECT line % 4294967296, amount, day, reference FROM bank_line {OF_BANK}",
    f"SELECT rule, confidence, first_day, last_day FROM bank_match {OF_BANK}",
    "SELECT line % 4294967296, CASE WHEN owner LIKE 'brk%' THEN 'break' ELSE 'match' END "
    f"FROM bank_line_owner {OF_BANK}",
    f"SELECT count(*) FROM cash_entry_owner {OF_BANK}",
)


class Ask(NamedTuple):
    """A request, or with no path the sandbox's jobs that are due."""

    path: str
    form: dict[str, Any] = {}
    account: str | None = None
    method: str = "POST"
    lines: str | None = None
    kind: str = "application/x-ndjson"


DUE = Ask("")


class Sandbox:
    """One merchant's desk."""

    def __init__(self, world: World, name: str) -> None:
        self.world = world
        self.name = name
        self.client = Client(Api(world), f"sk_test_{name}")

    async def post(self, path: str, on: str | None = None, **form: Any) -> Any:
        answer = await self.ask(Ask(path, form, on))
        assert answer.status == 200, (path, answer.body)
        return answer.json

    async def get(self, path: str, on: str | None = None, **form: Any) -> Any:
        answer = await self.ask(Ask(path, form, on, "GET"))
        assert answer.status == 200, answer.body
        return answer.json

    async def ask(self, ask: Ask) -> Any:
        client = on_behalf(self.client, ask.account) if ask.account else self.client
        return await client(ask.method, f"/v1/{ask.path}", ask.form, lines=ask.lines, kind=ask.kind)

    async def pay(self, amount: int = 10_000, card: str = "pm_card_bypassPending", **more: Any) -> Any:
        form = {"amount": amount, "currency": "usd", "payment_method": card, "confirm": True,
                "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"}, **more}  # fmt: skip
        return await self.post("payment_intents", **form)

    async def number(self) -> int:
        return (await sandbox(self.world, self.name)).number

    async def settle(self) -> None:
        for number in await with_connected(self.world, await self.number()):
            await run_due(self.world, number)

    async def later(self, seconds: int) -> None:
        """Time passes, and what is due waits for its worker."""
        numbers = await with_connected(self.world, await self.number())
        await move_clocks(self.world, numbers, (await sandbox(self.world, self.name)).offset + seconds)

    async def left(self) -> frozenset[Any]:
        """All that stands in the sandbox, without the names that chance gave."""
        book = await self.number()
        family = ",".join(str(one) for one in await with_connected(self.world, book))
        rows, found = self.world.engine.rows, Counter[Any]()
        for resource in self.world.registry.resources:
            if resource.stored and resource.object != "event":
                for (body,) in await rows(f'SELECT body FROM "{resource.table}" WHERE scope IN ({family})'):
                    found[resource.table, self._plain(body if isinstance(body, str) else bytes(body).decode())] += 1
        kinds = await rows(f"SELECT {self.world.engine.path('type')} FROM event WHERE scope IN ({family})")
        found.update(("event", kind) for (kind,) in kinds)
        found.update(await rows(f"SELECT kind, due FROM job WHERE scope IN ({family})"))
        for statement in TABLES:
            found.update((statement[7:20], *row) for row in await rows(statement, (book,)))
        accounts = await rows("SELECT code, currency, balance FROM ledger_account WHERE book=?", (book,))
        for code, currency, balance in accounts:
            found[self._plain(code), currency, balance] += 1
        return frozenset(found.items())

    def _plain(self, text: str) -> str:
        text = TRACE.sub('"trace_id":0', text)
        text = CHANCE.sub(r'"\1":0', text).replace(sandbox_merchant(self.name), "acct_ME")
        return ID.sub(r"\1_", NUMBERS.sub("", text))


Scene = Callable[[Sandbox], Awaitable[list[Ask]]]


class Gate:
    """Holds each rival at its first commit until the other stands there too, or has ended. Then they go on in their
    order. One that waits for a lock of the other's can do neither, so nobody is held for ever."""

    def __init__(self, worlds: Sequence[World], count: int) -> None:
        self._worlds = worlds
        self._arrived = [asyncio.Event() for _ in range(count)]
        self._ended = [asyncio.Event() for _ in range(count)]

    def __enter__(self) -> Gate:
        self._commits = [world.engine.commit for world in self._worlds]
        for world, commit in zip(self._worlds, self._commits, strict=True):
            world.engine.commit = partial(self._held, commit)  # type: ignore[method-assign]
        return self

    def __exit__(self, *_: object) -> None:
        for world, commit in zip(self._worlds, self._commits, strict=True):
            world.engine.commit = commit  # type: ignore[method-assign]

    async def _held(self, commit: Callable[[Unit], Awaitable[None]], unit: Unit) -> None:
        rival = WITHIN.get()
        if rival is not None and not self._arrived[rival].is_set():
            self._arrived[rival].set()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LONGEST):
                    for event in (*self._arrived, *self._ended[:rival]):
                        await event.wait()
        await commit(unit)

    async def run(self, rival: int, asked: Awaitable[str]) -> str:
        WITHIN.set(rival)
        try:
            return await asked
        finally:
            self._arrived[rival].set()
            self._ended[rival].set()


class Course:
    """Where scenes are played: the rivals in turn by each of the workers, which are on one database."""

    def __init__(self, *worlds: World) -> None:
        self.worlds = worlds

    def _desks(self) -> list[Sandbox]:
        name = f"race{next(NAMES)}"
        return [Sandbox(self.worlds[n % len(self.worlds)], name) for n in range(2)]

    async def apart(self, scene: Scene, order: Sequence[int]) -> Outcome:
        """One after the other. Answers are told in the order of the scene's requests."""
        desk = self._desks()[0]
        asks = await scene(desk)
        told = {n: await _told(desk, asks[n]) for n in order}
        return tuple(told[n] for n in sorted(order)), await desk.left()

    async def raced(self, scene: Scene, order: Sequence[int]) -> Outcome:
        desks = self._desks()
        asks = await scene(desks[0])
        with Gate(self.worlds, len(order)) as gate:
            tasks = [gate.run(rival, _told(desks[rival], asks[n])) for rival, n in enumerate(order)]
            told = dict(zip(order, await asyncio.gather(*tasks), strict=True))
        return tuple(told[n] for n in sorted(order)), await desks[0].left()

    async def differences(self, scene: Scene, first: int, second: int) -> list[str]:
        """What a race of two of the scene's requests left that neither order leaves; empty if all is well."""
        twice = first == second
        orders = [(first, second), (second, first)]
        if twice:
            scene, orders = _doubled(scene, first), [(0, 1)]
        either = [await self.apart(scene, order) for order in orders]
        found = []
        for order in orders:
            answers, left = await self.raced(scene, order)
            if any(one == (answers, left) or (twice and _same(one, (answers, left))) for one in either):
                continue
            again = [n for n, told in enumerate(answers) if told in TRY_AGAIN]
            if len(again) == 1 and (await self.apart(scene, [orders[0][1 - again[0]]]))[1] == left:
                continue
            found += [f"{answers} instead of {one}: {_off(left, stays)}" for one, stays in either]
        return found


def _same(one: Outcome, other: Outcome) -> bool:
    """Of two that ask for the same it does not matter which was first."""
    return sorted(one[0]) == sorted(other[0]) and one[1] == other[1]


def _doubled(scene: Scene, n: int) -> Scene:
    async def doubled(desk: Sandbox) -> list[Ask]:
        asks = await scene(desk)
        return [asks[n], asks[n]]

    return doubled


def _off(left: frozenset[Any], right: frozenset[Any]) -> str:
    return f"too much {sorted(map(str, left - right))[:8]}, missing {sorted(map(str, right - left))[:8]}"


async def _told(desk: Sandbox, ask: Ask) -> str:
    """The answer's status and code."""
    if not ask.path:
        await desk.settle()
        return "done"
    answer = await desk.ask(ask)
    if answer.status == 200:
        return "200"
    error = answer.json["error"]
    return f"{answer.status} {error.get('code')}"
