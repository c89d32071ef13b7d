"""The debugger on a real terminal: commands are typed, an empty line repeats, Ctrl-C gives the prompt back."""

from __future__ import annotations

import pexpect
import pytest
from cli_world import COMMAND, environment

SCRIPT = "first = 1\nsecond = first + 1\nprint(second)\nthird = second + 1\n"
SPINS = "print(2)\nfor index in range(1 << 60):\n    last = index\n"
PROMPT = r"\(debug\) "


@pytest.fixture
def debugger(world):
    """Opens the debugger on a run, in a terminal of its own."""
    world.write("main.flow", SCRIPT)
    world.write("spins.flow", SPINS)
    assert world.command("run", "main.flow", "--id", "r1").code == 0
    children = []

    def start(*arguments):
        command = [*COMMAND[1:], "replay", "r1", "--debug", *arguments]
        child = pexpect.spawn(COMMAND[0], command, encoding="utf-8", timeout=30, env=environment())
        children.append(child)
        child.expect(PROMPT)
        return child

    yield start
    for child in children:
        child.close(force=True)


def typed(child, line):
    child.sendline(line)
    child.expect(PROMPT)
    return child.before


def test_commands_are_typed_and_repeated(debugger):
    child = debugger()
    assert "main.flow:2" in typed(child, "step")
    assert "main.flow:3" in typed(child, "")
    assert "2" in typed(child, "print second")
    assert "main.flow:2" in typed(child, "back")
    child.sendline("quit")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 0


def test_the_end_of_input_ends_the_session(debugger):
    child = debugger()
    child.sendeof()
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 0


def test_ctrl_c_ends_an_evaluation_without_an_end_and_not_the_session(world, debugger):
    world.write("commands.txt", "step\ncontinue\nwhere\n")
    child = debugger("--against", "spins.flow", "--commands", "commands.txt")
    child.expect_exact("(debug) continue")
    child.sendintr()
    child.expect("the code was stopped|interrupted")
    child.expect_exact("(debug) where")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 0
