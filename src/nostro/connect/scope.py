"""Which scope an account of the platform is, and how a new one comes to be.

A connected account is a merchant with a scope of its own in the platform's book: what it owns is apart from all
others by construction, and money can move between it and the platform in one entry.
"""

from __future__ import annotations

from nostro.kernel.errors import invalid, no_access
from nostro.storage.scope import recall_account, recall_scope
from nostro.storage.tx import Tx
from nostro.storage.unit import Scope

OPEN = (
    "INSERT INTO scope (scope,merchant,livemode,book,clock_offset,dev,created) VALUES (?,?,?,?,?,?,?) "
    "ON CONFLICT (scope) DO NOTHING"
)
CONNECT = "INSERT INTO connected (platform,account,scope) VALUES (?,?,?)"
DISCONNECT = "DELETE FROM connected WHERE platform=? AND account=?"


async def enter(tx: Tx, account: str) -> None:
    """Go on as this account: the caller's own, or one of its platform's. Raises the 403 `account_invalid`."""
    scope = await recall_account(tx, account)
    if scope is None:
        raise no_access(account)
    if scope.number != tx.scope.number:
        tx.enter(scope)


async def platform_of(tx: Tx) -> Tx:
    """The unit's part in the platform's scope."""
    return tx.beside(await recall_scope(tx.world, tx.scope.book))


async def part_of(tx: Tx, account: str) -> Tx | None:
    """The unit's part in the scope of one of the caller's connected accounts; None if it is not one."""
    scope = await recall_account(tx, account)
    return None if scope is None or not scope.connected else tx.beside(scope)


async def still_of(tx: Tx, account: str) -> Tx:
    """The same for an account that took part in something before. Raises a 400 if it was deleted since."""
    part = await part_of(tx, account)
    if part is None:
        raise invalid(f"The account {account} was deleted: what it received cannot be taken back.",
                      code="account_closed")  # fmt: skip
    return part


async def reach(tx: Tx, account: str | None) -> Tx | None:
    """Where an object is that another account's names: with `account`, or, if that is None, with the platform."""
    if account is None:
        return await platform_of(tx) if tx.scope.connected else None
    return await part_of(tx, account)


async def enter_new(tx: Tx) -> None:
    """Go on as an account that this unit opens. Two workers may want the same number: the second runs again."""
    platform, id = tx.scope, tx.new_id("acct")
    last = (await tx.world.engine.rows("SELECT coalesce(max(scope),0) FROM scope"))[0][0]
    number = tx.world.last_scope = max(last, tx.world.last_scope) + 1
    scope = Scope(number, id, platform.livemode, platform.book, platform.offset, platform.dev)
    created = tx.unit.micros // 1_000_000
    tx.enter(scope)
    tx.claim(OPEN, (number, id, int(platform.livemode), platform.book, platform.offset, int(platform.dev), created))
    tx.write_row(CONNECT, (platform.number, id, number))


def leave(tx: Tx) -> None:
    """The platform's keys have no access from now on."""
    tx.write_row(DISCONNECT, (tx.scope.book, tx.merchant))
    tx.unit.renewed.add(tx.scope.book)
