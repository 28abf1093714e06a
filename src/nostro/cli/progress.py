"""How far long work has come, on a terminal: one bar a step, how many a second, and how long it still takes."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any


class Counting:
    """`tell(what, done, total)`. Shows nothing if it is told to be quiet, or if nobody looks."""

    def __init__(self, quiet: bool) -> None:
        self._quiet = quiet
        self._bar: Any = None

    def __enter__(self) -> Callable[[str, int, int], None]:
        if self._quiet or not sys.stderr.isatty():
            return lambda what, done, total: None
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

        self._bar = Progress(
            TextColumn("{task.description}"), BarColumn(), TextColumn("{task.completed:,.0f} of {task.total:,.0f}"),
            TextColumn("{task.fields[rate]}"), TimeRemainingColumn(elapsed_when_finished=True),
            console=Console(stderr=True), transient=True,
        )  # fmt: skip
        self._bar.start()
        tasks: dict[str, Any] = {}

        def tell(what: str, done: int, total: int) -> None:
            if what not in tasks:
                tasks[what] = self._bar.add_task(what, total=total, rate="")
            speed = self._bar.tasks[tasks[what]].speed
            self._bar.update(tasks[what], completed=done, rate=f"{speed:,.0f}/s" if speed else "")

        return tell

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.stop()
