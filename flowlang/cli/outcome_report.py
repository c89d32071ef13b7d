"""What came of a run: the last lines on stderr, the document on stdout, and the exit code.

In text form an outcome is said on stderr, the value of an Ok included: stdout belongs to what the script prints. A
program that wants the value asks for `-o json`.
"""

from __future__ import annotations

from typing import Final

import attrs

from flowlang.cli.document import outcome_document
from flowlang.cli.exit_code import ExitCode
from flowlang.cli.option import Settings
from flowlang.cli.problem import is_explained
from flowlang.cli.render import render_failure, render_stop
from flowlang.cli.terminal import one_line
from flowlang.lang.values.display import preview
from flowlang.lang.values.result import ERROR_KIND, Err, Ok
from flowlang.runtime.journal.journal import RunStatus
from flowlang.runtime.outcome import Attachment, RunOutcome, StopReport

VALUE_LENGTH_MAX: Final = 400
IDLE_EVENTS: Final = 2
"""The events of a run in which nothing happened: its start and its end."""
ENDED_FROM_OUTSIDE: Final = (RunStatus.CANCELLED, RunStatus.TERMINATED)
NOTHING_DONE: Final = 'the script did nothing: call a flow under `if __name__ == "__flow__":`, or name one: `FILE:FLOW`'
_STOP_CODES: Final = {
    "budget": ExitCode.FAILED,
    "interrupted": ExitCode.INTERRUPTED,
    "divergence": ExitCode.DIVERGED,
    "defect": ExitCode.DEFECT,
}


@attrs.frozen
class Report:
    """Reports outcomes under some settings."""

    settings: Settings

    def show(self, outcome: RunOutcome, *, attachment: str | None = None) -> ExitCode:
        """Shows an outcome and gives its exit code. `attachment` overrides how the outcome was come by."""
        code = exit_code_of(outcome)
        attachment = attachment or outcome.attachment.value
        when = " earlier" if attachment == Attachment.FINISHED.value else ""
        output = self.settings.output
        if isinstance(outcome.result, Ok):
            self._show_ok(outcome, outcome.result, when)
        elif isinstance(outcome.result, Err):
            self._show_err(outcome, outcome.result, when)
        elif outcome.stop is not None and outcome.stop.reason != "interrupted":
            self._show_stop(outcome, outcome.stop)
        else:
            self._show_unfinished(outcome)
        if output.is_json:
            output.document(outcome_document(outcome, code, attachment))
        return code

    def _show_ok(self, outcome: RunOutcome, result: Ok, when: str) -> None:
        value = "" if result.value is None else f": Ok({preview(result.value, VALUE_LENGTH_MAX)})"
        output = self.settings.output
        mark = output.paint("✓", "good")
        if not output.is_quiet:
            output.say(f"{mark} run {one_line(outcome.run_id)} completed{when}{one_line(value)}")
        if outcome.sequence == IDLE_EVENTS and result.value is None:
            output.hint(NOTHING_DONE)

    def _show_err(self, outcome: RunOutcome, result: Err, when: str) -> None:
        output = self.settings.output
        command = self.settings.command(f"runs journal {outcome.run_id}")
        word = "was " + outcome.status.value if outcome.status in ENDED_FROM_OUTSIDE else "failed"
        notes = [f"run `{outcome.run_id}` {word}{when}; `{command}` shows what it did"]
        if result.failure.kind != ERROR_KIND:
            notes += _explanation(result.failure.kind)
        text = render_failure(
            result, outcome.sources, notes=() if output.is_quiet else notes, color=output.has_color,
            verbose=output.is_verbose,
        )  # fmt: skip
        output.say(text)

    def _show_stop(self, outcome: RunOutcome, stop: StopReport) -> None:
        output = self.settings.output
        notes = [f"run `{outcome.run_id}` is {outcome.status.value} after event {outcome.sequence}"]
        notes += _explanation(stop.slug)
        notes = [] if output.is_quiet else notes
        if stop.failure is not None:
            text = render_failure(
                stop.failure, outcome.sources, notes=notes, color=output.has_color, verbose=output.is_verbose
            )
        else:
            text = render_stop(stop, notes=notes, color=output.has_color)
        output.say(text)

    def _show_unfinished(self, outcome: RunOutcome) -> None:
        if outcome.sequence == 0:
            # A run exists from its first command on; until then it is evaluation and nothing else.
            self.settings.output.status("interrupted before the run did anything; nothing is recorded")
            return
        done = f"{outcome.actions_completed} action{'s' if outcome.actions_completed != 1 else ''}"
        self.settings.output.status(f"run {outcome.run_id} is {outcome.status.value}, {done} done")
        self.settings.output.hint(f"go on with `{self.settings.command(f'resume {outcome.run_id}')}`")


def exit_code_of(outcome: RunOutcome) -> ExitCode:
    """The exit code of an outcome."""
    if outcome.status in ENDED_FROM_OUTSIDE:
        return ExitCode.CANCELLED
    if isinstance(outcome.result, Ok):
        return ExitCode.OK
    if isinstance(outcome.result, Err):
        return ExitCode.FAILED
    if outcome.stop is not None:
        return _STOP_CODES.get(outcome.stop.reason, ExitCode.UNFINISHED)
    return ExitCode.FAILED if outcome.status is RunStatus.STOPPED else ExitCode.UNFINISHED


def _explanation(slug: str) -> list[str]:
    """The note that leads to the explanation of a slug, if there is one."""
    return [f"`flowlang explain {slug}` tells more"] if is_explained(slug) else []
