"""`flowlang check`: static errors and warnings of scripts, all at once, without running anything; and their fixes.

The findings are what was asked for, so they go to stdout; a summary goes to stderr.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from flowlang.cli.dialect_choice import choosing_dialect, chosen_dialect
from flowlang.cli.exit_code import ExitCode
from flowlang.cli.option import Settings, command
from flowlang.cli.output import CHECK_FORMATS, TEXT
from flowlang.errors import UsageError

if TYPE_CHECKING:
    from flowlang.cli.checker import Change, Script
    from flowlang.lang.diagnostics.diagnostic import Diagnostic

SHOWN_ON_TERMINAL: Final = 20
SUFFIXES: Final = (".flow", ".star", ".bzl")
_EXAMPLE: Final = """\
  flowlang check etl.flow
  flowlang check . --output json
  flowlang check etl.flow --fix --diff
"""


@command("check", formats=CHECK_FORMATS, example=_EXAMPLE)
@click.argument("paths", metavar="[PATH|-]...", nargs=-1)
@click.option("--fix", "is_fixing", is_flag=True, help="Correct what can be corrected safely.")
@click.option("--unsafe-fixes", "is_unsafe", is_flag=True, help="Make corrections that are good guesses, too.")
@click.option("--diff", "is_diff", is_flag=True, help="Show what fixes would change, and change nothing.")
@choosing_dialect
def check(
    settings: Settings, paths: tuple[str, ...], is_fixing: bool, is_unsafe: bool, is_diff: bool, dialect: str,
    allowed: tuple[str, ...],
) -> ExitCode:  # fmt: skip
    """Find what is wrong with scripts without running them.

    PATH is a script or a folder, which stands for all scripts below it; `-` is stdin. Without any, the current folder.
    Modules that a script loads are checked with it. The exit code is 1 when there is a finding.
    """
    is_fixing = is_fixing or is_unsafe or is_diff
    is_stdin = "-" in paths
    if is_stdin and len(paths) > 1:
        raise UsageError("`-` stands alone", hint="check stdin and files in two calls")
    if settings.output.format != TEXT and (is_diff or (is_fixing and is_stdin)):
        raise UsageError("a diff and a fixed stdin are text", hint="leave `--output` out")
    language = chosen_dialect(dialect, allowed)
    scripts = _scripts(settings, paths, is_standard=not language.flows)

    from flowlang.cli.checker import Checker, write_changes

    checker = Checker(language)
    changes = checker.fix(scripts, is_unsafe=is_unsafe) if is_fixing else []
    if not is_diff:
        write_changes(changes)
    findings = checker.findings(scripts)
    if is_diff:
        settings.output.written("".join(_diff(change) for change in changes))
    elif is_fixing and is_stdin:
        settings.output.written(checker.texts.get((scripts[0].root, scripts[0].name), scripts[0].text or ""))
    _report(settings, findings, scripts, changes, is_aside=is_diff or (is_fixing and is_stdin))
    _summarise(settings, findings, scripts, changes, is_diff)
    return ExitCode.FAILED if findings or (is_diff and changes) else ExitCode.OK


def _scripts(settings: Settings, paths: Sequence[str], *, is_standard: bool) -> list[Script]:
    """The scripts to check, each with the project that it belongs to."""
    from flowlang.cli.checker import STDIN, Script
    from flowlang.lang.resolve.load_source import LoadProblem
    from flowlang.loaders import FILE_BYTES_MAX, FileLoader

    if "-" in paths:
        data = sys.stdin.buffer.read(FILE_BYTES_MAX + 1)
        if len(data) > FILE_BYTES_MAX:
            raise UsageError(f"stdin is larger than {FILE_BYTES_MAX >> 20} MiB", hint="split it into modules")
        try:
            text = data.decode()
        except UnicodeDecodeError as error:
            raise UsageError(f"stdin is not UTF-8 at byte {error.start}", hint="save it as UTF-8") from None
        return [Script(STDIN, settings.root, text=text)]
    suffixes = SUFFIXES if is_standard else SUFFIXES[:1]
    scripts = []
    for file in dict.fromkeys(file for path in paths or (".",) for file in _files(Path(path), suffixes)):
        real = Path(os.path.realpath(file.parent)) / file.name
        root = settings.root.resolve()
        # A script outside the project is its own little project: it loads from its own folder.
        root = root if real.is_relative_to(root) else real.parent
        try:
            name, text = FileLoader(root).name_of(real), None
        except LoadProblem:
            # A name that no `load` could spell, or is no text; such a file can still be checked.
            name = os.fsencode(real.relative_to(root)).decode("utf-8", "backslashreplace")
            text = _text_of(real)
        scripts.append(Script(name, root, real, text))
    return scripts


def _files(path: Path, suffixes: tuple[str, ...]) -> Iterator[Path]:
    """The scripts that a path stands for, sorted; hidden folders are left out."""
    if path.is_dir():
        for folder, folders, files in os.walk(path):
            folders[:] = sorted(name for name in folders if not name.startswith("."))
            yield from (Path(folder) / name for name in sorted(files) if name.endswith(suffixes))
    elif path.is_file():
        if path.suffix not in SUFFIXES:
            raise UsageError(f"`{path}` is no script", hint="scripts end in `.flow`")
        yield path
    else:
        from flowlang.cli.argument import parse_target

        parse_target(str(path))
        raise UsageError(f"`{path}` is neither a script nor a folder")


def _text_of(path: Path) -> str:
    try:
        return path.read_bytes().decode()
    except OSError as error:
        raise UsageError(f"`{path}` cannot be read: {(error.strerror or str(error)).lower()}") from None
    except UnicodeDecodeError as error:
        raise UsageError(f"`{path}` is not UTF-8 at byte {error.start}", hint="save the file as UTF-8") from None


def _diff(change: Change) -> str:
    """What fixes do to a script, as a unified diff."""
    from difflib import unified_diff

    before, after = (text.splitlines(keepends=True) for text in (change.before, change.after))
    lines = unified_diff(before, after, f"a/{change.script.name}", f"b/{change.script.name}")
    return "".join(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines)


def _report(
    settings: Settings, findings: list[Diagnostic], scripts: list[Script], changes: list[Change], *, is_aside: bool
) -> None:
    """Writes the findings in the form that was asked for; `is_aside`: stdout is taken by something else."""
    from flowlang.lang.diagnostics.formats import concise, github, to_json
    from flowlang.version import __version__

    output = settings.output
    match output.format:
        case "json":
            output.document(
                {
                    "schema": "flowlang/findings/1",
                    "files": len(scripts),
                    "fixed": [{"path": change.script.name, "fixes": change.count} for change in changes],
                    "findings": [to_json(finding) for finding in findings],
                }
            )
        case "sarif":
            from flowlang.lang.diagnostics.sarif import sarif

            output.document(sarif(findings, version=__version__))
        case "concise" | "github":
            form = concise if output.format == "concise" else github
            for finding in findings:
                output.data(form(finding))
        case _:
            _show(settings, findings, is_aside)


def _show(settings: Settings, findings: list[Diagnostic], is_aside: bool) -> None:
    from flowlang.lang.diagnostics.frame import render

    output = settings.output
    is_cut = output.has_terminal_data and not output.is_verbose and len(findings) > SHOWN_ON_TERMINAL
    color = output.has_color if is_aside else output.has_color_data
    for number, finding in enumerate(findings[:SHOWN_ON_TERMINAL] if is_cut else findings):
        text = ("\n" if number else "") + render(finding, color=color)
        if is_aside:
            output.say(text)
        else:
            output.rendered(text)
    if is_cut:
        output.status(f"... and {len(findings) - SHOWN_ON_TERMINAL} more; `--verbose` shows all")


def _summarise(
    settings: Settings, findings: list[Diagnostic], scripts: list[Script], changes: list[Change], is_diff: bool
) -> None:
    from flowlang.cli.checker import fix_counts

    output = settings.output
    if not scripts:
        output.note("there are no scripts here; they end in `.flow`")
        return
    if changes:
        fixed = sum(change.count for change in changes)
        verb = "would fix" if is_diff else "fixed"
        output.status(f"{verb} {_count(fixed, 'finding')} in {_count(len(changes), 'script')}")
    remaining = " left" if changes else ""
    output.status(f"{_count(len(findings), 'finding')}{remaining} in {_count(len(scripts), 'script')}")
    counts = fix_counts(findings, scripts)
    if counts[True]:
        output.hint(f"`--fix` corrects {_share(counts[True], len(findings))}")
    elif counts[False]:
        guesses = _share(counts[False], len(findings))
        output.hint(f"`--unsafe-fixes` makes a guess at {guesses}; `--unsafe-fixes --diff` shows it first")


def _share(part: int, total: int) -> str:
    if part < total:
        return f"{part} of them"
    return "it" if total == 1 else "all of them"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'s' if number != 1 else ''}"
