"""Form bodies with brackets, as Stripe's SDKs send them: `items[0][price]=p&metadata[order]=6735`.

The rules are Rack's, made strict where Rack guesses: a name that is used in two shapes, a bad escape or a
byte that is not UTF-8 is an error, never a silent loss. Two things surprise:

- Below a part named `metadata` every part is a key, also digits: the keys are the user's own
  (`metadata[6735]=x` is a mapping). Anywhere else digits in brackets are a place in a list.
- An empty value decodes as None, which means "unset" (inside `metadata`: delete this key).

Every request passes here, so the common shapes have a short way through and the names, which are few and
repeat, are taken apart once and remembered.
"""

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any, NamedTuple, TypeAlias
from urllib.parse import quote_plus

MAX_PAIRS = 1_000
MAX_DEPTH = 10
MAX_INDEX = 1_000

# Longer names are parsed each time: the memory of the cache is bounded by bytes, not only by entries.
_CACHED_NAME = 96

# A part of a name: a key, a place in a list (int), or "the next place" (None, written `[]`).
Part: TypeAlias = "str | int | None"

_DIGITS = "0123456789abcdefABCDEF"
_BYTE = {(high + low).encode(): bytes([int(high + low, 16)]) for high in _DIGITS for low in _DIGITS}


class FormError(ValueError):
    """The body is not a form that can be read. `param` is the name at fault, as sent, where one is."""

    def __init__(self, message: str, param: str | None = None) -> None:
        super().__init__(message)
        self.param = param


class _Places(dict[int, Any]):
    """A list under construction, by index: `a[999]=x` holds one element, not a thousand."""


_CONTAINERS = frozenset((dict, list, _Places))


class _Path(NamedTuple):
    """A name taken apart: `a[b][0]` has parts ("a", "b", 0), and "a" holds a dict, "b" holds places."""

    parts: tuple[Part, ...]
    holds: tuple[type[Any], ...]
    largest: int


def decode(
    body: bytes, *, max_pairs: int = MAX_PAIRS, max_depth: int = MAX_DEPTH, max_index: int = MAX_INDEX
) -> dict[str, Any]:
    """The parameters in a form body: nested dicts and lists whose leaves are str, or None where empty.

    A name given twice keeps its last value. Lists given by index keep the order of their indexes, and
    gaps close. The caller limits the size of `body`; within it the work is linear. Raises FormError only.
    """
    try:
        text = body.decode()
    except UnicodeDecodeError:
        raise FormError("Invalid UTF-8") from None
    if "\0" in text or "%00" in text:
        raise FormError("Invalid NUL byte in the request body")
    pairs = text.split("&", max_pairs)
    if len(pairs) > max_pairs:
        raise FormError(f"Too many parameters: at most {max_pairs} can be sent in one request")
    form: dict[str, Any] = {}
    places: list[tuple[Any, Any]] = []
    plain = "%" not in text and "+" not in text
    for pair in pairs:
        name, _, value = pair.partition("=")
        if not (plain or ("%" not in value and "+" not in value)):
            value = _unquote(value)
        if "[" not in name and (plain or ("%" not in name and "+" not in name)):
            if not name:
                if pair:
                    raise FormError("Invalid request: a parameter has no name")
                continue
            if type(form.get(name, "")) in _CONTAINERS:
                raise _conflict(name)
            form[name] = value or None
            continue
        path = _path(name) if len(name) <= _CACHED_NAME else _parse(name)
        if len(path.parts) > max_depth:
            raise FormError(f"Invalid parameter: names nest {max_depth} levels deep at most", _shown(name))
        if path.largest > max_index:
            raise FormError(f"Invalid array index: at most {max_index}", _shown(name))
        if not _place(form, path, value or None, places):
            raise _conflict(name)
    # Children were noted after their parents, so the inner lists close first.
    for parent, key in reversed(places):
        held = parent[key]
        parent[key] = [held[index] for index in sorted(held)]
    return form


def _shown(raw: str) -> str:
    """A name as a person knows it, short enough for an error."""
    return _unquote(raw)[:200]


def _conflict(raw: str) -> FormError:
    name = _shown(raw)
    return FormError(f"Invalid parameter: {name} is given in two different shapes", name)


def _unquote(text: str) -> str:
    """Undo percent and plus, strictly: urllib's own lets bad escapes and bad UTF-8 through."""
    text = text.replace("+", " ")
    if "%" not in text:
        return text
    first, *rest = text.encode().split(b"%")
    try:
        return (first + b"".join([_BYTE[piece[:2]] + piece[2:] for piece in rest])).decode()
    except KeyError:
        raise FormError("Invalid percent-encoding in the request body") from None
    except UnicodeDecodeError:
        raise FormError("Invalid UTF-8") from None


