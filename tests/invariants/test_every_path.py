"""Every path of every life of every resource, walked through the real `Tx`.

At each step the entry balances and its accounts are on the chart; at rest nothing of the object is left in a
clearing or memorandum account. A new resource is tested here before its author writes a test. The records are
filled with random amounts, because a rule must balance whatever the numbers are.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator
from random import Random
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import msgspec
import pytest

from nostro.app import JOBS, RAILS, RESOURCES
from nostro.events.catalog import EVENT_TYPES
from nostro.kernel.clock import ManualClock
from nostro.kernel.ids import Ids
from nostro.kernel.lifecycle import Lifecycle, Move
from nostro.kernel.posting import Posting, credit, debit
from nostro.kernel.resource import Registry, Resource, Stored
from nostro.kernel.settings import Settings
from nostro.ledger import chart
from nostro.storage.sqlite import SqliteEngine
from nostro.storage.tx import Tx
from nostro.storage.unit import Scope
from nostro.storage.world import World

NOW = 1_790_000_000
FILLS = 4
FIXED = {"currency": "usd", "merchant": "acct_1", "rail": "card", "livemode": False}
TIMES = ("created", "_at", "_on", "due", "date", "_by")
# What the verbs change along with a move, where that is money: a hold grows by what it is raised.
CHANGES: dict[tuple[str, str], Callable[[Any], dict[str, Any]]] = {
    ("charge", "increment"): lambda charge: {"amount": charge.amount + charge.grown},
    ("bulk_payout", "add"): lambda bulk: {"amount": bulk.amount + 90, "step": 90},
    ("bulk_payout", "settle"): lambda bulk: {"settled_amount": bulk.settled_amount + 7, "step": 7},
    ("bulk_payout", "complete"): lambda bulk: {
        "settled_amount": bulk.settled_amount + bulk.on_its_way,
        "step": bulk.on_its_way,
    },
    ("bulk_payout", "fail"): lambda bulk: {"failed_amount": bulk.failed_amount + 5, "step": 5},
    ("bulk_payout", "fail_all"): lambda bulk: {
        "failed_amount": bulk.failed_amount + bulk.on_its_way,
        "step": bulk.on_its_way,
    },
    ("bulk_payout", "return"): lambda bulk: {"step": 3},
    ("bulk_payout", "return_late"): lambda bulk: {"step": 3},
}
WITH_LIFE = [resource for resource in RESOURCES if resource.life is not None]


# Records to walk with -----------------------------------------------------------


def filled(resource: Resource[Any], random: Random) -> Any:
    """The resource's own example, or a record whose numbers and required fields are filled in."""
    if resource.example is not None:
        return resource.example()
    return _struct(resource.record, random, numbers=True)


def _struct(shape: Any, random: Random, numbers: bool = False) -> Any:
    hints = get_type_hints(shape, include_extras=True)
    given = {}
    for field in msgspec.structs.fields(shape):
        amount = numbers and hints[field.name] is int
        if field.required or amount or field.name in FIXED:
            given[field.name] = _value(field.name, hints[field.name], random)
    return shape(**given)


def _value(name: str, hint: Any, random: Random) -> Any:
    if name in FIXED:
        return FIXED[name]
    origin, inner = get_origin(hint), get_args(hint)
    if origin is Literal:
        return inner[0]
    if origin in (Union, UnionType):
        return None if NoneType in inner else _value(name, inner[0], random)
    if hint is int:
        return NOW + random.randint(-9, 9) * 86_400 if name.endswith(TIMES) else random.randint(1, 1_000_000)
    if hint is str:
        return f"{name}_1"
    if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
        return _struct(hint, random)
    if hasattr(hint, "__metadata__"):
        return _value(name, hint.__origin__, random)
    return (origin or hint)()


# The walk -------------------------------------------------------------------------


def new_tx(*resources: Resource[Any]) -> Tx:
    world = World(
        engine=SqliteEngine(":memory:", durable=False), registry=Registry(resources), clock=ManualClock(),
        ids=Ids(seed=1), settings=Settings(), rails=RAILS, jobs=JOBS, api_version="", work=asyncio.Event(),
    )  # fmt: skip
    return Tx(world, Scope(number=1, merchant="acct_1", livemode=False, book=1))


Standing = Counter[tuple[str, str]]


def complaints(resource: Resource[Any], tx: Tx, fills: int = FILLS) -> Iterator[str]:
    """What is wrong with any of the resource's paths. A path's beginning was walked just before, so it goes on."""
    assert resource.life is not None
    for seed in range(fills):
        walked: dict[int, tuple[Any, Standing] | None] = {0: (filled(resource, Random(seed)), Counter())}
        for path in resource.life.paths():
            before = walked[len(path) - 1]
            walked[len(path)] = None
            if before is None:
                continue
            record, standing = before[0], before[1].copy()
            where = f"{resource.object}: {' > '.join(move.name for move in path)}"
            try:
                record = _step(tx, resource, record, path[-1], standing)
            except AssertionError as error:
                yield f"{where}: {error}"
                continue
            walked[len(path)] = record, standing
            yield from _off_chart(where, standing)
            if path[-1].target in resource.life.rest:
                yield from _left_behind(where, standing)


