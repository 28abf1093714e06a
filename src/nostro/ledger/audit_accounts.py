"""The accounts' part of the audit: each account's lines in order, with the balance after each, and its total."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from nostro.storage.engine import Engine

from .account import names
from .chart import APP, account_of, held
from .problem import Problem

PAGE = 5000
AT_ONCE = 500
BEFORE = "SELECT balance FROM ledger_posting WHERE account=? AND entry<=? ORDER BY entry DESC LIMIT 1"
OTHER = (
    "SELECT a.account, a.code, a.currency FROM ledger_account a WHERE a.account>? AND a.account<=? AND a.balance<>"
    "coalesce((SELECT p.balance FROM ledger_posting p WHERE p.account=a.account ORDER BY p.entry DESC LIMIT 1),0)"
)
CODES = (
    "SELECT a.account, a.code, a.currency, o.code FROM ledger_account a LEFT JOIN ledger_opened o "
    "ON o.book=a.book AND o.code=a.code AND o.currency=a.currency WHERE a.account>? AND a.account<=? ORDER BY a.account"
)


async def check_accounts(engine: Engine, last: int, tell: Callable[[str, int, int], None]) -> list[Problem]:
    """Lines of entries after `last` are left to the next audit."""
    problems: list[Problem] = []
    total = (await engine.rows("SELECT coalesce(max(account),0) FROM ledger_account"))[0][0]
    after = 0
    while page := await engine.rows(
        "SELECT a.account, a.code, a.currency, o.code, a.balance, "
        "(SELECT max(p.entry) FROM ledger_posting p WHERE p.account=a.account) FROM ledger_account a "
        "LEFT JOIN ledger_opened o ON o.book=a.book AND o.code=a.code AND o.currency=a.currency "
        "WHERE a.account>? ORDER BY a.account LIMIT 1000",
        (after,),
    ):
        for number, code, currency, opened, balance, line in page:
            problems += _check_code(number, code, currency, opened)
            if balance or line is not None:  # else only batches have booked on it
                problems += await _check_account(engine, number, f"{code} {currency}", last)
        after = page[-1][0]
        tell("accounts", after, total)
    return problems


async def check_lines(engine: Engine, accounts: set[int], since: int, last: int) -> list[Problem]:
    """Of these accounts, the lines behind the entry `since`: balances run on from the one before."""
    problems: list[Problem] = []
    wanted = sorted(accounts)
    for start in range(0, len(wanted), AT_ONCE):
        known = await names(engine, wanted[start : start + AT_ONCE])
        for number, (_, code, currency) in known.items():
            before = await engine.rows(BEFORE, (number, since)) if since else []
            stood = int(before[0][0]) if before else 0
            problems += await _check_account(engine, number, f"{code} {currency}", last, stood, since)
    return problems


async def check_totals(engine: Engine) -> list[Problem]:
    """That each account's code is on the chart and was opened, and its total what its last line says: those that differ
    are found by the database."""
    problems: list[Problem] = []
    total = (await engine.rows("SELECT coalesce(max(account),0) FROM ledger_account"))[0][0]
    for after in range(0, total, AT_ONCE):
        for number, code, currency in await engine.rows(OTHER, (after, after + AT_ONCE)):
            problems += await _check_end(engine, number, f"{code} {currency}")
        for number, code, currency, opened in await engine.rows(CODES, (after, after + AT_ONCE)):
            problems += _check_code(number, code, currency, opened)
    return problems


def _check_code(number: int, code: str, currency: str, opened: str | None) -> list[Problem]:
    problems = []
    if opened is None and code.startswith((APP, held(APP))):
        problems.append(Problem(f"account {number}", f"{code} {currency} was never opened"))
    try:
        account_of(code)
    except KeyError:
        problems.append(Problem(f"account {number}", f"its code {code} is not on the chart of accounts"))
    return problems


async def _check_account(
    engine: Engine, number: int, name: str, last: int, balance: int = 0, after: int = -1
) -> list[Problem]:
    while page := await engine.rows(
        "SELECT entry, amount, balance FROM ledger_posting WHERE account=? AND entry>? AND entry<=? "
        "ORDER BY entry LIMIT ?",
        (number, after, last, PAGE),
    ):
        for entry, amount, stored in page:
            balance += amount
            if stored != balance:
                return [Problem(f"entry {entry}, {name}", f"the balance after it is {balance}, not {stored}")]
        after = page[-1][0]
    return await _check_end(engine, number, name)


async def _check_end(engine: Engine, number: int, name: str) -> list[Problem]:
    """One reading, so that a server at work cannot book between the total and its last line."""
    rows = await engine.rows(
        "SELECT a.balance, coalesce(p.balance,0), p.entry, e.entry FROM ledger_account a "
        "LEFT JOIN ledger_posting p ON p.account=a.account "
        "AND p.entry=(SELECT max(x.entry) FROM ledger_posting x WHERE x.account=a.account) "
        "LEFT JOIN ledger_entry e ON e.entry=p.entry WHERE a.account=?",
        (number,),
    )
    total, balance, line, entry = rows[0]
    if line != entry:
        return [Problem(f"entry {line}, {name}", "the account has a line that no entry booked")]
    if total != balance:
        return [Problem(f"account {name}", f"its total is {total}, but its lines add up to {balance}")]
    return []


async def stray_lines(engine: Engine, last: int) -> list[Problem]:
    """Lines in accounts that no entry booked: read all, one by one. Only when their number is wrong."""
    problems: list[Problem] = []
    account, entry = 0, 0
    while page := await engine.rows(
        "SELECT p.account, p.entry, e.postings FROM ledger_posting p LEFT JOIN ledger_entry e ON e.entry=p.entry "
        "WHERE (p.account, p.entry) > (?, ?) AND p.entry<=? ORDER BY p.account, p.entry LIMIT ?",
        (account, entry, last, PAGE),
    ):
        strays = [(n, at) for n, at, postings in page if postings is None or not _books(postings, n)]
        known = await names(engine, (n for n, _ in strays))
        for n, at in strays:
            name = " ".join(known[n][1:]) if n in known else f"account {n}, which is missing"
            problems.append(Problem(f"entry {at}, {name}", "the account has a line that no entry booked"))
        account, entry = page[-1][0], page[-1][1]
    return problems


def _books(postings: str, account: int) -> bool:
    try:
        return any(number == account for number, _ in msgspec.json.decode(postings, type=list[tuple[int, int]]))
    except msgspec.DecodeError:
        return False
