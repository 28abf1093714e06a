"""What a format of bank files is: what it can carry, how a file of it is built, and what its answers say."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from typing import Literal, NamedTuple

from msgspec import Struct

from nostro.connect.originating_account import Record as Account

from .instruction import Instruction, Receiver


class Job(Struct, frozen=True, kw_only=True):
    """What a file is made of: `number` counts the account's files, `of_day` those of the day from 0, `first_trace` is
    the number of its first payment, `settles` the day on which the banks are to move the money."""

    account: Account
    number: int
    of_day: int
    first_trace: int
    now: int
    settles: date
    payments: Sequence[Instruction]


class Built(Struct, frozen=True):
    """The bytes, and the payments with their trace numbers in the order of the file."""

    content: bytes
    traced: list[tuple[str, Instruction]]


TOO_MUCH = "could_not_process"


class Refusal(NamedTuple):
    """Why a file cannot carry a payment: the API's `failure_code`, and a sentence for people."""

    code: str
    text: str


class Item(Struct, frozen=True, kw_only=True):
    """One thing that an answer says: of a payment by its `trace`, or of a whole file, which `trace` then names.
    `code` is the bank's own; `receiver` is what a change has corrected. An item about a mandate names the beginning of
    the traces of its payments."""

    kind: Literal["return", "change", "accept", "reject"]
    trace: str
    code: str
    amount: int | None = None
    receiver: Receiver | None = None
    text: str = ""
    of_mandate: bool = False


class BadAnswer(ValueError):
    """The file cannot be read; says where."""


class Format(Struct, frozen=True, kw_only=True):
    """`refusal(receiver, amount)` says why it cannot carry a payment; `build` raises ValueError for what it did not
    foresee. `probe` is somebody to whom a payment can always be written: if not even that can, it is not the payments'
    fault. What answers say is read by `read`."""

    suffix: str
    probe: Receiver
    refusal: Callable[[Receiver, int], Refusal | None]
    build: Callable[[Job], Built]
    corrected: Callable[[Receiver, Item], Item]
    read: Callable[[bytes], list[Item]]


def wrong_number(text: str) -> Refusal:
    return Refusal("invalid_account_number", text)


def wrong_name(text: str) -> Refusal:
    return Refusal("incorrect_account_holder_name", text)


def too_much(text: str) -> Refusal:
    return Refusal(TOO_MUCH, text)
