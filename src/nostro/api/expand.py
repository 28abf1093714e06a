"""`expand`: ids replaced by the objects they name, to four levels, lists through `data.`."""

from __future__ import annotations

from typing import Any

import msgspec

from nostro.kernel.errors import invalid
from nostro.kernel.resource import Resource, Wire
from nostro.storage.tx import Tx

from .pagination import nested_list

MOST_LEVELS = 4


async def expand(tx: Tx, answer: Any, paths: list[str]) -> Any:
    """The rendered answer with each path expanded. Raises on a path that cannot be."""
    for path in paths:
        steps = path.split(".")
        if len([step for step in steps if step != "data"]) > MOST_LEVELS:
            raise invalid(f"You cannot expand more than {MOST_LEVELS} levels of a property: {path}", "expand")
        if not await _expand(tx, answer, steps, ()):
            raise invalid(f"This property cannot be expanded ({path}).", "expand")
    return answer


async def _expand(tx: Tx, value: Any, steps: list[str], within: tuple[str, ...]) -> bool:
    """True if the path means something here, even if what it names is null."""
    if not steps:
        return True
    if isinstance(value, list):
        results = [await _expand(tx, item, steps, within) for item in value]
        return all(results)
    if not isinstance(value, dict):
        return value is None or value is msgspec.UNSET
    step, rest = steps[0], steps[1:]
    if "object" in value:
        within = ()
    resource = tx.registry.by_object.get(value["object"]) if "object" in value else None
    if step == "data" and value.get("object") in ("list", "search_result"):
        return await _expand(tx, value["data"], rest, ())
    if resource and step in resource.nested:
        value[step] = await _nested(tx, resource, step, value["id"])
        return await _expand(tx, value[step], rest, ())
    if resource and step in resource.on_demand:
        value[step] = await resource.on_demand[step](tx, value["id"])
        return await _expand(tx, value[step], rest, ())
    inner = value.get(step)
    if isinstance(inner, msgspec.Struct):
        inner = value[step] = msgspec.to_builtins(inner)
    if isinstance(inner, str):
        found = await _object(tx, inner)
        if found is None:
            return False
        value[step] = found
        return await _expand(tx, found, rest, ())
    if inner is None:
        return step in value or (resource is not None and ".".join((*within, step)) in resource.expands)
    return await _expand(tx, inner, rest, (*within, step)) if rest or isinstance(inner, dict) else False


async def _object(tx: Tx, id: str) -> Wire | None:
    for resource in tx.registry.all_of_id(id):
        record = await tx.find(resource, id)
        if record is not None:
            wire: Wire = tx.view.render(record)
            return wire
    return None


async def _nested(tx: Tx, resource: Resource[Any], step: str, id: str) -> Wire:
    page = await nested_list(tx, resource.nested[step], id)
    page["data"] = [tx.view.render(record) for record in page["data"]]
    return page
