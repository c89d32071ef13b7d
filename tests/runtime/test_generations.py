"""Runs that spawn runs that spawn runs, driven by whoever drives the first one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from flowlang.lang.values.result import Err, Ok
from flowlang.runtime.clock import SystemClock
from flowlang.runtime.driver import RunDriver
from flowlang.runtime.hooks import Hooks
from flowlang.runtime.journal.event import ReceiveStarted, Record, RunStopped
from flowlang.runtime.journal.journal import Journal, NewMessage, RunFilter, RunStatus
from flowlang.runtime.journal.sql import SqlJournal

SCRIPT = """
def _down(fctx):
    if fctx.args.n == 0:
        return 0
    return 1 + unwrap(fctx.actions.wait(fctx.actions.spawn(down, n = fctx.args.n - 1)))

down = flow(implementation = _down, args = {"n": args.int()})

def _leave(fctx):
    child = fctx.actions.spawn(down, id = "left", n = 0, delay = 100000)
    fctx.actions.receive("go")
    fctx.actions.cancel(child)

leave = flow(implementation = _leave)
"""


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    with closing(SqlJournal(tmp_path / "flowlang.db", clock=SystemClock())) as made:
        yield made


@pytest.fixture
def driver(tmp_path: Path, journal: Journal) -> Iterator[RunDriver]:
    (tmp_path / "main.flow").write_text(SCRIPT)
    with closing(RunDriver(tmp_path, journal)) as made:
        yield made


def test_the_children_of_children_are_driven_as_well(tmp_path: Path, journal: Journal, driver: RunDriver) -> None:
    script = driver.build_script(tmp_path / "main.flow")
    outcome = driver.start(script, flow="down", arguments={"n": 5}, run_id="run")
    assert outcome.result == Ok(5)
    assert journal.count(RunFilter())[RunStatus.COMPLETED] == 6


def test_generations_end_where_ids_do_with_words_for_the_author(
    tmp_path: Path, journal: Journal, driver: RunDriver
) -> None:
    """Nobody is left hanging: the last one fails, and all above it."""
    script = driver.build_script(tmp_path / "main.flow")
    outcome = driver.start(script, flow="down", arguments={"n": 60}, run_id="r" * 150)
    assert isinstance(outcome.result, Err)
    assert outcome.result.failure.kind == "spawned-too-deep"
    counts = {status: number for status, number in journal.count(RunFilter()).items() if number}
    assert list(counts) == [RunStatus.FAILED]
    assert 10 <= counts[RunStatus.FAILED] < 20


class StopAtReceive(Hooks):
    """Stops the driver when the run begins to wait for a message."""

    driver: RunDriver

    def recorded(self, run_id: str, record: Record) -> None:
        if isinstance(record.event, ReceiveStarted):
            self.driver.request_stop()


def test_a_child_that_was_deleted_does_not_keep_its_parent_from_going_on(tmp_path: Path, journal: Journal) -> None:
    (tmp_path / "main.flow").write_text(SCRIPT)
    hooks = StopAtReceive()
    with closing(RunDriver(tmp_path, journal, hooks=hooks)) as driver:
        hooks.driver = driver
        script = driver.build_script(tmp_path / "main.flow")
        assert driver.start(script, flow="leave", run_id="run").status is RunStatus.SUSPENDED
    journal.terminate("left", [RunStopped("terminated", b"null")])
    journal.delete("left")
    journal.post(NewMessage("run", "signal", "go", "", b"null"))
    with closing(RunDriver(tmp_path, journal)) as driver:
        assert driver.resume("run").status is RunStatus.COMPLETED
