"""A project whose runs are operated: a script in a folder, a journal on disk, workers that come and go, and a ledger
of what actions really did."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import attrs

from flowlang.actions import shipped_actions
from flowlang.lang.values.convert import to_host
from flowlang.lang.values.result import Ok
from flowlang.runtime.driver import RunDriver
from flowlang.runtime.journal.journal import Journal
from flowlang.runtime.operations.operations import Operations
from flowlang.runtime.worker import Worker
from flowlang.testing.clock import VirtualClock
from flowlang.testing.ledger import MemoryLedger


@attrs.frozen
class OperatedProject:
    """`text` is the script `main.flow`; its runs are of the flows in it."""

    root: Path
    journal: Journal
    clock: VirtualClock
    operations: Operations
    ledger: MemoryLedger = attrs.field(factory=MemoryLedger)

    @staticmethod
    def make(root: Path, journal: Journal, clock: VirtualClock, text: str) -> OperatedProject:
        (root / "main.flow").write_text(text, encoding="utf-8")
        return OperatedProject(root, journal, clock, Operations(journal, clock))

    def start(self, flow: str, run_id: str, **given: Any) -> None:
        """Creates a run for workers."""
        with contextlib.closing(self._driver()) as driver:
            script = driver.build_script(self.root / "main.flow")
            assert not script.has_errors, [each.message for each in script.diagnostics]
            driver.submit(script, flow=flow, run_id=run_id, **given)

    def _driver(self) -> RunDriver:
        return RunDriver(self.root, self.journal, clock=self.clock, actions=self.ledger.wrap(shipped_actions()))

    def work(self) -> None:
        """A worker drives all that is due, and goes."""
        worker = Worker(self.root, self.journal, actions=self.ledger.wrap(shipped_actions()), clock=self.clock)
        with contextlib.closing(worker):
            worker.run_until_idle()

    def write(self, name: str, text: str) -> None:
        """Writes a file that actions can read."""
        (self.root / name).write_text(text, encoding="utf-8")

    def keys(self, action: str) -> list[str]:
        """The idempotency keys under which an action was performed, in order."""
        return [entry.key for entry in self.ledger.entries() if entry.moment == "start" and entry.action == action]

    def status(self, run_id: str) -> str:
        """The status of a run."""
        return self.journal.run(run_id).status.value

    def value(self, run_id: str) -> Any:
        """What a run that ended with Ok gave."""
        result = self.operations.result(run_id)
        assert isinstance(result, Ok), result
        return to_host(result.value)

    def kinds(self, run_id: str) -> list[str]:
        """The events of a run, by the names of their classes."""
        return [type(record.event).__name__ for record in self.journal.read(run_id)]
