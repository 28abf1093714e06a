"""The parts that accounts and persons are made of: shapes, and the parameters that change them field by field."""

from __future__ import annotations

from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import UNSET, Meta

from nostro.kernel.resource import Params, Shape, Unset

S = TypeVar("S", bound=Shape)
Text = Annotated[str, Meta(max_length=5000)] | None | Unset


def merged(shape: S, given: Params | Unset | None, *skip: str) -> S:
    """`shape` with the fields that were given; a part of it is merged the same way, and null empties a field."""
    if given is None or given is UNSET:
        return shape
    change: dict[str, Any] = {}
    for name in given.__struct_fields__:
        value = getattr(given, name)
        if value is UNSET or name in skip:
            continue
        change[name] = merged(getattr(shape, name), value) if isinstance(value, Params) else value
    return msgspec.structs.replace(shape, **change)


class AddressParams(Params, frozen=True, kw_only=True):
    city: Text = UNSET
    country: Text = UNSET
    line1: Text = UNSET
    line2: Text = UNSET
    postal_code: Text = UNSET
    state: Text = UNSET


class Dob(Shape, frozen=True, kw_only=True):
    day: int | None = None
    month: int | None = None
    year: int | None = None


class DobParams(Params, frozen=True, kw_only=True):
    day: Annotated[int, Meta(ge=1, le=31)]
    month: Annotated[int, Meta(ge=1, le=12)]
    year: Annotated[int, Meta(ge=1900, le=9999)]


class Document(Shape, frozen=True, kw_only=True):
    back: str | None = None
    details: str | None = None
    details_code: str | None = None
    front: str | None = None


class DocumentParams(Params, frozen=True, kw_only=True):
    back: str | None | Unset = UNSET
    front: str | None | Unset = UNSET


class Acceptance(Shape, frozen=True, kw_only=True):
    """Who accepted the terms: when (seconds), from which address and browser."""

    date: int | None = None
    ip: str | None = None
    user_agent: str | None = None


class AcceptanceParams(Params, frozen=True, kw_only=True):
    date: int | Unset = UNSET
    ip: str | Unset = UNSET
    user_agent: str | None | Unset = UNSET


class Shortcoming(Shape, frozen=True, kw_only=True):
    """What was given and did not pass, with what to send instead (`requirement`)."""

    code: str
    reason: str
    requirement: str


class Requirements(Shape, frozen=True, kw_only=True):
    """What is to be given before the account, or one of its capabilities, works on. `current_deadline` is seconds."""

    alternatives: list[Any] = []
    current_deadline: int | None = None
    currently_due: list[str] = []
    disabled_reason: str | None = None
    errors: list[Shortcoming] = []
    eventually_due: list[str] = []
    past_due: list[str] = []
    pending_verification: list[str] = []
