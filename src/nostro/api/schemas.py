"""JSON Schema (draft 2020-12) of what the API answers and of what it takes, from the shapes and the params.

An answer shows every field of its shape, at its default or not, but those that are UNSET. Fields may be added to any
object, so none is closed. Parameters are what a form can say: an empty text means "unset", a number is its digits,
and neither an empty list nor an empty mapping can be written.
"""

from __future__ import annotations

import re
import types
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Union, get_args, get_origin

import msgspec
from msgspec import UNSET, Struct, UnsetType
from msgspec.structs import fields

from nostro.kernel.params import MOST_METADATA_KEYS
from nostro.kernel.resource import Resource, Shape

Schema = dict[str, Any]
REF = "#/components/schemas/"
SEEN_BY_BROWSERS = ".browser"
REFERENCE: Schema = {
    "type": "object", "required": ["id", "object"],
    "properties": {"id": {"type": "string"}, "object": {"type": "string"}},
    "description": "An object in full, in the place of its id, because `expand` asked for it.",
}  # fmt: skip
DELETED: Schema = {
    "type": "object", "required": ["id", "object", "deleted"],
    "properties": {"id": {"type": "string"}, "object": {"type": "string"}, "deleted": {"const": True}},
}  # fmt: skip
METADATA = {
    "type": "object",
    "maxProperties": MOST_METADATA_KEYS,
    "propertyNames": {"minLength": 1, "maxLength": 40, "pattern": r"^[^\[\]]*$"},
    "additionalProperties": {"type": "string", "maxLength": 500},
    "description": "Keys of your own. They are merged with what is there; an empty value removes a key.",
}
INTEGER = {"minimum": -(2**63), "maximum": 2**63 - 1, "format": "int64"}


def ref(name: str) -> Schema:
    return {"$ref": REF + name}


# Answers -----------------------------------------------------------------------


def component(resource: Resource[Any], resources: Sequence[Resource[Any]]) -> str:
    """A resource's schema is named as its object, unless that is another's name."""
    taken = any(other.name == resource.object for other in resources)
    return resource.name if taken else resource.object


