"""Sorting in slices gives what one call of the host gives."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowlang.lang.universe import long_sort
from flowlang.lang.values.fault import Interrupted
from flowlang.lang.values.meter import METER, Budget, Meter

pairs = st.lists(st.tuples(st.integers(0, 5), st.integers()), max_size=60)


def by_first(pair: tuple[int, int]) -> int:
    return pair[0]


@given(pairs, st.integers(1, 4), st.integers(2, 8))
def test_slices_keep_the_order_of_equal_values(values: list[tuple[int, int]], size: int, merged: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(long_sort, "SORT_SLICE", size)
        patch.setattr(long_sort, "MERGE_SLICE", merged)
        assert long_sort.sort(list(values), by_first) == sorted(values, key=by_first)
        assert long_sort.sort(list(values)) == sorted(values)


def test_a_long_sort_is_the_hosts() -> None:
    values = [place * 7919 % 300_007 for place in range(300_000)]
    assert long_sort.sort(list(values)) == sorted(values)
    assert long_sort.sort(list(values), lambda value: -value, is_slow=True) == sorted(values, reverse=True)


def test_an_interruption_is_noticed_between_slices() -> None:
    meter = Meter(Budget(steps=None))
    compared: list[Any] = []

    def key(value: int) -> int:
        compared.append(value)
        meter.interrupt()
        return value

    token = METER.set(meter)
    try:
        with pytest.raises(Interrupted):
            long_sort.sort(list(range(100_000)), key)
    finally:
        METER.reset(token)
    assert len(compared) == long_sort.SORT_SLICE
