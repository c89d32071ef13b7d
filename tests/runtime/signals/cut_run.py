"""Runs that are suspended after any of their records and go on in another engine, as in another process."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import attrs
from outside_world import OutsideWorld

from flowlang.actions import shipped_actions
from flowlang.runtime.driver import RunDriver
from flowlang.runtime.journal.canonical_form import canonical_form
from flowlang.runtime.journal.event import Event, Record
from flowlang.runtime.journal.journal import RunStatus
from flowlang.runtime.journal.sql import SqlJournal
from flowlang.runtime.outcome import RunOutcome
from flowlang.testing.clock import VirtualClock


@attrs.define(eq=False)
class StoppingWorld(OutsideWorld):
    """Asks for a stop when the `cut`-th record of all runs became durable."""

    cut: int = 0
    stop: Callable[[], None] | None = None
    count: int = 0

    def recorded(self, run_id: str, record: Record) -> None:
        super().recorded(run_id, record)
        self.count += 1
        if self.count == self.cut and self.stop is not None:
            self.stop()


class CutRun:
    """A run `run` of a script in the folder `root`, with an outside world. `lines` is what all engines logged."""

    def __init__(
        self, root: Path, script: str, signals: Sequence[tuple[str, Any]] = (),
        decisions: Mapping[str, Any] | None = None,
    ) -> None:  # fmt: skip
        self.root = root
        self.clock = VirtualClock()
        self.signals = signals
        self.decisions = decisions or {}
        self.lines: list[str] = []
        self.drives = 0
        root.mkdir(parents=True, exist_ok=True)
        (root / "main.flow").write_text(script)

    def journal(self) -> SqlJournal:
        """The journal, opened anew."""
        return SqlJournal(self.root / "journal.db", clock=self.clock)

    def drive(self, cut: int = 0, flow: str = "") -> RunOutcome:
        """Starts the run or goes on with it, in an engine of its own, until it ends or record number `cut` of this
        drive is durable."""
        world = StoppingWorld(self.signals if self.drives == 0 else (), self.decisions, cut=cut)
        self.drives += 1
        with closing(self.journal()) as journal:
            world.journal, world.clock = journal, self.clock
            engine = RunDriver(self.root, journal, hooks=world, clock=self.clock, actions=shipped_actions())
            world.stop = engine.request_stop
            try:
                outcome = engine.start(engine.build_script(self.root / "main.flow"), flow=flow, run_id="run")
            finally:
                engine.close()
        self.lines += world.lines
        return outcome

    def to_the_end(self, cut: int = 0, flow: str = "") -> RunOutcome:
        """Drives on until the run has ended; each drive is cut after so many records."""
        for _ in range(100):
            outcome = self.drive(cut, flow)
            if outcome.status is not RunStatus.SUSPENDED:
                return outcome
        raise AssertionError("the run does not come to its end")

    def finish(self, run_id: str) -> RunStatus:
        """Drives another run to its end, as a worker would."""
        with closing(self.journal()) as journal:
            engine = RunDriver(self.root, journal, clock=self.clock, actions=shipped_actions())
            try:
                return engine.resume(run_id).status
            finally:
                engine.close()

    def records(self, run_id: str = "run") -> list[Record]:
        """What the journal holds."""
        with closing(self.journal()) as journal:
            return journal.read(run_id)

    def canonical(self, run_id: str = "run") -> list[Event]:
        """What must be equal in every execution."""
        return canonical_form(self.records(run_id))
