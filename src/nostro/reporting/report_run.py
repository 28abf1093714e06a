"""Report run and report type: Stripe's reporting API, for what this ledger can tell of one account's balance.

A run is asked for, made by a job, and answered with a file: `result.url` is its CSV. Statements of the whole books are
not among Stripe's types; those are in report.py.
"""

from __future__ import annotations

import csv
from io import StringIO
from typing import Annotated, Any, Literal
from zoneinfo import available_timezones

import msgspec
from msgspec import UNSET, Meta

from nostro.kernel.errors import invalid, no_such
from nostro.kernel.lifecycle import Lifecycle, Move
from nostro.kernel.resource import (
    NoParams,
    Params,
    Resource,
    Shape,
    Stored,
    Unset,
    Verb,
    View,
    Wire,
    listing,
    public,
    retrieve,
)  # fmt: skip
from nostro.payments import file
from nostro.storage.tx import Tx

from .report_types import SINCE, TYPES, Run
from .report_types import ReportType as Type
from .span import between

MAKE = "reporting.report_run"
MOST_ROWS = 500_000
TOO_MANY = "The report has more than 500000 rows. Ask for a shorter interval, or use `nostro books export`."


class Parameters(Shape, frozen=True, kw_only=True):
    """As they were given."""

    columns: list[str] | Unset = UNSET
    currency: str | Unset = UNSET
    interval_end: int | Unset = UNSET
    interval_start: int | Unset = UNSET
    reporting_category: str | Unset = UNSET
    timezone: str | Unset = UNSET


class ReportRun(Stored, frozen=True, kw_only=True):
    object: Literal["reporting.report_run"] = "reporting.report_run"
    error: str | None = None
    livemode: bool = False
    parameters: Parameters
    report_type: str
    result: file.File | None = None
    status: Literal["pending", "succeeded", "failed"]
    succeeded_at: int | None = None


class Record(ReportRun, frozen=True, kw_only=True, omit_defaults=True):
    result: file.Record | None = None


class ReportType(Shape, frozen=True, kw_only=True):
    object: Literal["reporting.report_type"] = "reporting.report_type"
    id: str
    data_available_end: int
    data_available_start: int
    default_columns: list[str] | None
    livemode: bool
    name: str
    updated: int
    version: int


class ParameterParams(Params, frozen=True, kw_only=True):
    columns: Annotated[list[str], Meta(max_length=200)] | None = None
    currency: str | None = None
    interval_end: int | None = None
    interval_start: int | None = None
    reporting_category: str | None = None
    timezone: str | None = None


class CreateParams(Params, frozen=True, kw_only=True):
    report_type: str
    parameters: ParameterParams = ParameterParams()


class TypeParams(Params, frozen=True, kw_only=True):
    report_type: str


M = Move[Record]
LIFE: Lifecycle[Record] = Lifecycle(
    M("create", (), "pending", meaning="Asked for."),
    M("succeed", ("pending",), "succeeded", emits=("reporting.report_run.succeeded",), meaning="The file is there."),
    M("fail", ("pending",), "failed", emits=("reporting.report_run.failed",), meaning="`error` says why."),
    rest=("succeeded", "failed"),
)


async def create(tx: Tx, params: CreateParams) -> Record:
    type = TYPES.get(params.report_type)
    if type is None:
        raise invalid(
            f"No such report type: '{params.report_type[:60]}'. There are: {', '.join(TYPES)}.", "report_type"
        )
    _check(tx, type, params.parameters)
    given = {name: value for name, value in msgspec.structs.asdict(params.parameters).items() if value is not None}
    run = Record(
        id=tx.new_id("frr"), created=tx.now, livemode=tx.scope.livemode, parameters=Parameters(**given),
        report_type=params.report_type, status="pending",
    )  # fmt: skip
    tx.schedule(MAKE, run.id, tx.now)
    return tx.move(run, LIFE["create"])


