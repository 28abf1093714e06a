"""Files: tables written as CSV or Parquet, a folder for each export, a file for each table and month.

    entries.csv                              a span of one month or less
    entries/month=2026-10/entries.parquet    a longer one; readers of Parquet know this way of parting

Parquet needs pyarrow, which the extra `parquet` installs.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np

from nostro.kernel.clock import SECOND
from nostro.kernel.money import exponent

from .names import digits, moment
from .span import Span, month_of
from .tables import Rows, Table, by_month

Format = Literal["csv", "parquet"]
SCALE = 3
GROUP = 65_536  # rows of a Parquet row group


class MissingExtra(Exception):
    """Parquet was asked for, and pyarrow is not installed."""


class File(Protocol):
    def write(self, rows: Rows) -> None: ...

    def close(self) -> None: ...


class Export:
    """`put` takes rows as they come; `close` ends the files. `counts` says how many rows each table has."""

    def __init__(self, folder: Path, span: Span, format: Format) -> None:
        if format == "parquet":
            _arrow()
        self._folder = folder
        self._parted = month_of(span.starts) != month_of(span.ends - 1)
        self._format = format
        self._files: dict[tuple[str, str], File] = {}
        self.counts: dict[str, int] = {}

    def put(self, table: Table, rows: Rows) -> None:
        self.counts[table.name] = self.counts.get(table.name, 0) + len(rows)
        for month, part in (by_month(table, rows) if self._parted else {"": rows}).items():
            self._file(table, month).write(part)

    def close(self) -> None:
        for file in self._files.values():
            file.close()

    def _file(self, table: Table, month: str) -> File:
        file = self._files.get((table.name, month))
        if file is None:
            folder = self._folder / table.name / f"month={month}" if month else self._folder
            folder.mkdir(parents=True, exist_ok=True)
            make = CsvFile if self._format == "csv" else ParquetFile
            file = self._files[table.name, month] = make(folder / f"{table.name}.{self._format}", table)
        return file


class CsvFile:
    """Moments are UTC as people write them, an amount stands beside its minor units."""

    def __init__(self, path: Path, table: Table) -> None:
        self._table = table
        self._file = path.open("w", newline="", encoding="utf-8")
        self._csv = csv.writer(self._file, lineterminator="\n")
        self._csv.writerow([name for column in table.columns for name in _names(column.name, column.type)])

    def write(self, rows: Rows) -> None:
        columns = dict(zip((column.name for column in self._table.columns), zip(*rows, strict=True), strict=True))
        cells: list[Iterable[Any]] = []
        for column in self._table.columns if rows else ():
            cells += _cells(column.type, columns[column.name], columns.get("currency", ()))
        self._csv.writerows(zip(*cells, strict=True))

    def close(self) -> None:
        self._file.close()


def _names(name: str, type: str) -> tuple[str, ...]:
    return (name, f"{name}_minor") if type == "money" else (name,)


def _cells(type: str, values: Sequence[Any], currencies: Sequence[str]) -> list[Iterable[Any]]:
    if type == "money":
        places = {unit: exponent(unit) for unit in set(currencies)}
        return [[digits(value, places[unit]) for value, unit in zip(values, currencies, strict=True)], values]
    if type == "moment":
        return [map(moment, values)]
    if type == "micros":
        return [[f"{moment(value // SECOND)}.{value % SECOND:06}" for value in values]]
    return [values]


class ParquetFile:
    """Rows are gathered into groups. Money is decimal128(38, 3) beside a 64-bit integer of minor units."""

    def __init__(self, path: Path, table: Table) -> None:
        self._arrow = _arrow()
        self._table = table
        self._schema = schema(table)
        self._writer = self._arrow.parquet.ParquetWriter(path, self._schema, compression="zstd")
        self._rows: Rows = []

    def write(self, rows: Rows) -> None:
        self._rows += rows
        if len(self._rows) >= GROUP:
            self._flush()

    def close(self) -> None:
        if self._rows:
            self._flush()
        self._writer.close()

    def _flush(self) -> None:
        columns = list(zip(*self._rows, strict=True))
        arrays: list[Any] = []
        for column, values in zip(self._table.columns, columns, strict=True):
            if column.type == "money":
                arrays.append(_decimals(self._arrow, values, columns[self._table.place("currency")]))
                arrays.append(self._arrow.array(values, self._arrow.int64()))
            else:
                arrays.append(self._arrow.array(values, self._schema.field(column.name).type))
        self._writer.write_table(self._arrow.Table.from_arrays(arrays, schema=self._schema))
        self._rows = []


def schema(table: Table) -> Any:
    """The Parquet file's columns; what each means is kept with it."""
    arrow = _arrow()
    types = {
        "int": arrow.int64(), "text": arrow.string(), "moment": arrow.timestamp("s", "UTC"),
        "micros": arrow.timestamp("us", "UTC"), "money": arrow.decimal128(38, SCALE),
    }  # fmt: skip
    fields = []
    for column in table.columns:
        meaning = {"meaning": column.meaning}
        fields.append(arrow.field(column.name, types[column.type], metadata=meaning))
        if column.type == "money":
            fields.append(arrow.field(f"{column.name}_minor", arrow.int64(), metadata=meaning))
    return arrow.schema(fields)


def _decimals(arrow: Any, amounts: Any, currencies: Any) -> Any:
    """Minor units as decimals of three places. They are 128-bit integers in memory, so most are made at once."""
    factors = {unit: 10 ** (SCALE - exponent(unit)) for unit in set(currencies)}
    if max(map(abs, amounts)) * 1_000 >= 1 << 63:
        exact = [Decimal(minor).scaleb(-exponent(unit)) for minor, unit in zip(amounts, currencies, strict=True)]
        return arrow.array(exact, arrow.decimal128(38, SCALE))
    low = np.array(amounts, np.int64) * np.array([factors[unit] for unit in currencies], np.int64)
    words = np.stack((low, low >> 63), axis=1)
    buffers = [None, arrow.py_buffer(words.tobytes())]
    return arrow.Array.from_buffers(arrow.decimal128(38, SCALE), len(low), buffers)


def _arrow() -> Any:
    try:
        import pyarrow  # type: ignore[import-untyped]
        import pyarrow.parquet  # type: ignore[import-untyped]
    except ImportError:
        raise MissingExtra("Parquet files need pyarrow.") from None
    return pyarrow
