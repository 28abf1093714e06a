"""Columns come back as they were packed, whole and row by row."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nostro.storage.columns import packed, row_of, unpacked

numbers = st.integers(-(2**63), 2**63 - 1) | st.integers(-3, 300)
tables = st.integers(1, 20).flatmap(
    lambda rows: st.lists(st.lists(numbers, min_size=rows, max_size=rows), min_size=1, max_size=6)
)


@given(tables)
def test_round_trip(table: list[list[int]]) -> None:
    blob = packed([np.array(column, np.int64) for column in table])
    assert [column.tolist() for column in unpacked(blob)] == table
    for n in range(len(table[0])):
        assert row_of(blob, n) == [column[n] for column in table]
    for wrong in (blob + b"x", blob[:3], blob[:12], b"\2" + blob[1:]):
        with pytest.raises(ValueError):
            unpacked(wrong)


def test_what_is_the_same_in_every_row_takes_no_space() -> None:
    assert len(packed([np.full(10_000, 7, np.int64)])) == len(packed([np.full(1, 7, np.int64)]))
    assert len(packed([np.arange(256)])) - len(packed([np.zeros(256, np.int64)])) == 256
