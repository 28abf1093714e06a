"""Account of the API: a place for money that the caller opened, under a code of the caller's choice.

Codes begin with `app:`, so none of them can be or become an account of the product's own (see chart.py); entries
through the API post to these accounts only. An account is one code in one currency; the product's accounts can be
read by their codes as well. Its limits go into each posting and are checked at commit.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta

from nostro.kernel.errors import invalid, no_such
from nostro.kernel.money import CURRENCIES
from nostro.kernel.posting import Posting
from nostro.kernel.resource import (
    Filter,
    Metadata,
    MetadataParam,
    Params,
    Resource,
    Stored,
    Unset,
    Verb,
    changes,
    listing,
    merge_metadata,
)  # fmt: skip
from nostro.storage.tx import Tx

from . import account as books
from .chart import APP, Kind, Side, held

CODE = re.compile(r"app(:[A-Za-z0-9_.@+-]+)+")
LONGEST_CODE = 200
FARTHEST = 4 * 10**18  # where an account without a limit of its own ends: well within 64 bits
ALERT = "ledger.alert"
OPEN = "INSERT INTO ledger_opened (book,code,currency,kind,normal) VALUES (?,?,?,?,?)"
OPEN_ONCE = OPEN + " ON CONFLICT (book,code,currency) DO NOTHING"
# What workers remember of limits and alerts is good until this changes.
CHANGE_RULES = (
    "INSERT INTO ledger_rules (book,version) VALUES (?,1) "
    "ON CONFLICT (book) DO UPDATE SET version=ledger_rules.version+1"
)
Level = Annotated[int, Meta(ge=-(10**18), le=10**18, description="In minor units, on the account's normal side.")]
Text = Annotated[str, Meta(max_length=500)]


class LedgerAccount(Stored, frozen=True, kw_only=True):
    """`balance` and the limits are minor units, positive on the account's normal side. `owner` is the product for
    accounts that payments use: those can be read only, and their `id` is their code."""

    object: Literal["ledger.account"] = "ledger.account"
    alert_above: int | None = None
    alert_below: int | None = None
    balance: int = 0
    ceiling: int | None = None
    code: str
    currency: str
    description: str | None = None
    floor: int | None = None
    livemode: bool = False
    metadata: Metadata = {}
    never_negative: bool = False
    normal_balance: Side
    owner: Literal["app", "product"] = "app"
    parent: str | None = None
    type: Kind


class Record(LedgerAccount, frozen=True, kw_only=True, omit_defaults=True):
    """`alerted` is the threshold that the balance was last seen beyond."""

    alerted: Literal["below", "above"] | None = None

    @property
    def least(self) -> int | None:
        """The floor, `never_negative` included."""
        floors = [floor for floor in (0 if self.never_negative else None, self.floor) if floor is not None]
        return max(floors, default=None)

    def natural(self, balance: int) -> int:
        """A balance as the books keep it (debit positive), on the account's normal side."""
        return balance if self.normal_balance == "debit" else -balance


class CreateParams(Params, frozen=True, kw_only=True):
    code: str
    currency: str
    normal_balance: Side
    alert_above: Level | None = None
    alert_below: Level | None = None
    ceiling: Level | None = None
    description: Text | None = None
    floor: Level | None = None
    metadata: dict[str, str | None] | None = None
    never_negative: bool = False
    parent: str | None = None
    type: Kind | None = None


class FindParams(Params, frozen=True, kw_only=True):
    """`account` is an id or a code; a code that is open in several currencies needs `currency`."""

    account: str
    currency: str | None = None


class UpdateParams(FindParams, frozen=True, kw_only=True):
    alert_above: Level | Unset | None = UNSET
    alert_below: Level | Unset | None = UNSET
    ceiling: Level | Unset | None = UNSET
    description: Text | Unset | None = UNSET
    floor: Level | Unset | None = UNSET
    metadata: MetadataParam = UNSET
    never_negative: bool | Unset = UNSET


