"""The parts that accounts and persons are made of: shapes, and the parameters that change them field by field."""

from __future__ import annotations

from functools import cache
from typing import Annotated, Any, TypeVar, get_args

import msgspec
from msgspec import UNSET, Meta

from nostro.kernel.resource import Params, Shape, Unset

S = TypeVar("S", bound=Shape)
Text = Annotated[str, Meta(max_length=5000)] | None | Unset


def merged(shape: S, given: Params | Unset | None, *skip: str) -> S:
    """`shape` with the fields that were given; a part of it is merged the same way, and null empties a field.

    Of a number that is not kept, the shape has only that it was given: `tax_id` becomes `tax_id_provided`.
    """
    if given is None or given is UNSET:
        return shape
    change: dict[str, Any] = {}
    for name in given.__struct_fields__:
        value = getattr(given, name)
        if value is UNSET or name in skip:
            continue
        if not hasattr(shape, name):
            change[f"{name}_provided"] = bool(value)
        elif isinstance(value, Params):
            held = getattr(shape, name)
            change[name] = merged(held if isinstance(held, Shape) else _part(type(shape), name)(), value)
        else:
            change[name] = type(held)() if value is None and isinstance(held := getattr(shape, name), Shape) else value
    return msgspec.structs.replace(shape, **change)


@cache
def _part(shape: type[Shape], name: str) -> type[Shape]:
    """The shape of a part that may be absent."""
    kind = next(field.type for field in msgspec.structs.fields(shape) if field.name == name)
    parts = [part for part in (kind, *get_args(kind)) if isinstance(part, type) and issubclass(part, Shape)]
    assert len(parts) == 1, f"{shape.__name__}.{name} has no shape of its own"
    return parts[0]


class AddressParams(Params, frozen=True, kw_only=True):
    city: Text = UNSET
    country: Text = UNSET
    line1: Text = UNSET
    line2: Text = UNSET
    postal_code: Text = UNSET
    state: Text = UNSET


class JapaneseAddress(Shape, frozen=True, kw_only=True):
    """An address in kana or in kanji; `town` is the part below the city."""

    city: str | None = None
    country: str | None = None
    line1: str | None = None
    line2: str | None = None
    postal_code: str | None = None
    state: str | None = None
    town: str | None = None


class JapaneseAddressParams(AddressParams, frozen=True, kw_only=True):
    town: Text = UNSET


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


class FilesParams(Params, frozen=True, kw_only=True):
    """Files that prove something, by their ids."""

    files: list[str] | Unset = UNSET


def documents(known: dict[str, list[str]], given: Params | Unset) -> dict[str, list[str]]:
    """The files of each kind of document, with those that were given; an empty list takes a kind away."""
    if given is UNSET:
        return known
    now = {
        name: part.files
        for name in given.__struct_fields__
        if isinstance(part := getattr(given, name), FilesParams) and part.files is not UNSET
    }
    return {name: files for name, files in {**known, **now}.items() if files}


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


class Alternative(Shape, frozen=True, kw_only=True):
    """The fields that were asked, and those that may be given in their place."""

    alternative_fields_due: list[str]
    original_fields_due: list[str]


class Requirements(Shape, frozen=True, kw_only=True):
    """What is to be given before the account, or one of its capabilities, works on. `current_deadline` is seconds."""

    alternatives: list[Alternative] = []
    current_deadline: int | None = None
    currently_due: list[str] = []
    disabled_reason: str | None = None
    errors: list[Shortcoming] = []
    eventually_due: list[str] = []
    past_due: list[str] = []
    pending_verification: list[str] = []
