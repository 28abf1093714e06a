"""What is sent to PostgreSQL is written down, reviewed, and of the kind that distributed databases take as well."""

from pathlib import Path

import pytest

from portable import RULES, broken, statements

LISTED = Path(__file__).with_name("statements.txt").read_text().splitlines()


def test_each_statement_is_in_the_list() -> None:
    assert statements() == LISTED, "review the change, then: python tools/statements.py"


@pytest.mark.parametrize("statement", LISTED)
def test_each_statement_keeps_the_rules(statement: str) -> None:
    assert broken(statement) == []


@pytest.mark.parametrize("statement", [
    "SELECT pg_advisory_lock(1)", "LISTEN jobs", "CREATE TEMP TABLE t (x BIGINT)", "SELECT x FROM t FOR UPDATE",
    "WITH gone AS (DELETE FROM t RETURNING x) SELECT x FROM gone", "SELECT body @> '{}' FROM t", "LOCK TABLE t",
    "BEGIN ISOLATION LEVEL SERIALIZABLE", "INSERT INTO t (x) VALUES (1) ON CONFLICT DO NOTHING",
])  # fmt: skip
def test_the_rules_can_be_broken(statement: str) -> None:
    assert broken(statement)


def test_every_exception_is_used() -> None:
    unused = [start for rule in RULES for start in rule.allowed if not any(one.startswith(start) for one in LISTED)]
    assert unused == []
