"""Copies of objects, kept small: an event and a kept answer repeat what is stored elsewhere, field for field.

A copy is compressed (Zstandard, RFC 8878) against a dictionary that was trained on the commonest objects, which takes
a charge from 1,700 bytes to some 100 in about two microseconds. A dictionary must never change, because what was
packed with it could not be read: a better one is a new file with a new number, and the number leads each packed copy.
"""

from __future__ import annotations

import zlib
from functools import cache
from importlib.resources import files
from typing import Any

import zstandard

NUMBER = 2
# Level 3 but for tables of 4,096 places, which stay in the processor's cache between two copies: larger ones find
# hardly more in a dictionary of 32 KiB, and cost ten times the time wherever something else runs in between.
HOW = {"strategy": zstandard.STRATEGY_DFAST, "window_log": 15, "hash_log": 12, "chain_log": 12, "min_match": 5}
_DEFLATED = 1  # the first copies were deflated against a text
_WINDOW = 13


def pack(plain: bytes) -> bytes:
    """Not to be called from several threads at once."""
    return b"%c%b" % (NUMBER, _compressor().compress(plain))


def unpack(packed: bytes) -> bytes:
    """Raises `ValueError` for what was not packed."""
    number = packed[0] if packed else 0
    if number == _DEFLATED:
        inflate = zlib.decompressobj(-_WINDOW, zdict=_file(f"pack_{number}.txt"))
        return inflate.decompress(packed[1:]) + inflate.flush()
    if number != NUMBER:
        raise ValueError(f"this was not packed by dictionary 1 to {NUMBER}")
    try:
        plain: bytes = _decompressor().decompress(packed[1:])
        return plain
    except zstandard.ZstdError as error:
        raise ValueError(str(error)) from None


def unpacked(kept: bytes) -> bytes:
    """What was kept packed, or plain by a release that did not pack it: then it is JSON and leads with a brace."""
    return kept if kept[:1] == b"{" else unpack(kept)


@cache
def _compressor() -> Any:
    trained = zstandard.ZstdCompressionDict(_file(f"pack_{NUMBER}.dict"))
    how = zstandard.ZstdCompressionParameters(write_dict_id=False, write_checksum=False, **HOW)
    trained.precompute_compress(compression_params=how)
    return zstandard.ZstdCompressor(dict_data=trained, compression_params=how)


@cache
def _decompressor() -> Any:
    return zstandard.ZstdDecompressor(dict_data=zstandard.ZstdCompressionDict(_file(f"pack_{NUMBER}.dict")))


@cache
def _file(name: str) -> bytes:
    return (files("nostro.storage") / name).read_bytes()
