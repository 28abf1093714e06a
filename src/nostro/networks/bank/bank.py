"""A bank, simulated: it takes our files, keeps our accounts, and answers on the days on which a bank answers.

    open_account   an account with its first money
    take           a file: checked as a bank checks it, decided, and booked when its day comes
    deposit        money that comes (or goes) by itself: customers' transfers, card settlements
    advance        time passes (`day`): mornings book and answer, cut-offs close the day with a statement

A banking day ends at its currency's cut-off, where the next begins. In its morning the orders and returns that are due
are booked, and what is to be said of them goes out. `Bank` is all there is to keep between two calls. The clock is
moved only by `advance`; chance comes from the seed; nothing is read or written, so the same calls give the same files,
byte for byte.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Literal

import msgspec
from msgspec import Struct

from nostro.networks.statement import Line

from . import answer as answers
from .account import Account, Books
from .answer import Group, Item, Receipt, Refused, Taken, scheme_code
from .day import arrive, begin_if_morning, dispatch, run
from .fate import SETTLED, Fate, asked, by_account, by_chance
from .order import NACHA, Head, Instruction, Order, Received, receive
from .post import Letter, Post
from .reason import REASONS
from .state import Arrive, Bank, Calendar, Correct, Day, GiveBack, Settle, Terms

Deposit = Literal["transfer", "card_settlement", "charge"]


def open_bank(now: int, terms: Terms | None = None) -> Bank:
    """`now` in seconds since 1970."""
    return Bank(terms=terms or Terms(), now=now, books=Books(), post=Post())


def open_account(bank: Bank, calendar: Calendar, account: Account, balance: int) -> None:
    bank.books.open(account, balance)
    if account.currency not in bank.days:
        cut_off, day = calendar.next_cut_off(account.currency, bank.now)
        bank.days[account.currency] = Day(day=day, cut_off=cut_off)
        bank.tasks[account.currency] = []
        begin_if_morning(bank, account.currency)


def deposit(bank: Bank, calendar: Calendar, number: str, line: Line) -> None:
    """Money comes to the account `number`, or goes from it: at once, or on the banking day of `line.booked`."""
    account = bank.books.accounts[number]
    today = bank.days[account.currency].day
    task = Arrive(due=calendar.this_or_next(account.currency, line.booked), account=number, line=line)
    if task.due <= today:
        arrive(bank, task, today)
    else:
        bank.tasks[account.currency].append(task)


# Taking a file ---------------------------------------------------------------


class Judged(Struct, frozen=True, kw_only=True):
    """An order with what will become of each instruction. `refusal` is the reason for which none is taken."""

    order: Order
    account: Account | None
    settles: date | None = None
    refusal: str = ""
    fates: tuple[Fate, ...] = ()

    def accepted(self) -> list[tuple[Instruction, Fate]]:
        pairs = zip(self.order.instructions, self.fates, strict=True)
        return [(one, fate) for one, fate in pairs if fate.kind != "rejected"]


def take(bank: Bank, calendar: Calendar, content: bytes, name: str = "") -> tuple[Receipt, list[Letter]]:
    """What the bank says of the file, and what arrives at once. A refused file leaves no trace in the books."""
    bank.files += 1
    received = receive(content)
    refusal = _refusal(bank, received)
    judged = [] if refusal else _judge(bank, calendar, received)
    if received.format == NACHA and (refused := next((each.refusal for each in judged if each.refusal), "")):
        refusal = refused  # an ACH file is taken whole or not at all
    if not refusal:
        bank.known[received.hash] = bank.known[received.message_id] = bank.files
        for each in judged:
            if not each.refusal:
                _accept(bank, calendar, each)
    receipt = _receipt(bank, received, refusal, judged, name)
    currency = received.orders[0].head.currency if received.orders else ""
    currency = currency if currency in bank.days else next(iter(bank.days), "")
    letters = dispatch(bank, calendar, currency, answers.receipt(receipt))
    for touched in dict.fromkeys(each.order.head.currency for each in judged if each.order.head.currency in bank.days):
        letters += run(bank, calendar, touched)
    return receipt, letters


def _refusal(bank: Bank, received: Received) -> str:
    """The reason why the file as a whole is refused, "" if it is not."""
    if received.error:
        return "unreadable"
    if received.hash in bank.known or received.message_id in bank.known:
        return "duplicate"
    largest = bank.terms.largest_file
    if largest and sum(order.amount for order in received.orders) > largest:
        return "over_limit"
    return ""


def _judge(bank: Bank, calendar: Calendar, received: Received) -> list[Judged]:
    """What an order takes, the next of the same file cannot take again."""
    taken: dict[str, int] = {}
    judged = []
    for order in received.orders:
        head = msgspec.structs.replace(order.head, file=bank.files)
        account = account_of(bank.books, head)
        ours = account.number if account else ""
        # The offset of a balanced ACH file is no payment: it is what we book anyway.
        instructions = tuple(one for one in order.instructions if head.format != NACHA or one.account != ours)
        if not instructions:
            continue
        order = Order(head=head, instructions=instructions)
        if account is None:
            judged.append(Judged(order=order, account=None, refusal="unknown_originator"))
            continue
        fates = tuple(fate_of(bank.terms, head, one) for one in instructions)
        each = Judged(order=order, account=account, settles=_settles(bank, calendar, head), fates=fates)
        need = sum(one.amount for one, _ in each.accepted()) if head.way == "credit" else 0
        if head.day > bank.days[head.currency].day + timedelta(days=bank.terms.horizon):
            judged.append(Judged(order=order, account=account, refusal="too_early"))
        elif need > account.free - taken.get(ours, 0):
            judged.append(Judged(order=order, account=account, refusal="insufficient_funds"))
        else:
            taken[ours] = taken.get(ours, 0) + need
            judged.append(each)
    return judged


def account_of(books: Books, head: Head) -> Account | None:
    """The account that the order names; else the originator's; else the first that has no originators."""
    fitting = [account for account in books.accounts.values() if account.currency == head.currency]
    if head.account:
        return next((account for account in fitting if account.number == head.account), None)
    known = (account for account in fitting if head.originator in account.originators)
    return next(known, None) or next((account for account in fitting if not account.originators), None)


