"""The reference, generated from the RESOURCE values: lives, posting rules, error codes, every operation.

`pages` answers Markdown by name; `tools/generate_docs.py` writes it under `docs/`, and the server shows it.
"""

from __future__ import annotations

import types
from collections.abc import Iterable, Sequence
from typing import Any, Union, get_args, get_origin, get_type_hints

import msgspec
from msgspec import UNSET, Struct, UnsetType

from nostro.kernel.codes import CODES
from nostro.kernel.lifecycle import nothing
from nostro.kernel.posting import Posting
from nostro.kernel.resource import Registry, Resource, Stored, Verb, wire_fields
from nostro.ledger.chart import CHART, account_of

REQUIRED = ", required"
OPENAPI = """The same for programs is an OpenAPI 3.1 document: `/openapi.json` of a running server, or `nostro openapi
--output openapi.json`. Every answer that the tests see is held against it."""


class Rule(Struct, frozen=True):
    """A posting rule that belongs to no life: its name, what it means, and an example of its postings."""

    kind: str
    meaning: str
    example: tuple[Posting, ...]


def pages(registry: Registry, rules: Sequence[Rule]) -> dict[str, str]:
    """Markdown by page name."""
    shown = [resource for resource in registry.resources if resource.verbs]
    made = {
        "lives": _lives(registry.resources),
        "posting-rules": _posting_rules(registry.resources, rules),
        "error-codes": _error_codes(registry.resources),
        "api": _index(shown),
    }
    return made | {f"api/{resource.object}": _resource(resource) for resource in shown}


# Lives and money -------------------------------------------------------------


def _lives(resources: Iterable[Resource[Any]]) -> str:
    out = ["# Lives", "", "Each object changes its state only by a row of its table, and each row's money and events",
           "commit with it. At rest, the object's clearing accounts are empty.", ""]  # fmt: skip
    for resource in resources:
        if resource.life is None:
            continue
        life = resource.life
        out += [f"## {resource.object}", "", f"At rest: {', '.join(f'`{state}`' for state in life.rest)}.", ""]
        rows = [
            (
                f"`{move.name}`",
                ", ".join(f"`{state}`" for state in move.source) or "(new)",
                f"`{move.target}`",
                "" if move.posts is nothing else _first_line(move.posts.__doc__),
                " ".join(f"`{event}`" for event in move.emits),
                move.meaning,
            )
            for move in life.moves.values()
        ]
        out += _table(("move", "from", "to", "money", "events", "when"), rows)
    return "\n".join(out)


def _posting_rules(resources: Iterable[Resource[Any]], rules: Sequence[Rule]) -> str:
    out = ["# Posting rules", "", "Every way money moves, as debit and credit. `{...}` stands for one object each.", ""]
    rows = []
    for resource in resources:
        if resource.life is None or resource.example is None:
            continue
        for move in resource.life.moves.values():
            if move.posts is not nothing and (postings := move.posts(resource.example())):
                rows.append(_rule_row(f"{resource.object}.{move.name}", _first_line(move.posts.__doc__), postings))
    rows += [_rule_row(rule.kind, rule.meaning, rule.example) for rule in rules]
    out += _table(("rule", "debit", "credit", "what happens"), rows)
    out += ["## Chart of accounts", ""]
    out += _table(
        ("account", "kind", "normal balance", "clearing", "meaning"),
        [(f"`{a.pattern}`", a.kind, a.normal, "yes" if a.clearing else "", a.meaning) for a in CHART],
    )
    return "\n".join(out)


def _rule_row(kind: str, meaning: str, postings: Iterable[Posting]) -> tuple[str, ...]:
    lines = list(postings)
    debits = dict.fromkeys(f"`{account_of(p.account).pattern}`" for p in lines if p.amount > 0)
    credits = dict.fromkeys(f"`{account_of(p.account).pattern}`" for p in lines if p.amount < 0)
    return f"`{kind}`", "<br>".join(debits), "<br>".join(credits), meaning


# Errors ----------------------------------------------------------------------


