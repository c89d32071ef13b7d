"""The options that all commands share, declared once, and the settings that they make.

A value comes from the first of these that has it: the option, the environment, `[tool.flowlang]` in the project's
pyproject.toml, the default.

    --output      FLOWLANG_OUTPUT       output       text
    --color       FLOWLANG_COLOR        color        auto; NO_COLOR stands for `never`
    --quiet, -v   FLOWLANG_VERBOSITY    verbosity    normal
    --db          FLOWLANG_DATABASE     database     .flowlang/flowlang.db

A command is a function that takes `Settings` and its own options and gives an exit code.
"""

from __future__ import annotations

import contextlib
import functools
import os
import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import attrs
import click

from flowlang.cli.exit_code import ExitCode
from flowlang.cli.output import FORMATS, JSON, JSONL, TEXT, Output
from flowlang.errors import UsageError

if TYPE_CHECKING:
    from flowlang.runtime.journal.journal import Journal

COLORS: Final = ("auto", "always", "never")
SECONDS_MAX: Final = 1e9
VERBOSITIES: Final = {"quiet": -1, "normal": 0, "verbose": 1}

_SHARED: Final = (
    click.option("--color", type=click.Choice(COLORS), help="Colours.  [default: auto, on terminals]"),
    click.option("-q", "--quiet", is_flag=True, help="No progress, hints and notes on stderr."),
    click.option("-v", "--verbose", is_flag=True, help="More detail on stderr."),
)
_JOURNAL: Final = (click.option("--db", "database", metavar="PATH|URL", help="The journal's database."),)


class Seconds(click.ParamType):  # type: ignore[type-arg,unused-ignore]
    """A time as a number of seconds."""

    name = "seconds"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """The number of seconds that a text stands for."""
        try:
            seconds = float(value)
        except ValueError:
            seconds = -1.0
        if not 0 <= seconds < SECONDS_MAX:
            self.fail(f"`{value}` is not a number of seconds", param, ctx)
        return seconds


@attrs.define(eq=False)
class Settings:
    """What holds for one call of a command. `database` is what `--db` gave."""

    output: Output
    root: Path
    database: str | None = None

    def journal_location(self) -> str:
        """Where the journal is: a URL, an absolute path or `memory:`."""
        from flowlang.runtime.journal.locate import journal_url

        return journal_url(self.root, self.database, os.environ)

    def open_journal(self, *, create: bool) -> Journal:
        """Opens the journal. Without `create`, one that does not exist raises JournalUnavailable."""
        from flowlang.runtime.clock import SystemClock
        from flowlang.runtime.journal.locate import open_journal

        if not os.environ.get("FLOWLANG_CODEC"):
            return open_journal(self.journal_location(), SystemClock(), create=create)
        from flowlang.runtime.payload_codec import configured_codec, encoded_journal

        codec = configured_codec()
        journal = open_journal(self.journal_location(), SystemClock(), create=create)
        return journal if codec is None else encoded_journal(journal, codec)

    @contextlib.contextmanager
    def reading(self) -> Iterator[Journal]:
        """The journal, which must exist. Where it has a codec that is not here, values that need it are refused."""
        from flowlang.runtime.payload_codec import codec_of, guarded_journal

        with contextlib.closing(self.open_journal(create=False)) as journal:
            yield guarded_journal(journal) if codec_of(journal) is None else journal

    def has_journal(self) -> bool:
        """Whether there can be runs: False when the project's own database was never made."""
        location = self.journal_location()
        return "://" in location or Path(location).exists() or self.database is not None

    def command(self, words: str) -> str:
        """A command for people to copy, with the options that it needs to reach the same journal."""
        if self.database is None:
            return f"flowlang {words}"
        return f"flowlang {words} --db {shlex.quote(shown_location(self.database))}"


def shown_location(location: str) -> str:
    """A location without the password that its URL may hold."""
    if "://" not in location:
        return location
    scheme, _, rest = location.partition("://")
    account, at, host = rest.rpartition("@")
    user, colon, _ = account.partition(":")
    return f"{scheme}://{user}{':***' if colon else ''}{at}{host}"


