"""What a request log may show of what a caller sent: no card number, security code, key or secret, however it came.

Three rules, each enough by itself. A field whose name says that it is secret is hidden whatever it holds. Inside what
describes how somebody pays (`card`, `us_bank_account`, ...) everything is hidden but for a short list. And any text,
wherever it stands, loses what looks like a card number (12 to 19 digits that pass the Luhn check, also in groups),
a bank account (IBAN) or a secret of ours.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

HIDDEN = "[hidden]"
LONGEST_TEXT = 500
MOST_FIELDS = 100
DEEPEST = 10
# One of these within a name, its brackets and underscores taken as gaps, hides the value.
SECRET_WORDS = frozenset(
    "number pan cvc cvv cvn csc cid pin password passphrase pass secret secrets key keys token tokens credential "
    "credentials auth authorization authentication bearer signature cryptogram cavv eci track magstripe iban bban ssn "
    "dob routing private".split()
)
# How somebody pays: hidden but for `INSTRUMENT_SHOWN`.
INSTRUMENTS = frozenset(
    "card bank_account us_bank_account sepa_debit acss_debit au_becs_debit bacs_debit nz_bank_account source "
    "external_account legal_entity individual owner".split()
)
INSTRUMENT_SHOWN = frozenset(
    "object type brand brands network preferred exp_month exp_year currency country funding last4 account_holder_type "
    "account_type capture_method request_three_d_secure setup_future_usage request_extended_authorization "
    "request_incremental_authorization request_multicapture request_overcapture moto line1_check".split()
)
# A name that would be hidden shows its value where it is the id of an object: `token=tok_...`.
_ID = re.compile(r"(?:tok|btok|ctoken|pm|card|ba|src|cus|acct|pi|seti|ch|re|req|evt|we|file|price|prod|pmc)_\w{1,64}")
_WORDS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+|\d+")
_DIGITS = re.compile(r"\d(?:[ .\-_/+]{0,3}\d){11,}")
_SECRETS = re.compile(r"(?:sk|rk|pk|ek)_(?:live|test)_\w+|whsec_\w+|_secret_\w+|\b[Bb]earer\s+\S+")
_MAYBE_SECRET = re.compile(r"_(?:live|test|secret)_|whsec_|earer\s")
SHORTEST_NUMBER, SHORTEST_SECRET = 12, len("whsec_1")
_IBAN = re.compile(r"\b[A-Z]{2}\d{2}(?:\s?[A-Z0-9]{4}){2,7}\s?[A-Z0-9]{0,4}\b")


def redacted(form: Any, name: str = "", inside: bool = False, depth: int = 0) -> Any:
    """The parameters, or an answer, with what must not be kept hidden, long texts cut and long lists ended."""
    if depth > DEEPEST:
        return HIDDEN
    if isinstance(form, dict):
        out: dict[str, Any] = {}
        for key, value in list(form.items())[:MOST_FIELDS]:
            within = inside or (key in INSTRUMENTS and isinstance(value, dict | list))
            out[clean(str(key), 100)] = redacted(value, str(key), within, depth + 1)
        return out
    if isinstance(form, list):
        return [redacted(value, name, inside, depth + 1) for value in form[:MOST_FIELDS]]
    if isinstance(form, bytes):
        return f"[{len(form)} bytes]"
    if form is None or isinstance(form, bool):
        return form
    text = str(form)
    if _secret(name, inside) and not _ID.fullmatch(text):
        return HIDDEN
    return form if isinstance(form, int) and len(text) < 12 else clean(text)


def clean(text: str, longest: int = LONGEST_TEXT) -> str:
    """A text without card numbers, bank accounts and secrets, fit for every database, not too long."""
    if len(text) >= SHORTEST_NUMBER:
        text = _DIGITS.sub(_if_card, text[: 4 * longest])
        text = _IBAN.sub(HIDDEN, text)
    if len(text) >= SHORTEST_SECRET and _MAYBE_SECRET.search(text):
        text = _SECRETS.sub(HIDDEN, text)
    if not text.isprintable():
        text = "".join(letter if letter.isprintable() or letter in "\n\t" else "\N{REPLACEMENT CHARACTER}"
                       for letter in text)  # fmt: skip
    return text if len(text) <= longest else text[:longest] + "..."


@lru_cache(maxsize=4_096)
def _secret(name: str, inside: bool) -> bool:
    if inside and name not in INSTRUMENT_SHOWN:
        return True
    return name not in INSTRUMENT_SHOWN and not SECRET_WORDS.isdisjoint(word.lower() for word in _WORDS.findall(name))


def _if_card(found: re.Match[str]) -> str:
    digits = [int(letter) for letter in found[0] if letter.isdecimal()]
    if len(digits) > 19:
        return HIDDEN
    windows = (digits[start:end] for start in range(len(digits) - 11) for end in range(start + 12, len(digits) + 1))
    return HIDDEN if any(_luhn(window) for window in windows) else found[0]


def _luhn(digits: list[int]) -> bool:
    return sum(sum(divmod(2 * d, 10)) if n % 2 else d for n, d in enumerate(reversed(digits))) % 10 == 0
