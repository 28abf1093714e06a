"""Time at the simulated bank: mornings, in which what is due is booked and answered, and cut-offs that close a day."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from msgspec import Struct
from msgspec.structs import replace

from nostro.networks.statement import Line, Statement

from . import answer as answers
from . import paper
from .account import Account
from .answer import Group, Named
from .order import BACS, NACHA, Head, Instruction
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


def next_moment(bank: Bank) -> int | None:
    """When the bank has something to do, seconds; None if nothing waits and no line stands on an open day."""
    waits = any(bank.tasks.values()) or any(one.lines for one in bank.books.accounts.values()) or bank.post.behind
    return min((_next(bank, currency) for currency in bank.days), default=None) if waits else None


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
    said = Said()
    for task in due:
        match task:
            case Settle():
                _settle(bank, task, day.day)
            case GiveBack(group=group, account=account):
                lines = _give_back(bank, task, day.day)
                if group.head.format in (NACHA, BACS):
                    said.returns.append(group)
                else:
                    said.notices.setdefault(account, []).extend(lines)
            case Correct(group=group):
                _count(bank, "corrected", len(group.items))
                said.changes.append(group)
            case Arrive():
                arrive(bank, task, day.day)
            case Deliver():
                letters += deliver(bank.post, [task.answer])
    for answer in _answers(bank, said):
        letters += dispatch(bank, calendar, currency, answer)
    return letters


class Said(Struct):
    """What there is to say in a morning: returns and changes of ACH and Bacs, and what came back by account."""

    returns: list[Group] = []
    changes: list[Group] = []
    notices: dict[str, list[Line]] = {}


def _answers(bank: Bank, said: Said) -> Iterator[Named]:
    for groups in answers.together(said.returns):
        yield answers.returns(groups, bank.now, bank.post.made)
    for groups in answers.together(said.changes):
        yield answers.changes(groups, bank.now, bank.post.made)
    for number, lines in said.notices.items():
        account = bank.books.accounts[number]
        yield paper.notice(account, lines, bank.now, bank.post.made)


def arrive(bank: Bank, task: Arrive, day: date) -> None:
    """Money from elsewhere. Its value date may be later than its booking, not earlier."""
    line = replace(task.line, booked=day, valued=max(task.line.valued, day))
    _book(bank, bank.books.accounts[task.account], line)


def _settle(bank: Bank, task: Settle, day: date) -> None:
    account, head = bank.books.accounts[task.account], task.head
    sign, code = (-1, "credit_transfer") if head.way == "credit" else (1, "direct_debit")
    if head.way == "credit":
        account.committed -= task.amount
    _count(bank, "settled", task.count)
    for one in task.instructions:
        _book(bank, account, _line(head, one, sign, day, code, one.reference or head.description))
    if not task.instructions:
        _book(bank, account, _sum(head, sign * task.amount, day, code, f"{head.description} {task.count} payments"))


def _give_back(bank: Bank, task: GiveBack, day: date) -> list[Line]:
    """What was booked, with the parts of a sum."""
    account, head, items = bank.books.accounts[task.account], task.group.head, task.group.items
    sign, code = (1, "credit_transfer_return") if head.way == "credit" else (-1, "direct_debit_return")
    _count(bank, "returned", len(items))
    lines = [_line(head, item.instruction, sign, day, code, f"RETURN {item.code}", item.code) for item in items]
    if task.single:
        return [booked for line in lines if (booked := _book(bank, account, line))]
    total = _sum(head, sum(line.amount for line in lines), day, code, f"RETURN {len(items)} payments")
    booked = _book(bank, account, total)
    return [replace(booked, parts=tuple(lines))] if booked else []


def _line(head: Head, one: Instruction, sign: int, day: date, code: str, why: str, returned: str = "") -> Line:
    return Line(
        amount=sign * one.amount, booked=day, valued=day, end_to_end=one.id, code=code, description=why,
        counterparty=one.name, counterparty_account=one.account, message=head.message_id, batch=head.id,
        instruction=one.instruction, uetr=one.uetr, mandate=one.mandate, return_reason=returned,
    )  # fmt: skip


def _sum(head: Head, amount: int, day: date, code: str, why: str) -> Line:
    """One line for all of an order. It has no name of its own, so it has the order's."""
    return Line(amount=amount, booked=day, valued=day, end_to_end=head.id, code=code, description=why.strip(),
                message=head.message_id, batch=head.id)  # fmt: skip


def _book(bank: Bank, account: Account, line: Line) -> Line | None:
    """None for a prenote, which moves nothing."""
    return bank.books.book(account, line) if line.amount else None


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
            statement = bank.books.close(account, day.day)
            yield statement
            for format in bank.terms.statements:
                yield from dispatch(bank, calendar, currency, paper.letter(format, statement, bank.now))
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
