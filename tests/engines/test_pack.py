"""What was packed comes back byte for byte, also what was packed years ago."""

import hashlib
from importlib.resources import files

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nostro.storage.pack import NUMBER, pack, unpack

# The texts that stored copies were packed with. One that changed would make them unreadable.
TEXTS = {1: "571ade3b06d91ce2"}


@given(st.binary(max_size=20_000))
def test_it_comes_back(plain: bytes) -> None:
    assert unpack(pack(plain)) == plain


def test_the_texts_never_change() -> None:
    assert set(TEXTS) == set(range(1, NUMBER + 1))
    for number, digest in TEXTS.items():
        text = (files("nostro.storage") / f"pack_{number}.txt").read_bytes()
        assert hashlib.sha256(text).hexdigest()[:16] == digest


def test_what_was_packed_before_is_still_read() -> None:
    packed = bytes.fromhex("0143d4c6e040c7dd0300873b24b06b01")
    assert unpack(packed) == b'{"id":"pi_1","object":"payment_intent","amount":2000}'


def test_common_objects_are_small() -> None:
    text = (files("nostro.storage") / f"pack_{NUMBER}.txt").read_bytes()
    assert len(pack(text[-1500:])) < 40


@pytest.mark.parametrize("packed", [b"", b"{}", b"\0abc", bytes([NUMBER + 1])])
def test_what_was_not_packed_is_refused(packed: bytes) -> None:
    with pytest.raises(ValueError):
        unpack(packed)
