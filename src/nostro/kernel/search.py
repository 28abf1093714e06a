"""Stripe's search query language: `status:"open" AND -metadata["tier"]:null`, parsed, as SQL, and in Python.

A query is up to ten clauses `field operator value`, all joined by AND (a space is AND) or all by OR:

    :             equal, in any case but for ids; `:null` asks whether the field is empty
    ~             contains, in any case; three characters or more; fields of kind "string"
    > >= < <=     fields of kind "number", which are whole numbers (minor units, seconds)
    -             before a clause: the records that do not match it, those where the field is empty included

`sql` and `matches` agree on every record whose fields hold what their kind says. Two things surprise. Case is
folded by the database: SQLite's LOWER knows ASCII only, and so does `matches`. A field of
kind "bool" is found by true or 1, false or 0, because databases differ on how JSON's true reads as text; where it
is absent it is false, because a stored record leaves out what is at its default.
"""

import hashlib
import re
from collections.abc import Callable, Mapping
from typing import Any, Literal, NoReturn, TypeAlias

from msgspec import Struct

MAX_CLAUSES = 10
MAX_LENGTH = 5_000
MIN_SUBSTRING = 3
_INT64 = 2**63

Operator: TypeAlias = Literal[":", "~", ">", ">=", "<", "<="]


class SearchError(ValueError):
    """The query cannot be run; the message is for the caller who wrote it."""


class SearchField(Struct, frozen=True):
    """Where a field's value lies in the stored record, and how it may be compared.

    `path` is dotted. `key` is set for one entry of a mapping whose keys are the user's (`metadata`): it is
    the last step below `path`, and unlike it may contain dots.

    With `index` an index finds the records that equal a value, but for the `common` one. An `exact` field is an id
    by which lists filter: it is compared as it is written, and found by the index of that filter.
    """

    path: str
    kind: Literal["string", "token", "number", "bool"]
    key: str | None = None
    index: bool = False
    common: str = ""
    exact: bool = False

    @property
    def parts(self) -> tuple[str, ...]:
        """The steps from the record to the value."""
        parts = tuple(self.path.split("."))
        return parts if self.key is None else (*parts, self.key)


class Clause(Struct, frozen=True):
    """One comparison. `value` is an int where the field is a number; None asks whether it is empty."""

    field: SearchField
    operator: Operator
    value: str | int | None
    negated: bool = False


class Query(Struct, frozen=True):
    clauses: tuple[Clause, ...]
    conjunction: Literal["AND", "OR"] = "AND"


# ---------------------------------------------------------------- text to Query

_QUOTED = r""""(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'"""
_CLAUSE = re.compile(
    rf"""(?P<negated>-?)
    (?P<name>[A-Za-z_]\w*(?:\.\w+)*)
    (?:\[(?P<key>{_QUOTED})\])?
    (?P<operator>>=|<=|[:~<>])
    (?P<value>{_QUOTED}|[^\s"'()]+)
    (?=\s|$)""",
    re.VERBOSE | re.DOTALL | re.ASCII,
)
_JOIN = re.compile(r"(AND|OR)(?=\s|$)", re.IGNORECASE)
_SPACE = re.compile(r"\s*")
_ESCAPED = re.compile(r"""\\(["'\\])""")
_NUMBER = re.compile(r"-?[0-9]{1,19}", re.ASCII)
# What a quoted step of a JSON path cannot carry in every database, and Stripe's metadata keys lack brackets.
_UNSEARCHABLE_KEY = re.compile(r'["\\\[\]\x00-\x1f\x7f]')

_METADATA = SearchField("metadata", "token")


def parse(query: str, fields: Mapping[str, SearchField], *, resource: str = "") -> Query:
    """The query that `query` spells, over `fields` (by the name callers write) and `metadata["key"]`.

    `resource` is the plural that an error about a field names. Raises SearchError.
    """
    if len(query) > MAX_LENGTH:
        raise SearchError(f"The search query is too long: at most {MAX_LENGTH} characters can be sent.")
    if "\0" in query:
        raise SearchError("The search query contains a NUL byte.")
    clauses: list[Clause] = []
    joins: set[str] = set()
    place = _skip(query, 0)
    while True:
        found = _CLAUSE.match(query, place)
        if found is None:
            _refuse(query, place)
        clauses.append(_clause(found, fields, resource))
        place = _skip(query, found.end())
        if place == len(query):
            break
        join = _JOIN.match(query, place)
        joins.add(join[1].upper() if join else "AND")
        if len(joins) > 1:
            raise SearchError("A search query can combine its clauses with AND or with OR, but not with both.")
        if len(clauses) == MAX_CLAUSES:
            raise SearchError(f"A search query can have at most {MAX_CLAUSES} clauses.")
        place = _skip(query, join.end()) if join else place
    return Query(tuple(clauses), "OR" if "OR" in joins else "AND")


