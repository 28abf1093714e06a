"""The table of contents: every resource, rail and job, as plain values, and the world they stand in."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from nostro.api import request_log
from nostro.api.docs import docs_page, redirect
from nostro.api.health import healthy, readiness
from nostro.api.links import links_page
from nostro.api.metrics import metrics_page
from nostro.api.openapi import openapi_page
from nostro.api.reference import Rule, pages
from nostro.api.serve import Application
from nostro.api.server import Page
from nostro.api.versions import CURRENT
from nostro.balances import (
    adjustment,
    advance,
    availability,
    balance,
    balance_transaction,
    conversion,
    exchange_rate,
    fx_quote,
    fx_revaluation,
    instant_day,
    outlook,
    policy,
    reserve_hold,
    reserve_plan,
    reserve_release,
)  # fmt: skip
from nostro.balances import settings as balance_settings
from nostro.connect import (
    account,
    account_link,
    account_session,
    capability,
    country,
    external_account,
    oauth,
    originating_account,
    owed,
    person,
    standing,
)
from nostro.events import delivery, event, sandbox, webhook_endpoint
from nostro.events.worker import work
from nostro.hosted.pages import hosted_pages
from nostro.kernel.clock import Clock, SystemClock, utc_date
from nostro.kernel.ids import Ids
from nostro.kernel.resource import Registry, Resource
from nostro.kernel.settings import Settings
from nostro.ledger import alert, app_account, app_balance, app_entry, bulk, chart, hold, merging, reference
from nostro.payments import (
    application_fee,
    bank_account,
    cash_balance,
    charge,
    confirmation_token,
    customer,
    customer_balance_transaction,
    customer_cash_balance_transaction,
    customer_source,
    dispute,
    ephemeral_key,
    file,
    file_link,
    follow_up,
    funding_instructions,
    mandate,
    payment_intent,
    payment_method,
    refund,
    setup_attempt,
    setup_intent,
    tax_id,
    token,
    transfer,
    transfer_reversal,
)  # fmt: skip
from nostro.payments import card as legacy_card
from nostro.payouts import (
    automatic,
    bank_answer,
    bank_file,
    bulk_payout,
    collection,
    instruction,
    origination,
    outbox,
    payout,
    topup,
)  # fmt: skip
from nostro.payouts import bulk as bulk_lines
from nostro.practice import bank as simulated_bank
from nostro.rails import card
from nostro.reconciliation import account as reconciled_account
from nostro.reconciliation import break_, day, line, match, rule, run, statement_verbs
from nostro.reporting import checks, period, report, report_run
from nostro.reporting.span import Span
from nostro.risk import early_fraud_warning, review
from nostro.storage.engine import Engine
from nostro.storage.redis import Redis
from nostro.storage.sqlite import SqliteEngine
from nostro.storage.tx import Tx
from nostro.storage.world import World

RESOURCES: tuple[Resource[Any], ...] = (
    event.RESOURCE,
    webhook_endpoint.RESOURCE,
    delivery.RESOURCE,
    sandbox.RESOURCE,
    balance.RESOURCE,
    balance_transaction.RESOURCE,
    balance_settings.RESOURCE,
    outlook.RESOURCE,
    policy.RESOURCE,
    adjustment.RESOURCE,
    exchange_rate.TABLE,
    exchange_rate.RESOURCE,
    fx_quote.RESOURCE,
    conversion.RESOURCE,
    fx_revaluation.RESOURCE,
    advance.RESOURCE,
    instant_day.RESOURCE,
    reserve_plan.RESOURCE,
    reserve_hold.RESOURCE,
    reserve_release.RESOURCE,
    account.RESOURCE,
    capability.RESOURCE,
    person.RESOURCE,
    country.RESOURCE,
    account_link.ACCOUNT_LINK,
    account_link.LOGIN_LINK,
    account_session.RESOURCE,
    oauth.APPLICATION,
    oauth.GRANT,
    customer.RESOURCE,
    customer_balance_transaction.RESOURCE,
    cash_balance.RESOURCE,
    customer_cash_balance_transaction.RESOURCE,
    funding_instructions.RESOURCE,
    tax_id.RESOURCE,
    customer_source.RESOURCE,
    legacy_card.RESOURCE,
    bank_account.RESOURCE,
    ephemeral_key.RESOURCE,
    file.RESOURCE,
    file_link.RESOURCE,
    payment_method.RESOURCE,
    payment_intent.RESOURCE,
    setup_intent.RESOURCE,
    setup_attempt.RESOURCE,
    mandate.RESOURCE,
    token.RESOURCE,
    confirmation_token.RESOURCE,
    charge.RESOURCE,
    refund.RESOURCE,
    dispute.RESOURCE,
    transfer.RESOURCE,
    transfer_reversal.RESOURCE,
    application_fee.APPLICATION_FEE,
    application_fee.FEE_REFUND,
    early_fraud_warning.RESOURCE,
    review.RESOURCE,
    payout.RESOURCE,
    external_account.RESOURCE,
    topup.RESOURCE,
    originating_account.RESOURCE,
    bank_file.RESOURCE,
    bank_answer.RESOURCE,
    instruction.RESOURCE,
    bulk_payout.RESOURCE,
    bulk_lines.RESOURCE,
    app_account.RESOURCE,
    app_entry.RESOURCE,
    bulk.RESOURCE,
    hold.RESOURCE,
    app_balance.RESOURCE,
    reference.RESOURCE,
    report.RESOURCE,
    period.RESOURCE,
    report_run.REPORT_RUN,
    report_run.REPORT_TYPE,
    reconciled_account.RESOURCE,
    statement_verbs.RESOURCE,
    line.RESOURCE,
    rule.RESOURCE,
    run.RESOURCE,
    match.RESOURCE,
    break_.RESOURCE,
    day.RESOURCE,
    simulated_bank.RESOURCE,
    request_log.RESOURCE,
)
RAILS: dict[str, Any] = {rail.type: rail for rail in (card.RAIL,)}


async def _open_breaks(tx: Tx, span: Span) -> list[str]:
    return await break_.still_open(tx, utc_date(span.ends).isoformat())


JOBS: dict[str, Any] = {
    "balance.release": availability.release_job,
    availability.SETTLE: simulated_bank.settle_job,
    advance.LOOK: advance.look_job,
    reserve_hold.EXPIRE: reserve_hold.expire_job,
    reserve_plan.EXPIRE: reserve_plan.expire_job,
    reserve_plan.RELEASE_ALL: reserve_hold.release_plan_job,
    "charge.expire": charge.expire_job,
    file_link.JOB: file_link.expire_job,
    tax_id.JOB: tax_id.verify_job,
    "payment_intent.expire": payment_intent.expire_job,
    "refund.settle": refund.settle_job,
    "refund.bounce": refund.bounce_job,
    "dispute.open": follow_up.dispute_job,
    "dispute.decide": dispute.decide_job,
    "dispute.end": dispute.end_job,
    "early_fraud_warning.open": follow_up.warning_job,
    "review.open": follow_up.review_job,
    follow_up.HOLD: follow_up.hold_job,
    "review.cancel": review.cancel_job,
    balance_settings.DAY_JOB: automatic.day_job,
    automatic.JOB: automatic.pay_job,
    "payout.send": origination.send_job,
    "payout.sent": origination.sent_job,
    "payout.arrive": payout.arrive_job,
    "payout.answered": origination.answered_job,
    "payout.changed": origination.changed_job,
    "bulk_payout.settled": bulk_payout.settled_job,
    "bulk_payout.answered": bulk_payout.answered_job,
    bank_file.BUILD: bank_file.build_job,
    bank_file.SETTLE: bank_file.settle_job,
    bank_file.STAGE: outbox.stage_job,
    bank_file.RELEASE: outbox.release_job,
    bank_file.CARRY: simulated_bank.carry_job,
    simulated_bank.VISIT: simulated_bank.visit_job,
    standing.JOB: standing.look_job,
    balance_transaction.COVER_JOB: owed.cover_job,
    standing.REVIEW: standing.review_job,
    topup.ARRIVE: topup.arrive_job,
    topup.SEND: collection.send_job,
    "topup.sent": collection.sent_job,
    "topup.answered": collection.answered_job,
    "topup.changed": collection.changed_job,
    topup.RETURN: topup.return_job,
    app_account.ALERT: alert.alert_job,
    hold.EXPIRE: hold.expire_job,
    merging.MERGE: merging.merge_job,
    merging.MERGE_NAMES: merging.merge_names_job,
    period.CLOSE: period.closer((*checks.CHECKS, checks.Check("breaks", _open_breaks))),
    report_run.MAKE: report_run.make_job,
}

RULES: tuple[Rule, ...] = (
    Rule("balance.release", "The day has come: pending becomes available.",
         availability.release("acct_1", "2026-01-02", 100, "usd")),
    Rule("network.settle", "The network pays what it owes into the platform's bank account.",
         availability.settle("card", 100, "usd")),
    Rule(balance_transaction.SETTLE, "A payment's money is converted where it stands, for a merchant who settles in "
         "another currency.",
         balance_transaction.settle_currency(chart.available("acct_1"), conversion.example().trade)),
    Rule("connect.reserve", "What a connected account owes is reserved of its platform's balance, or free again.",
         owed.hold_back("acct_1", "acct_2", 100, "usd")),
    Rule("connect.collect", "The platform pays what its connected account will not.",
         owed.collect("acct_1", "acct_2", 100, "usd")),
    Rule("connect.write_off", "Nobody pays what a connected account owes: a loss.",
         owed.write_off("acct_2", 100, "usd")),
    Rule("customer_balance_transaction.create", "The merchant gives a customer credit for invoices, or takes it back.",
         customer_balance_transaction.grant_credit("acct_1", "cus_1", 100, "usd")),
    Rule("customer_cash_balance_transaction.fund", "A customer's bank transfer arrives: cash, owed to the customer.",
         customer_cash_balance_transaction.receive_cash("cus_1", 100, "usd")),
)  # fmt: skip


def engine_of(settings: Settings) -> Engine:
    """The engine that a database URL names. Raises `ValueError` with what is accepted."""
    kind, _, path = settings.database.partition(":///")
    if kind == "sqlite" and path:
        return SqliteEngine(Path(path), durable=settings.durable)
    if settings.database.startswith(("postgresql://", "postgres://")):
        from nostro.storage.postgres import PostgresEngine

        return PostgresEngine(settings.database, durable=settings.durable)
    raise ValueError(f"unknown database {settings.database!r}: use sqlite:///FILE or postgresql://HOST/NAME")


async def make_world(
    settings: Settings, *, clock: Clock | None = None, ids: Ids | None = None, engine: Engine | None = None
) -> World:
    """Open the engine, make what is missing in it, and put the parts together."""
    engine = engine or engine_of(settings)
    await engine.prepare(RESOURCES)
    redis = Redis(settings.redis) if settings.redis and not engine.exclusive else None
    return World(
        engine=engine,
        registry=Registry(RESOURCES),
        clock=clock or SystemClock(),
        ids=ids or Ids(),
        settings=settings,
        rails=RAILS,
        jobs=JOBS,
        api_version=CURRENT,
        work=asyncio.Event(),
        redis=redis,
    )


def application(settings: Settings, *, clock: Clock | None = None) -> Application:
    """The whole product as one ASGI application; its world opens when the server starts."""
    return Application(lambda: make_world(settings, clock=clock), work=work, pages=open_pages)


def open_pages(world: World) -> dict[str, Page]:
    """What answers without a key, by the first segment of the path."""
    return {
        "": redirect("/docs"),
        "docs": docs_page(pages(world.registry, RULES), world.settings.public_url),
        "openapi.json": openapi_page(world.registry, world.settings.public_url),
        "healthz": healthy,
        "readyz": readiness(world),
        "links": links_page(world),
        "metrics": metrics_page(world),
        **hosted_pages(world),
    }
