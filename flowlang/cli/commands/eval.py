"""`flowlang eval`: evaluates a module in memory, without journal or actions, under budgets.

This is flowlang as a language for configuration and for other people's scripts: nothing can be reached but modules
beside the script, and everything is limited. What the module prints goes to stdout; with `-o json` stdout is the
module's public globals, and printed lines go to stderr.
"""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from flowlang.cli.dialect_choice import choosing_dialect, chosen_dialect
from flowlang.cli.exit_code import ExitCode
from flowlang.cli.option import Seconds, Settings, command
from flowlang.cli.quantity import Count, Size
from flowlang.errors import UsageError

if TYPE_CHECKING:
    from flowlang.cli.evaluator import Source

STDIN: Final = "<stdin>"
STEPS: Final = 100_000_000
MEMORY_BYTES: Final = 200_000_000
DEPTH: Final = 200
OUTPUT_BYTES: Final = 16_000_000
_EXAMPLE: Final = """\
  flowlang eval settings.flow --output json
  flowlang eval rules.flow --max-steps 10M --max-memory 64MiB --timeout 5
  flowlang eval build.star --dialect standard --allow recursion
"""


@command("eval", example=_EXAMPLE)
@click.argument("file", metavar="FILE|-")
@click.option("--max-steps", "steps", type=Count(), default=STEPS, metavar="COUNT",
              help="Steps that it may take.  [default: 100M]")  # fmt: skip
@click.option("--max-memory", "memory_bytes", type=Size(), default=MEMORY_BYTES, metavar="SIZE",
              help="Memory that it may hold.  [default: 200MB]")  # fmt: skip
@click.option("--max-depth", "depth", type=click.IntRange(1, DEPTH), default=DEPTH, metavar="COUNT",
              help="Calls that may be nested.  [default: 200]")  # fmt: skip
@click.option("--max-output", "output_bytes", type=Size(), default=OUTPUT_BYTES, metavar="SIZE",
              help="What it may print, and the size of the JSON.  [default: 16MB]")  # fmt: skip
@click.option("--timeout", "timeout_s", type=Seconds(), metavar="SECONDS", help="Time that it may take.")
@choosing_dialect
def eval_command(
    settings: Settings, file: str, steps: int, memory_bytes: int, depth: int, output_bytes: int,
    timeout_s: float | None, dialect: str, allowed: tuple[str, ...],
) -> ExitCode:  # fmt: skip
    """Evaluate a module in memory, under limits, and print its globals as JSON when asked to.

    FILE is a script of either dialect; `-` is stdin. It cannot perform actions or reach files, other than modules of
    its project that it loads. With `--output json` its public globals are printed. The exit code is 1 when it fails
    or spends a budget; the diagnostic says which.
    """
    language = chosen_dialect(dialect, allowed)
    source = _source(settings, file)

    from flowlang.cli.evaluator import evaluate
    from flowlang.lang.values.meter import Budget

    budget = Budget(
        steps=steps, memory_bytes=memory_bytes, call_depth=depth, output_bytes=output_bytes, wall_seconds=timeout_s
    )
    return evaluate(settings.output, source, budget, language, root=settings.root)


def _source(settings: Settings, file: str) -> Source:
    """The text to evaluate, and the project that it loads modules from: the one around the current folder, or for a
    file outside of it the file's own folder."""
    from flowlang.cli.evaluator import Source
    from flowlang.loaders import FILE_BYTES_MAX

    root = settings.root.resolve()
    if file == "-":
        return Source(STDIN, root, sys.stdin.buffer.read(FILE_BYTES_MAX + 1))
    path = Path(file)
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError):
        from flowlang.cli.argument import parse_target

        parse_target(file)
        raise UsageError(f"there is no file `{file}`") from None
    if stat.S_ISDIR(mode):
        raise UsageError(f"`{file}` is a folder, not a script", hint="name one of the scripts in it")
    try:
        with path.open("rb") as stream:
            data = stream.read(FILE_BYTES_MAX + 1)
    except OSError as error:
        raise UsageError(f"`{file}` cannot be read: {(error.strerror or str(error)).lower()}") from None
    real = Path(os.path.realpath(path.parent)) / path.name
    root = root if real.is_relative_to(root) else real.parent
    # A file name need not be text; a module's name is.
    name = os.fsencode(real.relative_to(root)).decode("utf-8", "backslashreplace")
    return Source(name, root, data)
