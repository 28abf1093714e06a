"""From a file's bytes to the pieces of its statements, by the format that the caller names."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import BinaryIO, Literal

from nostro.kernel.errors import invalid
from nostro.kernel.money import CURRENCIES
from nostro.networks import bai2, csv_statement, mt940
from nostro.networks.iso20022 import camt
from nostro.networks.statement import Piece

Format = Literal["csv", "camt.053", "mt940", "bai2"]
READERS: Mapping[str, Callable[[BinaryIO], Iterator[Piece]]] = {
    "camt.053": camt.read, "mt940": mt940.read, "bai2": bai2.read,
}  # fmt: skip
# What files of a format are called as a rule.
SUFFIXES: Mapping[str, Format] = {
    ".csv": "csv", ".xml": "camt.053", ".camt": "camt.053", ".sta": "mt940", ".940": "mt940", ".mt940": "mt940",
    ".bai": "bai2", ".bai2": "bai2",
}  # fmt: skip


def pieces(stream: BinaryIO, format: str, mapping: csv_statement.Mapping | None = None) -> Iterator[Piece]:
    """Raises `ValueError` in the course of reading, with the place in the file; at once what is wrong with the call."""
    if (reader := READERS.get(format)) is not None:
        if mapping is not None:
            raise invalid("Only a CSV is read by a mapping.", "mapping")
        return reader(stream)
    if format != "csv":
        raise invalid(f"Invalid format: must be one of csv, {', '.join(READERS)}", "format")
    if mapping is not None and mapping.currency.lower() not in CURRENCIES:
        raise invalid(f"Invalid currency: {mapping.currency[:20]}", "mapping[currency]")
    if mapping is None:
        raise invalid("A CSV is read by a mapping that says which column is what.", "mapping", "parameter_missing")
    return csv_statement.read(stream, mapping)