def _error_codes(resources: Iterable[Resource[Any]]) -> str:
    used: dict[str, list[str]] = {}
    for resource in resources:
        for code in resource.errors:
            used.setdefault(code, []).append(f"[{resource.object}](api/{resource.object})")
    out = ["# Error codes", "", "An error's `code`, what it means, and what to do about it.", ""]
    for code, (meaning, remedy) in sorted(CODES.items()):
        out += [f"## {code}", "", f"{meaning} **What to do:** {remedy}", ""]
        if code in used:
            out += [f"From: {', '.join(used[code])}.", ""]
    return "\n".join(out)


# Operations ------------------------------------------------------------------


def _index(resources: Sequence[Resource[Any]]) -> str:
    rows = [(f"[{r.object}](api/{r.object})", r.doc, str(len(r.verbs))) for r in resources]
    return "\n".join(["# API reference", "", OPENAPI, "", *_table(("object", "what it is", "operations"), rows)])


def _resource(resource: Resource[Any]) -> str:
    out = [f"# {resource.object}", "", resource.doc, "", "## Operations", ""]
    out += _table(("operation", "", "callable by"), [_verb_row(verb) for verb in resource.verbs])
    out += ["## Fields", ""]
    out += _table(
        ("field", "type"), [(f"`{name}`", kind.removesuffix(REQUIRED)) for name, kind in _fields(resource.shape)]
    )
    if resource.expands or resource.nested:
        names = ", ".join(f"`{name}`" for name in (*resource.expands, *resource.nested))
        out += [f"Can be expanded: {names}.", ""]
    if resource.search:
        out += [f"Can be searched by: {', '.join(f'`{name}`' for name in resource.search)}, `metadata`.", ""]
    for verb in resource.verbs:
        fields = _fields(verb.params)
        if fields:
            out += [f"## Parameters of {verb.method} {verb.path}", ""]
            out += _table(("parameter", "type"), [(f"`{name}`", kind) for name, kind in fields])
    return "\n".join(out)


def _verb_row(verb: Verb) -> tuple[str, str, str]:
    callers = {"secret": "secret key", "publishable": "secret or publishable key",
               "client_secret": "secret key, or publishable key with the client secret"}  # fmt: skip
    summary = verb.summary or verb.name.replace("_", " ").capitalize() + "."
    return f"`{verb.method} {verb.path}`", summary, callers[verb.access]


def _fields(struct: type[Struct]) -> list[tuple[str, str]]:
    hints = get_type_hints(struct, include_extras=True)
    fields = wire_fields(struct) if issubclass(struct, Stored) else msgspec.structs.fields(struct)
    return [(f.encode_name, _type(hints[f.name]) + (REQUIRED if f.required else "")) for f in fields]


def _type(hint: Any) -> str:
    """A type as people say it: `string`, `integer`, `one of a, b`, `list of ...`."""
    origin, args = get_origin(hint), get_args(hint)
    if hasattr(hint, "__metadata__"):
        return _type(args[0])
    if origin in (types.UnionType, Union):
        parts = [_type(arg) for arg in args if arg not in (UnsetType, type(UNSET))]
        return " or ".join(dict.fromkeys(part for part in parts if part != "null")) + (
            ", nullable" if "null" in parts else ""
        )
    if str(origin) == "typing.Literal":
        return ("one of " if len(args) > 1 else "") + ", ".join(f"`{arg}`" for arg in args)
    if origin is list:
        return f"list of {_type(args[0])}"
    if origin is dict or hint is dict:
        return "map"
    names = {str: "string", int: "integer", bool: "boolean", type(None): "null", Any: "any"}
    if hint in names:
        return names[hint]
    if isinstance(hint, type) and issubclass(hint, Struct):
        return "{" + ", ".join(f.encode_name for f in msgspec.structs.fields(hint)) + "}"
    return getattr(hint, "__name__", str(hint))


# Markdown --------------------------------------------------------------------


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    def line(cells: Iterable[str]) -> str:
        return "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"

    return [line(head), "|" + "---|" * len(head), *map(line, rows), ""]


def _first_line(doc: str | None) -> str:
    return (doc or "").strip().split("\n")[0]
