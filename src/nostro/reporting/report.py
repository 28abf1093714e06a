"""Reports: trial balance, balance sheet, income statement and an account's lines, of any period, over the API.

A report is of a whole book: a platform's with those of its connected accounts, for that is where money balances. From
a line of a statement one goes down to its accounts (`trial_balance?line=`) and on to their entries (`account_lines`).
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import Meta

from nostro.kernel.clock import SECOND
from nostro.kernel.errors import invalid, no_such
from nostro.kernel.resource import Params, Resource, Shape, Verb
from nostro.ledger import account as books
from nostro.ledger.batches import entry_id
from nostro.ledger.chart import Kind, Side
from nostro.ledger.closed import closed_until
from nostro.storage.tx import Tx

from . import ledger_card
from .span import Span, between, month, named
from .statements import Figures, Part, Result, Section, Sheet, balance_sheets, figures, income_statements
from .turnover import Basis, Turnover, cuts, turnovers

PATH = "/v1/reports"


class ReportLine(Shape, frozen=True, kw_only=True):
    """Minor units, positive on the section's normal side. `previous_amount` is the figure to compare with."""

    amount: int
    line: str
    meaning: str
    previous_amount: int


class ReportSection(Shape, frozen=True, kw_only=True):
    lines: list[ReportLine]
    previous_total: int
    section: Section
    total: int


class BalanceSheet(Shape, frozen=True, kw_only=True):
    """`previous` figures are those at the beginning of the period."""

    balanced: bool
    currency: str
    sections: list[ReportSection]


class IncomeStatement(Shape, frozen=True, kw_only=True):
    """`previous` figures are those of the period before. `result` is revenue less expenses."""

    currency: str
    previous_result: int
    result: int
    sections: list[ReportSection]


class Report(Shape, frozen=True, kw_only=True):
    """What all reports say of themselves; `ends_at` is the first second that is not part of the period."""

    basis: Basis
    closed: bool
    ends_at: int
    livemode: bool
    period: str
    starts_at: int


class BalanceSheetReport(Report, frozen=True, kw_only=True):
    object: Literal["report.balance_sheet"] = "report.balance_sheet"
    sheets: list[BalanceSheet]


class IncomeReport(Report, frozen=True, kw_only=True):
    object: Literal["report.income_statement"] = "report.income_statement"
    statements: list[IncomeStatement]


class TrialBalanceRow(Shape, frozen=True, kw_only=True):
    """Minor units. Balances are debit positive."""

    account: str
    closing_balance: int
    credits: int
    currency: str
    debits: int
    line: str
    normal_balance: Side
    opening_balance: int
    type: Kind


class TrialBalanceTotal(Shape, frozen=True, kw_only=True):
    """Over all accounts of the currency: opening balances add up to zero, and debits equal credits. With `line`, over
    that line alone, which need not balance."""

    balanced: bool
    credits: int
    currency: str
    debits: int


class TrialBalanceReport(Report, frozen=True, kw_only=True):
    """`totals` are over all accounts that were asked for, and only with the first page."""

    object: Literal["report.trial_balance"] = "report.trial_balance"
    accounts: list[TrialBalanceRow]
    has_more: bool
    totals: list[TrialBalanceTotal]


class AccountLine(Shape, frozen=True, kw_only=True):
    """Minor units, debit positive. `number` is the entry's place in the journal."""

    amount: int
    balance: int
    description: str | None
    effective_at: int
    entry: str
    kind: str
    number: int
    recorded_at: int
    source: str


class AccountLinesReport(Report, frozen=True, kw_only=True):
    object: Literal["report.account_lines"] = "report.account_lines"
    account: str
    closing_balance: int
    currency: str
    has_more: bool
    lines: list[AccountLine]
    opening_balance: int


class ReportParams(Params, frozen=True, kw_only=True):
    """A period by its name, or from `starts_at` up to `ends_at`; without either the month that it is."""

    basis: Basis = "effective"
    currency: str | None = None
    ends_at: int | None = None
    period: Annotated[str, Meta(max_length=40, description="2026-10, 2026-Q4, 2026, 2026-10-01/2026-10-15")] | None = (
        None
    )
    starts_at: int | None = None


class TrialBalanceParams(ReportParams, frozen=True, kw_only=True):
    limit: Annotated[int, Meta(ge=1, le=1000)] = 100
    line: str | None = None
    starting_after: str | None = None
    zero: bool = False


class AccountLinesParams(ReportParams, frozen=True, kw_only=True):
    account: str
    after: int = 0
    limit: Annotated[int, Meta(ge=1, le=1000)] = 100


def check_platform(tx: Tx) -> None:
    if tx.scope.connected:
        raise invalid("The books are the platform's: ask with its key, without the header Stripe-Account.")


def span_of(tx: Tx, params: ReportParams) -> Span:
    moments = (params.starts_at, params.ends_at)
    if params.period is not None and moments != (None, None):
        raise invalid("Name a period, or two moments, not both.", "period", "parameters_exclusive")
    try:
        if params.period is not None:
            return named(params.period)
        if params.starts_at is None and params.ends_at is None:
            return month(tx.now)
        return between(params.starts_at or 0, tx.now + 1 if params.ends_at is None else params.ends_at)
    except (ValueError, OverflowError) as error:
        raise invalid(f"{error}", "period" if params.period is not None else "starts_at") from None


async def _head(tx: Tx, span: Span, basis: Basis) -> dict[str, Any]:
    closed = basis == "effective" and span.ends <= await closed_until(tx.world.engine, tx.scope.book)
    return {"basis": basis, "closed": closed, "starts_at": span.starts, "ends_at": span.ends, "period": span.name,
            "livemode": tx.scope.livemode}  # fmt: skip


