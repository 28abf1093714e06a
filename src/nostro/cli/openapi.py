"""`nostro openapi`: the OpenAPI document of the whole API, without a server."""

from __future__ import annotations

from pathlib import Path

import typer

from nostro.kernel.settings import Settings

from .show import as_json
from .trouble import Trouble


def openapi(
    output: Path | None = typer.Option(None, "--output", "-o", help="Write it to this file."),
    url: str = typer.Option(
        Settings().public_url, "--url", envvar="NOSTRO_PUBLIC_URL", help="Where your server is reached."
    ),
) -> None:
    """Print the OpenAPI 3.1 document, for generators of clients, mock servers and testers.

    A running server shows the same at /openapi.json.
    """
    import msgspec

    from nostro.api.openapi import document
    from nostro.app import RESOURCES

    made = document(RESOURCES, url)
    if output is None:
        as_json(made)
        return
    try:
        output.write_bytes(msgspec.json.format(msgspec.json.encode(made), indent=2) + b"\n")
    except OSError as error:
        raise Trouble(f"{output} cannot be written: {error.strerror}.") from None
    operations = sum(len(path) for path in made["paths"].values())
    typer.echo(f"Wrote {operations} operations to {output}.", err=True)
