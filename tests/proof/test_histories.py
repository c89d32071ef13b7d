"""Simulated histories: two hundred seeds with every kind of fault, and not one violation."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pytest
from histories import Stage
from workloads import WORKLOADS

SEEDS = 200
PARTS = 8


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    return Stage(tmp_path_factory.mktemp("stage"))


def test_every_workload_builds(stage: Stage) -> None:
    """A workload that does not build would be left out of every experiment without a word."""
    assert stage.usable() == list(WORKLOADS)


@pytest.mark.parametrize("part", range(PARTS))
def test_no_seed_shows_a_violation(stage: Stage, part: int) -> None:
    """The invariants hold in every history; a failure names its seed, which shows it again."""
    problems: list[str] = []
    hits: Counter[tuple[str, str]] = Counter()
    for seed in range(part, SEEDS, PARTS):
        found = stage.history(seed)
        hits += found.hits
        problems += [f"seed {seed} ({found.workload}): {problem}" for problem in found.problems]
    assert problems == []
    assert sum(hits.values()) > 20, "hardly anything went wrong, so hardly anything was shown"


def test_a_seed_is_one_history(stage: Stage) -> None:
    """The same seed takes the same course, to the last fault and record, so that a failure can be seen again."""
    first, second = stage.history(11, "transfers"), stage.history(11, "transfers")
    assert first.hits == second.hits
    assert first.course == second.course
    assert first.course != stage.history(12, "transfers").course
