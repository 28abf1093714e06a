"""No route breaks, whatever it is sent: for every verb of every resource, wrong input is refused in Stripe's form.

Random values go into declared and undeclared parameters: wrong types, nesting, huge numbers, ids of other things. An
answer is never a 500, and what was refused (400, 403, 404, 409, 413) has written nothing: no row, no entry, no event.
At the end the books verify.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path
from random import Random
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import msgspec
import pytest

from asgi import Client
from nostro.api.pagination import SearchParams, list_params
from nostro.api.server import Api
from nostro.app import RESOURCES, make_world
from nostro.kernel.clock import ManualClock
from nostro.kernel.form import FormError, encode
from nostro.kernel.ids import Ids
from nostro.kernel.resource import Resource, Verb
from nostro.kernel.settings import Settings
from nostro.ledger.audit import verify
from nostro.storage.sqlite import SqliteEngine
from nostro.storage.world import World
from seller import WHOLE

TRIES = 12
REFUSED = {400, 403, 404, 409, 413}
# Verbs that wait for the background work have none to wait for here.
VERBS = [(resource, verb) for resource in RESOURCES for verb in resource.verbs if verb.kind != "system"]
HUGE = 2**63
WRONG: tuple[Any, ...] = (
    "", " ", "0", "-1", "1", "1.5", "1e400", "NaN", "0x10", "true", "null", "[]", "{}", "\ud7ff", "é" * 300,
    "a" * 6000, "usd", "USD", "xyz", str(HUGE), str(-HUGE - 1), "9" * 400, "card", "tok_visa", "pm_card_visa", "cus_1",
    "pi_", "_", "%", "'", "http://127.0.0.1", "https://x.test/\n", [], [""], ["1", "2"], [["1"]], [{"a": "b"}],
    {"a": "b"}, {"object": "card"}, {"type": "card"}, {"a": {"b": {"c": {"d": ["e"]}}}},
)  # fmt: skip

# What a right value looks like, by the parameter's name.
PLAIN = {
    "source": "tok_visa", "token": "tok_visa", "type": "card", "email": "a@b.test", "number": "4242424242424242",
    "exp_month": "12", "exp_year": "2040", "cvc": "123", "url": "https://x.test/", "return_url": "https://x.test/",
    "country": "US", "query": "created>0", "account_number": "000123456789", "routing_number": "110000000",
    "account_holder_name": "A B",
}  # fmt: skip
PREFIXES = {"charge": "ch_", "payment_intent": "pi_", "payment_method": "pm_", "setup_intent": "seti_"}


class Route:
    """One verb, and how to make up calls of it."""

    def __init__(self, resource: Resource[Any], verb: Verb, ids: list[str], random: Random) -> None:
        self.verb, self.ids, self.random = verb, ids, random
        self.prefix = resource.prefix
        self.wrongness = 0.0
        self.params: Any = verb.params
        if verb.kind in ("list", "search"):
            self.params = list_params(verb) if verb.kind == "list" else SearchParams

    def path(self) -> str:
        return re.sub(r"\{(\w+)\}", lambda found: self._id(found[1]), self.verb.path)

    def form(self) -> dict[str, Any]:
        """Parameters that can be written in a form: a mapping's place takes no list."""
        while True:
            form = self._form()
            try:
                encode(form)
            except FormError:
                continue
            return form

    def _form(self) -> dict[str, Any]:
        self.wrongness = self.random.choice([0.0, 0.05, 0.2])
        form = self._struct(self.params, 0)
        if self.random.random() < self.wrongness:
            form[self.random.choice(["nosuch", "expand", "metadata", "limit", "id", "object"])] = self._wrong()
        return form

    def _id(self, name: str) -> str:
        own = [id for id in self.ids if id.startswith(self.prefix + "_" if name == "id" else name[:2])]
        return (
            self.random.choice(own or self.ids) if self.random.random() < 0.9 else self.random.choice(["x", "_", "%"])
        )

    def _struct(self, shape: Any, depth: int) -> dict[str, Any]:
        hints = get_type_hints(shape, include_extras=True)
        form = {}
        for field in msgspec.structs.fields(shape):
            if field.required or self.random.random() < 0.25:
                form[field.encode_name] = self._value(hints[field.name], field.name, depth)
        return form

    def _value(self, hint: Any, name: str, depth: int) -> Any:
        if self.random.random() < self.wrongness or depth > 5:
            return self._wrong()
        origin, inner = get_origin(hint), get_args(hint)
        if hasattr(hint, "__metadata__"):
            return self._value(hint.__origin__, name, depth)
        if origin in (Union, UnionType):
            real = [one for one in inner if one not in (NoneType, msgspec.UnsetType)]
            return self._value(self.random.choice(real), name, depth) if real else ""
        if origin is Literal:
            return self.random.choice(inner)
        if origin in (list, tuple):
            return [self._value(inner[0], name, depth + 1) for _ in range(self.random.randint(0, 2))]
        if origin is dict:
            return {self.random.choice(["a", "card", "x y"]): self._value(inner[1], name, depth + 1)}
        if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
            return self._struct(hint, depth + 1)
        return self._plain(hint, name)

    def _plain(self, hint: Any, name: str) -> Any:
        if hint is int:
            return self.random.choice([0, 1, 100, 2000, 99_999_999, HUGE - 1, 1_800_000_000])
        if hint is bool:
            return self.random.choice(["true", "false"])
        if name == "currency":
            return self.random.choice(["usd", "jpy", "KWD", "xxx"])
        if name in PLAIN and self.random.random() < 0.8:
            return PLAIN[name]
        own = [id for id in self.ids if id.startswith(PREFIXES.get(name, name[:3]))]
        return self.random.choice(own * 9 + [*self.ids, "pm_card_visa", "tok_visa", "x", "a@b.test", "https://x.test/"])

    def _wrong(self) -> Any:
        return self.random.choice(WRONG)


