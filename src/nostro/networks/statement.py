"""Statement: what a bank says happened on one account, the same value whichever format it came in.

A reader of camt.052/053, MT940, BAI2 or CSV is a generator: for each statement of the file an `Opening`, then its
`Line`s, then a `Closing`. So ten million lines need no more memory than one. A reader checks what the format lets it
check (totals, counts, order) and raises on the first thing that is wrong, so whoever reads must keep nothing before
the `Closing` has come.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date

from msgspec import Struct


class Opening(Struct, frozen=True, kw_only=True):
    """The head of a statement. `balance` in minor units of `currency` (lower case), negative when overdrawn; None where
    the format gives none (a report within the day). `number` is the statement's own; `page` counts from 1 where
    the format has pages."""

    account: str
    currency: str
    number: str
    balance: int | None
    date: date
    page: int = 0


class Line(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One booking. `amount` in minor units, positive into the account. `reference` is the bank's own name for it,
    `end_to_end` what the payer's file called it. `code` is the format's own transaction code (ISO 20022 domain/family/
    sub-family, SWIFT type, BAI type). `parts` are the payments inside a line that the bank booked as one sum.

    `message` and `batch` are the ids of the file and of the batch in it that the line or part came from, `instruction`
    and `uetr` more names of a payment. `creditor_reference` is a structured reference (RF...), `mandate` that of a
    direct debit, `own_code` the bank's own code, `return_reason` why money came back (a code of the format).
    `charges` in minor units, what the bank kept of the amount. Where the payment was ordered in another currency:
    `instructed` minor units of `instructed_currency`, and the `rate` as it stands in the file. A `pending` line is
    not booked: no balance has it in."""

    amount: int
    booked: date
    valued: date
    reference: str = ""
    end_to_end: str = ""
    code: str = ""
    description: str = ""
    counterparty: str = ""
    counterparty_account: str = ""
    reversal: bool = False
    parts: tuple[Line, ...] = ()
    message: str = ""
    batch: str = ""
    instruction: str = ""
    uetr: str = ""
    creditor_reference: str = ""
    mandate: str = ""
    own_code: str = ""
    return_reason: str = ""
    charges: int = 0
    instructed: int = 0
    instructed_currency: str = ""
    rate: str = ""
    pending: bool = False


class Closing(Struct, frozen=True, kw_only=True):
    """The end of a statement: `lines` were read, and `balance` is the opening plus all of them that are booked.
    `available` is what the bank lets the holder use, where the format says so. `is_last` is False on a page that
    another one continues."""

    balance: int | None
    date: date
    lines: int
    available: int | None = None
    is_last: bool = True


Piece = Opening | Line | Closing


class Statement(Struct, frozen=True, kw_only=True):
    """One statement as a whole, for who has the room."""

    opening: Opening
    lines: tuple[Line, ...]
    closing: Closing


def whole(pieces: Iterable[Piece]) -> Iterator[Statement]:
    """Statements out of a reader's pieces."""
    opening: Opening | None = None
    lines: list[Line] = []
    for piece in pieces:
        if isinstance(piece, Opening):
            opening, lines = piece, []
        elif isinstance(piece, Line):
            lines.append(piece)
        else:
            assert opening is not None
            yield Statement(opening=opening, lines=tuple(lines), closing=piece)
