"""Kill campaigns: a workload is killed and resumed in many ways, and each time everything is compared with an
undisturbed run.

One *trial* has a folder of its own: a project, and beside it the ledger and the lines that were shown. The run is
driven by forked children which die as told; the last one is left alone. Then the trial's evidence is collected, from
the journal, the files, the database and the ledger, and compared with that of the undisturbed run.
"""

from __future__ import annotations

import json
import shutil
import signal
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from random import Random
from typing import Any, Literal

import attrs
from workload import ACTIONS, Workload

import flowlang.actions.sqlite  # noqa: F401 - imported here, once, and not in every child when it is first used
from flowlang.actions import shipped_actions
from flowlang.errors import RunNotFound
from flowlang.lang.values.canonical import encode
from flowlang.runtime.driver import RunDriver
from flowlang.runtime.file_access import TEMPORARY_PREFIX
from flowlang.runtime.hooks import Hooks
from flowlang.runtime.journal.canonical_form import canonical_form
from flowlang.runtime.journal.event import ActionCompleted, ActionFailed, AttemptStarted, LogWritten, position_text
from flowlang.runtime.journal.sql import SqlJournal
from flowlang.testing.clock import START_MS, VirtualClock
from flowlang.testing.crash import CrashingJournal
from flowlang.testing.fork import Exit, forked
from flowlang.testing.ledger import Ledger, LedgerEntry, repeated, violations

RUN = "run"
DOWN_MS = 36 * 3_600_000
Moment = Literal["before", "after"]
SHIPPED = shipped_actions()


@attrs.frozen
class Crash:
    """Die just before or just after a write to the journal, or after some time; or stop cleanly after some time."""

    write: int = 0
    moment: Moment = "before"
    after_s: float | None = None
    stop_after_s: float = 0


@attrs.frozen
class Evidence:
    """What a trial left behind, in comparable form."""

    outcome: Any
    journal: Any
    files: dict[str, str]
    tables: dict[str, list[Any]]


@attrs.define
class Report:
    """What a campaign found. `trials`, `kills`, `stops`: how many; `problems`: what must not be."""

    trials: int = 0
    kills: int = 0
    stops: int = 0
    problems: list[str] = attrs.field(factory=list)


