"""What came of the lines of a bulk request: one line of JSON each."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from nostro.kernel.errors import ApiError, refused
from nostro.kernel.resource import Wire
from nostro.storage.batch import Outcome

encode = msgspec.json.Encoder().encode


def as_line(result: Wire) -> str:
    return encode(result).decode() + "\n"


def refusal(number: int, error: ApiError) -> Wire:
    said = {"type": error.type, "code": error.code, "message": error.message, "param": error.param}
    return {
        "line": number, "status": "refused", "error": {name: value for name, value in said.items() if value},
    }  # fmt: skip


def told(numbers: Sequence[int], outcome: Outcome | None, status: str = "created") -> list[str]:
    """Of the lines of a batch, by their numbers in the body."""
    assert outcome is not None, "the batch was committed"
    entry = outcome.first
    if not outcome.refused:
        cells = zip(numbers, range(entry, entry + len(numbers)), strict=True)
        return [f'{{"line":{n},"status":"{status}","entry":"lent_{at}"}}\n' for n, at in cells]
    answers = []
    for n, number in enumerate(numbers):
        if n in outcome.refused:
            answers.append(as_line(refusal(number, refused(outcome.refused[n]))))
        else:
            answers.append(as_line({"line": number, "status": status, "entry": f"lent_{entry}"}))
            entry += 1
    return answers
