"""Runs that are killed at every write to their journal, and at random moments, end as if nothing had happened."""

from __future__ import annotations

from pathlib import Path

import pytest
from kill_campaign import kill_at_random, kill_at_writes, kill_twice
from workload import PARALLEL, STRAIGHT, WORKLOADS, Workload, example_etl

from flowlang.testing.fork import in_clean_process

SIDE_BY_SIDE = ("pages", "parallel", "timers")


@pytest.mark.parametrize("name", WORKLOADS)
def test_a_run_killed_at_any_write_ends_as_an_undisturbed_one(quick_path: Path, name: str) -> None:
    report = in_clean_process(kill_at_writes, WORKLOADS[name], quick_path)
    assert report.problems == []
    assert report.trials >= 6
    # Side by side, what shares a write varies, and so does the number of writes.
    assert report.kills >= 0.5 * report.trials if name in SIDE_BY_SIDE else report.kills == report.trials


@pytest.mark.parametrize("workload", [STRAIGHT, PARALLEL], ids=lambda workload: workload.name)
def test_a_run_killed_again_while_it_recovers(quick_path: Path, workload: Workload) -> None:
    report = in_clean_process(kill_twice, workload, quick_path, 2)
    assert report.problems == []
    assert report.kills > report.trials


@pytest.mark.parametrize("seed", [1, 2])
def test_the_example_killed_at_random_moments(quick_path: Path, seed: int) -> None:
    report = in_clean_process(kill_at_random, example_etl(), quick_path, 50, seed)
    assert report.problems == []
    assert report.kills >= 50
