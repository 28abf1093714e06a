"""The characters that every SEPA bank takes, and how others are written in them (EPC217-08, best practices)."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

LATIN: Final = re.compile(r"[A-Za-z0-9/\-?:().,'+ ]*", re.ASCII)

# What decomposition does not take apart. Umlauts as German banks write them.
_OTHER: Final = {
    "ä": "ae", "ö": "oe", "ü": "ue", "Ä": "Ae", "Ö": "Oe", "Ü": "Ue", "ß": "ss", "ẞ": "SS", "æ": "ae", "Æ": "AE",
    "œ": "oe", "Œ": "OE", "ø": "o", "Ø": "O", "å": "a", "Å": "A", "ł": "l", "Ł": "L", "đ": "d", "Đ": "D", "ð": "d",
    "Ð": "D", "þ": "th", "Þ": "Th", "ı": "i", "ħ": "h", "Ħ": "H", "ŋ": "n", "Ŋ": "N", "ŧ": "t", "Ŧ": "T", "ĸ": "k",
    "&": "+", "@": "(at)", "_": "-", "#": ".", "€": "EUR", "£": "GBP", "$": "USD", "–": "-", "—": "-", "‘": "'",
    "’": "'", "`": "'", "´": "'", "“": "'", "”": "'", "„": "'", '"': "'", "«": "'", "»": "'", "…": "...", "*": ".",
    "!": ".", ";": ",", "<": ".", ">": ".", "=": ".", "%": ".", "|": "/", "\\": "/", "[": "(", "]": ")", "{": "(",
    "}": ")", "~": "-", "^": ".",
}  # fmt: skip

# Greek (ISO 843) and Bulgarian (the Transliteration Act of 2009), small letters.
_LETTERS: Final = dict(zip(
    "αβγδεζηθικλμνξοπρσςτυφχψω" "абвгдежзийклмнопрстуфхцчшщъьюя",
    ("a v g d e z i th i k l m n x o p r s s t y f ch ps o "
     "a b v g d e zh z i y k l m n o p r s t u f h ts ch sh sht a y yu ya").split(),
    strict=True,
))  # fmt: skip


def latin(text: str) -> str:
    """`text` in SEPA's characters: unchanged if it is, else letters without their marks and "." for what has none."""
    if LATIN.fullmatch(text):
        return text
    return " ".join("".join(map(_character, unicodedata.normalize("NFC", text))).split())


def _character(character: str) -> str:
    if LATIN.fullmatch(character):
        return character
    if character in _OTHER:
        return _OTHER[character]
    if character.isspace():
        return " "
    plain = [each for each in unicodedata.normalize("NFKD", character) if not unicodedata.combining(each)]
    return "".join(_letter(each) for each in plain) or "."


def _letter(character: str) -> str:
    if LATIN.fullmatch(character):
        return character
    small = _LETTERS.get(character.lower())
    if small:
        return small if character.islower() else small.capitalize()
    return _OTHER.get(character, ".")
