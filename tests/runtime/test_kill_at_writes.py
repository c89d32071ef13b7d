"""Runs that are killed at every write to their journal go on as if nothing had happened."""

from __future__ import annotations

from pathlib import Path

import pytest
from fork import in_clean_process
from kill_campaign import kill_at_random, kill_at_writes, kill_twice
from workload import PAGES, PARALLEL, STRAIGHT, WORKLOADS


@pytest.mark.parametrize("name", WORKLOADS)
def test_a_run_killed_at_any_write_ends_as_an_undisturbed_one(tmp_path: Path, name: str) -> None:
    report = in_clean_process(kill_at_writes, WORKLOADS[name], tmp_path)
    assert report.problems == []
    assert report.trials > 8
    # Side by side, what shares a write varies, and so does the number of writes.
    assert report.kills > 0.8 * report.trials if name in ("parallel", "timers") else report.kills == report.trials


@pytest.mark.parametrize("workload", [STRAIGHT, PARALLEL], ids=lambda workload: workload.name)
def test_a_run_killed_again_while_it_recovers(tmp_path: Path, workload: object) -> None:
    report = in_clean_process(kill_twice, workload, tmp_path, 2)
    assert report.problems == []
    assert report.kills > 1.5 * report.trials


@pytest.mark.parametrize("seed", [1, 2])
def test_a_run_killed_at_random_moments(tmp_path: Path, seed: int) -> None:
    report = in_clean_process(kill_at_random, PAGES, tmp_path, 50, seed)
    assert report.problems == []
    assert report.kills >= 50
