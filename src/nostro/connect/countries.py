"""The countries in which an account can be opened: data.

Delays are days from a payment until its money can be paid out; an account may wait longer, never less. Which parts an
address has beyond street and city follows the countries' own postal rules.
"""

from __future__ import annotations

from msgspec import Struct

EURO = tuple("AT BE BG CY DE EE ES FI FR GR HR IE IT LT LU LV MT NL PT SI SK".split())
UNION = frozenset((*EURO, "CZ", "DK", "HU", "PL", "RO", "SE"))
EUROPE = UNION | {"CH", "GB", "GI", "LI", "NO"}


class Country(Struct, frozen=True):
    """`extra` are the currencies beside its own that a bank account there can be in."""

    currency: str
    delay: int = 3
    state: bool = False
    postal_code: bool = True
    extra: tuple[str, ...] = ()


# fmt: off
COUNTRIES: dict[str, Country] = {
    "AE": Country("aed", delay=5, state=True, postal_code=False),
    "AU": Country("aud", delay=2, state=True),
    "BR": Country("brl", delay=2, state=True),
    "CA": Country("cad", delay=3, state=True, extra=("usd",)),
    "CH": Country("chf", extra=("eur",)),
    "CZ": Country("czk", extra=("eur",)),
    "DK": Country("dkk", extra=("eur",)),
    "GB": Country("gbp", extra=("eur",)),
    "GI": Country("gbp", extra=("eur",)),
    "HK": Country("hkd", delay=4, postal_code=False),
    "HU": Country("huf", extra=("eur",)),
    "IN": Country("inr", delay=5, state=True),
    "JP": Country("jpy", delay=4, state=True),
    "LI": Country("chf", extra=("eur",)),
    "MX": Country("mxn", delay=3, state=True),
    "MY": Country("myr", delay=7, state=True),
    "NO": Country("nok", extra=("eur",)),
    "NZ": Country("nzd", delay=4),
    "PL": Country("pln", extra=("eur",)),
    "RO": Country("ron", extra=("eur",)),
    "SE": Country("sek", extra=("eur",)),
    "SG": Country("sgd", delay=4),
    "TH": Country("thb", delay=7, state=True),
    "US": Country("usd", delay=2, state=True),
    **{code: Country("eur") for code in EURO},
}
# fmt: on


def currencies(country: str) -> tuple[str, ...]:
    """In which currencies a bank account in this country can be; none where none can be."""
    known = COUNTRIES.get(country)
    return (known.currency, *known.extra) if known else ()
