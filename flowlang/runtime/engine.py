"""The engine: a host's handle on runs. It starts, resumes and finishes them on the calling thread.

Whatever is pure is evaluated before the run exists: a script whose arguments do not fit leaves nothing behind. The
first append creates the run, its pinned code and its first events in one transaction.
"""

from __future__ import annotations

import platform
import secrets
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs

from flowlang.errors import InternalError, JournalError, RunAlreadyExists, RunError, RunNotFound, UsageError
from flowlang.lang.eval.evaluation import Completed, Entry, EntryMismatch, Evaluation, Step, Stopped
from flowlang.lang.eval.failure import Defect, fault_result, trace_struct
from flowlang.lang.interpreter import LANGUAGE_VERSION, UNIVERSE, Build
from flowlang.lang.values.canonical import decode, digest, encode
from flowlang.lang.values.convert import from_host
from flowlang.lang.values.fault import BudgetExceeded, Fault
from flowlang.lang.values.meter import Budget
from flowlang.lang.values.result import Ok
from flowlang.runtime.action import ActionRegistry, ActionSpec, signature_digest
from flowlang.runtime.activation import Activation, Environment, StopRequest
from flowlang.runtime.catalog import Catalog
from flowlang.runtime.clock import Clock, SystemClock
from flowlang.runtime.executors.inline import InlineExecutor
from flowlang.runtime.executors.threads import ThreadExecutor
from flowlang.runtime.hooks import Hooks
from flowlang.runtime.journal.codec import manifest_digest
from flowlang.runtime.journal.event import ActivationStarted, Event, Record, RunCompleted, RunStarted
from flowlang.runtime.journal.journal import CodeManifest, Counters, Journal, Lease, NewRun, RunRecord, RunStatus
from flowlang.runtime.lease import LeaseRenewal
from flowlang.runtime.outcome import Attachment, RunOutcome, StopReport
from flowlang.runtime.project import Project
from flowlang.runtime.pulse import LinePulse
from flowlang.runtime.replay import Divergence, Replay
from flowlang.runtime.report import divergence_report

TURN_STEPS = 1_000_000_000


@attrs.define(eq=False)
class RunWriter:
    """Appends to one run; the first append of a new run creates it. `new` is None for a run that exists."""

    journal: Journal
    owner: str
    clock: Clock
    new: NewRun | None
    lease: Lease | None = None
    sequence: int = 0

    def write(self, events: Sequence[Event], counters: Counters, status: RunStatus) -> list[Record]:
        """Makes events durable."""
        first = self.sequence + 1
        if self.lease is None:
            assert self.new is not None
            self.lease = self.journal.create(self.new, self.owner, events, counters, status)
        else:
            self.journal.append(self.lease, self.sequence, events, counters, status)
        self.sequence += len(events)
        now_ms, token = self.clock.now_ms(), self.lease.token
        return [Record(first + index, now_ms, token, event) for index, event in enumerate(events)]

    def release(self, status: RunStatus) -> None:
        """Gives the run back."""
        if self.lease is not None:
            self.journal.release(self.lease, status)


