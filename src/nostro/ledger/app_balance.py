"""Balance of the API: what stands on an account and on all accounts below it, now or at a past moment.

`at` asks what the books said then (recorded time, the machine's), `effective_at` what is now known to have stood
there then (effective time, the sandbox's). Statements go by recorded time.
"""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from nostro.kernel.clock import SECOND
from nostro.kernel.errors import invalid, no_such
from nostro.kernel.resource import Params, Resource, Shape, Stored, Verb, Wire
from nostro.storage.tx import Tx

from . import account as books
from . import rollup
from .app_account import ACCOUNT, LedgerAccount, locate, see
from .chart import APP, Side
from .statement import statement as stated


class LedgerBalance(Stored, frozen=True, kw_only=True):
    """Minor units, positive on the account's normal side. `held` is what holds have taken out of `balance`; `total`
    adds the balances of all accounts below this one, `total_held` their holds. `id` is the account's."""

    object: Literal["ledger.balance"] = "ledger.balance"
    account: str
    at: int | None = None
    balance: int
    currency: str
    effective_at: int | None = None
    held: int
    livemode: bool = False
    normal_balance: Side
    total: int
    total_held: int


class StatementLine(Shape, frozen=True, kw_only=True):
    """`number` is the entry's place in the journal."""

    amount: int
    balance: int
    description: str | None
    effective_at: int
    entry: str
    kind: str
    number: int
    recorded_at: int


class LedgerStatement(Shape, frozen=True, kw_only=True):
    """Minor units, positive on the account's normal side."""

    object: Literal["ledger.statement"] = "ledger.statement"
    account: str
    closing_balance: int
    currency: str
    has_more: bool
    lines: list[StatementLine]
    livemode: bool
    normal_balance: Side
    opening_balance: int


class BalanceParams(Params, frozen=True, kw_only=True):
    account: str
    at: int | None = None
    currency: str | None = None
    effective_at: int | None = None


class StatementParams(Params, frozen=True, kw_only=True):
    account: str
    after: int | None = None
    currency: str | None = None
    limit: Annotated[int, Meta(ge=1, le=1000)] = 100
    since: int | None = None
    until: int | None = None


async def balances(tx: Tx, params: BalanceParams) -> Wire:
    """One for each currency that the code is open in."""
    if params.at is not None and params.effective_at is not None:
        raise invalid("Ask by recorded or by effective time, not both.", "at", "parameters_exclusive")
    data = [await _balance(tx, account, params) for account in await _accounts(tx, params)]
    return {"object": "list", "data": data, "has_more": False, "url": "/v1/ledger/balances"}


async def _accounts(tx: Tx, params: BalanceParams) -> list[LedgerAccount]:
    currency = params.currency and params.currency.lower()
    code = params.account
    if not books.is_code(code):
        return [await locate(tx, code, currency)]
    if code.startswith(APP):
        where = {"code": code} | ({"currency": currency} if currency else {})
        found: list[LedgerAccount] = [*await tx.all(ACCOUNT, where, newest_first=False)]
    else:
        stored = await books.find(tx.world.engine, code, tx.scope.book, currency)
        found = [await see(tx, code, one.currency) for one in stored]
    if not found:
        raise no_such("ledger account", code, "account")
    return found


async def _balance(tx: Tx, account: LedgerAccount, params: BalanceParams) -> LedgerBalance:
    sign = 1 if account.normal_balance == "debit" else -1
    moment = await rollup.moment_of(tx, params.at, params.effective_at)
    own = await rollup.own(tx, account, moment)
    below = await rollup.below(tx, account, moment) if account.owner == "app" else rollup.Sum(0, 0)
    return LedgerBalance(
        id=account.id, created=account.created, account=account.code, at=params.at, balance=sign * own.balance,
        currency=account.currency, effective_at=params.effective_at, held=sign * own.held,
        livemode=tx.scope.livemode, normal_balance=account.normal_balance,
        total=sign * (own.balance + below.balance), total_held=sign * (own.held + below.held),
    )  # fmt: skip


async def statement(tx: Tx, params: StatementParams) -> Wire:
    """Opening balance, lines with the balance after each, closing balance; `after` goes on behind a line's number."""
    account = await see(tx, params.account, params.currency)
    sign = 1 if account.normal_balance == "debit" else -1
    found = await books.find(tx.world.engine, account.code, tx.scope.book, account.currency)
    since = None if params.since is None else params.since * SECOND - 1
    until = None if params.until is None else (params.until + 1) * SECOND - 1
    page = None
    if found:
        page = await stated(tx.world.engine, found[0], since, until, params.limit, after=params.after)
    lines = [
        StatementLine(
            amount=sign * line.amount, balance=sign * line.balance, description=line.description,
            effective_at=line.effective, kind=line.kind, number=line.entry, recorded_at=line.recorded // SECOND,
            entry=line.source if line.source.startswith("lent_") else f"lent_{line.entry}",
        )
        for line in (page.lines if page else ())
    ]  # fmt: skip
    return {
        "object": "ledger.statement", "account": account.code, "closing_balance": sign * page.closing if page else 0,
        "currency": account.currency, "has_more": bool(page and page.more), "lines": lines,
        "livemode": tx.scope.livemode, "normal_balance": account.normal_balance,
        "opening_balance": sign * page.opening if page else 0,
    }  # fmt: skip


BALANCE: Resource[LedgerBalance] = Resource(
    object="ledger.balance",
    prefix="lbal",
    record=LedgerBalance,
    shape=LedgerBalance,
    stored=False,
    doc="What stands on an account and on all below it, now or at a past moment. Beyond Stripe's API.",
    verbs=(
        Verb(name="list", method="GET", path="/v1/ledger/balances", run=balances, params=BalanceParams, kind="list",
             summary="Read an account's balances: `at` by recorded time, `effective_at` by effective time."),
        Verb(name="statement", method="GET", path="/v1/ledger/accounts/{account}/statement", run=statement,
             params=StatementParams, answers=LedgerStatement,
             summary="Read an account's statement between two recorded moments."),
    ),
)  # fmt: skip
RESOURCE = BALANCE
