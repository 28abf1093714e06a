"""A copy of the books, proved: the same rows in every table, and books that the audit finds right."""

from __future__ import annotations

from msgspec import Struct

from nostro.kernel.resource import Registry
from nostro.storage.copy import Snapshot, Tally, Target, Tell, copy, differences
from nostro.storage.schema import newest

from .audit import Head, head, verify


class Copied(Struct, frozen=True):
    """`problems` is empty if the copy is good. `audited` is false where the tables are of an older version, whose
    books only a copy that was brought to this one can prove."""

    tables: dict[str, Tally]
    head: Head
    audited: bool
    problems: list[str]

    @property
    def rows(self) -> int:
        return sum(tally.rows for tally in self.tables.values())


async def copied(source: Snapshot, target: Target, registry: Registry, tell: Tell, *, complete: bool) -> Copied:
    """Fill the target and check it; nobody else sees it before the caller keeps it.

    `complete` brings it to this version, ready to be served; a backup stays as its source was.
    """
    tallies = copy(source, target, tell)
    problems = differences(target, source.tables, tallies, tell)
    audited = not problems and (complete or source.version == newest())
    if complete and not problems:
        target.complete(registry.resources)
    if audited:
        problems = [str(problem) for problem in await verify(target.engine, registry, tell)]
    return Copied(tallies, await head(target.engine), audited, problems)
