"""The explanations of failures are true: the wrong program fails with the slug, the right one ends well."""

from __future__ import annotations

from pathlib import Path

import pytest
from script_run import ScriptRunner

from flowlang.lang.diagnostics.catalog import Entry
from flowlang.lang.diagnostics.catalog_runtime import ENTRIES as RUNTIME
from flowlang.lang.diagnostics.catalog_signal import ENTRIES as SIGNAL
from flowlang.lang.diagnostics.catalog_value import ENTRIES as VALUE
from flowlang.runtime.journal.journal import RunStatus


@pytest.mark.parametrize("entry", [*RUNTIME, *SIGNAL, *VALUE], ids=lambda entry: entry.slug)
def test_programs(entry: Entry, tmp_path: Path) -> None:
    runner = ScriptRunner(tmp_path)
    right = runner.run({"main.flow": entry.right})
    assert right.outcome is not None, right.diagnostics
    assert right.outcome.status is RunStatus.COMPLETED, right.outcome
    if entry.wrong.startswith("#"):
        return
    wrong = runner.run({"main.flow": entry.wrong})
    assert wrong.outcome is not None, wrong.diagnostics
    stop = wrong.outcome.stop.slug if wrong.outcome.stop is not None else None
    assert entry.slug == (wrong.failure.kind if wrong.failure is not None else stop)