def _parse(raw: str) -> _Path:
    """Take a name apart. Brackets count also when percent-encoded, as clients differ."""
    name = _unquote(raw)
    head, bracket, rest = name.partition("[")
    if not head:
        raise FormError("Invalid request: a parameter has no name", name[:200])
    parts: list[Part] = [head]
    if bracket:
        inner = rest[:-1].split("][")
        if not rest.endswith("]") or any("[" in part or "]" in part for part in inner):
            raise FormError(f"Invalid parameter name: {name[:200]}", name[:200])
        for part in inner:
            parts.append(_part(part, free=parts[-1] == "metadata"))
    holds = tuple([list if part is None else dict if type(part) is str else _Places for part in parts[1:]])
    return _Path(tuple(parts), holds, max((part for part in parts if type(part) is int), default=0))


def _part(text: str, *, free: bool) -> Part:
    if not text:
        return None
    if free or not (text.isascii() and text.isdigit()):
        return text
    # Beyond any limit already; int() of very long digits is slow, and refused by Python.
    return int(text) if len(text) <= 9 else 10**9


_path = lru_cache(maxsize=4096)(_parse)


def _place(form: dict[str, Any], path: _Path, value: str | None, places: list[tuple[Any, Any]]) -> bool:
    """Walk down `path`, making what is missing, and set the leaf; `places` notes the lists to close.

    False where something of another shape stands in the way.
    """
    node: Any = form
    for depth, kind in enumerate(path.holds):
        part = path.parts[depth]
        if part is None:
            held = node[-1] if node else None
            if type(held) is kind and not _has(held, path.parts[depth + 1 :]):
                node = held
                continue
            part = len(node)
            node.append(None)
        elif part in node:
            node = node[part]
            if type(node) is not kind:
                return False
            continue
        if kind is _Places:
            places.append((node, part))
        made = kind()
        node[part] = made
        node = made
    leaf = path.parts[-1]
    if leaf is None:
        node.append(value)
    elif type(node.get(leaf)) in _CONTAINERS:
        return False
    else:
        node[leaf] = value
    return True


def _has(node: Any, parts: tuple[Part, ...]) -> bool:
    """Whether `parts` is taken below the last element of `a[]`: then, as in Rack, a new element begins."""
    for part in parts:
        if part is None or type(node) not in (dict, _Places) or part not in node:
            return False
        node = node[part]
    return True


def encode(params: Mapping[str, Any]) -> str:
    """A form body for `params`, with brackets as the official SDK writes them; the inverse of `decode`.

    Leaves are str, int, bool (`true`) or anything whose str() is its wire form; None, an empty mapping and
    an empty list are sent as an empty value (unset). Raises FormError for a key that `decode` could not
    give back: empty, with a bracket or a NUL, or all digits outside `metadata` (that is a list index).
    """
    try:
        return "&".join([f"{name}={quote_plus(value)}" for name, value in _pairs("", "", params)])
    except UnicodeEncodeError:
        raise FormError("Invalid UTF-8") from None


def _pairs(prefix: str, parent: str, node: object) -> Iterator[tuple[str, str]]:
    if isinstance(node, Mapping) and (node or not prefix):
        for key, value in node.items():
            name = _key(prefix, parent, str(key))
            yield from _pairs(name, str(key), value)
    elif isinstance(node, list | tuple) and node:
        if parent == "metadata":
            raise FormError("Invalid parameter: metadata is a mapping, not a list", prefix)
        for index, value in enumerate(node):
            yield from _pairs(f"{prefix}[{index}]", "", value)
    else:
        yield prefix, _leaf(prefix, node)


def _key(prefix: str, parent: str, key: str) -> str:
    name = f"{prefix}[{key}]" if prefix else key
    index = bool(prefix) and parent != "metadata" and key.isascii() and key.isdigit()
    if not key or index or not {"[", "]", "\0"}.isdisjoint(key):
        raise FormError(f"Invalid parameter name: {name} cannot be written in a form", name)
    return f"{prefix}[{quote_plus(key)}]" if prefix else quote_plus(key)


def _leaf(name: str, value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    text = "" if value is None or isinstance(value, Mapping | list | tuple) else str(value)
    if "\0" in text:
        raise FormError(f"Invalid NUL byte in {name}", name)
    return text
