"""One program in both implementations, and in CPython: what can be seen of each.

What can be seen is the printed lines, the values of the module's names at the end, and the error with its line. The
two implementations share the parser, the resolver and the value types, and nothing of what is compared.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from traceback import extract_tb
from types import FunctionType
from typing import Any

import attrs

from flowlang.lang.compile.program import Program
from flowlang.lang.diagnostics.diagnostic import Diagnostic
from flowlang.lang.eval.command import LogLine
from flowlang.lang.eval.evaluation import Completed, Entry, Evaluation, Stopped
from flowlang.lang.interpreter import UNIVERSE, build, universe_of
from flowlang.lang.resolve.dialect import FLOW, Dialect
from flowlang.lang.resolve.resolver import resolve
from flowlang.lang.source import SourceFile
from flowlang.lang.syntax.nodes import File
from flowlang.lang.syntax.parser import parse
from flowlang.lang.values.argument import string_argument
from flowlang.lang.values.display import str_value
from flowlang.lang.values.fault import BudgetExceeded, FailSignal, Fault
from flowlang.lang.values.meter import METER, Budget, Meter
from flowlang.lang.values.protocol import builtin
from flowlang.lang.values.result import Err, failure_of
from flowlang.runtime.action import ActionRegistry
from flowlang.runtime.catalog import Catalog
from reference.description import Describer
from reference.environment import Environment
from reference.expression import Walker
from reference.statement import execute_module

MODULE = "program.flow"
DIALECT = "# dialect: "
BUDGET = Budget(steps=200_000, memory_bytes=64 << 20, call_depth=60)
HOST_FRAMES = 20_000
"""The reference evaluator takes several frames of the host for one level of nesting."""


@attrs.frozen
class Failed:
    """An error: what kind, in which words, and in which line."""

    kind: str
    message: str
    line: int


@attrs.frozen
class Observation:
    """What can be seen of a run. `steps` is only known of compiled code."""

    lines: tuple[str, ...]
    values: str
    failure: Failed | None
    steps: int = attrs.field(default=0, eq=False)


class OutOfBudget(Exception):
    """The program is too expensive to say anything about it."""


def dialect_of(text: str) -> Dialect:
    """The dialect that the first line of a program names; else the flow dialect."""
    first = text.partition("\n")[0]
    return Dialect.named(first.removeprefix(DIALECT)) if first.startswith(DIALECT) else FLOW


def analyse(text: str) -> tuple[File, SourceFile, list[Diagnostic]]:
    """Parses and resolves a module."""
    source = SourceFile(MODULE, text)
    file, diagnostics = parse(source)
    diagnostics = list(diagnostics)
    if not diagnostics:
        dialect = dialect_of(text)
        names = universe_of(dialect)
        diagnostics += resolve(
            file, source, is_universal=names.__contains__, is_predeclared=lambda name: False,
            candidates=lambda: names, dialect=dialect,
        )  # fmt: skip
    return file, source, diagnostics


def compiled(text: str) -> Program:
    """The program of a module that has no errors."""
    script = build(MODULE, lambda name: SourceFile(name, text), (), dialect=dialect_of(text))
    assert not script.has_errors, (script.diagnostics[0].slug, script.diagnostics[0].message, text)
    return script.programs[0]


def observe_compiled(text: str, budget: Budget = BUDGET, *, as_cpython: bool = False) -> Observation:
    """Runs a module as compiled code. `as_cpython`: what CPython does not have, or has at other times, is not shown:
    iterations that have not ended, and the module's functions."""
    evaluation = Evaluation(
        [compiled(text)], (), Entry(MODULE), universe=UNIVERSE, catalog=Catalog(ActionRegistry(())), budget=budget
    )
    evaluation.go_live()
    step = evaluation.start()
    if isinstance(step, Stopped):
        if isinstance(step.cause, BudgetExceeded):
            raise OutOfBudget(step.cause.limit)
        raise AssertionError(f"stopped by {step.cause!r}\n{text}") from step.cause
    assert isinstance(step, Completed)
    failure = None
    if isinstance(step.result, Err):
        found = step.result.failure
        failure = Failed(found.kind, found.message, found.trace[-1].fields["line"])
    module = evaluation.modules[MODULE]
    values = {name: module.globals[name] for name in module.program.exports if name in module.globals}
    lines = tuple(note.text for note in step.said if isinstance(note, LogLine))
    if as_cpython:
        values = without_functions(values)
    description = Describer(with_locks=not as_cpython and failure is None).names(values)
    return Observation(lines, description, failure, evaluation.total_steps)


def observe_reference(text: str, walker_for: Callable[[File], Walker] | None = None) -> Observation:
    """Runs a module in the reference evaluator, or in a variant of it that `walker_for` makes."""
    file, _, diagnostics = analyse(text)
    assert not diagnostics, diagnostics
    lines: list[str] = []

    @builtin("print")
    def print_(depth: int, /, *values: Any, sep: str = " ") -> None:
        string_argument("print", "sep", sep)
        lines.append(sep.join(map(str_value, values)))

    universe = {**UNIVERSE, "print": print_, "__name__": "__flow__"}
    may_recurse = dialect_of(text).recursion
    walker = Walker(BUDGET.call_depth, may_recurse=may_recurse) if walker_for is None else walker_for(file)
    environment = Environment(file.scope, None, 0, universe)
    failure = None
    with _room():
        try:
            execute_module(walker, file, environment)
        except Fault as fault:
            failure = Failed(fault.slug, fault.message, _line(walker))
        except FailSignal as signal:
            found = failure_of(signal.error)
            failure = Failed(found.kind, found.message, _line(walker))
        except BudgetExceeded as stop:
            raise OutOfBudget(stop.limit) from None
    values = {name: value for name, value in environment.values.items() if not name.startswith("_")}
    return Observation(tuple(lines), Describer(with_locks=failure is None).names(values), failure)


def observe_cpython(text: str) -> Observation:
    """Runs a program that means the same in CPython there."""
    lines: list[str] = []
    names: dict[str, Any] = {"print": lambda *values: lines.append(" ".join(map(str, values)))}
    outside = {"print", "__builtins__"}
    failure = None
    try:
        exec(compile(text, MODULE, "exec"), names)
    except Exception as error:
        places = extract_tb(error.__traceback__)
        line = next(place.lineno for place in reversed(places) if place.filename == MODULE)
        failure = Failed(type(error).__name__, str(error), line or 0)
    values = {name: value for name, value in names.items() if name not in outside and not name.startswith("_")}
    return Observation(tuple(lines), Describer(with_locks=False).names(without_functions(values)), failure)


def without_functions(values: dict[str, Any]) -> dict[str, Any]:
    """The values that are data."""
    return {name: value for name, value in values.items() if type(value) is not FunctionType}


def _line(walker: Walker) -> int:
    assert walker.failed_at is not None
    line: int = walker.failed_at[0]
    return line


@contextmanager
def _room() -> Iterator[None]:
    """Frames and a meter for an evaluation that nobody else limits."""
    limit = sys.getrecursionlimit()
    token = METER.set(Meter(Budget(memory_bytes=1 << 62)))
    sys.setrecursionlimit(HOST_FRAMES)
    try:
        yield
    finally:
        sys.setrecursionlimit(limit)
        METER.reset(token)
