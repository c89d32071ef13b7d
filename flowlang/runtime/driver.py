"""Drives one run, and the runs that it spawns, on the calling thread.

Whatever is pure is evaluated before the run exists: a script whose arguments do not fit leaves nothing behind. The
first append creates the run, its pinned code and its first events in one transaction.

This is what `flowlang run` and `flowlang resume` do, and what needs nobody else: children are driven here, too, unless
a worker took them first. Many runs at once are the work of `worker.py`, by the same rounds.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import attrs

from flowlang.errors import (
    InternalError,
    JournalError,
    JournalUnavailable,
    LeaseHeld,
    RunAlreadyExists,
    RunError,
    RunNotFound,
    UsageError,
)
from flowlang.lang.eval.evaluation import Completed, Entry, EntryMismatch, Step, Stopped
from flowlang.lang.eval.failure import Defect, fault_result, trace_struct
from flowlang.lang.interpreter import Build
from flowlang.lang.values.canonical import decode
from flowlang.lang.values.fault import BudgetExceeded, Fault
from flowlang.lang.values.meter import Budget
from flowlang.runtime.action import ActionSpec
from flowlang.runtime.assembly import Assembly, Facts
from flowlang.runtime.clock import Clock, SystemClock
from flowlang.runtime.collector import patient_collector
from flowlang.runtime.driven import Driven, Ending
from flowlang.runtime.executors.dispatcher import Dispatcher
from flowlang.runtime.executors.executor import Executor
from flowlang.runtime.hooks import Hooks
from flowlang.runtime.inbox_watch import InboxWatch
from flowlang.runtime.journal.codec import manifest_digest
from flowlang.runtime.journal.event import ActivationStarted, Event, Record, RunStarted
from flowlang.runtime.journal.journal import Journal
from flowlang.runtime.journal.model import AttributeValue, Claim, Counters, NewRun, Placement, RunRecord, RunStatus
from flowlang.runtime.launch import PinnedCode, code_of, prepare
from flowlang.runtime.lease import LeaseRenewal
from flowlang.runtime.outcome import Attachment, RunOutcome, StopReport, recorded_result
from flowlang.runtime.performing import Done
from flowlang.runtime.pulse import LinePulse
from flowlang.runtime.replay import Beginning, Divergence, Replay
from flowlang.runtime.report import divergence_report
from flowlang.runtime.rounds import Rounds

TURN_STEPS: Final = 1_000_000_000
PATIENCE_S: Final = 0.25
"""A run that waits for longer looks into its inbox."""


@attrs.define(eq=False)
class StopRequest:
    """Whether a run is to be suspended. A plain field: taking a lock in a signal handler can wait for ever."""

    is_made: bool = False


class RunDriver:
    """Drives runs of one project, one at a time. `root` is the project folder: scripts load, and actions read and
    write, below it. `actions` are all that scripts can do (`flowlang.actions.shipped_actions()` gives those that come
    with flowlang). Not for use from several threads at once, except for `request_stop`."""

    def __init__(
        self, root: Path, journal: Journal, *, hooks: Hooks | None = None, clock: Clock | None = None,
        budget: Budget | None = None, actions: Sequence[ActionSpec[..., Any]] = (), executor: Executor | None = None,
    ) -> None:  # fmt: skip
        self.journal = journal
        self.hooks = hooks or Hooks()
        self.clock = clock or SystemClock()
        self.budget = budget or Budget(steps=TURN_STEPS)
        self._executor = executor or Dispatcher()
        self._assembly = Assembly(
            root, journal, actions=actions, hooks=self.hooks, clock=self.clock, budget=self.budget,
            executor=self._executor, report=self._report,
        )  # fmt: skip
        self.project = self._assembly.project
        self._owner: str | None = None
        self._stop = StopRequest()
        self._rounds: Rounds | None = None
        self._wake = threading.Event()
        self._watch: InboxWatch | None = None
        self._later: dict[str, int] = {}

    def build_script(self, path: Path) -> Build:
        """The static part: everything that can be wrong without running. Raises UsageError when there is no such
        file; static errors are in the build's diagnostics."""
        return self.project.build(path)

    def start(
        self, script: Build, *, flow: str = "", arguments: Mapping[str, Any] | None = None,
        texts: Mapping[str, str] | None = None, run_id: str | None = None, placement: Placement | None = None,
        attributes: Mapping[str, AttributeValue] | None = None, correlation: str = "",
    ) -> RunOutcome:  # fmt: skip
        """Starts a run, or attaches to the run of that id: goes on with it, or gives its outcome again.

        Raises UsageError for arguments that do not fit or an id that was started with others; JournalError."""
        code = code_of(script, self._assembly.registry)
        prepared = prepare(
            script, code, flow=flow, arguments=arguments, texts=texts, run_id=run_id, placement=placement,
            attributes=attributes, correlation=correlation, clock=self.clock,
        )  # fmt: skip
        new, started = prepared.run, prepared.events[0]
        assert isinstance(started, RunStarted)
        if run_id is not None:
            known = self._find(run_id)
            if known is not None:
                return self._attach(known, script, flow, new.arguments_digest)
        driven, step = self._prepared(new, started, script, code)
        _check_entry(step)
        self.hooks.started(new.run_id, script.entry)
        try:
            return self._drive(driven, step, [started], Attachment.NEW)
        except RunAlreadyExists as error:
            if error.run_id != new.run_id:
                raise
            # Somebody else started it meanwhile. Nothing has been performed here.
            return self._attach(self.journal.run(new.run_id), script, flow, new.arguments_digest)

    def _prepared(self, new: NewRun, started: RunStarted, script: Build, code: PinnedCode) -> tuple[Driven, Step]:
        """A run that does not exist yet, evaluated to its first commands."""
        given = decode(started.payload)
        entry = Entry(script.entry, new.flow, given["arguments"], given["texts"])
        facts = Facts(
            new.run_id, new.entry, new.flow, new.run_id, new.correlation, new.placement.deadline_at_ms, new.attributes
        )
        replay, beginning = Replay(()), Beginning(1, started.payload, started.salt)
        evaluation = self._assembly.evaluation(script, facts, entry, replay)
        activation = self._assembly.activation(
            script, code, facts, evaluation, replay, beginning, Counters(), sequence=0, token=1
        )
        with LinePulse(evaluation):
            step = activation.take_up()
        return Driven(facts, script, code, activation, None, new), step

    def submit(
        self, script: Build, *, flow: str = "", arguments: Mapping[str, Any] | None = None,
        texts: Mapping[str, str] | None = None, run_id: str | None = None, placement: Placement | None = None,
        attributes: Mapping[str, AttributeValue] | None = None, correlation: str = "",
    ) -> str:  # fmt: skip
        """Creates a run for any worker to drive, checked like one that is started here; gives its id. Raises
        UsageError, RunAlreadyExists."""
        code = code_of(script, self._assembly.registry)
        prepared = prepare(
            script, code, flow=flow, arguments=arguments, texts=texts, run_id=run_id, placement=placement,
            attributes=attributes, correlation=correlation, clock=self.clock,
        )  # fmt: skip
        started = prepared.events[0]
        assert isinstance(started, RunStarted)
        driven, step = self._prepared(prepared.run, started, script, code)
        driven.activation.evaluation.drop()
        _check_entry(step)
        self.journal.create_many([prepared])
        return prepared.run.run_id

    def resume(self, run_id: str, *, code: str = "pinned") -> RunOutcome:
        """Goes on with an unfinished run, with the code that it is pinned to. `code="current"` moves it to the code as
        it is now, if a dry replay agrees with it. Raises RunNotFound, LeaseHeld, JournalError."""
        run = self.journal.run(run_id)
        if run.status.is_final:
            return self._finished(run)
        script, pinned = self._assembly.pinned(run)
        if code != "current":
            return self._resume(run, script, pinned, None)
        current = self.project.build(self.project.root / run.entry)
        if current.has_errors:
            hint = f"flowlang check {run.entry}"
            raise UsageError(f"the current code of {run.entry} has errors", hint=hint)
        current_code = code_of(current, self._assembly.registry)
        moved_from = pinned if manifest_digest(pinned.manifest) != current_code.digest else None
        return self._resume(run, current, current_code, moved_from)

    def request_stop(self) -> None:
        """Suspends the run that is being driven, cleanly. Safe in a signal handler and from other threads."""
        self._stop.is_made = True
        rounds = self._rounds
        if rounds is not None:
            for driven in list(rounds.driven.values()):
                driven.activation.evaluation.interrupt()
        # In a thread, because the code that a signal handler interrupts may hold the lock that setting an event takes.
        threading.Thread(target=self._wake.set, daemon=True).start()

    def close(self) -> None:
        """Gives back what the driver holds. The journal stays open."""
        self._executor.close()
        self._assembly.close()
        self._drop_owner()

    # Attaching

    def _find(self, run_id: str) -> RunRecord | None:
        try:
            return self.journal.run(run_id)
        except RunNotFound:
            return None

    def _attach(self, run: RunRecord, script: Build, flow: str, arguments_digest: str) -> RunOutcome:
        if (run.entry, run.flow) != (script.entry, flow):
            shown = f"{run.entry}:{run.flow}" if run.flow else run.entry
            raise UsageError(f"run `{run.run_id}` exists and runs {shown}", hint="choose another id")
        if run.arguments_digest != arguments_digest:
            raise UsageError(
                f"run `{run.run_id}` exists and was started with other arguments",
                hint=f"choose another id, or give none: `flowlang resume {run.run_id}`",
            )
        return self.resume(run.run_id)

    def _finished(self, run: RunRecord) -> RunOutcome:
        result = recorded_result(self.journal.read(run.run_id, run.sequence - 1))
        return RunOutcome(
            run.run_id, run.status, Attachment.FINISHED, result, None, run.sequence, run.actions_completed,
            self.journal.modules(run.run_id),
        )  # fmt: skip

    def _resume(self, run: RunRecord, script: Build, code: PinnedCode, moved_from: PinnedCode | None) -> RunOutcome:
        run_id, owner = run.run_id, self._living_owner()
        status = RunStatus.SUSPENDED if run.status is RunStatus.RUNNING else run.status
        try:
            lease = self.journal.claim(run_id, owner)
        except RunError:
            run = self.journal.run(run_id)
            if run.status.is_final:  # since it was looked at
                return self._finished(run)
            raise
        try:
            run = self.journal.run(run_id)
            records = self.journal.read(run_id, run.chapter_sequence - 1)
            labels = self.journal.attributes(run_id)
            with LeaseRenewal(self.journal, [lease], self.clock):
                try:
                    if moved_from is not None:
                        self._check_move(run, script, code, records, lease.token)
                    activation = self._assembly.recorded(run, records, script, code, token=lease.token, labels=labels)
                    activation.waiting.add(self.journal.open_messages(run_id))
                    step = activation.take_up()
                except Divergence as divergence:
                    self.journal.release(lease, status)
                    before = moved_from or code
                    report = divergence_report(
                        run_id, divergence, before.texts, code.texts, self.journal.manifest(run_id),
                        code_of(script, self._assembly.registry).manifest,
                    )  # fmt: skip
                    return RunOutcome(
                        run_id, status, Attachment.RESUMED, None, report, run.sequence, run.actions_completed,
                        dict(code.texts),
                    )  # fmt: skip
            if not isinstance(step, Stopped):
                is_edited = moved_from is None and self.project.is_edited(run.entry, code.texts)
                self.hooks.resuming(run_id, run.sequence, run.actions_completed, is_edited)
            if moved_from is not None:
                activation.sequence = self.journal.repin(
                    lease, run.sequence, code.manifest, code.texts, Counters(run.steps, 0, run.actions_completed)
                )
        except BaseException:
            self._give_up(lease)
            raise
        driven = Driven(Facts.of(run, labels), script, code, activation, lease)
        return self._drive(driven, step, [ActivationStarted(owner, lease.token)], Attachment.RESUMED)

    def _check_move(
        self, run: RunRecord, script: Build, code: PinnedCode, records: Sequence[Record], token: int
    ) -> None:
        """Evaluates all of the past with other code. What lies inside finished flow calls is not evaluated when a run
        is resumed, so a difference there would not be found. Raises Divergence."""
        activation = self._assembly.recorded(run, records, script, code, token=token, labels={}, is_whole=True)
        activation.take_up()
        activation.evaluation.drop()

    def _give_up(self, lease: Any) -> None:
        """Gives a run back after a failure. When that fails too, whoever resumes the run must not wait for this
        owner, so it ends."""
        try:
            self.journal.release(lease, RunStatus.SUSPENDED)
        except JournalError:
            self._drop_owner()

    def _living_owner(self) -> str:
        if self._owner is None:
            self._owner = self.journal.new_owner()
        return self._owner

    def _drop_owner(self) -> None:
        owner, self._owner = self._owner, None
        if owner is not None:
            self.journal.drop_owner(owner)

    # Driving

    def _drive(self, driven: Driven, step: Step, first: Sequence[Event], attachment: Attachment) -> RunOutcome:
        owner = self._living_owner()
        rounds = self._rounds = Rounds(self._assembly, owner, parks=False, spawned=self._adopt_children)
        self._wake.clear()
        self._later.clear()
        try:
            pulse = LinePulse(driven.activation.evaluation)
            with patient_collector(), LeaseRenewal(self.journal, rounds, self.clock), pulse:
                rounds.adopt(driven, step, first)
                if attachment is Attachment.RESUMED:
                    self._adopt_children(list(driven.activation.waiting.children.values()))
                ending = self._go_round(rounds, driven.run_id)
        except BaseException:
            for each in list(rounds.driven.values()):
                each.activation.performing.abandon()
                if each.lease is not None:
                    self._give_up(each.lease)
            raise
        finally:
            self._rounds = None
            if self._watch is not None:
                self._watch.close()
                self._watch = None
        if ending.error is not None:
            if driven.lease is not None:
                self._give_up(driven.lease)
            raise ending.error
        return self._outcome(driven, ending, attachment)

    def _go_round(self, rounds: Rounds, run_id: str) -> Ending:
        """Until the run has ended or was put down. Children that are still driven then are given back."""
        while True:
            rounds.round()
            for ending in rounds.take_endings():
                if ending.run_id == run_id:
                    rounds.suspend(list(rounds.driven))
                    return ending
                if isinstance(ending.error, JournalUnavailable):
                    raise ending.error
            if self._stop.is_made:
                self._let_finish(rounds)
                rounds.suspend(list(rounds.driven))
            elif not rounds.has_work:
                self._wait(rounds, run_id)

    def _let_finish(self, rounds: Rounds) -> None:
        """Waits for the actions that are being performed, so that no effect goes unrecorded."""
        while True:
            running = sum(len(driven.activation.performing.running) for driven in rounds.driven.values())
            # A sign of life is no outcome.
            if running <= sum(outcome is not None for *_, outcome in list(rounds.done)):
                return
            self._wake.wait(0.1)
            self._wake.clear()

    def _wait(self, rounds: Rounds, run_id: str) -> None:
        """Waits until something can go on."""
        self._wake.clear()
        if rounds.done or self._stop.is_made:
            return
        due_ms = self._next_due_ms(rounds)
        driven = rounds.driven.get(run_id)
        if driven is not None and due_ms is not None and not driven.activation.performing.running:
            self._tell_waiting(driven, due_ms)
        if self._watch is None:
            activation = None if driven is None else driven.activation
            is_busy = activation is not None and bool(activation.performing.running)
            if is_busy and due_ms is None and self._wake.wait(PATIENCE_S):
                return
            self._watch = InboxWatch(self.journal, rounds.owner, self._wake)
        for told in self._watch.told(list(rounds.driven)):
            rounds.deliver(told)
        if rounds.has_work:
            return
        if due_ms is None:
            self._wake.wait()
        else:
            self.clock.wait(self._wake, due_ms)

    def _next_due_ms(self, rounds: Rounds) -> int | None:
        """When a run that is driven here has something to do, or a child that was spawned for later. Such a child is
        taken up when its time has come."""
        now_ms = self.clock.now_ms()
        for run_id in [run_id for run_id, at_ms in self._later.items() if at_ms <= now_ms]:
            del self._later[run_id]
            self._adopt_children([run_id])
        times = [*self._later.values()]
        if (own_ms := rounds.next_due_ms()) is not None:
            times.append(own_ms)
        return now_ms if rounds.has_work else min(times, default=None)

    def _tell_waiting(self, driven: Driven, due_ms: int) -> None:
        timers = driven.activation.waiting.timers
        position = min(timers, key=lambda each: (timers[each], each), default=None)
        if position is not None:
            self.hooks.waiting(driven.run_id, position, due_ms)

    def _adopt_children(self, run_ids: Sequence[str]) -> None:
        """Drives what was spawned here, unless somebody else was quicker or it is not due yet."""
        rounds = self._rounds
        assert rounds is not None
        now_ms = self.clock.now_ms()
        for run_id in run_ids:
            try:
                run = self.journal.run(run_id)
            except RunNotFound:  # it was deleted, or the next append creates it, and tells of it
                continue
            if run.due_at_ms is not None and run.due_at_ms > now_ms and run.status is not RunStatus.RUNNING:
                self._later[run_id] = run.due_at_ms
            elif run.due_at_ms is not None:
                try:
                    lease = self.journal.claim(run_id, rounds.owner)
                except (LeaseHeld, RunError):
                    continue
                rounds.take_up([Claim(lease, self.journal.run(run_id))])
                taken = rounds.driven.get(run_id)
                if taken is not None:  # it may have children of its own, which were given back with it
                    self._adopt_children(list(taken.activation.waiting.children.values()))

    def _report(self, done: Done) -> None:
        """Called by executors, from any thread."""
        rounds = self._rounds
        if rounds is not None:
            rounds.done.append(done)
            if not self._wake.is_set():  # whoever clears it looks at `done` afterwards
                self._wake.set()

    def _outcome(self, driven: Driven, ending: Ending, attachment: Attachment) -> RunOutcome:
        activation = driven.activation
        step = activation.step
        result, stop = None, None
        if isinstance(step, Completed):
            result = step.result
        elif activation.failure is not None and not isinstance(step, Stopped):
            kind, message = activation.failure
            stop = StopReport(activation.reason, kind, message)
        else:
            stop = _stop_report(step)
        return RunOutcome(
            driven.run_id, ending.status, attachment, result, stop, activation.sequence,
            activation.counters.actions_completed, dict(driven.code.texts),
        )  # fmt: skip


def _check_entry(step: Step | None) -> None:
    if isinstance(step, Stopped):
        if isinstance(step.cause, EntryMismatch):
            raise UsageError(step.cause.message, hint=step.cause.hint)
        if isinstance(step.cause, Defect):
            raise InternalError(str(step.cause)) from step.cause.cause


def _stop_report(step: Step | None) -> StopReport:
    """Why a run that did not end is not driven any more."""
    if isinstance(step, Stopped):
        _check_entry(step)
        if isinstance(step.cause, BudgetExceeded):
            hint = "calls that nest without end need another way out" if step.cause.limit == "depth" else None
            fault = Fault("budget-exceeded", step.cause.message, hint=hint, data={"limit": step.cause.limit})
            failure = fault_result(fault, [trace_struct(frame) for frame in step.frames])
            return StopReport("budget", fault.slug, fault.message, hint, failure=failure)
    return StopReport("interrupted", "interrupted", "the run was suspended")
