"""`flowlang check`: static errors and warnings of scripts, all at once, without running anything.

The findings are what was asked for, so they go to stdout; a summary goes to stderr.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from flowlang.cli.exit_code import ExitCode
from flowlang.cli.option import Settings, command
from flowlang.errors import FlowlangError, UsageError

if TYPE_CHECKING:
    from flowlang.lang.diagnostics.diagnostic import Diagnostic

SHOWN_ON_TERMINAL: Final = 20
_EXAMPLE: Final = "  flowlang check etl.flow\n  flowlang check . --output json\n"


@command("check", example=_EXAMPLE)
@click.argument("paths", metavar="[PATH]...", nargs=-1)
def check(settings: Settings, paths: tuple[str, ...]) -> ExitCode:
    """Find what is wrong with scripts without running them.

    PATH is a script or a folder, which stands for all scripts below it; without any, the current folder. Modules that
    a script loads are checked with it. The exit code is 1 when there is a finding.
    """
    files = list(dict.fromkeys(file for path in paths or (".",) for file in _scripts(Path(path))))
    findings = _findings(settings, files)
    if settings.output.is_json:
        from flowlang.lang.diagnostics.formats import to_json

        settings.output.document(
            {
                "schema": "flowlang/findings/1",
                "files": len(files),
                "findings": [to_json(finding) for finding in findings],
            }
        )
    else:
        _show(settings, findings)
    if not files:
        settings.output.note("there are no scripts here; they end in `.flow`")
    else:
        settings.output.status(f"{_count(len(findings), 'finding')} in {_count(len(files), 'script')}")
    return ExitCode.FAILED if findings else ExitCode.OK


def _scripts(path: Path) -> Iterator[Path]:
    """The scripts that a path stands for, sorted; hidden folders are left out."""
    if path.is_dir():
        for folder, folders, files in os.walk(path):
            folders[:] = sorted(name for name in folders if not name.startswith("."))
            yield from (Path(folder) / name for name in sorted(files) if name.endswith(".flow"))
    elif path.is_file():
        yield path
    else:
        from flowlang.cli.argument import parse_target

        parse_target(str(path))
        raise UsageError(f"`{path}` is neither a script nor a folder")


def _findings(settings: Settings, files: list[Path]) -> list[Diagnostic]:
    """The findings of all files; a module that several of them load is reported once."""
    from flowlang.cli.problem import problem_of
    from flowlang.lang.diagnostics.diagnostic import Diagnostic, Label
    from flowlang.lang.source import SourceFile
    from flowlang.runtime.project import Project

    project = Project(settings.root)
    seen = set()
    findings = []
    for file in files:
        try:
            found = list(project.build(file).diagnostics)
        except FlowlangError as error:
            problem = problem_of(error)
            place = Label(SourceFile(str(file), ""), (1, 0, 1, 1))
            found = [Diagnostic(problem.slug, problem.message, place, hint=problem.hint)]
        for diagnostic in found:
            primary = diagnostic.primary
            key = (diagnostic.slug, diagnostic.message, primary and (primary.source.name, primary.span))
            if key not in seen:
                seen.add(key)
                findings.append(diagnostic)
    return findings


def _show(settings: Settings, findings: list[Diagnostic]) -> None:
    from flowlang.lang.diagnostics.frame import render

    output = settings.output
    is_cut = output.has_terminal_data and not output.is_verbose and len(findings) > SHOWN_ON_TERMINAL
    for number, finding in enumerate(findings[:SHOWN_ON_TERMINAL] if is_cut else findings):
        output.rendered(("\n" if number else "") + render(finding, color=output.has_color_data))
    if is_cut:
        output.status(f"... and {len(findings) - SHOWN_ON_TERMINAL} more; `--verbose` shows all")


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'s' if number != 1 else ''}"
