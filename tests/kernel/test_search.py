"""The search language: what it takes, what it refuses, and that SQL and Python answer alike."""

import contextlib
import json
import sqlite3
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nostro.kernel.search import (
    MAX_CLAUSES,
    Clause,
    Query,
    SearchError,
    SearchField,
    json_path,
    matches,
    parse,
    sql,
)

FIELDS = {
    "email": SearchField("email", "string"),
    "name": SearchField("shipping.name", "string"),
    "status": SearchField("status", "token"),
    "currency": SearchField("currency", "token"),
    "active": SearchField("active", "bool"),
    "refunded": SearchField("refunded", "bool"),
    "payment_method_details.card.last4": SearchField("payment_method_details.card.last4", "token"),
    "payment_method_details.card.exp_year": SearchField("payment_method_details.card.exp_year", "token"),
    "amount": SearchField("amount", "number"),
    "created": SearchField("created", "number"),
}

CHARGE: dict[str, Any] = {
    "email": "Amy@RocketRides.io",
    "shipping": {"name": '5" nails'},
    "status": "succeeded",
    "currency": "usd",
    "active": True,
    "amount": 1000,
    "created": 1_700_000_000,
    "payment_method_details": {"card": {"last4": "4242", "exp_year": 2030}},
    "metadata": {"order.id": "6735", "flag": "1"},
}


def column(field: SearchField) -> str:
    return "json_extract(body, '{}')".format(json_path(field).replace("'", "''"))


def ask(query: Query, record: dict[str, Any]) -> bool:
    """The answer of SQLite, and that it is Python's too."""
    where, values = sql(query, column)
    base = sqlite3.connect(":memory:")
    base.execute("CREATE TABLE t (body TEXT)")
    base.execute("INSERT INTO t VALUES (?)", [json.dumps(record, ensure_ascii=False)])
    found = base.execute(f"SELECT count(*) FROM t WHERE {where}", values).fetchone()[0] == 1
    base.close()
    assert found is matches(query, record), (query, where, values)
    return found


@pytest.mark.parametrize(
    "query",
    [
        'email:"amy@rocketrides.io"',
        "email:'AMY@ROCKETRIDES.IO'",
        'email~"rocket"',
        '-email~"%ock"',
        'name:"5\\" nails"',
        "name:'5\" nails'",
        'currency:"USD"',
        'active:"true"',
        '-active:"false"',
        'refunded:"false"',
        '-refunded:"true"',
        'payment_method_details.card.last4:"4242"',
        "payment_method_details.card.last4:4242",
        'payment_method_details.card.exp_year:"2030"',
        "amount:1000",
        'amount>"999"',
        "amount>=1000 amount<=1000",
        "created<1700000001",
        '-amount>1000 and -currency:"eur"',
        'currency:"eur" or currency:"usd"',
        'metadata["order.id"]:"6735"',
        "metadata['order.id']:'6735'",
        '-metadata["order.id"]:null',
        'metadata["order_id"]:NULL',
        '-metadata["order_id"]:"x"',
        '-metadata["flag"]:"true"',
        '  status:"succeeded"\n',
    ],
)
def test_finds(query: str) -> None:
    assert ask(parse(query, FIELDS), CHARGE)


@pytest.mark.parametrize(
    "query",
    [
        'email:"amy"',
        'email~"r_cket"',
        "email:null",
        "amount<1000",
        'refunded:"true"',
        '-refunded:"false"',
        '-currency:"usd"',
        "created:null",
        'status:"null"',
        'metadata["flag"]:"true"',
        'currency:"eur" OR amount>1000',
        'currency:"usd" amount>1000',
    ],
)
def test_finds_not(query: str) -> None:
    assert not ask(parse(query, FIELDS), CHARGE)


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("", "it is empty"),
        ("asdf", "`asdf` is not a clause"),
        ('status:"a" AND', "missing at the end"),
        ('AND status:"a"', "is not a clause"),
        ('(status:"a")', "parentheses"),
        ('status:"a" OR amount:1 AND amount:2', "not with both"),
        ('status:"a" OR amount:1 amount:2', "not with both"),
        ("status:open", 'needs quotation marks: status:"open"'),
        ('status:"open', "is not a clause"),
        ('status:"a""b"', "is not a clause"),
        ('foo:"bar"', "Field `foo` is an unsupported search field for resource `charges`"),
        ('email["x"]:"bar"', "unsupported search field"),
        ('email~"ab"', "at least 3"),
        ('status~"succ"', "not substring search"),
        ("email>5", "not a number"),
        ('amount~"1000"', "does not support substring"),
        ('amount:"ten"', "not a valid whole number"),
        ("amount>10.5", "not a valid whole number"),
        ("amount>9223372036854775808", "not a valid whole number"),
        ("amount>null", "only be searched with `:`"),
        ('metadata:"x"', "names its key"),
        ('metadata[""]:"x"', "names its key"),
        ('metadata["a\\"b"]:"x"', "cannot be searched"),
        (" ".join(["amount>1"] * (MAX_CLAUSES + 1)), "at most 10 clauses"),
        ('email:"' + "a" * 5_000 + '"', "too long"),
        ('email:"\0"', "NUL"),
    ],
)
def test_refuses(query: str, says: str) -> None:
    with pytest.raises(SearchError, match=says.replace("[", r"\[")):
        parse(query, FIELDS, resource="charges")


