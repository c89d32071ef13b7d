"""Runs chunks of the language without the runtime: an evaluation alone, in either dialect.

`assert` is predeclared by the host here, made of three builtins, so that a module of the standard dialect, which has no
flows to catch a failure with, can say what fails.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import attrs

from flowlang.lang.diagnostics.diagnostic import Diagnostic
from flowlang.lang.eval.callback import passes_calls_on
from flowlang.lang.eval.evaluation import Completed, Entry, Evaluation
from flowlang.lang.eval.operators import equal
from flowlang.lang.eval.traceback import explain
from flowlang.lang.eval.unlock import unlock_after
from flowlang.lang.interpreter import UNIVERSE, build
from flowlang.lang.resolve.dialect import Dialect
from flowlang.lang.source import SourceFile
from flowlang.lang.values.display import repr_value
from flowlang.lang.values.fault import FailSignal, Fault
from flowlang.lang.values.meter import Budget
from flowlang.lang.values.protocol import builtin
from flowlang.lang.values.result import Err, Failure
from flowlang.lang.values.struct import Struct
from flowlang.loaders import MappingLoader, source_reader

BUDGET = Budget(steps=2_000_000)


@attrs.frozen
class BareRun:
    """What became of a module: the findings before it ran, or the failure that ended it."""

    diagnostics: Sequence[Diagnostic]
    failure: Failure | None


def bare_run(modules: Mapping[str, str], dialect: Dialect) -> BareRun:
    """Builds and evaluates `main.flow` of `modules`."""
    read: Callable[[str], SourceFile] = source_reader(MappingLoader(dict(modules)))
    script = build("main.flow", read, (), dialect=dialect, predeclared=["assert"])
    if script.has_errors:
        return BareRun(script.diagnostics, None)
    evaluation = Evaluation(
        script.programs, script.prelude, Entry("main.flow"), universe=UNIVERSE, catalog={}, budget=BUDGET,
        predeclared={"assert": ASSERT},
    )  # fmt: skip
    step = evaluation.start()
    assert isinstance(step, Completed), step
    return BareRun(script.diagnostics, step.result.failure if isinstance(step.result, Err) else None)


@builtin("eq", "eq(given, expected)")
def _eq(depth: int, given: Any, expected: Any, /) -> None:
    if not equal(given, expected) or repr_value(given) != repr_value(expected):
        raise Fault("error", f"{repr_value(given)} is not {repr_value(expected)}")


@builtin("true", "true(given)")
def _true(depth: int, given: Any, /) -> None:
    if not given:
        raise Fault("error", f"{repr_value(given)} is not true")


@builtin("fails", "fails(f, kind, text)")
@passes_calls_on
def _fails(depth: int, f: Any, kind: str, text: str = "", /) -> None:
    try:
        given = f(depth)
    except Exception as error:
        unlock_after(error)
        found = explain(error)
        if found is None:
            raise
        got = (found.slug, found.message) if isinstance(found, Fault) else ("error", _said(found))
    else:
        raise Fault("error", f"gave {repr_value(given)}, should fail with {kind}")
    if got[0] != kind or text not in got[1]:
        raise Fault("error", f"failed with {got}, not {kind} ({text})")


def _said(signal: FailSignal) -> str:
    return signal.error if type(signal.error) is str else repr_value(signal.error)


ASSERT = Struct({"eq": _eq, "true": _true, "fails": _fails})
