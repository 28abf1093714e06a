"""Report types: the CSV files that Stripe's reporting API makes of one account's balance, column by column.

Each type is a table of columns and a function that yields its rows. Amounts are in major units, times in UTC, or in the
`timezone` that was asked for where the column's name does not end in `_utc`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec
from msgspec import Struct

from nostro.balances.balance_transaction import BALANCE_TRANSACTION
from nostro.balances.balance_transaction import Record as Line
from nostro.kernel.clock import SECOND
from nostro.kernel.ids import time_code
from nostro.payouts.payout import PAYOUT
from nostro.storage.body import whole
from nostro.storage.tx import Tx

from . import report_details
from .cells import money, time
from .span import Span
from .tables import LINES
from .turnover import cuts, turnovers

PAYOUTS = ("payout", "payout_reversal")
AT_ONCE = 1_000
Cells = dict[str, Any]


class Run(Struct, frozen=True, kw_only=True):
    """What was asked for."""

    span: Span
    currency: str | None
    category: str | None
    columns: Sequence[str] = ()
    zone: str = "Etc/UTC"


class ReportType(Struct, frozen=True, kw_only=True):
    """`columns` that are not in `default` are written if they are asked for."""

    name: str
    rows: Callable[[Tx, Run], AsyncIterator[Cells]]
    default: tuple[str, ...]
    more: tuple[str, ...] = ()
    category: bool = False
    timezone: bool = False
    details: bool = False

    @property
    def columns(self) -> tuple[str, ...]:
        return (*self.default, *self.more)

    def has(self, column: str) -> bool:
        """Metadata columns name a key, and are not listed."""
        return column in self.columns or (self.details and report_details.known(column))


async def _pages(tx: Tx, run: Run, payouts: bool | None = None) -> AsyncIterator[list[Line]]:
    """The balance's statement in the span, a page after the other: all of it, only payouts, or all but those."""
    decode = msgspec.json.Decoder(BALANCE_TRANSACTION.record).decode
    after = f"{BALANCE_TRANSACTION.prefix}_{time_code(max(0, run.span.starts - 1) * SECOND)}"
    ends = run.span.starts, run.span.ends
    while rows := await tx.world.engine.rows(LINES, (tx.scope.number, after, *ends, AT_ONCE)):
        page = [decode(whole(*row)) for row in rows]
        yield [
            line for line in page
            if run.currency in (None, line.currency)
            and run.category in (None, line.reporting_category)
            and payouts in (None, line.reporting_category in PAYOUTS)
        ]  # fmt: skip
        after = rows[-1][0]


async def _lines(tx: Tx, run: Run, payouts: bool | None = None) -> AsyncIterator[Line]:
    async for page in _pages(tx, run, payouts):
        for line in page:
            yield line


def _of_line(line: Line, zone: str) -> Cells:
    unit = line.currency
    return {
        "balance_transaction_id": line.id, "created_utc": time(line.created), "created": time(line.created, zone),
        "available_on_utc": time(line.available_on), "available_on": time(line.available_on, zone),
        "currency": unit, "gross": money(line.amount, unit), "fee": money(line.fee, unit),
        "net": money(line.net, unit), "reporting_category": line.reporting_category, "source_id": line.source or "",
        "description": line.description or "", "automatic_payout_id": line.payout or "",
    }  # fmt: skip


async def activity(tx: Tx, run: Run) -> AsyncIterator[Cells]:
    """With what each line is about, if any column of that is asked for."""
    more = [column for column in run.columns if report_details.known(column)]
    async for page in _pages(tx, run, payouts=False):
        found = await report_details.read(tx, page) if more else [report_details.About(line=line) for line in page]
        for about in found:
            yield _of_line(about.line, run.zone) | report_details.cells(about, more, run.zone)


async def payouts(tx: Tx, run: Run) -> AsyncIterator[Cells]:
    async for line in _lines(tx, run, payouts=True):
        payout = await tx.find(PAYOUT, line.source or "")
        cells = _of_line(line, run.zone)
        cells |= {"payout_id": line.source or "", "effective_at_utc": time(line.available_on),
                  "effective_at": time(line.available_on, run.zone)}  # fmt: skip
        if payout is not None:
            cells |= {
                "payout_expected_arrival_date": time(payout.arrival_date), "payout_status": payout.status,
                "payout_type": payout.type, "payout_description": payout.description or "",
                "payout_destination_id": payout.destination or "",
            }  # fmt: skip
        yield cells


async def _summary(tx: Tx, run: Run, of_payouts: bool) -> AsyncIterator[Cells]:
    totals: dict[tuple[str, str], list[int]] = {}
    async for line in _lines(tx, run, of_payouts):
        total = totals.setdefault((line.currency, line.reporting_category), [0, 0, 0, 0])
        for n, part in enumerate((1, line.amount, line.fee, line.net)):
            total[n] += part
    for (unit, category), (count, gross, fee, net) in sorted(totals.items()):
        yield {"reporting_category": category, "currency": unit, "count": count, "gross": money(gross, unit),
               "fee": money(fee, unit), "net": money(net, unit)}  # fmt: skip


