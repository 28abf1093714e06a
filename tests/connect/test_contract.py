"""Every parameter that the SDK declares for the families of connected accounts is one that we take, part by part."""

from __future__ import annotations

import importlib
import pkgutil
import typing
from collections.abc import Iterator
from types import UnionType
from typing import Any

import msgspec
import pytest
import stripe
import typing_extensions
from stripe._request_options import RequestOptions
from stripe._stripe_context import StripeContext

from nostro.connect import account, account_link, account_session, capability, external_account, external_form, person
from nostro.payments import token

DECLARED = {
    "AccountCreateParams": account.CreateParams,
    "AccountUpdateParams": account.UpdateParams,
    "AccountListParams": account.ListParams,
    "AccountRejectParams": account.RejectParams,
    "AccountCapabilityUpdateParams": capability.UpdateParams,
    "AccountPersonCreateParams": person.CreateParams,
    "AccountPersonUpdateParams": person.CreateParams,
    "AccountPersonListParams": person.ListParams,
    "AccountExternalAccountCreateParams": external_account.CreateParams,
    "AccountExternalAccountUpdateParams": external_account.UpdateParams,
    "AccountExternalAccountListParams": external_account.ListParams,
    "AccountLinkCreateParams": account_link.CreateParams,
    "AccountSessionCreateParams": account_session.CreateParams,
    "TokenCreateParams": token.CreateParams,
}
# Read in a second step, as a token stands for them too.
LATER = {
    "external_account": (external_form.BankParams, external_form.CardParams),
    "account.company": (token.SignedCompanyParams,),
}


def _every() -> dict[str, Any]:
    found: dict[str, Any] = {}
    for info in pkgutil.walk_packages(stripe.params.__path__, "stripe.params."):
        for name, value in vars(importlib.import_module(info.name)).items():
            if hasattr(value, "__required_keys__"):
                found.setdefault(name, value)
    return found


EVERY = _every()
NAMES = {**vars(typing), **EVERY, "StripeContext": StripeContext}
NOT_REQUIRED = (typing_extensions.NotRequired, typing_extensions.Required)


def _parts(hint: Any) -> Iterator[Any]:
    """The hashes that a parameter can be."""
    if typing.get_origin(hint) in (typing.Union, UnionType, list, *NOT_REQUIRED):
        for part in typing.get_args(hint):
            yield from _parts(part)
    elif hasattr(hint, "__required_keys__"):
        yield hint


def _fields(declared: Any) -> dict[str, Any]:
    return typing.get_type_hints(declared, {**NAMES, **vars(importlib.import_module(declared.__module__))})


def _ours(structs: Any, name: str) -> list[Any] | None:
    """The structs below a field of ours; None if no struct has the field."""
    found = None
    for struct in structs:
        for field in msgspec.structs.fields(struct):
            if field.name == name:
                found = found or []
                found += [kind for kind in _flat(field.type) if isinstance(kind, type) and _is_struct(kind)]
                found += [dict] * (typing.get_origin(field.type) is dict)
    return found


def _flat(kind: Any) -> Iterator[Any]:
    if typing.get_args(kind):
        for part in typing.get_args(kind):
            yield from _flat(part)
    yield kind


def _is_struct(kind: type) -> bool:
    return issubclass(kind, msgspec.Struct)


def _untaken(declared: Any, structs: Any, path: str = "") -> Iterator[str]:
    for name, hint in _fields(declared).items():
        if name in RequestOptions.__annotations__ or name == "expand":
            continue
        here = f"{path}.{name}".lstrip(".")
        if here == "capabilities" or structs == [dict]:
            continue
        below = _ours(structs, name)
        if below is None:
            yield here
            continue
        below += LATER.get(here, ())
        for part in _parts(hint):
            if below and dict not in below:
                yield from _untaken(part, below, here)


@pytest.mark.parametrize("name", DECLARED)
def test_every_parameter_is_taken(name: str) -> None:
    assert list(_untaken(EVERY[name], [DECLARED[name]])) == []


def test_every_capability_is_known() -> None:
    declared = _fields(EVERY["AccountCreateParamsCapabilities"])
    assert set(declared) - capability.NAMES == set()
    assert len(declared) > 60


def test_every_component_is_known() -> None:
    for component, hint in _fields(EVERY["AccountSessionCreateParamsComponents"]).items():
        (part,) = _parts(hint)
        features = list(_parts(_fields(part).get("features")))
        declared = {name for below in features for name in _fields(below)}
        assert declared <= set(account_session.FEATURES[component]), component
