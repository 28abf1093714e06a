"""`dev` and `serve`: run the server. `migrate` and `reset`: prepare or delete what it stands on."""

from __future__ import annotations

import errno
import importlib.util
import os
import socket
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from nostro.kernel.configuration import Configured
from nostro.kernel.settings import Settings

from .config import DEV, SERVE, configured
from .options import DEV_DATABASE, SERVE_DATABASE, Config, Database, Host, Port, ServerDatabase
from .target import database_file, in_postgresql, shown, unopened
from .trouble import Trouble

if TYPE_CHECKING:
    from nostro.api.serve import Application

MARGIN = 10  # seconds beyond what a worker may take to stop


def dev(host: Host = None, port: Port = None, database: ServerDatabase = None, config: Config = None) -> None:
    """Run a server for development: any sk_test_ key is a sandbox of its own.

    Data stays in .nostro/ of this directory until `nostro reset`. Webhooks may go to your own machine.

    Example: nostro dev --port 4242
    """
    from .checkout import remember
    from .welcome import welcome

    found = configured(DEV, config, host=host, port=port, database=database)
    with _listening(found.settings.host, found.settings.port) as at:
        settings = _at(found, at)

        def ready() -> str:
            kept = remember(base_url(settings.host, at))
            return welcome(base_url(settings.host, at), kept.secret_key, kept.publishable_key, shown(settings.database))

        _run(settings, at, ready)


def serve(
    host: Host = None,
    port: Port = None,
    database: ServerDatabase = None,
    public_url: Annotated[
        str | None,
        typer.Option(metavar="URL", help="How others reach this server; used in links (NOSTRO_PUBLIC_URL)."),
    ] = None,
    private_webhooks: Annotated[
        bool | None,
        typer.Option(
            "--private-webhooks/--no-private-webhooks",
            help="Deliver webhooks to private addresses too (NOSTRO_PRIVATE_WEBHOOKS).",
        ),
    ] = None,
    workers: Annotated[
        int | None, typer.Option(min=1, max=256, help="Processes to run; only on PostgreSQL (NOSTRO_WORKERS).")
    ] = None,
    redis: Annotated[
        str | None,
        typer.Option(
            metavar="URL", help="Share limits and keys through Redis, not the database: redis://HOST/0 (NOSTRO_REDIS)."
        ),
    ] = None,
    config: Config = None,
) -> None:
    """Run the server. It accepts only keys that were issued by `nostro keys create`; live and test are apart.

    Example: nostro serve --host 0.0.0.0 --port 8080 --database postgresql://nostro@db/nostro --workers 4
    """
    found = configured(
        SERVE, config, host=host, port=port, database=database, public_url=public_url,
        private_webhooks=private_webhooks, workers=workers, redis=redis,
    )  # fmt: skip
    with _listening(found.settings.host, found.settings.port) as at:
        settings = _at(found, at)
        many = f", {settings.workers} workers" if settings.workers > 1 else ""
        data = f"(data: {shown(settings.database)}{many})"
        text = f"Nostro is ready at {base_url(settings.host, at)}   {data}\nIssue keys with: nostro keys create\n"
        if settings.workers == 1:
            _run(settings, at, lambda: text)
        else:
            _run_workers(settings.workers, settings, at, text)


def migrate(database: Database = SERVE_DATABASE) -> None:
    """Create the database, or bring it to this version. `dev` and `serve` do it by themselves, but for one thing:

    new indexes of large tables in PostgreSQL are built here, while other servers go on writing.

    Example: nostro migrate --database sqlite:///books.db
    """
    _migrate(database, build=True)
    typer.echo(f"{database if not in_postgresql(database) else shown(database)} is up to date.")


def _migrate(database: str, build: bool = False) -> None:
    import asyncio

    def told(index: str) -> None:
        typer.echo(f"Building {index} ...")

    from .database import opened

    async def open_and_close() -> None:
        async with opened(database, create=True) as world:
            if build:
                await world.engine.build_indexes(world.registry.resources, told)

    asyncio.run(open_and_close())


