"""spec/cli.md and spec/messages.md say what the code does."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest
from cli_world import REPOSITORY

from flowlang.cli.commands.help import TOPICS
from flowlang.cli.exit_code import MEANINGS
from flowlang.cli.main import COMMANDS, main
from flowlang.cli.problem import KINDS, OTHER_SLUGS, is_explained
from flowlang.lang.diagnostics.catalog import entry

SPEC = (REPOSITORY / "spec" / "cli.md").read_text(encoding="utf-8")


def test_exit_codes():
    found = dict(re.findall(r"^\| (\d+) \| (.+) \|$", SPEC, flags=re.MULTILINE))
    assert found == {str(int(code)): meaning for code, meaning in MEANINGS.items()}
    assert all(meaning in TOPICS["exit-codes"] for meaning in MEANINGS.values())


def test_every_document_is_named():
    sources = "".join(path.read_text(encoding="utf-8") for path in (REPOSITORY / "flowlang" / "cli").rglob("*.py"))
    assert set(re.findall(r"flowlang/[a-z]+/\d", sources)) == set(re.findall(r"flowlang/[a-z]+/\d", SPEC))


def test_every_option_and_command_exists():
    context = click.Context(main)
    commands = [main.get_command(context, name) for name in COMMANDS]
    for command in list(commands):
        commands += getattr(command, "commands", {}).values()
    options = {name for command in commands for parameter in command.params for name in parameter.opts} | {"--help"}
    assert set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", SPEC)) <= options
    assert set(re.findall(r"`flowlang ([a-z]+)", SPEC)) <= {*COMMANDS}


def every_command():
    commands = [main.get_command(click.Context(main), name) for name in COMMANDS]
    return [single for command in commands for single in getattr(command, "commands", {"": command}).values()]


@pytest.mark.parametrize("command", every_command(), ids=lambda command: command.name)
def test_help_has_an_example_with_long_options(command):
    text = command.get_help(click.Context(command, info_name=command.name))
    examples = text.partition("Examples:")[2]
    assert "flowlang " in examples
    assert not re.search(r" -[a-z]\b", examples)


def test_slugs_of_the_command_line_are_explained_once():
    slugs = [kind.slug for kind in KINDS] + list(OTHER_SLUGS)
    assert len(slugs) == len(set(slugs))
    assert all(is_explained(slug) for slug in slugs)
    assert [slug for slug in slugs if entry(slug) is not None] == []


def test_every_slug_in_messages_exists():
    text = (Path(REPOSITORY) / "spec" / "messages.md").read_text(encoding="utf-8")
    for slug in re.findall(r"error\[([a-z-]+)\]", text):
        assert is_explained(slug)
