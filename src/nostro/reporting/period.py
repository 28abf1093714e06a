"""Period: a month of a book, closed by an act of its own. What is closed stays as it is, for good.

Closing begins by locking: from that commit on nothing takes effect before the period's end, whoever writes (see
ledger/closed.py). Then a job makes the checks and the figures, in peace, for they can change no more. If a blocking
check finds something, the period is open again and says what it was. A closed one is not opened again: its figures
have been given out. What corrects it is booked later, in an entry that names it (`period`).

Months are closed in their order. The first that is closed takes everything before it along. Periods belong to the
book, so to the platform: its connected accounts' entries are in it, and they cannot close anything.
"""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Sequence
from typing import Literal

import msgspec

from nostro.kernel.clock import utc_text
from nostro.kernel.errors import invalid
from nostro.kernel.lifecycle import Lifecycle, Move
from nostro.kernel.resource import Filter, NoParams, Params, Resource, Shape, Stored, Verb, listing, retrieve
from nostro.ledger.audit import head
from nostro.ledger.closed import MONTH, PUT, TAKE, closed_until
from nostro.ledger.problem import Problem
from nostro.ledger.verified import keep, mark, patient, rest, verify_slice
from nostro.storage.tx import Tx

from .checks import Check
from .report import check_platform
from .span import Span, month_of, named
from .statements import Figures, balance_sheets, income_statements
from .turnover import cuts, turnovers

CLOSE = "report.period.close"
MOST_FINDINGS = 100
SLICE = 5_000  # entries that are verified in one run of the job
LINK = "SELECT hash FROM ledger_chain WHERE link=?"
Status = Literal["closing", "closed", "open"]


class CheckResult(Shape, frozen=True, kw_only=True):
    """`findings` are cut off after a hundred; `count` says how many there were."""

    count: int
    findings: list[str]
    name: str
    outcome: Literal["passed", "listed", "failed"]


class ClosingTotal(Shape, frozen=True, kw_only=True):
    """One currency's figures, minor units, at the end of the period; `result` is that of the period."""

    assets: int
    currency: str
    equity: int
    liabilities: int
    result: int


class ClosingFigures(Shape, frozen=True, kw_only=True):
    """`hash` is SHA-256 over the period's trial balance, account by account. `chain_hash` is the last link of the hash
    chain when they were made, `chain_link` its number, `entry` the last entry before."""

    accounts: int
    chain_hash: str
    chain_link: int
    entry: int
    hash: str
    totals: list[ClosingTotal]


class Period(Stored, frozen=True, kw_only=True):
    """`ends_at` is the first second that is not part of it."""

    object: Literal["report.period"] = "report.period"
    checks: list[CheckResult] = []
    closed_at: int | None = None
    ends_at: int
    figures: ClosingFigures | None = None
    livemode: bool = False
    month: str
    starts_at: int
    status: Status


class Record(Period, frozen=True, kw_only=True, omit_defaults=True):
    """`before` is up to when the book was closed before (seconds). Its close verifies the entries behind `verify_from`
    up to `verify_to`, the last one when it began."""

    before: int = 0
    verify_from: int | None = None
    verify_to: int | None = None


class Proof(Shape, frozen=True, kw_only=True):
    """The figures made again from the entries, and compared with those that were closed."""

    object: Literal["report.proof"] = "report.proof"
    chain_holds: bool
    expected_hash: str
    hash: str
    holds: bool
    livemode: bool
    period: str


class CreateParams(Params, frozen=True, kw_only=True):
    month: str


M = Move[Record]
LIFE: Lifecycle[Record] = Lifecycle(
    M("begin", (), "closing", emits=("report.period.closing",), meaning="Nothing more takes effect in it."),
    M("again", ("open",), "closing", emits=("report.period.closing",), meaning="What was found has been put right."),
    M("close", ("closing",), "closed", emits=("report.period.closed",), meaning="Checked, figures written, for good."),
    M(
        "release",
        ("closing",),
        "open",
        emits=("report.period.released",),
        meaning="A check failed, or it was given up.",
    ),
    rest=("open", "closed"),
)


# Closing ------------------------------------------------------------------------------


async def create(tx: Tx, params: CreateParams) -> Record:
    check_platform(tx)
    if not MONTH.fullmatch(params.month):
        raise invalid("A period is a month: 2026-10.", "month")
    span, before = named(params.month), await closed_until(tx.world.engine, tx.scope.book)
    found = await tx.all(PERIOD, {"month": params.month}, 1)
    if found and found[0].status != "open":
        if found[0].status == "closing":
            return found[0]
        raise invalid(f"{params.month} is closed, since {utc_text(found[0].closed_at or 0)} UTC.", "month",
                      "report_period_closed")  # fmt: skip
    _check_order(tx, span, before)
    tx.claim(TAKE, (tx.scope.book, span.ends, before))
    if found:
        tx.schedule(CLOSE, found[0].id, tx.now)
        return tx.move(found[0], LIFE["again"], checks=[], before=before, verify_from=None, verify_to=None)
    period = Record(
        id=tx.new_id("per"), created=tx.now, livemode=tx.scope.livemode, month=params.month, status="closing",
        starts_at=span.starts, ends_at=span.ends, before=before,
    )  # fmt: skip
    tx.schedule(CLOSE, period.id, tx.now)
    return tx.move(period, LIFE["begin"])


def _check_order(tx: Tx, span: Span, before: int) -> None:
    if span.ends > tx.now:
        raise invalid(f"{span.name} is not over yet: it ends at {utc_text(span.ends)} UTC.", "month")
    if before and span.starts != before:
        raise invalid(f"Months are closed in their order: the next one is {month_of(before)}.", "month")


