"""What was packed comes back byte for byte, also what was packed years ago."""

import hashlib
import json
from importlib.resources import files

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stripe import StripeClient

from nostro.storage.pack import NUMBER, pack, unpack, unpacked

# What stored copies were packed with. One that changed would make them unreadable.
DICTIONARIES = {"pack_1.txt": "571ade3b06d91ce2", "pack_2.dict": "b77536ca5e8cb256"}


@given(st.binary(max_size=20_000))
def test_it_comes_back(plain: bytes) -> None:
    assert unpack(pack(plain)) == plain


def test_the_dictionaries_never_change() -> None:
    assert len(DICTIONARIES) == NUMBER
    for name, digest in DICTIONARIES.items():
        assert hashlib.sha256((files("nostro.storage") / name).read_bytes()).hexdigest()[:16] == digest


def test_what_was_packed_before_is_still_read() -> None:
    packed = bytes.fromhex("0143d4c6e040c7dd0300873b24b06b01")
    assert unpack(packed) == b'{"id":"pi_1","object":"payment_intent","amount":2000}'


def test_what_was_kept_plain_before_is_still_read() -> None:
    assert unpacked(b'{"id":"pi_1"}') == b'{"id":"pi_1"}'
    assert unpacked(pack(b'{"id":"pi_1"}')) == b'{"id":"pi_1"}'


def test_an_answer_is_small(client: StripeClient) -> None:
    intent = client.v1.payment_intents.create(
        {"amount": 2000, "currency": "usd", "payment_method": "pm_card_visa", "payment_method_types": ["card"],
         "confirm": True}
    )  # fmt: skip
    answer = json.dumps(intent.to_dict(), separators=(",", ":")).encode()
    assert len(answer) > 1_000
    assert len(pack(answer)) < 500


@pytest.mark.parametrize("packed", [b"", b"{}", b"\0abc", bytes([NUMBER]) + b"abc", bytes([NUMBER + 1])])
def test_what_was_not_packed_is_refused(packed: bytes) -> None:
    with pytest.raises(ValueError):
        unpack(packed)