def fate_of(terms: Terms, head: Head, one: Instruction) -> Fate:
    """The one thing that becomes of an instruction of a taken file, whatever happens to the answers."""
    if terms.largest_payment and one.amount > terms.largest_payment:
        return Fate("rejected", "over_limit")
    fate = asked(one.name, one.reference or one.id) or by_account(one.account)
    fate = fate or by_chance(terms.seed, (head.file, one.index), head.way, terms.returns, terms.corrections)
    if fate.kind == "corrected" and head.format != NACHA:
        return SETTLED  # other schemes have no such message
    return fate


def _settles(bank: Bank, calendar: Calendar, head: Head) -> date:
    """The day asked for, if banks are open then, and not before the one that we are in."""
    return max(bank.days[head.currency].day, calendar.this_or_next(head.currency, head.day))


def _accept(bank: Bank, calendar: Calendar, judged: Judged) -> None:
    head, account, settles = judged.order.head, judged.account, judged.settles
    assert account is not None and settles is not None
    accepted = judged.accepted()
    amount = sum(one.amount for one, _ in accepted)
    if head.way == "credit":
        account.committed += amount
    tasks = bank.tasks[head.currency]
    if accepted:
        single = bank.terms.booking == "single"
        tasks.append(Settle(due=settles, head=head, account=account.number, count=len(accepted), amount=amount,
                            instructions=tuple(one for one, _ in accepted) if single else ()))  # fmt: skip
    later: dict[tuple[str, int], list[Item]] = {}
    for one, fate in accepted:
        if fate.kind != "settled":
            item = Item(instruction=one, code=_code(head.format, fate), reason=fate.reason)
            later.setdefault((fate.kind, fate.days), []).append(item)
    for (kind, days), items in sorted(later.items()):
        due, group = calendar.add_business_days(head.currency, settles, days), Group(head=head, items=tuple(items))
        tasks.append(GiveBack(due=due, group=group, account=account.number) if kind == "returned"
                     else Correct(due=due, group=group))  # fmt: skip


def _code(format: str, fate: Fate) -> str:
    """The code that was asked for, if it is one of the scheme; else the scheme's for the reason."""
    is_ach = len(fate.code) == 3
    return fate.code if fate.code and is_ach == (format == NACHA) else scheme_code(format, fate.reason)


# The receipt -----------------------------------------------------------------


def _receipt(bank: Bank, received: Received, refusal: str, judged: Sequence[Judged], name: str) -> Receipt:
    orders = tuple(_taken(each, each.refusal or refusal) for each in judged)
    states = {order.status for order in orders}
    for order in orders:
        for word, count in (("accepted", order.accepted), ("rejected", len(order.refused))):
            bank.counts[word] = bank.counts.get(word, 0) + count
    reason = refusal or (orders[0].reason if states == {"rejected"} else "")
    return Receipt(
        file=name, format=received.format, hash=received.hash, message_id=received.message_id,
        received=datetime.fromtimestamp(bank.now, UTC),
        status="rejected" if refusal else states.pop() if len(states) == 1 else "partly_accepted",
        reason=reason, code=scheme_code(received.format, reason) if reason else "",
        message=received.error or (REASONS[reason].meaning if reason else ""), orders=orders,
    )  # fmt: skip


def _taken(judged: Judged, refusal: str) -> Taken:
    head, account = judged.order.head, judged.account.number if judged.account else ""
    if refusal:
        refused = tuple(_refused(head, one, Fate("rejected", refusal)) for one in judged.order.instructions)
        return Taken(id=head.id, status="rejected", account=account, currency=head.currency, reason=refusal,
                     code=scheme_code(head.format, refusal), refused=refused)  # fmt: skip
    accepted = judged.accepted()
    pairs = zip(judged.order.instructions, judged.fates, strict=True)
    refused = tuple(_refused(head, one, fate) for one, fate in pairs if fate.kind == "rejected")
    return Taken(
        id=head.id, status="accepted" if not refused else "partly_accepted" if accepted else "rejected",
        account=account, currency=head.currency, accepted=len(accepted), amount=sum(one.amount for one, _ in accepted),
        settles=judged.settles, refused=refused,
    )  # fmt: skip


def _refused(head: Head, one: Instruction, fate: Fate) -> Refused:
    return Refused(id=one.id, amount=one.amount, code=_code(head.format, fate), reason=fate.reason)
