"""The report's charts, as SVG without a background, in greys and colours that are readable on light and on dark."""

from __future__ import annotations

import statistics
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("svg")

from matplotlib import pyplot
from matplotlib.ticker import FuncFormatter

from .growth import Growth
from .mix import MixReport
from .report import Part

INK, FAINT = "#7a828b", "#7a828b40"
COLOURS = ("#3987e5", "#d95926", "#199e70", "#9085e9", "#c98500", "#d55181")
STYLE: dict[str, Any] = {
    "text.color": INK, "axes.labelcolor": INK, "axes.edgecolor": FAINT, "xtick.color": INK, "ytick.color": INK,
    "axes.spines.top": False, "axes.spines.right": False, "axes.grid": True, "grid.color": FAINT,
    "grid.linewidth": 0.6, "axes.axisbelow": True, "font.size": 11, "font.family": "sans-serif",
    "svg.fonttype": "none", "svg.hashsalt": "nostro", "axes.facecolor": "none", "legend.frameon": False,
    "lines.linewidth": 2,
}  # fmt: skip
# The lines of a growth chart: a name, and which of what was asked it is the slowest of.
GROUPS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("create a payment", ("create payment",)),
    ("get by id", ("get ",)),
    ("lists, by every filter", ("list /v1/",)),
    ("search by an index", ("search ",)),
    ("balance", ("balance",)),
    ("statement", ("statement",)),
)


def growth_chart(growth: Growth, file: Path) -> None:
    """The slowest median of each group at each size. Searches that no index leads are a line of their own."""
    sizes = [stage.objects for stage in growth.stages]
    with pyplot.rc_context(STYLE):
        figure, axes = pyplot.subplots(figsize=(9, 5), layout="constrained")
        lines = [
            (name, [name_ for name_ in growth.stages[-1].took if name_.startswith(starts)]) for name, starts in GROUPS
        ]
        for (name, every), colour in zip(lines, COLOURS, strict=True):
            chosen = [one for one in every if not by_hand(one)]
            axes.plot(sizes, _slowest(growth, chosen), "o-", label=name, color=colour, markersize=5)
        slow = [one for one in growth.stages[-1].took if one.startswith("search ") and by_hand(one)]
        axes.plot(sizes, _slowest(growth, slow), "o--", label="search without an index", color=INK, markersize=5)
        axes.set(xscale="log", yscale="log", xlabel="objects", ylabel="milliseconds")
        axes.xaxis.set_major_formatter(FuncFormatter(_count))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda y, _: f"{y:g}"))
        axes.set_title(f"Latency as the data grows, {growth.engine}: the slowest of each kind", loc="left")
        figure.legend(loc="outside lower center", ncols=4)
        _save(figure, file)


def by_hand(name: str) -> bool:
    """True of a search that is led by no index: its records are looked at one by one, within a limit of time."""
    led = ("email:", "name:", "phone:", "metadata", "customer:", "fingerprint:", "last4:", "disputed:", "refunded:")
    rare = ("status:rare", "status:nothing")
    return name.startswith("search ") and not any(word in name for word in (*led, *rare))


def _slowest(growth: Growth, names: list[str]) -> list[float]:
    return [
        max((stage.took[name][1] for name in names if name in stage.took), default=float("nan"))
        for stage in growth.stages
    ]


def mix_chart(report: MixReport, file: Path) -> None:
    """p50 and p99 of each second, and the server's memory below. Long runs are drawn in steps of a few seconds."""
    seconds = report.mixed.over_time
    step = max(1, len(seconds) // 150)
    parts = [seconds[start : start + step] for start in range(0, len(seconds), step)]
    at = [part[0].second for part in parts]
    with pyplot.rc_context(STYLE):
        figure, (above, below) = pyplot.subplots(
            2, 1, figsize=(9, 5.5), layout="constrained", sharex=True, height_ratios=(3, 1)
        )
        for name, colour in (("p99", COLOURS[1]), ("p50", COLOURS[0])):
            values = [statistics.median(getattr(second, name) for second in part) for part in parts]
            above.plot(at, values, label=name, color=colour)
        above.axhline(50, color=INK, linestyle=":", linewidth=1, label="the goal for p99")
        above.set_ylim(bottom=0)
        above.set_ylabel("milliseconds")
        figure.legend(loc="outside lower center", ncols=3)
        above.set_title(f"{report.mixed.rate:,.0f} mixed requests a second, {report.engine}", loc="left")
        below.plot([moment.second for moment in report.moments], [moment.memory / 2**20 for moment in report.moments],
                   color=COLOURS[2])  # fmt: skip
        below.set_ylim(bottom=0)
        below.set(xlabel="seconds", ylabel="server, MB")
        _save(figure, file)


def bars(title: str, groups: dict[str, dict[str, float]], file: Path) -> None:
    """A panel for each kind of work, a bar for each server, with the rate beside it."""
    servers = list(dict.fromkeys(name for rates in groups.values() for name in rates))
    with pyplot.rc_context({**STYLE, "axes.grid": False}):
        height = 1.0 + sum(0.45 * len(rates) + 0.55 for rates in groups.values())
        ratios = [len(rates) + 1 for rates in groups.values()]
        figure, every = pyplot.subplots(
            len(groups), 1, figsize=(9, height), layout="constrained", height_ratios=ratios, squeeze=False
        )
        for axes, (what, rates) in zip(every[:, 0], groups.items(), strict=True):
            names = list(rates)
            colours = [COLOURS[servers.index(name) % len(COLOURS)] for name in names]
            drawn = axes.barh(names, list(rates.values()), color=colours, height=0.65)
            axes.bar_label(drawn, [f" {rate:,.0f}" for rate in rates.values()], color=INK)
            axes.invert_yaxis()
            axes.set_title(what, loc="left", fontsize=11)
            axes.set_xticks([])
            axes.spines[:].set_visible(False)
            axes.tick_params(length=0)
            axes.margins(x=0.12)
        figure.suptitle(title, x=0.01, ha="left", fontsize=13)
        _save(figure, file)


def rates_of(parts: list[Part]) -> dict[str, dict[str, float]]:
    """A second, by work and server. What is only another form of the same work stands with it."""
    found: dict[str, dict[str, float]] = {}
    for part in parts:
        for row in part.rows:
            what, _, more = row.what.partition(", ")
            kind = row.what if what == "transfers" else what
            name = row.server if not more or what == "transfers" else f"{row.server}, {more}"
            found.setdefault(kind, {})[name] = row.measured.rate
    return found


def _count(number: float, _: int) -> str:
    for size, letter in ((1_000_000, "M"), (1_000, "k")):
        if number >= size:
            return f"{number / size:g}{letter}"
    return f"{number:g}"


def _save(figure: Any, file: Path) -> None:
    figure.savefig(file, transparent=True, metadata={"Date": None})
    pyplot.close(figure)