async def activity_summary(tx: Tx, run: Run) -> AsyncIterator[Cells]:
    async for cells in _summary(tx, run, False):
        yield cells


async def payouts_summary(tx: Tx, run: Run) -> AsyncIterator[Cells]:
    async for cells in _summary(tx, run, True):
        yield cells


async def balance_summary(tx: Tx, run: Run) -> AsyncIterator[Cells]:
    """The balances come from the ledger, the movements from the statement: they meet, or something is wrong."""
    starting, ending = await _balances(tx, run)
    moved: dict[str, list[int]] = {}
    async for line in _lines(tx, run):
        total = moved.setdefault(line.currency, [0, 0, 0, 0])
        at = 2 if line.reporting_category in PAYOUTS else 0
        total[at] += line.amount
        total[at + 1] += line.fee
    for unit in sorted({*starting, *moved}):
        gross, fee, paid, paid_fee = moved.get(unit, [0, 0, 0, 0])
        first, last = starting.get(unit, 0), ending.get(unit, 0)
        assert first + gross - fee + paid - paid_fee == last, f"the {unit} balance does not follow from its statement"
        for category, said, amount in (
            ("starting_balance", f"Starting balance ({time(run.span.starts, run.zone)})", first),
            ("activity_gross", "Account activity before fees", gross),
            ("activity_fee", "Less fees", -fee),
            ("activity", "Net balance change from activity", gross - fee),
            ("payouts_gross", "Total payouts before fees", paid),
            ("payout_fee", "Less payout fees", -paid_fee),
            ("payouts", "Total payouts", paid - paid_fee),
            ("ending_balance", f"Ending balance ({time(run.span.ends, run.zone)})", last),
        ):
            yield {"category": category, "description": said, "net_amount": money(amount, unit), "currency": unit}


async def _balances(tx: Tx, run: Run) -> tuple[dict[str, int], dict[str, int]]:
    """What was pending and available at the beginning and at the end, by currency."""
    prefix = f"merchant:{tx.merchant}:"
    starting: dict[str, int] = {}
    ending: dict[str, int] = {}
    async for one in turnovers(tx.world.engine, await cuts(tx.world.engine, tx.scope.book, run.span), (prefix, "")):
        if not one.code.startswith(prefix):
            break
        if one.code.startswith((f"{prefix}pending:", f"{prefix}available")) and run.currency in (None, one.currency):
            starting[one.currency] = starting.get(one.currency, 0) - one.opening
            ending[one.currency] = ending.get(one.currency, 0) - one.closing
    return starting, ending


ITEMS = ("balance_transaction_id", "created_utc", "available_on_utc", "currency", "gross", "fee", "net",
         "reporting_category", "source_id", "description")  # fmt: skip
PAYOUT_ITEMS = ("payout_id", "effective_at_utc", "currency", "gross", "fee", "net", "reporting_category",
                "balance_transaction_id", "description", "payout_expected_arrival_date", "payout_status", "payout_type",
                "payout_description", "payout_destination_id")  # fmt: skip
SUMMARY = ("reporting_category", "currency", "count", "gross", "fee", "net")
TYPES: dict[str, ReportType] = {
    "balance.summary.1": ReportType(
        name="Balance summary", rows=balance_summary, timezone=True,
        default=("category", "description", "net_amount", "currency"),
    ),
    "balance_change_from_activity.itemized.1": ReportType(
        name="Itemized balance change from activity", rows=activity, category=True, default=ITEMS,
        more=("automatic_payout_id", *report_details.COLUMNS), details=True,
    ),
    "balance_change_from_activity.itemized.3": ReportType(
        name="Itemized balance change from activity", rows=activity, category=True, timezone=True, default=ITEMS,
        more=("created", "available_on", "automatic_payout_id", *report_details.COLUMNS), details=True,
    ),
    "balance_change_from_activity.summary.1": ReportType(
        name="Balance change from activity summary", rows=activity_summary, default=SUMMARY
    ),
    "payouts.itemized.1": ReportType(name="Itemized payouts", rows=payouts, category=True, default=PAYOUT_ITEMS),
    "payouts.itemized.3": ReportType(
        name="Itemized payouts", rows=payouts, category=True, timezone=True, default=PAYOUT_ITEMS,
        more=("effective_at",),
    ),
    "payouts.summary.1": ReportType(name="Payouts summary", rows=payouts_summary, default=SUMMARY),
}  # fmt: skip
SINCE = int(datetime(2020, 1, 1, tzinfo=UTC).timestamp())
