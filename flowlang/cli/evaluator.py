"""What `flowlang eval` does with a text: evaluates it, and says what came of it.

Whatever a script does ends in one of a few ways: its globals, a diagnostic, an interruption. Below the budgets there
are nets (`safety_net.py`), and whatever slips through those is reported as a bug of flowlang.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import attrs

from flowlang.cli.exit_code import ExitCode
from flowlang.cli.globals_text import TooLong, globals_text
from flowlang.cli.interrupt import handled
from flowlang.cli.output import Output
from flowlang.cli.problem import Problem, is_explained
from flowlang.cli.problem_report import error_document, show_diagnostics, show_problem, show_source_errors
from flowlang.cli.safety_net import TimeOver, limited_memory, limited_time
from flowlang.embedding.interpreter import Interpreter
from flowlang.embedding.module import Module
from flowlang.embedding.usage import Watch
from flowlang.errors import BudgetExceededError, Cancelled, EvaluationError, SourceError
from flowlang.lang.diagnostics.diagnostic import Diagnostic
from flowlang.lang.diagnostics.formats import to_json
from flowlang.lang.resolve.dialect import Dialect
from flowlang.lang.values.meter import Budget
from flowlang.lang.values.result import ERROR_KIND
from flowlang.loaders import FILE_BYTES_MAX, FileLoader
from flowlang.runtime.program_cache import open_cache

BUFFER_CHARACTERS: Final = 1 << 16
SPARE_BYTES: Final = 1 << 29
"""What the process may take beyond twice the budget, for the compiler and for text on its way out."""


@attrs.frozen
class Source:
    """A text to evaluate: its module's name, and the folder that it loads from."""

    name: str
    root: Path
    data: bytes


class _Printer:
    """Where printed lines go: stdout, or stderr when stdout is a document. Lines for a file or pipe are collected."""

    def __init__(self, output: Output) -> None:
        self._output = output
        self._lines: list[str] = []
        self._length = 0

    def line(self, text: str) -> None:
        """Takes one printed line."""
        self._lines.append(text)
        self._length += len(text)
        if self._length > BUFFER_CHARACTERS or self._output.has_terminal_data or self._output.is_json:
            self.flush()

    def flush(self) -> None:
        """Writes what was collected."""
        lines, self._lines, self._length = self._lines, [], 0
        if not lines:
            return
        if self._output.is_json:
            self._output.printed("\n".join(lines))
        else:
            self._output.data("\n".join(lines))


def evaluate(output: Output, source: Source, budget: Budget, dialect: Dialect, *, root: Path) -> ExitCode:
    """Evaluates a text and shows what came of it."""
    text = _decoded(output, source)
    if text is None:
        return ExitCode.FAILED
    printer = _Printer(output)
    watch = Watch()
    interpreter = Interpreter(
        loader=FileLoader(source.root), budget=budget, dialect=dialect, on_print=printer.line, cache=open_cache()
    )
    try:
        with (
            watch,
            handled(watch.cancel, lambda: None),
            limited_memory(2 * budget.memory_bytes + SPARE_BYTES),
            limited_time(budget.wall_seconds),
        ):
            module = interpreter.evaluate(text, source.name)
            printer.flush()
            return _show_globals(output, module, budget)
    except SourceError as error:
        return show_source_errors(output, source.name, error.diagnostics, exit_code=ExitCode.FAILED)
    except Cancelled:
        printer.flush()
        output.status("interrupted")
        return ExitCode.INTERRUPTED
    except EvaluationError as error:
        printer.flush()
        return _show_failure(output, error)
    except TimeOver:
        message = f"the budget of {budget.wall_seconds:g} seconds is spent"
        return _show(output, Problem("deadline-exceeded", message, None, ExitCode.FAILED))
    except MemoryError:
        printer.flush()
        message = f"the budget of {budget.memory_bytes} bytes of memory is spent"
        return _show(output, Problem("budget-memory", message, None, ExitCode.FAILED))
    finally:
        printer.flush()


def _decoded(output: Output, source: Source) -> str | None:
    """The text; None when it is none, which is shown."""
    if len(source.data) > FILE_BYTES_MAX:
        message = f"`{source.name}` is larger than {FILE_BYTES_MAX >> 20} MiB"
        _show(output, Problem("load-too-large", message, "split the module", ExitCode.FAILED))
        return None
    try:
        return source.data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = source.data.count(b"\n", 0, error.start) + 1
        message = f"`{source.name}` is not UTF-8: byte 0x{source.data[error.start]:02x} in line {line}"
        _show(output, Problem("load-not-utf-8", message, "save the file as UTF-8", ExitCode.FAILED))
        return None


def _show(output: Output, problem: Problem, **more: Any) -> ExitCode:
    show_problem(output, problem, **more)
    return problem.exit_code


def _show_globals(output: Output, module: Module, budget: Budget) -> ExitCode:
    if not output.is_quiet:
        show_diagnostics(output, module.diagnostics)
    if output.is_verbose:
        usage = module.usage
        output.status(f"{usage.steps:,} steps, {usage.memory_bytes:,} bytes of memory kept")
    if not output.is_json:
        return ExitCode.OK
    try:
        written = globals_text(module.script_values, budget.output_bytes, is_ascii=output.has_terminal_data)
    except TooLong:
        message = f"the globals of `{module.name}` have more than {budget.output_bytes} bytes as JSON"
        hint = "keep what is large in names that begin with `_`, or give a larger `--max-output`"
        return _show(output, Problem("budget-output", message, hint, ExitCode.FAILED))
    for name in written.left_out:
        output.note(f"`{name}` is left out: it holds something that is no data")
    output.rendered(written.text)
    return ExitCode.OK


_ACTING: Final = ("unknown-action", "no-run")
_NO_ACTIONS: Final = "`flowlang eval` performs no actions; `flowlang run` does"
_HINTS: Final = {
    "steps": "let it do less, or give a larger `--max-steps`",
    "memory": "let it keep less, or give a larger `--max-memory`",
    "depth": "calls that nest without end need another way out",
    "output": "let it print less, or give a larger `--max-output`",
}


def _show_failure(output: Output, error: EvaluationError) -> ExitCode:
    """Shows a failed evaluation: on stderr for people, with `-o json` as a document as well."""
    diagnostic: Diagnostic = error.diagnostic
    if isinstance(error, BudgetExceededError):
        diagnostic = attrs.evolve(diagnostic, slug=f"budget-{error.limit}", hint=_HINTS.get(error.limit), notes=())
        error.diagnostic = diagnostic
    elif diagnostic.slug in _ACTING and not (diagnostic.hint or "").startswith("did you mean"):
        diagnostic = attrs.evolve(diagnostic, hint=_NO_ACTIONS)
        error.diagnostic = diagnostic
    # The kind of what a script made up itself says nothing.
    if diagnostic.slug != ERROR_KIND and is_explained(diagnostic.slug) and not output.is_quiet:
        note = f"`flowlang explain {diagnostic.slug}` tells more"
        error.diagnostic = attrs.evolve(diagnostic, notes=(*diagnostic.notes, note))
    output.say(error.render(color=output.has_color))
    if output.is_json:
        problem = Problem(diagnostic.slug, diagnostic.message, diagnostic.hint, ExitCode.FAILED)
        trace = [
            {
                "path": frame.module, "name": frame.function, "line": frame.line, "column": frame.column,
                "end_line": frame.end_line, "end_column": frame.end_column,
            }
            for frame in error.traceback
        ]  # fmt: skip
        output.document(error_document(problem, diagnostics=[to_json(diagnostic)], trace=trace))
    return ExitCode.FAILED