class ProductParams(Params, frozen=True, kw_only=True):
    currency: str | None = None
    prefix: str = ""


# Finding ----------------------------------------------------------------------------


async def locate(tx: Tx, account: str, currency: str | None = None, param: str = "account") -> Record:
    """The account that a parameter names by its id or its code."""
    if not account.startswith(APP):
        record = await tx.recall(ACCOUNT, account)
        if record is None and books.is_code(account):
            raise invalid(f"'{account}' is an account of the product's own: it can be read, not used here.", param)
        if record is None or (currency is not None and record.currency != currency.lower()):
            raise no_such("ledger account", account, param)
        return record
    if currency is not None:
        record = await tx.recall_one(ACCOUNT, {"code": account, "currency": currency.lower()})
        found = [record] if record else []
    else:
        found = await tx.all(ACCOUNT, {"code": account}, limit=2)
    if not found:
        shown = account if currency is None else f"{account} in {currency}"
        raise no_such("ledger account", shown, param)
    if len(found) > 1:
        raise invalid(f"'{account}' is open in several currencies: pass the currency or the account's id.", param)
    return found[0]


async def see(tx: Tx, account: str, currency: str | None) -> LedgerAccount:
    """The same for reading: the product's accounts too. A URL names it, so what is missing is a 404."""
    if not books.is_code(account) or account.startswith(APP):
        return (await complete(tx, [await locate(tx, account, currency, "id")]))[0]
    found = await books.find(tx.world.engine, account, tx.scope.book, currency and currency.lower())
    if not found:
        raise no_such("ledger account", account)
    if len(found) > 1:
        raise invalid(f"'{account}' stands in several currencies: pass the currency.", "currency", "parameter_missing")
    return _of_product(tx, found[0])


def _of_product(tx: Tx, account: books.Account) -> LedgerAccount:
    return LedgerAccount(
        id=account.code, created=0, balance=account.natural, code=account.code, currency=account.currency,
        description=account.meaning, livemode=tx.scope.livemode, normal_balance=account.normal, owner="product",
        type=account.kind,
    )  # fmt: skip


async def complete(tx: Tx, accounts: Sequence[Record]) -> list[Record]:
    """The accounts with what stands on them now."""
    return [
        msgspec.structs.replace(one, balance=one.natural(await tx.balance(one.code, one.currency))) for one in accounts
    ]


def limited(account: Record, amount: int) -> Posting:
    """A line of `amount` (debit positive) on the account, with the limit that it may run into."""
    if (amount > 0) == (account.normal_balance == "debit"):
        most = FARTHEST if account.ceiling is None else account.ceiling
        return Posting(account.code, amount, account.currency, "ledger_ceiling_exceeded", most)
    most = FARTHEST if account.least is None else -account.least
    return Posting(account.code, amount, account.currency, "ledger_floor_exceeded", most)


def watch(tx: Tx, *accounts: Record) -> None:
    """Have alerts looked at once this unit is committed."""
    for account in accounts:
        if account.alert_above is not None or account.alert_below is not None:
            tx.schedule(ALERT, account.id, tx.now)


# Verbs ------------------------------------------------------------------------------


async def create(tx: Tx, params: CreateParams) -> Record:
    currency = params.currency.lower()
    _check(params.code, currency)
    if await tx.all(ACCOUNT, {"code": params.code, "currency": currency}, limit=1):
        raise invalid(f"An account {params.code} in {currency} exists already.", "code", "ledger_account_exists")
    side = params.normal_balance
    kind: Kind = params.type or ("asset" if side == "debit" else "liability")
    parent = None if params.parent is None else (await locate(tx, params.parent, currency, "parent")).id
    account = Record(
        id=tx.new_id("lacct"), created=tx.now, livemode=tx.scope.livemode, code=params.code, currency=currency,
        normal_balance=side, type=kind, parent=parent, description=params.description,
        metadata=merge_metadata({}, params.metadata), never_negative=params.never_negative, floor=params.floor,
        ceiling=params.ceiling, alert_above=params.alert_above, alert_below=params.alert_below,
    )  # fmt: skip
    _check_limits(account)
    # The same code opened twice at once: one unit's claim takes nothing, it runs again and finds the account.
    tx.claim(OPEN_ONCE, (tx.scope.book, account.code, currency, kind, side))
    tx.write_row(OPEN, (tx.scope.book, held(account.code), currency, kind, side))
    return tx.save(account)


