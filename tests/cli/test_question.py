"""Commands that ask before they change many runs, on a real terminal; and following a run by hand."""

from __future__ import annotations

import pexpect
import pytest
from cli_world import COMMAND, environment

SCRIPT = """
paid = flow(implementation = lambda fctx: fctx.actions.receive("paid"))
"""


@pytest.fixture
def terminal(world):
    """Starts commands on a terminal of their own, over a project with two runs that wait."""
    world.write("main.flow", SCRIPT)
    for run_id in ("w1", "w2"):
        assert world.command("run", "main.flow:paid", "--id", run_id, "--detach").code == 0
    assert world.command("worker", "--once").code == 0
    children = []

    def start(*arguments):
        child = pexpect.spawn(
            COMMAND[0], [*COMMAND[1:], *arguments], encoding="utf-8", timeout=30, dimensions=(24, 100),
            env=environment(),
        )  # fmt: skip
        children.append(child)
        return child

    yield start
    for child in children:
        child.close(force=True)


def ended(child):
    """The exit code of a command that is about to end."""
    child.expect(pexpect.EOF)
    child.close()
    return child.exitstatus


def test_a_no_changes_nothing(world, terminal):
    """The question says how many runs, and names them; anything but a yes leaves them alone."""
    child = terminal("runs", "terminate", "--status", "waiting")
    child.expect("w1  waiting")
    child.expect(r"terminate 2 runs\? \[y/N\]")
    child.sendline("")
    child.expect("no run was changed")
    assert ended(child) == 0
    assert world.command("runs", "count", "-o", "json").document["by_status"] == {"waiting": 2}


def test_a_yes_changes_them(world, terminal):
    """A yes does it; a single run is only asked about when it is deleted."""
    child = terminal("runs", "terminate", "--status", "waiting")
    child.expect(r"terminate 2 runs\?")
    child.sendline("y")
    assert ended(child) == 0
    assert world.command("runs", "count", "-o", "json").document["by_status"] == {"terminated": 2}
    child = terminal("runs", "delete", "w1")
    child.expect(r"delete 1 run\?")
    child.sendline("y")
    assert ended(child) == 0
    assert world.command("runs", "show", "w1").code == 2


def test_ctrl_c_ends_the_following_and_not_the_run(world, terminal):
    """Whoever watches can leave; the run is as it was."""
    child = terminal("runs", "watch", "w1", "--from", "1")
    child.expect("wait for signal paid|signal paid")
    child.sendintr()
    child.expect("stopped following run w1")
    assert ended(child) == 130
    assert world.command("runs", "show", "w1", "-o", "json").document["status"] == "waiting"
