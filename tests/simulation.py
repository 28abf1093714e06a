"""A shop that does everything at once, crashes, and is checked to the cent after each step.

`Simulation(directory, random)` drives the real API in-process; everything that happens follows from `random`, so
a failure replays by its seed. `step()` does one of: some requests side by side, a replay of earlier ones, time
that passes with its jobs, a crash in the middle of requests. `check()` holds the books against the objects.
"""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from pathlib import Path
from random import Random
from typing import Any

from msgspec import Struct

from asgi import Answer, Client
from calm import CalmEngine
from nostro.api.server import Api
from nostro.app import JOBS, RESOURCES, make_world
from nostro.events.job import run_due
from nostro.kernel.clock import ManualClock
from nostro.kernel.ids import Ids
from nostro.kernel.settings import Settings
from nostro.ledger.audit import verify

DISPUTES = "dispute.open" in JOBS
PAYOUTS = any(resource.object == "payout" for resource in RESOURCES)
CURRENCIES = ("usd", "usd", "eur", "jpy", "kwd")
CARDS = (
    "visa", "visa", "mastercard", "bypassPending", "bypassPending", "chargeDeclined", "pendingRefund", "refundFail",
    "authenticationRequired", *(("createDispute", "createDisputeInquiry") if DISPUTES else ()),
)  # fmt: skip
EXPECTED = {200, 400, 402, 404, 409}
KEPT = {200, 402}  # these answers were committed with their effects


class Call(Struct, frozen=True):
    path: str
    form: dict[str, Any]
    key: str


