"""The proof has teeth: each planted bug is found within a few seeds, and without it those seeds show nothing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from histories import Stage
from plants import PLANTS
from workloads import WORKLOADS, Sink, proof_actions

from flowlang.lang.eval.command import CallAction
from flowlang.runtime import agreement, replay
from flowlang.runtime.driver import RunDriver
from flowlang.runtime.journal.event import ActionScheduled
from flowlang.runtime.journal.memory import MemoryJournal
from flowlang.runtime.journal.model import RunStatus
from flowlang.testing.clock import VirtualClock
from flowlang.testing.crash import CrashingJournal

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


def test_a_replay_that_compares_names_only_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run goes on with code that calls the same actions with other arguments: that must stop it, and does not when
    the digests of arguments are not compared."""
    (tmp_path / "sound").mkdir()
    (tmp_path / "planted").mkdir()
    assert _goes_on_with_other_arguments(tmp_path / "sound") is False

    def by_name(event: ActionScheduled, asking: CallAction) -> bool:
        return event.action == asking.action

    for module in (agreement, replay):
        monkeypatch.setattr(module, "is_same_call", by_name)
    assert _goes_on_with_other_arguments(tmp_path / "planted") is True


class PowerCut(BaseException):
    """Ends a run as the end of its process would."""


def _goes_on_with_other_arguments(folder: Path) -> bool:
    journal, sink = MemoryJournal(VirtualClock()), Sink()
    path = folder / "straight.flow"
    path.write_text(WORKLOADS["straight"].script)

    def cut() -> None:
        raise PowerCut

    dying: Any = CrashingJournal(journal, 4, "after", cut)
    first = RunDriver(folder, dying, actions=proof_actions(sink), clock=VirtualClock())
    with pytest.raises(PowerCut):
        first.start(first.build_script(path), flow="main", run_id="run")
    first.close()
    path.write_text(WORKLOADS["straight"].script.replace("proof.double(number)", "proof.double(number + 1)"))
    done = len(sink.of_run("run"))
    second = RunDriver(folder, journal, actions=proof_actions(sink), clock=VirtualClock())
    outcome = second.resume("run", code="current")
    second.close()
    return outcome.status is RunStatus.COMPLETED or len(sink.of_run("run")) > done
