"""Lines of a text file, one at a time, of bounded length and of characters that can be read."""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from typing import BinaryIO

from nostro.networks.file_error import FileError


def lines(source: bytes | BinaryIO, most: int) -> Iterator[tuple[int, str]]:
    """(number from 1, text without its end) for each line of at most `most` bytes. Text that is not UTF-8 is taken as
    Windows-1252, which banks write where they promise ASCII."""
    stream = BytesIO(source) if isinstance(source, bytes) else source
    number = 0
    while raw := stream.readline(most + 3):
        number += 1
        if number == 1:
            raw = raw.removeprefix(b"\xef\xbb\xbf")
        raw = raw.removesuffix(b"\n").removesuffix(b"\r")
        if len(raw) > most:
            raise FileError(number, f"a line of at most {most} bytes", most + 1)
        text = raw.decode("ascii") if raw.isascii() else _decoded(raw, number)
        if not text.isprintable():
            position = next(n for n, each in enumerate(text, 1) if not each.isprintable())
            raise FileError(number, "a printable character", position)
        yield number, text


def _decoded(raw: bytes, number: int) -> str:
    for encoding in ("utf-8", "cp1252"):
        try:
            return raw.decode(encoding).replace("\xa0", " ").replace("\xad", "")
        except UnicodeDecodeError:
            continue
    raise FileError(number, "text in ASCII, UTF-8 or Windows-1252")
