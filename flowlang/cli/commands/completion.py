"""`flowlang completion`: the script for a shell."""

from __future__ import annotations

from typing import Final

import click

from flowlang.cli.exit_code import ExitCode
from flowlang.cli.option import Settings, command
from flowlang.cli.output import TEXT

SHELLS: Final = ("bash", "zsh", "fish")


@command("completion", formats=(TEXT,), example='  eval "$(flowlang completion bash)"\n')
@click.argument("shell", type=click.Choice(SHELLS))
def completion(settings: Settings, shell: str) -> ExitCode:
    """Print the script that lets a shell complete commands and ids of runs."""
    from click.shell_completion import get_completion_class

    from flowlang.cli.main import main

    found = get_completion_class(shell)
    assert found is not None
    settings.output.data(found(main, {}, "flowlang", "_FLOWLANG_COMPLETE").source())
    return ExitCode.OK