def closer(checks: Sequence[Check]) -> Callable[[Tx, str], Awaitable[None]]:
    """Job `report.period.close`: verify the books, a slice each time it runs, so that other jobs have their turn; then
    check, make the figures and close; or say what is wrong and open it again."""

    async def close_job(tx: Tx, id: str) -> None:
        period = await tx.get(PERIOD, id)
        if period.status != "closing":
            return
        problems = await _verified(tx, period)
        if problems is None:
            return
        span = named(period.month)
        results = [_told("books_verified", [str(problem) for problem in problems], True)]
        results += [await _result(tx, span, check) for check in checks]
        period = await tx.get(PERIOD, id)
        if any(one.outcome == "failed" for one in results):
            _release(tx, period, results)
            return
        tx.move(period, LIFE["close"], checks=results, figures=await figures_of(tx, span), closed_at=tx.now)

    return close_job


async def _result(tx: Tx, span: Span, check: Check) -> CheckResult:
    return _told(check.name, await check.look(tx, span), check.blocks)


def _told(name: str, found: list[str], blocks: bool) -> CheckResult:
    outcome: Literal["passed", "listed", "failed"] = "passed" if not found else "failed" if blocks else "listed"
    return CheckResult(name=name, outcome=outcome, findings=found[:MOST_FINDINGS], count=len(found))


async def _verified(tx: Tx, period: Record) -> list[Problem] | None:
    """What is wrong with the books, from where they were verified last; None while there is more to look at."""
    engine = patient(tx.world.engine)
    reached = await mark(engine)
    if period.verify_to is None or period.verify_from is None:
        last = (await head(engine)).entries
        period = msgspec.structs.replace(period, verify_from=reached.entry, verify_to=last)
        tx.save(period)
    assert period.verify_to is not None and period.verify_from is not None
    if reached.entry < period.verify_to:
        reached, problems = await verify_slice(engine, tx.registry, reached, SLICE)
        if problems:
            return problems
        keep(tx, reached)
        if reached.entry < period.verify_to:
            tx.schedule(CLOSE, period.id, tx.now)
            return None
    return await rest(engine, reached, period.verify_from)


async def release(tx: Tx, period: Record, params: NoParams) -> Record:
    check_platform(tx)
    if period.status == "closed":
        raise invalid("This period is closed, for good.", code="report_period_closed")
    if period.status == "open":
        raise invalid("This period is open: there is nothing to give up.")
    tx.unschedule(CLOSE, period.id)
    return _release(tx, period, [])


def _release(tx: Tx, period: Record, results: list[CheckResult]) -> Record:
    tx.write_row(PUT, (tx.scope.book, period.before))
    return tx.move(period, LIFE["release"], checks=results)


# Figures ------------------------------------------------------------------------------


async def figures_of(tx: Tx, span: Span) -> ClosingFigures:
    """What was closed, and the hash that proves it."""
    engine, digest, accounts, made = tx.world.engine, hashlib.sha256(), 0, Figures()
    async for one in turnovers(engine, await cuts(engine, tx.scope.book, span)):
        if one.idle:
            continue
        accounts += 1
        made.add(one)
        digest.update(
            msgspec.json.encode((one.code, one.currency, one.kind, one.opening, one.debits, one.credits)) + b"\n"
        )
    earned = {one.currency: one.total for one in income_statements(made, Figures())}
    totals = [
        ClosingTotal(currency=sheet.currency, assets=sheet.assets.total, liabilities=sheet.liabilities.total,
                     equity=sheet.equity.total, result=earned[sheet.currency])
        for sheet in balance_sheets(made)
    ]  # fmt: skip
    end = await head(engine)
    return ClosingFigures(
        accounts=accounts, chain_hash=end.hash, chain_link=end.links, entry=end.entries, hash=digest.hexdigest(),
        totals=totals,
    )  # fmt: skip


async def prove(tx: Tx, period: Record, params: NoParams) -> Proof:
    """The same figures now; a change of any entry or balance in the period would show."""
    check_platform(tx)
    if period.figures is None:
        raise invalid(f"This period is {period.status}; only a closed one can be proven.")
    now = await figures_of(tx, named(period.month))
    links = await tx.world.engine.rows(LINK, (period.figures.chain_link,))
    chain = [hash for (hash,) in links] == [period.figures.chain_hash] or not period.figures.chain_link
    return Proof(
        chain_holds=chain, hash=now.hash, expected_hash=period.figures.hash, livemode=period.livemode,
        holds=chain and now.hash == period.figures.hash and now.totals == period.figures.totals, period=period.month,
    )  # fmt: skip


FILTERS = (Filter("month"), Filter("status", wide=True))
_ID = "/v1/reports/periods/{id}"
PERIOD: Resource[Record] = Resource(
    object="report.period",
    noun="period",
    prefix="per",
    record=Record,
    shape=Period,
    life=LIFE,
    doc="A month of the books, and its close: nothing takes effect in it any more. Beyond Stripe's API.",
    filters=FILTERS,
    verbs=(
        Verb(name="create", method="POST", path="/v1/reports/periods", run=create, params=CreateParams, kind="create",
             summary="Begin to close a month: it is locked, checked, and closed, or open again if a check fails."),
        listing("/v1/reports/periods", *FILTERS),
        retrieve(_ID),
        Verb(name="release", method="POST", path=f"{_ID}/release", run=release,
             summary="Give up closing a month that is not closed yet."),
        Verb(name="prove", method="GET", path=f"{_ID}/proof", run=prove, answers=Proof,
             summary="Make a closed month's figures again, and compare them with those that were closed."),
    ),
    errors=("report_period_closed",),
)  # fmt: skip
RESOURCE = PERIOD
