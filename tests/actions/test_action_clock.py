"""`now`, `random`, `random_int` and `uuid`."""

from __future__ import annotations

from pathlib import Path
from uuid import UUID

import pytest
from workbench import FixedClock, Workbench


def test_now_reads_the_clock_of_the_engine(tmp_path: Path) -> None:
    bench = Workbench(tmp_path, clock=FixedClock(1_769_860_800_007))
    assert bench.call("now") == "2026-01-31T12:00:00.007Z"
    assert bench.call("now", format="unix") == 1_769_860_800.007
    assert type(bench.call("now", "unix")) is float


def test_texts_of_times_sort_like_times(tmp_path: Path) -> None:
    times = [0, 999, 1_000, 951_782_400_000, 1_769_860_800_000, 4_102_444_800_000]
    texts = [Workbench(tmp_path, clock=FixedClock(time)).call("now") for time in times]
    assert texts == sorted(texts)
    assert {len(text) for text in texts} == {24}


def test_random_draws_from_its_range(bench: Workbench) -> None:
    draws = [bench.call("random") for _ in range(100)]
    assert all(0 <= draw < 1 for draw in draws)
    assert len(set(draws)) == 100


def test_random_int_reaches_both_ends(bench: Workbench) -> None:
    assert {bench.call("random_int", 3, 5) for _ in range(200)} == {3, 4, 5}
    assert bench.call("random_int", 7, 7) == 7
    assert bench.kind("random_int", 5, 3) == "action-argument"


def test_uuids_differ_and_are_of_version_4(bench: Workbench) -> None:
    texts = {bench.call("uuid") for _ in range(50)}
    assert len(texts) == 50
    assert {UUID(text).version for text in texts} == {4}


@pytest.mark.parametrize("name", ["now", "random", "random_int", "uuid"])
def test_quick_actions_are_inline(bench: Workbench, name: str) -> None:
    assert bench.registry.lookup(name).inline
