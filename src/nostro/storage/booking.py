"""A batch, booked: the rows that its unit's commit writes, worked out on values that the engine has loaded.

The second of the two checks that entries balance is made here as for other entries: on a path of its own, over what
is about to be stored.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec
import numpy as np

from nostro.kernel.errors import Conflict, Refused

from .batch import AccountKey, Batch, BatchRow, Outcome, Transfers, batch_hash, batch_row
from .books import CLOSED, Head
from .columns import Ints
from .limits import refusals
from .names import rows_of
from .runs import Lines, pages, run_number, running, sorted_lines, starts


class Booking(NamedTuple):
    """`head` is the journal's new end; `numbers` and `batched` are, for each account of the batch, its number (0: it
    was not booked on) and what batches have booked on it. `named` are the rows of the lines' references."""

    head: Head
    link: tuple[int, int, int, int, str]
    accounts: list[tuple[int, int, str, str]]
    batch: BatchRow
    kinds: list[tuple[int, str, int]]
    run: tuple[int, int, int, int, int, int]
    pages: list[tuple[int, int, int, bytes]]
    late: list[tuple[int, int, int, int]]
    named: list[tuple[str, tuple[Any, ...]]]
    numbers: Ints
    batched: Ints


def booked(head: Head, batch: Batch, micros: int, standing: tuple[Ints, Ints, Ints]) -> Booking | None:
    """`standing` are the numbers of the batch's accounts (0: none yet) and both parts of their balances. Sets the
    batch's outcome; None if every line was refused. Raises `Refused` if the batch is atomic and a limit or a closed
    period says no, `Conflict` if the batch was made before a period ended that is closed by now.
    """
    number, rows, opening = standing
    refused = _refused(batch, rows + opening, head.closed.get(batch.accounts[0][0], 0))
    lines, names = batch.transfers, batch.names
    if refused:
        accepted = np.ones(len(lines.amount), np.bool_)
        accepted[list(refused)] = False
        lines, names = lines.only(accepted), names and names.only(accepted)
    batch.outcome = Outcome(head.entry + 1, refused)
    if not len(lines.amount):
        return None
    new = _number_new(head.account, batch.accounts, number, lines.debit, lines.credit)
    lines = lines._replace(debit=number[lines.debit], credit=number[lines.credit])
    first, last = head.entry + 1, head.entry + len(lines.amount)
    recorded, book = max(head.recorded, micros), batch.accounts[0][0]
    latest = max(head.latest.get(book, 0), int(lines.effective.max()))
    words = batch.words
    if batch.reference is not None and refused:
        said = {n: (one.account, one.currency, one.refusal, one.short_by) for n, one in refused.items()}
        words = msgspec.structs.replace(words, refused=said)
    named: list[tuple[str, tuple[Any, ...]]] = []
    if names is not None and names.hashes.any():
        sha, named = rows_of(first, names)
        words = msgspec.structs.replace(words, names=sha)
    row = batch_row(first, recorded, latest, batch, words, lines)
    sorted_, batched = _lines(first, lines, number, opening)
    assert not int(sorted_.amount.sum()), f"the batch of entry {first} is out of balance"
    run = run_number(first, 0)
    hash = batch_hash(head.hash, row)
    kinds = [(book, batch.words.kinds[place], first) for place in np.unique(lines.kind).tolist()]
    end = msgspec.structs.replace(
        head,
        link=head.link + 1,
        entry=last,
        account=head.account + len(new),
        recorded=recorded,
        hash=hash,
        latest=head.latest | {book: latest},
    )
    return Booking(
        head=end, link=(end.link, first, last, recorded, hash), accounts=new, batch=row, kinds=kinds,
        run=(run, book, 0, first, last, len(sorted_.account)), pages=pages(run, sorted_), numbers=number,
        batched=batched, late=_late(first, lines, latest), named=named,
    )  # fmt: skip


def _refused(batch: Batch, balances: Ints, until: int) -> dict[int, Refused]:
    """By line: what a closed period says, and what limits say to the rest."""
    lines = batch.transfers
    if not until or int(lines.effective.min()) >= until:
        return refusals(batch, balances)
    if batch.created < until:
        raise Conflict("the period was closed meanwhile")
    early = lines.effective < until
    refused: dict[int, Refused] = {}
    for n in np.flatnonzero(early).tolist():
        _, code, currency = batch.accounts[int(lines.debit[n])]
        refused[n] = Refused(code, currency, CLOSED, until - int(lines.effective[n]))
        if batch.atomic:
            raise refused[n]
    left = np.flatnonzero(~early)
    if len(left):
        limited = refusals(msgspec.structs.replace(batch, transfers=lines.only(left)), balances)
        refused |= {int(left[n]): one for n, one in limited.items()}
    return refused


def _number_new(
    last: int, keys: Sequence[AccountKey], number: Ints, debit: Ints, credit: Ints
) -> list[tuple[int, int, str, str]]:
    """Give a number to each account that is booked on for the first time; answers their rows."""
    missing = np.flatnonzero(number == 0)
    if not len(missing):
        return []
    used = np.zeros(len(keys), np.bool_)
    used[debit] = used[credit] = True
    new = missing[used[missing]]
    number[new] = np.arange(last + 1, last + 1 + len(new))
    return [(last + n, *keys[place]) for n, place in enumerate(new.tolist(), 1)]


def _lines(first: int, transfers: Transfers, number: Ints, opening: Ints) -> tuple[Lines, Ints]:
    """The batch's lines by account, and what they leave on each of its accounts."""
    account, entry, amount = sorted_lines(first, transfers)
    begin, _ = starts(account)
    by_number = np.argsort(number)
    places = by_number[np.searchsorted(number, account[begin], sorter=by_number)]
    balance = running(account, amount, opening[places])
    left = opening.copy()
    left[places] = balance[np.append(begin[1:], len(account)) - 1]
    return Lines(account, entry, amount, balance), left


def _late(first: int, transfers: Transfers, latest: int) -> list[tuple[int, int, int, int]]:
    """The rows of `ledger_late`: both lines of what takes effect before something that is booked already."""
    at = np.flatnonzero(transfers.effective < latest)
    late = transfers.only(at)
    entry, effective = (first + at).tolist(), late.effective.tolist()
    sides = ((late.debit, late.amount), (late.credit, -late.amount))
    return [
        row
        for account, amount in sides
        for row in zip(account.tolist(), entry, effective, amount.tolist(), strict=True)
    ]
