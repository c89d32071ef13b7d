"""`version` lets code change what a run asks for beyond its recorded past, and nowhere else."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from cut_run import CutRun

from flowlang.actions import shipped_actions
from flowlang.runtime.driver import RunDriver
from flowlang.runtime.journal.event import LogWritten, TimerStarted, VersionMarked
from flowlang.runtime.journal.journal import RunStatus
from flowlang.runtime.outcome import RunOutcome

BEFORE = """
def step(n):
    sleep(n)
    print("old", n)
def main_impl(fctx):
    for n in [1, 2, 3]:
        step(n)
main = flow(main_impl)
if __name__ == "__flow__":
    main()
"""

AFTER = """
def step(n):
    if version("pause-%d" % n, 1) == 1:
        sleep(10)
        print("new", n)
    sleep(n)
    print("old", n)
def main_impl(fctx):
    for n in [1, 2, 3]:
        step(n)
main = flow(main_impl)
if __name__ == "__flow__":
    main()
"""


def moved(run: CutRun) -> RunOutcome:
    """Goes on with the file as it is now."""
    with closing(run.journal()) as journal:
        engine = RunDriver(run.root, journal, clock=run.clock, actions=shipped_actions())
        try:
            return engine.resume("run", code="current")
        finally:
            engine.close()


def lines(run: CutRun) -> list[str]:
    return [record.event.text for record in run.records() if isinstance(record.event, LogWritten)]


def test_a_moved_run_keeps_to_the_old_way_where_it_was_already(tmp_path: Path) -> None:
    for cut in range(2, 9):
        run = CutRun(tmp_path / str(cut), BEFORE)
        assert run.drive(cut).status is RunStatus.SUSPENDED
        begun = sum(isinstance(record.event, TimerStarted) for record in run.records())
        (run.root / "main.flow").write_text(AFTER)
        outcome = moved(run)
        assert outcome.status is RunStatus.COMPLETED, outcome.stop
        expected = [f"{way} {n}" for n in [1, 2, 3] for way in (["old"] if n <= begun else ["new", "old"])]
        assert lines(run) == expected, cut


def test_what_was_marked_stays_for_ever(tmp_path: Path) -> None:
    whole = CutRun(tmp_path / "whole", AFTER)
    whole.to_the_end()
    marks = [record.event for record in whole.records() if isinstance(record.event, VersionMarked)]
    assert marks == [VersionMarked(f"pause-{n}", 1) for n in (1, 2, 3)]
    for cut in range(1, len(whole.records()), 4):
        again = CutRun(tmp_path / str(cut), AFTER)
        again.drive(cut)
        again.to_the_end()
        assert again.canonical() == whole.canonical(), cut
