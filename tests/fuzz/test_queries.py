"""The search language by its grammar: a sentence finds what a plain reading of the same objects finds; others get 400.

On SQLite, and with `--engine postgresql` on a real one.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any, NamedTuple
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fuzzing import TRIED, Running, cases

KEY = "sk_test_queries"
# What the customers have, and what is asked for: close to each other, so that something is found.
WORDS = ["jenny", "Jenny Rosen", "JENNY", "o'neil", 'say "hi"', "back\\slash", "100%", "a_b", "a!b", "É", "é", "null",
         "true", "1", "-1", "jen", "enn", "\U0001f600\U0001f600\U0001f600", "a  b", " lead", "AND", "-x",
         "x:y", "(x)", "%41"]  # fmt: skip
CUSTOMERS = [
    {"name": name, "email": f"{n}@shop{n % 3}.test", "phone": phone, "metadata": metadata}
    for n, (name, phone, metadata) in enumerate([
        *((word.strip() or "x", None, {"order": word}) for word in WORDS),
        (None, "+49 30 1", {}), (None, None, {"order.id": "7", "é": "é"}), ("Jenny", "100", {"order": "1", "a b": "c"}),
        ("jenny rosen", None, {"Order": "JENNY", "-": "x"}),
    ])
]  # fmt: skip
KEYS = ["order", "order.id", "Order", "é", "a b", "-", "nothing"]
TEXTS, NUMBERS = ["name", "email", "phone"], ["created"]


class Clause(NamedTuple):
    field: str
    key: str | None
    operator: str
    value: str | int | None
    negated: bool

    def text(self, mark: str) -> str:
        name = self.field if self.key is None else f"{self.field}[{mark}{_escaped(self.key, mark)}{mark}]"
        value = "null" if self.value is None else self.value
        shown = f"{mark}{_escaped(value, mark)}{mark}" if isinstance(value, str) and self.value is not None else value
        return f"{'-' if self.negated else ''}{name}{self.operator}{shown}"

    def matches(self, customer: dict[str, Any]) -> bool:
        """Read from the API's own answer, by the words of the documentation: nothing is shared with the product."""
        held = customer["metadata"].get(self.key) if self.key is not None else customer[self.field]
        return self._holds(held) is not self.negated

    def _holds(self, held: Any) -> bool:
        if self.value is None or held is None:
            return self.value is None and held is None
        if isinstance(held, int):
            assert isinstance(self.value, int)
            return {":": held == self.value, ">": held > self.value, ">=": held >= self.value,
                    "<": held < self.value, "<=": held <= self.value}[self.operator]  # fmt: skip
        held, value = _folded(held), _folded(str(self.value))
        return value in held if self.operator == "~" else value == held


def _folded(text: str) -> str:
    return "".join(letter.lower() if letter.isascii() else letter for letter in text)


def _escaped(text: str, mark: str) -> str:
    return text.replace("\\", "\\\\").replace(mark, "\\" + mark)


def clauses(now: int) -> st.SearchStrategy[Clause]:
    words, flag = st.sampled_from(WORDS), st.booleans()
    long = words.filter(lambda word: len(word) >= 3)
    moments = st.sampled_from([0, now - 1, now, now + 1, -5, 2**63 - 1, -(2**63)])
    field, key = st.sampled_from(TEXTS), st.sampled_from(KEYS)
    emails = st.sampled_from([str(customer["email"]) for customer in CUSTOMERS])
    return st.one_of(
        st.builds(Clause, field, st.none(), st.just(":"), st.one_of(words, emails, st.none()), flag),
        st.builds(Clause, field, st.none(), st.just("~"), st.one_of(long, st.just("shop1")), flag),
        st.builds(Clause, st.just("metadata"), key, st.just(":"), st.one_of(words, st.none()), flag),
        st.builds(Clause, st.just("created"), st.none(), st.sampled_from([":", ">", ">=", "<", "<="]), moments, flag),
    )


class Sentence(NamedTuple):
    clauses: list[Clause]
    join: str
    mark: str
    space: str

    def text(self) -> str:
        between = f"{self.space}{self.join}{self.space}" if self.join.strip() else self.space
        return between.join(clause.text(self.mark) for clause in self.clauses)

    def matches(self, customer: dict[str, Any]) -> bool:
        found = [clause.matches(customer) for clause in self.clauses]
        return any(found) if self.join.strip().upper() == "OR" else all(found)