ORIGINATOR = {"company_id": "1234567890", "company_name": "MARKET INC", "routing_number": "110000000"}


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    settings = Settings(dev=True, durable=False, database=f"sqlite:///{tmp_path}/books.db")
    made = await make_world(settings, clock=ManualClock(), ids=Ids(seed=1))
    yield made
    await made.engine.close()


async def _furnished(client: Client) -> list[str]:
    """A few real objects, so that the wrong input reaches further than `No such ...`."""
    customer = (await client("POST", "/v1/customers", {"email": "a@b.test"})).json["id"]
    found, paid = [customer], ""
    card = {"currency": "usd", "payment_method_types": ["card"], "amount": 2000}
    for form in (
        card,
        {**card, "payment_method": "pm_card_visa"},
        {**card, "payment_method": "pm_card_bypassPending", "confirm": True, "customer": customer},
        {**card, "payment_method": "pm_card_visa", "confirm": True, "capture_method": "manual"},
        {**card, "payment_method": "pm_card_authenticationRequired", "confirm": True, "return_url": "https://x.test/"},
    ):
        made = (await client("POST", "/v1/payment_intents", form)).json
        found += [made[name] for name in ("id", "latest_charge", "payment_method") if made[name]]
        paid = made["id"] if made["status"] == "succeeded" else paid
    wants = {"transfers": {"requested": True}, "card_payments": {"requested": True}}
    account = (await client("POST", "/v1/accounts", {"type": "custom", "capabilities": wants, **WHOLE})).json["id"]
    found.append(account)
    for path, form in (
        (f"/v1/accounts/{account}/persons", {"first_name": "Ada"}),
        (f"/v1/accounts/{account}/external_accounts", {"external_account": "btok_us"}),
        ("/v1/setup_intents", {"payment_method": "pm_card_visa", "confirm": True, "payment_method_types": ["card"]}),
        ("/v1/refunds", {"payment_intent": paid, "amount": 5}),
        ("/v1/payouts", {"amount": 100, "currency": "usd"}),
        ("/v1/transfers", {"amount": 60, "currency": "usd", "destination": account}),
        ("/v1/originating_accounts", {"format": "nacha", "nacha": ORIGINATOR}),
        ("/v1/tokens", {"card": {"number": "4242424242424242", "exp_month": 12, "exp_year": 2040}}),
        ("/v1/webhook_endpoints", {"url": "https://x.test/", "enabled_events": ["*"]}),
        (f"/v1/customers/{customer}/sources", {"source": "tok_visa"}),
        (f"/v1/customers/{customer}/tax_ids", {"type": "eu_vat", "value": "DE123456789"}),
        ("/v1/test_helpers/confirmation_tokens", {"payment_method": "pm_card_visa"}),
    ):
        answer = await client("POST", path, form)
        assert answer.status == 200, (path, answer.body)
        found.append(answer.json["id"])
    return found + [event["id"] for event in await client.all("/v1/events")][:2]


def _changes(world: World) -> int:
    """How many rows were written since the start."""
    assert isinstance(world.engine, SqliteEngine)
    return world.engine._writer.total_changes()


@pytest.mark.parametrize("seed", range(2))
async def test_wrong_input_is_refused_and_leaves_nothing(world: World, seed: int) -> None:
    api, random, reached = Api(world), Random(seed), set()
    for number, (resource, verb) in enumerate(VERBS):
        client = Client(api, f"sk_test_{number}")
        ids = await _furnished(client)
        route = Route(resource, verb, ids, random)
        before = _changes(world)
        for _ in range(TRIES):
            path, form = route.path(), route.form()
            answer = await client(verb.method, path, form)
            assert answer.status < 500, (verb.method, path, form, answer.body)
            if answer.status == 200:
                reached.add((verb.method, verb.path))
            after = _changes(world)
            assert answer.status not in REFUSED or after == before, (verb.method, path, form, answer.body)
            before = after
            if answer.status >= 400:
                assert answer.json["error"]["type"] and answer.json["error"]["message"], answer.body
    assert len(reached) > len(VERBS) * 2 // 5, "the calls are too wrong to reach anything"
    assert await verify(world.engine, world.registry) == []
