"""Groups of commands from a table: where each command is and what lists say of it.

A command's module is imported when the command is called, so that help on a group is as quick as the table is short.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any, NamedTuple

import click


class Entry(NamedTuple):
    """`place`: `module:attribute` below `flowlang.cli.commands`. `summary`: what the list of commands says."""

    place: str
    summary: str


class TableGroup(click.Group):
    """Loads commands when they are called, and knows what a mistyped one was meant to be. `default`: the command that
    is meant when the first word is none, or an option."""

    def __init__(self, *, table: Mapping[str, Entry], default: str = "", **options: Any) -> None:
        super().__init__(**options)
        self.table = table
        self.default = default

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names, in the order of the table."""
        return list(self.table)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Loads a command."""
        found = self.table.get(cmd_name)
        if found is None:
            return None
        module, _, attribute = found.place.partition(":")
        loaded: click.Command = getattr(import_module(f"flowlang.cli.commands.{module}"), attribute)
        return loaded

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Takes options without a command for those of the default one."""
        is_own = self.default and (not args or (args[0].startswith("-") and args[0] != "--help"))
        return super().parse_args(ctx, [self.default, *args] if is_own else args)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that `args` begin with."""
        if args[0] not in self.table and not args[0].startswith("-"):
            raise unknown_command(ctx, args[0], self.table)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list of commands, from the table."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, entry.summary) for name, entry in self.table.items()])


def unknown_command(ctx: click.Context, name: str, known: Any) -> click.UsageError:
    """The error for a command that does not exist; a file in its place was most likely meant to be run."""
    from flowlang.lang.diagnostics.suggest import nearest

    near = nearest(name, known)
    error = click.UsageError(f"there is no command `{name}`", ctx)
    if name.partition(":")[0].endswith(".flow"):
        error.hint = f"did you mean `flowlang run {name}`?"  # type: ignore[attr-defined]
    elif (group := _group_of(ctx, name)) is not None:
        error.hint = f"did you mean `flowlang {group} {name}`?"  # type: ignore[attr-defined]
    elif near is not None:
        error.hint = f"did you mean `{near}`?"  # type: ignore[attr-defined]
    return error


def _group_of(ctx: click.Context, name: str) -> str | None:
    """The first group below this one that has a command of that name."""
    if not isinstance(ctx.command, TableGroup):
        return None
    for group in ctx.command.table:
        command = ctx.command.get_command(ctx, group)
        if isinstance(command, TableGroup) and name in command.table:
            return group
    return None
