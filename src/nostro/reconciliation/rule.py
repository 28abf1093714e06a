"""Rule: how lines find what they belong to, as data. The user's rules and the built-in ones stand in one order.

A rule looks at the lines that no earlier rule has matched. It says what must agree (reference, amount), how far days
and amounts may be apart, and what a description must look like; and what is done: match, book as a fee, or leave to a
person. The highest priority comes first; the built-in rules have 100 down to 50.
"""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta

from nostro.kernel.errors import invalid
from nostro.kernel.resource import (
    Filter,
    NoParams,
    Params,
    Resource,
    Stored,
    Unset,
    Verb,
    changes,
    listing,
    retrieve,
)  # fmt: skip
from nostro.ledger import chart
from nostro.storage.tx import Tx

from .account import check_own, named

MOST_RULES = 200
LONGEST_PATTERN = 200
SEARCHED = 200  # characters of a description that a pattern is tried on
Field = Literal["amount", "reference", "similar_reference"]
Together = Literal["one", "entries", "lines", "file", "banks"]
Action = Literal["match", "fee", "suspense"]
BookAs = Literal["bank_fee", "interest", "write_off"]
# Where differences are booked, by the name that a person gives them.
BOOKED: dict[str, str] = {
    "bank_fee": chart.BANK_FEES, "interest": chart.INTEREST, "write_off": chart.LOSSES,
}  # fmt: skip


class Rule(Stored, frozen=True, kw_only=True):
    """`fields` must agree; `together` is "one" line with one entry, one line with many "entries", many "lines" with one
    entry, what a bank has booked of a whole "file", or what goes from one of the account's "banks" to another. `window`
    is days, `tolerance` minor units that are booked as `book_as`. `entry_kind` may hold `*`: `payout.*`. Without an
    account the rule is for all."""

    object: Literal["reconciliation.rule"] = "reconciliation.rule"
    account: str | None = None
    action: Action
    active: bool = False
    book_as: BookAs | None = None
    confidence: int = 0
    description: str | None = None
    direction: Literal["in", "out"] | None = None
    entry_kind: str | None = None
    fields: list[Field] = []
    livemode: bool = False
    name: str
    priority: int
    together: Together
    tolerance: int = 0
    window: int = 0


class Record(Rule, frozen=True, kw_only=True, omit_defaults=True):
    pass


def _built_in(name: str, priority: int, confidence: int, window: int, together: Together, *fields: Field) -> Record:
    return Record(
        id=name, created=0, action="match", active=True, confidence=confidence, fields=list(fields), name=name,
        priority=priority, together=together, window=window,
    )  # fmt: skip


OPENING = _built_in("opening_balance", 100, 90, 0, "entries", "amount")
EXACT = _built_in("reference", 100, 100, 10, "one", "reference", "amount")
BUILT_IN = (
    EXACT,
    _built_in("reference_of_many_entries", 90, 95, 10, "entries", "reference", "amount"),
    _built_in("reference_of_many_lines", 90, 95, 10, "lines", "reference", "amount"),
    _built_in("file", 90, 95, 10, "file", "reference", "amount"),
    _built_in("similar_reference", 80, 85, 5, "one", "similar_reference", "amount"),
    _built_in("amount", 60, 60, 3, "one", "amount"),
    _built_in("between_banks", 55, 60, 5, "banks", "amount"),
    _built_in("sum", 50, 50, 3, "entries", "amount"),
)


def applies(rule: Rule, amount: int, description: str) -> bool:
    """Whether the rule looks at a line at all."""
    if rule.direction is not None and (amount > 0) != (rule.direction == "in"):
        return False
    return rule.description is None or re.search(rule.description, description[:SEARCHED], re.IGNORECASE) is not None


def of_kind(rule: Rule, kind: str) -> bool:
    return rule.entry_kind is None or fnmatchcase(kind, rule.entry_kind)


async def rules_of(tx: Tx, account: str) -> list[Rule]:
    """In the order in which they are tried."""
    own = await tx.all(RULE, {}, MOST_RULES, newest_first=False)
    found: list[Rule] = [one for one in own if one.active and one.account in (None, account)]
    return sorted([*found, *BUILT_IN], key=lambda one: (-one.priority, one.created, one.id))


# What a pattern may be ---------------------------------------------------------------------

_UNBOUNDED = re.compile(r"(?<!\\)(?:\*|\+|\{\d*,\d*\})")
_REFUSED = re.compile(r"\(\?[^:]|\\[1-9]|\\g")
_GROUP_REPEATED = re.compile(r"\)(?:[*+?]|\{)")
MOST_UNBOUNDED = 3


