"""Processes that die with a run in their hands."""

from __future__ import annotations

import os
import signal
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from journal_store import append_steps, processes, start, step

from flowlang.errors import LeaseHeld, LeaseLost
from flowlang.runtime.journal.journal import Counters, Lease, RunStatus
from flowlang.runtime.journal.memory import MemoryJournal
from flowlang.runtime.journal.sql import SqlJournal
from flowlang.testing.clock import VirtualClock
from flowlang.testing.crash import CrashingJournal


def open_at(path: str) -> SqlJournal:
    return SqlJournal(path, clock=VirtualClock())


def spawn(target: Any, *arguments: Any) -> Any:
    child = processes.Process(target=target, args=arguments)
    child.start()
    return child


def kill(child: Any) -> None:
    os.kill(child.pid, signal.SIGKILL)
    child.join(30)
    assert child.exitcode == -signal.SIGKILL


def hold_a_run(path: str, connection: Any, *, with_grandchild: bool) -> None:
    journal = open_at(path)
    lease = start(journal)
    grandchild = 0
    if with_grandchild:
        grandchild = os.fork()
        if grandchild == 0:
            connection.poll(None)
            os._exit(0)
    connection.send((lease.owner, grandchild))
    signal.pause()


@pytest.mark.parametrize("with_grandchild", [False, True])
def test_the_run_of_a_killed_process_can_be_claimed_at_once(tmp_path: Path, with_grandchild: bool) -> None:
    path = str(tmp_path / "x.db")
    ours, theirs = processes.Pipe()
    child = processes.Process(target=hold_a_run, args=(path, theirs), kwargs={"with_grandchild": with_grandchild})
    child.start()
    owner, grandchild = ours.recv()
    with closing(open_at(path)) as journal:
        assert journal.is_owner_alive(owner)
        with pytest.raises(LeaseHeld):
            journal.claim("run", journal.new_owner())
        kill(child)
        lock = tmp_path / "x.db-owners" / f"{owner}.lock"
        assert lock.exists()
        assert journal.claim("run", journal.new_owner()).token == 2
        assert not lock.exists()
        assert not journal.is_owner_alive(owner)
        with pytest.raises(LeaseLost):
            journal.append(Lease("run", owner, 1), 1, step(0), Counters())
    ours.send("end")
    ours.close()
    theirs.close()
    assert with_grandchild is bool(grandchild)


def append_for_ever(path: str, connection: Any) -> None:
    journal = open_at(path)
    lease = start(journal)
    sequence, number = 1, 0
    while True:
        sequence = journal.append(lease, sequence, step(number, b"x" * (number % 5000)), Counters(number, 0, number))
        number += 1
        connection.send(sequence)


@pytest.mark.parametrize("acknowledged", [1, 7, 40, 90])
def test_what_was_acknowledged_is_there_after_a_kill(tmp_path: Path, acknowledged: int) -> None:
    path = str(tmp_path / "x.db")
    ours, theirs = processes.Pipe()
    child = spawn(append_for_ever, path, theirs)
    theirs.close()
    last = 0
    for _ in range(acknowledged):
        last = ours.recv()
    kill(child)
    while ours.poll():
        try:
            last = ours.recv()
        except EOFError:
            break
    with closing(open_at(path)) as journal:
        records = journal.read("run")
        # One more append may have become durable whose acknowledgement died with the process.
        assert len(records) in (last, last + 2)
        row = journal.run("run")
        assert row.status is RunStatus.RUNNING
        assert (row.sequence, row.steps) == (len(records), len(records) // 2 - 1)
        lease = journal.claim("run", journal.new_owner())
        assert append_steps(journal, lease, 2, len(records)) == len(records) + 4
        assert len(journal.read("run")) == len(records) + 4


def crash_at(path: str, write: int, when: Any) -> None:
    journal = CrashingJournal(open_at(path), write, when)
    lease = start(journal)
    sequence = append_steps(journal, lease, 2)
    journal.append(lease, sequence, [], Counters(), RunStatus.SUSPENDED)


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("write", [1, 2, 3, 4])
def test_a_crashing_journal_dies_at_its_write(tmp_path: Path, write: int, when: str) -> None:
    path = str(tmp_path / "x.db")
    child = spawn(crash_at, path, write, when)
    child.join(60)
    assert child.exitcode == -signal.SIGKILL
    done = write if when == "after" else write - 1
    with closing(open_at(path)) as journal:
        if done == 0:
            assert journal.runs() == []
            return
        assert len(journal.read("run")) == 1 + 2 * min(done - 1, 2)
        assert journal.run("run").status is (RunStatus.SUSPENDED if done == 4 else RunStatus.RUNNING)
        assert journal.claim("run", journal.new_owner()).token == 2


def test_a_crashing_journal_counts_writes_and_passes_the_rest_on() -> None:
    inner = MemoryJournal(VirtualClock())
    crashes: list[int] = []
    journal = CrashingJournal(inner, 3, "after", lambda: crashes.append(journal.writes))
    lease = start(journal)
    append_steps(journal, lease, 1)
    journal.renew(lease)
    assert crashes == []
    journal.release(lease, RunStatus.SUSPENDED)
    assert crashes == [3]
    fresh = journal.claim("run", journal.new_owner())
    append_steps(journal, fresh, 1, 3)
    assert (crashes, journal.writes) == ([3], 5)
    assert journal.read("run", 1) == inner.read("run", 1)
    assert (journal.run("run"), journal.runs()) == (inner.run("run"), inner.runs())
    assert (journal.manifest("run"), journal.modules("run")) == (inner.manifest("run"), inner.modules("run"))
    assert journal.is_owner_alive(fresh.owner)
    journal.drop_owner(fresh.owner)
    assert not inner.is_owner_alive(fresh.owner)
    journal.close()