class Simulation:
    def __init__(self, directory: Path, random: Random) -> None:
        self.directory = directory
        self.random = random
        self.clock = ManualClock()
        self.answers: dict[str, tuple[Call, Answer]] = {}
        self.intents: dict[str, str] = {}  # id and last status seen
        self.things: dict[str, list[str]] = {"disputes": [], "payouts": []}
        self.keys = 0
        self.crashes = 0
        self.log: list[str] = []

    async def open(self) -> None:
        await self._open(CalmEngine(self.directory / "books-0.db"))

    async def _open(self, engine: CalmEngine) -> None:
        self.engine = engine
        ids = Ids(seed=self.crashes)
        self.world = await make_world(Settings(dev=True, durable=False), clock=self.clock, ids=ids, engine=engine)
        self.client = Client(Api(self.world))

    async def close(self) -> None:
        await self.engine.close()

    # Steps ------------------------------------------------------------------------

    async def step(self) -> None:
        kinds = (self.burst, self.burst, self.burst, self.replay, self.race, self.pass_time, self.crash)
        await self.random.choice(kinds)()

    async def burst(self) -> None:
        """Several requests side by side."""
        calls = self._calls()
        answers = await asyncio.gather(*(self._send(call) for call in calls))
        for call, answer in zip(calls, answers, strict=True):
            self._learn(call, answer)

    async def replay(self) -> None:
        """The same requests with the same keys: the first answers, byte for byte."""
        for key in self._some(sorted(self.answers), 3):
            call, first = self.answers[key]
            again = await self._send(call)
            assert _same(again, first), f"{call} was first answered {first}, and now {again}"
            assert again.replayed

    async def race(self) -> None:
        """One key, sent twice at once: one is served, the other waits its turn or gets the same."""
        call = self._call()
        one, two = await asyncio.gather(self._send(call), self._send(call))
        for answer in (one, two):
            if answer.status != 409:
                self._learn(call, answer)
        assert 409 in (one.status, two.status) or _unlogged(one) == _unlogged(two)

    async def pass_time(self) -> None:
        seconds = self.random.choice((1, 10, 3_600, 86_400, 3 * 86_400, 8 * 86_400))
        self.log.append(f"{seconds} seconds pass")
        self.clock.advance(seconds)
        await run_due(self.world)

    async def crash(self) -> None:
        """Some requests are under way when the power goes; afterwards each is sent again with its key."""
        calls = self._calls()
        tasks = [asyncio.ensure_future(self._send(call)) for call in calls]
        for _ in range(self.random.randint(0, 12)):
            await asyncio.sleep(0)
        answered = {call.key: task.result() for call, task in zip(calls, tasks, strict=True) if task.done()}
        for task in tasks:
            task.cancel()
        self.crashes += 1
        file = self.directory / f"books-{self.crashes}.db"
        self.log.append(f"crash {self.crashes}, {len(answered)} of {len(calls)} were answered")
        await self.engine.crash(self.random, file)
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._open(CalmEngine(file))
        for call in calls:
            answer = await self._send(call)
            first = answered.get(call.key)
            if first is not None and first.status in KEPT:
                assert _same(answer, first), f"{call} was first answered {first}, and now {answer}"
            self._learn(call, answer)

    # Requests ----------------------------------------------------------------------

    def _calls(self) -> list[Call]:
        return [self._call() for _ in range(self.random.randint(1, 6))]

    def _call(self) -> Call:
        makers = [self._create, self._capture, self._refund, self._refund, self._act, self._raise]
        makers += [self._create] * (1 if len(self.intents) > 8 else 8)
        makers += [self._dispute] * DISPUTES + [self._payout] * PAYOUTS
        path, form = self.random.choice(makers)()
        self.keys += 1
        key = f"key-{self.keys}"
        if path.count("/") == 2:  # a new object, marked so that two of one key would show
            form["metadata"] = {"key": key}
        return Call(path, form, key)

    def _create(self) -> tuple[str, dict[str, Any]]:
        form = {
            "amount": self.random.choice((50, 100, 1_010, 12_340, 999_990)),
            "currency": self.random.choice(CURRENCIES),
            "payment_method": f"pm_card_{self.random.choice(CARDS)}",
            "confirm": self.random.random() < 0.9,
            "capture_method": self.random.choice(("automatic", "manual")),
            "payment_method_options": {"card": {"request_incremental_authorization": "if_available"}},
        }
        return "/v1/payment_intents", form

    def _capture(self) -> tuple[str, dict[str, Any]]:
        part = {} if self.random.random() < 0.4 else {"amount_to_capture": self.random.choice((10, 40, 50, 1_000))}
        return f"/v1/payment_intents/{self._intent('requires_capture')}/capture", part

    def _raise(self) -> tuple[str, dict[str, Any]]:
        amount = self.random.choice((1_500, 20_000, 50_000))
        return f"/v1/payment_intents/{self._intent('requires_capture')}/increment_authorization", {"amount": amount}

    def _act(self) -> tuple[str, dict[str, Any]]:
        act = self.random.choice(("cancel", "cancel", "confirm", "authenticate"))
        if act == "authenticate":
            outcome = {"outcome": self.random.choice(("succeed", "fail"))}
            return f"/v1/test_helpers/payment_intents/{self._intent('requires_action')}/authenticate", outcome
        form = {"payment_method": f"pm_card_{self.random.choice(CARDS)}"} if act == "confirm" else {}
        return f"/v1/payment_intents/{self._intent('requires_')}/{act}", form

    def _refund(self) -> tuple[str, dict[str, Any]]:
        part = {} if self.random.random() < 0.4 else {"amount": self.random.choice((10, 20, 40, 50, 600))}
        return "/v1/refunds", {"payment_intent": self._intent("succeeded"), **part}

    def _dispute(self) -> tuple[str, dict[str, Any]]:
        path = f"/v1/disputes/{self._thing('disputes')}"
        if self.random.random() < 0.3:
            return f"{path}/close", {}
        text = self.random.choice(("winning_evidence", "losing_evidence"))
        return path, {"evidence": {"uncategorized_text": text}, "submit": True}

    def _payout(self) -> tuple[str, dict[str, Any]]:
        if self.random.random() < 0.3:
            return f"/v1/payouts/{self._thing('payouts')}/{self.random.choice(('cancel', 'reverse'))}", {}
        amount = self.random.choice((1, 50, 1_000, 10_000))
        return "/v1/payouts", {"amount": amount, "currency": self.random.choice(CURRENCIES)}

    def _intent(self, status: str) -> str:
        """Mostly one of the latest that were last seen so, so that several requests meet at one intent."""
        fit = [id for id, seen in self.intents.items() if seen.startswith(status)]
        ids = fit if fit and self.random.random() < 0.9 else list(self.intents)
        latest = ids[-3:] if self.random.random() < 0.7 else ids
        return self.random.choice(latest) if latest else "pi_none"

    def _thing(self, kind: str) -> str:
        return self.random.choice(self.things[kind]) if self.things[kind] else "none"

    def _some(self, items: list[str], most: int) -> list[str]:
        return [self.random.choice(items) for _ in range(self.random.randint(1, most))] if items else []

    async def _send(self, call: Call) -> Answer:
        answer = await self.client("POST", call.path, call.form, key=call.key)
        assert answer.status in EXPECTED, f"{call}: {answer.status} {answer.body!r}"
        return answer

    def _learn(self, call: Call, answer: Answer) -> None:
        self.log.append(f"{call.key} {call.path} {call.form}: {answer.status}")
        if answer.status not in KEPT:
            return
        self.answers[call.key] = call, answer
        object = answer.json.get("error", {}).get("payment_intent") or answer.json
        kind = f"{object.get('object')}s"
        if kind == "payment_intents":
            self.intents[object["id"]] = object["status"]
        elif kind in self.things and object["id"] not in self.things[kind]:
            self.things[kind].append(object["id"])

    # Checks ------------------------------------------------------------------------

    async def check(self) -> None:
        """The books balance and verify, and the objects say what the ledger says."""
        problems = await verify(self.engine, self.world.registry)
        assert not problems, f"{problems[0]}\n" + "\n".join(self.log)
        await self._check_balance()
        charges = await self.client.all("/v1/charges")
        refunds = await self.client.all("/v1/refunds")
        self._check_charges(charges, refunds)
        await self._check_statement(charges, refunds)
        await self._check_holds(charges)
        await self._check_once()
        if DISPUTES:
            self.things["disputes"] = [dispute["id"] for dispute in await self.client.all("/v1/disputes")]

    async def _postings(self) -> Counter[tuple[str, str]]:
        """Every account by code and currency, added up from its lines, credit positive."""
        rows = await self.engine.rows(
            "SELECT a.code, a.currency, -sum(p.amount) FROM ledger_posting p "
            "JOIN ledger_account a ON a.account=p.account GROUP BY 1, 2"
        )
        totals: Counter[str] = Counter()
        for _, currency, amount in rows:
            totals[currency] += amount
        assert not any(totals.values()), f"the books are out of balance: {totals}"
        return Counter({(code, currency): amount for code, currency, amount in rows})

    async def _check_balance(self) -> None:
        shown: Counter[tuple[str, str]] = Counter()
        balance = (await self.client("GET", "/v1/balance")).json
        for kind in ("available", "pending"):
            for line in balance[kind]:
                shown[kind, line["currency"]] += line["amount"]
        booked: Counter[tuple[str, str]] = Counter()
        for (code, currency), amount in (await self._postings()).items():
            kind = code.split(":")[2] if code.startswith("merchant:") else ""
            if kind in ("available", "pending"):
                booked[kind, currency] += amount
        assert _nonzero(shown) == _nonzero(booked)

    async def _check_statement(self, charges: list[Any], refunds: list[Any]) -> None:
        """The lines add up to the balance; those of charges and of refunds to the objects themselves."""
        lines = await self.client.all("/v1/balance_transactions")
        nets: Counter[str] = Counter()
        for line in lines:
            assert line["net"] == line["amount"] - line["fee"]
            nets[line["currency"]] += line["net"]
        booked: Counter[str] = Counter()
        for (code, currency), amount in (await self._postings()).items():
            if code.startswith("merchant:") and code.split(":")[2] in ("available", "pending"):
                booked[currency] += amount
        assert _nonzero(nets) == _nonzero(booked)
        taken = sum(line["amount"] for line in lines if line["type"] == "charge")
        given = -sum(line["amount"] for line in lines if line["type"] in ("refund", "refund_failure"))
        assert taken == sum(charge["amount_captured"] for charge in charges)
        assert given == sum(r["amount"] for r in refunds if r["balance_transaction"] and _stands(r))

    def _check_charges(self, charges: list[Any], refunds: list[Any]) -> None:
        paid = Counter(charge["payment_intent"] for charge in charges if charge["paid"])
        assert not [intent for intent, times in paid.items() if times > 1], "an intent was charged twice"
        for charge in charges:
            own = [r for r in refunds if r["charge"] == charge["id"] and _stands(r)]
            money = sum(r["amount"] for r in own if r["balance_transaction"])
            assert charge["amount_refunded"] == sum(r["amount"] for r in own) <= charge["amount"]
            assert money <= charge["amount_captured"] <= charge["amount"]
            assert charge["refunded"] == (charge["amount_refunded"] == charge["amount"])

    async def _check_holds(self, charges: list[Any]) -> None:
        """What is held off the balance sheet is what is authorized and open."""
        open = [c for c in charges if c["paid"] and not c["captured"] and not c["refunded"]]
        held = Counter(
            {currency: sum(c["amount"] for c in open if c["currency"] == currency) for currency in CURRENCIES}
        )
        for (code, currency), amount in (await self._postings()).items():
            if code.endswith(":uncaptured"):
                held[currency] -= amount
        assert not _nonzero(held)

    async def _check_once(self) -> None:
        """However often a key was sent, and whatever crashed: one object at most."""
        for path in ("/v1/payment_intents", "/v1/refunds", *(("/v1/payouts",) if PAYOUTS else ())):
            keys = Counter(made["metadata"].get("key") for made in await self.client.all(path))
            keys.pop(None, None)
            assert not [key for key, times in keys.items() if times > 1], f"{path} made one thing twice"


def _same(one: Answer, two: Answer) -> bool:
    return (one.status, one.body) == (two.status, two.body)


def _stands(refund: dict[str, Any]) -> bool:
    return refund["status"] not in ("failed", "canceled")


def _nonzero(counter: Counter[Any]) -> dict[Any, int]:
    return {key: amount for key, amount in counter.items() if amount}


async def simulate(directory: Path, random: Random, steps: int) -> Simulation:
    """So many steps with a check after each. What fails carries the log of what was done."""
    simulation = Simulation(directory, random)
    await simulation.open()
    try:
        for _ in range(steps):
            await simulation.step()
            await simulation.check()
    except Exception as error:
        error.add_note("\n".join(simulation.log))
        raise
    finally:
        await simulation.close()
    return simulation


def _unlogged(answer: Answer) -> bytes:
    """The answer without the address of the request's log, which is each request's own."""
    return re.sub(rb'"request_log_url":"[^"]*"', b"", answer.body)
