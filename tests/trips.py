"""What travels to PostgreSQL and back: one list a round trip, of the statements that travel together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from nostro.storage.pipe import Pipe, Statement


@contextmanager
def round_trips() -> Iterator[list[list[str]]]:
    """The round trips of every connection in this process, as they are made."""
    send, made = Pipe.send, list[list[str]]()

    def noted(pipe: Pipe, statements: Iterable[Statement]) -> Any:
        sent = list(statements)
        made.append([statement for statement, _ in sent])
        return send(pipe, sent)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Pipe, "send", noted)
        yield made
