"""What the simulated bank keeps between two calls: its terms, its days, its books, and what is still to be done."""

from __future__ import annotations

from datetime import date
from typing import Literal, Protocol

from msgspec import Struct

from nostro.networks.statement import Line

from .account import Books
from .answer import Group, Named
from .order import Head, Instruction
from .post import Faults, Post


class Calendar(Protocol):
    """The days of the currencies' banks, as `nostro.balances.calendar` knows them."""

    def this_or_next(self, currency: str, day: date) -> date: ...
    def add_business_days(self, currency: str, day: date, days: int) -> date: ...
    def next_cut_off(self, currency: str, now: int) -> tuple[int, date]: ...


class Terms(Struct, frozen=True, kw_only=True):
    """How this bank behaves. Rates are millionths, amounts minor units of the account's currency, 0 for no limit.

    `booking`: one line an order, or one a payment. `fee` is taken on the last banking day of a month, when `interest`
    (basis points a year of each day's closing balance) is paid. `statements` are the formats in which each day's
    statement is sent.
    """

    seed: int = 0
    returns: int = 0
    corrections: int = 0
    faults: Faults = Faults()
    booking: Literal["batch", "single"] = "single"
    fee: int = 0
    interest: int = 0
    largest_file: int = 0
    largest_payment: int = 0
    horizon: int = 90
    statements: tuple[str, ...] = ()


class Day(Struct, kw_only=True):
    """The banking day that a currency is in. `begun` in its morning."""

    day: date
    cut_off: int
    begun: bool = False


class Settle(Struct, frozen=True, kw_only=True, tag="settle"):
    """Accepted instructions to be booked; only their number and sum where one line is booked for all."""

    due: date
    head: Head
    account: str
    count: int
    amount: int
    instructions: tuple[Instruction, ...] = ()


class GiveBack(Struct, frozen=True, kw_only=True, tag="give_back"):
    """Instructions that come back, booked one by one or as one sum."""

    due: date
    group: Group
    account: str
    single: bool = True


class Correct(Struct, frozen=True, kw_only=True, tag="correct"):
    """Instructions that settled, whose data are to be put right."""

    due: date
    group: Group


class Arrive(Struct, frozen=True, kw_only=True, tag="arrive"):
    """Money from elsewhere that is on its way."""

    due: date
    account: str
    line: Line


class Deliver(Struct, frozen=True, kw_only=True, tag="deliver"):
    """An answer that the post has kept back."""

    due: date
    answer: Named


Task = Settle | GiveBack | Correct | Arrive | Deliver


class Bank(Struct, kw_only=True):
    """Everything the bank knows. `tasks` are by currency; `known` holds the files it has accepted."""

    terms: Terms = Terms()
    now: int
    books: Books
    days: dict[str, Day] = {}
    tasks: dict[str, list[Task]] = {}
    known: dict[str, int] = {}
    files: int = 0
    post: Post
    counts: dict[str, int] = {}
