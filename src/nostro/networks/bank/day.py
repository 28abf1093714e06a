"""Time at the simulated bank: mornings, in which what is due is booked and answered, and cut-offs that close a day."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

import msgspec

from nostro.networks.statement import Line, Statement

from . import answer as answers
from .account import Account
from .answer import Group, Named
from .order import Head, Instruction
from .post import Letter, deliver, send
from .state import Arrive, Bank, Calendar, Correct, Deliver, GiveBack, Settle

MORNING = 9 * 3600  # seconds before the cut-off
# Interest is kept in this fraction of a minor unit: balance, times basis points, times days.
YEARLY = 365 * 10_000


def advance(bank: Bank, calendar: Calendar, until: int) -> Iterator[Letter | Statement]:
    """What arrives until then (seconds since 1970), and each account's statement of each banking day that ends.

    Read it to its end: the bank is where the last thing that was taken from it left it.
    """
    while bank.days:
        moment, currency = min((_next(bank, currency), currency) for currency in bank.days)
        if moment > until:
            break
        bank.now = max(bank.now, moment)
        if bank.days[currency].begun:
            yield from _close(bank, calendar, currency)
        else:
            bank.days[currency].begun = True
            yield from run(bank, calendar, currency)
            yield from deliver(bank.post, [])
    bank.now = max(bank.now, until)


def _next(bank: Bank, currency: str) -> int:
    day = bank.days[currency]
    return day.cut_off if day.begun else day.cut_off - MORNING


def begin_if_morning(bank: Bank, currency: str) -> None:
    """A bank that opens in the middle of a day has begun it."""
    bank.days[currency].begun = bank.now >= bank.days[currency].cut_off - MORNING


def dispatch(bank: Bank, calendar: Calendar, currency: str, answer: Named) -> list[Letter]:
    """Hand an answer to the post. What it keeps back is delivered on a later morning."""
    now, later = send(bank.post, bank.terms.faults, bank.terms.seed, answer)
    for days, held in later:
        due = calendar.add_business_days(currency, bank.days[currency].day, days)
        bank.tasks[currency].append(Deliver(due=due, answer=held))
    return now


# A morning -------------------------------------------------------------------


def run(bank: Bank, calendar: Calendar, currency: str) -> list[Letter]:
    """Do all that is due, if the day has begun."""
    day = bank.days[currency]
    if not day.begun:
        return []
    letters: list[Letter] = []
    tasks = bank.tasks[currency]
    due = [task for task in tasks if task.due <= day.day]
    bank.tasks[currency] = [task for task in tasks if task.due > day.day]
    back: dict[tuple[str, str], list[Group]] = {}
    wrong: dict[tuple[str, str], list[Group]] = {}
    for task in due:
        match task:
            case Settle():
                _settle(bank, task, day.day)
            case GiveBack(group=group):
                _give_back(bank, task, day.day)
                back.setdefault((group.head.format, group.head.sender), []).append(group)
            case Correct(group=group):
                _count(bank, "corrected", len(group.items))
                wrong.setdefault((group.head.format, group.head.sender), []).append(group)
            case Arrive():
                arrive(bank, task, day.day)
            case Deliver():
                letters += deliver(bank.post, [task.answer])
    for groups in back.values():
        letters += dispatch(bank, calendar, currency, answers.returns(groups, bank.now, bank.post.made))
    for groups in wrong.values():
        letters += dispatch(bank, calendar, currency, answers.changes(groups, bank.now, bank.post.made))
    return letters


def arrive(bank: Bank, task: Arrive, day: date) -> None:
    """Money from elsewhere. Its value date may be later than its booking, not earlier."""
    line = msgspec.structs.replace(task.line, booked=day, valued=max(task.line.valued, day))
    _book(bank, bank.books.accounts[task.account], line)


def _settle(bank: Bank, task: Settle, day: date) -> None:
    account, head = bank.books.accounts[task.account], task.head
    sign, code = (-1, "credit_transfer") if head.way == "credit" else (1, "direct_debit")
    if head.way == "credit":
        account.committed -= task.amount
    _count(bank, "settled", task.count)
    for one in task.instructions:
        _book(bank, account, _line(one, sign, day, code, head.description))
    if not task.instructions:
        _book(bank, account, _sum(head, sign * task.amount, day, code, f"{head.description} {task.count} payments"))


def _give_back(bank: Bank, task: GiveBack, day: date) -> None:
    account, head, items = bank.books.accounts[task.account], task.group.head, task.group.items
    sign, code = (1, "credit_transfer_return") if head.way == "credit" else (-1, "direct_debit_return")
    _count(bank, "returned", len(items))
    if bank.terms.booking == "single":
        for item in items:
            _book(bank, account, _line(item.instruction, sign, day, code, f"RETURN {item.code}"))
    else:
        amount = sum(item.instruction.amount for item in items)
        _book(bank, account, _sum(head, sign * amount, day, code, f"RETURN {len(items)} payments"))


def _line(one: Instruction, sign: int, day: date, code: str, why: str) -> Line:
    return Line(amount=sign * one.amount, booked=day, valued=day, end_to_end=one.id, code=code, description=why,
                counterparty=one.name, counterparty_account=one.account)  # fmt: skip


def _sum(head: Head, amount: int, day: date, code: str, why: str) -> Line:
    return Line(amount=amount, booked=day, valued=day, end_to_end=head.id, code=code, description=why.strip())


def _book(bank: Bank, account: Account, line: Line) -> None:
    if line.amount:  # a prenote moves nothing
        bank.books.book(account, line)


def _count(bank: Bank, fate: str, count: int) -> None:
    bank.counts[fate] = bank.counts.get(fate, 0) + count


# A cut-off -------------------------------------------------------------------


def _close(bank: Bank, calendar: Calendar, currency: str) -> Iterator[Letter | Statement]:
    """The day's statements, and the next day opens."""
    day = bank.days[currency]
    cut_off, following = calendar.next_cut_off(currency, day.cut_off)
    for account in bank.books.accounts.values():
        if account.currency == currency:
            _charge(bank, account, day.day, following)
            yield bank.books.close(account, day.day)
    day.day, day.cut_off, day.begun = following, cut_off, False


def _charge(bank: Bank, account: Account, day: date, following: date) -> None:
    """Interest grows each night; it is paid, and the fee is taken, on a month's last banking day."""
    account.interest += max(account.balance, 0) * bank.terms.interest * (following - day).days
    if following.month == day.month:
        return
    paid, account.interest = divmod(account.interest, YEARLY)
    for amount, code, what in ((paid, "interest", "INTEREST"), (-bank.terms.fee, "fee", "ACCOUNT FEE")):
        if amount:
            line = Line(amount=amount, booked=day, valued=day, code=code, description=f"{what} {day:%Y-%m}")
            bank.books.book(account, line, "income")
