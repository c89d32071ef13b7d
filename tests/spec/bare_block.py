"""Evaluates a block of the specification alone, without the runtime, in a dialect."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import attrs
from lang.bare_run import ASSERT
from spec_block import ENTRY

from flowlang.lang.diagnostics.diagnostic import Diagnostic
from flowlang.lang.eval.command import LogLine
from flowlang.lang.eval.evaluation import Completed, Entry, Evaluation, Stopped
from flowlang.lang.interpreter import UNIVERSE, build
from flowlang.lang.resolve.dialect import Dialect
from flowlang.lang.values.fault import BudgetExceeded
from flowlang.lang.values.meter import Budget
from flowlang.lang.values.result import Err, Failure
from flowlang.loaders import MappingLoader, source_reader


@attrs.frozen
class BareBlock:
    """What became of a block. `stopped` is the limit that struck."""

    modules: set[str]
    diagnostics: Sequence[Diagnostic]
    lines: Sequence[str]
    failure: Failure | None
    stopped: str | None


def evaluate(modules: Mapping[str, str], dialect: Dialect, budget: Budget) -> BareBlock:
    """Builds and evaluates the entry of `modules`."""
    script = build(ENTRY, source_reader(MappingLoader(dict(modules))), (), dialect=dialect, predeclared=["assert"])
    read = set(script.sources)
    if script.has_errors:
        return BareBlock(read, script.diagnostics, (), None, None)
    evaluation = Evaluation(
        script.programs, script.prelude, Entry(ENTRY), universe=UNIVERSE, catalog={}, budget=budget,
        predeclared={"assert": ASSERT},
    )  # fmt: skip
    evaluation.go_live()
    step = evaluation.start()
    lines = [note.text for note in step.said if isinstance(note, LogLine)]
    if isinstance(step, Stopped):
        assert isinstance(step.cause, BudgetExceeded), step.cause
        return BareBlock(read, script.diagnostics, lines, None, step.cause.limit)
    assert isinstance(step, Completed), step
    failure = step.result.failure if isinstance(step.result, Err) else None
    return BareBlock(read, script.diagnostics, lines, failure, None)