@pytest.fixture(scope="module")
def shop(running: Running) -> list[dict[str, Any]]:
    for customer in CUSTOMERS:
        body = "&".join(
            f"{name}={quote(value)}"
            for name, value in [
                *((name, str(value)) for name, value in customer.items() if isinstance(value, str)),
                *((f"metadata[{quote(key)}]", text) for key, text in customer["metadata"].items()),
                # type: ignore[union-attr]
            ]
        )
        got = running.send("POST", "/v1/customers", body=body.encode(), key=KEY)
        assert got.status == 200, got
    return list(search(running, "created>=0")["data"])


def search(running: Running, query: str, status: int = 200) -> Any:
    got = running.send("GET", "/v1/customers/search", query=f"limit=100&query={quote(query)}".encode(), key=KEY)
    assert got.status == status, (query, got)
    return json.loads(got.body)


def test_a_sentence_finds_what_a_plain_reading_finds(running: Running, shop: list[dict[str, Any]]) -> None:
    assert len(shop) == len(CUSTOMERS)
    found = 0

    @given(
        st.builds(
            Sentence, st.lists(clauses(shop[0]["created"]), min_size=1, max_size=10),
            st.sampled_from(["AND", "OR", "and", "Or", " "]), st.sampled_from("\"'"),
            st.sampled_from([" ", "  ", "\n\t"]),
        )
    )  # fmt: skip
    @cases(250)
    def check(sentence: Sentence) -> None:
        nonlocal found
        TRIED["queries"] += 1
        wanted = [customer["id"] for customer in shop if sentence.matches(customer)]
        answered = [customer["id"] for customer in search(running, sentence.text())["data"]]
        assert answered == wanted, sentence.text()
        found += len(answered) not in (0, len(shop))

    check()
    assert found > 20, "the sentences are too wide or too narrow to tell anything"


PIECES = ["name", "metadata", "created", "[", "]", '"', "'", ":", "~", ">", "<", ">=", "-", " ", "AND", "OR", "null",
          "(", ")", "\\", "jenny", '"jenny"', "[\"order\"]", "1", "1.5", "99999999999999999999",
          "\n", "é", "\U0001f600",
          "=", "!", "%", "_", "'';--", '"' * 9, "name:", 'name:"x"', "$.", "\x1f",
          "colour"]  # fmt: skip
broken = st.lists(st.sampled_from(PIECES), max_size=14).map("".join)


def test_any_text_finds_something_or_is_refused(running: Running, shop: list[dict[str, Any]]) -> None:
    known = {customer["id"] for customer in shop}

    @given(st.one_of(broken, st.text(max_size=30)))
    @cases(250)
    def check(query: str) -> None:
        TRIED["queries"] += 1
        text = quote(query, errors="replace")
        got = running.send("GET", "/v1/customers/search", query=f"limit=100&query={text}".encode(), key=KEY)
        assert got.status in (200, 400), (query, got)
        wire = json.loads(got.body)
        if got.status == 400:
            assert "\0" in query or wire["error"]["param"] == "query", (query, wire)
        else:
            assert {customer["id"] for customer in wire["data"]} <= known

    check()


WORST: dict[str, Callable[[], str]] = {
    "quotes": lambda: '"' * 5000,
    "backslashes": lambda: 'name:"' + "\\" * 4990 + '"',
    "backslashes without end": lambda: 'name:"' + "\\" * 4990,
    "a name": lambda: "a" * 5000,
    "a name of dots": lambda: "a." * 2500,
    "dots": lambda: "a" + "." * 4999,
    "spaces": lambda: " " * 5000,
    "spaces between": lambda: 'name:"x"' + " " * 4980 + 'name:"y"',
    "ands": lambda: "AND " * 1250,
    "minus": lambda: "-" * 5000,
    "clauses": lambda: " AND ".join(['name:"x"'] * 400),
    "a long text": lambda: 'name~"' + "a" * 4990 + '"',
    "wildcards": lambda: 'name~"' + "%_" * 2490 + '"',
    "too long": lambda: 'name:"' + "a" * 900_000 + '"',
    "digits": lambda: "created>" + "9" * 4900,
}


@pytest.mark.parametrize("worst", WORST)
def test_the_worst_query_costs_little_time(running: Running, shop: list[dict[str, Any]], worst: str) -> None:
    body = f"query={quote(WORST[worst]())}".encode()
    started = time.process_time()
    got = running.send("GET", "/v1/customers/search", query=body, key=KEY)
    assert got.status in (200, 400), got
    assert time.process_time() - started < 1