def _step(tx: Tx, resource: Resource[Any], record: Any, move: Move[Any], standing: Standing) -> Any:
    changed = CHANGES.get((resource.object, move.name), lambda _: {})(record)
    tx.unit.entries.clear()
    tx.happened.clear()
    moved = tx.move(record, move, **changed)
    assert resource.life is not None and getattr(moved, resource.life.field) == move.target
    for posting in [posting for entry in tx.unit.entries for posting in entry.postings]:
        standing[posting.account, posting.currency] += posting.amount
    return moved


def _off_chart(where: str, standing: Standing) -> Iterator[str]:
    totals: Counter[str] = Counter()
    for (code, currency), amount in standing.items():
        totals[currency] += amount
        if _row(code) is None:
            yield f"{where}: {code} is not on the chart of accounts"
    if any(totals.values()):
        yield f"{where}: the entry does not balance"


def _left_behind(where: str, standing: Standing) -> Iterator[str]:
    for (code, currency), amount in standing.items():
        row = _row(code)
        if amount and row is not None and (row.clearing or row.kind == "memorandum"):
            yield f"{where}: at rest, but {amount} {currency} is left in {code}"


def _row(code: str) -> chart.Account | None:
    try:
        return chart.account_of(code)
    except KeyError:
        return None


@pytest.mark.parametrize("resource", WITH_LIFE, ids=lambda resource: resource.object)
async def test_every_path_balances_and_clears(resource: Resource[Any]) -> None:
    assert next(complaints(resource, new_tx(*RESOURCES)), None) is None


@pytest.mark.parametrize("resource", WITH_LIFE, ids=lambda resource: resource.object)
def test_every_event_of_a_life_has_a_name_that_can_be_listened_to(resource: Resource[Any]) -> None:
    assert resource.life is not None
    unknown = {event for move in resource.life.moves.values() for event in move.emits} - set(EVENT_TYPES)
    assert not unknown


def test_money_moves_somewhere() -> None:
    """The walk would pass for want of anything to check; at least these move money."""
    moving = {
        r.object for r in WITH_LIFE if r.life and any(m.posts.__name__ != "nothing" for m in r.life.moves.values())
    }
    assert {"charge", "refund"} <= moving


# The walk can fail ----------------------------------------------------------------


class Loan(Stored, frozen=True, kw_only=True, omit_defaults=True):
    object: Literal["loan"] = "loan"
    amount: int
    fee: int = 0
    currency: str
    status: Literal["pending", "paid", "failed"] = "pending"


def take(loan: Loan) -> tuple[Posting, ...]:
    return debit(chart.available("acct_1"), loan.amount, "usd"), credit(
        chart.refunds_payable("card"), loan.amount, "usd"
    )


def pay(loan: Loan) -> tuple[Posting, ...]:
    return debit(chart.refunds_payable("card"), loan.amount, "usd"), credit(
        chart.receivable("card"), loan.amount, "usd"
    )


def give_back(loan: Loan) -> tuple[Posting, ...]:
    return debit(chart.refunds_payable("card"), loan.amount, "usd"), credit(
        chart.available("acct_1"), loan.amount, "usd"
    )


def pay_less_a_fee(loan: Loan) -> tuple[Posting, ...]:
    return debit(chart.refunds_payable("card"), loan.amount, "usd"), credit(
        chart.receivable("card"), loan.amount - loan.fee, "usd"
    )


def pay_elsewhere(loan: Loan) -> tuple[Posting, ...]:
    return debit(chart.refunds_payable("card"), loan.amount, "usd"), credit("somewhere:else", loan.amount, "usd")


def give_back_the_fee(loan: Loan) -> tuple[Posting, ...]:
    return debit(chart.refunds_payable("card"), loan.fee, "usd"), credit(chart.available("acct_1"), loan.fee, "usd")


def nothing(_: Loan) -> tuple[Posting, ...]:
    return ()


def loan(pays: Any = pay, fails: Any = give_back) -> Resource[Loan]:
    life: Lifecycle[Loan] = Lifecycle(
        Move("create", (), "pending", take),
        Move("pay", ("pending",), "paid", pays),
        Move("fail", ("pending",), "failed", fails),
        Move("bounce", ("paid",), "failed", lambda it: (*_reverse(pays(it)), *fails(it))),
        rest=("paid", "failed"),
    )
    return Resource(object="loan", prefix="ln", record=Loan, shape=Loan, verbs=(), life=life)


def _reverse(postings: tuple[Posting, ...]) -> tuple[Posting, ...]:
    return tuple(Posting(posting.account, -posting.amount, posting.currency) for posting in postings)


async def test_a_right_life_passes() -> None:
    resource = loan()
    assert list(complaints(resource, new_tx(resource))) == []


@pytest.mark.parametrize(
    ("resource", "said"),
    [
        (loan(pays=pay_less_a_fee), "out of balance"),
        (loan(pays=pay_elsewhere), "not on the chart"),
        (loan(fails=nothing), "create > fail: at rest, but"),
        (loan(fails=give_back_the_fee), "create > fail: at rest, but"),
        (loan(pays=nothing), "create > pay: at rest, but"),
    ],
    ids=["unbalanced", "off the chart", "forgotten", "too little", "never paid"],
)
async def test_a_wrong_life_is_found(resource: Resource[Loan], said: str) -> None:
    assert any(said in complaint for complaint in complaints(resource, new_tx(resource)))