async def _figures(tx: Tx, span: Span, params: ReportParams) -> Figures:
    return await figures(tx.world.engine, tx.scope.book, span, params.basis, params.currency)


async def balance_sheet(tx: Tx, params: ReportParams) -> BalanceSheetReport:
    check_platform(tx)
    span = span_of(tx, params)
    found = balance_sheets(await _figures(tx, span, params))
    return BalanceSheetReport(sheets=[_sheet(one) for one in found], **await _head(tx, span, params.basis))


def _sheet(one: Sheet) -> BalanceSheet:
    parts = (one.assets, one.liabilities, one.equity, one.memorandum)
    return BalanceSheet(currency=one.currency, balanced=one.balanced, sections=[_section(part) for part in parts])


def _section(part: Part) -> ReportSection:
    lines = [
        ReportLine(line=line.line, meaning=line.meaning, amount=line.amount, previous_amount=line.previous)
        for line in part.lines
    ]
    return ReportSection(section=part.section, lines=lines, total=part.total, previous_total=part.previous)


async def income_statement(tx: Tx, params: ReportParams) -> IncomeReport:
    check_platform(tx)
    span = span_of(tx, params)
    now = await _figures(tx, span, params)
    then = await _figures(tx, span.before, params)
    made = [_result(one) for one in income_statements(now, then)]
    return IncomeReport(statements=made, **await _head(tx, span, params.basis))


def _result(one: Result) -> IncomeStatement:
    return IncomeStatement(
        currency=one.currency, result=one.total, previous_result=one.previous,
        sections=[_section(one.revenue), _section(one.expenses)],
    )  # fmt: skip


async def trial_balance(tx: Tx, params: TrialBalanceParams) -> TrialBalanceReport:
    check_platform(tx)
    span = span_of(tx, params)
    first = params.starting_after is None
    code, _, currency = (params.starting_after or "/").rpartition("/")
    totals: dict[str, tuple[int, int, int]] = {}
    page: list[Turnover] = []
    at = await cuts(tx.world.engine, tx.scope.book, span, params.basis)
    async for one in turnovers(tx.world.engine, at, (code, currency)):
        if (one.idle and not params.zero) or params.line not in (None, one.line):
            continue
        if params.currency not in (None, one.currency):
            continue
        if len(page) <= params.limit:
            page.append(one)
        elif not first:
            break
        debits, credits, opening = totals.get(one.currency, (0, 0, 0))
        totals[one.currency] = debits + one.debits, credits + one.credits, opening + one.opening
    shown = [
        TrialBalanceTotal(currency=unit, debits=debits, credits=credits, balanced=debits == credits and not opening)
        for unit, (debits, credits, opening) in sorted(totals.items())
    ]
    return TrialBalanceReport(
        accounts=[_row(one) for one in page[: params.limit]], has_more=len(page) > params.limit,
        totals=shown if first else [], **await _head(tx, span, params.basis),
    )  # fmt: skip


def _row(one: Turnover) -> TrialBalanceRow:
    return TrialBalanceRow(
        account=one.code, currency=one.currency, type=one.kind, normal_balance=one.normal, line=one.line,
        opening_balance=one.opening, debits=one.debits, credits=one.credits, closing_balance=one.closing,
    )  # fmt: skip


async def account_lines(tx: Tx, params: AccountLinesParams) -> AccountLinesReport:
    """The lines of one account that count in the period, in the order in which they were booked."""
    check_platform(tx)
    span = span_of(tx, params)
    found = await books.find(tx.world.engine, params.account, tx.scope.book, params.currency)
    if not found:
        raise no_such("ledger account", params.account, "account")
    if len(found) > 1:
        raise invalid("The account is open in several currencies: name one.", "currency", "parameter_missing")
    at = await cuts(tx.world.engine, tx.scope.book, span, params.basis)
    card = await ledger_card.read(tx.world.engine, at, found[0], params.after, params.limit)
    lines = [
        AccountLine(
            amount=line.amount, balance=line.balance, description=line.description, effective_at=line.effective,
            entry=line.source if line.source.startswith("lent_") else entry_id(line.entry), kind=line.kind,
            number=line.entry, recorded_at=line.recorded // SECOND, source=line.source,
        )
        for line in card.lines
    ]  # fmt: skip
    return AccountLinesReport(
        account=found[0].code, currency=found[0].currency, opening_balance=card.opening, lines=lines,
        closing_balance=card.closing, has_more=card.more, **await _head(tx, span, params.basis),
    )  # fmt: skip


REPORT: Resource[Any] = Resource(
    object="report.balance_sheet",
    own_name="report",
    prefix="report",
    record=BalanceSheetReport,
    shape=BalanceSheetReport,
    stored=False,
    doc="The books by period: trial balance, balance sheet, income statement, an account's lines. Beyond Stripe's API.",
    verbs=(
        Verb(name="balance_sheet", method="GET", path=f"{PATH}/balance_sheet", run=balance_sheet, params=ReportParams,
             summary="What is owned and owed at the end of a period, beside its beginning."),
        Verb(name="income_statement", method="GET", path=f"{PATH}/income_statement", run=income_statement,
             params=ReportParams, answers=IncomeReport,
             summary="What was earned and spent in a period, beside the period before."),
        Verb(name="trial_balance", method="GET", path=f"{PATH}/trial_balance", run=trial_balance,
             params=TrialBalanceParams, answers=TrialBalanceReport,
             summary="Each account: opening balance, debits, credits, closing balance; `line` for those of one."),
        Verb(name="account_lines", method="GET", path=f"{PATH}/account_lines", run=account_lines,
             params=AccountLinesParams, answers=AccountLinesReport,
             summary="The entries behind one account's figures in a period."),
    ),
)  # fmt: skip
RESOURCE = REPORT
