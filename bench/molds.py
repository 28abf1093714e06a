"""Copies of rows with other ids and times: a text cut at its ids, moments and dates, to be put together anew.

Ids keep their prefix and get another time and another random part; an id that occurs twice is the same in both
places. Moments move with the copy, by whole weeks where they are a midnight, so that business days stay true.
"""

from __future__ import annotations

import re
from datetime import date, timedelta
from typing import Any

from nostro.kernel.clock import DAY, SECOND
from nostro.kernel.ids import ALPHABET, TIME_LENGTH, Ids, time_code

_CUT = re.compile(
    r"(?P<id>(?<![0-9A-Za-z])[a-z]+(?:_[a-z]+)*_[0-9A-Za-z]{24}(?![0-9A-Za-z]))"
    r"|(?P<at>(?<![0-9A-Za-z.])1[78]\d{8}(?![0-9A-Za-z.]))"
    r"|(?P<day>(?<!\d)20\d\d-\d\d-\d\d(?!\d))"
)
Part = str | int | date | tuple[int]


class Mold:
    """One story's texts. `kept` are ids that stay as they are in every copy."""

    def __init__(self, kept: set[str]) -> None:
        self.slots: dict[str, int] = {}
        self._kept = kept

    def cut(self, text: str) -> list[Part]:
        """Literal text, the slots of ids (in a tuple), moments (int) and days."""
        parts: list[Part] = []
        end = 0
        for found in _CUT.finditer(text):
            if found["id"] in self._kept:
                continue
            parts.append(text[end : found.start()])
            end = found.end()
            if found["id"]:
                parts.append((self.slots.setdefault(found["id"], len(self.slots)),))
            elif found["at"]:
                parts.append(int(found["at"]))
            else:
                parts.append(date.fromisoformat(found["day"]))
        parts.append(text[end:])
        return [part for part in parts if part != ""]


class Cast:
    """One copy: its ids by slot, and how far it is moved, in weeks and seconds."""

    def __init__(self, mold: Mold, prefixes: set[str], ids: Ids, weeks: int, seconds: int, micros: int) -> None:
        self.weeks, self.seconds = weeks, seconds
        self.move = weeks * 7 * DAY + seconds
        self.ids = [self._id(id, prefixes, ids, micros) for id in mold.slots]

    def _id(self, id: str, prefixes: set[str], ids: Ids, micros: int) -> str:
        prefix, _, word = id.rpartition("_")
        if prefix not in prefixes:
            return f"{prefix}_{ids.word(24)}"
        at = _micros(word[:TIME_LENGTH]) + self.move * SECOND + micros
        return f"{prefix}_{time_code(at)}{ids.word(24 - TIME_LENGTH)}"

    def text(self, parts: list[Part]) -> str:
        return "".join([part if type(part) is str else self._filled(part) for part in parts])

    def _filled(self, part: Any) -> str:
        if type(part) is tuple:
            return self.ids[part[0]]
        return str(self.at(part)) if type(part) is int else str(part + timedelta(weeks=self.weeks))

    def at(self, moment: int) -> int:
        return moment + self.weeks * 7 * DAY + (self.seconds if moment % DAY else 0)


def _micros(code: str) -> int:
    number = 0
    for digit in code:
        number = number * 62 + ALPHABET.index(digit)
    return number
