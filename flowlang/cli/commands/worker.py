"""`flowlang worker`: drives the runs that are due until it is told to stop."""

from __future__ import annotations

import contextlib
from typing import Final

import click

from flowlang.cli.exit_code import ExitCode
from flowlang.cli.option import Settings, command
from flowlang.cli.output import TEXT
from flowlang.cli.quantity import Span

CONCURRENCY: Final = 100
LOG_FORMATS: Final = ("text", "json")
_EXAMPLE: Final = """\
  flowlang worker
  flowlang worker --db postgresql://flows@db/flows --queue default --queue slow --concurrency 200 --log-format json
  flowlang worker --once
"""


@command("worker", uses_journal=True, formats=(TEXT,), example=_EXAMPLE)
@click.option("--queue", "queues", metavar="NAME", multiple=True,
              help="Take runs of this queue; can be repeated.  [default: default]")  # fmt: skip
@click.option("--concurrency", type=click.IntRange(min=1), default=CONCURRENCY, metavar="COUNT",
              help="Drive at most so many runs at once.  [default: 100]")  # fmt: skip
@click.option("--once", is_flag=True, help="Drive what is due, and end when nothing is.")
@click.option("--grace", "grace_ms", type=Span(), default=10_000, metavar="SPAN",
              help="How long actions may still take after SIGTERM.  [default: 10s]")  # fmt: skip
@click.option("--log-format", type=click.Choice(LOG_FORMATS), default="text", help="Form of the log.  [default: text]")
def worker(
    settings: Settings, queues: tuple[str, ...], concurrency: int, once: bool, grace_ms: int, log_format: str
) -> ExitCode:  # fmt: skip
    """Drive runs that are due until told to stop. Any number of workers may share a journal.

    Ctrl-C or SIGTERM: what is being performed may finish within the grace time, then every run is handed back and
    goes on elsewhere. A second one ends the process at once; the runs are taken over when their leases end, on the
    same machine at once. The log goes to stderr; it never holds values of scripts.
    """
    from flowlang.actions import shipped_actions
    from flowlang.cli.interrupt import handled
    from flowlang.cli.worker_log import WORKER, logging_to
    from flowlang.runtime.run_log import RunLog
    from flowlang.runtime.worker import Worker

    with contextlib.ExitStack() as ends:
        ends.enter_context(logging_to(settings.output, is_json=log_format == "json"))
        journal = ends.enter_context(contextlib.closing(settings.open_journal(create=True)))
        made = Worker(
            settings.root, journal, actions=shipped_actions(), hooks=RunLog(), queues=queues or ("default",),
            concurrency=concurrency,
        )  # fmt: skip
        ends.callback(made.close)
        stopping = ends.enter_context(handled(lambda: made.request_stop(grace_ms / 1000), lambda: None))
        about = {"owner": made.owner, "queues": ",".join(made.queues), "concurrency": concurrency}
        WORKER.info("worker started", extra=about)
        if once:
            made.run_until_idle()
        else:
            made.run()
        tally = made.tally
        counts = {"claimed": tally.claimed, "ended": tally.ended, "parked": tally.parked, "lost": tally.lost}
        WORKER.info("worker stopped", extra={"stopped": stopping.is_set(), **counts})
    return ExitCode.OK
