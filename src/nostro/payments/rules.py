"""What is checked of every payment's terms, however it is asked for: amount, descriptor, addresses."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from nostro.kernel.errors import ApiError, invalid
from nostro.kernel.money import CURRENCIES, SMALLEST_CHARGE, THREE_DECIMAL, WHOLE_ONLY, text

_LETTER = re.compile(r"[A-Za-z]")
_NO_PLACE_TO_RETURN_TO = ("javascript", "data", "vbscript", "file", "blob", "about")
DESCRIPTOR = "NOSTRO"
MOST_DESCRIPTOR = 22


def check_amount(amount: int, currency: str) -> None:
    """Raises for a currency that is not known or an amount that a network does not carry."""
    if currency not in CURRENCIES:
        known = ", ".join(sorted(CURRENCIES))
        raise invalid(f"Invalid currency: {currency[:20]}. The currencies that can be used are: {known}", "currency")
    check_carried(amount, currency)
    least = SMALLEST_CHARGE.get(currency, 1)
    if amount < least:
        raise invalid(f"Amount must be at least {text(least, currency)}", "amount", "amount_too_small")


def check_carried(amount: int, currency: str, param: str = "amount") -> None:
    """Raises for an amount with digits that card networks do not carry in this currency."""
    if currency in THREE_DECIMAL and amount % 10:
        raise invalid(
            f"Invalid amount: card networks carry two decimals of {currency}, so the last digit must be 0.",
            param, "invalid_charge_amount",
        )  # fmt: skip
    if currency in WHOLE_ONLY and amount % 100:
        raise invalid(f"Invalid amount: {currency} has no minor unit, so the last two digits must be 0.",
                      param, "invalid_charge_amount")  # fmt: skip


def check_descriptor(value: str | None, name: str) -> None:
    """5 to 22 Latin characters with a letter, and none of `<>\\'"*`: the card networks' rule."""
    if value is None:
        return
    if len(value) > MOST_DESCRIPTOR or (name == "statement_descriptor" and len(value) < 5):
        shortest = 5 if name == "statement_descriptor" else 1
        raise invalid(
            f"The {name.replace('_', ' ')} must be between {shortest} and {MOST_DESCRIPTOR} characters long.", name
        )
    if not value.isascii() or set(value) & set("<>\\'\"*"):
        raise invalid("The statement descriptor contains a character that is not allowed: < > \\ ' \" *", name,
                      "invalid_characters")  # fmt: skip
    if not _LETTER.search(value):
        raise invalid("The statement descriptor must contain at least one alphabetic character.", name)


def descriptor(prefix: str | None, suffix: str | None) -> str:
    """The line on the cardholder's statement."""
    prefix = prefix or DESCRIPTOR
    return (f"{prefix}* {suffix}" if suffix else prefix)[:MOST_DESCRIPTOR].upper()


def check_email(address: str | None, name: str = "receipt_email") -> None:
    if address is not None and address.find("@") < 1:
        raise invalid(f"Invalid email address: {address}", name, "email_invalid")


def check_return_url(url: str | None) -> None:
    """A web address, or an app's own scheme; nothing that would run in the page that redirects."""
    if url is None:
        return
    try:
        parts = urlsplit(url)
    except ValueError:
        raise _no_url(url) from None
    if not parts.scheme or parts.scheme in _NO_PLACE_TO_RETURN_TO or not (parts.netloc or parts.path):
        raise _no_url(url)
    if (parts.scheme in ("http", "https") and not parts.hostname) or not url.isprintable():
        raise _no_url(url)


def _no_url(url: str) -> ApiError:
    return invalid(f"Not a valid URL: {url[:200]!r}", "return_url", "url_invalid")
