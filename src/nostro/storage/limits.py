"""Limits of a batch: which of its lines an account's bound refuses, against the balances as they stand at commit.

Most batches break none. So the balances after all lines are computed at once, and only if one is out of bounds the
lines are judged one after another, because what follows a refused line stands on less.
"""

from __future__ import annotations

import numpy as np

from nostro.kernel.errors import Refused

from .batch import MOST, Batch
from .columns import Ints
from .runs import by_account, running, starts

FLOOR, CEILING = "ledger_floor_exceeded", "ledger_ceiling_exceeded"


def refusals(batch: Batch, opening: Ints) -> dict[int, Refused]:
    """By line. `opening` is what stands on each of the batch's accounts. Raises the first if the batch is atomic."""
    if not _may_break(batch, opening):
        return {}
    if not batch.atomic:
        return _one_by_one(batch, opening)
    first = _of_the_whole(batch, opening)
    if first is not None:
        raise first
    return {}


def _may_break(batch: Batch, opening: Ints) -> bool:
    lines = batch.transfers
    count = len(lines.amount)
    if count * int(lines.amount.max()) >= MOST or int(np.abs(opening).max()) >= MOST:
        return True  # sums could leave 64 bits: Python's numbers decide
    account = np.empty(2 * count, np.int64)
    account[0::2], account[1::2] = lines.debit, lines.credit
    order = by_account(account)
    account = account[order]
    amount = np.repeat(lines.amount, 2)[order]
    amount[order % 2 == 1] *= -1
    begin, group = starts(account)
    after = running(account, amount, opening[account[begin]])
    if batch.atomic:  # only what is left after the last line counts
        after = after[np.append(begin[1:], len(account)) - 1][group]
    beyond = np.where(amount > 0, after > batch.highest[account], after < batch.lowest[account])
    return bool(beyond.any())


def _one_by_one(batch: Batch, opening: Ints) -> dict[int, Refused]:
    stands, lowest, highest = opening.tolist(), batch.lowest.tolist(), batch.highest.tolist()
    refused = {}
    lines = batch.transfers
    for n, (debit, credit, amount) in enumerate(
        zip(lines.debit.tolist(), lines.credit.tolist(), lines.amount.tolist(), strict=True)
    ):
        above = stands[debit] + amount - highest[debit]
        below = lowest[credit] - stands[credit] + amount
        if above > 0:
            refused[n] = _refused(batch, debit, True, above)
        elif below > 0:
            refused[n] = _refused(batch, credit, False, below)
        else:
            stands[debit] += amount
            stands[credit] -= amount
    return refused


def _of_the_whole(batch: Batch, opening: Ints) -> Refused | None:
    stands, lowest, highest = opening.tolist(), batch.lowest.tolist(), batch.highest.tolist()
    lines = batch.transfers
    moves = list(zip(lines.debit.tolist(), lines.credit.tolist(), lines.amount.tolist(), strict=True))
    for debit, credit, amount in moves:
        stands[debit] += amount
        stands[credit] -= amount
    for debit, credit, _ in moves:
        if stands[debit] > highest[debit]:
            return _refused(batch, debit, True, stands[debit] - highest[debit])
        if stands[credit] < lowest[credit]:
            return _refused(batch, credit, False, lowest[credit] - stands[credit])
    return None


def _refused(batch: Batch, place: int, debit: bool, beyond: int) -> Refused:
    """A debit takes an account that is normally in debit towards its ceiling, any other towards its floor."""
    _, code, currency = batch.accounts[place]
    ceiling = bool(batch.debit_normal[place]) == debit
    return Refused(code, currency, CEILING if ceiling else FLOOR, beyond)
