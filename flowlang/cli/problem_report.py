"""Shows problems: of usage, of the journal, of a script before it runs, and bugs of flowlang.

With `-o json` stdout gets a document `flowlang/error/1` as well, so that a program that calls flowlang always finds
one document there. A bug is told apart from everything else: it names itself and the version, keeps the Python
traceback in a file for whoever reports it, and blames nobody.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from flowlang.cli.exit_code import ExitCode
from flowlang.cli.output import Output
from flowlang.cli.problem import Problem, is_explained, problem_of
from flowlang.errors import FlowlangError, InternalError
from flowlang.version import __version__

if TYPE_CHECKING:
    from flowlang.lang.diagnostics.diagnostic import Diagnostic

DIAGNOSTICS_SHOWN: Final = 20


def show_error(output: Output, error: BaseException, root: Path | None = None) -> ExitCode:
    """Shows an exception and gives the exit code that it means. `root` is the project, where a bug leaves its file."""
    if not isinstance(error, FlowlangError) or isinstance(error, InternalError):
        return show_defect(output, error, root)
    problem = problem_of(error)
    show_problem(output, problem)
    return problem.exit_code


def show_problem(output: Output, problem: Problem, **more: Any) -> None:
    """Shows a problem. `more` joins its document."""
    output.problem(problem.slug, problem.message, problem.hint)
    if output.is_json:
        output.document(error_document(problem, **more))


def error_document(problem: Problem, **more: Any) -> dict[str, Any]:
    """A problem as `flowlang/error/1`."""
    return {
        "schema": "flowlang/error/1",
        "error": {"kind": problem.slug, "message": problem.message, "hint": problem.hint},
        **more,
        "exit_code": int(problem.exit_code),
    }


def show_diagnostics(output: Output, diagnostics: Sequence[Diagnostic]) -> None:
    """Renders static errors and warnings to stderr: the first ones, or with `--verbose` all."""
    from flowlang.lang.diagnostics.frame import render

    shown = len(diagnostics) if output.is_verbose else DIAGNOSTICS_SHOWN
    for number, diagnostic in enumerate(diagnostics[:shown]):
        output.say(("\n" if number else "") + render(diagnostic, color=output.has_color))
    if len(diagnostics) > shown:
        output.say(f"\n... and {len(diagnostics) - shown} more; `--verbose` shows all")


def show_source_errors(
    output: Output, entry: str, diagnostics: Sequence[Diagnostic], *, exit_code: ExitCode = ExitCode.USAGE
) -> ExitCode:
    """Shows why a script cannot run."""
    from flowlang.lang.diagnostics.diagnostic import Severity
    from flowlang.lang.diagnostics.formats import to_json

    show_diagnostics(output, diagnostics)
    errors = sum(diagnostic.severity is Severity.ERROR for diagnostic in diagnostics)
    message = f"`{entry}` has {errors} error{'s' if errors != 1 else ''}, so nothing was run"
    output.status("")
    output.status(message)
    slugs = [diagnostic.slug for diagnostic in diagnostics if is_explained(diagnostic.slug)]
    if slugs:
        output.hint(f"`flowlang explain {slugs[0]}` tells more")
    if output.is_json:
        problem = Problem("static-errors", message, None, exit_code)
        output.document(error_document(problem, diagnostics=[to_json(diagnostic) for diagnostic in diagnostics]))
    return exit_code


def show_defect(output: Output, error: BaseException, root: Path | None) -> ExitCode:
    """Shows a bug of flowlang."""
    cause = error.__cause__ if isinstance(error, InternalError) and error.__cause__ is not None else error
    message = f"flowlang {__version__} has a bug: {type(cause).__name__}: {cause}"
    place = _keep(error, root)
    hint = "your script is not at fault" + (f"; please report it with the file {place}" if place is not None else "")
    show_problem(output, Problem("internal-error", message, hint, ExitCode.DEFECT))
    return ExitCode.DEFECT


def _keep(error: BaseException, root: Path | None) -> Path | None:
    """Writes the Python traceback into a file of the project, or of the system's folder for such things."""
    # Imported here because every command imports this module, and a bug is rare.
    import platform
    import tempfile
    import traceback

    now = datetime.now(UTC)
    text = f"flowlang {__version__}, Python {platform.python_version()}, {platform.platform()}, {now.isoformat()}\n\n"
    text += "".join(traceback.format_exception(error))
    own = None if root is None else root / ".flowlang"
    for folder in (own, Path(tempfile.gettempdir())):
        if folder is None or not folder.is_dir():
            continue
        path = folder / f"defect-{now:%Y%m%d-%H%M%S}-{os.getpid()}.txt"
        with contextlib.suppress(OSError):
            # Created anew and for the owner alone: in a shared folder the name could be a link of somebody else's.
            descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600)
            with open(descriptor, "w", encoding="utf-8", errors="backslashreplace") as file:
                file.write(text)
            return path
    return None
