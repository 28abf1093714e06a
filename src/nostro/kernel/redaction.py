"""What must not stand in a log, taken out of a text: keys, secrets, passwords in URLs, card numbers.

Logs are written so that none of this is in them; this is for what nobody thought of, such as an error of a library
that quotes what it was given.
"""

from __future__ import annotations

import re

_SECRET = re.compile(
    r"\b((?:sk|rk|pk|ek)_(?:live|test)_|whsec_)\w{4,}"  # API keys, ephemeral keys, webhook secrets
    r"|(_secret_)\w{4,}"  # client secrets: pi_123_secret_456
    r"|(://[^\s:/@]*:)[^\s/@]+(?=@)"  # postgresql://user:password@host
)
_DIGITS = re.compile(r"(?<![\w.])\d(?:[ -]?\d){12,18}(?![\w.])")
HIDDEN = "****"


def redacted(text: str) -> str:
    return _DIGITS.sub(_card, _SECRET.sub(_keep_kind, text))


def _keep_kind(found: re.Match[str]) -> str:
    return (found[1] or found[2] or found[3]) + HIDDEN


def _card(found: re.Match[str]) -> str:
    """A card number keeps its last four; other long numbers stay (ISO/IEC 7812: the last digit is a checksum)."""
    digits = [int(one) for one in found[0] if one.isdigit()]
    doubled = sum(sum(divmod(2 * digit, 10)) for digit in digits[-2::-2])
    return found[0] if (doubled + sum(digits[-1::-2])) % 10 else HIDDEN + found[0][-4:]