async def retrieve(tx: Tx, params: FindParams) -> LedgerAccount:
    return await see(tx, params.account, params.currency)


async def update(tx: Tx, params: UpdateParams) -> Record:
    """New limits hold for entries from now on; what stands beyond them already may stay."""
    account = await locate(tx, params.account, params.currency, "id")
    changed = changes(params, "account", "currency", "metadata")
    metadata = merge_metadata(account.metadata, params.metadata)
    updated = msgspec.structs.replace(account, metadata=metadata, **changed)
    _check_limits(updated)
    if {"alert_above", "alert_below"} & changed.keys():
        updated = msgspec.structs.replace(updated, alerted=None)
        watch(tx, updated)
    if changed.keys() - {"description"}:
        tx.write_row(CHANGE_RULES, (tx.scope.book,))
    tx.save(updated)
    return (await complete(tx, [updated]))[0]


async def products(tx: Tx, params: ProductParams) -> dict[str, object]:
    """The accounts that payments use, as far as anything was booked on them."""
    found = await books.accounts(tx.world.engine, tx.scope.book, params.prefix, params.currency)
    own = [_of_product(tx, one) for one in found if not one.code.startswith((APP, held(APP)))]
    return {"object": "list", "data": own, "has_more": False, "url": "/v1/ledger/product_accounts"}


def _check(code: str, currency: str) -> None:
    if not CODE.fullmatch(code) or len(code) > LONGEST_CODE:
        raise invalid(
            f"Invalid code: '{code[:60]}'. A code is a path that begins with app:, of letters, digits and _.@+-, such "
            f"as app:wallets:alice, and has up to {LONGEST_CODE} characters.", "code",
        )  # fmt: skip
    if currency not in CURRENCIES:
        raise invalid(f"Invalid currency: {currency[:20]}.", "currency")


def _check_limits(account: Record) -> None:
    if account.least is not None and account.ceiling is not None and account.least > account.ceiling:
        raise invalid("The floor lies above the ceiling.", "ceiling")


PATH = "/v1/ledger/accounts/{account}"
FILTERS = (
    Filter("code"),
    Filter("parent"),
    Filter("type", wide=True),
    Filter("currency", wide=True, under="type"),
)
ACCOUNT: Resource[Record] = Resource(
    object="ledger.account",
    own_name="ledger.app_account",
    noun="ledger account",
    prefix="lacct",
    record=Record,
    shape=LedgerAccount,
    remembered="present",
    complete=complete,
    doc="A place for money in one currency, under a code of yours: a wallet, a bank, revenue. Beyond Stripe's API.",
    expands=("parent",),
    verbs=(
        Verb(name="create", method="POST", path="/v1/ledger/accounts", run=create, params=CreateParams, kind="create",
             summary="Open an account; its code begins with `app:`."),
        listing("/v1/ledger/accounts", *FILTERS),
        Verb(name="retrieve", method="GET", path=PATH, run=retrieve, params=FindParams,
             summary="Read an account by its id or its code; the product's accounts too."),
        Verb(name="update", method="POST", path=PATH, run=update, params=UpdateParams,
             summary="Change limits, alerts, description or metadata."),
        Verb(name="products", method="GET", path="/v1/ledger/product_accounts", run=products, params=ProductParams,
             answers=list[LedgerAccount],
             summary="List the accounts that payments use, with their balances."),
    ),
    errors=("ledger_account_exists",),
)  # fmt: skip
RESOURCE = ACCOUNT
