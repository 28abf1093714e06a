"""Which SQL the PostgreSQL engine may send, as data: what PostgreSQL-compatible distributed databases take as well.

None of these databases runs in the tests. A rule says what their documentation says; `allowed` are the statements
(by their beginning) that need the thing all the same, with the reason in docs/operations/distributed-databases.md.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

SOURCE = Path(__file__).resolve().parents[1] / "src" / "nostro"
# SQLite's own, and what copies whole databases: that reads the catalog and COPY, which each database has its way of.
ANOTHER_ENGINE = {"sqlite.py", "sqlite_accounts.py", "sqlite_copy.py", "postgres_copy.py", "backup.py", "schema.py"}
# What names an index for EXPLAIN, or stands in a comment, is no statement.
BEGINNINGS = re.compile(r"(SELECT|INSERT INTO|UPDATE|DELETE FROM|WITH|CREATE|DROP|ALTER|SET|BEGIN|COMMIT|ROLLBACK)\b")
VERBS = re.compile(r"(SELECT \S|INSERT INTO \S|UPDATE \S+( \w)? SET|DELETE FROM|WITH (RECURSIVE )?\w+ (\(\w+\) )?AS|"
                   r"CREATE (TABLE|INDEX|UNIQUE)|DROP |ALTER |SET \S+( TO|=)|BEGIN|COMMIT|ROLLBACK)")  # fmt: skip


class Rule(NamedTuple):
    name: str
    forbidden: str
    why: str
    allowed: tuple[str, ...] = ()


# Writes that are counted in the same statement, and undo everything if they are not as many as they must be.
GUARDED = ("WITH claimed AS (", "WITH moved AS (")
RULES = (
    Rule("no advisory locks", r"pg_(try_)?advisory", "CockroachDB has stubs, YugabyteDB only lately"),
    Rule("no LISTEN or NOTIFY", r"\b(UN)?LISTEN\b|\bNOTIFY\b", "neither CockroachDB nor YugabyteDB has it"),
    Rule("no triggers", r"\bTRIGGER\b", "new in CockroachDB, none on Citus' distributed tables"),
    Rule("no functions of our own", r"\bCREATE (OR REPLACE )?(FUNCTION|PROCEDURE)\b|\bDO \$|\bCALL ", "they differ"),
    Rule("no temporary tables", r"\bTEMP(ORARY)?\b", "experimental in CockroachDB"),
    Rule("no sequences", r"\b(BIG)?SERIAL\b|\bnextval\b|\bGENERATED\b", "not gapless; CockroachDB's are random"),
    Rule("no foreign keys", r"\bREFERENCES\b|\bFOREIGN KEY\b", "Citus: only along the distribution key"),
    Rule("no COPY, cursors or savepoints", r"\bCOPY\b|\bDECLARE\b|\bFETCH\b|\bSAVEPOINT\b", "each differs somewhere"),
    Rule("no table locks", r"\bLOCK TABLE\b|\bFOR (NO KEY|KEY|SHARE)\b", "CockroachDB has no LOCK TABLE"),
    Rule("rows are locked one by one, by their key", r"FOR UPDATE", "Citus: in one shard only",
         ("SELECT one FROM commit_order WHERE one=1", "SELECT version FROM nostro_schema WHERE one=1")),
    Rule("a WITH that writes only makes a claim or moves balances", r"\bWITH\b.*\b(UPDATE|DELETE|INSERT)\b",
         "Citus reads its rows back to the coordinator first", GUARDED),
    Rule("RETURNING only where what was written is counted", r"\bRETURNING\b", "decision 0004", GUARDED),
    Rule("no window functions or recursion", r"\bOVER ?\(|\bRECURSIVE\b|\bLATERAL\b", "Citus: within one shard",
         ("UPDATE ledger_entry SET latest", "WITH RECURSIVE found", "WITH RECURSIVE waiting", "WITH RECURSIVE below")),
    Rule("no JSON operators but -> and ->>", r"@>|<@|\?[|&]|#>|jsonb_|json_(?!extract)", "decision 0004"),
    Rule("no date functions", r"\bnow\(\)|CURRENT_TIMESTAMP|date_trunc|clock_timestamp", "decision 0004",
         ("DELETE FROM committer", "SELECT extract(epoch FROM clock_timestamp())")),
    Rule("no MERGE or UPSERT, ON CONFLICT names columns", r"\bMERGE\b|\bUPSERT\b|ON CONFLICT (DO|ON)", "they differ"),
    Rule("no isolation level but READ COMMITTED", r"ISOLATION LEVEL (?!READ COMMITTED)", "the lock row needs no more"),
    Rule("no kinds of index or tablespaces", r"\bUSING (gin|gist|brin|hash)\b|\bTABLESPACE\b|\bINCLUDE\b", "differs"),
)  # fmt: skip


def broken(statement: str) -> list[str]:
    """The names of the rules that it breaks."""
    return [
        rule.name for rule in RULES
        if re.search(rule.forbidden, _unquoted(statement), re.IGNORECASE | re.DOTALL)
        and not statement.startswith(rule.allowed)
    ]  # fmt: skip


def statements() -> list[str]:
    """Every statement that stands in the source, and in the migrations: `{}` is what is filled in."""
    found = {normal(one) for file in sorted(SOURCE.rglob("*.py")) if file.name not in ANOTHER_ENGINE
             for one in _in(ast.parse(file.read_text()))}  # fmt: skip
    for script in (SOURCE / "storage" / "migrations").glob("*.sql"):
        found |= {normal(one) for one in re.sub(r"--[^\n]*", "", script.read_text()).split(";")}
    return sorted(one for one in found if VERBS.match(one))


def normal(statement: str) -> str:
    return " ".join(statement.split())


def _in(tree: ast.AST) -> Iterator[str]:
    """Whole texts only: what is put together is read together."""
    text = _text(tree)
    if text is None:
        for child in ast.iter_child_nodes(tree):
            yield from _in(child)
    elif BEGINNINGS.match(text.lstrip()) and "\\" not in text:
        yield text


def _text(node: ast.AST) -> str | None:
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else None
    if isinstance(node, ast.JoinedStr):
        return "".join(str(part.value) if isinstance(part, ast.Constant) else "{}" for part in node.values)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        left, right = _text(node.left), _text(node.right)
        return None if left is None else left + ("{}" if right is None else right)
    return None


def _unquoted(statement: str) -> str:
    return re.sub(r"'[^']*'", "''", statement)
