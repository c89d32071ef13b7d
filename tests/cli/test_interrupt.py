"""Ctrl-C and the live display, on a real terminal."""

from __future__ import annotations

import signal

import pexpect
import pytest
from cli_world import COMMAND, environment

from flowlang.cli.exit_code import ExitCode

WAITS = """\
exists = current_flow().actions.files.exists
print("first", exists("a.txt"))
sleep(3600)
print("second")
"""
SPINS = 'if __name__ == "main":\n    pass\nfor _ in range(1 << 60):\n    pass\n'
"""A loop without an end, and a warning that tells when the script has been read."""


@pytest.fixture
def terminal(world):
    """Runs a command on a terminal of its own."""
    children = []

    def start(*arguments):
        command = [*COMMAND[1:], *arguments]
        child = pexpect.spawn(
            COMMAND[0], command, encoding="utf-8", timeout=30, dimensions=(24, 100), env=environment()
        )
        children.append(child)
        return child

    yield start
    for child in children:
        child.close(force=True)


def end_of(child):
    """The exit code, and all that was written since the last expectation."""
    child.expect(pexpect.EOF)
    child.close()
    assert child.signalstatus is None
    return child.exitstatus, child.before


def test_ctrl_c_suspends_and_says_how_to_go_on(world, terminal):
    world.write("main.flow", WAITS)
    child = terminal("run", "main.flow", "--id", "r1")
    child.expect("first False")
    child.expect(r"run r1.*: 1 done")
    child.expect(r"sleep until \d{4}-\d\d-\d\dT[\d:]{8}Z, 59 min \d\d s left")
    child.sendintr()
    child.expect("go on with `flowlang resume r1`")
    assert end_of(child)[0] == 130
    shown = world.command("runs", "show", "r1").stdout
    assert "suspended" in shown
    assert "sleep until" in shown


def test_evaluation_can_be_interrupted(world, terminal):
    """A run exists from its first command on. Interrupted before, it has done nothing and there is none."""
    world.write("main.flow", SPINS)
    child = terminal("run", "main.flow", "--id", "r1", "--color", "never")
    child.expect("is never")
    child.sendintr()
    code, rest = end_of(child)
    assert code == 130
    assert "Traceback" not in rest
    assert world.command("resume", "r1").code == ExitCode.USAGE


def test_evaluation_after_an_action_can_be_interrupted(world, terminal):
    world.write("main.flow", 'current_flow().actions.files.exists("a.txt")\n' + SPINS)
    child = terminal("run", "main.flow", "--id", "r1", "--color", "never")
    child.expect("run r1: ")
    child.sendintr()
    child.expect("go on with `flowlang resume r1`")
    assert end_of(child)[0] == 130


def test_second_ctrl_c_ends_at_once_and_loses_nothing(world, terminal):
    """The action that is performed holds up the clean stop; a second Ctrl-C does not wait for it."""
    world.write(
        "main.flow",
        'print("begins")\n'
        'endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"\n'
        'current_flow().actions.sql.execute("CREATE TABLE IF NOT EXISTS t (a)")\n'
        "current_flow().actions.sql.query(endless)\n",
    )
    child = terminal("run", "main.flow", "--id", "r1", "--color", "never")
    child.expect("sql.query")
    child.sendintr()
    child.expect("stopping; press Ctrl-C again to stop at once")
    child.sendintr()
    code, rest = end_of(child)
    assert code == 130
    assert "\x1b[?25h" in rest, "the cursor is given back"
    assert "Traceback" not in rest
    listed = world.command("runs", "list").stdout
    assert "abandoned" in listed
    assert "1\n" in listed, "what was performed is recorded"


def test_terminate_suspends_too(world, terminal):
    world.write("main.flow", WAITS)
    child = terminal("run", "main.flow", "--id", "r1")
    child.expect("sleep until")
    child.kill(signal.SIGTERM)
    child.expect("go on with `flowlang resume r1`")
    assert end_of(child)[0] == 130


def test_what_a_script_prints_cannot_control_the_terminal(world, terminal):
    world.write("main.flow", 'print("\\x1b]0;title\\x07 and \\u009b2J")\nfail("\\x1b[31m")\n')
    child = terminal("run", "main.flow", "--color", "never")
    code, output = end_of(child)
    assert code == 1
    assert "\\x1b]0;title\\x07 and \\x9b2J" in output
    assert "error: \\x1b[31m" in output
    assert "\x07" not in output


def test_lines_stay_when_the_tree_is_redrawn(world, terminal):
    """A line that is printed while the tree stands must not be erased with it."""
    world.write("main.flow", 'for n in range(4):\n    print("line", n)\n    sleep(0.15)\nprint("end of lines")\n')
    child = terminal("run", "main.flow", "--id", "r1", "--color", "never")
    code, output = end_of(child)
    assert code == 0
    assert "sleep until" in output
    assert screen(output) == [
        "run r1 started: main.flow",
        *[f"line {n}" for n in range(4)],
        "end of lines",
        "✓ run r1 completed",
    ]


def screen(output):
    """What is left on a screen: a terminal as small as it can be for what the display uses."""
    lines, row, column = [""], 0, 0
    position = 0
    while position < len(output):
        rest = output[position:]
        for code, effect in (("\x1b[2K", "erase"), ("\x1b[1A", "up"), ("\x1b[?25l", ""), ("\x1b[?25h", "")):
            if rest.startswith(code):
                if effect == "erase":
                    lines[row] = ""
                row -= effect == "up"
                position += len(code)
                break
        else:
            if rest.startswith("\x1b["):
                position += rest.index("m") + 1
                continue
            position += 1
            if rest[0] == "\n":
                row += 1
                if row == len(lines):
                    lines.append("")
            elif rest[0] == "\r":
                column = 0
                continue
            else:
                lines[row] = lines[row][:column].ljust(column) + rest[0] + lines[row][column + 1 :]
                column += 1
                continue
            column = 0 if rest[0] == "\n" else column
    return [line for line in lines if line.strip()]
