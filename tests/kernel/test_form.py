"""Form bodies: Rack's brackets, strict; only FormError for any bytes; the official SDK's own output."""

import datetime
import tracemalloc
from typing import Any
from urllib.parse import urlencode

import pytest
import stripe._encode as sdk
from hypothesis import example, given
from hypothesis import strategies as st

from nostro.kernel.form import MAX_DEPTH, MAX_INDEX, MAX_PAIRS, FormError, decode, encode


@pytest.mark.parametrize(
    ("body", "form"),
    [
        (b"", {}),
        (b"&a=1&&", {"a": "1"}),
        (b"a=1&a=2", {"a": "2"}),
        (b"a=b=c", {"a": "b=c"}),
        (b"a", {"a": None}),
        (b"a=", {"a": None}),
        (b"a+b=c+d", {"a b": "c d"}),
        (b"a=%2B%26%3d%C3%A9", {"a": "+&=é"}),
        ("a=é%C3%A9".encode(), {"a": "éé"}),
        (b"a[b]=c&a[d]=e", {"a": {"b": "c", "d": "e"}}),
        (b"a[b][c][d]=e", {"a": {"b": {"c": {"d": "e"}}}}),
        (b"a%5Bb%5D=c", {"a": {"b": "c"}}),
        (b"a[b c]=1&a[b+c]=2", {"a": {"b c": "2"}}),
        (b"a[]=x&a[]=y", {"a": ["x", "y"]}),
        (b"a[]=", {"a": [None]}),
        (b"a[1]=y&a[0]=x", {"a": ["x", "y"]}),
        (b"a[7]=y&a[03]=x&a[3]=z", {"a": ["z", "y"]}),
        (b"a[0][b]=1&a[1][b]=2&a[0][c]=3", {"a": [{"b": "1", "c": "3"}, {"b": "2"}]}),
        (b"a[1][0]=z&a[0][1]=y&a[0][0]=x", {"a": [["x", "y"], ["z"]]}),
        (b"a[][b]=1&a[][c]=2&a[][b]=3", {"a": [{"b": "1", "c": "2"}, {"b": "3"}]}),
        (b"a[][b][c]=1&a[][b][d]=2&a[][b][c]=3", {"a": [{"b": {"c": "1", "d": "2"}}, {"b": {"c": "3"}}]}),
        (b"a[][b][]=1&a[][b][]=2", {"a": [{"b": ["1", "2"]}]}),
        (b"a[][b][0]=1&a[][b][0]=2", {"a": [{"b": ["1"]}, {"b": ["2"]}]}),
        (b"a[][0]=1&a[][1]=2&a[][0]=3", {"a": [["1", "2"], ["3"]]}),
        (b"metadata[6735]=x&metadata[k]=", {"metadata": {"6735": "x", "k": None}}),
        (b"a[metadata][0]=x", {"a": {"metadata": {"0": "x"}}}),
        (b"metadata=", {"metadata": None}),
    ],
)
def test_decode(body: bytes, form: dict[str, Any]) -> None:
    assert decode(body) == form


@pytest.mark.parametrize(
    ("body", "param"),
    [
        (b"a=1&a[b]=2", "a[b]"),
        (b"a[b]=1&a=2", "a"),
        (b"a=&a[b]=2", "a[b]"),
        (b"a[b]=1&a%5B0%5D=2", "a[0]"),
        (b"a[]=1&a[0]=2", "a[0]"),
        (b"a[0]=1&a[]=2", "a[]"),
        (b"a[b][c]=1&a[b]=2", "a[b]"),
        (b"a[b]=1&a[b][c]=2", "a[b][c]"),
        (b"metadata[]=1&metadata[b]=2", "metadata[b]"),
        (b"a[0][b]=1&a[0][0]=2", "a[0][0]"),
    ],
)
def test_one_name_in_two_shapes(body: bytes, param: str) -> None:
    with pytest.raises(FormError, match="two different shapes") as caught:
        decode(body)
    assert caught.value.param == param


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"a=\xff", "Invalid UTF-8"),
        (b"a=%ff", "Invalid UTF-8"),
        (b"%C3=1", "Invalid UTF-8"),
        (b"a=%ED%A0%80", "Invalid UTF-8"),
        (b"a=\0", "NUL"),
        (b"a%00=1", "NUL"),
        (b"a=%", "percent"),
        (b"a=%4", "percent"),
        (b"a=%+1", "percent"),
        (b"a[%zz]=1", "percent"),
        (b"=1", "no name"),
        (b"[a]=1", "no name"),
        (b"%5Ba]=1", "no name"),
        (b"a[b=1", "parameter name"),
        (b"a[b]c=1", "parameter name"),
        (b"a[b[c]]=1", "parameter name"),
        (b"a[b]c[d]=1", "parameter name"),
        (b"a[1001]=1", "array index"),
        (b"a[" + b"9" * 10_000 + b"]=1", "array index"),
        (b"a" + b"[b]" * MAX_DEPTH + b"=1", "levels deep"),
        (b"a=1&" * MAX_PAIRS + b"a=1", "Too many"),
    ],
)
def test_refuses(body: bytes, says: str) -> None:
    with pytest.raises(FormError, match=says):
        decode(body)


