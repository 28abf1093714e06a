"""A month at a bank, made up with a seed: what the ledger has booked, what the bank tells of it, and what is wrong.

Every group has a label, so that what reconciliation says of it can be counted right or wrong. Most lines tell an entry
exactly; the others are what banks and people do: amounts with digits exchanged, lines told twice, references cut off
or misread, fees kept back, payments in parts or together, late, or never.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import NamedTuple

KINDS = (
    "amount_typo", "duplicate", "missing_in_bank", "missing_in_ledger", "late", "split", "merged", "fee_netted",
    "mangled",
)  # fmt: skip
LOST = "reference_lost"  # what a tenth of the mangled ones are
SHARE = 0.004  # of all groups, for each kind
DAYS = 30
BEGIN = date(2026, 10, 1)
FEE = (25, 300)  # minor units that a bank keeps back
TYPO = 1_000  # minor units that a typo is off at least
HEADER = "date,amount,reference,text\n"
PRICES = (2_900, 4_900, 9_900, 14_900, 19_900, 49_900, 99_900, 250_000)
LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"


class Booked(NamedTuple):
    """An entry: day (from 0), amount in minor units, reference."""

    day: int
    amount: int
    reference: str


class Told(NamedTuple):
    """A line: day, amount, reference, text."""

    day: int
    amount: int
    reference: str
    text: str


class Story(NamedTuple):
    kind: str
    booked: tuple[Booked, ...]
    told: tuple[Told, ...]


def stories(count: int, seed: int) -> Iterator[Story]:
    """In the order of their days."""
    random = Random(seed)
    for n in range(count):
        day = n * DAYS // count
        kind = "exact"
        if (drawn := random.random()) < SHARE * len(KINDS):
            kind = KINDS[int(drawn / SHARE)]
        yield _story(kind, n, day, random)


def _story(kind: str, n: int, day: int, random: Random) -> Story:
    reference = f"{''.join(random.choices(LETTERS, k=6))}{n:09d}"
    price = random.choice(PRICES) if random.random() < 0.4 else random.randint(2_000, 9_999_999)
    amount = random.choice((-1, 1)) * price
    told_on = min(DAYS - 1, day + random.choice((0, 0, 0, 1, 1, 2)))
    entry, line = Booked(day, amount, reference), Told(told_on, amount, reference, "PAYMENT")
    if kind == "amount_typo":
        return Story(kind, (entry,), (line._replace(amount=_mistyped(amount, random)),))
    if kind == "duplicate":
        return Story(kind, (entry,), (line, line))
    if kind == "missing_in_bank":
        early = entry._replace(day=min(day, DAYS - 14))
        return Story(kind, (early,), ())
    if kind == "missing_in_ledger":
        return Story(kind, (), (line,))
    if kind == "late":
        return Story(kind, (entry._replace(day=max(0, day - 18)),), (line._replace(day=max(0, day - 18) + 14),))
    if kind == "split":
        parts = sorted(random.sample(range(1, abs(amount)), random.randint(1, 2)))
        ends = [0, *parts, abs(amount)]
        sign = 1 if amount > 0 else -1
        return Story(kind, (entry,), tuple(
            line._replace(amount=sign * (b - a)) for a, b in pairwise(ends)
        ))  # fmt: skip
    if kind == "merged":
        sign = 1 if amount > 0 else -1
        many = tuple(
            Booked(day, sign * random.randint(2_000, 999_999), f"{reference}{letter}") for letter in "XYZ"
        )  # fmt: skip
        text = "COLLECTED " + " ".join(one.reference for one in many)
        return Story(kind, many, (Told(told_on, sum(one.amount for one in many), "", text),))
    if kind == "fee_netted":
        fee = random.randint(*FEE)
        return Story(kind, (entry._replace(amount=abs(amount)),), (line._replace(amount=abs(amount) - fee),))
    if kind == "mangled":
        mangled = _mangled(reference, random)
        return Story(kind if mangled else LOST, (entry,), (line._replace(reference=mangled),))
    return Story("exact", (entry,), (line,))


def _mistyped(amount: int, random: Random) -> int:
    """Two neighbouring digits exchanged, so that it is off by more than a fee."""
    digits = list(str(abs(amount)))
    for n in random.sample(range(len(digits) - 1), len(digits) - 1):
        other = [*digits[:n], digits[n + 1], digits[n], *digits[n + 2 :]]
        made = int("".join(other))
        if abs(made - abs(amount)) >= TYPO and other[0] != "0":
            return made if amount > 0 else -made
    return amount + (TYPO if amount > 0 else -TYPO)


def _mangled(reference: str, random: Random) -> str:
    """Cut at an end, misread in up to three places, or lost altogether."""
    letters = list(reference)
    match random.randrange(10):
        case 0:
            return ""
        case 1 | 2 | 3:
            return reference[: -random.randint(1, 7)]
        case 4 | 5 | 6:
            return reference[random.randint(1, 7) :]
        case _:
            for at in random.sample(range(len(letters)), random.randint(1, 3)):
                letters[at] = random.choice(LETTERS)
            return "".join(letters)


def day_of(n: int) -> date:
    return BEGIN + timedelta(days=n)


class Truth:
    """What belongs together, as places: a day times 2^32 and a place in it, from 1, of entries and of lines. Of exact
    pairs there are many, so they stand in columns; `groups` has the rest."""

    def __init__(self) -> None:
        self.entries, self.lines = array("q"), array("q")
        self.groups: list[tuple[str, tuple[int, ...], tuple[int, ...]]] = []

    def add(self, kind: str, entries: tuple[int, ...], lines: tuple[int, ...]) -> None:
        if kind == "exact":
            self.entries.append(entries[0])
            self.lines.append(lines[0])
        else:
            self.groups.append((kind, entries, lines))


def write_month(count: int, seed: int, folder: Path) -> Truth:
    """For each day the bank's statement (`bank-DAY.csv`) and what the ledger is to book (`ledger-DAY.csv`)."""
    truth = Truth()
    with ExitStack() as stack:
        bank, ledger = (
            [
                stack.enter_context((folder / f"{name}-{day_of(n)}.csv").open("w", buffering=1 << 16))
                for n in range(DAYS)
            ]
            for name in ("bank", "ledger")
        )
        for file in bank:
            file.write(HEADER)
        told_on, booked_on = [0] * DAYS, [0] * DAYS
        for story in stories(count, seed):
            entries, lines = [], []
            for entry in story.booked:
                booked_on[entry.day] += 1
                entries.append(entry.day << 32 | booked_on[entry.day])
                ledger[entry.day].write(f"{entry.amount},{entry.reference}\n")
            for line in story.told:
                told_on[line.day] += 1
                lines.append(line.day << 32 | told_on[line.day])
                bank[line.day].write(f"{day_of(line.day)},{major(line.amount)},{line.reference},{line.text}\n")
            truth.add(story.kind, tuple(entries), tuple(lines))
    return truth


def major(amount: int) -> str:
    return f"{'-' if amount < 0 else ''}{abs(amount) // 100}.{abs(amount) % 100:02d}"
