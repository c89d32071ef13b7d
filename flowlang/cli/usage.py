"""Mistakes in the command line itself, in our words: click's own differ from how everything else is said."""

from __future__ import annotations

import re

import click

from flowlang.cli.exit_code import ExitCode
from flowlang.cli.output import Output
from flowlang.cli.problem import Problem
from flowlang.cli.problem_report import show_problem
from flowlang.lang.diagnostics.suggest import nearest


def show_usage_error(output: Output, error: click.ClickException) -> ExitCode:
    """Shows a mistake that click found."""
    context = error.ctx if isinstance(error, click.UsageError) else None
    message, hint = _described(error, context)
    if hint is None and context is not None:
        hint = f"`{context.command_path} --help` shows how it is used"
    show_problem(output, Problem("usage", message, hint, ExitCode.USAGE))
    return ExitCode.USAGE


def _described(error: click.ClickException, context: click.Context | None) -> tuple[str, str | None]:
    """Message and hint."""
    match error:
        case click.NoSuchOption():
            known = [] if context is None else [name for option in context.command.params for name in option.opts]
            near = nearest(error.option_name, known)
            return f"there is no option `{error.option_name}`", None if near is None else f"did you mean `{near}`?"
        case click.MissingParameter():
            return f"`{error.param.human_readable_name if error.param is not None else 'argument'}` is missing", None
        case click.BadParameter():
            text = _sentence(error.message)
            if isinstance(error.param, click.Option):
                text = f"`{'/'.join(error.param.opts)}`: {text}"
            return text, None
    extra = re.fullmatch(r"Got unexpected extra arguments? \((.*)\)", error.message)
    if extra is not None:
        return f"`{extra[1]}` is one argument too many", None
    return _sentence(error.message), getattr(error, "hint", None)


def _sentence(text: str) -> str:
    """Click's text as a message: lower case, no full stop, code in backticks."""
    text = re.sub(r"'([^']*)'", r"`\1`", text.strip().removesuffix("."))
    return text[:1].lower() + text[1:]
