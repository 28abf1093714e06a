"""From a decoded form to a verb's parameters; what msgspec refuses becomes Stripe's error."""

from __future__ import annotations

import re
from typing import Any, TypeVar

import msgspec

from nostro.kernel.errors import ApiError, invalid, missing, unknown_param
from nostro.kernel.resource import Params

P = TypeVar("P", bound=Params)
MOST_METADATA_KEYS = 50
_AT = re.compile(r"^(?P<what>.*?)(?: - at `(?:key in )?\$(?P<path>.*)`)?$", re.S)
_NUMBER = re.compile(r"^[-+0-9.eE]+$")
_FRACTION = re.compile(r"^-?\d*(\.\d*|[eE][-+]?\d+)+$")
_ENDS = frozenset("0123456789.")
_NAME = re.compile(r"`([^`]*)`")


def convert(form: dict[str, Any], params: type[P], within: str = "") -> P:
    """Raises `ApiError` that names the parameter; `within` is where the form stands in a larger one."""
    try:
        return _converted(form, params, within)
    except ApiError as error:
        error.begun = False
        raise


def _converted(form: dict[str, Any], params: type[P], within: str) -> P:
    try:
        made = msgspec.convert(form, params, strict=False)
    except msgspec.ValidationError as error:
        raise _explain(str(error), form, params, within) from None
    except RecursionError:
        raise invalid("The parameters are nested too deeply.") from None
    _check_words(form, made, within)
    metadata = form.get("metadata")
    if metadata:
        check_metadata(metadata)
    long = _long_number(form, within)
    if long is not None and _has_huge_integer(made):
        raise invalid(f"Invalid integer: {long[1][:40]}", long[0], "parameter_invalid_integer")
    return made


def _check_words(form: Any, made: Any, name: str) -> None:
    """msgspec also reads the word "null" as nothing, and "1e3" or "10.0" as an integer; this wire does neither."""
    for key, value in form.items() if isinstance(form, dict) else enumerate(form):
        if isinstance(value, str):
            if len(value) == 4 and value.lower() == "null" and _inside(made, key) is None:
                path = _joined(name, key)
                raise invalid(f"Invalid value for {path}: {value}", path)
            if value[-1:] in _ENDS and _FRACTION.match(value) and isinstance(_inside(made, key), int):
                raise invalid(f"Invalid integer: {value}", _joined(name, key), "parameter_invalid_integer")
        elif isinstance(value, dict | list):
            _check_words(value, _inside(made, key), _joined(name, key))


def _joined(name: str, key: Any) -> str:
    return f"{name}[{key}]" if name else str(key)


def _inside(made: Any, key: Any) -> Any:
    if isinstance(made, dict):
        return made.get(key)
    if isinstance(made, list):
        return made[key] if isinstance(key, int) and key < len(made) else None
    return getattr(made, str(key), "")


def _long_number(form: Any, name: str) -> tuple[str, str] | None:
    """The first value that could be an integer too large to store, with its bracketed name."""
    for key, value in form.items() if isinstance(form, dict) else enumerate(form):
        if isinstance(value, str):
            if len(value) > 15 and _NUMBER.match(value):
                return _joined(name, key), value
        elif isinstance(value, dict | list) and (found := _long_number(value, _joined(name, key))):
            return found
    return None


def _has_huge_integer(made: Any) -> bool:
    if isinstance(made, int):
        return not -(2**63) <= made < 2**63
    if isinstance(made, msgspec.Struct):
        return any(_has_huge_integer(getattr(made, name)) for name in made.__struct_fields__)
    if isinstance(made, dict):
        return any(map(_has_huge_integer, made.values()))
    return isinstance(made, list) and any(map(_has_huge_integer, made))


def check_metadata(metadata: dict[str, Any]) -> None:
    """Stripe's published limits: 50 keys, 40 characters a key, 500 a value."""
    if len(metadata) > MOST_METADATA_KEYS:
        raise invalid(
            f"You can have up to {MOST_METADATA_KEYS} metadata keys, but you have {len(metadata)}.",
            "metadata",
        )
    for key, value in metadata.items():
        if len(key) > 40 or "[" in key or "]" in key:
            raise invalid(
                f"Metadata keys can be up to 40 characters long and may not contain brackets: '{key[:60]}'.",
                "metadata",
            )
        if value is not None and len(str(value)) > 500:
            raise invalid(f"Metadata values can be up to 500 characters long, but '{key}' is {len(str(value))}.",
                          f"metadata[{key}]")  # fmt: skip


