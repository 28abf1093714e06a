"""Report: the month on one page, with pictures."""

from __future__ import annotations

import html
import io
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from nostro.kernel.money import exponent

from .month import Result

STYLE = """
body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:60rem;padding:0 1rem;color:#1a1f36;background:#fff}
h1{font-size:1.5rem;margin:0 0 .25rem}h2{font-size:1.05rem;margin:1.75rem 0 .5rem}p{margin:.25rem 0}
.good{color:#0a7d33}.bad{color:#b3261e}
.figures{display:grid;grid-template-columns:repeat(auto-fit,minmax(9rem,1fr));gap:1rem}
.figures div{border-top:2px solid #635bff;padding-top:.4rem}.figures b{display:block;font-size:1.3rem}
table{border-collapse:collapse;width:100%}td,th{text-align:left;padding:.25rem .5rem;border-bottom:1px solid #e3e8ee}
td.n,th.n{text-align:right;font-variant-numeric:tabular-nums}svg{width:100%;height:auto}
"""


def page(result: Result) -> str:
    counts, plan = result.counts, result.plan
    good = not result.problems
    verdict = "Every check holds." if good else f"{len(result.problems)} checks do not hold."
    return f"""<!doctype html><html lang="en"><meta charset="utf-8"><title>A marketplace's month</title>
<meta name="viewport" content="width=device-width"><style>{STYLE}</style>
<h1>A marketplace's month</h1>
<p>{plan.sellers:,} sellers, {plan.payments:,} payments, seed {plan.seed}.
<b class="{"good" if good else "bad"}">{verdict}</b></p>
{"".join(f'<p class="bad">{html.escape(one)}</p>' for one in result.problems[:20])}
<div class="figures">{"".join(f"<div><b>{value}</b>{name}</div>" for name, value in figures(result))}</div>
{_chart(result)}
<h2>Reconciled</h2>
<p>{result.lines:,} lines of the bank's statements, {sum(result.matched.values()):,} matched to the books. {
        len(result.spoiled)
    }
were spoiled on purpose; the breaks that are open are these:</p>
{
        _table(
            ("reason", "amount", "day"),
            ((b["reason"].replace("_", " "), text(b["amount"], b["currency"]), b["opened_on"]) for b in result.breaks),
        )
    }
<h2>Proved</h2>
<p>Closed on {html.escape(str(result.closed["day"]["date"]))}: bank {
        text(result.closed["day"]["closing_balance"], "usd")
    },
ledger {text(result.closed["day"]["ledger_balance"], "usd")}. The month's figures: SHA-256
<code>{html.escape(str((result.closed["period"].get("figures") or {}).get("hash", "none")))[:16]}…</code>.
Balances compared to the cent: {", ".join(f"{name} {count}" for name, count in result.totals.items())}.</p>
<h2>Time</h2>
{_table(("work", "seconds"), ((name, f"{seconds:,.1f}") for name, seconds in result.seconds.items()))}
<p>{result.bytes / 1e6:,.0f} MB of database, {result.memory / 1e6:,.0f} MB of memory. {
        counts.get("refunds", 0):,} refunds,
{counts.get("disputes", 0):,} disputes, {counts.get("declined", 0):,} declined cards.</p></html>
"""


def text(amount: int, currency: str) -> str:
    """`1,234.50 usd`."""
    places = exponent(currency)
    return f"{Decimal(amount).scaleb(-places):,.{places}f} {currency}"


def figures(result: Result) -> list[tuple[str, str]]:
    """What the month came to, by name."""
    counts = result.counts
    return [
        ("sold", text(counts.get("sold", 0), "usd")), ("refunded", text(counts.get("refunded", 0), "usd")),
        ("paid out by the bank", text(counts.get("paid_out", 0), "usd")), ("bank files", f"{counts.get('files', 0):,}"),
        ("sent back by banks", f"{counts.get('returned', 0):,}"), ("open breaks", f"{len(result.breaks):,}"),
    ]  # fmt: skip


def _table(head: tuple[str, ...], rows: Iterable[tuple[Any, ...]]) -> str:
    def row(tag: str, cells: tuple[Any, ...]) -> str:
        first, *rest = cells
        return f"<tr><{tag}>{html.escape(str(first))}</{tag}>" + "".join(
            f'<{tag} class="n">{html.escape(str(cell))}</{tag}>' for cell in rest) + "</tr>"  # fmt: skip

    return f"<table>{row('th', head)}{''.join(row('td', one) for one in rows)}</table>"


def _chart(result: Result) -> str:
    """Sold and paid out day by day, in major units."""
    import matplotlib as mpl

    mpl.use("svg")
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(figsize=(9, 2.8), layout="constrained")
    days = range(1, len(result.days) + 1)
    for name, colour, label in (("sold", "#635bff", "sold"), ("paid_out", "#0a7d33", "paid out")):
        axes.plot(days, [day[name] / 100 for day in result.days], color=colour, label=label, marker=".")
    axes.set_xlabel("day")
    axes.set_ylabel("usd")
    axes.yaxis.set_major_formatter(mpl.ticker.StrMethodFormatter("{x:,.0f}"))
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False)
    out = io.StringIO()
    figure.savefig(out, format="svg", metadata={"Date": None})
    plt.close(figure)
    return out.getvalue().partition("<svg")[2].join(("<svg", ""))
