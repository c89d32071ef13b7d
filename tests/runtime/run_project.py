"""A project on disk whose runs are driven in the process of the test."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import attrs
from workload import ACTIONS

from flowlang.actions import shipped_actions
from flowlang.lang.values.meter import Budget
from flowlang.runtime.action import ActionSpec
from flowlang.runtime.driver import RunDriver
from flowlang.runtime.hooks import Hooks
from flowlang.runtime.journal.canonical_form import canonical_form
from flowlang.runtime.journal.event import AttemptStarted, Event, LogWritten, Position, Record
from flowlang.runtime.journal.journal import Journal
from flowlang.runtime.journal.sql import SqlJournal
from flowlang.runtime.outcome import RunOutcome
from flowlang.testing.clock import VirtualClock
from flowlang.testing.ledger import Ledger


@attrs.define
class Watching(Hooks):
    """Remembers what an engine told. `on_attempt` is called when that many attempts have begun, `on_wait` when the run
    waits for a timer."""

    on_attempt: dict[int, Callable[[], object]] = attrs.field(factory=dict)
    on_wait: Callable[[], object] | None = None
    attempts: int = 0
    lines: list[str] = attrs.field(factory=list)
    resumptions: list[tuple[int, int, bool]] = attrs.field(factory=list)
    records: list[Record] = attrs.field(factory=list)

    def line(self, run_id: str, line: LogWritten) -> None:
        self.lines.append(line.text)

    def resuming(self, run_id: str, sequence: int, actions_completed: int, is_pinned_code_older: bool) -> None:
        self.resumptions.append((sequence, actions_completed, is_pinned_code_older))

    def attempt(self, run_id: str, position: Position, action: str, attempt: int) -> None:
        self.attempts += 1
        self.on_attempt.get(self.attempts, lambda: None)()

    def waiting(self, run_id: str, position: Position, until_ms: int) -> None:
        if self.on_wait is not None:
            self.on_wait()

    def recorded(self, run_id: str, record: Record) -> None:
        self.records.append(record)


class RunProject:
    """One project folder with `main.flow`, a clock and a ledger. Every drive gets an engine and a journal of its own,
    as in a new process; the last engine's hooks are in `watching`."""

    def __init__(self, root: Path, script: str, actions: Sequence[ActionSpec[..., Any]] = ()) -> None:
        self.root = root
        self.clock = VirtualClock()
        self.ledger = Ledger(root / "ledger")
        self.actions = actions
        self.watching = Watching()
        self.write(script)

    def write(self, script: str) -> None:
        """Changes the script."""
        (self.root / "main.flow").write_text(script)

    def journal(self, **options: Any) -> SqlJournal:
        return SqlJournal(self.root / ".flowlang" / "flowlang.db", clock=self.clock, **options)

    def engine(self, journal: Journal, budget: Budget | None = None) -> RunDriver:
        self.watching = Watching()
        actions = self.ledger.wrap([*shipped_actions(), *ACTIONS, *self.actions])
        return RunDriver(self.root, journal, hooks=self.watching, clock=self.clock, budget=budget, actions=actions)

    def start(self, run_id: str = "run", budget: Budget | None = None) -> RunOutcome:
        journal = self.journal()
        engine = self.engine(journal, budget)
        try:
            return engine.start(engine.build_script(self.root / "main.flow"), run_id=run_id)
        finally:
            engine.close()
            journal.close()

    def resume(self, run_id: str = "run", budget: Budget | None = None, code: str = "pinned") -> RunOutcome:
        journal = self.journal()
        engine = self.engine(journal, budget)
        try:
            return engine.resume(run_id, code=code)
        finally:
            engine.close()
            journal.close()

    def records(self, run_id: str = "run") -> list[Record]:
        journal = self.journal()
        try:
            return journal.read(run_id)
        finally:
            journal.close()

    def canonical(self, run_id: str = "run") -> list[Event]:
        return canonical_form(self.records(run_id))

    def attempts(self, run_id: str = "run") -> list[int]:
        """The numbers of the repeated attempts in the journal."""
        return [r.event.attempt for r in self.records(run_id) if isinstance(r.event, AttemptStarted)]

    def performed(self) -> list[str]:
        """The names of the actions that were started, in order."""
        return [entry.action for entry in self.ledger.entries() if entry.moment == "start"]


class PowerCut(BaseException):
    """Raised in place of dying, by tests that go on in the same process."""


def cut_power() -> None:
    raise PowerCut
