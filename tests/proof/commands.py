"""Commands that are killed in the middle of a write: before it, inside of it, after it. Then `db check` finds nothing
wrong, the same command works, or says why there is nothing left to do, and after a worker has done its part all runs
stand as after a command that nobody killed."""

from __future__ import annotations

import io
import os
import sys
import time
from contextlib import closing
from pathlib import Path
from random import Random
from typing import Any, Final

import attrs
from kills import Report
from stores import Database
from trial import Crash

from flowlang.cli.exit_code import ExitCode
from flowlang.cli.main import run as run_command
from flowlang.cli.option import Settings
from flowlang.runtime.clock import SystemClock
from flowlang.runtime.journal.journal import RunFilter
from flowlang.runtime.journal.verify import verify_all
from flowlang.testing.crash import CrashingJournal, KillWithin, kill_this_process
from flowlang.testing.fork import forked
from flowlang.testing.interpose import WRITES

SCRIPT: Final = """
def _paid(fctx):
    return fctx.actions.receive("paid")
paid = flow(implementation = _paid)

def _asked(fctx):
    return fctx.actions.await_gate(fctx.actions.gate("door"))["payload"]
asked = flow(implementation = _asked)

def _read(fctx):
    return fctx.actions.files.read_text("missing.txt")
read = flow(implementation = _read)

def _done(fctx):
    fctx.actions.set_status("half done")
    fctx.actions.sleep(0.001)
    return 1
done = flow(implementation = _done)
"""
RUNS: Final = {"w1": "paid", "w2": "paid", "g1": "asked", "f1": "read", "d1": "done", "d2": "done", "away": "done"}
COMMANDS: Final = {
    "run --detach": ("run", "main.flow:paid", "--id", "new", "--detach"),
    "run": ("run", "main.flow:done", "--id", "fresh"),
    "signal": ("signal", "w1", "paid", "--payload", "1", "--key", "k"),
    "signal many": ("signal", "paid", "--payload", "1", "--key", "k", "--status", "waiting", "--yes"),
    "approve": ("approve", "g1:door", "--by", "ann"),
    "reject": ("reject", "g1:door", "--by", "ann"),
    "cancel": ("runs", "cancel", "w1"),
    "cancel many": ("runs", "cancel", "--status", "waiting", "--yes"),
    "terminate": ("runs", "terminate", "w1", "--yes"),
    "retry": ("runs", "retry", "f1"),
    "reset": ("runs", "reset", "d1", "--to", "3", "--yes"),
    "fork": ("runs", "fork", "d1", "--at", "4", "--id", "forked"),
    "export": ("runs", "export", "d1", "--to", "d1.jsonl"),
    "import": ("runs", "import", "away.jsonl"),
    "delete": ("runs", "delete", "d1", "--yes"),
    "delete many": ("runs", "delete", "--status", "completed", "--yes"),
    "prune": ("db", "prune", "--older-than", "0s", "--yes"),
    "migrate": ("runs", "migrate", "w1", "--to", "main.flow"),
    "rotate-key": ("db", "rotate-key"),
    "worker": ("worker", "--once"),
}
COUNTED: Final = (WRITES | {"rotate_key", "key", "drop_owner"}) - {"renew", "renew_many"}


@attrs.frozen
class Site:
    """A project with runs in all states."""

    folder: Path
    database: Database

    def command(self, *words: str, crash: Crash = Crash()) -> tuple[Any, str]:
        """A command in a process of its own, which may be killed: what it gave, and what it wrote."""
        ended = forked(_perform, self.folder, str(self.database.place), words, crash)
        return ended, (self.folder / "output").read_text()

    def build(self) -> None:
        """Makes it."""
        (self.folder / "main.flow").write_text(SCRIPT)
        forked(_build, self.folder, str(self.database.place))
        (self.folder / "main.flow").write_text(SCRIPT + "\n# Not as it was.\n")

    def statuses(self) -> dict[str, str]:
        """How all runs stand."""
        with closing(self.database(SystemClock())) as journal:
            wrong = verify_all(journal)
            assert not wrong, wrong
            return {run.run_id: run.status.value for run in journal.find(RunFilter())}


