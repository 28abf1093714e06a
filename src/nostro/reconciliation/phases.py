"""Phases: rules that look at the same parts of what is left, and the lines and entries that they look at."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import msgspec
import numpy as np
from msgspec import Struct

from nostro.networks.statement import Line
from nostro.storage.tx import Tx

from . import cash
from .account import SHIFT
from .account import Record as Account
from .keys import hashed, key, plain, words
from .left import Left, LeftLines, Part
from .line import BankLine, read
from .pairing import OpenEntry, OpenLine, Pairing
from .rule import Rule


class Phase(Struct, frozen=True):
    """`by` says what its parts hold together, `texts` whether its rules read more than numbers."""

    by: str
    rules: tuple[Rule, ...]

    @property
    def texts(self) -> bool:
        return any(rule.description or rule.entry_kind or "similar_reference" in rule.fields for rule in self.rules)

    def parts(self, left: Left) -> Iterator[Part]:
        match self.by:
            case "reference":
                return left.by_reference()
            case "file":
                return left.by_file()
            case "day":
                return left.by_day(max(rule.window for rule in self.rules))
            case "banks":
                return left.by_size()
            case "line":
                return left.lines_only()
        return left.by_amount(max(rule.tolerance for rule in self.rules))


def phases_of(rules: Sequence[Rule]) -> list[Phase]:
    """In the order of the rules; those that follow one another and hold the same together are one."""
    found: list[Phase] = []
    for rule in rules:
        by = _holds_together(rule)
        if found and found[-1].by == by:
            found[-1] = Phase(by, (*found[-1].rules, rule))
        else:
            found.append(Phase(by, (rule,)))
    return found


def _holds_together(rule: Rule) -> str:
    if rule.action != "match":
        return "line"
    if rule.together in ("file", "banks"):
        return rule.together
    if "reference" in rule.fields or rule.together == "lines":
        return "reference"
    if rule.together == "entries":
        return "day"
    return f"amount {rule.tolerance}" if rule.tolerance else "amount"


# Of a part ---------------------------------------------------------------------------------


async def pairing_of(tx: Tx, account: Account, left: Left, part: Part, texts: bool) -> Pairing:
    lines = await _with_texts(tx, account, left, part) if texts else _lines(left, part)
    entries = await _entries_with_texts(tx, account, left, part) if texts else _entries(left, part)
    return Pairing(lines, entries, part.own)


def _lines(left: Left, part: Part) -> list[OpenLine]:
    of, at = left.lines, part.lines
    columns = (of.line[at], of.amount[at], of.booked[at], of.firm[at], left.known[at], of.told[at])
    return [
        OpenLine(
            line,
            amount,
            day,
            keys,
            (),
            firm,
            "",
            left.line_files.get(line, ()),
            known,
            told,
            left.banks.get(line >> SHIFT, 0),
        )
        for line, amount, day, firm, known, told, keys in zip(
            *(column.tolist() for column in columns), left.words_of(at), strict=True
        )
    ]


def _entries(left: Left, part: Part) -> list[OpenEntry]:
    of, at = left.entries, part.entries
    columns = (of.entry[at], of.amount[at], of.day[at])
    return [
        OpenEntry(entry, amount, day, "", keys, (), left.entry_files.get(entry, ""))
        for entry, amount, day, keys in zip(*(column.tolist() for column in columns), left.keys_of(at), strict=True)
    ]


async def _with_texts(tx: Tx, account: Account, left: Left, part: Part) -> list[OpenLine]:
    bare = _lines(left, part)
    rows = await read(tx, account, [one.line for one in bare])
    return [
        msgspec.structs.replace(one, named=named_in(rows[one.line])[0], description=description_of(rows[one.line]))
        for one in bare
    ]


async def _entries_with_texts(tx: Tx, account: Account, left: Left, part: Part) -> list[OpenEntry]:
    engine, book, bare = tx.world.engine, tx.scope.book, _entries(left, part)
    entries = await cash.by_number(engine, book, account, [one.entry for one in bare])
    texts = await cash.references(engine, book, list(entries.values()))
    return [
        msgspec.structs.replace(
            one, kind=entries[one.entry].kind,
            named=tuple(dict.fromkeys(word for text in texts[one.entry] if (word := plain(text)))),
        )
        for one in bare
    ]  # fmt: skip


# Of a line ---------------------------------------------------------------------------------


def description_of(row: BankLine) -> str:
    return f"{row.description} {row.counterparty}".strip()


def named_in(row: BankLine) -> tuple[tuple[str, ...], tuple[int, ...]]:
    """What a line can be found by, the best first: as plain words, and as keys with those of the payments inside it."""
    named = [plain(row.end_to_end), plain(row.reference), *words(f"{row.description} {row.reference}")]
    named = list(dict.fromkeys(word for word in named if word))
    keys = [hashed(word) for word in named]
    for part in msgspec.json.decode(row.parts, type=list[Line]) if row.parts else ():
        keys += [found for found in (key(part.end_to_end), key(part.reference)) if found]
    return tuple(named), tuple(dict.fromkeys(keys))


def line_columns(rows: Mapping[int, BankLine], told: frozenset[int] = frozenset()) -> LeftLines:
    """Lines without their texts, in the order of their numbers. `told` are those that a matched line says as well."""
    chosen = [rows[number] for number in sorted(rows)]
    keys = [named_in(row)[1] for row in chosen]
    whole = [(row.line, row.amount, row.day, row.booked, row.key) for row in chosen]
    columns = np.array(whole, np.int64).reshape(-1, 5).T
    return LeftLines._make((
        *columns, np.array([bool(plain(row.end_to_end)) for row in chosen], np.bool_),
        np.array([row.line in told for row in chosen], np.bool_), np.zeros(len(chosen), np.bool_),
        np.array([n for n, some in enumerate(keys) for _ in some], np.int64),
        np.array([one for some in keys for one in some], np.int64),
    ))  # fmt: skip


def files_in(row: BankLine, traced: str | None) -> tuple[str, ...]:
    """The names of the file and the batch that a line comes from."""
    files = [*([traced] if traced else []), *(cash.file_name(name) for name in row.names.split())]
    return tuple(dict.fromkeys(name for name in files if name))
