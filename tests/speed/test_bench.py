"""The benchmarks run, at a size that says nothing about speed, and their report has every section."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from bench.growth import grown
from bench.growth import results as keep
from bench.load import Measured
from bench.mix import mixed
from bench.page import write
from bench.report import Part, Results
from bench.run import Load, Row


@pytest.mark.slow
def test_growth_and_mix_are_measured_and_reported(tmp_path: Path) -> None:
    growth = grown(f"sqlite:///{tmp_path / 'growth.db'}", [600], tmp_path, times=1)
    assert [stage.failed for stage in growth.stages] == [{}]
    assert len(growth.stages[0].took) > 200 and growth.stages[0].objects >= 600
    report = mixed(f"sqlite:///{tmp_path / 'mix.db'}", tmp_path, 60, 2, 4, 300)
    assert report.mixed.errors == 0, report.mixed.first_error
    assert report.mixed.sent == 120 and {"read", "payment", "list", "all"} <= report.mixed.kinds.keys()
    docs = tmp_path / "docs"
    keep(docs, growth)
    (docs / "mix-sqlite.json").write_bytes(msgspec.json.encode(report))
    row = Row("nostro", "payments", Measured(1, 10, 0, 10, 1, 2, 3), 5)
    part = Part([row], 1, Load(), "a machine", {"Python": "3"}, 10, 6_000)
    write(Results({"payments": part, "ledger": part}), docs)
    page = (docs / "README.md").read_text()
    for name in ("throughput.svg", "transfers.svg", "growth-sqlite.svg", "mix-sqlite.svg"):
        assert f"({name})" in page and (docs / name).read_text().startswith("<?xml")
    assert "6,000 bytes a payment" in page and "| create payment |" in page
