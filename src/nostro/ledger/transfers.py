"""Plain transfers of a bulk request, booked as a batch: their accounts found, their values checked column by column."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nostro.kernel.pace import Pace
from nostro.storage.batch import Accounts, Batch, Transfers, Words
from nostro.storage.columns import Ints
from nostro.storage.tx import Tx

from .app_account import ALERT
from .app_entry import BOOKED, KIND
from .bulk_lines import Columns
from .directory import Directory, directory, meet
from .draft import MOST_AMOUNT
from .merging import MERGE, MERGE_NAMES
from .named import Looked, look

LONGEST_DESCRIPTION = 500
LONGEST_REFERENCE = 255


class Plain(NamedTuple):
    """The lines as columns, accounts as places in the directory, and which of them can be booked so. `looked` says
    which references are in use."""

    known: Directory
    lines: Transfers
    words: Words
    good: NDArray[np.bool_]
    looked: Looked | None

    @property
    def there(self) -> dict[int, int]:
        """The good lines whose reference is in use, by the entry's number."""
        return {} if self.looked is None else {n: at for n, at in self.looked.there.items() if self.good[n]}


async def plain(tx: Tx, asked: Columns, pace: Pace) -> Plain:
    known = await directory(tx.world, tx.scope)
    count = len(asked.amount)
    debit, credit = await _places(tx, known, asked, pace)
    await pace.give_way()
    amount = _within(asked.amount, 1, MOST_AMOUNT)
    kinds, kind = _dictionary(asked.kind, count)
    descriptions, description = _dictionary(asked.description, count)
    good_kind = np.array([word is None or KIND.fullmatch(word) is not None for word in kinds])[kind]
    good_text = np.array([text is None or _storable(text) for text in descriptions])[description]
    effective = np.full(count, tx.now, np.int64)
    if asked.effective is not None:
        effective = _within([tx.now if at is None else at for at in asked.effective], 0, tx.now)
    good = (debit >= 0) & (credit >= 0) & (debit != credit) & (amount >= 0) & (effective >= 0) & good_kind & good_text
    looked, dated = None, False
    if asked.reference is not None:
        named = np.array([one is not None for one in asked.reference])
        good &= np.array([one is None or 0 < len(one) <= LONGEST_REFERENCE for one in asked.reference])
        moments = _dated(asked)
        dated = bool(np.count_nonzero(moments & good) * 2 > np.count_nonzero(good))
        good &= (moments == dated) | ~named  # what a reference stands for is told of a batch as a whole
        looked = await look(tx, [one if fine else None for one, fine in zip(asked.reference, good, strict=True)], pace)
        good[looked.twice] = False
    lines = Transfers(debit, credit, amount, effective, kind, description)
    words = Words([BOOKED if word is None else f"app:{word}" for word in kinds], descriptions, dated=dated)
    return Plain(known, lines, words, good, looked)


def _dated(asked: Columns) -> NDArray[np.bool_]:
    """The lines that say when they take effect."""
    if asked.effective is None:
        return np.zeros(len(asked.amount), np.bool_)
    return np.array([at is not None for at in asked.effective])


async def _places(tx: Tx, known: Directory, asked: Columns, pace: Pace) -> tuple[Ints, Ints]:
    """Of each line's accounts; -1 for one that is not open in the line's currency."""
    places = np.full((2, len(asked.currency)), -1, np.int64)
    units = {unit for unit in dict.fromkeys(asked.currency) if unit}
    for unit in units:
        chosen = [n for n, one in enumerate(asked.currency) if one == unit]
        at = slice(None) if len(chosen) == len(asked.currency) else chosen
        sides = [column if isinstance(at, slice) else [column[n] for n in at] for column in (asked.debit, asked.credit)]
        of = known.of(unit.lower())
        if missing := {code for side in sides for code in side if code not in of}:
            await meet(tx.world, tx.scope, known, sorted(missing), pace)
        for side, codes in enumerate(sides):
            places[side, at] = [of.get(code, -1) for code in codes]
            await pace.give_way()
    return places[0], places[1]


def _within(numbers: Sequence[int], least: int, most: int) -> Ints:
    """The numbers; -1 for those that are not between these two."""
    try:
        column = np.array(numbers, np.int64)
    except OverflowError:
        column = np.array([number if least <= number <= most else -1 for number in numbers], np.int64)
    return np.where((column >= least) & (column <= most), column, -1)


def batch_of(tx: Tx, found: Plain, chosen: Ints | slice | NDArray[np.bool_], atomic: bool = False) -> Batch:
    """Put a batch of some good lines into the unit, and what follows from it."""
    known, lines = found.known, found.lines.only(chosen)
    used = np.zeros(len(known.keys), np.bool_)
    used[lines.debit] = used[lines.credit] = True
    places = np.flatnonzero(used)
    narrow: Ints = np.cumsum(used) - 1
    lowest, highest = known.bounds(places)
    batch = Batch(
        accounts=Accounts(known.keys, places, known.remembered), lowest=lowest, highest=highest,
        debit_normal=known.debit_normal(places),
        transfers=lines._replace(debit=narrow[lines.debit], credit=narrow[lines.credit]), words=found.words,
        created=tx.now, atomic=atomic,
    )  # fmt: skip
    tx.unit.batch = batch
    if found.looked is not None:
        batch.names = found.looked.names.only(chosen)
        tx.unit.unless += found.looked.unless(batch.names)
        tx.schedule(MERGE_NAMES, str(tx.scope.number), tx.now)
    for id in known.watched(places):
        tx.schedule(ALERT, id, tx.now)
    tx.schedule(MERGE, str(tx.scope.book), tx.now)
    return batch


async def commit(tx: Tx, found: Plain) -> None:
    """Raises `Refused` for a batch that is booked together, `Conflict` if another unit was first."""
    await tx.world.engine.commit(tx.seal())
    tx.world.work.set()
    batch = tx.unit.batch
    if found.looked is not None and batch is not None and batch.outcome is not None:
        # Nobody else brought names until then, so those of the other lines are as new as before.
        booked = len(batch.transfers.amount) - len(batch.outcome.refused)
        found.looked.upto = max(found.looked.upto, batch.outcome.first + booked - 1)


def _dictionary(values: Sequence[str | None] | None, count: int) -> tuple[list[str | None], Ints]:
    """The different values, and which of them each is."""
    if values is None:
        return [None], np.zeros(count, np.int64)
    places = {value: n for n, value in enumerate(dict.fromkeys(values))}
    return list(places), np.array([places[value] for value in values], np.int64)


def _storable(text: str) -> bool:
    return len(text) <= LONGEST_DESCRIPTION and "\0" not in text
