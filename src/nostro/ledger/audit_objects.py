"""The objects' part of the audit: what the ledger moved for an object is what the object's records say.

Both differences are kept by object and dropped when they are zero, so memory holds only what is open. What is left
at the end is read again on its own, because a server at work may have booked meanwhile.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Any

import msgspec

from nostro.kernel.ids import created_bounds
from nostro.kernel.resource import Registry, Resource
from nostro.storage.books import EntryRow
from nostro.storage.engine import Engine

from .account import names
from .audit_journal import BookedLine, decode
from .chart import account_of
from .problem import Problem

PAGE = 1000
RETRIES = 3
STATEMENT = "balance_transaction"
LINE = "txn"  # what the ids of its lines begin with
Key = tuple[int, str, str]


class ObjectsCheck:
    """`_open` is what stands in clearing accounts by (account, object); `_owed` what merchants were credited
    less what their statements say, by (scope, object, currency). If it is not of the `whole` journal, what a few
    entries leave open is read again from the first on."""

    def __init__(self, engine: Engine, registry: Registry, whole: bool = True) -> None:
        self._engine = engine
        self._whole = whole
        self._registry = registry
        self._scopes: dict[tuple[int, str], int | None] = {}
        self._open: dict[tuple[int, str], int] = {}
        self._owed: dict[Key, int] = {}
        self._cursors: dict[int, str] = {}
        self._stated = STATEMENT in registry.by_object

    async def read(self, rows: list[EntryRow], lines: list[BookedLine], problems: list[Problem]) -> None:
        sources = {row[0]: row[3] for row in rows}
        touched: set[int] = set()
        for line in lines:
            if _is_clearing(line.code):
                _add(self._open, (line.account, sources[line.entry]), line.amount)
            elif merchant := _merchant(line.code):
                scope = await self._scope(line.book, merchant)
                if scope is None:
                    problems.append(Problem(f"entry {line.entry}", f"{line.code} belongs to a merchant unknown here"))
                    continue
                touched.add(scope)
                _add(self._owed, (scope, sources[line.entry], line.currency), -line.amount)
        if self._stated:
            for scope in touched:
                if not self._whole:
                    self._cursors.setdefault(scope, created_bounds(LINE, min(row[5] for row in rows)))
                await self._state(scope, max(row[5] for row in rows))

    async def finish(self) -> list[Problem]:
        if self._stated and self._whole:
            after = -1
            while page := await self._engine.rows(
                "SELECT scope FROM scope WHERE scope>? ORDER BY scope LIMIT ?", (after, PAGE)
            ):
                for (scope,) in page:
                    await self._state(scope, None)
                after = page[-1][0]
        return [*await self._wrongly_owed(), *await self._wrongly_open()]

    # The merchant's statement ------------------------------------------------------

    async def _state(self, scope: int, until: int | None) -> None:
        """Take the statement lines up to a moment (seconds) off what is owed."""
        path = self._engine.path
        while page := await self._engine.rows(
            f"SELECT id, created, coalesce({path('booked')}, {path('source')}), {path('currency')}, {path('net')} "
            f"FROM {STATEMENT} "
            "WHERE scope=? AND id>? ORDER BY id LIMIT ?",
            (scope, self._cursors.get(scope, ""), PAGE),
        ):
            for id, _, source, currency, net in page:
                _add(self._owed, (scope, source or id, currency), -int(net))
            self._cursors[scope] = page[-1][0]
            if len(page) < PAGE or (until is not None and page[-1][1] > until):
                return

    async def _wrongly_owed(self) -> list[Problem]:
        problems = []
        for scope, source, currency in list(self._owed) if self._stated else ():
            for _ in range(RETRIES):
                moved = await self._moved(scope, source, currency)
                stated = await self._stated_for(scope, source, currency)
                if moved == stated:
                    break
            else:
                what = f"the ledger moved {moved} {currency} for the merchant, the balance transactions say {stated}"
                problems.append(Problem(source, what))
        return problems

    async def _moved(self, scope: int, source: str, currency: str) -> int:
        rows = await self._engine.rows(
            "SELECT e.postings FROM ledger_entry e JOIN scope s ON s.book=e.book WHERE e.source=? AND s.scope=?",
            (source, scope),
        )
        booked = [line for (postings,) in rows for line in _lines(postings)]
        known = await names(self._engine, (account for account, _ in booked))
        merchant = (await self._engine.rows("SELECT merchant FROM scope WHERE scope=?", (scope,)))[0][0]
        own = {n for n, (_, code, unit) in known.items() if unit == currency and _merchant(code) == merchant}
        return -sum(amount for account, amount in booked if account in own)

    async def _stated_for(self, scope: int, source: str, currency: str) -> int:
        path = self._engine.path
        rows = await self._engine.rows(
            f"SELECT {path('net')} FROM {STATEMENT} WHERE scope=? AND {path('currency')}=? "
            f"AND ({path('booked')}=? OR ({path('booked')} IS NULL AND ({path('source')}=? OR "
            f"(id=? AND {path('source')} IS NULL))))",
            (scope, currency, source, source, source),
        )
        return sum(int(net) for (net,) in rows)

    # Clearing accounts -------------------------------------------------------------

    async def _wrongly_open(self) -> list[Problem]:
        """An account is wrong if what stands there for objects at rest does not add up to zero."""
        left: dict[int, list[tuple[str, int]]] = {}
        for account, source in list(self._open):
            (book, code, currency) = (await names(self._engine, (account,)))[account]
            if not await self._in_flight(book, source):
                amount = await self._standing(account, source)
                if amount:
                    left.setdefault(account, []).append((source, amount))
        problems = []
        for account, sources in left.items():
            if not self._whole:
                sources = await self._all_standing(account)
            if sum(amount for _, amount in sources):
                (book, code, currency) = (await names(self._engine, (account,)))[account]
                source, amount = sources[0]
                what = f"holds {amount} for {source}, which is at rest; this account must be empty then"
                problems.append(Problem(f"account {code} {currency} of book {book}", what))
        return problems

    async def _all_standing(self, account: int) -> list[tuple[str, int]]:
        """What stands on an account for objects at rest, whenever it was booked."""
        book = (await names(self._engine, (account,)))[account][0]
        rows = await self._engine.rows(
            "SELECT e.source, sum(p.amount) FROM ledger_posting p JOIN ledger_entry e ON e.entry=p.entry "
            "WHERE p.account=? GROUP BY e.source HAVING sum(p.amount)<>0",
            (account,),
        )
        return [(source, int(amount)) for source, amount in rows if not await self._in_flight(book, source)]

    async def _standing(self, account: int, source: str) -> int:
        rows = await self._engine.rows(
            "SELECT e.postings FROM ledger_entry e JOIN ledger_account a ON a.book=e.book "
            "WHERE e.source=? AND a.account=?",
            (source, account),
        )
        return sum(amount for (postings,) in rows for number, amount in _lines(postings) if number == account)

    async def _in_flight(self, book: int, source: str) -> bool:
        resource = self._registry.of_id(source)
        if resource is None or resource.life is None:
            return False
        field = resource.life.field
        rows = await self._engine.rows(
            f'SELECT {self._engine.path(field)} FROM "{resource.table}" r JOIN scope s ON s.scope=r.scope '
            "WHERE s.book=? AND r.id=?",
            (book, source),
        )
        states = {state if state is not None else _first_state(resource, field) for (state,) in rows}
        return bool(states - set(resource.life.rest))

    async def _scope(self, book: int, merchant: str) -> int | None:
        if (book, merchant) not in self._scopes:
            rows = await self._engine.rows("SELECT scope FROM scope WHERE book=? AND merchant=?", (book, merchant))
            self._scopes[book, merchant] = rows[0][0] if rows else None
        return self._scopes[book, merchant]


@lru_cache(maxsize=10_000)
def _is_clearing(code: str) -> bool:
    try:
        return account_of(code).clearing
    except KeyError:
        return False


def _merchant(code: str) -> str | None:
    """Whose available or pending money this account is."""
    owner, _, rest = code.partition(":")
    merchant, _, what = rest.partition(":")
    return merchant if owner == "merchant" and what.startswith(("available", "pending")) else None


def _lines(postings: str) -> Iterable[tuple[int, int]]:
    try:
        return decode(postings)
    except msgspec.DecodeError:
        return ()


def _first_state(resource: Resource[Any], field: str) -> Any:
    """The state at its default is not stored."""
    return next(f.default for f in msgspec.structs.fields(resource.record) if f.name == field)


def _add(totals: dict[Any, int], key: Any, amount: int) -> None:
    total = totals.get(key, 0) + amount
    if total:
        totals[key] = total
    else:
        totals.pop(key, None)
