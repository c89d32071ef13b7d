"""Drives a run for `run` and `resume`: from the journal's opening to an exit code.

What can happen to a run besides ending: the user interrupts it, another process has it, the journal fails, flowlang
has a bug. Each has its exit code, and each says what to do next. A run that another process drives is followed; when
that process leaves it unfinished, this one takes it over if it died, and says so if it gave the run back on purpose.
"""

from __future__ import annotations

import contextlib
import shlex
from collections.abc import Callable, Sequence
from typing import Final

import attrs

from flowlang.actions import shipped_actions
from flowlang.cli.exit_code import ExitCode
from flowlang.cli.follow import FollowEnd, follow, recorded_outcome
from flowlang.cli.interrupt import handled
from flowlang.cli.option import Settings
from flowlang.cli.outcome_report import Report, exit_code_of
from flowlang.cli.problem import Problem
from flowlang.cli.problem_report import show_error, show_problem
from flowlang.cli.progress import Progress
from flowlang.cli.run_lookup import owner_text, unfinished_twin
from flowlang.errors import FlowlangError, JournalError, LeaseHeld, LeaseLost
from flowlang.lang.values.meter import Budget
from flowlang.runtime.clock import SystemClock
from flowlang.runtime.driver import RunDriver
from flowlang.runtime.journal.journal import Journal, RunRecord
from flowlang.runtime.journal.model import QUEUE_DEFAULT
from flowlang.runtime.outcome import RunOutcome

CHILDREN_SHOWN: Final = 5
"""So many children are named that have not ended with their run."""


@attrs.define(eq=False)
class Driver:
    """One run, driven by this process. `run_id` is empty when the engine is to choose one; then an unfinished run of
    the same script is pointed out. A run that another process drives is followed for `follow_s` seconds."""

    settings: Settings
    journal: Journal
    follow_s: float
    run_id: str = ""
    is_silent: bool = False
    """Whether another command says what came of it."""
    budget: Budget | None = None
    after: int | None = None
    """The last event that the caller knows of the run; those after it are shown when another process drives it."""
    _clock: SystemClock = attrs.field(factory=SystemClock)
    _created: str = ""

    def drive(self, begin: Callable[[RunDriver], RunOutcome]) -> ExitCode:
        """Lets `begin` start or resume the run, and reports what came of it."""
        output = self.settings.output
        progress = Progress(output, self._clock, on_created=self._note_created)
        engine = RunDriver(
            self.settings.root, self.journal, hooks=progress, clock=self._clock, budget=self.budget,
            actions=shipped_actions(),
        )  # fmt: skip
        with contextlib.ExitStack() as ends:
            ends.callback(engine.close)
            ends.callback(progress.close)

            def request_stop() -> None:
                progress.stopping()
                engine.request_stop()

            stopping = ends.enter_context(handled(request_stop, progress.abandon))
            until_ms = self._clock.now_ms() + round(1000 * self.follow_s)
            while True:
                try:
                    outcome = begin(engine)
                except LeaseHeld as error:
                    if self.follow_s <= 0 or not self.run_id:
                        raise _held(self.run_id, error) from None
                    end = follow(self.journal, self.run_id, progress, self._clock, stopping, until_ms, after=self.after)
                    self.after = None
                    if end is FollowEnd.ABANDONED:
                        continue
                    progress.close()
                    return self._report_followed(end)
                except JournalError as error:
                    progress.close()
                    return self._report_broken(error)
                progress.close()
                code = exit_code_of(outcome) if self.is_silent else Report(self.settings).show(outcome)
                if outcome.status.is_final:
                    self._hint_children(outcome.run_id)
                return code

    def _report_followed(self, end: FollowEnd) -> ExitCode:
        """Reports how following a run ended."""
        if end is FollowEnd.FINISHED or end is FollowEnd.GIVEN_BACK:
            outcome = recorded_outcome(self.journal, self.run_id)
            if self.is_silent:
                return exit_code_of(outcome)
            return Report(self.settings).show(outcome, attachment="followed")
        if end is FollowEnd.INTERRUPTED:
            message = f"stopped following run `{self.run_id}`, which goes on elsewhere"
            problem = Problem("interrupted", message, None, ExitCode.INTERRUPTED)
        else:
            message = f"run `{self.run_id}` is driven by another process and did not end within {self.follow_s:g} s"
            hint = "`--follow-timeout` sets how long to follow it"
            problem = Problem("lease-held", message, hint, ExitCode.HELD)
        show_problem(self.settings.output, problem)
        return problem.exit_code

    def _report_broken(self, error: JournalError) -> ExitCode:
        """Reports that the journal failed, and what that means for the run."""
        code = show_error(self.settings.output, error, self.settings.root)
        run_id = self._created or self.run_id
        if isinstance(error, LeaseLost) or not run_id:
            return code
        command = self.settings.command(f"resume {run_id}")
        self.settings.output.note(f"nothing was started that is not recorded; `{command}` goes on from there")
        return code

    def _note_created(self, run_id: str) -> None:
        self._created = run_id
        if not self.run_id:
            self._hint_twin(run_id)

    def _hint_children(self, run_id: str) -> None:
        """Names the children that have not ended with the run and that nobody drives any more."""
        if self.settings.output.is_quiet:
            return
        try:
            children = [
                child
                for child in self.journal.children(run_id)
                if not child.status.is_final and not (child.owner and self.journal.is_owner_alive(child.owner))
            ]
        except FlowlangError:
            # The hint is not worth the outcome.
            return
        if not children:
            return
        names = ", ".join(child.run_id for child in children[:CHILDREN_SHOWN])
        more = f" and {len(children) - CHILDREN_SHOWN} more" if len(children) > CHILDREN_SHOWN else ""
        words = f"resume {children[0].run_id}" if len(children) == 1 else _worker_of(children)
        verb = "has" if len(children) == 1 else "have"
        self.settings.output.hint(
            f"{names}{more}, spawned by run {run_id}, {verb} not ended; `{self.settings.command(words)}` goes on"
        )

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


def _worker_of(children: Sequence[RunRecord]) -> str:
    """The command for a worker that drives all of these until nothing is due."""
    queues = sorted({child.queue for child in children})
    named = "" if queues == [QUEUE_DEFAULT] else "".join(f" --queue {shlex.quote(queue)}" for queue in queues)
    return f"worker{named}"


def _held(run_id: str, error: LeaseHeld) -> LeaseHeld:
    """The error in words for whoever started the command."""
    message = f"run `{run_id}` is driven by {owner_text(error.owner)}"
    return LeaseHeld(message, owner=error.owner, hint="without `--no-follow`, it is followed until it ends")


def with_journal(settings: Settings, use: Callable[[Journal], ExitCode], *, create: bool) -> ExitCode:
    """Opens the journal for a run, lets `use` work with it, and closes it."""
    try:
        journal = settings.open_journal(create=create)
    except JournalError as error:
        code = show_error(settings.output, error, settings.root)
        settings.output.note("no action was performed")
        return code
    with contextlib.closing(journal):
        return use(journal)
