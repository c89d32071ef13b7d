"""Which runs a command is about: one by its id, or many by `--where`, `--status` and `--since`.

The options are declared here once. A command that changes many runs says first how many, asks, and does nothing with
`--dry-run`.
"""

from __future__ import annotations

from collections.abc import Callable, Container
from typing import TYPE_CHECKING, Any, Final

import attrs
import click

from flowlang.cli.completion import complete_run
from flowlang.cli.quantity import Span
from flowlang.errors import UsageError

if TYPE_CHECKING:
    from flowlang.cli.option import Settings
    from flowlang.runtime.journal.journal import Journal, RunRecord
    from flowlang.runtime.operations.selection import Selection

STATUSES: Final = ("running", "suspended", "waiting", "stopped", "completed", "failed", "cancelled", "terminated")
SHOWN: Final = 10
"""So many runs are named before a question about all of them."""

_SELECTION: Final = (
    click.option("--where", metavar="EXPRESSION", default="",
                 help='Only runs for which this holds, such as `region = "eu" and priority > 0`.'),
    click.option("--status", "statuses", type=click.Choice(STATUSES), multiple=True,
                 help="Only runs with this status; can be repeated."),
    click.option("--since", "since_ms", type=Span(), metavar="SPAN",
                 help="Only runs that were created within it: `2h`, `7d`."),
)  # fmt: skip
_BATCH: Final = (
    click.option("--dry-run", is_flag=True, help="Say which runs it would be, and change nothing."),
    click.option("--yes", is_flag=True, help="Do not ask."),
)


@attrs.frozen
class Choice:
    """What the selecting options gave."""

    where: str = ""
    statuses: tuple[str, ...] = ()
    since_ms: int | None = None

    @property
    def is_given(self) -> bool:
        """Whether anything was asked for."""
        return bool(self.where.strip() or self.statuses or self.since_ms is not None)

    def selection(self) -> Selection:
        """The runs that they mean. Raises UsageError for an expression with a mistake."""
        from flowlang.runtime.clock import SystemClock
        from flowlang.runtime.journal.journal import RunFilter, RunStatus
        from flowlang.runtime.operations.selection import select

        now_ms = SystemClock().now_ms()
        base = RunFilter(
            status=tuple(RunStatus(status) for status in self.statuses),
            created_after_ms=None if self.since_ms is None else now_ms - self.since_ms,
        )
        return select(self.where, now_ms, base)


def hint_at_doubts(settings: Settings, selection: Selection, known: Container[str] = ()) -> None:
    """Says which names of the expression may be misspelt columns. `known`: attributes that there are."""
    for name, column in selection.doubts:
        if name in known:
            continue
        settings.output.hint(f"`{name}` is taken for an attribute; did you mean `{column}`?")


def selecting(function: Callable[..., Any]) -> Callable[..., Any]:
    """Adds the options that select runs; the function gets a `choice`."""
    return _with_options(function, _SELECTION, is_batch=False)


def batch(function: Callable[..., Any]) -> Callable[..., Any]:
    """Adds an optional ID, the options that select runs, `--dry-run` and `--yes`; the function gets `batch`."""
    argument = click.argument("run_id", metavar="[ID]", required=False, shell_complete=complete_run)
    return argument(batch_options(function))


def batch_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """As `batch`, without an ID: what the command makes of its arguments it puts into `batch` itself."""
    return _with_options(function, (*_SELECTION, *_BATCH), is_batch=True)


def _with_options(function: Callable[..., Any], options: Any, *, is_batch: bool) -> Callable[..., Any]:
    def call(settings: Settings, **given: Any) -> Any:
        choice = Choice(given.pop("where"), given.pop("statuses"), given.pop("since_ms"))
        if not is_batch:
            return function(settings, choice=choice, **given)
        chosen = Batch(settings, choice, given.pop("run_id", None), given.pop("dry_run"), given.pop("yes"))
        return function(settings, batch=chosen, **given)

    call.__doc__, call.__name__ = function.__doc__, function.__name__
    call.__click_params__ = list(getattr(function, "__click_params__", ()))  # type: ignore[attr-defined]
    decorated: Callable[..., Any] = call
    for option in reversed(options):
        decorated = option(decorated)
    return decorated


@attrs.frozen
class Batch:
    """One run, or all that were selected."""

    settings: Settings
    choice: Choice
    run_id: str | None
    is_dry_run: bool
    is_confirmed: bool

    @property
    def is_many(self) -> bool:
        """Whether runs were selected instead of named."""
        return self.choice.is_given

    def runs(self, journal: Journal, verb: str) -> list[RunRecord]:
        """The runs, the oldest first. Asks before many are changed; none when the answer is no."""
        from flowlang.cli.run_lookup import find_run

        if self.run_id is not None and self.is_many:
            raise UsageError("an id and a selection contradict each other", hint=f"write one: `{verb} ID`")
        if self.run_id is not None:
            return [find_run(journal, self.run_id)]
        if not self.is_many:
            raise UsageError(
                f"`{verb}` needs to know which run",
                hint=f"give its id, or select runs: `{verb} --where 'region = \"eu\"' --dry-run`",
            )
        selection = self.choice.selection()
        found = list(selection.runs(journal))
        hint_at_doubts(self.settings, selection, journal.attributes(found[0].run_id) if found else ())
        found.reverse()
        return found if not found or self.is_dry_run or self.is_wanted(found, verb) else []

    def is_wanted(self, found: list[RunRecord], verb: str) -> bool:
        """Whether the runs are to be changed: with `--yes`, or after a question."""
        output, number = self.settings.output, len(found)
        if self.is_confirmed:
            return True
        import sys

        question = f"{verb} {number} run{'s' if number != 1 else ''}?"
        if not sys.stdin.isatty():
            raise UsageError(
                f"{question[:-1]}: nobody is there to be asked",
                hint="`--dry-run` shows which they are, `--yes` does it without asking",
            )
        for run in found[:SHOWN]:
            output.status(f"  {run.run_id}  {run.status.value}")
        if number > SHOWN:
            output.status(f"  ... and {number - SHOWN} more")
        return click.confirm(question, default=False, err=True)
