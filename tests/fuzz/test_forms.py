"""Forms by their grammar, and broken on purpose: the decoder answers a form or says what is wrong, in linear time.

What it answers is what a second, simple reading of the same grammar finds.
"""

from __future__ import annotations

import time
import tracemalloc
from typing import Any
from urllib.parse import quote, unquote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fuzzing import TRIED, Running, cases
from nostro.kernel.form import FormError, decode

LEAVES = (str, type(None))
word = st.sampled_from(["a", "b", "metadata", "items", "é", "a b", "\U0001f600", "_", "0x", "A"])
number = st.sampled_from(["0", "1", "2", "7", "999", "1000"])
text = st.text(max_size=12).filter(lambda value: "\0" not in value and value.isprintable())
name = st.tuples(word, st.lists(st.one_of(word, number, st.just("")), max_size=5))
pairs = st.lists(st.tuples(name, text), max_size=12)
# What stands where it should not.
BROKEN = [
    b"[",
    b"]",
    b"[]",
    b"=",
    b"&",
    b"&&",
    b"%",
    b"%0",
    b"%zz",
    b"%00",
    b"%ff",
    b"%ed%a0%80",
    b"\xff",
    b"\0",
    b"a[b",
    b"a]b",
    b"a[b]c=1",
    b"a[[b]]=1",
    b"[a]=1",
    b"a[]=1&a[b]=2",
    b"a=1&a[b]=2",
    b"a[b]=1&a=2",
    b"a[99999999999]=1",
    b"a[-1]=1",
    b"a[1e9]=1",
    b"a[" + b"9" * 5000 + b"]=1",
    b"a" + b"[b]" * 50 + b"=1",
    b"a" + b"[]" * 50 + b"=1",
    b"k" * 9000 + b"=1",
    b"a[%5B]=1",
    b"a%5Bb%5D=1",
    b"a%5bb=1",
    b"+=+",
    b"%2B=%26",
    b";",
    b"a=1;b=2",
    b"\r\n",
    b"a[\xc3\xa9]=1",
    "a[\u0663]=1".encode(),
    b"__proto__[x]=1",
    b"metadata[0]=1&metadata[]=2",
    b"expand[]=a&expand[0]=b",
]


def written(fields: list[tuple[tuple[str, list[str]], str]]) -> bytes:
    """A form as clients write it, its brackets sometimes escaped."""
    out = []
    for n, ((head, parts), value) in enumerate(fields):
        mark = ("[", "]") if n % 2 else ("%5B", "%5D")
        inside = "".join(f"{mark[0]}{quote(part)}{mark[1]}" for part in parts)
        out.append(f"{quote(head)}{inside}={quote(value)}")
    return "&".join(out).encode()


def shape_problems(form: Any, where: str = "form") -> list[str]:
    """A decoded form is mappings of texts, lists, texts and None; nothing of the decoder's own shows."""
    if type(form) is dict:
        return [found for key, value in form.items() for found in _inside(key, value, where)]
    if type(form) is list:
        return [found for value in form for found in shape_problems(value, f"{where}[]")]
    return [] if type(form) in LEAVES else [f"{where} is a {type(form).__name__}"]


def _inside(key: Any, value: Any, where: str) -> list[str]:
    wrong = [] if type(key) is str else [f"{where} has the key {key!r}"]
    return wrong + shape_problems(value, f"{where}[{key}]")


def leaves(form: Any) -> list[str]:
    if isinstance(form, dict):
        return [leaf for value in form.values() for leaf in leaves(value)]
    if isinstance(form, list):
        return [leaf for value in form for leaf in leaves(value)]
    return [form or ""]


def read(body: bytes) -> dict[str, Any] | FormError:
    try:
        return decode(body)
    except FormError as error:
        return error


@given(pairs)
@cases(300)
def test_a_form_of_the_grammar(fields: list[tuple[tuple[str, list[str]], str]]) -> None:
    """A single parameter comes back at its place; of several none is lost but to one of the same name."""
    TRIED["forms"] += 1
    body = written(fields)
    form = read(body)
    if isinstance(form, FormError):
        assert "two different shapes" in str(form), (body, form)
        return
    assert shape_problems(form) == [], body
    distinct = {
        unquote_plus(pair.partition("=")[0]): value for pair, (_, value) in zip(_split(body), fields, strict=True)
    }
    if all("[]" not in name for name in distinct):
        assert sorted(leaves(form)) == sorted(distinct.values()), body


def _split(body: bytes) -> list[str]:
    return body.decode().split("&") if body else []


@given(st.lists(st.one_of(st.sampled_from(BROKEN), st.builds(written, pairs), st.binary(max_size=20)), max_size=8))
@cases(500)
def test_a_broken_form_is_refused_or_read(pieces: list[bytes]) -> None:
    TRIED["forms"] += 1
    for body in (b"&".join(pieces), b"".join(pieces)):
        form = read(body)
        if isinstance(form, FormError):
            assert str(form) and len(form.param or "") <= 200, body
        else:
            assert shape_problems(form) == [], body


@given(st.lists(st.sampled_from(BROKEN), min_size=1, max_size=4), st.sampled_from(["query", "body"]))
@cases(80)
def test_the_api_refuses_broken_forms(running: Running, pieces: list[bytes], place: str) -> None:
    body = b"&".join(pieces)
    if place == "query":
        got = running.send("GET", "/v1/customers", query=body)
    else:
        got = running.send("POST", "/v1/customers", body=body)
    assert got.status in (200, 400), (body, got)


MEGABYTE = 1_000_000
WORST = {
    "10,000 parameters": b"&".join(b"a%d=1" % n for n in range(10_000)),
    "10,000 of one list": b"&".join([b"a[]=1"] * 10_000),
    "a thousand lists in lists": b"&".join(b"a[%d][][]=1" % n for n in range(1000)),
    "a thousand deep places": b"&".join(b"a[%d][999][999][999][999][999][999][999][999]=1" % n for n in range(1000)),
    "nesting in one name": b"a" + b"[b]" * 333_000 + b"=1",
    "lists in one name": b"a" + b"[]" * 499_000 + b"=1",
    "brackets open": b"[" * MEGABYTE,
    "a name of a megabyte": b"a" * MEGABYTE,
    "an index of a megabyte": b"a[" + b"9" * 999_000 + b"]=1",
    "only percent": b"%" * MEGABYTE,
    "all percent": b"a=" + b"%41" * 333_000,
    "a name all percent": b"%41" * 333_000 + b"=1",
    "only ampersands": b"&" * MEGABYTE,
    "only pluses": b"a=" + b"+" * 999_000,
    "a thousand long names": b"&".join(b"%d%s[b]=1" % (n, b"k" * 990) for n in range(1000)),
    "a thousand keys that end alike": b"&".join(b"metadata[%s%d]=1" % (b"k" * 980, n) for n in range(1000)),
}


@pytest.mark.parametrize("worst", WORST)
def test_the_worst_megabyte_costs_little_time_and_memory(worst: str) -> None:
    body = WORST[worst]
    tracemalloc.start()
    started = time.process_time()
    read(body)
    took, most = time.process_time() - started, tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert took < 3, f"{took:.1f} s"  # traced memory makes it many times slower than it is
    assert most < 100 * MEGABYTE, f"{most:,} bytes"


@pytest.mark.parametrize("worst", WORST)
def test_the_api_survives_the_worst_megabyte(running: Running, worst: str) -> None:
    started = time.process_time()
    got = running.send("POST", "/v1/customers", body=WORST[worst])
    assert got.status == 400, got
    assert time.process_time() - started < 2
