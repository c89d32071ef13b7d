"""What a shell is offered for the beginning of an id.

Runs while somebody types, so whatever goes wrong is silence.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import Final

import click

OFFERED_MAX: Final = 50


def complete_run(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    """The ids of runs that begin with what was typed, the newest first."""
    with contextlib.suppress(Exception):
        from flowlang.runtime.clock import SystemClock
        from flowlang.runtime.journal.locate import journal_url, open_journal, project_root

        url = journal_url(project_root(Path.cwd()), context.params.get("database"), os.environ)
        with contextlib.closing(open_journal(url, SystemClock(), create=False)) as journal:
            return [run.run_id for run in journal.runs(prefix=incomplete, limit=OFFERED_MAX)]
    return []
