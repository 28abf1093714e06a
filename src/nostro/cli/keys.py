"""`nostro keys`: issue the keys that `nostro serve` accepts. They are stored hashed and shown once."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated

import typer

from . import show
from .options import SERVE_DATABASE, Database, Json
from .trouble import Trouble

if TYPE_CHECKING:
    from nostro.controls.issued_key import IssuedKey
    from nostro.storage.world import World

app = typer.Typer(no_args_is_help=True, help="Issue, list, revoke and roll the keys that `nostro serve` accepts.")
Word = Annotated[str, typer.Argument(metavar="KEY", help="The key, what `keys list` shows of it, or its end.")]


@app.command()
def create(
    live: Annotated[bool, typer.Option("--live", help="Keys for live mode; without it, for test mode.")] = False,
    merchant: Annotated[
        str | None, typer.Option(metavar="ACCT", help="Whose keys. Default: the only merchant, made if there is none.")
    ] = None,
    name: Annotated[str, typer.Option(help="What the keys are for; shown in the list.")] = "",
    database: Database = SERVE_DATABASE,
    json: Json = False,
) -> None:
    """Issue a secret and a publishable key. Keep the secret one safe: it is shown this once.

    Example: nostro keys create --live --name "web shop"
    """

    async def run() -> dict[str, str]:
        from nostro.controls.api_key import issue, make_scope

        from .database import opened

        async with opened(database, create=True) as world:
            scope = await make_scope(world, await _merchant(world, merchant), livemode=live, dev=False)
            return {
                "merchant": scope.merchant,
                "mode": "live" if live else "test",
                "secret_key": await issue(world, scope, "secret", name),
                "publishable_key": await issue(world, scope, "publishable", name),
            }

    made = asyncio.run(run())
    if json:
        show.as_json(made)
        return
    typer.echo(f"merchant         {made['merchant']} ({made['mode']} mode)")
    typer.echo(f"secret key       {made['secret_key']}   (shown this once)")
    typer.echo(f"publishable key  {made['publishable_key']}")


@app.command("list")
def list_(database: Database = SERVE_DATABASE, json: Json = False) -> None:
    """List the issued keys, as much of each as may be shown."""

    async def run() -> list[IssuedKey]:
        from nostro.controls.issued_key import issued

        from .database import opened

        async with opened(database) as world:
            return await issued(world)

    keys = asyncio.run(run())
    if json:
        show.as_json([{name: getattr(key, name) for name in key.__struct_fields__ if name != "hash"} for key in keys])
        return
    show.as_table(
        ("key", "kind", "mode", "merchant", "name", "created", "revoked"),
        [
            (k.hint, k.kind, "live" if k.livemode else "test", k.merchant, k.name, show.moment(k.created * 1_000_000),
             show.moment(k.revoked * 1_000_000) if k.revoked else "")
            for k in keys
        ],
    )  # fmt: skip


@app.command()
def revoke(key: Word, database: Database = SERVE_DATABASE) -> None:
    """Stop accepting a key. A running server notices within a minute."""

    async def run() -> str:
        from nostro.controls.issued_key import revoke

        from .database import opened

        async with opened(database) as world:
            found = await _one(world, key)
            await revoke(world, found)
            return found.hint

    typer.echo(f"Revoked {asyncio.run(run())}.")


@app.command()
def roll(key: Word, database: Database = SERVE_DATABASE, json: Json = False) -> None:
    """Issue a new key in place of an old one, which is revoked."""

    async def run() -> tuple[str, str]:
        from nostro.controls.issued_key import roll

        from .database import opened

        async with opened(database) as world:
            found = await _one(world, key)
            return found.hint, await roll(world, found)

    old, new = asyncio.run(run())
    if json:
        show.as_json({"revoked": old, "key": new})
        return
    typer.echo(f"Revoked {old}. The new key, shown this once:\n{new}")


async def _merchant(world: World, given: str | None) -> str:
    from nostro.controls.issued_key import merchants

    if given is not None:
        if not given.startswith("acct_") or not given[5:].isalnum():
            raise Trouble(f"{given!r} is no account id.", "It has the form acct_ and letters or digits: acct_shop1")
        return given
    known = await merchants(world)
    if len(known) > 1:
        raise Trouble("There are several merchants here.", "Say whose keys: --merchant " + " | ".join(known))
    return known[0] if known else "acct_" + world.ids.word(16)


async def _one(world: World, word: str) -> IssuedKey:
    from nostro.controls.issued_key import named

    found = [key for key in await named(world, word) if key.revoked is None]
    if len(found) != 1:
        what = "No key" if not found else "More than one key"
        raise Trouble(f"{what} in use is called {word!r}.", "See `nostro keys list`, and give more of the key.")
    return found[0]
