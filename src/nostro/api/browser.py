"""What a browser is shown: a publishable key is public, so its answers leave out what is the merchant's own."""

from __future__ import annotations

from typing import Any

import msgspec

from nostro.kernel.errors import invalid
from nostro.kernel.resource import Registry

EXPANDABLE = ("payment_method",)


def check_expand(paths: list[str]) -> None:
    """Raises if a publishable key asks to see more than what is the customer's."""
    for path in paths:
        if path not in EXPANDABLE:
            raise invalid(f"This property cannot be expanded with a publishable API key ({path}).", "expand")


def narrowed(registry: Registry, wire: Any) -> Any:
    """The answer with only those fields of each object in it that its resource shows to browsers."""
    if isinstance(wire, msgspec.Struct):
        wire = msgspec.to_builtins(wire)
    if isinstance(wire, list):
        return [narrowed(registry, item) for item in wire]
    if not isinstance(wire, dict):
        return wire
    name = wire.get("object")
    resource = registry.by_object.get(name) if isinstance(name, str) else None
    shown = resource.browser if resource else ()
    return {name: narrowed(registry, value) for name, value in wire.items() if not shown or name in shown}
