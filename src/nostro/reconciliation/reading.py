"""From a file's bytes to the pieces of its statements, by the format that the caller names."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

from nostro.kernel.errors import invalid
from nostro.kernel.money import CURRENCIES
from nostro.networks import csv_statement
from nostro.networks.csv_statement import Mapping
from nostro.networks.statement import Piece


def pieces(stream: BinaryIO, format: str, mapping: Mapping | None = None) -> Iterator[Piece]:
    """Raises `ValueError` in the course of reading, with the place in the file; at once what is wrong with the call."""
    if mapping is not None and mapping.currency.lower() not in CURRENCIES:
        raise invalid(f"Invalid currency: {mapping.currency[:20]}", "mapping[currency]")
    if mapping is None:
        raise invalid("A CSV is read by a mapping that says which column is what.", "mapping", "parameter_missing")
    return csv_statement.read(stream, mapping)
