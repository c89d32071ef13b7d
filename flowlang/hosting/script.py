"""One script, run to its end by the calling thread: `flowlang.run("etl.flow", {"day": "2026-01-02"})`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from flowlang.errors import RunError, SourceError
from flowlang.lang.values.convert import from_host, to_host
from flowlang.lang.values.result import Err, Ok
from flowlang.runtime.action import ActionSpec
from flowlang.runtime.clock import Clock, SystemClock
from flowlang.runtime.driver import RunDriver
from flowlang.runtime.journal.locate import MEMORY, open_journal
from flowlang.runtime.typed import adopt


def run(
    target: str | Path, arguments: Mapping[str, Any] | None = None, *, actions: Sequence[ActionSpec[..., Any]] = (),
    journal: str = MEMORY, id: str | None = None, root: str | Path | None = None, clock: Clock | None = None,
) -> Ok | Err:  # fmt: skip
    """Runs `FILE` or `FILE:FLOW` and gives its Result. `journal`: where it is recorded, a path or URL; nowhere unless
    given. With an `id` that the journal knows, an unfinished run goes on, and a finished one gives its Result again.
    `root`: the project folder, else that of the script. Raises UsageError, SourceError, RunError for a run that was
    stopped, JournalError."""
    from flowlang.actions import shipped_actions

    clock = clock or SystemClock()
    file, _, flow = str(target).partition(":")
    path = Path(file).resolve()
    opened = open_journal(journal, clock)
    driver = RunDriver(
        Path(root) if root is not None else path.parent, opened, clock=clock, actions=[*shipped_actions(), *actions]
    )
    try:
        build = driver.build_script(path)
        if build.has_errors:
            raise SourceError(build.diagnostics)
        given = {name: from_host(value, name, adopt) for name, value in (arguments or {}).items()}
        outcome = driver.start(build, flow=flow, arguments=given, run_id=id)
    finally:
        driver.close()
        opened.close()
    if outcome.result is None:
        why = outcome.stop.message if outcome.stop is not None else "it is not finished"
        raise RunError(f"run `{outcome.run_id}` did not end: {why}", run_id=outcome.run_id)
    result: Ok | Err = to_host(outcome.result)
    return result