def _explain(message: str, form: dict[str, Any], params: type[Params], within: str) -> ApiError:
    found = _AT.match(message)
    what, path = (found["what"], found["path"] or "") if found else (message, "")
    keys = [key for key in re.split(r"\.|\[|\]", path) if key]
    named = _NAME.search(what)
    outer = [within] if within else []
    if what.startswith("Object contains unknown field") and named:
        return unknown_param(_bracketed([*outer, *_resolved(keys, form), named[1]]))
    if what.startswith("Object missing required field") and named:
        return missing(_bracketed([*outer, *_resolved(keys, form), named[1]]))
    keys = _resolved(keys, form)
    name, value = _bracketed([*outer, *keys]), _value(form, keys)
    if value is None:
        return invalid(
            f"You passed an empty string for '{name}'. We assume empty values are an attempt to unset a parameter; "
            f"however '{name}' cannot be unset. You should remove '{name}' from your request or supply a "
            "non-empty value.", name, "parameter_invalid_empty",
        )  # fmt: skip
    return _wrong_value(what, name, value, keys, params)


def _wrong_value(what: str, name: str, value: Any, keys: list[str], params: type[Params]) -> ApiError:
    if "enum value" in what:
        allowed = _choices(params, keys)
        tail = f": must be one of {_or(allowed)}" if allowed else f": {value!r} is not a known value"
        return invalid(f"Invalid {name}{tail}", name)
    if "`int`" in what and "got `str`" in what:
        return invalid(f"Invalid integer: {value}", name, "parameter_invalid_integer")
    if "`int`" in what and (">=" in what or "<=" in what):
        return _out_of_range(what, name, value)
    if "`bool`" in what:
        return invalid(f"Invalid boolean: {value}", name)
    expected = what.partition(", got")[0]
    for kind in ("array", "object"):
        if kind in expected:
            return invalid(f"Invalid {kind}", name)
    if "got `object`" in what or "got `array`" in what:
        kind = "integer" if "`int" in expected else "string"
        return invalid(f"Invalid {kind}: {_short(value)}", name)
    if "length" in what:
        return invalid(f"Invalid string: {_short(value)}; {what[0].lower()}{what[1:]}", name)
    return invalid(f"Invalid value for {name}: {_short(value)}", name)


def _out_of_range(what: str, name: str, value: Any) -> ApiError:
    bound = what.rsplit("=", 1)[-1].strip()
    if ">=" in what:
        plain = "Invalid positive integer" if bound == "1" else f"This value must be greater than or equal to {bound}."
        return invalid(plain, name, "parameter_invalid_integer")
    code = "amount_too_large" if "amount" in name else "parameter_invalid_integer"
    return invalid(f"This value must be less than or equal to {bound}.", name, code)


def _resolved(keys: list[str], form: Any) -> list[str]:
    """msgspec writes `[...]` for a mapping's key; find which key of the form it was."""
    out: list[str] = []
    for key in keys:
        if key == "..." and isinstance(form, dict):
            key = next((k for k, v in form.items() if not isinstance(v, str | None)), next(iter(form), key))
        out.append(key)
        form = _value(form, [key])
    return out


def _value(form: Any, keys: list[str]) -> Any:
    for key in keys:
        if isinstance(form, dict):
            form = form.get(key)
        elif isinstance(form, list) and key.isdigit() and int(key) < len(form):
            form = form[int(key)]
        else:
            return None
    return form


def _bracketed(keys: list[str]) -> str:
    return keys[0] + "".join(f"[{key}]" for key in keys[1:]) if keys else ""


def _choices(params: Any, keys: list[str]) -> list[str]:
    """The values of a `Literal` field, found by walking the params type along the path."""
    schema, components = msgspec.json.schema_components([params])
    node: Any = schema[0]
    for key in [*keys, None]:
        node = _follow(node, components)
        if key is None:
            break
        node = node.get("items", {}) if key.isdigit() else node.get("properties", {}).get(key, {})
    return [str(value) for value in node.get("enum", []) if value is not None]


def _follow(node: Any, components: dict[str, Any]) -> Any:
    if "anyOf" in node:
        options = [_follow(option, components) for option in node["anyOf"]]
        node = next((o for o in options if "enum" in o or "properties" in o or "items" in o), {})
    if "$ref" in node:
        node = components[node["$ref"].rsplit("/", 1)[-1]]
    return node


def _or(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"


def _short(value: Any) -> str:
    shown = str(value)
    return shown if len(shown) <= 100 else shown[:100] + "..."
