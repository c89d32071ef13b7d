"""One activation: a run is taken up, replayed to where its past ends, and driven on until it ends or must wait.

The rule that everything rests on: a result is recorded before the next effect starts. After answers arrived, the
script is evaluated on to its next commands without a commit; then one append makes the answers, what the script said
and the intents of its new commands durable together; only then do those commands start.

A run that has nothing else to do performs an inline action on its own thread; everything else goes to an executor.
"""

from __future__ import annotations

import _thread
import queue
import threading
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import attrs

from flowlang.lang.eval.command import (
    Answer,
    CallAction,
    Command,
    FlowBegun,
    FlowEnded,
    LogLine,
    Note,
    Position,
    StartTimer,
    TaskBegun,
)
from flowlang.lang.eval.evaluation import Completed, Evaluation, Step, Stopped
from flowlang.lang.eval.failure import trace_struct
from flowlang.lang.values.canonical import decode, encode
from flowlang.lang.values.convert import from_host
from flowlang.lang.values.fault import BudgetExceeded
from flowlang.lang.values.result import Ok
from flowlang.runtime.action_context import ActionContext
from flowlang.runtime.catalog import Catalog
from flowlang.runtime.clock import Clock
from flowlang.runtime.database import Databases
from flowlang.runtime.executors.executor import ActionFailure, Attempt, Executor, Success, attempt_timeout_s
from flowlang.runtime.executors.executor import Outcome as AttemptOutcome
from flowlang.runtime.file_access import FileAccess
from flowlang.runtime.hooks import Hooks
from flowlang.runtime.journal.event import (
    ActionCompleted,
    ActionFailed,
    ActionScheduled,
    AttemptStarted,
    Event,
    FlowCompleted,
    FlowStarted,
    LogWritten,
    Record,
    RunCompleted,
    RunStopped,
    TaskStarted,
    TimerFired,
    TimerStarted,
    position_text,
)
from flowlang.runtime.journal.journal import Counters, RunStatus
from flowlang.runtime.replay import Replay, place_of


class Writer(Protocol):
    """Where an activation appends; `RunWriter` in `engine.py` creates the run with the first append."""

    def write(self, events: Sequence[Event], counters: Counters, status: RunStatus) -> list[Record]:
        """Makes events durable and gives them back as records."""
        ...

    def release(self, status: RunStatus) -> None:
        """Gives the run back without an event."""
        ...


@attrs.define(eq=False)
class StopRequest:
    """Whether a run is to be suspended. A plain field: taking a lock in a signal handler can wait for ever."""

    is_made: bool = False


@attrs.frozen
class Environment:
    """What actions are performed with."""

    catalog: Catalog
    inline: Executor
    threads: Executor
    files: FileAccess
    databases: Databases
    clock: Clock
    hooks: Hooks


