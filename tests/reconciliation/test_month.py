"""The benchmark of reconciliation, small: what it finds of the errors that were put in."""

from __future__ import annotations

from pathlib import Path

import pytest
from bench.bank_month import KINDS, LOST
from bench.reconcile import run, told

# What has lost its reference and has the price of many cannot be known.
LEAST = {LOST: (1.0, 0.5), "missing_in_ledger": (0.9, 1.0), "missing_in_bank": (0.9, 1.0)}


@pytest.mark.slow
def test_a_month_with_known_errors(tmp_path: Path) -> None:
    report = run(f"sqlite:///{tmp_path}/books.db", "SQLite", 8_000, 3, tmp_path)
    assert [one.kind for one in report.scores] == ["exact", *KINDS, LOST] and all(one.there for one in report.scores)
    for one in report.scores:
        precision, recall = LEAST.get(one.kind, (1.0, 1.0))
        assert one.precision >= precision and one.recall >= recall, told(report)
    assert report.lines > 8_000