class Engine:
    """Drives runs of one project. `root` is the project folder: scripts load, and actions read and write, below it.
    `actions` are all that scripts can do (`flowlang.actions.shipped_actions()` gives those that come with flowlang).
    Not for use from several threads at once, except for `request_stop`."""

    def __init__(
        self, root: Path, journal: Journal, *, hooks: Hooks | None = None, clock: Clock | None = None,
        budget: Budget | None = None, actions: Sequence[ActionSpec[..., Any]] = (),
    ) -> None:  # fmt: skip
        self.project = Project(root)
        self.journal = journal
        self.hooks = hooks or Hooks()
        self.clock = clock or SystemClock()
        self.budget = budget or Budget(steps=TURN_STEPS)
        self._registry = ActionRegistry(actions)
        self._owner: str | None = None
        self._stop = StopRequest()
        self._activation: Activation | None = None
        files, databases = self.project.access()
        self._environment = Environment(
            Catalog(self._registry), InlineExecutor(), ThreadExecutor(), files, databases, self.clock, self.hooks
        )

    def build_script(self, path: Path) -> Build:
        """The static part: everything that can be wrong without running. Raises UsageError when there is no such
        file; static errors are in the build's diagnostics."""
        return self.project.build(path)

    def start(
        self, script: Build, *, flow: str = "", arguments: Mapping[str, Any] | None = None,
        texts: Mapping[str, str] | None = None, run_id: str | None = None,
    ) -> RunOutcome:  # fmt: skip
        """Starts a run, or attaches to the run of that id: goes on with it, or gives its outcome again.

        Raises UsageError for arguments that do not fit or an id that was started with others; JournalError."""
        given = {"arguments": dict(arguments or {}), "texts": dict(texts or {})}
        if (arguments or texts) and not flow and (script.script.guard is None or script.script.guard.flow is None):
            raise UsageError(
                "the arguments reach no flow",
                hint='name one (`FILE:FLOW`), or let the script end in `if __name__ == "__flow__":` with one flow call',
            )
        payload = encode(from_host(given))
        if run_id is not None:
            known = self._find(run_id)
            if known is not None:
                return self._attach(known, script, flow, digest(payload))
        run_id = run_id or new_run_id(script.entry, self.clock)
        entry = Entry(script.entry, flow, from_host(given["arguments"]), given["texts"])
        evaluation = self._evaluation(script, entry, run_id, {})
        manifest = self._manifest(script)
        texts_of_modules = {name: source.text for name, source in script.sources.items()}
        new = NewRun(run_id, script.entry, flow, digest(payload), manifest, texts_of_modules)
        writer = RunWriter(self.journal, self._living_owner(), self.clock, new)
        salt = secrets.token_hex(8)
        activation = self._activate(run_id, salt, evaluation, Replay(()), writer, Counters())
        with LinePulse(evaluation):
            step = activation.replay_past()
        _check_entry(step)
        self.hooks.started(run_id, script.entry)
        first = RunStarted(script.entry, flow, manifest_digest(manifest), payload, salt)
        try:
            return self._drive(activation, step, [first], Attachment.NEW, texts_of_modules)
        except RunAlreadyExists:
            # Somebody else started it meanwhile. Nothing has been performed here.
            return self._attach(self.journal.run(run_id), script, flow, digest(payload))

    def resume(self, run_id: str, *, code: str = "pinned") -> RunOutcome:
        """Goes on with an unfinished run, with the code that it is pinned to. `code="current"` moves it to the code as
        it is now, if a dry replay agrees with it. Raises RunNotFound, LeaseHeld, JournalError."""
        record = self.journal.run(run_id)
        if record.status.is_final:
            return self._finished(record)
        _check_language(run_id, self.journal.manifest(run_id))
        modules = self.journal.modules(run_id)
        script = self.project.build_pinned(record.entry, modules)
        moved = False
        if code == "current":
            current = self.project.build(self.project.root / record.entry)
            if current.has_errors:
                hint = f"flowlang check {record.entry}"
                raise UsageError(f"the current code of {record.entry} has errors", hint=hint)
            moved = manifest_digest(self._manifest(current)) != manifest_digest(self._manifest(script))
            script = current
        return self._resume(record, script, moved=moved, pinned=modules)

    def request_stop(self) -> None:
        """Suspends the run that is being driven, cleanly. Safe in a signal handler and from other threads."""
        self._stop.is_made = True
        activation = self._activation
        if activation is not None:
            activation.evaluation.interrupt()
            activation.wake()

    def close(self) -> None:
        """Gives back what the engine holds. The journal stays open."""
        self._environment.threads.close()
        self._environment.inline.close()
        self._environment.databases.close()
        self._drop_owner()

    # Attaching

    def _find(self, run_id: str) -> RunRecord | None:
        try:
            return self.journal.run(run_id)
        except RunNotFound:
            return None

    def _attach(self, record: RunRecord, script: Build, flow: str, arguments_digest: str) -> RunOutcome:
        if (record.entry, record.flow) != (script.entry, flow):
            shown = f"{record.entry}:{record.flow}" if record.flow else record.entry
            raise UsageError(f"run `{record.run_id}` exists and runs {shown}", hint="choose another id")
        if record.arguments_digest != arguments_digest:
            raise UsageError(
                f"run `{record.run_id}` exists and was started with other arguments",
                hint=f"choose another id, or give none: `flowlang resume {record.run_id}`",
            )
        return self.resume(record.run_id)

    def _finished(self, record: RunRecord) -> RunOutcome:
        result = None
        for found in reversed(self.journal.read(record.run_id)):
            if isinstance(found.event, RunCompleted):
                result = decode(found.event.payload)
                break
        return RunOutcome(
            record.run_id, record.status, Attachment.FINISHED, result, None, record.sequence,
            record.actions_completed, self.journal.modules(record.run_id),
        )  # fmt: skip

    def _resume(self, record: RunRecord, script: Build, *, moved: bool, pinned: Mapping[str, str]) -> RunOutcome:
        run_id = record.run_id
        owner, status = self._living_owner(), _unfinished(record.status)
        try:
            lease = self.journal.claim(run_id, owner)
        except RunError:
            record = self.journal.run(run_id)
            if record.status.is_final:  # since it was looked at
                return self._finished(record)
            raise
        writer = RunWriter(self.journal, owner, self.clock, None, lease)
        try:
            records = self.journal.read(run_id)
            writer.sequence = records[-1].sequence
            record = self.journal.run(run_id)
            replay = Replay(records)
            entry = _recorded_entry(records)
            counters = Counters(record.steps, 0, record.actions_completed)
            evaluation = self._evaluation(script, entry, run_id, replay.finished)
            salt = _started(records).salt
            activation = self._activate(run_id, salt, evaluation, replay, writer, counters)
            sources = {name: source.text for name, source in script.sources.items()}
            try:
                with LeaseRenewal(self.journal, writer):
                    if moved:
                        self._check_move(script, entry, run_id, records, writer)
                    step = activation.replay_past()
            except Divergence as divergence:
                writer.release(status)
                manifests = (self.journal.manifest(run_id), self._manifest(script))
                report = divergence_report(run_id, divergence, pinned, sources, *manifests)
                return self._unfinished_outcome(attrs.evolve(record, status=status), report, sources)
            if not isinstance(step, Stopped):
                is_edited = not moved and self.project.is_edited(record.entry, pinned)
                self.hooks.resuming(run_id, writer.sequence, record.actions_completed, is_edited)
            if moved:
                writer.sequence = self.journal.repin(lease, writer.sequence, self._manifest(script), sources, counters)
        except BaseException:
            self._give_up(writer)
            raise
        first = ActivationStarted(owner, lease.token)
        return self._drive(activation, step, [first], Attachment.RESUMED, sources)

    def _check_move(
        self, script: Build, entry: Entry, run_id: str, records: Sequence[Record], writer: RunWriter
    ) -> None:
        """Evaluates all of the past with other code. What lies inside finished flow calls is not evaluated when a run
        is resumed, so a difference there would not be found. Raises Divergence."""
        replay = Replay(records, is_whole=True)
        evaluation = self._evaluation(script, entry, run_id, {})
        self._activate(run_id, _started(records).salt, evaluation, replay, writer, Counters()).replay_past()

    def _give_up(self, writer: RunWriter) -> None:
        """Gives the run back after a failure. When that fails too, whoever resumes the run must not wait for this
        owner, so it ends."""
        try:
            writer.release(RunStatus.SUSPENDED)
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

    def _evaluation(self, script: Build, entry: Entry, run_id: str, finished: Any) -> Evaluation:
        return Evaluation(
            script.programs, script.prelude, entry, universe=UNIVERSE, catalog=self._environment.catalog,
            budget=self.budget, run_id=run_id, finished=finished,
        )  # fmt: skip

    def _activate(
        self, run_id: str, salt: str, evaluation: Evaluation, replay: Replay, writer: RunWriter, counters: Counters
    ) -> Activation:
        activation = Activation(run_id, salt, evaluation, replay, writer, self._environment, counters, self._stop)
        self._activation = activation
        return activation

    def _drive(
        self, activation: Activation, step: Step, first: Sequence[Event], attachment: Attachment,
        sources: dict[str, str],
    ) -> RunOutcome:  # fmt: skip
        writer = activation.writer
        assert isinstance(writer, RunWriter)
        try:
            with LeaseRenewal(self.journal, writer), LinePulse(activation.evaluation):
                step = activation.drive(step, first)
        except BaseException:
            activation.abandon()
            self._give_up(writer)
            raise
        finally:
            self._activation = None
        status, result, stop = _ending(step)
        return RunOutcome(
            activation.run_id, status, attachment, result, stop, writer.sequence,
            activation.counters.actions_completed, sources,
        )  # fmt: skip

    def _unfinished_outcome(self, record: RunRecord, stop: StopReport, sources: dict[str, str]) -> RunOutcome:
        return RunOutcome(
            record.run_id, _unfinished(record.status), Attachment.RESUMED, None, stop, record.sequence,
            record.actions_completed, sources,
        )  # fmt: skip

    def _manifest(self, script: Build) -> CodeManifest:
        return CodeManifest(
            modules={program.name: program.digest for program in script.programs},
            language=LANGUAGE_VERSION,
            python=f"{sys.version_info.major}.{sys.version_info.minor}",
            platform=f"{platform.system()} {platform.machine()}",
            signatures={spec.name: signature_digest(spec) for spec in self._registry},
        )


