"""Plain transfers of a bulk request, booked as a batch: their accounts found, their values checked column by column."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from nostro.storage.batch import Batch, Transfers, Words
from nostro.storage.columns import Ints
from nostro.storage.tx import Tx

from .app_account import ALERT
from .app_entry import BOOKED, KIND
from .bulk_lines import Transfer
from .directory import Directory, directory, meet
from .draft import MOST_AMOUNT
from .merging import MERGE

LONGEST_DESCRIPTION = 500
NOTHING = Transfer()
T = TypeVar("T", bound=Hashable)


async def plain(tx: Tx, lines: Sequence[Transfer | None]) -> tuple[Directory, Transfers, Words, NDArray[np.bool_]]:
    """The lines as columns, accounts as places in the directory, and which of them can be booked so."""
    known = await directory(tx.world, tx.scope)
    given = [NOTHING if line is None else line for line in lines]
    debit, credit = np.full(len(given), -1, np.int64), np.full(len(given), -1, np.int64)
    for currency in {line.currency for line in given} - {""}:
        chosen = [n for n, line in enumerate(given) if line.currency == currency]
        debits, credits = [given[n].debit for n in chosen], [given[n].credit for n in chosen]
        places = known.of(currency.lower())
        if missing := {*debits, *credits} - places.keys():
            await meet(tx.world, tx.scope, known, currency.lower(), sorted(missing))
        debit[chosen] = [places.get(code, -1) for code in debits]
        credit[chosen] = [places.get(code, -1) for code in credits]
    kinds, kind = _dictionary([BOOKED if line.kind is None else f"app:{line.kind}" for line in given])
    descriptions, description = _dictionary([line.description for line in given])
    amount = np.array([line.amount if 0 < line.amount <= MOST_AMOUNT else 0 for line in given], np.int64)
    at = [tx.now if line.effective_at is None else line.effective_at for line in given]
    effective = np.array([second if 0 <= second <= tx.now else -1 for second in at], np.int64)
    good_kind = np.array([word == BOOKED or bool(KIND.fullmatch(word[4:])) for word in kinds])[kind]
    good_text = np.array([text is None or _storable(text) for text in descriptions])[description]
    good = (debit >= 0) & (credit >= 0) & (debit != credit) & (amount > 0) & (effective >= 0) & good_kind & good_text
    return known, Transfers(debit, credit, amount, effective, kind, description), Words(kinds, descriptions), good


def batch_of(tx: Tx, known: Directory, lines: Transfers, words: Words, atomic: bool = False) -> Batch:
    """Put a batch of good lines into the unit, and what follows from it."""
    used = np.zeros(len(known.keys), np.bool_)
    used[lines.debit] = used[lines.credit] = True
    places = np.flatnonzero(used)
    narrow: Ints = np.cumsum(used) - 1
    lowest, highest = known.bounds(places)
    batch = Batch(
        accounts=[known.keys[place] for place in places.tolist()], lowest=lowest, highest=highest,
        debit_normal=known.debit_normal(places),
        transfers=lines._replace(debit=narrow[lines.debit], credit=narrow[lines.credit]), words=words,
        created=tx.now, atomic=atomic,
    )  # fmt: skip
    tx.unit.batch = batch
    for id in known.watched(places):
        tx.schedule(ALERT, id, tx.now)
    tx.schedule(MERGE, str(tx.scope.book), tx.now)
    return batch


def _dictionary(values: Sequence[T]) -> tuple[list[T], Ints]:
    """The different values, and which of them each is."""
    places = {value: n for n, value in enumerate(dict.fromkeys(values))}
    if len(places) == 1:
        return list(places), np.zeros(len(values), np.int64)
    return list(places), np.array([places[value] for value in values], np.int64)


def _storable(text: str) -> bool:
    return len(text) <= LONGEST_DESCRIPTION and "\0" not in text