@attrs.define(eq=False)
class Activation:
    """Drives one run. `stop` may be made by a signal handler: the run is suspended as soon as what is being performed
    has been recorded."""

    run_id: str
    salt: str
    evaluation: Evaluation
    replay: Replay
    writer: Writer
    environment: Environment
    counters: Counters
    stop: StopRequest
    _answers: dict[Position, Answer] = attrs.field(factory=dict)
    _batch: list[Event] = attrs.field(factory=list)
    _running: dict[Position, ActionContext] = attrs.field(factory=dict)
    _timers: dict[Position, int] = attrs.field(factory=dict)
    _starting: list[Callable[[], None]] = attrs.field(factory=list)
    _done: queue.SimpleQueue[tuple[Position, AttemptOutcome]] = attrs.field(factory=queue.SimpleQueue)
    _wake: threading.Event = attrs.field(factory=threading.Event)

    def replay_past(self) -> Step:
        """Evaluates up to where the recorded past ends. Raises Divergence; performs and records nothing.

        Budgets do not hold for what was evaluated before. But nothing tells whether the turn after the last answer was
        evaluated to its end, so they do hold for that one: a run that a budget stopped does not get past it so."""
        evaluation, replay, steps = self.evaluation, self.replay, self.counters.steps
        if replay.is_last_answer_given:
            evaluation.go_live(steps)
        step = evaluation.start()
        said = replay.new_of(step.said)
        while not isinstance(step, (Completed, Stopped)):
            answer = replay.next_answer(evaluation.waiting)
            if answer is None:
                break
            if replay.is_last_answer_given:
                evaluation.go_live(steps)
            step = evaluation.resume([answer])
            said += replay.new_of(step.said)
        if not isinstance(step, Stopped):
            replay.check_complete()
            if not said:
                evaluation.go_live(steps)  # the turn is recorded to its end, and its steps are counted already
        return attrs.evolve(step, said=said)

    def drive(self, step: Step, first: Sequence[Event]) -> Step:
        """Goes on from `step` until the run ends, is stopped or must be given up. `first` are events that belong
        before everything new. The last append has been made when this returns."""
        self._batch += first
        self._reopen()
        while True:
            self._take(step.said)
            if isinstance(step, (Completed, Stopped)):
                self._finish(step)
                return step
            self._commit(RunStatus.RUNNING)
            self._start()
            if self.evaluation.is_ready:
                step = self.evaluation.resume(())
                continue
            if not self._wait():
                self._suspend()
                return step
            answers, self._answers = self._answers, {}
            self.evaluation.begin_turn()
            step = self.evaluation.resume(answers.items())

    # Recording

    def _take(self, said: Sequence[Command | Note]) -> None:
        for item in said:
            match item:
                case CallAction():
                    self._schedule(item)
                case StartTimer():
                    wake_at_ms = self.environment.clock.now_ms() + item.delay_ms
                    self._batch.append(TimerStarted(item.position, wake_at_ms, place_of(item.frame)))
                    self._timers[item.position] = wake_at_ms
                case _:
                    self._batch.append(_event_of(item))

    def _schedule(self, command: CallAction) -> None:
        self._batch.append(
            ActionScheduled(
                command.position, command.action, command.digest, place_of(command.frame), command.arguments
            )
        )
        self._prepare(command.position, command.action, command.arguments, command.timeout_s, 1)

    def _prepare(self, position: Position, action: str, payload: bytes, timeout_s: float | None, number: int) -> None:
        environment = self.environment
        spec = environment.catalog.spec(action)
        text = position_text(position)
        context = ActionContext(
            self.run_id, text, f"{self.run_id}/{self.salt}/{text}", number, environment.files, environment.databases,
            environment.clock,
        )  # fmt: skip
        attempt = Attempt(spec, payload, context, attempt_timeout_s(spec, timeout_s))
        executor = environment.inline if spec.inline else environment.threads

        def start() -> None:
            environment.hooks.attempt(self.run_id, position, action, number)
            self._running[position] = context
            executor.submit(attempt, lambda _, outcome: self._report(position, outcome))

        self._starting.append(start)

    def _reopen(self) -> None:
        """Starts again what was being performed when the past ended."""
        for position, opened in self.replay.open.items():
            event = opened.record.event
            if isinstance(event, TimerStarted):
                self._timers[position] = event.wake_at_ms
            elif isinstance(event, ActionScheduled):
                self._batch.append(AttemptStarted(position, opened.attempts + 1))
                timeout_s = opened.asking.timeout_s if isinstance(opened.asking, CallAction) else None
                self._prepare(position, event.action, event.payload, timeout_s, opened.attempts + 1)

    def _commit(self, status: RunStatus) -> None:
        if not self._batch and status is RunStatus.RUNNING:
            return
        batch, self._batch = self._batch, []
        done = sum([type(event) is ActionCompleted for event in batch])
        evaluation = self.evaluation
        self.counters = Counters(
            evaluation.total_steps, evaluation.meter.memory, self.counters.actions_completed + done
        )
        records = self.writer.write(batch, self.counters, status)
        hooks = self.environment.hooks
        for record in records:
            hooks.recorded(self.run_id, record)
            if isinstance(record.event, LogWritten):
                hooks.line(self.run_id, record.event)

    # Performing

    def _start(self) -> None:
        starting, self._starting = self._starting, []
        for start in starting:
            start()

    def _report(self, position: Position, outcome: AttemptOutcome) -> None:
        """Called by executors, from any thread."""
        self._done.put((position, outcome))
        self._wake.set()

    def _wait(self) -> bool:
        """Waits until something can go on. False when the run is to be suspended."""
        clock = self.environment.clock
        while True:
            self._collect()
            if not self._answers:
                self._wake.clear()
                self._collect()  # what came in before the event was cleared
            if self.stop.is_made:
                self._let_finish()
                return False
            if self._answers:
                return True
            if self._running:
                due_ms = min(self._timers.values(), default=None)
                if due_ms is None:
                    self._wake.wait()
                else:
                    clock.wait(self._wake, due_ms)
            elif self._timers:
                position, due_ms = min(self._timers.items(), key=lambda timer: (timer[1], timer[0]))
                self.environment.hooks.waiting(self.run_id, position, due_ms)
                clock.wait(self._wake, due_ms)

    def _collect(self) -> None:
        """Takes what is done: actions in the order in which they finished, then timers that are due."""
        while not self._done.empty():
            position, outcome = self._done.get()
            del self._running[position]
            self._answer(position, outcome)
        if self._timers:
            now_ms = self.environment.clock.now_ms()
            due = sorted((at_ms, position) for position, at_ms in self._timers.items() if at_ms <= now_ms)
            for _, position in due:
                del self._timers[position]
                self._batch.append(TimerFired(position))
                self._answers[position] = Answer()

    def _answer(self, position: Position, outcome: AttemptOutcome) -> None:
        if isinstance(outcome, Success):
            self._batch.append(ActionCompleted(position, outcome.payload))
            self._answers[position] = Answer(outcome.payload)
            return
        payload = encode(from_host(_failure_dict(outcome)))
        self._batch.append(ActionFailed(position, payload))
        self._answers[position] = Answer(None, decode(payload))

    def wake(self) -> None:
        """Makes a wait look at `stop`. In a thread, because the code that a signal handler interrupts may hold the
        lock that setting an event takes."""
        _thread.start_new_thread(self._wake.set, ())

    def abandon(self) -> None:
        """The run cannot be driven on. What is being performed is told to end; nothing of it is recorded."""
        for context in self._running.values():
            context.cancel()

    def _let_finish(self) -> None:
        """Waits for the actions that are being performed, so that no effect goes unrecorded."""
        while self._running:
            position, outcome = self._done.get()
            del self._running[position]
            self._answer(position, outcome)

    # Ending

    def _suspend(self) -> None:
        """Records what was performed; the script itself goes on in a later activation."""
        if self._batch:
            self._commit(RunStatus.SUSPENDED)
        else:
            self.writer.release(RunStatus.SUSPENDED)

    def _finish(self, step: Completed | Stopped) -> None:
        if isinstance(step, Stopped):
            self._stop_run(step)
            return
        ok = type(step.result) is Ok
        payload = step.payload
        if payload is None:
            payload = encode(Ok(None)) if ok else encode(step.result)
        self._batch.append(RunCompleted(ok, payload))
        self._commit(RunStatus.COMPLETED if ok else RunStatus.FAILED)

    def _stop_run(self, step: Stopped) -> None:
        self._let_finish()
        # What was to be started now will not be: it is asked for again when the run goes on.
        self._batch = [event for event in self._batch if not isinstance(event, INTENTS)]
        if isinstance(step.cause, BudgetExceeded):
            failure = {
                "kind": "budget-exceeded", "message": step.cause.message, "data": {"limit": step.cause.limit},
                "trace": [trace_struct(frame) for frame in step.frames],
            }  # fmt: skip
            self._batch.append(RunStopped("budget", encode(from_host(failure))))
            self._commit(RunStatus.STOPPED)
            return
        # An interruption can come anywhere in a turn, so what the script said in it is left to the next time, too.
        self._batch = [event for event in self._batch if isinstance(event, ANSWERS)]
        self._suspend()


ANSWERS = (ActionCompleted, ActionFailed, TimerFired)
INTENTS = (ActionScheduled, AttemptStarted, TimerStarted)


def _event_of(note: Note | Command) -> Event:
    match note:
        case FlowBegun():
            return FlowStarted(note.position, note.flow, note.digest, note.preview, place_of(note.frame))
        case FlowEnded():
            return FlowCompleted(note.position, note.ok, note.payload)
        case TaskBegun():
            return TaskStarted(note.position, note.name, note.digest, place_of(note.frame))
        case LogLine():
            return LogWritten(note.position, note.level, note.text)
    raise AssertionError(f"not a note: {type(note).__name__}")


def _failure_dict(outcome: ActionFailure) -> dict[str, Any]:
    return {
        "kind": outcome.kind, "message": outcome.message, "data": outcome.data, "retryable": outcome.retryable,
        "hint": outcome.hint,
    }  # fmt: skip
