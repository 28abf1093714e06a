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
    the format gives none (a report within the day)."""

    account: str
    currency: str
    number: str
    balance: int | None
    date: date


class Line(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One booking. `amount` in minor units, positive into the account. `reference` is the bank's own name for it,
    `end_to_end` what the payer's file called it. `code` is the format's own transaction code (ISO 20022 domain/family/
    sub-family, SWIFT type, BAI type). `parts` are the payments inside a line that the bank booked as one sum."""

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


class Closing(Struct, frozen=True, kw_only=True):
    """The end of a statement: `lines` were read, and `balance` is the opening plus all of them."""

    balance: int | None
    date: date
    lines: int


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
