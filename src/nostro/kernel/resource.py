"""What a resource is made of. Plain values: no I/O, no registration by import.

A resource's module ends in one `RESOURCE` value; routes, tables, indexes, the reference page,
the OpenAPI document and the generic tests are read from it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from functools import cache
from operator import attrgetter
from typing import Annotated, Any, Generic, Literal, TypeVar

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from .lifecycle import Lifecycle
from .search import SearchField

Metadata = dict[str, str]
MetadataParam = dict[str, str | None] | None | UnsetType
Unset = UnsetType
Amount = Annotated[int, Meta(ge=1, le=99_999_999, description="In minor units of the currency.")]
Wire = dict[str, Any]


class Shape(Struct, frozen=True, kw_only=True):
    """A public object or a part of one: exactly the fields that the SDK declares."""


class Stored(Shape, frozen=True, kw_only=True):
    """A public object that is kept in a table.

    Its record extends it with private fields and `omit_defaults=True`, so that a field at its default takes no
    space. Therefore a stored field's default is None, False, 0 or empty, or it is never searched or filtered by.
    """

    id: str
    created: int


class Params(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The parameters of one verb; a field that is not declared is an error."""


class NoParams(Params, frozen=True, kw_only=True):
    """A verb that takes nothing."""


class Range(Params, frozen=True, kw_only=True):
    """Bounds on a moment in seconds: `created[gte]=...`."""

    gt: int | None = None
    gte: int | None = None
    lt: int | None = None
    lte: int | None = None


R = TypeVar("R", bound=Stored)


class Among(Struct, frozen=True):
    """Rows of a hand-written table that name records by `column`, found in the order of their ids by an index."""

    table: str
    column: str
    where: str


class Filter(Struct, frozen=True):
    """A list parameter that compares one field of the record. Each becomes an index (storage/indexes.py).

    A "pattern" may hold `*` for anything: `charge.*`. For "lacks", true asks for the records that no row `among`
    another table's names, false for those that one names. With `always` it is no parameter: the list shows only the
    records whose field has this value.

    What keeps lists quick and indexes small: `wide` says that the field has few values, so that many records share
    one, and another filter is asked first. `under` puts the index below that of another such filter, so that the
    two together are one range of it. `common` is a value that most records have: it is left out of the index. `lag`
    is how many seconds the moment in a "range" can lie before and after the record's creation; it needs no index.
    """

    name: str
    path: str = ""
    kind: Literal["string", "bool", "range", "any", "pattern", "lacks"] = "string"
    required: bool = False
    always: str | bool | None = None
    wide: bool = False
    under: str = ""
    common: str = ""
    lag: tuple[int, int] = (0, 0)
    among: Among | None = None

    @property
    def field(self) -> str:
        return self.path or self.name


class Nested(Struct, frozen=True):
    """A list shown inside an object when it is expanded: `refunds` in a charge, found by `by`."""

    object: str
    by: str
    url: str


# A field shown only when it is expanded: `await make(tx, id)` answers its wire value.
OnDemand = Callable[[Any, str], Awaitable[Any]]


class Download(Struct, frozen=True):
    """A verb's answer that is a file's content, not JSON."""

    content: bytes
    content_type: str
    name: str


Access = Literal["secret", "publishable", "client_secret"]
Kind = Literal["create", "act", "retrieve", "list", "search", "delete", "system"]


class Verb(Struct, frozen=True, kw_only=True):
    """One operation: a method and a path, the function that does it, and the parameters it takes.

    `run(tx, params)`, or `run(tx, record, params)` where the path names the record as `{id}`.
    Other names in the path are added to the parameters. A verb of kind "system" acts through many units and
    stands outside any one: `run(world, scope, params)`. `access` says who may call it besides
    secret keys: any publishable key, or one that also shows the object's client secret.

    `answers` is the type of its answer where that is not the resource's shape, a page of it for kind "list", or what
    is left of it for kind "delete": another shape, a union of shapes, `list[shape]` for a page, or `Download`.
    `within(tx, account)` goes into the scope of the account that the path names, before anything is read.
    `body` is how its parameters are sent: as a form, as one with a file in it, or in the query, beside lines.
    """

    name: str
    method: Literal["GET", "POST", "DELETE"]
    path: str
    run: Callable[..., Awaitable[Any]] | None = None
    params: type[Params] = NoParams
    kind: Kind = "act"
    access: Access = "secret"
    summary: str = ""
    filters: tuple[Filter, ...] = ()
    dev_only: bool = False
    answers: Any = None
    body: Literal["form", "multipart", "lines"] = "form"
    within: Callable[[Any, str], Awaitable[None]] | None = None