def reset(
    database: Database = DEV_DATABASE,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Delete the development database: every sandbox with all that is in it. The keys stay.

    Example: nostro reset --yes
    """
    from .lock import ServerLock

    file = database_file(database)
    if not file.exists():
        typer.echo(f"There is nothing at {file}.")
        return
    lock = ServerLock(file)
    lock.take()
    try:
        if not yes and not typer.confirm(f"Delete {file} and everything in it?"):
            typer.echo("Nothing was deleted.")
            return
        for part in ("", "-wal", "-shm"):
            Path(f"{file}{part}").unlink(missing_ok=True)
    finally:
        lock.release()
    typer.echo(f"Deleted {file}.")


def _at(found: Configured, at: socket.socket) -> Settings:
    """The settings with the port that was free; links lead there, unless it was said where."""
    settings = msgspec.structs.replace(found.settings, port=at.getsockname()[1])
    if "public_url" not in found.sources:
        settings = msgspec.structs.replace(settings, public_url=base_url(settings.host, at))
    if settings.otel_endpoint and importlib.util.find_spec("opentelemetry") is None:
        raise Trouble("NOSTRO_OTEL_ENDPOINT is set, but what sends traces is not installed.",
                      "Install it: pip install 'nostro[otel]'")  # fmt: skip
    if settings.redis and importlib.util.find_spec("redis") is None:
        raise Trouble("NOSTRO_REDIS is set, but what speaks to Redis is not installed.",
                      "Install it: pip install 'nostro[redis]', or unset it: the database does its work.")  # fmt: skip
    return settings


def base_url(host: str, at: socket.socket) -> str:
    shown = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)
    return f"http://{shown}:{at.getsockname()[1]}"


def _listening(host: str, port: int) -> socket.socket:
    at = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    at.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        at.bind((host, port))
        at.listen(2048)  # bound but not listening would let a second server bind beside it
    except OSError as error:
        at.close()
        if error.errno == errno.EADDRINUSE:
            raise Trouble(f"Port {port} is in use.", f"Take another: --port {port + 1}, or any free one: --port 0"
                          ) from None  # fmt: skip
        raise Trouble(f"Cannot listen on {host}:{port}: {error.strerror}.", "Try --host 127.0.0.1") from None
    return at


def _run(settings: Settings, at: socket.socket, ready: Callable[[], str]) -> None:
    from nostro.app import application

    from .lock import ServerLock

    lock = None if in_postgresql(settings.database) else ServerLock(database_file(settings.database))
    if lock is not None:
        lock.take()
    try:
        app = application(settings)
        _serve(app, settings, at, ready)
    finally:
        if lock is not None:
            lock.release()
    if app.failure is not None:
        raise unopened(settings.database, app.failure) from None


def _run_workers(count: int, settings: Settings, at: socket.socket, text: str) -> None:
    from .workers import Workers

    counts = tempfile.TemporaryDirectory(prefix="nostro-metrics-")
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = counts.name  # before the workers' meters are imported
    _migrate(settings.database)  # once, and its troubles are told once
    _forget_gauges(os.getpid())

    def work(ready: Callable[[], None]) -> None:
        from nostro.app import application

        def answers() -> str:
            ready()
            return ""

        app = application(settings)
        _serve(app, settings, at, answers, quiet=True)
        if app.failure is not None:
            raise app.failure

    patience = settings.drain_seconds + 2 * settings.stop_seconds + MARGIN
    with counts:
        # Our copy of the port closes first: with the last worker's, nobody can wait at it for an answer.
        Workers(count, work, patience, buried=_forget_gauges, last_call=at.close).run(lambda: typer.echo(text))


def _forget_gauges(worker: int) -> None:
    from prometheus_client.multiprocess import mark_process_dead

    mark_process_dead(worker)  # type: ignore[no-untyped-call]


def _serve(
    app: Application, settings: Settings, at: socket.socket, ready: Callable[[], str], quiet: bool = False
) -> None:
    import logging
    import signal

    from nostro.api.listener import Listener
    from nostro.api.log_lines import set_up

    set_up(settings.log)
    logging.getLogger("uvicorn.error").addFilter(lambda record: "startup failed" not in record.getMessage())
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # both end it the same way, all put away
    try:
        Listener(app, settings, lambda: typer.echo(ready(), nl=not quiet)).run(sockets=[at])
    except KeyboardInterrupt:
        if not quiet:
            typer.echo("Stopped.")
    except SystemExit:
        if app.failure is None:
            raise
