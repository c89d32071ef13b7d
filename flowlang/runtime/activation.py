"""One activation: a run is taken up, replayed to where its past ends, and driven on until it ends or is put down.

The rule that everything rests on: a result is recorded before the next effect starts. After answers arrived, the
script is evaluated on to its next commands without a commit; then one append makes the answers, what the script said
and the intents of its new commands durable together; only then do those commands start.

An activation never waits and never writes. Whoever drives it (`driver.py` one run, `worker.py` many) goes round:

    put outcomes and messages in  ─▶  advance  ─▶  append the draft  ─▶  settle (effects start)

so a hundred activations can share one thread and one transaction, and a test can drive one through any order of
events.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import attrs

from flowlang.errors import MessageConflict, RunAlreadyExists, RunEnded, RunError, RunNotFound
from flowlang.lang.eval.command import (
    Answer,
    CallAction,
    Command,
    Note,
    Position,
    SpawnRun,
)
from flowlang.lang.eval.entry import EntryMismatch
from flowlang.lang.eval.evaluation import Completed, Continued, Evaluation, Step, Stopped, Suspended
from flowlang.lang.eval.failure import Defect, fault_result, trace_struct
from flowlang.lang.values.canonical import decode, encode
from flowlang.lang.values.convert import from_host, to_host
from flowlang.lang.values.fault import BudgetExceeded, Fault
from flowlang.lang.values.result import Err, Ok
from flowlang.runtime.answering import next_answer, outcome_answer
from flowlang.runtime.asking import TAKING, begin_chapter, event_of
from flowlang.runtime.draft import Draft
from flowlang.runtime.executors.executor import Joint
from flowlang.runtime.executors.executor import Outcome as AttemptOutcome
from flowlang.runtime.gate_token import make_token
from flowlang.runtime.journal.event import (
    ActionCompleted,
    ActionScheduled,
    AttemptStarted,
    ChildStarted,
    Event,
    GateOpened,
    LogWritten,
    ReceiveStarted,
    Record,
    RunCompleted,
    RunStopped,
    TimerStarted,
    position_text,
)
from flowlang.runtime.journal.model import (
    NO_EFFECTS,
    Append,
    Counters,
    Lease,
    NewChild,
    RunStatus,
)
from flowlang.runtime.performing import Call, Performing
from flowlang.runtime.replay import Open, Replay
from flowlang.runtime.waiting import Waiting


@attrs.frozen
class Identity:
    """What an activation knows of its run. `chapter` and `salt` are those of the chapter under way, `payload` the
    arguments that it began with. `child` makes the run of a spawned flow."""

    run_id: str
    salt: str
    chapter: int
    payload: bytes
    deadline_at_ms: int | None
    child: Callable[[SpawnRun, str], NewChild]
    key: Callable[[str | None], tuple[str, bytes]]


@attrs.frozen
class _Closing:
    """How a run will end that is not evaluated any more: with what status and event."""

    status: RunStatus
    reason: str
    last: Event | None


@attrs.define(eq=False)
class Activation:
    """Drives one run, from `take_up` to a final status. `sequence` is its last durable record; `draft` what comes
    next, with `status` and `effects`."""

    identity: Identity
    evaluation: Evaluation
    replay: Replay
    performing: Performing
    counters: Counters
    sequence: int = 0
    step: Step | None = None
    draft: Draft = attrs.field(factory=Draft)
    status: RunStatus = RunStatus.RUNNING
    reason: str = ""
    failure: tuple[str, str] | None = None
    """Kind and message of what stopped the run from outside of its script."""
    outcome: bytes | None = None
    waiting: Waiting = attrs.field(factory=Waiting)
    outcomes: deque[tuple[Position, Call, int, AttemptOutcome]] = attrs.field(factory=deque)
    _at_once: list[tuple[Position, Answer]] = attrs.field(factory=list)
    repeated: deque[tuple[Position, bytes]] = attrs.field(factory=deque)
    is_cancelled: bool = False
    _closing: _Closing | None = None

    # Taking up

    def take_up(self) -> Step:
        """Evaluates up to where the recorded past ends. Raises Divergence; performs and records nothing.

        Budgets do not hold for what was evaluated before. But nothing tells whether the turn after the last answer was
        evaluated to its end, so they do hold for that one: a run that a budget stopped does not get past it so."""
        evaluation, replay, steps = self.evaluation, self.replay, self.counters.steps
        if replay.is_last_answer_given:
            self._go_live(steps)
        evaluation.recall = replay.recall
        step = evaluation.start()
        if evaluation.is_ready and replay.is_blank:  # a slice is over, and there is nothing to compare with
            evaluation.recall = None
            return step
        said: list[Command | Note] = []
        step = self._end_turn(step, said)
        while not isinstance(step, (Completed, Stopped, Continued)):
            answer = replay.next_answer(evaluation.waiting)
            if answer is None:
                break
            if replay.is_last_answer_given:
                self._go_live(steps)
            step = self._end_turn(evaluation.resume([answer]), said)
        evaluation.recall = None
        if not isinstance(step, Stopped):
            replay.check_complete()
            if not said:
                evaluation.go_live(steps)  # the turn is recorded to its end, and its steps are counted already
        evaluation.is_live = True
        return Suspended(said) if type(step) is Suspended else attrs.evolve(step, said=said)

    def _end_turn(self, step: Step, said: list[Command | Note]) -> Step:
        """Evaluates to the end of a turn, also through slices, and adds what is new to `said`."""
        said += self.replay.new_of(step.said)
        while self.evaluation.is_ready:
            step = self.evaluation.resume(())
            said += self.replay.new_of(step.said)
        return step

    def _go_live(self, steps: int) -> None:
        """Budgets hold from here on; but a turn that has recorded commands is still part of the past."""
        self.evaluation.go_live(steps)
        self.evaluation.is_live = not self.replay.has_unmatched

    def open(self, step: Step, first: Sequence[Event], now_ms: int) -> None:
        """Goes on from `step`. `first` are events that belong before everything new."""
        self.draft.events += first
        self.is_cancelled = self.replay.is_cancelled
        self.waiting.gates.update(self.replay.gates)
        self.waiting.decisions.update(self.replay.decisions)
        self.waiting.deadline_at_ms = None if self.is_cancelled else self.identity.deadline_at_ms
        for position, opened in self.replay.open.items():
            self._reopen(position, opened)
        self._follow(step, now_ms)

    def _reopen(self, position: Position, opened: Open) -> None:
        """Goes on waiting for, or starts again, what had no answer when the past ended."""
        event, asking = opened.record.event, opened.asking
        match event:
            case TimerStarted():
                self.waiting.start_timer(position, event.wake_at_ms)
            case ReceiveStarted():
                self.waiting.receive(position, event.channel, event.name, event.wake_at_ms)
            case ChildStarted():
                self.waiting.children[position] = event.run_id
                self._spawn_for_fork(position, opened, event.run_id)
            case ActionScheduled():
                timeout_s, retry = None, None
                if isinstance(asking, CallAction):
                    timeout_s, retry = asking.timeout_s, asking.retry
                begun_ms = opened.record.recorded_at_ms
                call = self.performing.schedule(position, event.action, event.payload, timeout_s, retry, begun_ms)
                call.attempt = opened.attempts
                if opened.heartbeat is not None:
                    call.heartbeat = to_host(decode(opened.heartbeat))
                elif opened.failure is not None:
                    call.heartbeat = to_host(decode(opened.failure)).get("heartbeat")
                if opened.retry_at_ms is not None:
                    self.performing.unschedule(position)
                    self.performing.retries[position] = opened.retry_at_ms
                else:
                    call.attempt += 1
                    self.draft.events.append(AttemptStarted(position, call.attempt))

    def _spawn_for_fork(self, position: Position, opened: Open, child: str) -> None:
        """A fork has open children of its own, which nobody has created yet. One that is there is not created again;
        if it has ended, it reports once more."""
        asking = opened.asking
        is_own = child.startswith(f"{self.identity.run_id}:")
        if is_own and opened.record.sequence < self.replay.forked_at and isinstance(asking, SpawnRun):
            self.draft.children[position] = self.identity.child(asking, position_text(position))

    # Going on

    def put_outcome(self, position: Position, call: Call, number: int, outcome: AttemptOutcome | None) -> None:
        """What an attempt came to, or that it gave a sign of life. Called on the thread that drives the run."""
        if outcome is None:
            self.performing.note_heartbeat(position, call, number)
            return
        self.outcomes.append((position, call, number, outcome))

    def advance(self, now_ms: int) -> bool:
        """Takes what came in and evaluates on. True when there is something to append, or the run has ended.

        Answers are delivered one by one: each is followed in the journal by all that it led to, so that a replay finds
        the order in which things ended. After a command that is answered by its own record nothing more is delivered
        before that answer."""
        evaluation = self.evaluation
        if self._closing is not None or self.status is not RunStatus.RUNNING:
            pass  # it only ends
        elif evaluation.is_ready:
            self._follow(evaluation.resume(()), now_ms)
        elif self._at_once:
            answers, self._at_once = self._at_once, []
            evaluation.begin_turn()
            self._follow(evaluation.resume(answers), now_ms)
        else:
            self._feed(now_ms)
        if self._closing is not None and self.status is RunStatus.RUNNING:
            self._record_what_ends(now_ms)
        return not self.draft.is_empty

    def _feed(self, now_ms: int) -> None:
        is_fed = False
        while self._has_answers and self._takes_more:
            answered = next_answer(self, now_ms)
            if answered is None:
                return
            event, position, answer = answered
            if event is not None:
                self.draft.events.append(event)
            if not is_fed:
                is_fed = True
                self.evaluation.begin_turn()
            self._follow(self.evaluation.resume(((position, answer),)), now_ms)

    @property
    def _has_answers(self) -> bool:
        """Whether anything may have come in. After a lone action nothing has, and nobody need look for what it is."""
        return bool(self.outcomes or self.repeated or self.waiting.messages) or self.has_times

    @property
    def _takes_more(self) -> bool:
        return (
            self.status is RunStatus.RUNNING
            and not self.evaluation.is_ready
            and not self.draft.is_answering
            and self._closing is None
            and type(self.step) is Suspended
        )

    @property
    def takes_joint(self) -> bool:
        """Whether the next outcome is a write that joins a record of its own, which may be appended now."""
        if not self.outcomes or type(self.outcomes[0][3]) is not Joint:
            return False
        return self._takes_more and self.draft.is_empty and not self._at_once

    @property
    def is_ready(self) -> bool:
        """Whether `advance` has something to do without anything coming in."""
        if self.outcomes or self._at_once or self.repeated or self.evaluation.is_ready:
            return True
        return self._closing is None and self.status is RunStatus.RUNNING and self.waiting.is_deliverable

    @property
    def has_performed_all(self) -> bool:
        """Whether nothing is being performed whose outcome has not come in."""
        return len(self.outcomes) >= len(self.performing.running)

    @property
    def is_parkable(self) -> bool:
        """Whether the run only waits for times and messages, so that nothing is lost when it is put down."""
        performing = self.performing
        return not (performing.running or performing.is_starting or self.is_ready) and self.status is RunStatus.RUNNING

    @property
    def has_times(self) -> bool:
        """Whether there is anything that happens by itself."""
        waiting, performing = self.waiting, self.performing
        return bool(
            waiting.timers or waiting.receptions or waiting.deadline_at_ms is not None or performing.retries
            or performing.heartbeats
        )  # fmt: skip

    def next_due_ms(self) -> int | None:
        """When something happens by itself; None when never."""
        times = [*self.performing.retries.values(), *self.performing.heartbeats.values()]
        own = self.waiting.next_due_ms()
        return min(times if own is None else [*times, own], default=None)

    # What the script said

    def _follow(self, step: Step, now_ms: int) -> None:
        self.step = step
        for item in step.said:
            take = TAKING.get(type(item))
            if take is not None:
                take(self, item, now_ms)
            else:
                self.draft.events.append(event_of(item))
        if type(step) is Suspended:
            return
        match step:
            case Completed():
                self._complete(step)
            case Stopped():
                self._stop(step)
            case Continued():
                begin_chapter(self, self.identity.chapter + 1, step.payload)

    # Appending

    def append(self, lease: Lease, *, parks: bool = False) -> Append:
        """The draft as an append. With `parks`, a run that only waits is put down with it."""
        draft = self.draft
        done = sum([type(event) is ActionCompleted for event in draft.events])
        if self.step is not None:
            self.counters = self.counted(done)
        status, wake_at_ms = self.status, None
        if parks and self.is_parkable and not self._will_answer():
            status, wake_at_ms = RunStatus.WAITING, self.next_due_ms()
        effects = NO_EFFECTS
        if status is not RunStatus.RUNNING or draft.has_effects or type(self.step) is Continued:
            effects = draft.effects(
                self.sequence,
                reason=self.reason,
                outcome=self.outcome,
                wake_at_ms=wake_at_ms,
                seen=self.waiting.seen if status is RunStatus.WAITING else 0,
                closes_gates=type(self.step) is Continued,
            )
        return Append(lease, self.sequence, draft.events, self.counters, status, effects)

    def counted(self, done: int) -> Counters:
        """The run's counters now, with so many more actions completed."""
        evaluation = self.evaluation
        return Counters(evaluation.total_steps, evaluation.meter.memory, self.counters.actions_completed + done)

    def _will_answer(self) -> bool:
        return self.draft.is_answering or bool(self.draft.refused)

    def refused(self, error: Exception) -> bool:
        """The store refused part of the draft, and nothing was written. True when it is to be appended again, without
        that part; its command fails."""
        if not isinstance(error, RunError):
            return False
        kind = _REFUSALS.get(type(error))
        is_own_start = kind == "run-exists" and error.run_id == self.identity.run_id
        if kind is None or is_own_start:
            return False
        for position, child in list(self.waiting.children.items()):
            if child == error.run_id and position in self.draft.children:
                del self.waiting.children[position]
        return self.draft.refuse(error.run_id, kind, error.message)

    def settle(self, now_ms: int) -> None:
        """The draft is durable: tells who watches, and starts what was to be performed."""
        draft, self.draft = self.draft, Draft()
        first, self.sequence = self.sequence + 1, self.sequence + len(draft.events)
        hooks = self.performing.environment.hooks
        if hooks.is_watching:
            run_id, token = self.identity.run_id, self.performing.lease_token
            for sequence, event in enumerate(draft.events, first):
                hooks.recorded(run_id, Record(sequence, now_ms, token, event))
                if type(event) is LogWritten:
                    hooks.line(run_id, event)
        if (draft.is_answering or draft.refused) and not self.status.is_final:
            self._at_once += draft.answers_at_once(self._token_of)
        self.performing.begin()

    def _token_of(self, event: GateOpened) -> str:
        _, key = self.identity.key(event.key_id)
        return make_token(event.key_id, key, self.identity.run_id, position_text(event.position), self.identity.salt)

    # Ending

    def _complete(self, step: Completed) -> None:
        payload = step.payload
        ok = type(step.result) is Ok
        if payload is None:
            payload = encode(Ok(None)) if ok else encode(Err(str(step.result)))
        self.outcome = payload
        if step.cancelled:
            assert isinstance(step.result, Err)
            self.reason = "cancelled" if step.cancelled == "cancelled" else "deadline"
            self.status = RunStatus.CANCELLED if self.reason == "cancelled" else RunStatus.FAILED
            failure = step.result.failure
            given = {"kind": failure.kind, "message": failure.message, "data": failure.data, "trace": failure.trace}
            self.draft.events.append(RunStopped(self.reason, encode(from_host(given))))
            return
        self.status = RunStatus.COMPLETED if ok else RunStatus.FAILED
        self.draft.events.append(RunCompleted(ok, payload))

    def _stop(self, step: Stopped) -> None:
        trace = [trace_struct(frame) for frame in step.frames]
        if isinstance(step.cause, BudgetExceeded):
            # What was to be started now will not be: it is asked for again when the run goes on.
            self.performing.drop_starts()
            self.draft.drop_intents()
            message, data = step.cause.message, {"limit": step.cause.limit}
            self._close(RunStatus.STOPPED, "budget", _stopped("budget", "budget-exceeded", message, data, trace))
        elif isinstance(step.cause, EntryMismatch):
            # Whoever made the run is gone: it fails with what a call in a script would have been told.
            fault = Fault("flow-arguments", step.cause.message, hint=step.cause.hint)
            self.outcome = encode(fault_result(fault, []))
            self.status = RunStatus.FAILED
            self.draft.events.append(RunCompleted(False, self.outcome))
        elif isinstance(step.cause, Defect):
            self.stop("defect", "internal-error", str(step.cause), None, trace)
        else:
            # An interruption can come anywhere in a turn, so what the script said in it is left to the next time, too.
            self.suspend()

    def stop(self, reason: str, kind: str, message: str, data: Any = None, trace: Sequence[Any] = ()) -> None:
        """The run does not go on until somebody resumes it. What it said since its last append is dropped."""
        self.performing.drop_starts()
        self.draft.keep_answers()
        self.failure = (kind, message)
        self._close(RunStatus.STOPPED, reason, _stopped(reason, kind, message, data, trace))

    def suspend(self) -> None:
        """Ends with what was performed; the script goes on in a later activation."""
        if self.status is RunStatus.RUNNING and self._closing is None:
            self.performing.drop_starts()
            self.draft.keep_answers()
            self._close(RunStatus.SUSPENDED, "", None)

    def _close(self, status: RunStatus, reason: str, last: Event | None) -> None:
        self._closing = _Closing(status, reason, last)

    def _record_what_ends(self, now_ms: int) -> None:
        """Nothing is evaluated any more. What is being performed is recorded first, so that no effect is forgotten."""
        assert self._closing is not None
        while self.outcomes:
            position, call, number, outcome = self.outcomes.popleft()
            if self.performing.take(position, call, number):
                answered = outcome_answer(self, position, call, outcome, now_ms)
                if answered is not None and answered[0] is not None:
                    self.draft.events.append(answered[0])
        if not self.performing.running:
            closing = self._closing
            self.draft.events += () if closing.last is None else (closing.last,)
            self.status, self.reason = closing.status, closing.reason

    def give_up(self, now_ms: int) -> None:
        """Ends a suspended run at once: what is still being performed is told to stop and will be attempted again."""
        self.suspend()
        if self._closing is not None and self.status is RunStatus.RUNNING:
            self._record_what_ends(now_ms)
            self.performing.abandon()
            self.performing.running.clear()
            self._record_what_ends(now_ms)


_REFUSALS: Final[Mapping[type, str]] = {
    RunAlreadyExists: "run-exists",
    RunNotFound: "run-not-found",
    RunEnded: "run-ended",
    MessageConflict: "message-conflict",
}
"""What the store may refuse of an append, and the kind of failure that the script is told."""


def _stopped(reason: str, kind: str, message: str, data: Any, trace: Sequence[Any]) -> RunStopped:
    failure = {"kind": kind, "message": message, "data": data, "trace": list(trace)}
    return RunStopped(reason, encode(from_host(failure)))
