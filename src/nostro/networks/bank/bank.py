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
from datetime import UTC, datetime
from typing import Literal

from nostro.networks.statement import Line

from . import answer as answers
from .account import Account, Books
from .answer import Group, Item, Receipt, Refused, Taken, scheme_code
from .day import arrive, begin_if_morning, dispatch, run
from .fate import Fate
from .intake import receive
from .judge import Judged, judge, refusal_of
from .order import BACS, NACHA, Head, Instruction, Received
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


def take(bank: Bank, calendar: Calendar, content: bytes, name: str = "") -> tuple[Receipt, list[Letter]]:
    """What the bank says of the file, and what arrives at once. A refused file leaves no trace in the books."""
    bank.files += 1
    received = receive(content)
    refusal = refusal_of(bank, received)
    judged = [] if refusal else judge(bank, calendar, received)
    if received.format == NACHA and (refused := next((each.refusal for each in judged if each.refusal), "")):
        refusal = refused  # an ACH file is taken whole or not at all
    accepted = [] if refusal else [each for each in judged if not each.refusal]
    if accepted:
        bank.known[received.hash] = bank.known[received.message_id] = bank.files
    elif not refusal:
        refusal = judged[0].refusal if judged else "empty"
    for each in accepted:
        _accept(bank, calendar, each)
    receipt = _receipt(bank, received, refusal, judged, name)
    currency = received.orders[0].head.currency if received.orders else ""
    currency = currency if currency in bank.days else next(iter(bank.days), "")
    letters = dispatch(bank, calendar, currency, answers.receipt(receipt))
    if received.message_id and received.kind:
        letters += dispatch(bank, calendar, currency, answers.status(receipt, received.kind, bank.files))
    for groups in answers.together([] if refusal or received.kind else _refused_items(judged)):
        letters += dispatch(bank, calendar, currency, answers.returns(groups, bank.now, bank.post.made))
    for touched in dict.fromkeys(each.order.head.currency for each in judged if each.order.head.currency in bank.days):
        letters += run(bank, calendar, touched)
    return receipt, letters


def _accept(bank: Bank, calendar: Calendar, judged: Judged) -> None:
    head, account, settles = judged.order.head, judged.account, judged.settles
    assert account is not None and settles is not None
    accepted = judged.accepted()
    amount = sum(one.amount for one, _ in accepted)
    if head.way == "credit":
        account.committed += amount
    tasks = bank.tasks[head.currency]
    single = bank.terms.booking == "single" if head.one_booking is None else not head.one_booking
    if accepted:
        tasks.append(Settle(due=settles, head=head, account=account.number, count=len(accepted), amount=amount,
                            instructions=tuple(one for one, _ in accepted) if single else ()))  # fmt: skip
    later: dict[tuple[str, int], list[Item]] = {}
    for one, fate in accepted:
        if fate.kind != "settled":
            item = Item(instruction=one, code=_code(head.format, fate), reason=fate.reason)
            later.setdefault((fate.kind, fate.days), []).append(item)
    for (kind, days), items in sorted(later.items()):
        due, group = calendar.add_business_days(head.currency, settles, days), Group(head=head, items=tuple(items))
        tasks.append(GiveBack(due=due, group=group, account=account.number, single=single) if kind == "returned"
                     else Correct(due=due, group=group))  # fmt: skip


def _refused_items(judged: Sequence[Judged]) -> list[Group]:
    """ACH and Bacs have no message for what the originator's own bank refuses: it comes back as returns, at once."""
    groups = []
    for each in judged:
        head, pairs = each.order.head, zip(each.order.instructions, each.fates, strict=True)
        items = tuple(Item(instruction=one, code=_code(head.format, fate), reason=fate.reason)
                      for one, fate in pairs if fate.kind == "rejected")  # fmt: skip
        if items:
            groups.append(Group(head=head, items=items))
    return groups


def _code(format: str, fate: Fate) -> str:
    """The code that was asked for, if it is one of the scheme; else the scheme's for the reason."""
    if fate.kind == "corrected":
        return fate.code
    is_ach = len(fate.code) == 3
    fits = fate.code and format != BACS and is_ach == (format == NACHA)
    return fate.code if fits else scheme_code(format, fate.reason)


# The receipt -----------------------------------------------------------------


def _receipt(bank: Bank, received: Received, refusal: str, judged: Sequence[Judged], name: str) -> Receipt:
    orders = tuple(_taken(each, each.refusal or refusal) for each in judged)
    states = {order.status for order in orders}
    for order in orders:
        for word, count in (("accepted", order.accepted), ("rejected", order.payments - order.accepted)):
            bank.counts[word] = bank.counts.get(word, 0) + count
    return Receipt(
        file=name, format=received.format, hash=received.hash, message_id=received.message_id,
        received=datetime.fromtimestamp(bank.now, UTC),
        status="rejected" if refusal else states.pop() if len(states) == 1 else "partly_accepted",
        reason=refusal, code=scheme_code(received.format, refusal) if refusal else "",
        message=received.error or (REASONS[refusal].meaning if refusal else ""), orders=orders,
    )  # fmt: skip


def _taken(judged: Judged, refusal: str) -> Taken:
    head, account = judged.order.head, judged.account.number if judged.account else ""
    payments = len(judged.order.instructions)
    if refusal:
        return Taken(id=head.id, status="rejected", account=account, currency=head.currency, payments=payments,
                     reason=refusal, code=scheme_code(head.format, refusal))  # fmt: skip
    accepted = judged.accepted()
    pairs = zip(judged.order.instructions, judged.fates, strict=True)
    refused = tuple(_refused(head, one, fate) for one, fate in pairs if fate.kind == "rejected")
    return Taken(
        id=head.id, status="partly_accepted" if refused else "accepted", account=account, currency=head.currency,
        payments=payments, accepted=len(accepted), amount=sum(one.amount for one, _ in accepted),
        settles=judged.settles, refused=refused,
    )  # fmt: skip


def _refused(head: Head, one: Instruction, fate: Fate) -> Refused:
    return Refused(id=one.id, instruction=one.instruction, uetr=one.uetr, amount=one.amount,
                   code=_code(head.format, fate), reason=fate.reason)  # fmt: skip
