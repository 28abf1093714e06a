"""`python -m bench.profile`: where the time of a payment and of a read goes, written to docs/performance/profile.md.

The server runs under a sampler (bench/sampler.py) while the load generator works; nothing else is changed.
"""

from __future__ import annotations

import argparse
import signal
import tempfile
from pathlib import Path

import msgspec

from .report import hardware
from .run import Load, Row, generate
from .sampler import Sampled
from .servers import ROOT, nostro

TOP = 25


def sample(seconds: float, paths: bool) -> tuple[Sampled, Row]:
    """Payments, or reads of payments made before. Only the measured part is sampled."""
    load = Load(seconds=seconds)
    with tempfile.TemporaryDirectory(prefix="nostro-profile-") as home:
        out = Path(home) / "samples.json"
        with nostro(Path(home) / "books.db", profile=out) as server:
            first = generate(server, "warm-up", Load(seconds=1, warm_up=0))
            server.process.send_signal(signal.SIGUSR1)
            ids = [f"/v1/payment_intents/{id}" for id in first.measured.ids] if paths else None
            row = generate(server, "reads by id" if paths else "payments", load, ids)
        return msgspec.json.decode(out.read_bytes(), type=Sampled), row


def _shares(sampled: Sampled) -> list[str]:
    lines = ["| share of the loop's time | spent on |", "|---:|---|"]
    for share, count in sorted(sampled.shares.items(), key=lambda item: -item[1]):
        lines.append(f"| {count / sampled.samples:.1%} | {share} |")
    return lines


def _functions(sampled: Sampled) -> list[str]:
    lines = ["| own time | function |", "|---:|---|"]
    for name, count in sorted(sampled.own.items(), key=lambda item: -item[1])[:TOP]:
        file, _, function = name.rpartition(" ")
        lines.append(f"| {count / sampled.samples:.1%} | `{function}` {file} |")
    return lines


def _section(title: str, sampled: Sampled, row: Row, seconds: float) -> list[str]:
    rate, cpu = row.measured.rate, row.cpu_micros
    lines = [f"## {title}", "", f"{rate:,.0f} a second under the sampler, {cpu:,.0f} µs of processor time each."]
    if sampled.commits:
        each, whole = sampled.commit_seconds / sampled.commits, seconds + Load().warm_up
        lines.append(
            f"The disk: {sampled.commits:,} commits of {sampled.units / sampled.commits:.1f} units, {each * 1000:.1f} "
            f"ms each, {sampled.commit_seconds / whole:.0%} of the time, in a thread beside the loop."
        )
    return [*lines, "", *_shares(sampled), "", *_functions(sampled), ""]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.profile", description=__doc__)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--print", action="store_true", help="show it, and write nothing")
    options = parser.parse_args()
    lines = [
        "# Where the time goes",
        "",
        "Written by `python -m bench.profile`: the event loop's thread, sampled a thousand times a second under the",
        f"load of `make bench`. {hardware()}.",
        "",
        *_section("A payment", *sample(options.seconds, paths=False), options.seconds),
        *_section("A read by id", *sample(options.seconds, paths=True), options.seconds),
    ]
    text = "\n".join(lines).rstrip() + "\n"
    if options.print:
        print(text)
        return
    directory = ROOT / "docs" / "performance"
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "profile.md").write_text(text)


if __name__ == "__main__":
    main()
