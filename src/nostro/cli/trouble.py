"""Trouble: what went wrong in one line, and what to do next. Shown without a traceback; exit status 1."""

from __future__ import annotations


class Trouble(Exception):
    def __init__(self, what: str, then: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.then = then
