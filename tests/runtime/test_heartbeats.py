"""Heartbeats of attempts that nobody hears of again: the next attempt goes on where they were."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import threading
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from flowlang.lang.values.canonical import decode
from flowlang.runtime.action import ActionContext, ActionSpec, Retry, action
from flowlang.runtime.driver import RunDriver
from flowlang.runtime.hooks import Hooks
from flowlang.runtime.journal.event import ActionCompleted, AttemptHeartbeat, AttemptStarted, Event, Record
from flowlang.runtime.journal.journal import Journal
from flowlang.runtime.journal.sql import SqlJournal
from flowlang.runtime.journal.verify import verify
from flowlang.runtime.operations.operations import Operations
from flowlang.runtime.performing import HEARTBEAT_RECORDED_MS
from flowlang.runtime.worker import Worker
from flowlang.testing.clock import VirtualClock

WAIT_S = 30.0
ROW_MS = 1_000
LEASE_MS = 3_600_000
SCRIPT = """
def _read(fctx):
    return fctx.actions.read()
read = flow(implementation = _read)
"""
processes = multiprocessing.get_context("forkserver")


def reading(clock: VirtualClock, rows: int | None) -> ActionSpec[..., Any]:
    """An action that takes a second for each row, and says after each how far it is; without `rows` it has no end."""

    @action(name="read", retry=Retry(attempts=3, backoff="none"))
    def read(context: ActionContext) -> Any:
        first = 0 if context.last_heartbeat is None else context.last_heartbeat["row"]
        for row in count(first + 1) if rows is None else range(first + 1, rows + 1):
            context.heartbeat({"row": row})
            clock.advance(ROW_MS)
            threading.Event().wait(0.002)  # the work
        return {"attempt": context.attempt, "first": first}

    return read


class Dying(Hooks):
    """Kills the process when a heartbeat has become durable."""

    def recorded(self, run_id: str, record: Record) -> None:
        if isinstance(record.event, AttemptHeartbeat):
            os.kill(os.getpid(), signal.SIGKILL)


def work(root: Path, rows: int | None, hooks: Hooks | None = None) -> None:
    """A worker drives what is due."""
    clock = VirtualClock(jumps=False)
    with contextlib.closing(SqlJournal(root / "journal.db", clock=clock, lease_ms=LEASE_MS)) as journal:
        worker = Worker(root, journal, actions=[reading(clock, rows)], hooks=hooks or Hooks(), clock=clock)
        with contextlib.closing(worker):
            worker.run_until_idle()


def die(root: Path) -> None:
    """What the process does that is killed."""
    work(root, None, Dying())


@pytest.fixture
def journal(tmp_path: Path) -> Any:
    """A journal with one run that waits for a worker."""
    (tmp_path / "main.flow").write_text(SCRIPT)
    clock = VirtualClock(jumps=False)
    with contextlib.closing(SqlJournal(tmp_path / "journal.db", clock=clock)) as opened:
        with contextlib.closing(RunDriver(tmp_path, opened, clock=clock, actions=[reading(clock, 1)])) as driver:
            driver.submit(driver.build_script(tmp_path / "main.flow"), flow="read", run_id="r")
        yield opened


def events(journal: Journal, *kinds: type[Event]) -> list[Any]:
    """The events of some kinds in the run's journal."""
    return [record.event for record in journal.read("r") if isinstance(record.event, kinds)]


def test_the_next_attempt_gets_what_a_killed_one_said(journal: Journal, tmp_path: Path) -> None:
    """A process is killed in the middle of an attempt. What that had said is in the journal; whoever takes the run
    over hands it to the next attempt."""
    process = processes.Process(target=die, args=(tmp_path,))
    process.start()
    process.join(WAIT_S)
    assert process.exitcode == -signal.SIGKILL
    (said,) = events(journal, AttemptHeartbeat)
    row = decode(said.payload)["row"]
    assert row > HEARTBEAT_RECORDED_MS // ROW_MS
    work(tmp_path, row + 2)
    result = Operations(journal).result("r").value
    assert (result["attempt"], result["first"]) == (2, row)
    assert [event.attempt for event in events(journal, AttemptStarted)] == [2]
    assert verify(journal, "r") == []


def test_few_heartbeats_are_recorded(journal: Journal, tmp_path: Path) -> None:
    """A hundred heartbeats, one a second, take at most one record in five seconds, the newest each time."""
    work(tmp_path, 100)
    rows = [decode(event.payload)["row"] for event in events(journal, AttemptHeartbeat)]
    assert len(rows) <= 100 * ROW_MS // HEARTBEAT_RECORDED_MS
    assert rows == sorted(set(rows))
    assert verify(journal, "r") == []


def test_a_sign_of_life_is_no_end(journal: Journal, tmp_path: Path) -> None:
    """Whoever is told to stop waits for what is being performed, also when that says that it lives meanwhile."""

    @action(name="read")
    def read(context: ActionContext) -> str:
        driver.request_stop()
        threading.Event().wait(0.15)  # the driver waits for the outcome by now
        context.heartbeat({"row": 1})
        threading.Event().wait(0.15)
        return "done"

    clock = VirtualClock(jumps=False)
    with contextlib.closing(RunDriver(tmp_path, journal, clock=clock, actions=[read])) as driver:
        driver.resume("r")
    assert [decode(event.payload) for event in events(journal, ActionCompleted)] == ["done"]


def test_a_short_attempt_records_nothing(journal: Journal, tmp_path: Path) -> None:
    """What is over within five seconds costs no record, however often it says that it lives."""
    work(tmp_path, 3)
    assert events(journal, AttemptHeartbeat) == []
    assert Operations(journal).result("r").value["first"] == 0
