"""`nostro rates`: the platform's table of exchange rates, fed from files, through a running server."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from nostro.kernel.clock import midnight, utc_text

from . import show
from .client import Client, Refusal
from .options import ApiBase, ApiKey, Json
from .progress import Counting
from .trouble import Trouble

HELP = """Feed and show the exchange rates at which money is converted.

\b
  nostro rates import eurofxref-daily.xml
  nostro rates import rates.csv --base usd
  nostro rates list
"""
app = typer.Typer(no_args_is_help=True, help=HELP)


@app.command("import")
def import_(
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE...", exists=True, dir_okay=False, help="CSV, or the ECB's daily XML.")
    ],
    base: Annotated[
        str | None, typer.Option(metavar="CURRENCY", help="What the rates of a CSV are against, if it does not say.")
    ] = None,
    provider: Annotated[str | None, typer.Option(metavar="NAME", help="Where they are from; quotes show it.")] = None,
    api_base: ApiBase = None, api_key: ApiKey = None, json: Json = False,
) -> None:  # fmt: skip
    """Take the rates of files into the table, one file after another: all of a file, or nothing of it.

    A CSV has a header with currency and rate, and perhaps base and date:

    \b
      base,currency,rate,date
      usd,eur,0.9214,2026-11-20
      usd,gbp,0.7893,2026-11-20

    The daily reference rates of the European Central Bank are taken as they are published, eurofxref-daily.xml. Rates
    against another base than the table's begin a new table.
    """
    from nostro.networks.file_error import FileError
    from nostro.networks.rates import read

    client = Client(api_base, api_key)
    made: list[dict[str, Any]] = []
    with Counting(json) as tell:
        for n, file in enumerate(files, 1):
            try:
                found = read(file.read_bytes(), base and base.lower())
            except FileError as error:
                raise Trouble(
                    f"{file.name} was not taken: {error}.", "Correct the file; nothing of it was kept."
                ) from None
            form: dict[str, Any] = {
                "rates": {currency: f"{rate:f}" for currency, rate in found.rates.items()},
                "provider": provider or found.provider,
                "as_of": midnight(found.day) if found.day else None,
            }
            _asked(client, "post", f"/v1/exchange_rates/{found.base}", form)
            day = found.day and found.day.isoformat()
            made.append({"file": file.name, "base": found.base, "rates": len(found.rates), "day": day,
                         "passed_over": list(found.passed_over)})  # fmt: skip
            tell("rates", n, len(files))
    if json:
        return show.as_json(made)
    for one in made:
        unknown = f"; not known here: {', '.join(one['passed_over'])}" if one["passed_over"] else ""
        of = f" of {one['day']}" if one["day"] else ""
        typer.echo(f"{one['file']}: {one['rates']} rates for one {one['base']}{of}{unknown}")
    return None


@app.command("list")
def list_(api_base: ApiBase = None, api_key: ApiKey = None, json: Json = False) -> None:
    """The table: units of each currency for one of its base, of which day, and which are too old to convert at."""
    found = _asked(Client(api_base, api_key), "get", "/v1/fx_table", None)
    if json:
        return show.as_json(found)
    typer.echo(f"For one {found['base']}, from {found['provider']}:")
    rows = [
        (one, f"{rate:.12g}", _of(found["times"].get(one, 0)), "stale" if one in found["stale"] else "")
        for one, rate in sorted(found["rates"].items())
    ]
    return show.as_table(("currency", "rate>", "as of", ""), rows)


def _of(moment: int) -> str:
    return utc_text(moment) if moment else "no day"


def _asked(client: Client, method: str, path: str, form: dict[str, Any] | None) -> Any:
    try:
        return client.get(path) if method == "get" else client.post(path, form)
    except Refusal as refused:
        raise Trouble(str(refused), "See `nostro rates --help`.") from None
