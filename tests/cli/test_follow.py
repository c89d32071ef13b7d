"""Following a run that another process drives, until its end."""

from __future__ import annotations

import threading
from contextlib import closing

from flowlang.actions import shipped_actions
from flowlang.cli.exit_code import ExitCode
from flowlang.cli.follow import FollowEnd, follow
from flowlang.cli.output import Output
from flowlang.cli.progress import Progress
from flowlang.runtime.clock import SystemClock
from flowlang.runtime.driver import RunDriver
from flowlang.runtime.hooks import Hooks

SCRIPT = """\
acts = current_flow().actions
print("before")
acts.sleep(3600)
print("after")
acts.log("told", level = "warning")
acts.files.exists("a.txt")
"""


class Steered:
    """A clock that stands still until it is told to jump."""

    def __init__(self):
        self._jumped = threading.Event()
        self._now_ms = 1_800_000_000_000

    def now_ms(self):
        return self._now_ms + (7_200_000 if self._jumped.is_set() else 0)

    monotonic_ms = now_ms

    def wait(self, event, until_ms):
        self._jumped.wait(20)
        return event.is_set()

    def jump(self):
        self._jumped.set()


def test_follows_to_the_end(world):
    """The other process goes on when the follower says that it follows; its lines and its outcome are shown."""
    world.write("main.flow", SCRIPT)
    clock, waits = Steered(), threading.Event()
    hooks = Hooks()
    hooks.waiting = lambda *_: waits.set()

    def drive():
        with world.journal() as journal:
            engine = RunDriver(world.root, journal, hooks=hooks, clock=clock, actions=shipped_actions())
            with closing(engine):
                engine.start(engine.build_script(world.root / "main.flow"), run_id="r1")

    thread = threading.Thread(target=drive)
    thread.start()
    assert waits.wait(20)

    def jump(text):
        if "following" in text:
            clock.jump()

    result = world.command("run", "main.flow", "--id", "r1", on_stderr=jump)
    thread.join(20)
    assert result.code == ExitCode.OK
    assert result.stdout == "after\n", "what was printed before belongs to the other process"
    assert "warning: told" in result.stderr
    assert "action files.exists  1" in result.stderr
    assert "run r1 completed" in result.stderr
    assert "earlier" not in result.stderr


def test_what_the_caller_does_not_know_yet_is_shown(world, capsys):
    """`runs cancel --wait` follows from before its request on, so no line of a handler is missed."""
    world.write("main.flow", 'print("before")\ncurrent_flow().actions.log("told")\nprint("after")\n')
    world.command("run", "main.flow", "--id", "r1")
    clock = SystemClock()

    def shown(after):
        with world.journal() as journal, closing(Progress(Output(), clock)) as progress:
            assert follow(journal, "r1", progress, clock, threading.Event(), 0, after=after) is FollowEnd.FINISHED
        return capsys.readouterr().out

    assert shown(0) == "before\nafter\n"
    assert shown(None) == ""
