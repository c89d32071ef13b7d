"""D18 between processes notices a gate that says yes to more than one."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from random import Random
from typing import Any

import races
from kills import Report
from stores import databases

from flowlang.errors import GateClosed
from flowlang.testing.fork import in_clean_process


def test_a_gate_that_says_yes_to_everybody_is_noticed(quick_path: Path) -> None:
    """The planted bug: whoever decides a gate that is decided already is told that they did it."""
    problems = in_clean_process(_with_a_gate_that_says_yes, str(quick_path))
    assert any("the gate was decided by" in problem for problem in problems)


def _with_a_gate_that_says_yes(folder: str) -> list[str]:
    def decided(decide: Callable[..., Any]) -> Callable[..., bool]:
        def told(*arguments: Any, **options: Any) -> bool:
            with suppress(GateClosed):
                decide(*arguments, **options)
            return True

        return told

    races.decide_gate = decided(races.decide_gate)  # type: ignore[assignment]
    report = Report("D18 with a planted bug")
    with databases("sqlite", Path(folder)) as fresh:
        races.races(fresh(), Path(folder), report, Random(1), count=1, rivals=3)
    return report.problems
