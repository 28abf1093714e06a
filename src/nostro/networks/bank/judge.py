"""What the simulated bank finds of a file: is it refused, whose is it, when is it booked, what becomes of each."""

from __future__ import annotations

from datetime import date, timedelta

import msgspec
from msgspec import Struct

from .account import Account, Books
from .fate import SETTLED, Fate, asked, by_account, by_chance
from .order import BACS, NACHA, Head, Instruction, Order, Received
from .state import Bank, Calendar, Terms


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


def refusal_of(bank: Bank, received: Received) -> str:
    """The reason why the file as a whole is refused, "" if it is not."""
    if received.error:
        return "unreadable"
    if received.hash in bank.known or received.message_id in bank.known:
        return "duplicate"
    largest = bank.terms.largest_file
    if largest and sum(order.amount for order in received.orders) > largest:
        return "over_limit"
    return ""


def judge(bank: Bank, calendar: Calendar, received: Received) -> list[Judged]:
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
        return next((account for account in fitting if _is_named(account.number, head.account)), None)
    known = (account for account in fitting if head.originator in account.originators)
    return next(known, None) or next((account for account in fitting if not account.originators), None)


def _is_named(number: str, named: str) -> bool:
    """By its number, or by the sort code and number at the end of its IBAN (Bacs)."""
    return number == named or (number[:2] == "GB" and number[8:] == named)


def fate_of(terms: Terms, head: Head, one: Instruction) -> Fate:
    """The one thing that becomes of an instruction of a taken file, whatever happens to the answers."""
    if terms.largest_payment and one.amount > terms.largest_payment:
        return Fate("rejected", "over_limit")
    fate = asked(one.name, one.reference, one.id) or by_account(one.account)
    fate = fate or by_chance(terms.seed, (head.file, one.index), head.way, terms.returns, terms.corrections)
    if fate.kind == "corrected" and head.format != NACHA and (head.format, head.way) != (BACS, "credit"):
        return SETTLED  # other schemes have no such message, and Bacs none about a debit
    return fate


def _settles(bank: Bank, calendar: Calendar, head: Head) -> date:
    """The day asked for, if banks are open then, and not before the one that we are in.

    Bacs takes items in on their processing day, and the money moves on the next one.
    """
    day = max(bank.days[head.currency].day, calendar.this_or_next(head.currency, head.day))
    return calendar.add_business_days(head.currency, day, 1) if head.format == BACS else day
