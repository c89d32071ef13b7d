"""The kill tests have teeth: each bug that is planted into the runtime here is found by them.

The bugs are those that engines of this kind have had. They are planted into a process of their own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import attrs
import pytest
from kill_campaign import kill_at_writes
from workload import NESTED, STRAIGHT, Workload

from flowlang.runtime.action_context import ActionContext
from flowlang.runtime.activation import Activation
from flowlang.runtime.engine import RunWriter
from flowlang.runtime.journal.event import ActionCompleted, Event, LogWritten
from flowlang.runtime.journal.journal import Counters, RunStatus
from flowlang.runtime.replay import Replay
from flowlang.testing.fork import in_clean_process

Write = Callable[[RunWriter, Sequence[Event], Counters, RunStatus], Any]


def writing(change: Callable[[Write, RunWriter, Sequence[Event], Counters, RunStatus], Any]) -> None:
    """Replaces how a run is written to its journal."""
    write = RunWriter.write
    RunWriter.write = lambda *arguments: change(write, *arguments)  # type: ignore[method-assign]


def act_before_the_intent_is_durable() -> None:
    commit = Activation._commit

    def commit_late(self: Activation, status: RunStatus) -> None:
        self._start()
        commit(self, status)

    Activation._commit = commit_late  # type: ignore[method-assign]


def acknowledge_what_is_not_written() -> None:
    """Every third append of results is acknowledged and lost."""
    lost = [0]

    def change(write: Write, writer: RunWriter, events: Sequence[Event], counters: Counters, status: RunStatus) -> Any:
        lost[0] += 1
        kept = [event for event in events if not isinstance(event, LogWritten)] if lost[0] % 3 == 0 else events
        return write(writer, kept, counters, status)

    writing(change)


def record_results_with_the_next_but_one() -> None:
    """Results are held back for one write, so that the next action starts before its predecessor is recorded."""
    held: list[Event] = []

    def change(write: Write, writer: RunWriter, events: Sequence[Event], counters: Counters, status: RunStatus) -> Any:
        results = [event for event in events if isinstance(event, ActionCompleted)]
        now = [*held, *(event for event in events if event not in results)]
        held[:] = results
        if status.is_final:
            now, held[:] = [*now[:-1], *held, now[-1]], []
        return write(writer, now, counters, status)

    writing(change)


def forget_results_in_a_replay() -> None:
    """The last recorded result is not used, so that its action is performed again."""

    def forgetful(self: Replay, records: Sequence[Any], *, is_whole: bool = False) -> None:
        results = [record for record in records if isinstance(record.event, ActionCompleted)]
        kept = [record for record in records if not results or record is not results[-1]]
        original(self, kept, is_whole=is_whole)

    original = Replay.__init__
    Replay.__init__ = forgetful  # type: ignore[method-assign]


def make_a_key_for_each_attempt() -> None:
    made = ActionContext.__init__

    def with_attempt(self: ActionContext, run_id: str, position: str, key: str, attempt: int, *rest: Any) -> None:
        made(self, run_id, position, f"{key}/{attempt}", attempt, *rest)

    ActionContext.__init__ = with_attempt  # type: ignore[method-assign]


def count_attempts_in_memory() -> None:
    prepare = Activation._prepare

    def first_attempt(self: Activation, position: Any, action: str, payload: bytes, timeout: Any, number: int) -> None:
        prepare(self, position, action, payload, timeout, 1)

    Activation._prepare = first_attempt  # type: ignore[method-assign]


def say_lines_again() -> None:
    original = Replay._is_recorded

    def not_lines(self: Replay, item: Any) -> bool:
        return type(item).__name__ != "LogLine" and original(self, item)

    Replay._is_recorded = not_lines  # type: ignore[method-assign]


def mix_up_finished_flows() -> None:
    """A finished call gives what the call before it gave."""
    original = Replay.__init__

    def mixed(self: Replay, records: Sequence[Any], *, is_whole: bool = False) -> None:
        original(self, records, is_whole=is_whole)
        before = None
        for position, call in sorted(self.finished.items()):
            if before is not None:
                self.finished[position] = attrs.evolve(call, payload=before)
            before = call.payload

    Replay.__init__ = mixed  # type: ignore[method-assign]


PLANTS: dict[Callable[[], None], Workload] = {
    act_before_the_intent_is_durable: STRAIGHT,
    acknowledge_what_is_not_written: STRAIGHT,
    record_results_with_the_next_but_one: STRAIGHT,
    forget_results_in_a_replay: STRAIGHT,
    make_a_key_for_each_attempt: STRAIGHT,
    count_attempts_in_memory: STRAIGHT,
    say_lines_again: STRAIGHT,
    mix_up_finished_flows: NESTED,
}


@pytest.mark.parametrize("plant", PLANTS, ids=lambda plant: plant.__name__)
def test_a_planted_bug_is_found(quick_path: Path, plant: Callable[[], None]) -> None:
    report = in_clean_process(plant_and_kill, PLANTS[plant], quick_path, plant)
    assert report.problems
    assert not any(problem.startswith("undisturbed") for problem in report.problems)


def plant_and_kill(workload: Workload, directory: Path, plant: Callable[[], None]) -> Any:
    return kill_at_writes(workload, directory, plant=plant)
