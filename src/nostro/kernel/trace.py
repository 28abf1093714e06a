"""Traces, for rooms that say what they do: `with world.trace("commit"): ...`. Off, it is a call that does nothing."""

from __future__ import annotations

from types import TracebackType
from typing import Protocol


class Span:
    """A stretch of work. This one is not recorded; `api/traces.py` has the one that is."""

    def __enter__(self) -> Span:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        pass

    def set(self, **attributes: str | int) -> None:
        """What is known of it by now. Never a secret, never an amount of text."""


class Trace(Protocol):
    def __call__(self, name: str, **attributes: str | int) -> Span: ...


UNTRACED = Span()


def untraced(name: str, **attributes: str | int) -> Span:
    return UNTRACED
