"""Performs the joint writes of a run (`joint.py`), one at a time, before the run goes on with their results."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs

from flowlang.errors import FlowlangError
from flowlang.runtime.action_context import ActionError
from flowlang.runtime.executors.executor import Joint, Outcome, Success, outcome_of_problem, outcome_of_result
from flowlang.runtime.joint import TakesLong
from flowlang.runtime.journal.event import ActionCompleted, Position, Record

if TYPE_CHECKING:
    from flowlang.runtime.activation import Activation
    from flowlang.runtime.journal.joining import JoinedAppend
    from flowlang.runtime.journal.journal import Journal
    from flowlang.runtime.journal.model import Lease


def perform_next(journal: Journal, lease: Lease | None, activation: Activation) -> None:
    """If the next outcome of the run is a joint write, and nothing has to be appended before it: performs it, and puts
    what it came to in its place. Raises LeaseLost, and JournalUnavailable when nobody knows what it came to."""
    performing, outcomes = activation.performing, activation.outcomes
    while lease is not None and activation.takes_joint:
        position, call, number, joint = outcomes[0]
        assert isinstance(joint, Joint)
        if not performing.is_awaited(position, call, number):
            outcomes.popleft()  # withdrawn, and nothing was done
            continue
        outcome = _perform(joint, _Recorder(journal, lease, activation, position, joint))
        outcomes.popleft()
        if outcome is None:
            performing.start_apart(position, call)
        else:
            outcomes.appendleft((position, call, number, outcome))


def _perform(joint: Joint, recorder: _Recorder) -> Outcome | None:
    """What the write came to; None when it takes long."""
    try:
        joint.attempt.context.check()
        result = joint.write.shape(joint.write.perform(recorder))
    except TakesLong:
        return None
    except FlowlangError:
        raise  # the journal's: the run is not driven here any more
    except Exception as problem:
        # What is recorded has succeeded, whatever went wrong afterwards.
        return recorder.recorded or outcome_of_problem(joint.attempt, problem)
    return recorder.recorded or outcome_of_result(joint.attempt, result)


@attrs.define(eq=False)
class _Recorder:
    """See `joint.Recorder`. `recorded`: what is in the journal now."""

    journal: Journal
    lease: Lease
    activation: Activation
    position: Position
    joint: Joint
    recorded: Success | None = None
    _written: tuple[JoinedAppend, ActionCompleted] | None = None

    def write(self, cursor: Any, result: Any) -> None:
        outcome = outcome_of_result(self.joint.attempt, self.joint.write.shape(result))
        if not isinstance(outcome, Success):
            raise ActionError("result-not-data", "the result of this write cannot be recorded")
        event = ActionCompleted(self.position, outcome.payload)
        counters = self.activation.counted(1)
        append = self.journal.join(self.lease, self.activation.sequence, event, counters)
        append.write(cursor)
        self._written = append, event

    def is_written(self, cursor: Any) -> bool:
        return self._written is not None and self._written[0].is_written(cursor)

    def fail(self, error: Exception) -> None:
        assert self._written is not None
        self._written[0].fail(error)

    def settle(self) -> None:
        assert self._written is not None
        append, event = self._written
        activation = self.activation
        activation.counters = activation.counted(1)
        activation.sequence = append.settle()
        self.recorded = Success(event.payload, is_recorded=True)
        performing = activation.performing
        environment = performing.environment
        if environment.hooks.is_watching:
            record = Record(activation.sequence, environment.clock.now_ms(), performing.lease_token, event)
            environment.hooks.recorded(performing.run_id, record)
