"""The options that several commands share; each is also an environment variable."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

DEV_DATABASE = "sqlite:///.nostro/dev.db"
SERVE_DATABASE = "sqlite:///nostro.db"

Host = Annotated[str | None, typer.Option("--host", help="Address to listen on (NOSTRO_HOST). Default: 127.0.0.1")]
Port = Annotated[
    int | None,
    typer.Option(
        "--port", min=0, max=65535, help="Port to listen on; 0 takes a free one (NOSTRO_PORT). Default: 12111"
    ),
]
ServerDatabase = Annotated[
    str | None,
    typer.Option(
        "--database", metavar="URL",
        help="Where the data is: sqlite:///FILE or postgresql://HOST/NAME (NOSTRO_DATABASE).",
    ),
]  # fmt: skip
Config = Annotated[
    Path | None,
    typer.Option(
        "--config", envvar="NOSTRO_CONFIG", metavar="FILE",
        help="Settings in TOML. Default: nostro.toml in this directory, if it is there.",
    ),
]  # fmt: skip
Database = Annotated[
    str,
    typer.Option(
        "--database", envvar="NOSTRO_DATABASE", metavar="URL",
        help="Where the data is: sqlite:///FILE or postgresql://HOST/NAME. nostro.toml can name another default.",
    ),
]  # fmt: skip
AnyDatabase = Annotated[
    str | None,
    typer.Option(
        "--database", envvar="NOSTRO_DATABASE", metavar="URL",
        help="Where the data is: sqlite:///FILE or postgresql://HOST/NAME. "
        "Default: what nostro.toml says, else what `nostro dev` made here, else nostro.db.",
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
