"""One run of one workload in processes of its own, which are killed as an experiment wants.

A trial has a run id and a queue of its own in a database that it shares with the other trials of its campaign. Its
children are forked; each opens the journal, creates the run if it is not there, does what clients do (sends signals,
decides gates, cancels) and drives a worker until the run has ended. All that is known of them afterwards is what they
wrote down: the ledger, the sink, what clients were told, and the journal.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, Literal

import attrs
from checker import Evidence, Told, check, differences
from workloads import Sink, Workload, proof_actions

from flowlang.errors import FlowlangError, GateClosed, RunAlreadyExists, RunEnded, RunNotFound
from flowlang.lang.values.canonical import encode
from flowlang.lang.values.convert import from_host
from flowlang.runtime.action import ActionRegistry
from flowlang.runtime.executors.inline import InlineExecutor
from flowlang.runtime.journal.event import RunCompleted, RunStopped
from flowlang.runtime.journal.journal import Journal, NewMessage, Placement
from flowlang.runtime.journal.model import NewChild
from flowlang.runtime.launch import code_of, prepare
from flowlang.runtime.project import Project
from flowlang.runtime.worker import Worker
from flowlang.testing.clock import START_MS, VirtualClock
from flowlang.testing.crash import CrashingJournal, KillWithin, kill_this_process
from flowlang.testing.fork import Exit, forked
from flowlang.testing.ledger import Ledger
from flowlang.testing.simulation import let_time_pass

DOWN_MS = 36 * 3_600_000
STEPS_MAX = 5_000
Open = Callable[[VirtualClock], Journal]


@attrs.frozen
class Crash:
    """Die just before or after a write of the journal (0: never), `delay_s` after its beginning, or from outside after
    some seconds."""

    write: int = 0
    moment: Literal["before", "inside", "after"] = "before"
    delay_s: float = 0.0
    after_s: float | None = None


class Setting:
    """What the trials of a workload share: the project folder, the database, how large the workload is.
    `points`: the writes of the undisturbed run, in order, and `took_s` how long each of them took."""

    def __init__(self, workload: Workload, folder: Path, open_journal: Open, *, is_full: bool = False) -> None:
        self.workload = workload
        self.folder = folder
        self.open_journal = open_journal
        self.arguments = workload.full if is_full else workload.short
        folder.mkdir(parents=True, exist_ok=True)
        self.script = folder / f"{workload.name}.flow"
        self.script.write_text(workload.script)
        self.expected: Outcome | None = None
        self.points: list[str] = []
        self.took_s: list[float] = []

    def new_run(self, run_id: str, sink: Sink, clock: VirtualClock, queue: str) -> NewChild:
        """The run as a client starts it."""
        project = Project(self.folder)
        build = project.build(self.script)
        assert not build.has_errors, [diagnostic.message for diagnostic in build.diagnostics]
        code = code_of(build, ActionRegistry(proof_actions(sink)))
        return prepare(
            build, code, flow="main", arguments=self.arguments, run_id=run_id, placement=Placement(queue), clock=clock
        )


@attrs.frozen
class Outcome:
    """What is left of a trial, in comparable form."""

    status: str
    payload: bytes
    effects: list[list[Any]]
    records: Sequence[Any]


class Trial:
    """See the module. `problems` are in words."""

    def __init__(self, setting: Setting, name: str) -> None:
        self.setting = setting
        self.run_id = f"{setting.workload.name}-{name}"
        self.ledger = Ledger(setting.folder / f"{self.run_id}.ledger")
        self.sink = Sink(setting.folder / f"{self.run_id}.sink")
        self.told_path = setting.folder / f"{self.run_id}.told"
        self.crashes = 0
        self.problems: list[str] = []
        self._earlier: Sequence[Any] = ()

    def crash(self, crash: Crash) -> Exit:
        """Drives the run in a child that is to die. It may come to its end before."""
        ended = forked(drive, self, crash, kill_after_s=crash.after_s)
        self.crashes += ended.killed
        if not ended.killed:
            self._hear(ended.value)
        self._look()
        return ended

    def finish(self) -> Outcome:
        """Drives the run to its end and collects the evidence."""
        self._hear(forked(drive, self, Crash()).value)
        clock = VirtualClock(START_MS + (self.crashes + 1) * DOWN_MS)
        workload = self.setting.workload
        with closing(self.setting.open_journal(clock)) as journal:
            runs = [self.run_id, *(run.run_id for run in journal.runs(prefix=f"{self.run_id}:"))]
            evidence = Evidence(
                self.told(), self.ledger.entries(), (), self.crashes, workload.retries,
                earlier={self.run_id: self._earlier},
            )  # fmt: skip
            self.problems += check(journal, runs, evidence)
            record, records = journal.run(self.run_id), journal.read(self.run_id)
            if not record.status.is_final:
                self.problems.append(f"I8: run {self.run_id} is {record.status.value}: {record.reason}")
        last = records[-1].event
        payload = last.payload if isinstance(last, (RunCompleted, RunStopped)) else b""
        effects = [what for run_id in runs for what in self.sink.of_run(run_id)]
        return Outcome(record.status.value, payload, sorted(effects), records)

    def judge(self, title: str) -> list[str]:
        """Finishes the trial and compares it with the undisturbed one. Gives the problems, and removes what a good
        trial leaves."""
        found, expected = self.finish(), self.setting.expected
        # Where chance decides who comes first, the end depends on it.
        workload = self.setting.workload
        if expected is not None and not workload.cancels and not workload.decides:
            if (found.status, found.payload) != (expected.status, expected.payload):
                self.problems.append(f"I7: ended as {found.status} {found.payload!r}"[:500])
            if found.effects != expected.effects:
                self.problems.append(f"I7: the effects are {found.effects}, expected {expected.effects}"[:800])
            self.problems += differences(_renamed(found.records, self.run_id), expected.records)
        if not self.problems:
            for path in (self.ledger.path, self.sink.path, self.told_path):
                if path is not None:
                    path.unlink(missing_ok=True)
        return [f"{title}: {problem}" for problem in self.problems]

    def tell(self, *what: str) -> None:
        """Writes down what a client was told, before it is told anything more."""
        descriptor = os.open(self.told_path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        os.write(descriptor, (json.dumps(what) + "\n").encode())
        os.close(descriptor)

    def told(self) -> list[Told]:
        """What clients were told so far."""
        if not self.told_path.exists():
            return []
        lines = [json.loads(line) for line in self.told_path.read_text().splitlines()]
        return [Told(what, self.run_id, "ok", key) for what, key in lines]

    def _hear(self, value: Any) -> None:
        self.problems += value["problems"]

    def _look(self) -> None:
        """What is there now must be there, unchanged, at the end."""
        with closing(self.setting.open_journal(VirtualClock())) as journal:
            try:
                self._earlier = journal.read(self.run_id)
            except RunNotFound:
                self._earlier = ()


def drive(trial: Trial, crash: Crash) -> dict[str, Any]:
    """Starts the run or goes on with it, in this process."""
    setting = trial.setting
    # Some time has passed since the crash, so that leases and timers have become due meanwhile.
    clock = VirtualClock(START_MS + trial.crashes * DOWN_MS, jumps=False)
    inner = setting.open_journal(clock)
    strike = KillWithin(crash.delay_s) if crash.moment == "inside" else kill_this_process
    journal: Any = CrashingJournal(inner, crash.write, crash.moment, strike)
    problems: list[str] = []
    client = Client(trial, journal)
    client.start(setting.new_run(trial.run_id, trial.sink, clock, trial.run_id))
    worker = Worker(
        setting.folder, journal, actions=trial.ledger.wrap(proof_actions(trial.sink)), clock=clock,
        executors=InlineExecutor(), queues=(trial.run_id, "default"),
    )  # fmt: skip
    for _ in range(STEPS_MAX):
        try:
            happened = worker.step(0) | client.act()
        except FlowlangError as error:
            problems.append(f"I12: {type(error).__name__}: {error}")
            break
        if happened:
            continue
        if inner.run(trial.run_id).status.is_final:
            break
        if not let_time_pass(clock, inner, [worker], (trial.run_id, "default")):
            problems.append(f"I8: nothing is due and the run is {inner.run(trial.run_id).status.value}")
            break
    else:
        problems.append(f"I8: no end after {STEPS_MAX} steps")
    worker.close()
    inner.close()
    return {"problems": problems, "points": journal.points, "took_s": journal.took_s}


class Client:
    """Does what the outside does for a workload, and remembers in the trial's folder what was acknowledged."""

    def __init__(self, trial: Trial, journal: Journal) -> None:
        self._trial = trial
        self._journal = journal
        self._is_acknowledged = {(told.what, told.key) for told in trial.told()}
        self._turns = 0

    def start(self, run: NewChild) -> None:
        """Starts the run, unless that was acknowledged before, and sends the first half of its signals."""
        if ("start", "") not in self._is_acknowledged:
            with contextlib.suppress(RunAlreadyExists):  # it was, and the process died before it heard so
                self._journal.create_many([run])
            self._acknowledge("start")
        signals = self._trial.setting.workload.signals
        self._send(signals[: len(signals) // 2])

    def act(self) -> bool:
        """Between two steps of the worker: the other signals, decisions, the cancellation. Whether anything was new."""
        self._turns += 1
        workload = self._trial.setting.workload
        did = self._send(workload.signals) if self._turns == 2 else False
        if workload.cancels and self._turns == 6 and ("cancel", "") not in self._is_acknowledged:
            self._post(NewMessage(self._trial.run_id, "cancel", "", "", _payload({"reason": "why not", "by": "test"})))
            self._acknowledge("cancel")
            did = True
        if workload.decides:
            did |= self._decide()
        return did

    def _send(self, signals: Sequence[tuple[str, Any]]) -> bool:
        did = False
        for index, (name, payload) in enumerate(signals):
            key = f"{name}-{index}"
            if ("signal", key) not in self._is_acknowledged:
                self._post(NewMessage(self._trial.run_id, "signal", name, key, _payload(payload)))
                self._acknowledge("signal", key)
                did = True
        return did

    def _decide(self) -> bool:
        did = False
        for wait in self._journal.waits(run_id=self._trial.run_id):
            payload = _payload({"payload": {"decision": "approve"}, "by": "test", "reason": "", "at": 0})
            try:
                self._journal.decide(NewMessage(wait.run_id, "gate", wait.position, "", payload))
            except (GateClosed, RunEnded):
                continue
            did = True
        return did

    def _post(self, message: NewMessage) -> None:
        with contextlib.suppress(RunEnded):  # then nobody needs it any more
            self._journal.post(message)

    def _acknowledge(self, what: str, key: str = "") -> None:
        self._is_acknowledged.add((what, key))  # type: ignore[arg-type]
        self._trial.tell(what, key)


def undisturbed(setting: Setting) -> list[str]:
    """Drives the workload without a fault; its outcome is what every other is compared with."""
    trial = Trial(setting, "undisturbed")
    ended = trial.crash(Crash())
    setting.points, setting.took_s = ended.value["points"], ended.value["took_s"]
    setting.expected = trial.finish()
    setting.expected = attrs.evolve(setting.expected, records=_renamed(setting.expected.records, trial.run_id))
    return [f"undisturbed: {problem}" for problem in trial.problems]


def _payload(value: Any) -> bytes:
    return encode(from_host(value))


def _renamed(records: Sequence[Any], run_id: str) -> list[Any]:
    """Records with the run's own id masked, which children carry in theirs."""
    renamed = []
    for record in records:
        event = record.event
        if getattr(event, "run_id", "").startswith(run_id):
            event = attrs.evolve(event, run_id=event.run_id.replace(run_id, "RUN", 1))
        renamed.append(attrs.evolve(record, event=event))
    return renamed