def _check(tx: Tx, type: Type, asked: ParameterParams) -> None:
    for name in ("interval_start", "interval_end"):
        moment = getattr(asked, name)
        if moment is None:
            raise invalid(f"This report type needs {name}.", f"parameters[{name}]", "parameter_missing")
        if not SINCE <= moment <= tx.now:
            raise invalid(f"{name} must lie between {SINCE} and {tx.now}.", f"parameters[{name}]")
    if (asked.interval_start or 0) >= (asked.interval_end or 0):
        raise invalid("interval_start must be before interval_end.", "parameters[interval_start]")
    for name, allowed in (("reporting_category", type.category), ("timezone", type.timezone)):
        if getattr(asked, name) is not None and not allowed:
            raise invalid(f"This report type does not take {name}.", f"parameters[{name}]", "parameter_unknown")
    if asked.timezone is not None and asked.timezone not in available_timezones():
        raise invalid(f"Invalid timezone: '{asked.timezone[:60]}'.", "parameters[timezone]")
    unknown = [name for name in asked.columns or () if not type.has(name)]
    if unknown:
        raise invalid(f"Unknown columns: {', '.join(unknown)[:200]}. There are: {', '.join(type.columns)}.",
                      "parameters[columns]")  # fmt: skip


async def make_job(tx: Tx, id: str) -> None:
    """Job `reporting.report_run`: write the file."""
    run = await tx.get(REPORT_RUN, id)
    if run.status != "pending":
        return
    asked, type = run.parameters, TYPES[run.report_type]
    out, columns = StringIO(), asked.columns or list(type.default)
    of = Run(
        span=between(asked.interval_start or 0, asked.interval_end or 0), currency=asked.currency or None,
        category=asked.reporting_category or None, columns=columns, zone=asked.timezone or "Etc/UTC",
    )  # fmt: skip
    writer = csv.DictWriter(out, columns, "", "ignore", "unix")
    writer.writeheader()
    count = 0
    async for cells in type.rows(tx, of):
        count += 1
        if count > MOST_ROWS:
            tx.move(run, LIFE["fail"], error=TOO_MANY)
            return
        writer.writerow(cells)
    content = out.getvalue().encode()
    made = file.keep(tx, f"{run.id}.csv", "finance_report_run", "csv", content)
    tx.move(run, LIFE["succeed"], result=made, succeeded_at=tx.now)


def render(view: View, run: Record) -> Wire:
    return {**public(ReportRun, run), "parameters": public(Parameters, run.parameters),
            "result": view.render(run.result) if run.result else None}  # fmt: skip


def _shown(tx: Tx, id: str, type: Type) -> ReportType:
    return ReportType(
        id=id, name=type.name, version=int(id.rpartition(".")[2]), default_columns=list(type.default),
        data_available_start=SINCE, data_available_end=tx.now, livemode=tx.scope.livemode, updated=SINCE,
    )  # fmt: skip


async def list_types(tx: Tx, params: NoParams) -> Wire:
    data = [_shown(tx, id, type) for id, type in TYPES.items()]
    return {"object": "list", "data": data, "has_more": False, "url": "/v1/reporting/report_types"}


async def retrieve_type(tx: Tx, params: TypeParams) -> ReportType:
    if params.report_type not in TYPES:
        raise no_such("report type", params.report_type)
    return _shown(tx, params.report_type, TYPES[params.report_type])


_RUNS = "/v1/reporting/report_runs"
REPORT_RUN: Resource[Record] = Resource(
    object="reporting.report_run",
    prefix="frr",
    id_param="report_run",
    record=Record,
    shape=ReportRun,
    life=LIFE,
    present=render,
    doc="A CSV file about your balance, made on demand.",
    verbs=(
        Verb(name="create", method="POST", path=_RUNS, run=create, params=CreateParams, kind="create"),
        listing(_RUNS),
        retrieve(f"{_RUNS}/{{id}}"),
    ),
)
REPORT_TYPE: Resource[Any] = Resource(
    object="reporting.report_type",
    prefix="report_type",
    record=ReportType,
    shape=ReportType,
    stored=False,
    doc="A kind of file that a report run can make.",
    verbs=(
        Verb(name="list", method="GET", path="/v1/reporting/report_types", run=list_types, answers=list[ReportType]),
        Verb(name="retrieve", method="GET", path="/v1/reporting/report_types/{report_type}", run=retrieve_type,
             params=TypeParams),
    ),
)  # fmt: skip
RESOURCE = REPORT_RUN
