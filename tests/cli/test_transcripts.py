"""The transcripts of `spec/upgrades.md` and `spec/debugging.md` are what the commands write.

Blocks `flow` that begin with `# file: NAME` are files of a project, written in the order of the page. In blocks `text`
a line `$ …` is a command, and what follows is what it writes to stdout and then to stderr. Lines `(debug) …` behind a
command are typed into it. `UPDATE_GOLDEN=1` writes what the commands write now.
"""

from __future__ import annotations

import os
import re
import shlex

import pytest
from cli_world import REPOSITORY

PAGES = ("upgrades.md", "debugging.md")
BLOCK = re.compile(r"^```(flow|text)\n(.*?)^```$", re.M | re.S)
FILE = re.compile(r"# file: (\S+)\n")
PROMPT = "(debug) "


def transcript(world, text):
    written = []
    for part in re.split(r"^(?=\$ )", text, flags=re.M)[1:]:
        command, *rest = part.splitlines()
        words = shlex.split(command.removeprefix("$ "))
        written.append(command)
        assert words[0] == "flowlang"
        typed = [line.removeprefix(PROMPT) for line in rest if line.startswith(PROMPT)]
        result = world.command(*words[1:], stdin="\n".join(typed))
        written += world.masked(result.stdout + result.stderr).splitlines()
    return "".join(f"{line}\n" for line in written)


@pytest.mark.parametrize("name", PAGES)
def test_transcripts(world, name):
    path = REPOSITORY / "spec" / name
    page = path.read_text(encoding="utf-8")

    def shown(found):
        kind, text = found.groups()
        if kind == "flow":
            file = FILE.match(text)
            assert file is not None
            world.write(file[1], text)
            return found[0]
        return f"```text\n{transcript(world, text)}```"

    rendered = BLOCK.sub(shown, page)
    if os.environ.get("UPDATE_GOLDEN"):
        path.write_text(rendered, encoding="utf-8")
    else:
        assert rendered == page