def check_pattern(pattern: str) -> None:
    """Patterns are tried on every line, so those that could take for ever are refused."""
    said = None
    try:
        re.compile(pattern)
    except (re.error, RecursionError, OverflowError) as error:
        said = str(error)
    if _REFUSED.search(pattern) or _GROUP_REPEATED.search(pattern) or len(_UNBOUNDED.findall(pattern)) > MOST_UNBOUNDED:
        said = "repeated groups, look-arounds, back-references and more than three of * + {} are not allowed"
    if said is not None:
        raise invalid(f"This is no pattern that can be used: {said}.", "description", "reconciliation_rule_invalid")


# Verbs -------------------------------------------------------------------------------------

Priority = Annotated[int, Meta(ge=1, le=1_000)]
Window = Annotated[int, Meta(ge=0, le=90)]
Tolerance = Annotated[int, Meta(ge=0, le=1_000_000_000)]
Pattern = Annotated[str, Meta(min_length=1, max_length=LONGEST_PATTERN)]
Name = Annotated[str, Meta(min_length=1, max_length=80)]


class CreateParams(Params, frozen=True, kw_only=True):
    name: Name
    account: str | None = None
    action: Action = "match"
    book_as: BookAs | None = None
    confidence: Annotated[int, Meta(ge=1, le=100)] = 90
    description: Pattern | None = None
    direction: Literal["in", "out"] | None = None
    entry_kind: Annotated[str, Meta(max_length=80)] | None = None
    fields: list[Field] = []
    priority: Priority = 200
    together: Together = "one"
    tolerance: Tolerance = 0
    window: Window = 3


class UpdateParams(Params, frozen=True, kw_only=True):
    active: bool | Unset = UNSET
    description: Pattern | None | Unset = UNSET
    name: Name | Unset = UNSET
    priority: Priority | Unset = UNSET
    tolerance: Tolerance | Unset = UNSET
    window: Window | Unset = UNSET


async def create(tx: Tx, params: CreateParams) -> Record:
    check_own(tx)
    account = None if params.account is None else (await named(tx, params.account)).id
    if len(await tx.all(RULE, {}, MOST_RULES)) == MOST_RULES:
        raise invalid(f"There are {MOST_RULES} rules already: delete one first.", code="reconciliation_rule_invalid")
    given = {**msgspec.structs.asdict(params), "account": account}
    return _checked(tx, Record(id=tx.new_id("rrul"), created=tx.now, livemode=tx.scope.livemode, active=True, **given))


async def update(tx: Tx, rule: Record, params: UpdateParams) -> Record:
    return _checked(tx, msgspec.structs.replace(rule, **changes(params)))


def _checked(tx: Tx, rule: Record) -> Record:
    if rule.description is not None:
        check_pattern(rule.description)
    wrong = None
    if rule.action == "match" and not rule.fields:
        wrong = ("A rule that matches names the fields that must agree.", "fields")
    elif rule.action != "match" and not (rule.description or rule.entry_kind):
        wrong = ("A rule that books without a match names the description that it is for.", "description")
    elif (rule.tolerance or rule.action == "fee") and rule.book_as is None:
        wrong = ("Name what the difference is booked as.", "book_as")
    if wrong is not None:
        raise invalid(wrong[0], wrong[1], "reconciliation_rule_invalid")
    return tx.save(rule)


async def delete(tx: Tx, rule: Record, params: NoParams) -> dict[str, object]:
    tx.delete(rule)
    return {"id": rule.id, "object": rule.object, "deleted": True}


BY_ACCOUNT = Filter("account", wide=True)
_ID = "/v1/reconciliation/rules/{id}"
RULE: Resource[Record] = Resource(
    object="reconciliation.rule",
    noun="reconciliation rule",
    prefix="rrul",
    record=Record,
    shape=Rule,
    doc="How lines find what they belong to, and what is done with them. Beyond Stripe's API.",
    filters=(BY_ACCOUNT,),
    expands=("account",),
    verbs=(
        Verb(name="create", method="POST", path="/v1/reconciliation/rules", run=create, params=CreateParams,
             kind="create"),
        listing("/v1/reconciliation/rules", BY_ACCOUNT),
        retrieve(_ID),
        Verb(name="update", method="POST", path=_ID, run=update, params=UpdateParams),
        Verb(name="delete", method="DELETE", path=_ID, run=delete, kind="delete"),
    ),
    errors=("reconciliation_rule_invalid",),
)  # fmt: skip
RESOURCE = RULE
