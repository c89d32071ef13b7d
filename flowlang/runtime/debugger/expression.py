"""Expressions of the language, evaluated in a frame of a paused run, without effects and under a budget.

Data is copied, so that nothing an expression does to it reaches the run. Functions, flows and contexts are used as
they are; calling one may change what it holds, so the caller is told (`Evaluated.may_have_changed`) and goes there
again by a new course. Actions are refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

import attrs

from flowlang.lang.eval.evaluation import Completed, Entry, Evaluation, Stopped
from flowlang.lang.eval.fiber import Fiber
from flowlang.lang.interpreter import UNIVERSE, Build, build
from flowlang.lang.resolve.load_source import LoadProblem
from flowlang.lang.source import SourceFile
from flowlang.lang.syntax.parser import parse
from flowlang.lang.values.canonical import decode, encode
from flowlang.lang.values.fault import BudgetExceeded, Fault
from flowlang.lang.values.meter import Budget
from flowlang.lang.values.result import Err, Ok
from flowlang.runtime.catalog import Catalog
from flowlang.runtime.debugger.stack import presented

NAME: Final = "<expression>"
RESULT: Final = "the_value"
BUDGET: Final = Budget(steps=10_000_000, memory_bytes=256 << 20, output_bytes=1 << 20)
CHARACTERS_MAX: Final = 10_000


@attrs.frozen
class Evaluated:
    """What an expression gave: a value, or a `problem` with a `hint`."""

    value: Any = None
    problem: str | None = None
    hint: str | None = None
    may_have_changed: bool = False


class _ExpressionEvaluation(Evaluation):
    """Evaluates one module and does not freeze it, for its values may belong to somebody else."""

    def run_modules(self, fiber: Fiber) -> Any:
        module = self._link(self.programs[0], {}, NAME)
        self.modules[NAME] = module
        module.run()
        return Ok(None)


def evaluate(text: str, names: Mapping[str, Any], catalog: Catalog, *, is_condition: bool = False) -> Evaluated:
    """The value of an expression; `names` are those that it can use besides the language's, `catalog` the actions that
    it would call in vain. With `is_condition`, True or False."""
    if len(text) > CHARACTERS_MAX:
        return Evaluated(problem=f"the expression is longer than {CHARACTERS_MAX} characters")
    made = _build(text.strip(), frozenset(names), is_condition)
    if made is None:
        return Evaluated(problem="this is not one expression", hint="statements have no value: `print` takes one value")
    if made.has_errors:
        first = made.diagnostics[0]
        return Evaluated(problem=first.message, hint=first.hint)
    program = made.script
    used, changes = {}, False
    for name in program.predeclared:
        if name in names:
            used[name], is_copy = _own(names[name])
            changes = changes or not is_copy
    changes = changes and "(" in text
    evaluation = _ExpressionEvaluation(
        made.programs, (), Entry(NAME), universe=UNIVERSE, catalog=catalog, budget=BUDGET,
        predeclared=used,
    )  # fmt: skip
    evaluation.go_live()
    try:
        step = evaluation.start()
        return _evaluated(step, evaluation, changes)
    finally:
        evaluation.drop()


def _evaluated(step: Any, evaluation: Evaluation, changes: bool) -> Evaluated:
    if isinstance(step, Stopped):
        cause = step.cause
        message = cause.message if isinstance(cause, BudgetExceeded) else "the evaluation was stopped"
        return Evaluated(problem=message, may_have_changed=changes)
    if not isinstance(step, Completed):
        return Evaluated(problem="an expression cannot act or wait here", may_have_changed=changes,
                         hint="nothing is performed while debugging")  # fmt: skip
    if isinstance(step.result, Err):
        failure = step.result.failure
        return Evaluated(problem=f"{failure.kind}: {failure.message}", hint=failure.hint, may_have_changed=changes)
    return Evaluated(evaluation.modules[NAME].globals[RESULT], may_have_changed=changes)


def _own(value: Any) -> tuple[Any, bool]:
    """A copy of data; what is no data as it is."""
    value = presented(value)
    try:
        return decode(encode(value)), True
    except Fault:
        return value, False


@lru_cache(maxsize=256)
def _build(text: str, names: frozenset[str], is_condition: bool) -> Build | None:
    """The compiled expression; None for a text that closes the brackets around it, to begin a statement of its own."""
    source = f"{RESULT} = True if (\n{text}\n) else False\n" if is_condition else f"{RESULT} = (\n{text}\n)\n"

    file, _ = parse(SourceFile(NAME, source))
    if len(file.body) > 1:
        return None

    def read(name: str) -> SourceFile:
        if name != NAME:
            raise LoadProblem("load-not-found", "an expression loads nothing")
        return SourceFile(NAME, source)

    return build(NAME, read, (), predeclared=names)
