"""Columns: whole numbers of many rows as one blob, each column in the narrowest type that it fits.

    version (1 byte)  number of columns (1)  rows (4)  then for each column: base (8), width (1); then the data

All little endian. A cell is `base` plus its unsigned number of `width` bytes; a column whose cells are all alike has
width 0 and no data, so what is the same in every row costs nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from struct import Struct

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
VERSION = 1
_HEAD = Struct("<BBI")
_COLUMN = Struct("<qB")
_WIDTHS = ((0, None), (1, np.dtype("<u1")), (2, np.dtype("<u2")), (4, np.dtype("<u4")), (8, np.dtype("<u8")))
_TYPES = dict(_WIDTHS)


def packed(columns: Sequence[Ints]) -> bytes:
    """The columns, all of one length, as a blob."""
    head, data = [_HEAD.pack(VERSION, len(columns), len(columns[0]))], []
    for column in columns:
        base, most = int(column.min()), int(column.max())
        width = next(width for width, _ in _WIDTHS if most - base < 1 << (8 * width))
        head.append(_COLUMN.pack(base, width))
        if kind := _TYPES[width]:
            data.append((column - np.int64(base)).astype(kind).tobytes())
    return b"".join(head + data)


def unpacked(blob: bytes) -> list[Ints]:
    """The columns of a blob. Raises `ValueError` if it is none of `packed`."""
    if len(blob) < _HEAD.size or blob[0] != VERSION:
        raise ValueError("these are no columns that this version can read")
    _, count, rows = _HEAD.unpack_from(blob)
    at = _HEAD.size + count * _COLUMN.size
    if len(blob) < at:
        raise ValueError("the columns are cut off")
    columns: list[Ints] = []
    for n in range(count):
        base, width = _COLUMN.unpack_from(blob, _HEAD.size + n * _COLUMN.size)
        if (kind := _TYPES.get(width)) is None:
            columns.append(np.full(rows, base, np.int64))
            continue
        columns.append(np.frombuffer(blob, kind, rows, at).astype(np.int64) + np.int64(base))
        at += rows * width
    if at != len(blob):
        raise ValueError("the columns are cut off, or something follows them")
    return columns


def row_of(blob: bytes, n: int) -> list[int]:
    """One row, without reading the others. The blob is one of `packed`."""
    _, count, rows = _HEAD.unpack_from(blob)
    at = _HEAD.size + count * _COLUMN.size
    cells = []
    for column in range(count):
        base, width = _COLUMN.unpack_from(blob, _HEAD.size + column * _COLUMN.size)
        start = at + n * width
        cell = base + int.from_bytes(blob[start : start + width], "little")
        cells.append(cell if cell < 1 << 63 else cell - (1 << 64))
        at += rows * width
    return cells


def same_of(blob: bytes, count: int) -> list[int | None]:
    """Of a blob's first `head_size(count)` bytes: what each column has in every row, None if rows differ."""
    heads = [_COLUMN.unpack_from(blob, _HEAD.size + n * _COLUMN.size) for n in range(count)]
    return [None if width else base for base, width in heads]


def head_size(count: int) -> int:
    return _HEAD.size + count * _COLUMN.size
