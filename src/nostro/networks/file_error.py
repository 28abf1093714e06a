"""FileError: the one way in which a bank file is refused, read or built."""

from __future__ import annotations


class FileError(ValueError):
    """`line` and `position` count from 1; `line` is 0 where a value was refused before it was a line. `path` names
    the element in a file that has elements (XML), and is "" in others."""

    def __init__(self, line: int, expected: str, position: int = 1, path: str = "") -> None:
        place = f"line {line}, position {position}" if line else path or "a value"
        super().__init__(f"{place}{f', {path}' if line and path else ''}: expected {expected}")
        self.line, self.position, self.expected, self.path = line, position, expected, path