def new_run_id(entry: str, clock: Clock) -> str:
    """A readable id: the script's name, the day, and eight random digits."""
    import datetime

    day = datetime.datetime.fromtimestamp(clock.now_ms() / 1000, datetime.UTC).strftime("%Y%m%d")
    name = entry.rpartition("/")[2].removesuffix(".flow")
    return f"{name}-{day}-{secrets.token_hex(4)}"


def _check_language(run_id: str, manifest: CodeManifest) -> None:
    if manifest.language != LANGUAGE_VERSION:
        raise RunError(
            f"run `{run_id}` is written in version {manifest.language} of the language, this is {LANGUAGE_VERSION}",
            run_id=run_id,
            hint="resume it with the flowlang that it was started with, or a newer one",
        )


def _started(records: Sequence[Record]) -> RunStarted:
    started = records[0].event
    assert isinstance(started, RunStarted)
    return started


def _recorded_entry(records: Sequence[Record]) -> Entry:
    started = _started(records)
    given = decode(started.payload)
    return Entry(started.entry, started.flow, given["arguments"], given["texts"])


def _check_entry(step: Step) -> None:
    if isinstance(step, Stopped):
        if isinstance(step.cause, EntryMismatch):
            raise UsageError(step.cause.message, hint=step.cause.hint)
        if isinstance(step.cause, Defect):
            raise InternalError(str(step.cause)) from step.cause.cause


def _unfinished(status: RunStatus) -> RunStatus:
    return RunStatus.SUSPENDED if status is RunStatus.RUNNING else status


def _ending(step: Step) -> tuple[RunStatus, Any, StopReport | None]:
    """Status, result and reason of where a driven run ended up."""
    if isinstance(step, Completed):
        is_ok = type(step.result) is Ok
        return (RunStatus.COMPLETED if is_ok else RunStatus.FAILED), step.result, None
    if isinstance(step, Stopped):
        _check_entry(step)
        if isinstance(step.cause, BudgetExceeded):
            hint = "calls that nest without end need another way out" if step.cause.limit == "depth" else None
            fault = Fault("budget-exceeded", step.cause.message, hint=hint, data={"limit": step.cause.limit})
            failure = fault_result(fault, [trace_struct(frame) for frame in step.frames])
            return RunStatus.STOPPED, None, StopReport("budget", fault.slug, fault.message, hint, failure=failure)
    return RunStatus.SUSPENDED, None, StopReport("interrupted", "interrupted", "the run was suspended")
