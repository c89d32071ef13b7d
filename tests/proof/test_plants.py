"""The proof has teeth: each planted bug is found within a few seeds, and without it those seeds show nothing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from histories import Stage
from plants import PLANTS

SEEDS = 40


@pytest.mark.parametrize("plant", PLANTS, ids=lambda plant: plant.__name__)
def test_a_planted_bug_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, plant: Callable[[Any], None]) -> None:
    """A bug of a kind that is known from other engines breaks an invariant in some history."""
    workload, invariant = PLANTS[plant]
    stage = Stage(tmp_path, [workload])
    assert [stage.history(seed, workload).problems for seed in range(3)] == [[], [], []]
    plant(monkeypatch.setattr)
    for seed in range(SEEDS):
        problems = stage.history(seed, workload).problems
        if any(problem.startswith(invariant) for problem in problems):
            return
    pytest.fail(f"{plant.__name__} was not noticed in {SEEDS} histories")
