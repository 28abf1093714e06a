"""What becomes of an instruction at the simulated bank: one fate each, decided when its file is taken.

First what the instruction itself asks for, so that a test says what happens; then the published test account numbers;
then chance, by the bank's seed. The same seed, file and place in it always give the same fate.

    name or reference    "Return R03"  "Return AC04 5d"   comes back, so many banking days after it settled
                         "Reject AC01"                    refused when the file is taken, never booked
                         "Change C01"                     settles, and a notification of change follows (ACH, Bacs)
                         "Settle"                         settles, whatever chance says
    account number       000111111116, DE62370400440532013001, ... (TEST_BANK_ACCOUNTS)   comes back
"""

from __future__ import annotations

import re
from hashlib import blake2b
from typing import Final, Literal

from msgspec import Struct

from nostro.networks.ach_codes import CHANGES, RETURNS
from nostro.networks.iso20022 import reasons as iso_reasons
from nostro.networks.test_cards import TEST_BANK_ACCOUNTS

from .reason import BY_CODE, REASONS

MILLION: Final = 1_000_000
ASKED: Final = re.compile(
    r"\b(RETURN|REJECT|CHANGE|SETTLE)\b(?:[ -]([A-Z][A-Z0-9][0-9]{1,2})\b)?(?:[ -]([0-9]{1,2})D\b)?"
)
# What chance chooses from: what banks return most, and how a receiver's bank most often corrects.
OFTEN: Final = {
    "credit": ("no_account", "account_closed", "no_account", "invalid_account_number", "account_frozen"),
    "debit": ("insufficient_funds", "insufficient_funds", "no_account", "account_closed", "debit_not_authorized"),
}
OFTEN_CHANGED: Final = ("C01", "C02", "C01", "C05")
CHANGED_AFTER: Final = 2

Way = Literal["credit", "debit"]
Kind = Literal["settled", "rejected", "returned", "corrected"]


class Fate(Struct, frozen=True):
    """`code` is the scheme's own where one was asked for, else "". `days` are banking days after settlement."""

    kind: Kind
    reason: str = ""
    code: str = ""
    days: int = 0


SETTLED: Final = Fate("settled")


def dice(seed: int, *words: object) -> int:
    """0 to 999,999, the same for the same words."""
    text = ":".join(map(str, (seed, *words)))
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest()) % MILLION


def asked(*words: str) -> Fate | None:
    """The fate that a name or a reference asks for, None if none of them does."""
    for word in words:
        if found := ASKED.search(word.upper()):
            verb, code, days = found.groups()
            if fate := _named(verb, code or "", int(days) if days else None):
                return fate
    return None


def _named(verb: str, code: str, days: int | None) -> Fate | None:
    """None for a code that no table knows: the words are then somebody's name."""
    if verb == "SETTLE":
        return SETTLED
    if verb == "CHANGE":
        return Fate("corrected", code=code, days=days or CHANGED_AFTER) if code in CHANGES else None
    if code not in RETURNS and code not in iso_reasons.REASONS:
        return None
    reason = BY_CODE.get(code, "refused")
    if verb == "REJECT":
        return Fate("rejected", reason, code)
    return Fate("returned", reason, code, days or max(REASONS[reason].days, 1))


def by_account(number: str) -> Fate | None:
    """What the published test account numbers say."""
    reason = TEST_BANK_ACCOUNTS.get(number)
    return Fate("returned", reason, days=max(REASONS[reason].days, 1)) if reason else None


def by_chance(seed: int, place: tuple[int, int], way: Way, returns: int, corrections: int) -> Fate:
    """`place` is the file's number and the instruction's in it; the rates are millionths."""
    drawn = dice(seed, *place)
    if drawn < returns:
        reason = OFTEN[way][dice(seed, *place, "why") % len(OFTEN[way])]
        return Fate("returned", reason, days=max(REASONS[reason].days, 1))
    if drawn < returns + corrections:
        return Fate("corrected", code=OFTEN_CHANGED[dice(seed, *place, "why") % len(OFTEN_CHANGED)], days=CHANGED_AFTER)
    return SETTLED