def command(
    name: str, *, uses_journal: bool = False, formats: Sequence[str] = FORMATS, example: str = ""
) -> Callable[[Callable[..., ExitCode]], click.Command]:
    """Makes a command of a function, with the shared options. `formats` are those of `--output`; `example` ends the
    command's help."""
    form = click.option("-o", "--output", type=click.Choice(formats), help="Form of stdout.  [default: text]")
    shared: Sequence[Callable[[Any], Any]] = (*(_JOURNAL if uses_journal else ()), form, *_SHARED)

    def decorate(function: Callable[..., ExitCode]) -> click.Command:
        @functools.wraps(function)
        def call(**given: Any) -> ExitCode:
            settings = make_settings(
                {name: given.pop(name) for name in ("output", "color", "quiet", "verbose")},
                given.pop("database", None),
                formats,
            )
            try:
                code = function(settings, **given)
                return ExitCode.UNAVAILABLE if settings.output.is_data_lost and code is ExitCode.OK else code
            except (click.ClickException, click.exceptions.Exit, click.Abort):
                raise
            except Exception as error:
                from flowlang.cli.problem_report import show_error

                return show_error(settings.output, error, settings.root)

        # What click remembers of a function's options stands in reverse order; the command's own come first in help.
        own = list(getattr(function, "__click_params__", ()))
        wrapped: Any = call
        wrapped.__click_params__ = []
        for option in reversed(shared):
            wrapped = option(wrapped)
        wrapped.__click_params__ += own
        epilog = f"\b\nExamples:\n{example.rstrip()}" if example else None
        return click.command(name, epilog=epilog, context_settings={"max_content_width": 100})(wrapped)

    return decorate


def use_journal(settings: Settings, use: Callable[[Journal], ExitCode], run_id: str = "") -> ExitCode:
    """Lets `use` work with the journal. Where none was ever made there is no run, `run_id` included: RunNotFound."""
    if not settings.has_journal():
        from flowlang.cli.run_lookup import unknown_run

        if run_id:
            raise unknown_run(run_id, [])
        raise UsageError("there are no runs yet", hint="`flowlang run FILE` starts one")
    with settings.reading() as journal:
        return use(journal)


def make_settings(given: Mapping[str, Any], database: str | None, formats: Sequence[str] = FORMATS) -> Settings:
    """The settings for the given shared options. Raises UsageError."""
    from flowlang.runtime.journal.locate import project_root, project_settings

    if given["quiet"] and given["verbose"]:
        raise UsageError("`--quiet` and `--verbose` contradict each other", hint="give one of them")
    root = project_root(Path.cwd())
    configured = project_settings(root)
    verbosity = "quiet" if given["quiet"] else "verbose" if given["verbose"] else None
    no_color = "never" if os.environ.get("NO_COLOR") else None
    output = Output(
        _value("output", given["output"], os.environ.get("FLOWLANG_OUTPUT"), configured, formats, TEXT),
        _value("color", given["color"], os.environ.get("FLOWLANG_COLOR") or no_color, configured, COLORS, "auto"),
        VERBOSITIES[
            _value("verbosity", verbosity, os.environ.get("FLOWLANG_VERBOSITY"), configured, (*VERBOSITIES,), "normal")
        ],
    )
    return Settings(output, root, database)


def _value(
    name: str, option: str | None, variable: str | None, configured: Mapping[str, Any], choices: Sequence[str],
    default: str,
) -> str:  # fmt: skip
    """The value of one setting, from the first place that has it."""
    if option is not None:
        return option
    value = variable or configured.get(name)
    if value is None:
        return default
    if value not in choices:
        place = f"`FLOWLANG_{name.upper()}`" if variable else f"`{name}` in `[tool.flowlang]`"
        listed = ", ".join(f"`{choice}`" for choice in choices)
        raise UsageError(f"{place} is `{value}`", hint=f"it can be one of {listed}")
    return str(value)


def wants_json(arguments: Sequence[str]) -> bool:
    """Whether arguments that could not be parsed ask for JSON."""
    forms = (JSON, JSONL)
    for argument, following in zip(arguments, [*arguments[1:], ""], strict=True):
        named = argument.removeprefix("--output=") if argument.startswith("--output=") else argument.removeprefix("-o")
        if (argument != named and named in forms) or (argument in ("-o", "--output") and following in forms):
            return True
    return os.environ.get("FLOWLANG_OUTPUT") in forms
