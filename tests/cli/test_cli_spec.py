"""spec/cli.md and spec/messages.md say what the code does."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import click
import pytest
from cli_world import REPOSITORY

from flowlang.cli.commands.help import TOPICS
from flowlang.cli.exit_code import MEANINGS
from flowlang.cli.main import COMMANDS, main
from flowlang.cli.problem import KINDS, OTHER_SLUGS, is_explained
from flowlang.lang.diagnostics.catalog import entry
from flowlang.runtime.operations.selection import COLUMNS

SPEC = (REPOSITORY / "spec" / "cli.md").read_text(encoding="utf-8")


def test_exit_codes():
    found = dict(re.findall(r"^\| (\d+) \| (.+) \|$", SPEC, flags=re.MULTILINE))
    assert found == {str(int(code)): meaning for code, meaning in MEANINGS.items()}
    assert all(meaning in TOPICS["exit-codes"] for meaning in MEANINGS.values())


def test_every_document_is_named():
    sources = "".join(path.read_text(encoding="utf-8") for path in (REPOSITORY / "flowlang" / "cli").rglob("*.py"))
    assert set(re.findall(r"flowlang/[a-z]+/\d", sources)) == set(re.findall(r"flowlang/[a-z]+/\d", SPEC))


def test_every_option_and_command_exists():
    commands = [*every_command(), *groups()]
    options = {name for command in commands for parameter in command.params for name in parameter.opts} | {"--help"}
    assert set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", SPEC)) <= options
    assert set(re.findall(r"`flowlang ([a-z]+)", SPEC)) <= {*COMMANDS}


def test_the_help_on_expressions_names_every_column():
    """`help where` lists the columns that expressions know, and no others."""
    listed = re.findall(r"^  (?:text|status|number|time) {3,}(.+)$", TOPICS["where"], flags=re.MULTILINE)
    names = re.findall(r"[a-z]+", re.sub(r"\(.*?\)", "", " ".join(listed)))
    assert sorted(names) == sorted(COLUMNS)


def groups():
    """The commands that are groups of others."""
    commands = [main.get_command(click.Context(main), name) for name in COMMANDS]
    return [command for command in commands if isinstance(command, click.Group)]


def every_command():
    """All commands, those in groups in place of their groups."""
    commands = [main.get_command(click.Context(main), name) for name in COMMANDS]
    single = [command for command in commands if not isinstance(command, click.Group)]
    context = click.Context(main)
    return single + [group.get_command(context, name) for group in groups() for name in group.list_commands(context)]


def test_lists_of_groups_say_what_their_commands_say():
    """The summary in a group's list is the beginning of the command's own help."""
    for group in groups():
        for name, listed in group.table.items():
            command = group.get_command(click.Context(main), name)
            assert command is not None
            assert command.name == name
            first = (command.help or "").split("\n\n")[0].replace("\n", " ")
            assert first.startswith(listed.summary.rstrip("."))


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
    # What can happen to a script, too, has one slug; its explanation says both.
    shared = {slug for slug in slugs if entry(slug) is not None}
    assert shared <= {"run-not-found", "run-ended", "run-exists", "message-conflict"}


def test_every_slug_in_messages_exists():
    text = (Path(REPOSITORY) / "spec" / "messages.md").read_text(encoding="utf-8")
    for slug in re.findall(r"error\[([a-z-]+)\]", text):
        assert is_explained(slug)


def console_blocks():
    """The sessions of the page in their order, with the files that stand before them."""
    blocks = re.findall(r"^```(flow|console)\n(.*?)^```$", SPEC, flags=re.MULTILINE | re.DOTALL)
    return [text for language, text in blocks if language == "flow"], [
        text for language, text in blocks if language == "console"
    ]


def test_what_the_page_shows_is_what_happens(world):
    """The sessions of the page, one after the other in one project: every line is what the command writes."""
    files, sessions = console_blocks()
    for text in files:
        head, _, body = text.partition("\n")
        world.write(head.removeprefix("# file: "), text if not head.startswith("# file: ") else body)
    assert sessions
    for session in sessions:
        commands = [line.removeprefix("$ ") for line in session.splitlines() if line.startswith("$ ")]
        shown = ""
        for line in commands:
            result = world.command(*shlex.split(line)[1:])
            code = f"exit code {result.code}\n" if result.code else ""
            shown += f"$ {line}\n{result.stdout}{result.stderr}{code}"
        assert world.masked(shown).splitlines() == session.splitlines()
