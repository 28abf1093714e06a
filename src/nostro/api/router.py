"""From a method and a path to a verb in constant time: a tree of path segments, built once."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from msgspec import Struct

from nostro.kernel.resource import Resource, Verb


class Route(Struct, frozen=True):
    resource: Resource[Any]
    verb: Verb
    names: tuple[str, ...]


class _Node:
    __slots__ = ("children", "routes", "wild")

    def __init__(self) -> None:
        self.children: dict[str, _Node] = {}
        self.wild: _Node | None = None
        self.routes: dict[str, Route] = {}


class Router:
    """`find(method, path)` answers the route and the values of the path's names."""

    def __init__(self, resources: Iterable[Resource[Any]]) -> None:
        self._root = _Node()
        for resource in resources:
            for verb in resource.verbs:
                self._add(resource, verb)

    def _add(self, resource: Resource[Any], verb: Verb) -> None:
        node, names = self._root, []
        for segment in verb.path.strip("/").split("/"):
            if segment.startswith("{"):
                names.append(segment[1:-1])
                node.wild = node.wild or _Node()
                node = node.wild
            else:
                node = node.children.setdefault(segment, _Node())
        assert verb.method not in node.routes, f"two verbs at {verb.method} {verb.path}"
        node.routes[verb.method] = Route(resource, verb, tuple(names))

    def find(self, method: str, path: str) -> tuple[Route, tuple[str, ...]] | None:
        node, values = self._root, []
        for segment in path.strip("/").split("/"):
            child = node.children.get(segment)
            if child is None:
                child = node.wild
                if child is None:
                    return None
                values.append(segment)
            node = child
        route = node.routes.get(method)
        return (route, tuple(values)) if route else None
