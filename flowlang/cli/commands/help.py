"""`flowlang help`: help on a command, or on a topic that belongs to none."""

from __future__ import annotations

from typing import Final

import click

from flowlang.cli.command_table import unknown_command
from flowlang.cli.exit_code import MEANINGS, ExitCode
from flowlang.cli.main import COMMANDS, main
from flowlang.cli.option import Settings, command

TOPICS: Final = {
    "exit-codes": "Exit codes\n\n" + "\n".join(f"  {code:>3}  {meaning}" for code, meaning in MEANINGS.items()),
    "environment": """\
Environment and configuration

A value comes from the first of these that has it: the option, the environment,
[tool.flowlang] in the project's pyproject.toml, the default.

  option        environment          pyproject.toml   default
  --db          FLOWLANG_DATABASE    database         .flowlang/flowlang.db
  --output      FLOWLANG_OUTPUT      output           text
  --color       FLOWLANG_COLOR       color            auto
  --quiet, -v   FLOWLANG_VERBOSITY   verbosity        normal

NO_COLOR, when set, stands for FLOWLANG_COLOR=never.

FLOWLANG_CODEC=module:name names what encodes the values in the journal, such as
a cipher. Whoever reads or writes the journal needs the same.

The project is the nearest folder, from the current one upwards, with .flowlang/,
.git or [tool.flowlang] in its pyproject.toml.""",
    "where": """\
Expressions that select runs

  status in ["failed", "stopped"] and region = "eu" and not id begins "test-"

Comparisons are joined by `and`, `or`, `not` and parentheses. The operators are
=  !=  <  <=  >  >=  in [...]  begins. Texts stand in quotes; times are texts
such as "2026-01-31", "2026-01-31T12:00Z" or "2h ago".

A name is a column of the run or else an attribute, that of `run --label` or of
`set_attributes`; `attribute.NAME` is one in any case. The columns:

  text     id script flow queue partition parent root correlation state reason
  status   status
  number   priority progress (0 to 1) events actions crashes
  time     created updated due deadline

An attribute that a run does not have fulfils no comparison, nor does one of
another type. `--dry-run` shows which runs a command would change.""",
    "output": """\
Output

stdout carries data only: what a script prints, lists, findings of `check`, or
with `-o json` one JSON document, which names its schema; with `-o jsonl` one for
each item of a list. Progress, hints, diagnostics and outcomes go to stderr. `-q`
leaves only errors there.

A run gives a document flowlang/outcome/1; what keeps a command from doing its
work gives flowlang/error/1.""",
}


@command("help", example="  flowlang help run\n  flowlang help exit-codes\n")
@click.argument("topic", required=False)
@click.pass_context
def help_command(ctx: click.Context, settings: Settings, topic: str | None) -> ExitCode:
    """Show help on a command or a topic.

    The topics are exit-codes, environment, where and output.
    """
    root = ctx.find_root()
    if topic is None:
        settings.output.data(root.get_help())
    elif topic in TOPICS:
        settings.output.data(TOPICS[topic])
    else:
        found = main.get_command(root, topic)
        if found is None:
            raise unknown_command(root, topic, [*COMMANDS, *TOPICS])
        settings.output.data(found.get_help(click.Context(found, parent=root, info_name=topic)))
    return ExitCode.OK