def _skip(query: str, place: int) -> int:
    space = _SPACE.match(query, place)
    return space.end() if space else place


def _refuse(query: str, place: int) -> NoReturn:
    """Say what stands where a clause should, with the two forms that most callers need."""
    rest = query[place:]
    if not rest:
        said = "a clause is missing at the end" if query.strip() else "it is empty"
    elif "(" in rest.split('"')[0]:
        said = "parentheses are not supported"
    else:
        said = f"`{rest[:40]}` is not a clause"
    hint = 'Write a clause as field:"value", or metadata["key"]:"value"; text values need quotation marks.'
    raise SearchError(f"The search query could not be parsed: {said}. {hint}")


def _clause(found: re.Match[str], fields: Mapping[str, SearchField], resource: str) -> Clause:
    name, operator, written = found["name"], found["operator"], found["value"]
    field = _field(name, found["key"], fields, resource)
    quoted = written[0] in "\"'"
    value: str | int | None
    if not quoted and written.lower() == "null":
        if operator != ":":
            raise SearchError(f"`null` can only be searched with `:`, as in {name}:null.")
        value = None
    elif not quoted and field.kind != "number" and not _NUMBER.fullmatch(written):
        raise SearchError(f'The value of `{name}` needs quotation marks: {name}{operator}"{written[:40]}".')
    else:
        value = _value(name, field, operator, _text(written) if quoted else written)
    return Clause(field, operator, value, bool(found["negated"]))  # type: ignore[arg-type]  # the regex's


def _field(name: str, key: str | None, fields: Mapping[str, SearchField], resource: str) -> SearchField:
    if name == "metadata":
        text = _text(key) if key else ""
        if not text:
            raise SearchError('A search on metadata names its key, as in metadata["key"]:"value".')
        if _UNSEARCHABLE_KEY.search(text):
            raise SearchError(
                "A metadata key with brackets, double quotes, backslashes or control characters cannot be searched."
            )
        base = fields.get(name, _METADATA)
        return SearchField(base.path, base.kind, text)
    field = fields.get(name)
    if field is None or key is not None:
        shown = name if key is None else f"{name}[{key}]"
        where = f" for resource `{resource}`" if resource else ""
        known = ", ".join(sorted({*fields, "metadata"}))
        raise SearchError(f"Field `{shown}` is an unsupported search field{where}. Supported fields: {known}.")
    return field


def _text(quoted: str) -> str:
    """A backslash escapes a quotation mark or itself; before anything else it is a backslash."""
    return _ESCAPED.sub(r"\1", quoted[1:-1])


def _value(name: str, field: SearchField, operator: str, text: str) -> str | int:
    if field.kind == "number":
        if operator == "~":
            raise SearchError(f"Field `{name}` is a number and does not support substring search with `~`.")
        if not _NUMBER.fullmatch(text) or not -_INT64 <= int(text) < _INT64:
            raise SearchError(f"Field `{name}` is a number: `{text[:40]}` is not a valid whole number.")
        return int(text)
    if operator == "~":
        if field.kind in ("token", "bool"):
            raise SearchError(f"Field `{name}` supports exact search with `:` only, not substring search.")
        if len(text) < MIN_SUBSTRING:
            raise SearchError(f"A substring search needs at least {MIN_SUBSTRING} characters: `{name}`.")
    elif operator != ":":
        raise SearchError(f"Field `{name}` is not a number and does not support `{operator}`.")
    return text


# ---------------------------------------------------------------- Query to SQL


def sql(query: Query, column: Callable[[SearchField], str]) -> tuple[str, list[str | int]]:
    """A condition for WHERE, in parentheses, with `?` for each parameter.

    `column` gives the SQL expression of a field's scalar: NULL where it is absent or JSON null, an integer
    for kind "number", else what LOWER() takes as text. It must quote `field.key`, which a caller wrote.
    Exact matches compare LOWER(expression), so that is what to index.
    """
    terms: list[str] = []
    values: list[str | int] = []
    for clause in query.clauses:
        term, given = _term(clause, column(clause.field))
        terms.append(term)
        values.extend(given)
    return f"({f' {query.conjunction} '.join(terms)})", values