def kill_commands(fresh: Any, folder: Path, report: Report, random: Random, trials: int, inside: int) -> None:
    """Each command at each of its writes: before, `inside` times within, and after; so many of these at most."""
    choices: list[tuple[str, Crash]] = []
    expected: dict[str, dict[str, str]] = {}
    titles = list(COMMANDS) if trials >= len(COMMANDS) else random.sample(list(COMMANDS), trials)
    for title in titles:
        site = _site(fresh, folder / f"{title}-undisturbed")
        ended, output = site.command(*COMMANDS[title])
        if ended.value["code"] != ExitCode.OK:
            report.problems.append(f"{title} does not work: {ended.value['code']}: {output}"[:500])
        site.command("worker", "--once")
        expected[title] = site.statuses()
        for write, took_s in enumerate(ended.value["took_s"], start=1):
            choices += [(title, Crash(write, "before")), (title, Crash(write, "after"))]
            choices += [(title, Crash(write, "inside", random.uniform(0, took_s))) for _ in range(inside)]
    for number, (title, crash) in enumerate(random.sample(choices, min(trials, len(choices)))):
        began = time.monotonic()
        site = _site(fresh, folder / f"{title}-{number}")
        ended, _ = site.command(*COMMANDS[title], crash=crash)
        problems = [f"{title} killed {crash}: {problem}" for problem in _aftermath(site, title, expected[title])]
        report.points[f"{crash.moment} {title}"] += ended.killed
        report.add(ended.killed, time.monotonic() - began, problems)


def _aftermath(site: Site, title: str, expected: dict[str, str]) -> list[str]:
    problems: list[str] = []
    checked, output = site.command("db", "check")
    if checked.value["code"] != ExitCode.OK:
        problems.append(f"I2: `db check` says {output}")
    again, output = site.command(*COMMANDS[title])
    if again.value["code"] not in (ExitCode.OK, ExitCode.FAILED, ExitCode.USAGE) or "Traceback" in output:
        problems.append(f"I12: done again it gives {again.value['code']}: {output}")
    site.command("worker", "--once")
    found = site.statuses()
    if found != expected:
        problems.append(f"I7: the runs stand as {found}, expected {expected}; done again it said {output}")
    return problems


def _site(fresh: Any, folder: Path) -> Site:
    folder.mkdir()
    site = Site(folder, fresh())
    site.build()
    return site


def _build(folder: Path, place: str) -> None:
    for run_id, flow in RUNS.items():
        _perform(folder, place, ("run", f"main.flow:{flow}", "--id", run_id, "--detach"), Crash())
    for words in (
        ("worker", "--once"),
        ("runs", "export", "away", "--to", "away.jsonl"),
        ("runs", "delete", "away", "--yes"),
    ):
        made = _perform(folder, place, words, Crash())
        assert made["code"] == ExitCode.OK, (words, (folder / "output").read_text())


def _perform(folder: Path, place: str, words: tuple[str, ...], crash: Crash) -> dict[str, Any]:
    os.chdir(folder)
    opened: list[CrashingJournal] = []
    open_journal = _OPEN

    def opening(settings: Settings, *, create: bool) -> Any:
        strike = KillWithin(crash.delay_s) if crash.moment == "inside" else kill_this_process
        opened.append(
            CrashingJournal(open_journal(settings, create=create), crash.write, crash.moment, strike, counted=COUNTED)
        )
        return opened[-1]

    Settings.open_journal = opening  # type: ignore[assignment, method-assign]
    with open("output", "w") as output:
        sys.stdin, sys.stdout, sys.stderr = io.StringIO(), output, output
        code = run_command([*words, "--db", place])
    return {"code": int(code), "took_s": [took for journal in opened for took in journal.took_s]}


_OPEN: Final = Settings.open_journal
