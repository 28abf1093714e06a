"""Settings as an operator gives them: where each value comes from, and everything that is wrong, said at once.

An option of the command wins over the environment, the environment over the file (`nostro.toml`), the file over what
the command itself presets, and that over the default. What is in `Settings` is here: a new field needs nothing more.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from functools import cache
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints
from urllib.parse import urlsplit, urlunsplit

import msgspec
from msgspec import Struct

from .settings import Settings

PREFIX = "NOSTRO_"
# What the commands decide themselves.
FIXED = ("dev", "durable", "simulated_bank")
SECRET = re.compile(r"secret|token|password|key")
SWITCH = {"on": True, "yes": True, "true": True, "1": True, "off": False, "no": False, "false": False, "0": False}
_COMMENT = re.compile(r"\s*# ?(.*)")
_FIELD = re.compile(r"\s*(\w+):")


class Setting(Struct, frozen=True):
    """One value that can be set. `name` is its field, `fees.rate` for one inside another; `kind` its type, `owner`
    the struct that has it.
    """

    name: str
    kind: Any
    default: Any
    owner: type[Struct]

    @property
    def doc(self) -> str:
        return _docs(self.owner).get(self.name.rpartition(".")[2], "")

    @property
    def variable(self) -> str:
        return PREFIX + self.name.replace(".", "_").upper()


class Given(Struct, frozen=True):
    """A value as it was found, and where: `option --port`, `NOSTRO_PORT`, `nostro.toml`."""

    value: Any
    source: str


class Wrong(Struct, frozen=True):
    """A value that cannot be taken: where it stands, what it says, and what is accepted there."""

    source: str
    value: str
    accepted: str

    def __str__(self) -> str:
        return f"{self.source} is {self.value}: {self.accepted}"


class Configured(Struct, frozen=True):
    """`sources` says of each setting that is not at its default where it was set."""

    settings: Settings
    sources: dict[str, str]
    warnings: list[str]


class BadSettings(ValueError):
    """`rest` is what there would be without the values that are wrong."""

    def __init__(self, wrong: Sequence[Wrong], rest: Configured) -> None:
        super().__init__("\n".join(map(str, wrong)))
        self.wrong = list(wrong)
        self.rest = rest


@cache
def available() -> tuple[Setting, ...]:
    """Everything that an operator can set, in the order of `Settings`."""
    return tuple(one for one in _settings(Settings, "") if one.name not in FIXED)


def _settings(struct: type[Struct], prefix: str) -> list[Setting]:
    hints, found = get_type_hints(struct, include_extras=True), []
    for field in msgspec.structs.fields(struct):
        name, kind = prefix + field.name, hints[field.name]
        if isinstance(kind, type) and issubclass(kind, Struct):
            found += _settings(kind, f"{name}.")
        else:
            found.append(Setting(name, kind, field.default, struct))
    return found


@cache
def _docs(struct: type[Struct]) -> dict[str, str]:
    """The comment above each field; fields that follow one another share one."""
    import inspect  # for the documentation only, not for each start

    docs: dict[str, str] = {}
    said: list[str] = []
    fresh = True
    for line in inspect.getsource(struct).splitlines():
        if comment := _COMMENT.fullmatch(line):
            said, fresh = [*([] if fresh else said), comment[1]], False
        elif not line.strip():
            said = []
        elif (field := _FIELD.match(line)) and field[1] in struct.__struct_fields__:
            docs[field[1]], fresh = " ".join(said), True
    return docs


def configure(
    *,
    options: Mapping[str, Any],
    environ: Mapping[str, str],
    file: Mapping[str, Any],
    file_name: str = "nostro.toml",
    presets: Mapping[str, Any],
    known: Sequence[str] = (),
) -> Configured:
    """Options that are None were not given, nor were variables that are empty. `known` are variables that are not
    settings, `presets` what the command says unless anybody else does. Raises `BadSettings` with all that is wrong.
    """
    flat = _flat(file, "")
    values: dict[str, Any] = {name: presets[name] for name in FIXED if name in presets}
    sources: dict[str, str] = {}
    wrong = [_unknown(name, flat[name], file_name) for name in flat if name not in {s.name for s in available()}]
    for setting in available():
        found = _given(setting, options, environ, flat, file_name)
        if setting.name in presets:
            values[setting.name], sources[setting.name] = presets[setting.name], "preset"
        if found is None:
            continue
        try:
            values[setting.name], sources[setting.name] = _converted(setting, found.value), found.source
        except msgspec.ValidationError:
            shown = masked(setting, found.value)
            wrong.append(Wrong(found.source, f"'{shown}'" if isinstance(shown, str) else repr(shown), accepts(setting)))
    workers, database = values.get("workers", 1), values.get("database", Settings().database)
    if workers > 1 and database.startswith("sqlite"):
        wrong.append(Wrong(sources["workers"], str(workers), "an SQLite file has one worker; for more use PostgreSQL"))
    taken = Configured(msgspec.convert(_nested(values), Settings), sources, _warnings(environ, known))
    if wrong:
        raise BadSettings(wrong, taken)
    return taken


def _given(
    setting: Setting, options: Mapping[str, Any], environ: Mapping[str, str], file: Mapping[str, Any], file_name: str
) -> Given | None:
    if options.get(setting.name) is not None:
        return Given(options[setting.name], f"option --{setting.name.replace('_', '-').replace('.', '-')}")
    if environ.get(setting.variable):
        return Given(environ[setting.variable], setting.variable)
    return Given(file[setting.name], f"{setting.name} in {file_name}") if setting.name in file else None


def _converted(setting: Setting, value: Any) -> Any:
    """Texts are read as the type wants them; other types must fit as they are."""
    if isinstance(value, str) and bool in _kinds(setting.kind):
        value = SWITCH.get(value.lower(), value)
    if isinstance(value, bool) and bool not in _kinds(setting.kind):
        raise msgspec.ValidationError("a switch is no number")
    made = msgspec.convert(value, setting.kind, strict=False)
    if isinstance(made, Decimal) and not (made.is_finite() and 0 <= made < 1):
        raise msgspec.ValidationError("a rate is a part of an amount")
    return made


def accepts(setting: Setting) -> str:
    """What may stand there, for people."""
    kinds, limits = _kinds(setting.kind), _limits(setting.kind)
    if bool in kinds:
        return "it can be on or off"
    if choices := [value for kind in kinds if get_origin(kind) is Literal for value in get_args(kind)]:
        return f"it can be {' or '.join(map(str, choices))}"
    if int in kinds:
        return f"it must be a whole number{limits}"
    if str not in kinds:
        return f"it must be 0 or more and below 1, like {setting.default} for {setting.default * 100:f} %"
    like = f"it must be like {masked(setting, setting.default)}; " if setting.default else "it cannot be read; "
    return f"{like}{setting.doc.rstrip('.')}"


def _limits(kind: Any) -> str:
    """` from 1 to 256`, or `, 1 or more`."""
    meta = next((one for one in getattr(kind, "__metadata__", ()) if isinstance(one, msgspec.Meta)), msgspec.Meta())
    if meta.ge is None:
        return ""
    return f" from {meta.ge} to {meta.le}" if meta.le is not None else f", {meta.ge} or more"


def _kinds(kind: Any) -> tuple[Any, ...]:
    """The types of a union, or the one, without what is annotated to it."""
    if hasattr(kind, "__metadata__"):
        return _kinds(get_args(kind)[0])
    if get_origin(kind) in (UnionType, Union):
        return tuple(inner for one in get_args(kind) if one is not NoneType for inner in _kinds(one))
    return (kind,)


def masked(setting: Setting, value: Any) -> Any:
    """The value as it may be shown: no secret, and no password in a URL."""
    if not isinstance(value, str) or not value:
        return value
    if SECRET.search(setting.name):
        return "********"
    if "://" not in value:
        return value
    parts = urlsplit(value)
    user, at, host = parts.netloc.rpartition("@")
    name, colon, _ = user.partition(":")
    query = re.sub(r"(password=)[^&]*", r"\1********", parts.query)
    shown = urlunsplit(parts._replace(netloc=f"{name}{colon and ':********'}{at}{host}", query=query))
    return shown if parts.netloc else value


def _warnings(environ: Mapping[str, str], known: Sequence[str]) -> list[str]:
    """Variables that look as if they were meant for us, and are not read by anything."""
    names = [*(setting.variable for setting in available()), *known]
    return [
        f"{name} is set, but there is no such setting.{_meant(name, names)}"
        for name in sorted(environ)
        if name.startswith(PREFIX) and name not in names and not name.startswith(f"{PREFIX}TEST_")
    ]


def _unknown(name: str, value: Any, file_name: str) -> Wrong:
    near = _meant(name, [setting.name for setting in available()])
    return Wrong(f"{name} in {file_name}", repr(value)[:100], f"there is no such setting.{near}")


def _meant(name: str, names: Sequence[str]) -> str:
    from difflib import get_close_matches

    near = get_close_matches(name, names, 1)
    return f" Did you mean {near[0]}?" if near else ""


def _flat(values: Mapping[str, Any], prefix: str) -> dict[str, Any]:
    out: dict[str, Any] = {}
    for name, value in values.items():
        out |= _flat(value, f"{prefix}{name}.") if isinstance(value, Mapping) else {prefix + name: value}
    return out


def _nested(values: Mapping[str, Any]) -> dict[str, Any]:
    out: dict[str, Any] = {}
    for name, value in values.items():
        *above, last = name.split(".")
        inner = out
        for step in above:
            inner = inner.setdefault(step, {})
        inner[last] = value
    return out
