"""Starting is quick: what each command loads, and what it costs."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tomllib
from pathlib import Path

import click
import pytest
from cli_world import COMMAND, environment

from flowlang.cli.main import COMMANDS, main
from flowlang.version import __version__

HEAVY = ("sqlalchemy", "lark", "rich", "greenlet", "attrs", "asyncio", "flowlang.lang", "flowlang.runtime")


def modules_of(*arguments):
    """The modules that a command loads, and its exit code."""
    program = (
        "import sys\nfrom flowlang.cli.main import run\ncode = run(sys.argv[1:])\n"
        "print('\\n'.join(sys.modules), file=sys.stderr)\nsys.exit(code)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments], capture_output=True, text=True, env=environment(), check=False
    )
    assert done.returncode == 0, done.stderr
    return set(done.stderr.split())


@pytest.mark.parametrize("argument", ["--help", "--version"])
def test_help_and_version_load_nothing_heavy(argument):
    assert not modules_of(argument).intersection(HEAVY)


def test_check_loads_no_database(world):
    world.write("main.flow", "print('x')\n")
    assert not modules_of("check", "main.flow").intersection({"sqlalchemy", "rich"})


def test_quick_run_does_not_load_rich(world):
    world.write("main.flow", "print('x')\n")
    assert "rich" not in modules_of("run", "main.flow")


def cpu_seconds(command, env):
    """The processor time that a command takes, at the best of three times: other work on the machine only adds."""
    times = []
    for _ in range(3):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(command, capture_output=True, env=env, check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        times.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return min(times)


def test_version_and_help_are_quick():
    bare = cpu_seconds([sys.executable, "-c", "pass"], dict(os.environ))
    for argument in ("--version", "--help"):
        assert cpu_seconds([*COMMAND, argument], environment()) - bare < 0.2


def test_version_is_that_of_the_project():
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())
    assert project["project"]["version"] == __version__


def test_list_of_commands_says_what_the_commands_say():
    context = click.Context(main)
    for name, entry in COMMANDS.items():
        command = main.get_command(context, name)
        assert command is not None
        first = (command.help or "").split("\n\n")[0].replace("\n", " ")
        assert first.startswith(entry.summary.rstrip("."))
