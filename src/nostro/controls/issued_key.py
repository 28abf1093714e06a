"""The keys that were issued: list, revoke and roll them. A key itself is shown once, when it is made."""

from __future__ import annotations

from msgspec import Struct

from nostro.kernel.clock import SECOND
from nostro.storage.scope import load_scope
from nostro.storage.unit import Unit
from nostro.storage.world import World

from .api_key import Kind, digest, issue, shared_name

COLUMNS = "SELECT k.hash, k.scope, s.merchant, s.livemode, k.kind, k.hint, k.name, k.created, k.revoked"
REVOKE = "UPDATE api_key SET revoked=? WHERE hash=? AND revoked IS NULL"


class IssuedKey(Struct, frozen=True, kw_only=True):
    """`hint` is what may be shown; `created` and `revoked` are seconds since 1970."""

    hash: str
    scope: int
    merchant: str
    livemode: bool
    kind: Kind
    hint: str
    name: str
    created: int
    revoked: int | None


async def issued(world: World, merchant: str | None = None) -> list[IssuedKey]:
    """Every issued key, the oldest first."""
    rows = await world.engine.rows(
        f"{COLUMNS} FROM api_key k JOIN scope s ON s.scope=k.scope ORDER BY k.created, s.livemode, k.kind DESC"
    )
    keys = [
        IssuedKey(hash=row[0], scope=row[1], merchant=row[2], livemode=bool(row[3]), kind=row[4], hint=row[5],
                  name=row[6], created=row[7], revoked=row[8])
        for row in rows
    ]  # fmt: skip
    return [key for key in keys if merchant is None or key.merchant == merchant]


async def named(world: World, word: str) -> list[IssuedKey]:
    """The keys that a person means: the key itself, its hint, or its last characters (four or more)."""
    ending = word.rpartition("*")[2]
    return [
        key
        for key in await issued(world)
        if key.hash == digest(word) or key.hint == word or (len(ending) >= 4 and key.hint.endswith(ending))
    ]


async def merchants(world: World) -> list[str]:
    """The merchants that are no sandbox of `nostro dev`."""
    rows = await world.engine.rows("SELECT DISTINCT merchant FROM scope WHERE dev=0 ORDER BY merchant")
    return [merchant for (merchant,) in rows]


async def revoke(world: World, key: IssuedKey) -> None:
    """Stop accepting a key. A server at work notices within a minute."""
    scope = await load_scope(world, key.scope)
    micros = world.clock.micros()
    await world.engine.commit(Unit(scope=scope, micros=micros, rows=[(REVOKE, (micros // SECOND, key.hash))]))
    if world.redis is not None:
        await world.redis.ask(("DEL", shared_name(key.hash)))


async def roll(world: World, key: IssuedKey) -> str:
    """A new key in place of an old one, which is revoked."""
    fresh = await issue(world, await load_scope(world, key.scope), key.kind, key.name)
    await revoke(world, key)
    return fresh