class Resource(Struct, Generic[R], frozen=True, kw_only=True):
    """One value that ties a resource together.

    `complete(tx, records)` adds what other tables know to records that are retrieved or listed. `own_name` tells
    two resources apart that show the same object: the bank accounts of customers and those of the merchant.
    `expands` is every field that names another object; `browser` is what a publishable key sees, all if empty.
    `shown` declares where `present` differs from `shape`: a field's type as it is shown, with `Unset` in it if it is
    not always there, or UNSET if it never is. The name "*" stands for a field that is named by the object's type.
    `remembered` is for what many units read and few change, and `tx.recall` reads from memory: `all` that there is and
    is not, or `present`, only what there is, where new records come often.
    `also` are other prefixes that ids of the table have. `elsewhere` are the fields that name an object of another
    account, each with the field that names the account, or "" for the platform.
    """

    object: str
    prefix: str
    record: type[R]
    shape: type[Shape]
    verbs: tuple[Verb, ...]
    life: Lifecycle[R] | None = None
    filters: tuple[Filter, ...] = ()
    expands: tuple[str, ...] = ()
    browser: tuple[str, ...] = ()
    nested: Mapping[str, Nested] = {}
    on_demand: Mapping[str, OnDemand] = {}
    search: Mapping[str, SearchField] = {}
    errors: tuple[str, ...] = ()
    present: Callable[[View, R], Wire] | None = None
    shown: Mapping[str, Any] = {}
    complete: Callable[[Any, Sequence[R]], Awaitable[list[R]]] | None = None
    visible: Callable[[R], bool] | None = None
    stored: bool = True
    remembered: Literal["", "present", "all"] = ""
    example: Callable[[], R] | None = None
    doc: str = ""
    noun: str = ""
    id_param: str = "id"
    own_name: str = ""
    also: tuple[str, ...] = ()
    elsewhere: Mapping[str, str] = {}
    table: str = ""

    def __post_init__(self) -> None:
        msgspec.structs.force_setattr(self, "table", self.name.replace(".", "_"))  # once: it is asked for often

    @property
    def name(self) -> str:
        """What it is known by inside: its object's name, or one of its own."""
        return self.own_name or self.object

    @property
    def asked(self) -> tuple[Filter, ...]:
        """Every filter that a list or a verb asks by, each field once."""
        lists = [filter for verb in self.verbs for filter in verb.filters]
        return tuple({filter.field: filter for filter in (*lists, *self.filters) if not filter.among}.values())


def wire_fields(shape: type[Struct]) -> tuple[msgspec.structs.FieldInfo, ...]:
    """The fields in the order of the wire: id and object, then by name."""
    first = {"id": 0, "object": 1}
    return tuple(sorted(msgspec.structs.fields(shape), key=lambda field: (first.get(field.name, 2), field.encode_name)))


@cache
def _reader(shape: type[Struct]) -> tuple[tuple[str, ...], Callable[[Any], tuple[Any, ...]], bool]:
    fields = wire_fields(shape)
    names = tuple(field.name for field in fields)
    wire = tuple(field.encode_name for field in fields)
    return wire, attrgetter(*names), any(field.default is UNSET for field in fields)


def public(shape: type[Struct], record: Struct) -> Wire:
    """The fields of `shape`, read from a record that extends it."""
    names, read, sparse = _reader(shape)
    wire = dict(zip(names, read(record), strict=True))
    if sparse:
        wire = {name: value for name, value in wire.items() if value is not UNSET}
    return wire


def retrieve(path: str, access: Access = "secret", summary: str = "") -> Verb:
    return Verb(name="retrieve", method="GET", path=path, kind="retrieve", access=access, summary=summary)


def listing(path: str, *filters: Filter, name: str = "list", summary: str = "") -> Verb:
    return Verb(name=name, method="GET", path=path, kind="list", filters=filters, summary=summary)


def searching(path: str) -> Verb:
    return Verb(name="search", method="GET", path=path, kind="search")


class Registry:
    """Every resource of the application, found by name, record type or id prefix."""

    def __init__(self, resources: Iterable[Resource[Any]]) -> None:
        self.resources = tuple(resources)
        self.by_object = {resource.name: resource for resource in self.resources}
        for resource in self.resources:  # what has a name of its own is found by its object's too, if that is free
            self.by_object.setdefault(resource.object, resource)
        self.by_record = {resource.record: resource for resource in self.resources}
        self.by_prefix: dict[str, list[Resource[Any]]] = {}
        for resource in self.resources:
            for prefix in (resource.prefix, *resource.also) if resource.stored else ():
                self.by_prefix.setdefault(prefix, []).append(resource)
        self.remembered = {resource.table: resource.remembered for resource in self.resources if resource.remembered}

    def of(self, record: Stored) -> Resource[Any]:
        return self.by_record[type(record)]

    def of_id(self, id: str) -> Resource[Any] | None:
        """The resource that an id belongs to, by its prefix: `cus_...` is a customer."""
        return next(iter(self.all_of_id(id)), None)

    def all_of_id(self, id: str) -> list[Resource[Any]]:
        """Every resource with this id's prefix: `ba_...` is a customer's bank account, or the merchant's."""
        return self.by_prefix.get(id.rpartition("_")[0], [])


class View(Struct, frozen=True):
    """How answers are rendered: by which resources, and at what moment (seconds, the sandbox's time).

    `rails` know how what is kept of a way to pay is shown, `url` is where pages stand.
    """

    registry: Registry
    now: int
    rails: Mapping[str, Any] = {}
    url: str = ""

    def render(self, value: Any) -> Any:
        """Any verb's answer as wire values. Private fields cannot appear: only the shape's are read."""
        resource = self.registry.by_record.get(type(value))
        if resource is None:
            return value
        return resource.present(self, value) if resource.present else public(resource.shape, value)


def merge_metadata(old: Metadata, change: MetadataParam) -> Metadata:
    """Stripe's rule: keys are merged, a key set to empty is removed, an empty `metadata` removes all."""
    if change is UNSET:
        return old
    if not change:
        return {} if change is None else old
    merged = {**old, **{key: value for key, value in change.items() if value is not None}}
    return {key: value for key, value in merged.items() if change.get(key, value) is not None}


def changes(params: Params, *skip: str) -> dict[str, Any]:
    """The fields that the caller gave, for `structs.replace`; what was not given is not there."""
    return {
        name: value
        for name in params.__struct_fields__
        if name not in skip and (value := getattr(params, name)) is not UNSET
    }
