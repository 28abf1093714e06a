"""The options that several commands share; each is also an environment variable."""

from __future__ import annotations

from typing import Annotated

import typer

DEV_DATABASE = "sqlite:///.nostro/dev.db"
SERVE_DATABASE = "sqlite:///nostro.db"

Host = Annotated[str, typer.Option("--host", envvar="NOSTRO_HOST", help="Address to listen on.")]
Port = Annotated[
    int, typer.Option("--port", envvar="NOSTRO_PORT", min=0, max=65535, help="Port to listen on; 0 takes a free one.")
]
Database = Annotated[
    str,
    typer.Option(
        "--database",
        envvar="NOSTRO_DATABASE",
        metavar="URL",
        help="Where the data is: sqlite:///FILE or postgresql://HOST/NAME.",
    ),
]
AnyDatabase = Annotated[
    str | None,
    typer.Option(
        "--database", envvar="NOSTRO_DATABASE", metavar="URL",
        help="Where the data is: sqlite:///FILE or postgresql://HOST/NAME. "
        "Default: what `nostro dev` made here, else nostro.db.",
    ),
]  # fmt: skip
ApiBase = Annotated[
    str | None,
    typer.Option(
        "--api-base", envvar="NOSTRO_API_BASE", metavar="URL",
        help="The server. Default: the last `nostro dev` of this directory.",
    ),
]  # fmt: skip
ApiKey = Annotated[
    str | None,
    typer.Option(
        "--api-key", envvar="NOSTRO_API_KEY", metavar="KEY",
        help="A secret key. Default: the key that `nostro dev` printed here.",
    ),
]  # fmt: skip
Json = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]
