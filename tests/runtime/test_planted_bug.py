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
from flowlang.runtime.driven import Driven
from flowlang.runtime.journal.event import ActionCompleted, Event, LogWritten
from flowlang.runtime.replay import Replay
from flowlang.runtime.rounds import Rounds
from flowlang.testing.fork import in_clean_process


def appending(change: Callable[[Sequence[Event], bool], Sequence[Event]]) -> None:
    """Changes what is appended: `change` is given the events, and whether the run ends with them."""
    append = Activation.append

    def changed(self: Activation, *arguments: Any, **named: Any) -> Any:
        self.draft.events = list(change(self.draft.events, self.status.is_final))
        return append(self, *arguments, **named)

    Activation.append = changed  # type: ignore[method-assign]


def act_before_the_intent_is_durable() -> None:
    append = Rounds._append

    def append_late(self: Rounds, drafts: Sequence[Driven]) -> None:
        for driven in drafts:
            driven.activation.performing.begin()
        append(self, drafts)

    Rounds._append = append_late  # type: ignore[method-assign]


def acknowledge_what_is_not_written() -> None:
    """The lines of every third append are acknowledged and lost."""
    appends = [0]

    def change(events: Sequence[Event], ends: bool) -> Sequence[Event]:
        appends[0] += 1
        return [event for event in events if not isinstance(event, LogWritten)] if appends[0] % 3 == 0 else events

    appending(change)


def record_results_with_the_next_but_one() -> None:
    """Results are held back for one append, so that the next action starts before its predecessor is recorded."""
    held: list[Event] = []

    def change(events: Sequence[Event], ends: bool) -> Sequence[Event]:
        results = [event for event in events if isinstance(event, ActionCompleted)]
        now = [*held, *(event for event in events if event not in results)]
        held[:] = results
        if ends:
            now, held[:] = [*now[:-1], *held, now[-1]], []
        return now

    appending(change)


def forget_results_in_a_replay() -> None:
    """The last recorded result is not used, so that its action is performed again."""

    def forgetful(self: Replay, records: Sequence[Any], **named: Any) -> None:
        results = [record for record in records if isinstance(record.event, ActionCompleted)]
        kept = [record for record in records if not results or record is not results[-1]]
        original(self, kept, **named)

    original = Replay.__init__
    Replay.__init__ = forgetful  # type: ignore[method-assign]


def make_a_key_for_each_attempt() -> None:
    made = ActionContext.__init__

    def with_attempt(
        self: ActionContext, run_id: str, position: str, key: str, attempt: int, *rest: Any, **named: Any
    ) -> None:
        made(self, run_id, position, f"{key}/{attempt}", attempt, *rest, **named)

    ActionContext.__init__ = with_attempt  # type: ignore[method-assign]


def count_attempts_in_memory() -> None:
    made = ActionContext.__init__

    def first_attempt(
        self: ActionContext, run_id: str, position: str, key: str, attempt: int, *rest: Any, **named: Any
    ) -> None:
        made(self, run_id, position, key, 1, *rest, **named)

    ActionContext.__init__ = first_attempt  # type: ignore[method-assign]


def say_lines_again() -> None:
    original = Replay._is_recorded

    def not_lines(self: Replay, item: Any) -> bool:
        return type(item).__name__ != "LogLine" and original(self, item)

    Replay._is_recorded = not_lines  # type: ignore[method-assign]


def mix_up_finished_flows() -> None:
    """A finished call gives what the call before it gave."""
    original = Replay.__init__

    def mixed(self: Replay, records: Sequence[Any], **named: Any) -> None:
        original(self, records, **named)
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
