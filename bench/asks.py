"""What is asked of a server at each size: every list by every filter, every searched field, and single objects."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote, urlencode

import msgspec
from msgspec import Struct

from nostro.app import RESOURCES
from nostro.kernel.ids import time_code
from nostro.kernel.resource import Filter, Resource, Verb
from nostro.storage.body import whole
from nostro.storage.engine import Engine
from nostro.storage.unit import Scope

PAY = (
    "amount=2000&confirm=true&currency=usd&payment_method=pm_card_visa&payment_method_types[0]=card"
    "&metadata[order_id]=order-{n}"
)
SAMPLE = 300
KINDS = ("app:topup", "charge.capture", "payout.fail")  # of an application, common, rare
Body = dict[str, Any]


class Ask(Struct, frozen=True):
    """`form` answers the body of the n-th such request, or is None for a GET."""

    name: str
    path: str
    form: Callable[[int], str] | None = None


class Sample(Struct):
    """The oldest and the newest records of a resource, and one from the middle of them all."""

    resource: Resource[Any]
    bodies: list[Body]
    middle: str
    moment: int

    def values(self, path: str) -> list[str]:
        """The commonest value of a field among them and the rarest, as a caller would write them."""
        found = Counter(_at(body, path) for body in self.bodies)
        found.pop(None, None)
        ranked = [value for value, _ in found.most_common()]
        return [_written(value) for value in dict.fromkeys((*ranked[:1], *ranked[-1:]))]


async def sampled(engine: Engine, scope: Scope, resource: Resource[Any], halfway: int) -> Sample | None:
    """`halfway` is the moment (seconds) at which half of the records were there."""
    bodies: list[Body] = []
    for order in ("ASC", "DESC"):
        rows = await engine.rows(
            f'SELECT id, created, body FROM "{resource.table}" WHERE scope=? ORDER BY id {order} LIMIT ?',
            (scope.number, SAMPLE),
        )
        bodies += [msgspec.json.decode(whole(*row)) for row in rows]
    code = f"{resource.prefix}_{time_code(halfway * 1_000_000)}"
    rows = await engine.rows(
        f'SELECT id, created FROM "{resource.table}" WHERE scope=? AND id>=? ORDER BY id LIMIT 1', (scope.number, code)
    )
    middle, moment = rows[0] if rows else (bodies[-1]["id"], bodies[-1]["created"]) if bodies else ("", 0)
    return Sample(resource, bodies, middle, moment) if bodies else None


async def asks(engine: Engine, scope: Scope, halfway: int) -> list[Ask]:
    made: list[Ask] = []
    for resource in RESOURCES:
        sample = await sampled(engine, scope, resource, halfway) if resource.stored else None
        if sample is None:
            continue
        for verb in resource.verbs:
            if verb.kind == "retrieve" and verb.run is None and verb.path.count("{") == 1:
                made += [Ask(f"get {resource.name}", verb.path.replace("{id}", sample.middle))]
            elif verb.kind == "list" and verb.run is None:
                made += _lists(sample, verb)
            elif verb.kind == "search":
                made += _searches(sample, verb)
    return [*made, *await _books(engine, scope), *CREATED]


def _lists(sample: Sample, verb: Verb) -> Iterator[Ask]:
    """Each filter alone, and with `created`; the first page and one from the middle."""
    names = [part[1:-1] for part in verb.path.split("/") if part.startswith("{")]
    path = verb.path
    for name in names:
        found = sample.values(name)
        if not found:
            return
        path = path.replace(f"{{{name}}}", found[0])
    filters = [filter for filter in verb.filters if filter.always is None and filter.name not in names]
    asked = [] if any(filter.required for filter in filters) else [("", {})]
    for filter in filters:
        for what, value in _given(sample, filter):
            asked.append((f" {filter.name}={what}", value))
    deep, recent = {"starting_after": sample.middle}, {"created[lte]": str(sample.moment)}
    for what, form in asked:
        for where, more in (("", {}), (", deep page", deep), (", created", recent)):
            yield Ask(f"list {verb.path}{what}{where}", f"{path}?{urlencode({'limit': '10', **form, **more})}")


def _given(sample: Sample, filter: Filter) -> Iterator[tuple[str, dict[str, str]]]:
    if filter.kind == "lacks":
        yield from (("true", {filter.name: "true"}), ("false", {filter.name: "false"}))
    elif filter.kind == "bool":
        yield from ((word, {filter.name: word}) for word in ("true", "false"))
    elif filter.kind == "range":
        yield "range", {f"{filter.name}[gte]": str(sample.moment), f"{filter.name}[lt]": str(sample.moment + 86_400)}
    else:
        for what, value in zip(("common", "rare"), sample.values(filter.field), strict=False):
            yield what, {f"{filter.name}[0]" if filter.kind == "any" else filter.name: value}
        if filter.kind == "pattern":
            yield "pattern", {filter.name: "charge.*"}
        yield "nothing", {f"{filter.name}[0]" if filter.kind == "any" else filter.name: "nothing"}


def _searches(sample: Sample, verb: Verb) -> Iterator[Ask]:
    for name, field in sample.resource.search.items():
        values = sample.values(field.path)
        for what, value in (
            *zip(("common", "rare"), values, strict=False),
            *([] if field.kind == "number" else [("nothing", "nothing")]),
        ):
            yield _search(verb, f"{name}:{what}", f"{name}:{_quoted(value)}")
        if field.kind == "string" and values:
            yield _search(verb, f"{name}~rare", f"{name}~{_quoted(values[-1][-12:])}")
    for key in ("plan", "order_id"):
        values = sample.values(f"metadata.{key}")
        for value in values[-1:]:
            yield _search(verb, f"metadata {key}", f'metadata["{key}"]:{_quoted(value)}')


def _search(verb: Verb, what: str, query: str) -> Ask:
    return Ask(f"search {verb.path.split('/')[2]} {what}", f"{verb.path}?{urlencode({'query': query})}")


def _quoted(value: str) -> str:
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


async def _books(engine: Engine, scope: Scope) -> list[Ask]:
    """The merchant's busiest account, one of the application's own, and the journal."""
    available = f"merchant:{scope.merchant}:available"
    rows = await engine.rows("SELECT code FROM ledger_opened WHERE book=? ORDER BY code LIMIT 1", (scope.book,))
    half = await engine.rows("SELECT recorded FROM ledger_entry WHERE entry=(SELECT max(entry)/2 FROM ledger_entry)")
    since = f"?since={half[0][0] // 1_000_000}" if half else "?"
    made = [Ask("balance", "/v1/balance"), Ask("list /v1/ledger/entries", "/v1/ledger/entries")]
    for what, code in (("hot account", available), *(("own account", code) for (code,) in rows)):
        path = f"/v1/ledger/accounts/{quote(code, safe='')}/statement"
        balance = f"/v1/ledger/balances?account={quote(code)}&currency=usd"
        effective = f"&effective_at={half[0][0] // 1_000_000}" if half else ""
        at = f"&at={half[0][0] // 1_000_000}" if half else ""
        made += [
            Ask(f"statement, {what}", path + "?limit=10&currency=usd"),
            Ask(f"statement, {what}, since the middle", f"{path}{since}&limit=10&currency=usd"),
            Ask(f"balance, {what}", balance),
            Ask(
                f"balance, {what}, by effective time",
                f"/v1/ledger/balances?account={quote(code)}&currency=usd{effective}",
            ),
            Ask(f"balance, {what}, in the past", f"{balance}{at}"),
            Ask(f"list /v1/ledger/entries, {what}", f"/v1/ledger/entries?account={quote(code)}"),
        ]
    kinds = [Ask(f"list /v1/ledger/entries kind={kind}", f"/v1/ledger/entries?kind={kind}") for kind in KINDS]
    return [*made, *kinds]


CREATED = [
    Ask("create payment", "/v1/payment_intents", lambda n: PAY.format(n=n)),
    Ask("create customer", "/v1/customers", lambda n: f"email=new{n}@example.com&name=New&metadata[plan]=basic"),
]


def _at(body: Any, path: str) -> Any:
    for step in path.split("."):
        body = body.get(step) if isinstance(body, dict) else None
    return body if isinstance(body, str | int) else None


def _written(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