def test_a_query_is_a_plain_value() -> None:
    email = Clause(FIELDS["email"], "~", "amy", negated=True)
    amount = Clause(FIELDS["amount"], ">=", 5)
    assert parse('-email~"amy" OR amount>=5', FIELDS) == Query((email, amount), "OR")
    assert len(parse(" ".join(["amount>1"] * MAX_CLAUSES), FIELDS).clauses) == MAX_CLAUSES


def test_the_callers_text_never_enters_the_sql() -> None:
    where, values = sql(parse("""email:"'; DROP TABLE t; --" name~"100%_!" """, FIELDS), lambda field: field.path)
    assert where == "(LOWER(email) = ? AND LOWER(shipping.name) LIKE ? ESCAPE '!')"
    assert values == ["'; drop table t; --", "%100!%!_!!%"]


def test_a_quote_in_a_metadata_key() -> None:
    query = parse("""metadata["it's"]:"x" """, FIELDS)
    assert ask(query, {"metadata": {"it's": "x"}})
    assert not ask(query, {"metadata": {"its": "x"}})


# SQLite's LIKE reads U+FFFE and U+FFFF as U+FFFD; no JSON of ours holds a NUL or half a pair.
TEXTS = st.one_of(
    st.text("abAB%_!\\'\"é", max_size=6),
    st.sampled_from(["true", "FALSE", "1", "0", "null", "usd"]),
    st.text(st.characters(exclude_categories=["Cs", "Cn"], exclude_characters="\0"), max_size=6),
)
NUMBERS = st.integers(-(2**63), 2**63 - 1) | st.integers(-3, 3)
KEYS = st.text(st.characters(exclude_categories=["C"], exclude_characters='"\\[]'), min_size=1, max_size=5)


@st.composite
def clauses(draw: st.DrawFn, keys: list[str]) -> Clause:
    name = draw(st.sampled_from([*FIELDS, "metadata"]))
    field = FIELDS[name] if name in FIELDS else SearchField("metadata", "token", draw(st.sampled_from(keys)))
    negated = draw(st.booleans())
    if draw(st.integers(0, 4)) == 0:
        return Clause(field, ":", None, negated)
    if field.kind == "number":
        return Clause(field, draw(st.sampled_from([":", ">", ">=", "<", "<="])), draw(NUMBERS), negated)
    if field.kind == "string" and draw(st.booleans()):
        return Clause(field, "~", draw(TEXTS.filter(lambda text: len(text) > 2)), negated)
    return Clause(field, ":", draw(TEXTS), negated)


def spell(query: Query) -> str:
    return f" {query.conjunction} ".join([_spell(clause) for clause in query.clauses])


def _quote(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _spell(clause: Clause) -> str:
    names = {field.path: name for name, field in FIELDS.items()}
    name = f"metadata[{_quote(clause.field.key)}]" if clause.field.key else names[clause.field.path]
    value = "null" if clause.value is None else _quote(str(clause.value))
    return f"{'-' if clause.negated else ''}{name}{clause.operator}{value}"


@st.composite
def cases(draw: st.DrawFn) -> tuple[Query, dict[str, Any]]:
    keys = draw(st.lists(KEYS, min_size=1, max_size=3, unique=True))
    text, number = st.none() | TEXTS, st.none() | NUMBERS
    card = st.fixed_dictionaries({}, optional={"last4": text, "exp_year": number})
    record: dict[str, Any] = draw(
        st.fixed_dictionaries(
            {},
            optional={
                "email": text,
                "shipping": text | st.fixed_dictionaries({}, optional={"name": text}) | st.just([]),
                "status": text,
                "currency": text,
                "active": st.none() | st.booleans() | st.integers(0, 1),
                "amount": number,
                "created": number,
                "payment_method_details": st.none() | st.fixed_dictionaries({}, optional={"card": card}),
                "metadata": st.dictionaries(st.sampled_from(keys), TEXTS),
            },
        )
    )
    some = draw(st.lists(clauses(keys), min_size=1, max_size=4))
    return Query(tuple(some), draw(st.sampled_from(["AND", "OR"])) if len(some) > 1 else "AND"), record


@settings(max_examples=500)
@given(cases())
def test_sql_and_python_agree(case: tuple[Query, dict[str, Any]]) -> None:
    ask(*case)


@given(cases())
def test_what_is_written_is_parsed(case: tuple[Query, dict[str, Any]]) -> None:
    assert parse(spell(case[0]), FIELDS) == case[0]


@given(st.text(max_size=80) | st.text("ab:\"'\\-~<>=[]() .ANDORnul1", max_size=40))
def test_any_text_is_a_query_or_a_search_error(text: str) -> None:
    with contextlib.suppress(SearchError):
        parse(text, FIELDS)
