"""Words that a lenient reader takes for something else."""

import pytest
from msgspec import UNSET

from nostro.kernel.errors import ApiError
from nostro.kernel.params import convert
from nostro.kernel.resource import MetadataParam, Params


class Inner(Params, frozen=True, kw_only=True):
    count: int | None = None


class Given(Params, frozen=True, kw_only=True):
    amount: int | None = None
    name: str | None = None
    inner: Inner | None = None
    metadata: MetadataParam = UNSET


@pytest.mark.parametrize("word", ["null", "NULL", "10.0", "1e3", "1E3", "5.", "-1.0"])
def test_an_integer_is_written_in_digits(word: str) -> None:
    for form, param in (({"amount": word}, "amount"), ({"inner": {"count": word}}, "inner[count]")):
        with pytest.raises(ApiError) as refused:
            convert(dict(form), Given)
        assert refused.value.param == param


def test_null_is_a_word() -> None:
    assert convert({"name": "null"}, Given).name == "null"
    assert convert({"metadata": {"a": "null"}}, Given).metadata == {"a": "null"}
    with pytest.raises(ApiError):
        convert({"metadata": "null"}, Given)
    with pytest.raises(ApiError):
        convert({"inner": "null"}, Given)


def test_plain_values_pass() -> None:
    given = convert({"amount": "10", "inner": {"count": "-3"}, "name": "1e3"}, Given)
    assert (given.amount, given.inner and given.inner.count, given.name) == (10, -3, "1e3")


@pytest.mark.parametrize(
    ("form", "message"),
    [
        ({"name": ["x"]}, "Invalid string: ['x']"),
        ({"amount": ["1"]}, "Invalid integer: ['1']"),
        ({"inner": "x"}, "Invalid object"),
        ({"inner": ["x"]}, "Invalid object"),
    ],
)
def test_what_is_wrong_is_named(form: dict[str, object], message: str) -> None:
    with pytest.raises(ApiError) as refused:
        convert(form, Given)
    assert refused.value.message == message


@pytest.mark.parametrize("name", [":", "a", "n", "count[x"])
def test_a_form_within_another_is_named_whole(name: str) -> None:
    with pytest.raises(ApiError) as refused:
        convert({name: "1"}, Inner, "payment_method_data[card]")
    assert refused.value.param == f"payment_method_data[card][{name}]"
    assert refused.value.message == f"Received unknown parameter: payment_method_data[card][{name}]"
