"""`expand`: ids replaced by the objects they name, to four levels, lists through `data.`."""

from __future__ import annotations

from typing import Any

import msgspec

from nostro.connect.scope import reach
from nostro.kernel.errors import invalid
from nostro.kernel.resource import Resource, Wire
from nostro.storage.tx import Tx

from .pagination import nested_list

MOST_LEVELS = 4
MOST_PATHS = 20


async def expand(tx: Tx, answer: Any, paths: list[str]) -> Any:
    """The rendered answer with each path expanded. Raises on a path that cannot be."""
    for path in paths:
        steps = path.split(".")
        if len([step for step in steps if step != "data"]) > MOST_LEVELS:
            raise invalid(f"You cannot expand more than {MOST_LEVELS} levels of a property: {path}", "expand")
        if not await _expand(tx, answer, steps, None, ()):
            raise invalid(f"This property cannot be expanded ({path}).", "expand")
    return answer


async def _expand(tx: Tx, value: Any, steps: list[str], owner: Resource[Any] | None, within: tuple[str, ...]) -> bool:
    """True if the path means something here, even if what it names is null.

    `within` leads from the object that `owner` declares to `value`. Only what is declared is followed: a text that
    happens to be an id is not a reference.
    """
    if not steps:
        return True
    if isinstance(value, list):
        results = [await _expand(tx, item, steps, owner, within) for item in value]
        return all(results)
    if not isinstance(value, dict):
        return value is None or value is msgspec.UNSET
    step, rest = steps[0], steps[1:]
    if isinstance(value.get("object"), str):
        owner, within = tx.registry.by_object.get(value["object"]), ()
        if step == "data" and value["object"] in ("list", "search_result"):
            return await _expand(tx, value["data"], rest, None, ())
        if owner and step in owner.nested:
            value[step] = await _nested(tx, owner, step, value["id"])
            return await _expand(tx, value[step], rest, None, ())
        if owner and step in owner.on_demand:
            value[step] = await owner.on_demand[step](tx, value["id"])
            return await _expand(tx, value[step], rest, None, ())
    return await _follow(tx, value, step, rest, owner, (*within, step))


async def _follow(
    tx: Tx, value: Wire, step: str, rest: list[str], owner: Resource[Any] | None, within: tuple[str, ...]
) -> bool:
    inner = value.get(step)
    declared = owner is not None and ".".join(within) in owner.expands
    if isinstance(inner, msgspec.Struct):
        inner = value[step] = msgspec.to_builtins(inner)
    if isinstance(inner, str):
        whose, found = await _anywhere(tx, value, step, inner, owner) if declared else (tx, None)
        if found is None:
            return False
        value[step] = found
        return await _expand(whose, found, rest, None, ())
    if inner is None:
        return declared or (bool(rest) and step in value)
    if isinstance(inner, list) and declared:
        value[step] = [await _object(tx, item) or item if isinstance(item, str) else item for item in inner]
        return await _expand(tx, value[step], rest, None, ())
    return await _expand(tx, inner, rest, owner, within) if rest or isinstance(inner, dict) else False


async def _anywhere(tx: Tx, value: Wire, step: str, id: str, owner: Resource[Any] | None) -> tuple[Tx, Wire | None]:
    """The object and the scope that it was found in: this one, or that of the account it is declared to be of."""
    found = await _object(tx, id)
    if found is None and owner is not None and step in owner.elsewhere:
        whose = await reach(tx, await _account(tx, value, owner, owner.elsewhere[step]))
        return whose or tx, await _object(whose, id) if whose else None
    return tx, found


async def _account(tx: Tx, value: Wire, owner: Resource[Any], field: str) -> str | None:
    """The account that the object names in `field`, which need not be shown; None for the platform."""
    if not field:
        return None
    account = value[field] if field in value else getattr(await tx.find(owner, value["id"]), field)
    return str(account["id"] if isinstance(account, dict) else account)


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
