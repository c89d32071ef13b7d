"""Every exit code, by what really leads to it."""

from __future__ import annotations

import threading

import pytest

from flowlang.cli.exit_code import MEANINGS, ExitCode
from flowlang.cli.output import Output
from flowlang.cli.problem_report import show_error
from flowlang.runtime.journal.journal import RunStatus

ASKS = 'current_flow().actions.files.exists("a.txt")\n'
WAITS = "sleep(3600)\nprint('woke')\n"


def test_every_code_has_a_meaning():
    assert set(MEANINGS) == set(ExitCode)


def test_ok(world):
    world.write("main.flow", "print('fine')\n")
    assert world.command("run", "main.flow").code == ExitCode.OK == 0


def test_err(world):
    world.write("main.flow", "fail('no')\n")
    assert world.command("run", "main.flow").code == ExitCode.FAILED == 1


def test_budget(world):
    world.write("main.flow", "def f(n):\n    return f(n + 1)\n\nf(0)\n")
    result = world.command("run", "main.flow", "-o", "json", "--id", "r1")
    assert result.code == ExitCode.FAILED
    assert "stopped by budget: budget-exceeded: " in world.command("runs", "show", "r1").stdout
    assert result.document["stop"]["reason"] == "budget"
    assert result.document["status"] == "stopped"


def test_usage_and_static_errors(world):
    world.write("main.flow", "print(nothing)\n")
    assert world.command("run", "main.flow").code == ExitCode.USAGE == 2
    assert world.command("run", "other.flow").code == ExitCode.USAGE
    assert not (world.root / ".flowlang" / "flowlang.db").exists(), "a script that cannot run leaves nothing behind"


def test_not_finished(world):
    """The process that drives a run gives it back while another one follows it."""
    world.write("main.flow", WAITS)
    with Held(world, "main.flow", "r1") as held:
        result = world.command("run", "main.flow", "--id", "r1", on_stderr=held.stop_when("following"))
    assert result.code == ExitCode.UNFINISHED == 3
    assert "`flowlang resume r1`" in result.stderr


def test_cancelled(world):
    world.write("main.flow", ASKS + "\ncurrent_flow().actions.receive('more')\n")
    world.suspended("main.flow", "r1")
    assert world.command("runs", "cancel", "r1", "--wait").code == 0
    assert world.command("resume", "r1").code == ExitCode.CANCELLED == 4


def test_terminated(world):
    world.write("main.flow", ASKS)
    world.suspended("main.flow", "r1")
    assert world.command("runs", "terminate", "r1").code == 0
    assert world.command("resume", "r1").code == ExitCode.CANCELLED == 4


def test_diverged(world):
    world.write("main.flow", ASKS)
    world.suspended("main.flow", "r1")
    world.write("main.flow", ASKS.replace("a.txt", "b.txt"))
    assert world.command("resume", "r1", "--code", "current").code == ExitCode.DIVERGED == 5


def test_defect(world):
    with pytest.raises(ZeroDivisionError) as caught:
        raise ZeroDivisionError("deep inside")
    assert show_error(Output(), caught.value, world.root) == ExitCode.DEFECT == 70
    [kept] = (world.root / ".flowlang").glob("defect-*.txt")
    assert "deep inside" in kept.read_text()
    assert "Traceback" in kept.read_text()
    assert kept.stat().st_mode & 0o077 == 0


def test_defect_says_whose_fault_it_is(world, capsys):
    show_error(Output("json"), ValueError("odd \x1b[2J"), world.root)
    captured = capsys.readouterr()
    assert "flowlang 0.1.0 has a bug: ValueError: odd \\x1b[2J" in captured.err
    assert "your script is not at fault" in captured.err
    assert "Traceback" not in captured.err
    assert '"kind": "internal-error"' in captured.out


@pytest.mark.parametrize("place", ["main.flow", "folder"])
def test_journal_unavailable(world, place):
    world.write("main.flow", "print('never')\n")
    (world.root / "folder").mkdir()
    result = world.command("run", "main.flow", "--db", place)
    assert result.code == ExitCode.UNAVAILABLE == 74
    assert result.stdout == ""
    assert "no action was performed" in result.stderr


def test_held_elsewhere(world):
    world.write("main.flow", WAITS)
    with Held(world, "main.flow", "r1"):
        result = world.command("run", "main.flow", "--id", "r1", "--no-follow", "-o", "json")
        assert result.code == ExitCode.HELD == 75
        assert result.document["error"]["kind"] == "lease-held"
        result = world.command("resume", "r1", "--follow-timeout", "0.001")
        assert result.code == ExitCode.HELD
        assert "did not end within 0.001 s" in result.stderr


def test_held_run_is_shown(world):
    world.write("main.flow", WAITS)
    with Held(world, "main.flow", "r1"):
        shown = world.command("runs", "show", "r1").stdout
        listed = world.command("runs", "list").stdout
    assert "driven by  process " in shown
    assert "sleep until " in shown
    assert "running" in listed
    assert "abandoned" not in listed


def test_abandoned_run_is_shown(world):
    world.write("main.flow", ASKS)
    world.suspended("main.flow", "r1")
    with world.journal() as journal:
        lease = journal.claim("r1", journal.new_owner())
        journal.drop_owner(lease.owner)
        assert journal.run("r1").status is RunStatus.RUNNING
        assert "abandoned" in world.command("runs", "list").stdout
        assert world.command("resume", "r1").code == ExitCode.OK


class Held:
    """A run that another engine, on a thread of its own, has begun and waits in. Leaving gives the run back."""

    def __init__(self, world, script, run_id):
        self.world, self.script, self.run_id = world, script, run_id

    def __enter__(self):
        ready = threading.Event()

        def drive():
            with self.world.engine() as engine:
                engine.hooks.waiting = lambda *_: ready.set()
                self.engine = engine
                engine.start(engine.build_script(self.world.root / self.script), run_id=self.run_id)

        self.thread = threading.Thread(target=drive)
        self.thread.start()
        assert ready.wait(20)
        return self

    def stop_when(self, word):
        """A watcher of stderr that stops the run when the word is written."""
        return lambda text: self.engine.request_stop() if word in text else None

    def __exit__(self, *_):
        self.engine.request_stop()
        self.thread.join(20)
