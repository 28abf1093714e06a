"""How banks take files of payments: by the country and currency of the account that pays, a row each."""

from __future__ import annotations

from typing import Final, Literal

from msgspec import Struct

Format = Literal["bacs", "nacha", "pain.001"]
FileFormat = Literal["bacs", "nacha", "pain.001", "pain.008"]


class Scheme(Struct, frozen=True, kw_only=True):
    """`credits` and `debits` are the formats of files; where they differ, a file goes one way only. `ids` is what the
    bank knows the originator by. `country` and `currency` are "" for every other.

    Days are business days of the currency's banks: `days` from a file's to the one on which its payments settle, and
    `least` if they are in a hurry; `notice` more where a debit is the first of its mandate; `clears` from there until a
    debit cannot come back any more for want of funds.
    """

    country: str = ""
    currency: str = ""
    ids: Literal["bacs", "iso20022", "nacha"]
    credits: FileFormat
    debits: FileFormat
    debited: str = ""
    days: int
    least: int = 0
    notice: int = 0
    clears: int


# fmt: off
SCHEMES: Final[dict[Format, Scheme]] = {
    "nacha":    Scheme(country="US", currency="usd", ids="nacha", credits="nacha", debits="nacha", debited="usd",
                       days=1, clears=2),
    # A submission is taken in on the day after it was sent, and the money moves on the one after that.
    "bacs":     Scheme(country="GB", currency="gbp", ids="bacs", credits="bacs", debits="bacs", debited="gbp",
                       days=2, least=2, notice=3, clears=2),
    # Transfers in any currency; debits are SEPA's, for who has a creditor id.
    "pain.001": Scheme(ids="iso20022", credits="pain.001", debits="pain.008", debited="eur", days=1, clears=5),
}
# fmt: on


def format_for(country: str, currency: str) -> Format:
    """In which format a bank of `country` takes payments in `currency`."""
    for name, scheme in SCHEMES.items():
        if (scheme.country or country, scheme.currency or currency) == (country, currency):
            return name
    raise AssertionError("the last row takes all")