class ShownLines(Hooks):
    """Writes what a terminal would show to a file."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def line(self, run_id: str, line: LogWritten) -> None:
        with self._path.open("a") as file:
            file.write(json.dumps([position_text(line.position), line.text]) + "\n")


class Trial:
    """One project and its one run."""

    def __init__(self, directory: Path, template: Path, entry: str) -> None:
        shutil.copytree(template, directory)
        self.entry = entry
        self.project = directory / "project"
        self.ledger = Ledger(directory / "ledger")
        self.lines = directory / "lines"
        self.crashes = 0
        self.problems: list[str] = []
        self._recorded: list[tuple[int, set[str]]] = []

    def crash(self, crash: Crash) -> Exit:
        """Drives the run in a child that is to die. It may come to its end before."""
        ended = forked(drive, self, crash, kill_after_s=crash.after_s)
        self.crashes += ended.killed
        self._recorded.append((len(self.ledger.entries()), self._recorded_positions()))
        return ended

    def finish(self) -> Evidence:
        """Drives the run to its end and collects the evidence."""
        outcome = forked(drive, self, Crash()).value
        with closing(self.open_journal()) as journal:
            records = journal.read(RUN)
        self._check_ledger(self.ledger.entries(), records)
        self._check_lines(records)
        if [record.sequence for record in records] != list(range(1, len(records) + 1)):
            self.problems.append("the records are not numbered without gaps")
        if [record.token for record in records] != sorted(record.token for record in records):
            self.problems.append("a record was written under an older lease than the record before it")
        form = [repr(event) for event in canonical_form(records)]
        return Evidence({**outcome, "writes": 0}, form, self._files(), self._tables())

    def open_journal(self) -> SqlJournal:
        return SqlJournal(self.project / ".flowlang" / "flowlang.db", clock=VirtualClock())

    def _recorded_positions(self) -> set[str]:
        with closing(self.open_journal()) as journal:
            try:
                records = journal.read(RUN)
            except RunNotFound:
                return set()
        answers = (record.event for record in records if isinstance(record.event, (ActionCompleted, ActionFailed)))
        return {position_text(answer.position) for answer in answers}

    def _check_ledger(self, entries: Sequence[LedgerEntry], records: Sequence[Any]) -> None:
        self.problems += violations(entries, self.crashes)
        for written, positions in self._recorded:
            self.problems += repeated(entries[:written], entries, positions)
        last: dict[str, int] = {}
        for event in (record.event for record in records):
            if isinstance(event, AttemptStarted):
                last[position_text(event.position)] = event.attempt
        for entry in entries:
            if entry.attempt > last.get(entry.position, 1):
                self.problems.append(f"attempt {entry.attempt} at {entry.position} is not in the journal")

    def _check_lines(self, records: Sequence[Any]) -> None:
        written = [
            [position_text(record.event.position), record.event.text]
            for record in records
            if isinstance(record.event, LogWritten)
        ]
        shown = [json.loads(line) for line in self.lines.read_text().splitlines()] if self.lines.exists() else []
        if len({position for position, _ in written}) != len(written):
            self.problems.append("a line is in the journal twice")
        if len({position for position, _ in shown}) != len(shown):
            self.problems.append("a line was shown twice")
        if any(line not in written for line in shown):
            self.problems.append("a line was shown that is not in the journal")
        if len(shown) < len(written) and not self.crashes:
            self.problems.append("a line was not shown")

    def _files(self) -> dict[str, str]:
        found = {}
        for path in sorted(self.project.rglob("*")):
            name = path.relative_to(self.project).as_posix()
            # A process that is killed in the middle of a write leaves its temporary file, which no script ever sees.
            is_temporary = path.name.startswith(TEMPORARY_PREFIX)
            is_database = name.startswith(".flowlang/") or ".db" in path.name
            if path.is_file() and not is_temporary and not is_database:
                found[name] = path.read_text()
        return found

    def _tables(self) -> dict[str, list[Any]]:
        found: dict[str, list[Any]] = {}
        for path in self.project.rglob("*.db"):
            if ".flowlang" not in path.parts:
                found.update(self._tables_of(path))
        return found

    def _tables_of(self, path: Path) -> dict[str, list[Any]]:
        with closing(sqlite3.connect(path)) as database:
            names = [row[0] for row in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
            tables = {name: database.execute(f'SELECT * FROM "{name}"').fetchall() for name in names}
        effects = tables.get("_flowlang_effect", [])
        if len({key.split("/")[1] for key, *_ in effects}) > 1:
            self.problems.append("keys have more than one salt")
        # Without the salt, which differs from run to run, and the time at which each was made.
        tables["_flowlang_effect"] = [(key.split("/")[2], result) for key, result, *_ in effects]
        return {f"{path.name}:{name}": sorted(map(repr, rows)) for name, rows in tables.items()}


def drive(trial: Trial, crash: Crash) -> dict[str, Any]:
    """Starts the run or goes on with it, in this process."""
    # Some time has passed since the crash, so that timers may have become due meanwhile.
    clock = VirtualClock(START_MS + trial.crashes * DOWN_MS)
    inner = SqlJournal(trial.project / ".flowlang" / "flowlang.db", clock=clock)
    journal = CrashingJournal(inner, crash.write, crash.moment)
    actions = trial.ledger.wrap([*SHIPPED, *ACTIONS])
    engine = RunDriver(trial.project, journal, hooks=ShownLines(trial.lines), clock=clock, actions=actions)
    signal.signal(signal.SIGALRM, lambda *_: engine.request_stop())
    signal.setitimer(signal.ITIMER_REAL, crash.stop_after_s)
    outcome = engine.start(engine.build_script(trial.project / trial.entry), run_id=RUN)
    signal.setitimer(signal.ITIMER_REAL, 0)
    engine.close()
    journal.close()
    result = None if outcome.result is None else encode(outcome.result).decode()
    stop = outcome.stop and attrs.asdict(outcome.stop)
    return {"status": outcome.status.value, "result": result, "stop": stop, "writes": journal.writes}


class Campaign:
    """The trials of one workload, in one folder. To be used in a process with one thread."""

    def __init__(self, workload: Workload, directory: Path) -> None:
        self.directory = directory
        self.report = Report()
        self._template = directory / "template"
        workload.install(self._template / "project")
        forked(_prepare, self._template / "project")
        self._entry = workload.entry
        trial = Trial(directory / "undisturbed", self._template, self._entry)
        ended = trial.crash(Crash())
        self.writes: int = ended.value["writes"]
        self.took_s = ended.took_s
        self._expected = trial.finish()
        self.report.problems += [f"undisturbed: {problem}" for problem in trial.problems]

    def new_trial(self) -> Trial:
        return Trial(self.directory / f"trial-{self.report.trials}", self._template, self._entry)

    def judge(self, trial: Trial, name: str) -> None:
        """Finishes a trial and compares. The folder of a good one is removed."""
        evidence = trial.finish()
        for what in ("outcome", "journal", "files", "tables"):
            found, expected = getattr(evidence, what), getattr(self._expected, what)
            if found != expected:
                trial.problems.append(f"the {what} differs: {_difference(found, expected)}")
        self.report.trials += 1
        self.report.kills += trial.crashes
        self.report.problems += [f"{name}: {problem}" for problem in trial.problems]
        if not trial.problems:
            shutil.rmtree(trial.project.parent)


def kill_at_writes(workload: Workload, directory: Path, *, plant: Callable[[], object] | None = None) -> Report:
    """Dies before and after every write. With a `plant`, which makes the runtime wrong, ends at the first problem."""
    if plant is not None:
        plant()
    campaign = Campaign(workload, directory)
    for write in range(1, campaign.writes + 1):
        for moment in ("before", "after"):
            trial = campaign.new_trial()
            trial.crash(Crash(write, moment))
            campaign.judge(trial, f"killed {moment} write {write}")
            if plant is not None and campaign.report.problems:
                return campaign.report
    return campaign.report


def kill_twice(workload: Workload, directory: Path, again: int) -> Report:
    """Dies before every write, and once more before one of the next `again` writes of the recovery."""
    campaign = Campaign(workload, directory)
    for first in range(1, campaign.writes + 1):
        for second in range(1, again + 1):
            trial = campaign.new_trial()
            trial.crash(Crash(first))
            trial.crash(Crash(second))
            campaign.judge(trial, f"killed before write {first} and before write {second} after that")
    return campaign.report


def kill_at_random(workload: Workload, directory: Path, kills: int, seed: int) -> Report:
    """Is killed from outside at random moments, often during recoveries, until so many processes were killed."""
    random = Random(seed)
    campaign = Campaign(workload, directory)
    took_s = campaign.took_s
    while campaign.report.kills < kills and not campaign.report.problems:
        trial = campaign.new_trial()
        while trial.crashes < 4:
            ended = trial.crash(Crash(after_s=random.uniform(0.0, took_s)))
            if not ended.killed:
                took_s = took_s if trial.crashes else ended.took_s
                break
            if random.random() < 0.5:
                break
        campaign.judge(trial, f"killed {trial.crashes} times, trial {campaign.report.trials}")
    return campaign.report


def stop_at_random(workload: Workload, directory: Path, stops: int, seed: int) -> Report:
    """Is asked to stop by signals at random moments, until so many runs were suspended. Nothing is done twice."""
    random = Random(seed)
    campaign = Campaign(workload, directory)
    while campaign.report.stops < stops and not campaign.report.problems:
        trial = campaign.new_trial()
        for _ in range(3):
            ended = trial.crash(Crash(stop_after_s=random.uniform(0.001, campaign.took_s)))
            if ended.value["status"] != "suspended":
                break
            campaign.report.stops += 1
        campaign.judge(trial, f"stopped, trial {campaign.report.trials}")
    return campaign.report


def _prepare(project: Path) -> None:
    """Makes the empty journal."""
    SqlJournal(project / ".flowlang" / "flowlang.db", clock=VirtualClock()).close()


def _difference(found: Any, expected: Any) -> str:
    if isinstance(found, list) and isinstance(expected, list):
        missing = [each for each in expected if each not in found]
        surplus = [each for each in found if each not in expected]
        return f"missing {missing[:3]}, surplus {surplus[:3]}"[:1500]
    if isinstance(found, dict) and isinstance(expected, dict):
        changed = sorted(key for key in {*found, *expected} if found.get(key) != expected.get(key))
        return "; ".join(f"{key}: {found.get(key)!r}, expected {expected.get(key)!r}"[:500] for key in changed[:3])
    return f"{found!r}, expected {expected!r}"[:1500]
