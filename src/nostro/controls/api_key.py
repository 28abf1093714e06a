"""API keys: who is calling, and in which sandbox.

In `nostro dev` every `sk_test_` key names a sandbox of its own, made at first use, and the `pk_test_` key
with the same ending belongs to it. Elsewhere only issued keys are accepted; they are kept as SHA-256.
"""

from __future__ import annotations

import hashlib
import re
from typing import Literal

import msgspec
from msgspec import Struct

from nostro.kernel.errors import ApiError, no_access
from nostro.kernel.ids import ALPHABET
from nostro.storage.scope import FIND_SCOPE, account_scope, load_scope, recall_scope
from nostro.storage.unit import NOBODY, Scope, Unit
from nostro.storage.world import World

Kind = Literal["secret", "publishable"]
PUT_SCOPE = (
    "INSERT INTO scope (scope,merchant,livemode,book,dev,created) VALUES (?,?,?,?,?,?) "
    "ON CONFLICT (merchant,livemode) DO NOTHING"
)
PUT_KEY = "INSERT INTO api_key (hash,scope,kind,hint,name,created) VALUES (?,?,?,?,?,?)"
SHARED_FOR = 60
_DEV_KEY = re.compile(r"^(sk|rk|pk)_test_[A-Za-z0-9_]{1,200}$")


class Caller(Struct, frozen=True):
    """A key that was accepted: its sandbox and whether it is the secret or the publishable one.

    `key` stands for it where it is counted, `hint` is what people may see of it.
    """

    scope: Scope
    kind: Kind
    key: str
    hint: str


class Keys:
    """Accepts keys; what was accepted is remembered for the life of the worker, `revoked` ones for a minute."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._known: dict[str, tuple[int, Kind, str, str]] = {}

    async def accept(self, key: str) -> Caller:
        """Raises a 401 `ApiError` for a key that is missing, malformed, unknown or revoked."""
        known = self._known.get(key)
        if known is None:
            known = self._known[key] = (*await self._look_up(key), digest(key)[:16], hint(key))
        number, kind, key_digest, shown = known
        return Caller(await recall_scope(self._world, number), kind, key_digest, shown)

    def forget(self) -> None:
        """Look every key up again: called each minute, so that a revoked key stops working."""
        self._known.clear()

    async def _look_up(self, key: str) -> tuple[int, Kind]:
        if shared := await self._shared(key):
            return shared
        found = await self._world.engine.rows("SELECT scope, kind, revoked FROM api_key WHERE hash=?", (digest(key),))
        if found and found[0][2] is None:
            await load_scope(self._world, found[0][0])
            await self._share(key, *found[0][:2])
            return found[0][0], found[0][1]
        if found or not self._world.settings.dev:
            raise unknown_key(key)
        if not _DEV_KEY.match(key):
            raise unknown_key(key, "In nostro dev, use any key that starts with sk_test_ (or its pk_test_).")
        scope = await sandbox(self._world, key.split("_", 2)[2])
        return scope.number, "publishable" if key.startswith("pk_") else "secret"

    async def _shared(self, key: str) -> tuple[int, Kind] | None:
        """What another worker has found out about the key within the last minute."""
        answers = await self._world.redis.ask(("GET", shared_name(digest(key)))) if self._world.redis else None
        if not answers or answers[0] is None:
            return None
        number, kind = answers[0].split()
        await load_scope(self._world, int(number))
        return int(number), kind

    async def _share(self, key: str, number: int, kind: Kind) -> None:
        if self._world.redis is not None:
            await self._world.redis.ask(("SET", shared_name(digest(key)), f"{number} {kind}", "EX", SHARED_FOR))


def shared_name(digest: str) -> str:
    """Where Redis has an accepted key."""
    return f"nostro:key:{digest}"


async def on_behalf(world: World, caller: Caller, account: str) -> Caller:
    """The caller as the account that the Stripe-Account header names: its own, or one of the platform's.

    Raises the 403 `account_invalid` for any other.
    """
    scope = await account_scope(world, caller.scope, account)
    if scope is None:
        raise no_access(account)
    return msgspec.structs.replace(caller, scope=scope)


async def still_connected(world: World, caller: Caller) -> None:
    """Raises the same if the account that the caller acts for was deleted since."""
    platform = await recall_scope(world, caller.scope.book)
    if await account_scope(world, platform, caller.scope.merchant) is None:
        raise no_access(caller.scope.merchant)


def digest(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


def hint(key: str) -> str:
    """What may be shown of a key: its kind and its last four characters."""
    prefix = key[:8] if key.startswith(("sk_", "pk_", "rk_")) else key[:3]
    return f"{prefix}{'*' * 8}{key[-4:]}"


def unknown_key(key: str, advice: str = "") -> ApiError:
    return ApiError(f"Invalid API Key provided: {hint(key)}. {advice}".strip(), status=401)


async def sandbox(world: World, name: str) -> Scope:
    """The dev sandbox of a key's ending, made if it is not there yet."""
    return await make_scope(world, sandbox_merchant(name), livemode=False, dev=True)


def sandbox_merchant(name: str) -> str:
    """The account id of the dev sandbox of a key's ending."""
    return "acct_" + _word(f"sandbox:{name}")


async def make_scope(world: World, merchant: str, *, livemode: bool, dev: bool) -> Scope:
    """The scope of a merchant in one mode, made with a book of its own if it is not there yet."""
    for _ in range(10):
        rows = await world.engine.rows(FIND_SCOPE + "merchant=? AND livemode=?", (merchant, int(livemode)))
        if rows:
            return await load_scope(world, rows[0][0])
        number = (await world.engine.rows("SELECT coalesce(max(scope),0)+1 FROM scope"))[0][0]
        micros = world.clock.micros()
        values = (number, merchant, int(livemode), number, int(dev), micros // 1_000_000)
        try:
            await world.engine.commit(Unit(scope=NOBODY, micros=micros, rows=[(PUT_SCOPE, values)]))
        except Exception:  # another sandbox took this number at the same moment
            continue
    raise AssertionError(f"no scope could be made for {merchant}")


async def issue(world: World, scope: Scope, kind: Kind, name: str) -> str:
    """A new key, shown this once; only its hash is kept."""
    prefix = {"secret": "sk", "publishable": "pk"}[kind]
    key = f"{prefix}_{'live' if scope.livemode else 'test'}_{world.ids.word(40)}"
    micros = world.clock.micros()
    values = (digest(key), scope.number, kind, hint(key), name, micros // 1_000_000)
    await world.engine.commit(Unit(scope=scope, micros=micros, rows=[(PUT_KEY, values)]))
    return key


def _word(text: str) -> str:
    """Sixteen stable base-62 characters of a text."""
    number = int.from_bytes(hashlib.sha256(text.encode()).digest()[:12])
    out = ""
    for _ in range(16):
        number, digit = divmod(number, 62)
        out += ALPHABET[digit]
    return out
