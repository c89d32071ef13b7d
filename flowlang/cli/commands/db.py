"""`flowlang db`: looking after the journal's database."""

from __future__ import annotations

from typing import Final

import click

from flowlang.cli.command_table import Entry, TableGroup

TABLE: Final = {
    "status": Entry("db_upkeep:show_status", "Say where the journal is, of which kind, and what is in it."),
    "migrate": Entry("db_upkeep:migrate", "Bring the database to the form of this flowlang."),
    "prune": Entry("db_prune:prune_runs", "Delete runs that ended long ago."),
    "check": Entry("db_check:check_runs", "Check the journals of all runs, or of one."),
    "rotate-key": Entry("db_upkeep:rotate_key", "Make a new key for the tokens of gates."),
}
_EXAMPLES: Final = """\b
Examples:
  flowlang db status
  flowlang db prune --older-than 30d --dry-run
"""


@click.group("db", cls=TableGroup, table=TABLE, default="status", subcommand_metavar="[COMMAND] [ARGS]...",
             epilog=_EXAMPLES, context_settings={"max_content_width": 100})  # fmt: skip
def db() -> None:
    """Look after the journal's database. Without a command: status."""
