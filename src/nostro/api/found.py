"""From a search to the way that its records are read: along an index of what it asks for, if there is one.

An exact clause leads, on an id, a metadata key or a field that has an index; with OR, all clauses must. Otherwise
the records are looked at one by one, newest first. Bounds on `created` are bounds on the id.
"""

from __future__ import annotations

from typing import Any

from nostro.kernel import search
from nostro.kernel.resource import Resource
from nostro.kernel.search import Clause, Query
from nostro.storage.indexes import search_conditions, search_value
from nostro.storage.tx import Tx

from .filters import id_bounds, visible
from .walk import Branch, Walk


def found_by(tx: Tx, resource: Resource[Any], query: Query, after: str | None) -> Walk:
    path, seen = tx.world.engine.path, visible(tx, resource)
    where, values = search.sql(
        query, lambda field: path(*field.parts, kind="number" if field.kind == "number" else "text")
    )
    ways = [_branches(tx, resource, clause) for clause in query.clauses]
    bounds = [("<", after)] if after else []
    if query.conjunction == "OR":
        branches = [branch for way in ways for branch in way] if all(ways) else []
    else:
        bounds += [bound for clause in query.clauses for bound in _created(resource, clause)]
        branches = next(iter(sorted((way for way in ways if way), key=lambda way: _rank(way[0]))), [])
    return Walk(resource, branches or [Branch(seen)], (f" AND {where}{seen}", values), bounds)


def _branches(tx: Tx, resource: Resource[Any], clause: Clause) -> list[Branch]:
    """The ranges of an index that have what the clause asks for, or none."""
    field, path, seen = clause.field, tx.world.engine.path, visible(tx, resource)
    if clause.operator != ":" or clause.negated or not isinstance(clause.value, str):
        return []
    if field.key is not None:
        term = search.term(resource.table, field.key, clause.value)
        return [Branch(" AND term = ?", (term,), "search_term")]
    if field.exact:
        return [Branch(f" AND {path(*field.parts)} = ?{seen}", (clause.value,))]
    if not field.index or search.means_absent(clause) or field.common in (wanted := search.spellings(clause)):
        return []
    kept = "".join(f" AND {condition}" for condition in search_conditions(path, field))
    return [Branch(f" AND {search_value(path, field)} = ?{kept}{seen}", (value,)) for value in wanted]


def _rank(branch: Branch) -> int:
    """An id or a metadata key has fewer records than a status."""
    return 0 if branch.table else 2 if "<>" in branch.where else 1


def _created(resource: Resource[Any], clause: Clause) -> list[tuple[str, str]]:
    """An id may be a moment younger than what its record says, so a second is left on either side."""
    if clause.field.path != "created" or clause.negated or not isinstance(clause.value, int):
        return []
    at, sign = clause.value, clause.operator
    bounds = [(">=", at - 1)] if sign in (":", ">", ">=") else []
    bounds += [("<=", at + 1)] if sign in (":", "<", "<=") else []
    return id_bounds(resource, bounds)