def test_the_limits_are_parameters() -> None:
    assert decode(b"a[b]=1&a[c]=2", max_pairs=2, max_depth=2, max_index=0)
    assert decode(b"a" + b"[b]" * (MAX_DEPTH - 1) + b"=1")
    assert decode(b"a[%d]=x" % MAX_INDEX) == {"a": ["x"]}
    for limit in ({"max_pairs": 1}, {"max_depth": 1}):
        with pytest.raises(FormError):
            decode(b"a[b]=1&a[c]=2", **limit)
    with pytest.raises(FormError):
        decode(b"a[1]=x", max_index=0)


def test_a_hostile_body_stays_small() -> None:
    deep = b"&".join([b"a[%d][%d][%d]=x" % (i, 999, 999) for i in range(MAX_PAIRS)])
    tracemalloc.start()
    decode(deep)
    with pytest.raises(FormError):
        decode(b"a[999999999]=x")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 4_000_000


# What a form can carry: non-empty text; keys without brackets that are no list index.
LEAVES = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=8)
NAMES = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0[]"), min_size=1, max_size=5)
KEYS = NAMES.filter(lambda key: not (key.isascii() and key.isdigit()) and key != "metadata")
TREES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, min_size=1, max_size=4) | st.dictionaries(KEYS, inner, min_size=1, max_size=4),
    max_leaves=12,
)
FORMS = st.dictionaries(KEYS, TREES, max_size=5)
METADATA = st.fixed_dictionaries({"metadata": st.dictionaries(NAMES, LEAVES, min_size=1, max_size=5)})


@given(FORMS | METADATA)
@example({"metadata": {"0": "x", "a&b=c%+": "%5B]["}})
def test_decode_undoes_encode(form: dict[str, Any]) -> None:
    assert decode(encode(form).encode(), max_depth=100) == form


@given(FORMS | METADATA)
@example({"items": [{"price": "p", "tiers": [{"up_to": "inf"}]}], "expand": ["a", "b"]})
def test_decode_reads_the_official_sdk(form: dict[str, Any]) -> None:
    encoded = urlencode(list(sdk._api_encode(form)))
    spared = encoded.replace("%5B", "[").replace("%5D", "]")  # as the SDK's requestor does
    assert decode(encoded.encode(), max_depth=100) == form
    assert decode(spared.encode(), max_depth=100) == form


def test_the_sdks_other_types() -> None:
    form = {
        "amount": 2000,
        "capture": False,
        "at": datetime.datetime(2024, 1, 2, tzinfo=datetime.UTC),
        "nothing": None,
        "metadata": {"gone": "", "6735": "x"},
        "items": [{"price": "p_1", "quantity": 2}, {"price": "p_2", "metadata": {"a": "b"}}],
    }
    assert decode(urlencode(list(sdk._api_encode(form))).encode()) == {
        "amount": "2000",
        "capture": "false",
        "at": "1704153600",
        "metadata": {"gone": None, "6735": "x"},
        "items": [{"price": "p_1", "quantity": "2"}, {"price": "p_2", "metadata": {"a": "b"}}],
    }


PIECES = st.sampled_from(
    [
        b"a",
        b"b",
        b"metadata",
        b"[",
        b"]",
        b"[]",
        b"[0]",
        b"[b]",
        b"[9]",
        b"=",
        b"&",
        b"=1&",
        b"%",
        b"%5B",
        b"+",
    ]
)


@given(st.binary(max_size=200) | st.lists(PIECES, max_size=40).map(b"".join))
def test_any_bytes_are_a_form_or_a_form_error(body: bytes) -> None:
    try:
        form = decode(body)
    except FormError:
        return
    assert _leaves(form) <= body.count(b"&") + 1


def _leaves(node: Any) -> int:
    assert type(node) in (dict, list, str, type(None))
    if isinstance(node, dict):
        return sum(_leaves(child) for child in node.values())
    return sum(map(_leaves, node)) if isinstance(node, list) else 1


def test_encode() -> None:
    params = {"a": 5, "b": True, "c": None, "d": [], "e": ["x", {"f g": "h&"}], "metadata": {"0": ""}}
    assert encode(params) == "a=5&b=true&c=&d=&e[0]=x&e[1][f+g]=h%26&metadata[0]="
    assert encode({}) == ""


@pytest.mark.parametrize(
    "params",
    [
        {"": "x"},
        {"a[b": "x"},
        {"a": {"0": "x"}},
        {"a": {"": "x"}},
        {"metadata": ["x"]},
        {"a": "\0"},
        {"a\0": "x"},
        {"a": "\ud800"},
    ],
)
def test_encode_refuses_what_would_not_come_back(params: dict[str, Any]) -> None:
    with pytest.raises(FormError):
        encode(params)
