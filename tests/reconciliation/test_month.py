"""The benchmark of reconciliation, small: what it finds of the errors that were put in."""

from __future__ import annotations

from pathlib import Path

import pytest
from bench.bank_month import KINDS
from bench.reconcile import run, told

LEAST = {"mangled": (0.98, 0.85), "missing_in_ledger": (0.85, 0.99), "missing_in_bank": (0.85, 0.99)}


@pytest.mark.slow
def test_a_month_with_known_errors(tmp_path: Path) -> None:
    report = run(f"sqlite:///{tmp_path}/books.db", "SQLite", 8_000, 3, tmp_path)
    assert [one.kind for one in report.scores] == ["exact", *KINDS] and all(one.there for one in report.scores)
    for one in report.scores:
        precision, recall = LEAST.get(one.kind, (1.0, 1.0))
        assert one.precision >= precision and one.recall >= recall, told(report)
    assert report.lines > 8_000
