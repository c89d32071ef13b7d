"""`flowlang run`: starts a script, or goes on with the run of a known id."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import attrs
import click

from flowlang.cli.exit_code import ExitCode
from flowlang.cli.option import Seconds, Settings, command
from flowlang.cli.quantity import Count, Size, Span
from flowlang.errors import UsageError

if TYPE_CHECKING:
    from flowlang.lang.interpreter import Build
    from flowlang.lang.values.meter import Budget
    from flowlang.runtime.journal.journal import Journal, Placement

FOLLOW_S: Final = 3600.0
_EXAMPLE: Final = """\
  flowlang run hello.flow
  flowlang run etl.flow:main --arg day=2026-01-31 --id etl-2026-01-31
  flowlang run etl.flow:main --args arguments.json --output json
  flowlang run etl.flow:main --detach --queue nightly --label region=eu --timeout 2h
"""


@attrs.frozen
class Start:
    """How a run is to be started: its id, flow and arguments, where and when it is driven, and what is known of it."""

    flow: str
    arguments: dict[str, Any]
    texts: dict[str, str]
    run_id: str | None
    placement: Placement
    labels: dict[str, Any]
    correlation: str

    def given(self) -> dict[str, Any]:
        """The arguments for `RunDriver.start` and `submit`."""
        return {
            "flow": self.flow, "arguments": self.arguments, "texts": self.texts, "run_id": self.run_id,
            "placement": self.placement, "attributes": self.labels, "correlation": self.correlation,
        }  # fmt: skip


@command("run", uses_journal=True, example=_EXAMPLE)
@click.argument("target", metavar="FILE[:FLOW]")
@click.option("--arg", "texts", metavar="NAME=VALUE", multiple=True, help="An argument of the flow; can be repeated.")
@click.option("--args", "arguments", metavar="FILE|-", help="A JSON object with arguments; `-` reads stdin.")
@click.option("--id", "run_id", metavar="ID", help="The run's id. A known one goes on, or gives its outcome again.")
@click.option("--label", "labels", metavar="NAME=VALUE", multiple=True,
              help="A searchable attribute; can be repeated. Numbers, true and false stay such.")  # fmt: skip
@click.option("--correlation", metavar="TEXT", default="", help="An id of your own world, kept with the run.")
@click.option("--timeout", "timeout_ms", type=Span(), metavar="SPAN", help="The run fails with `timeout` after it.")
@click.option("--max-steps", type=Count(), metavar="COUNT", help="Steps between two actions.  [default: 1G]")
@click.option("--max-memory", type=Size(), metavar="SIZE", help="What the script holds at once.")
@click.option("--detach", is_flag=True, help="Leave the run to the workers, and say its id.")
@click.option("--queue", metavar="NAME", default="default", help="The queue of its workers.  [default: default]")
@click.option("--priority", type=click.IntRange(0, 2), default=1, help="2 before 1 before 0.  [default: 1]")
@click.option("--partition", metavar="TEXT", default="", help="Runs of one partition go one after the other.")
@click.option("--delay", "delay_ms", type=Span(), metavar="SPAN", help="With `--detach`: not before that.")
@click.option("--follow-timeout", "follow_s", type=Seconds(), default=FOLLOW_S, metavar="SECONDS",
              help="How long to follow a run that another process drives.  [default: 3600]")  # fmt: skip
@click.option("--no-follow", is_flag=True, help="Do not follow a run that another process drives.")
def run(
    settings: Settings, target: str, detach: bool, delay_ms: int | None, max_steps: int | None, max_memory: int | None,
    follow_s: float, no_follow: bool, **given: Any,
) -> ExitCode:  # fmt: skip
    """Start a script, or go on with the run of an id.

    What the script prints goes to stdout, everything else to stderr. A run that is interrupted or killed goes on
    where it was when it is started again with its id, or with `flowlang resume`.
    """
    from flowlang.cli.argument import parse_target

    if given["run_id"] == "":
        raise UsageError("`--id` is empty", hint="leave it out to get a new id")
    if delay_ms is not None and not detach:
        raise UsageError("`--delay` is for runs that workers drive", hint="add `--detach`")
    if detach and (max_steps is not None or max_memory is not None):
        raise UsageError("`--detach` leaves the run to workers, which have limits of their own", hint="give no limits")
    path, flow = parse_target(target)
    start = _start_of(flow, delay_ms, **given)

    from flowlang.cli.driver import Driver, with_journal
    from flowlang.cli.problem_report import show_diagnostics, show_source_errors
    from flowlang.runtime.project import Project

    script = Project(settings.root).build(path)
    if script.has_errors:
        return show_source_errors(settings.output, script.entry, script.diagnostics)
    if not settings.output.is_quiet:
        show_diagnostics(settings.output, script.diagnostics)

    def drive(journal: Journal) -> ExitCode:
        if detach:
            return _submit(settings, journal, script, start)
        budget = _budget(max_steps, max_memory)
        driver = Driver(settings, journal, 0.0 if no_follow else follow_s, start.run_id or "", budget=budget)
        return driver.drive(lambda engine: engine.start(script, **start.given()))

    return with_journal(settings, drive, create=True)


def _start_of(
    flow: str, delay_ms: int | None, *, texts: tuple[str, ...], arguments: str | None, run_id: str | None,
    labels: tuple[str, ...], correlation: str, timeout_ms: int | None, queue: str, priority: int, partition: str,
) -> Start:  # fmt: skip
    from flowlang.cli.argument import check_disjoint, parse_labels, parse_texts, read_arguments
    from flowlang.runtime.clock import SystemClock
    from flowlang.runtime.journal.journal import Placement

    named = parse_texts(texts)
    values = read_arguments(arguments)
    check_disjoint(named, values)
    start_at_ms = deadline_at_ms = None
    now_ms = SystemClock().now_ms()
    if delay_ms is not None:
        start_at_ms = now_ms + delay_ms
    if timeout_ms is not None:
        deadline_at_ms = (start_at_ms or now_ms) + timeout_ms
    placement = Placement(queue, priority, partition, start_at_ms, deadline_at_ms)
    return Start(flow, values, named, run_id, placement, parse_labels(labels), correlation)


def _budget(max_steps: int | None, max_memory: int | None) -> Budget | None:
    if max_steps is None and max_memory is None:
        return None
    from flowlang.lang.values.meter import Budget
    from flowlang.runtime.driver import TURN_STEPS

    steps = TURN_STEPS if max_steps is None else max_steps
    return Budget(steps=steps) if max_memory is None else Budget(steps=steps, memory_bytes=max_memory)


def _submit(settings: Settings, journal: Journal, script: Build, start: Start) -> ExitCode:
    """Creates the run and leaves it to the workers."""
    import contextlib

    from flowlang.actions import shipped_actions
    from flowlang.runtime.driver import RunDriver

    with contextlib.closing(RunDriver(settings.root, journal, actions=shipped_actions())) as driver:
        run_id = driver.submit(script, **start.given())
    output = settings.output
    if output.is_json:
        output.document({"schema": "flowlang/started/1", "run_id": run_id, "queue": start.placement.queue})
    else:
        output.data(run_id)
    output.hint(f"workers of the queue `{start.placement.queue}` drive it: `{settings.command('worker')}`")
    return ExitCode.OK
