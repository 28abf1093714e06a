"""Money is an `int` of minor units beside an ISO 4217 code; rates are `Decimal`.

Exponents and the smallest chargeable amounts follow Stripe's published currency lists.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Decimal

ZERO_DECIMAL = frozenset("bif clp djf gnf jpy kmf krw mga pyg rwf vnd vuv xaf xof xpf".split())
THREE_DECIMAL = frozenset("bhd jod kwd omr tnd".split())
TWO_DECIMAL = frozenset(
    """
    aed afn all amd ang aoa ars aud awg azn bam bbd bdt bgn bmd bnd bob brl bsd bwp byn bzd cad cdf chf
    cny cop crc cve czk dkk dop dzd egp etb eur fjd fkp gbp gel gip gmd gtq gyd hkd hnd htg huf idr ils
    inr isk jmd kes kgs khr kyd kzt lak lbp lkr lrd lsl mad mdl mkd mmk mnt mop mur mvr mwk mxn myr mzn
    nad ngn nio nok npr nzd pab pen pgk php pkr pln qar ron rsd rub sar sbd scr sek sgd shp sle sos srd
    std szl thb tjs top try ttd twd tzs uah ugx usd uyu uzs wst xcd xcg yer zar zmw
    """.split()
)
CURRENCIES = ZERO_DECIMAL | THREE_DECIMAL | TWO_DECIMAL
# Written with two decimals that must be zero: nothing smaller than the major unit is paid.
WHOLE_ONLY = frozenset({"isk", "ugx"})
LARGEST_AMOUNT = 99_999_999
SMALLEST_CHARGE = {
    "usd": 50, "aed": 200, "ars": 50, "aud": 50, "brl": 50, "cad": 50, "chf": 50, "clp": 50, "cop": 50,
    "czk": 1500, "dkk": 250, "eur": 50, "gbp": 30, "hkd": 400, "huf": 17500, "inr": 50, "jpy": 50,
    "krw": 50, "mxn": 1000, "myr": 200, "nok": 300, "nzd": 50, "pln": 200, "ron": 200, "rub": 50,
    "sek": 300, "sgd": 50, "thb": 1000, "zar": 50,
}  # fmt: skip


def exponent(currency: str) -> int:
    """Decimals between the minor and the major unit: usd 2, jpy 0, kwd 3."""
    if currency in ZERO_DECIMAL:
        return 0
    return 3 if currency in THREE_DECIMAL else 2


def text(amount: int, currency: str) -> str:
    """For people: `12.34 usd`, `-5 jpy`, exact."""
    places = exponent(currency)
    return f"{Decimal(amount).scaleb(-places):.{places}f} {currency}"


def portion(amount: int, rate: Decimal) -> int:
    """`amount` times `rate`, in minor units, halves away from zero."""
    return int((Decimal(amount) * rate).quantize(Decimal(1), ROUND_HALF_UP))


def allocate(amount: int, weights: Sequence[int]) -> list[int]:
    """Split `amount` by `weights`; the parts always sum to the whole.

    Each part gets its share rounded down; the units that remain go one each to the largest
    fractions, the earliest first among equals (the largest-remainder method).
    """
    total = sum(weights)
    assert total > 0, "nothing to split by"
    assert all(weight >= 0 for weight in weights), "a negative weight"
    parts = [amount * weight // total for weight in weights]
    remainders = [amount * weight % total for weight in weights]
    order = sorted(range(len(weights)), key=lambda n: (-remainders[n], n))
    for n in order[: amount - sum(parts)]:
        parts[n] += 1
    return parts