class Answers:
    """The component schemas of everything that the resources answer, and which of them a type stands for."""

    def __init__(self, resources: Sequence[Resource[Any]]) -> None:
        self._resources = resources
        own: dict[type[Struct], str] = {
            resource.shape: component(resource, resources) for resource in resources if fields(resource.shape)
        }
        told = [verb.answers for resource in resources for verb in resource.verbs]
        told += [kind for resource in resources for kind in resource.shown.values()]
        more = [shape for answers in told for shape in _shapes(answers)]
        shapes = list(dict.fromkeys([*own, *more]))
        schemas, made = msgspec.json.schema_components(shapes, ref_template=REF + "{name}")
        written = [schema["$ref"].removeprefix(REF) for schema in schemas]
        taken = {*own.values()}  # a second shape of an object goes by its own name
        self._names = {
            shape: own.get(shape) or next((o for o in [_object(made[name])] if o not in taken), "") or _name(name)
            for shape, name in zip(shapes, written, strict=True)
        }
        renamed = {name: _name(name) for name in made} | dict(zip(written, self._names.values(), strict=True))
        assert len({*renamed.values()}) == len(renamed), "two shapes have one name"
        self.components: dict[str, Schema] = {renamed[name]: _shown(schema, renamed) for name, schema in made.items()}
        self.components |= {"expanded": REFERENCE, "deleted": DELETED}
        for resource in resources:
            if resource.shape in self._names:
                self._present(resource)
                self._add_expanded(resource)
        for resource in resources:
            if resource.browser:
                name = self._names[resource.shape]
                self.components[name + SEEN_BY_BROWSERS] = _narrowed(self.components[name], resource.browser)

    def of(self, answers: Any) -> Schema:
        """The schema of a shape, of a union of shapes, or of a page of them."""
        if get_origin(answers) is list:
            return page(self.of(get_args(answers)[0]))
        return either([ref(self._names[shape]) for shape in _shapes(answers)])

    def whole(self, resource: Resource[Any]) -> Schema:
        return ref(self._names[resource.shape])

    def narrowed(self, resource: Resource[Any]) -> Schema:
        """As a publishable key sees it."""
        return ref(self._names[resource.shape] + SEEN_BY_BROWSERS)

    def _present(self, resource: Resource[Any]) -> None:
        """What rendering makes of the shape."""
        schema = self.components[self._names[resource.shape]]
        for name, kind in resource.shown.items():
            schema["required"] = [field for field in schema["required"] if field != name]
            if kind is UNSET:
                del schema["properties"][name]
            elif name == "*":
                schema["additionalProperties"] = self._type(kind)
            else:
                schema["properties"][name] = self._type(kind)
                if UnsetType not in get_args(kind):
                    schema["required"].append(name)

    def _type(self, kind: Any) -> Schema:
        options: list[Schema] = []
        for part in get_args(kind) if _is_union(kind) else (kind,):
            if part is not UnsetType:
                options.append(self.of(part) if part in self._names else msgspec.json.schema(part))
        return either(options)

    def _add_expanded(self, resource: Resource[Any]) -> None:
        component = self._names[resource.shape]
        properties = self.components[component]["properties"]
        for path in resource.expands:
            self._expand(component, path)
        for name, nested in resource.nested.items():
            properties[name] = {**page(ref(nested.object)), "description": "Shown when it is expanded."}
        for name in resource.on_demand:
            properties.setdefault(name, {"description": "Shown when it is expanded."})

    def _expand(self, name: str, path: str) -> None:
        """Where a field holds an id, also allow the object that it names."""
        step, _, rest = path.partition(".")
        field = self.components[name].get("properties", {}).get(step)
        if field is None:
            return
        if rest:
            for inner in _refs(field):
                self._expand(inner, rest)
        elif not _refs(field):
            options = field.pop("anyOf", None) or [dict(field)]
            field.clear()
            field["anyOf"] = [*options, *self._named(step)]

    def _named(self, field: str) -> list[Schema]:
        """What an id in a field of this name leads to: `latest_charge` to a charge."""
        for resource in self._resources:
            if field == resource.object or field.endswith("_" + resource.object):
                return [ref(self._names[resource.shape]), *([ref("deleted")] if resource.visible else [])]
        return [ref("expanded")]


def reached(node: Any, components: Mapping[str, Schema], seen: dict[str, Schema]) -> dict[str, Schema]:
    """Adds to `seen` the components that a part of the document refers to, directly or not."""
    if isinstance(node, dict):
        name = str(node.get("$ref", "")).removeprefix(REF)
        if name in components and name not in seen:
            seen[name] = components[name]
            reached(components[name], components, seen)
    for inner in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        reached(inner, components, seen)
    return seen


def page(item: Schema) -> Schema:
    return {
        "type": "object", "required": ["object", "data", "has_more", "url"],
        "properties": {
            "object": {"const": "list"}, "data": {"type": "array", "items": item}, "has_more": {"type": "boolean"},
            "url": {"type": "string"},
        },
    }  # fmt: skip


def found(item: Schema) -> Schema:
    """A page of a search; `next_page` is the `page` to ask for next."""
    listed = page(item)
    return {
        **listed, "required": [*listed["required"], "next_page"],
        "properties": {
            **listed["properties"], "object": {"const": "search_result"}, "next_page": {"type": ["string", "null"]},
        },
    }  # fmt: skip


def either(options: Sequence[Schema]) -> Schema:
    return options[0] if len(options) == 1 else {"anyOf": [*options]}


def _shapes(answers: Any) -> Iterator[type[Struct]]:
    """The shapes that a type is made of."""
    if get_origin(answers) is list or _is_union(answers):
        for part in get_args(answers):
            yield from _shapes(part)
    elif isinstance(answers, type) and issubclass(answers, Shape):
        yield answers


def _is_union(kind: Any) -> bool:
    return get_origin(kind) in (Union, types.UnionType)


def _object(schema: Schema) -> str | None:
    """The name that the object itself shows."""
    shown: str | None = next(iter(schema["properties"].get("object", {}).get("enum", ())), None)
    return shown


