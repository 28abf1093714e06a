"""Lines of a bulk request whose reference is in use. They book nothing, so they are answered apart from the others.

Most say again what was booked in a batch, and are compared with it here, many at once. What has a record, or says
something else, takes the way of a single entry, which tells it exactly.
"""

from __future__ import annotations

from typing import Any

from nostro.kernel.pace import Pace
from nostro.storage.tx import Tx

from .app_entry import BOOKED
from .batches import entry_id
from .bulk_lines import Columns, Slice
from .bulk_results import as_line
from .named import RECORD, said_of
from .transfers import Plain

IN_TURN = 512  # lines that are compared between two turns for other requests


async def told_again(tx: Tx, part: Slice, found: Plain, pace: Pace) -> dict[int, str]:
    """By their places in the part, the answers to those that say what the entry of a batch says."""
    booked = [(n, entry) for n, entry in found.there.items() if entry != RECORD]
    answers: dict[int, str] = {}
    for start in range(0, len(booked), IN_TURN):
        some = booked[start : start + IN_TURN]
        said = await said_of(tx, [entry for _, entry in some])
        answers |= {
            n: as_line({"line": part.numbers[n], "status": "existing", "entry": entry_id(entry)})
            for n, entry in some
            if _asked(part.columns, n) == said[entry]
        }
        await pace.give_way()
    return answers


def _asked(asked: Columns, n: int) -> Any:
    """As `said_of` tells of an entry."""
    currency, amount = asked.currency[n].lower(), asked.amount[n]
    kind, description, effective = (
        None if column is None else column[n] for column in (asked.kind, asked.description, asked.effective)
    )
    shown = [
        {"account": code, "amount": amount, "currency": currency, "direction": side}
        for code, side in ((asked.debit[n], "debit"), (asked.credit[n], "credit"))
    ]
    return shown, None, effective, description, {}, BOOKED if kind is None else f"app:{kind}", None
