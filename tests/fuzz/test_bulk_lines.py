"""Bulk bodies, NDJSON and CSV, right and broken: one result for each line, or one refusal for all; never a 500."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fuzzing import TRIED, Running, cases

KEY = "sk_test_bulk"
NDJSON, CSV = "application/x-ndjson", "text/csv"
PATH = "/v1/ledger/entries/bulk"
POSTINGS = [
    {"account": "app:a", "amount": 5, "direction": "debit"}, {"account": "app:b", "amount": 5, "direction": "credit"},
]  # fmt: skip
RIGHT = json.dumps({"currency": "usd", "postings": POSTINGS})
odd = st.sampled_from(
    [
        "",
        "x",
        "\0",
        "a\0b",
        "é",
        "\ud800",
        0,
        -1,
        1.5,
        1e300,
        2**63,
        10**40,
        True,
        None,
        [],
        {},
        [[]],
        {"a": {}},
        "usd",
        "null",
        "1e3",
        "app:a",
        [{}],
        [None],
        "a" * 6000,
        {"a" * 50: "b"},
        {"a\0": "b"},
        {"k": "\0"},
        "2026-01-01",
    ]
)
FIELDS = ["currency", "postings", "reference", "metadata", "kind", "description", "effective_at", "dry_run", "exchange",
          "colour",
          "rate", "source"]  # fmt: skip
strange = st.dictionaries(st.sampled_from(FIELDS), odd, max_size=4).map(
    lambda fields: json.dumps({"currency": "usd", "postings": POSTINGS, **fields})
)
posting = st.fixed_dictionaries(
    {}, optional=dict.fromkeys(["account", "amount", "direction", "currency", "extra"], odd)
)
posted = st.lists(posting, max_size=3).map(lambda postings: json.dumps({"currency": "usd", "postings": postings}))
json_line = st.one_of(
    st.just(RIGHT),
    strange,
    posted,
    st.text(max_size=20).map(lambda text: text.replace("\n", " ")),
    st.sampled_from(
        ["[" * 9000, '{"a":' * 3000, "{}", "[]", "1", "null", '"x"', "{", "NaN", '{"a":1,"a":2}', "\ufeff" + RIGHT, " "]
    ),
)
cell = st.sampled_from(["app:a", "app:b", "5", "usd", "", " ", '"', '""', '"a', "a,b", "\0", "é", "-1", "1.5", "9" * 30,
                        "1e3", "x" * 3000, "null", "'", "=1+1", "\r", "\u2028"])  # fmt: skip
HEADS = [
    "debit,credit,amount,currency,reference", "debit,credit,amount",
    "debit,credit,amount,currency,metadata.a,metadata.a",
    "debit,credit,amount,currency,metadata.", "debit,debit,credit,amount", "", ",,,", "colour",
    '"debit","credit","amount","currency"',
    "\ufeffdebit,credit,amount,currency", "debit,credit,amount,currency,metadata.\0", "debit;credit;amount",
]  # fmt: skip


@pytest.fixture(scope="module")
def books(running: Running) -> Running:
    for code in ("app:a", "app:b"):
        form = f"code={code}&currency=usd&normal_balance=debit".encode()
        got = running.send("POST", "/v1/ledger/accounts", body=form, key=KEY)
        assert got.status == 200 or b"ledger_account_exists" in got.body, got  # made before for another part of these
    return running


def bulk(running: Running, body: bytes, kind: str, query: bytes = b"") -> list[dict[str, Any]] | None:
    """The result of each line; None if all were refused together."""
    TRIED["bulks"] += 1
    got = running.send("POST", PATH, query=query, headers={"content-type": kind}, body=body, key=KEY)
    assert got.status in (200, 400), (body, got)
    if got.status == 400:
        assert json.loads(got.body)["error"]["message"]
        return None
    return [json.loads(line) for line in got.body.splitlines()]


@given(st.lists(json_line, max_size=6), st.booleans())
@cases(100)
def test_lines_of_json(books: Running, lines: list[str], atomic: bool) -> None:
    body = "\n".join(lines).encode(errors="replace")
    results = bulk(books, body, NDJSON, b"atomic=true" if atomic else b"")
    asked = [number for number, line in enumerate(body.decode().split("\n"), 1) if line.strip()]
    if results is None:
        assert atomic or not asked or b"\0" in body, body  # a NUL says that it is no text at all
    else:
        assert [result["line"] for result in results] == asked, body
        right = [number for number, line in enumerate(lines, 1) if line == RIGHT]
        assert {result["line"] for result in results if result["status"] == "created"} >= {*right}, body


@given(st.sampled_from(HEADS), st.lists(st.lists(cell, max_size=6).map(",".join), max_size=5),
       st.sampled_from(["\n", "\r\n", "\r"]))  # fmt: skip
@cases(100)
def test_lines_of_csv(books: Running, head: str, rows: list[str], end: str) -> None:
    results = bulk(books, end.join([head, *rows]).encode(), CSV)
    if results is not None:
        assert 0 < len(results) <= len(rows) + sum(row.count("\r") for row in rows)


@given(st.binary(max_size=60), st.sampled_from([NDJSON, CSV, "text/csv; charset=utf-16", "APPLICATION/X-NDJSON"]))
@cases(60)
def test_bytes(books: Running, body: bytes, kind: str) -> None:
    bulk(books, body, kind)


WORST: dict[str, tuple[str, Callable[[], bytes]]] = {
    "line feeds": (NDJSON, lambda: b"\n" * 15_000_000),
    "too many lines": (NDJSON, lambda: b"{}\n" * 5_000_000),
    "open brackets": (NDJSON, lambda: b"[" * 15_000_000),
    "one long text": (NDJSON, lambda: b'{"currency":"' + b"x" * 15_000_000 + b'"}'),
    "a number of a megabyte": (NDJSON, lambda: b'{"effective_at":' + b"9" * 1_000_000 + b"}"),
    "many fields": (NDJSON, lambda: b"{" + b",".join(b'"a%d":1' % n for n in range(300_000)) + b"}"),
    "commas": (CSV, lambda: b"debit,credit,amount\n" + b"," * 15_000_000),
    "columns": (CSV, lambda: b"debit,credit,amount" + b",metadata.a" * 1_000_000),
    "unknown columns": (CSV, lambda: b",".join(b"c%d" % n for n in range(1_000_000))),
    "an open quote": (CSV, lambda: b'debit,credit,amount\n"' + b"x\n" * 7_000_000),
    "too many rows": (CSV, lambda: b"debit,credit,amount\n" + b"a,b,1\n" * 2_500_000),
}


@pytest.mark.parametrize("worst", WORST)
def test_the_worst_body_is_refused_in_little_time(books: Running, worst: str) -> None:
    kind, made = WORST[worst]
    body = made()
    started = time.process_time()
    results = bulk(books, body, kind)
    took = time.process_time() - started
    assert not results or {result["status"] for result in results} == {"refused"}
    assert took < 3, f"{took:.1f} s"