def _name(written: str) -> str:
    """`BillingDetails` as `billing_details`; of two with one name each says its module: `card_details`."""
    parts = written.split(".")[-2:]
    return "_".join(re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", part).lower() for part in parts)


def _shown(schema: Any, renamed: Mapping[str, str]) -> Any:
    if isinstance(schema, list):
        return [_shown(item, renamed) for item in schema]
    if not isinstance(schema, dict):
        return schema
    out = {key: _shown(value, renamed) for key, value in schema.items() if key not in ("default", "title")}
    if "$ref" in schema:
        return ref(renamed[schema["$ref"].removeprefix(REF)])
    if "properties" in schema:  # the names in it are not keywords
        out["properties"] = {name: _shown(field, renamed) for name, field in schema["properties"].items()}
        always = [name for name, field in schema["properties"].items() if "default" in field]
        out["required"] = [*schema["required"], *always]
    return out


def _narrowed(whole: Schema, names: Iterable[str]) -> Schema:
    kept = set(names)
    return {
        "type": "object",
        "description": "As a publishable key sees it.",
        "properties": {name: field for name, field in whole["properties"].items() if name in kept},
        "required": [name for name in whole["required"] if name in kept],
    }


def _refs(field: Schema) -> list[str]:
    options = field.get("anyOf", [field])
    return [option["$ref"].removeprefix(REF) for option in options if "$ref" in option]


# Parameters --------------------------------------------------------------------


def parameters(params: type[Struct], without: Iterable[str] = ()) -> Schema:
    """An object schema of what the caller sends, whole: parameters refer to no components."""
    schemas, made = msgspec.json.schema_components([params], ref_template="{name}")
    schema = _taken(schemas[0], made)
    left = set(without)
    schema["properties"] = {name: field for name, field in schema["properties"].items() if name not in left}
    schema["required"] = [name for name in schema["required"] if name not in left]
    schema.pop("minProperties", None)
    return schema


def _taken(schema: Schema, made: Mapping[str, Schema]) -> Schema:
    if "$ref" in schema:
        return _taken(made[schema["$ref"]], made)
    out = {key: value for key, value in schema.items() if key not in ("default", "title", "anyOf")}
    if "anyOf" in schema:
        options = [_taken(option, made) for option in schema["anyOf"]]
        return {**out, **_merged(options)}
    match schema.get("type"):
        case "null":
            return {"const": ""}
        case "string":
            out["minLength"] = max(1, schema.get("minLength", 0))
        case "integer":
            out |= {key: value for key, value in INTEGER.items() if key not in schema}
        case "array":
            out |= {"items": _taken(schema.get("items", {}), made), "minItems": 1}
        case "object":
            return _taken_object(schema, out, made)
    return _choice(out) if "enum" in out else out


def _taken_object(schema: Schema, out: Schema, made: Mapping[str, Schema]) -> Schema:
    if schema.get("properties", {}).get("content", {}).get("contentEncoding"):
        return {"type": "string", "format": "binary"}  # an uploaded file, as the multipart reader answers it
    out["minProperties"] = 1
    if isinstance(schema.get("additionalProperties"), dict):
        out["additionalProperties"] = _taken(schema["additionalProperties"], made)
    if "properties" in schema:
        taken = {name: _taken(field, made) for name, field in schema["properties"].items()}
        if "metadata" in taken:
            taken["metadata"] = _merged([METADATA, {"const": ""}])
        out |= {"properties": taken, "required": schema.get("required", [])}
    return out


def _merged(options: list[Schema]) -> Schema:
    """One of the options; where a text may also be empty, that is a text."""
    empty = {"const": ""}
    left = [option for option in options if option != empty]
    if len(left) < len(options):
        for n, option in enumerate(left):
            if option.get("type") == "string" and "enum" not in option and option.get("minLength") == 1:
                left[n] = {key: value for key, value in option.items() if key != "minLength"}
                return either(left)
        left.append(empty)
    return either(left)


def _choice(schema: Schema) -> Schema:
    """An enumeration; null among its words is the empty text."""
    words = ["" if word is None else word for word in schema["enum"]]
    return {**schema, "type": "string", "enum": words} if all(isinstance(word, str) for word in words) else schema
