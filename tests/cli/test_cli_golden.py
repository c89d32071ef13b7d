"""What people are shown: `golden/*.golden` holds commands, the files they meet, and all that they write.

A golden file begins with commands (`$ flowlang run main.flow`), then come the files of the project (`--- name`), a
line of `=`, and for each command what it writes to stdout (`| …`), to stderr, and its exit code. `UPDATE_GOLDEN=1`
writes the second half anew. A command `$ write name text` replaces a file in between, `$ suspend name id` starts
a run that is suspended at once, `$ cat name` shows a file.
"""

from __future__ import annotations

import os
import re
import shlex
from pathlib import Path

import pytest

GOLDEN = Path(__file__).parent / "golden"
BAR = "=" * 20 + "\n"


def shown(world, program):
    commands, *parts = re.split(r"^--- (.+)\n", program, flags=re.MULTILINE)
    for name, text in zip(parts[::2], parts[1::2], strict=True):
        world.write(name, text)
    return "\n".join(transcript(world, line.removeprefix("$ ")) for line in commands.splitlines())


def transcript(world, line):
    words = shlex.split(line)
    match words:
        case ["flowlang", *arguments]:
            result = world.command(*arguments)
        case ["write", name, text]:
            world.write(name, text.replace("\\n", "\n"))
            return f"$ {line}\n"
        case ["cat", name]:
            text = (world.root / name).read_text(encoding="utf-8")
            return f"$ {line}\n" + "".join(f"| {part}".rstrip() + "\n" for part in text.splitlines())
        case ["suspend", name, run_id]:
            world.suspended(name, run_id)
            return f"$ {line}\n"
    stdout = "".join(f"| {part}".rstrip() + "\n" for part in result.stdout.splitlines())
    return world.masked(f"$ {line}\n{stdout}{result.stderr}exit code {result.code}\n")


@pytest.mark.parametrize("path", sorted(GOLDEN.glob("*.golden")), ids=lambda path: path.stem)
def test_golden(world, path):
    program, _, expected = path.read_text(encoding="utf-8").partition(BAR)
    rendered = shown(world, program)
    if os.environ.get("UPDATE_GOLDEN"):
        path.write_text(program + BAR + rendered, encoding="utf-8")
    else:
        assert rendered == expected
