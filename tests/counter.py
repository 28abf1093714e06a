"""The smallest resource there is: a number that units of work read and write; and a setting that they remember."""

from typing import Literal

import msgspec

from nostro.kernel.posting import Posting, credit, debit
from nostro.kernel.resource import Filter, Resource, Stored
from nostro.storage.unit import Entry, Scope, Unit, Write

PUT_JOB = "INSERT INTO job (scope,kind,ref,due) VALUES (?,?,?,?)"


class Counter(Stored, frozen=True, kw_only=True, omit_defaults=True):
    object: Literal["counter"] = "counter"
    value: int = 0
    colour: str | None = None


COUNTER: Resource[Counter] = Resource(
    object="counter", prefix="cnt", record=Counter, shape=Counter, verbs=(), filters=(Filter("colour"),)
)


class Setting(Stored, frozen=True, kw_only=True, omit_defaults=True):
    object: Literal["setting"] = "setting"
    value: int = 0


SETTING: Resource[Setting] = Resource(
    object="setting", prefix="set", record=Setting, shape=Setting, verbs=(), remembered="all"
)


def write(id: str, value: int, read: int = 0, colour: str | None = None) -> Write:
    """`read` is the version it was read at, 0 for a new one."""
    record = Counter(id=id, created=1, value=value, colour=colour)
    return Write("counter", id, read, record.created, msgspec.json.encode(record))


def entry(*postings: Posting, source: str = "cnt_1") -> Entry:
    return Entry("test", source, 1, postings)


def deposit(account: str, amount: int) -> Entry:
    return entry(debit("bank", amount, "usd"), credit(account, amount, "usd"))


def withdrawal(account: str, amount: int) -> Entry:
    """Refused with `too_little` if the account would fall below zero."""
    return entry(debit(account, amount, "usd", "too_little"), credit("bank", amount, "usd"))


def unit(scope: Scope, *parts: Write | Entry, micros: int = 1_000_000) -> Unit:
    writes = [part for part in parts if isinstance(part, Write)]
    entries = [part for part in parts if isinstance(part, Entry)]
    return Unit(scope=scope, micros=micros, writes=writes, entries=entries)
