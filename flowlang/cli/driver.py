"""Drives a run for `run` and `resume`: from the journal's opening to an exit code.

What can happen to a run besides ending: the user interrupts it, another process has it, the journal fails, flowlang
has a bug. Each has its exit code, and each says what to do next. A run that another process drives is followed; when
that process leaves it unfinished, this one takes it over if it died, and says so if it gave the run back on purpose.
"""

from __future__ import annotations

from collections.abc import Callable

import attrs

from flowlang.cli.exit_code import ExitCode
from flowlang.cli.follow import FollowEnd, follow, recorded_outcome
from flowlang.cli.interrupt import handled
from flowlang.cli.option import Settings
from flowlang.cli.outcome_report import Report
from flowlang.cli.problem import Problem
from flowlang.cli.problem_report import show_problem
from flowlang.cli.progress import Progress
from flowlang.cli.run_lookup import unfinished_twin
from flowlang.errors import FlowlangError, LeaseHeld
from flowlang.runtime.clock import SystemClock
from flowlang.runtime.engine import Engine
from flowlang.runtime.journal.journal import Journal
from flowlang.runtime.outcome import RunOutcome


@attrs.frozen
class Following:
    """What to do when another process drives the run: follow it for so long. 0 s: not at all."""

    seconds: float


@attrs.define(eq=False)
class Driver:
    """One run, driven by this process. `run_id` is empty as long as the engine has not chosen one."""

    settings: Settings
    journal: Journal
    following: Following
    run_id: str = ""
    hints_twin: bool = False
    _clock: SystemClock = attrs.field(factory=SystemClock)

    def drive(self, begin: Callable[[Engine], RunOutcome]) -> ExitCode:
        """Lets `begin` start or resume the run, and reports what came of it."""
        output = self.settings.output
        progress = Progress(output, self._clock, on_created=self._hint_twin if self.hints_twin else None)
        report = Report(self.settings)
        engine = Engine(self.settings.root, self.journal, hooks=progress, clock=self._clock)
        try:
            with handled(engine.request_stop, progress.abandon, is_quiet=output.is_quiet) as stopping:
                until_ms = self._clock.now_ms() + round(1000 * self.following.seconds)
                while True:
                    try:
                        outcome = begin(engine)
                    except LeaseHeld as error:
                        if self.following.seconds <= 0 or not self.run_id:
                            raise
                        end = follow(self.journal, self.run_id, progress, self._clock, stopping, until_ms)
                        if end is FollowEnd.ABANDONED:
                            continue
                        progress.close()
                        return self._followed(end, report, error)
                    progress.close()
                    return report.show(outcome)
        finally:
            progress.close()
            engine.close()

    def _followed(self, end: FollowEnd, report: Report, error: LeaseHeld) -> ExitCode:
        """Reports how following a run ended."""
        match end:
            case FollowEnd.FINISHED:
                return report.show(recorded_outcome(self.journal, self.run_id), attachment="followed")
            case FollowEnd.GIVEN_BACK:
                outcome = recorded_outcome(self.journal, self.run_id)
                return report.show(outcome, attachment="followed")
            case FollowEnd.INTERRUPTED:
                message, code = f"stopped following run `{self.run_id}`, which goes on elsewhere", ExitCode.INTERRUPTED
                show_problem(self.settings.output, Problem("interrupted", message, None, code))
                return code
        message = f"{error.message}, and did not end within {self.following.seconds:g} s"
        show_problem(
            self.settings.output,
            Problem("lease-held", message, "`--follow-timeout` sets how long to follow it", ExitCode.HELD),
        )
        return ExitCode.HELD

    def _hint_twin(self, run_id: str) -> None:
        """Points at an unfinished run that the user may have meant to go on with."""
        try:
            twin = unfinished_twin(self.journal, run_id)
        except FlowlangError:
            # The hint is not worth a run.
            return
        if twin is not None:
            command = self.settings.command(f"resume {twin.run_id}")
            self.settings.output.hint(
                f"run {twin.run_id} of the same script and arguments is not finished; `{command}` goes on with it"
            )
