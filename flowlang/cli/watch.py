"""Watching a run until it ends, in whatever process it is driven, and while nobody drives it.

The journal says when something happened; a look once a second is the safety net.
"""

from __future__ import annotations

import contextlib
import threading

import attrs

from flowlang.cli.document import event_document, outcome_document
from flowlang.cli.exit_code import ExitCode
from flowlang.cli.follow import recorded_outcome
from flowlang.cli.interrupt import handled
from flowlang.cli.option import Settings
from flowlang.cli.outcome_report import Report, exit_code_of
from flowlang.cli.progress import Progress
from flowlang.lang.values.display import preview
from flowlang.lang.values.result import Ok
from flowlang.runtime.clock import SystemClock
from flowlang.runtime.journal.event import LogWritten, Record
from flowlang.runtime.journal.journal import Journal

POLL_S = 1.0


@attrs.define(eq=False)
class Watch:
    """Follows one run from the events after `sequence` on. `is_silent`: shows no events, only the result, and that as
    data."""

    settings: Settings
    journal: Journal
    run_id: str
    sequence: int
    is_silent: bool = False
    _clock: SystemClock = attrs.field(factory=SystemClock)

    def until_ended(self, timeout_ms: int | None) -> ExitCode:
        """Shows what happens until the run ended, the time is over or somebody interrupts; then the outcome."""
        progress = Progress(self.settings.output, self._clock)
        until_ms = None if timeout_ms is None else self._clock.now_ms() + timeout_ms
        owner = self.journal.new_owner()
        wakeup = self.journal.listen(owner)

        def stop() -> None:
            threading.Thread(target=wakeup.poke, daemon=True).start()

        with contextlib.ExitStack() as ends:
            ends.callback(self.journal.drop_owner, owner)
            ends.callback(wakeup.close)
            ends.callback(progress.close)
            stopping = ends.enter_context(handled(stop, progress.abandon))
            while not self._look(progress) and not stopping.is_set():
                left_s = POLL_S if until_ms is None else min(POLL_S, (until_ms - self._clock.now_ms()) / 1000)
                if left_s <= 0:
                    break
                wakeup.wait(left_s)
        if not stopping.is_set():
            return self.report()
        self.settings.output.status(f"stopped following run {self.run_id}, which goes on as before")
        return ExitCode.INTERRUPTED

    def _look(self, progress: Progress) -> bool:
        """Shows what is new. Whether the run has ended."""
        # The row first: whatever it says, the events up to then are shown before it is believed.
        run = self.journal.run(self.run_id)
        if run.sequence > self.sequence:
            for record in self.journal.read(self.run_id, after=self.sequence):
                self._show(progress, record)
                self.sequence = record.sequence
        return run.status.is_final

    def _show(self, progress: Progress, record: Record) -> None:
        output = self.settings.output
        if self.is_silent:
            return
        if output.is_jsonl:
            output.document({"schema": "flowlang/event/1", "run_id": self.run_id, **event_document(record)})
        elif not output.is_json:
            progress.recorded(self.run_id, record)
            if isinstance(record.event, LogWritten):
                progress.line(self.run_id, record.event)

    def report(self) -> ExitCode:
        """Says what came of the run so far."""
        outcome = recorded_outcome(self.journal, self.run_id)
        code = exit_code_of(outcome)
        output = self.settings.output
        if output.is_jsonl:
            output.document(outcome_document(outcome, code, "followed"))
            return code
        if self.is_silent and not output.is_json and isinstance(outcome.result, Ok):
            output.data(preview(outcome.result.value, 1_000_000))
            return code
        return Report(self.settings).show(outcome, attachment="finished" if self.is_silent else "followed")