def _term(clause: Clause, column: str) -> tuple[str, list[str | int]]:
    given: list[str | int]
    if clause.value is None:
        return f"{column} IS {'NOT ' if clause.negated else ''}NULL", []
    if isinstance(clause.value, int):
        operator = "=" if clause.operator == ":" else clause.operator
        test, given = f"{column} {operator} ?", [clause.value]
    elif clause.operator == "~":
        test, given = f"LOWER({column}) LIKE ? ESCAPE '!'", [_fold(_like(clause.value))]
    elif clause.field.exact:
        test, given = f"{column} = ?", [clause.value]
    else:
        given = spellings(clause)
        test = f"LOWER({column}) " + ("= ?" if len(given) == 1 else "IN (?, ?)")
        if means_absent(clause):
            test = f"({column} IS NULL OR {test})"
            return (f"NOT {test}" if clause.negated else test), given
    # NOT alone would lose the records where the field is empty: NOT NULL is NULL.
    return (f"({column} IS NULL OR NOT {test})" if clause.negated else test), given


def _like(text: str) -> str:
    """Anywhere, and taken literally. `!` escapes, because a backslash is read differently by databases."""
    return "%" + re.sub(r"([!%_])", r"!\1", text) + "%"


_BOOLEANS = (("true", "1"), ("false", "0"))


def means_absent(clause: Clause) -> bool:
    """A clause that asks for false, which a record may say by saying nothing."""
    return clause.field.kind == "bool" and _fold(str(clause.value)) in _BOOLEANS[1]


def spellings(clause: Clause) -> list[str | int]:
    """The texts that LOWER() of the field may be for the clause to hold."""
    return [_fold(spelling) for spelling in _spellings(clause.field, str(clause.value))]


def _spellings(field: SearchField, text: str) -> tuple[str, ...]:
    """The texts that equal `text`: its own, and for a boolean how either database writes it."""
    if field.kind == "bool":
        for both in _BOOLEANS:
            if _fold(text) in both:
                return both
    return (text,)


def json_path(field: SearchField) -> str:
    """The field as a JSON path, each step quoted: `$."metadata"."order.id"`.

    Inside an SQL literal its single quotes must still be doubled. No other character needs care: `parse`
    refuses the keys for which that would not hold.
    """
    return "$" + "".join([f'."{part}"' for part in field.parts])


def term(table: str, key: str, value: str) -> int:
    """A signed 64-bit number for "the metadata of this table's record has this value under this key"."""
    text = "\0".join((table, key, _fold(value)))
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big", signed=True)


# ---------------------------------------------------------------- Query in Python

_LOWER = {upper: upper + 32 for upper in range(ord("A"), ord("Z") + 1)}


def _fold(text: str) -> str:
    return text.translate(_LOWER)


def matches(query: Query, record: Mapping[str, Any]) -> bool:
    """What `sql` asks of a stored record, asked of one in memory."""
    found = (_true(clause, _look_up(clause.field, record)) is not clause.negated for clause in query.clauses)
    return all(found) if query.conjunction == "AND" else any(found)


def _look_up(field: SearchField, record: Mapping[str, Any]) -> Any:
    value: Any = record
    for part in field.parts:
        value = value.get(part) if isinstance(value, Mapping) else None
    return value


def _true(clause: Clause, value: Any) -> bool:
    """Whether the clause holds before its negation. Nothing but `null` is true of an empty field."""
    wanted = clause.value
    if value is None and wanted is not None and means_absent(clause):
        return True
    if wanted is None or value is None:
        return wanted is None and value is None
    if isinstance(wanted, int):
        return isinstance(value, int) and _compare(clause.operator, value, wanted)
    if clause.field.exact:
        return str(value) == wanted
    text = _fold(str(int(value) if isinstance(value, bool) else value))
    if clause.operator == "~":
        return _fold(wanted) in text
    return text in [_fold(spelling) for spelling in _spellings(clause.field, wanted)]


def _compare(operator: Operator, value: int, wanted: int) -> bool:
    match operator:
        case ">":
            return value > wanted
        case ">=":
            return value >= wanted
        case "<":
            return value < wanted
        case "<=":
            return value <= wanted
        case _:
            return value == wanted
