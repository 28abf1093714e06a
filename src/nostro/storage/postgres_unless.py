"""What units take for granted that there is none of (`unit.unless`), as guards of a transaction."""

from __future__ import annotations

from collections.abc import Sequence

from .pipe import Column, Statement, encoded
from .unit import Unit, Unless

NONE = "SELECT 1/(CASE WHEN EXISTS ({}) THEN 0 ELSE 1 END)"
AMONG = "SELECT 1/(CASE WHEN EXISTS (SELECT 1 FROM ({}) AS f(name) WHERE f.name = ANY(${}::text[])) THEN 0 ELSE 1 END)"


def unless_of(units: Sequence[Unit]) -> list[Unless]:
    return [one for unit in units for one in unit.unless]


def guard(one: Unless, statement: str) -> Statement:
    """`statement` is its own, with numbered values. Divides by zero where it finds what must not be there."""
    if one.among is None:
        return NONE.format(statement), encoded(one.values)
    return AMONG.format(statement, len(one.values) + 1), encoded((*one.values, Column(sorted(one.among), str)))
