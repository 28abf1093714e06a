"""Live through a marketplace's month, from the first seller to the closed books, and prove it.

    python tools/month.py                              1,000 sellers and 100,000 payments
    python tools/month.py --sellers 50 --payments 2000 a small one
    python tools/month.py --engine postgresql          on a PostgreSQL of its own

Sellers sell, buyers want money back, payouts go through bank files to a simulated bank that sends some of them back,
its statements are held against the books, and the month is closed. Some lines of the statements are spoiled on purpose:
exactly these must be left as breaks. Our auditor, beancount and hledger check the books. The report is one page.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from month.month import Result, live
from month.plan import Plan
from month.report import figures, page
from postgresql import cluster, database

console = Console()


def main() -> None:
    parser = argparse.ArgumentParser(prog="make month", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)  # fmt: skip
    parser.add_argument("--sellers", type=int, default=1_000)
    parser.add_argument("--payments", type=int, default=100_000)
    parser.add_argument("--breaks", type=int, default=12, help="lines of the bank's statements to spoil (12)")
    parser.add_argument("--engine", choices=("sqlite", "postgresql"), default="sqlite")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--report", type=Path, default=Path("month.html"), help="where the page goes (month.html)")
    parser.add_argument("--keep", type=Path, help="an empty directory for the database and the journals")
    options = parser.parse_args()
    plan = Plan(sellers=options.sellers, payments=options.payments, breaks=options.breaks, seed=options.seed)
    with tempfile.TemporaryDirectory(prefix="nostro-month-") as scratch:
        home = options.keep or Path(scratch)
        home.mkdir(parents=True, exist_ok=True)
        if options.engine == "sqlite":
            result = _lived(plan, home, None)
        else:
            with cluster() as server, database(server.url) as url:
                result = _lived(plan, home, url)
    options.report.write_text(page(result), encoding="utf-8")
    console.print(_table(result))
    console.print(f"The report: {options.report}")
    for problem in result.problems:
        console.print(f"[red]{problem}[/]")
    sys.exit(1 if result.problems else 0)


def _lived(plan: Plan, home: Path, url: str | None) -> Result:
    columns = (TextColumn("{task.description:>8}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as bars:
        tasks = {name: bars.add_task(name, total=None) for name in ("sellers", "days", "closing")}

        def tell(what: str, done: int, of: int) -> None:
            bars.update(tasks[what], completed=done, total=of)

        return asyncio.run(live(plan, home, tell, url))


def _table(result: Result) -> Table:
    table = Table(title=f"{result.plan.sellers:,} sellers, {result.plan.payments:,} payments", show_header=False)
    for name, value in figures(result):
        table.add_row(name, value)
    table.add_row("lines of statements", f"{result.lines:,}, of which {sum(result.matched.values()):,} matched")
    table.add_row("spoiled on purpose", f"{len(result.spoiled)}")
    table.add_row("balances compared", ", ".join(f"{name} {count:,}" for name, count in result.totals.items()))
    table.add_row("minutes", f"{sum(result.seconds.values()) / 60:.1f}")
    table.add_row("verdict", "[red]not proved[/]" if result.problems else "[green]every check holds[/]")
    return table


if __name__ == "__main__":
    main()
