"""Journals of former versions open, read, replay and go on."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from journal_store import STARTED, new_run, step

from flowlang.actions import shipped_actions
from flowlang.errors import LeaseHeld
from flowlang.lang.values.result import Ok
from flowlang.runtime.driver import RunDriver
from flowlang.runtime.journal.event import LogWritten
from flowlang.runtime.journal.journal import Counters, NewMessage, RunStatus
from flowlang.runtime.journal.migrations import MIGRATIONS
from flowlang.runtime.journal.sql import SqlJournal
from flowlang.runtime.journal.verify import verify_all
from flowlang.testing.clock import VirtualClock

RECORDED = Path(__file__).parent / "recorded"
LATER_MS = 1_900_000_000_000
"""After everything that the recorded runs wait for."""


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A database of version 1: `done`, `failed`, `interrupted` (suspended) and `killed` (its worker died)."""
    path = tmp_path / "flowlang.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript((RECORDED / "version_1.sql").read_text(encoding="utf-8"))
    return path


@pytest.fixture
def journal(old: Path) -> Iterator[SqlJournal]:
    with closing(SqlJournal(old, clock=VirtualClock(LATER_MS))) as opened:
        yield opened


def test_opening_migrates_once(old: Path) -> None:
    for _ in range(2):
        SqlJournal(old, clock=VirtualClock(LATER_MS)).close()
    with closing(sqlite3.connect(old)) as connection:
        applied = connection.execute("SELECT version, name FROM flowlang_schema ORDER BY version").fetchall()
    assert applied == list(enumerate(MIGRATIONS, start=1))


def test_all_records_of_then_are_whole(journal: SqlJournal) -> None:
    assert verify_all(journal) == {}
    lines = [record.event.text for record in journal.read("done") if isinstance(record.event, LogWritten)]
    assert lines == ["begun at string", "drawn True"]
    run = journal.run("done")
    assert (run.queue, run.priority, run.partition, run.due_at_ms, run.chapter_sequence) == ("default", 1, "", None, 1)
    assert [journal.run(name).status.value for name in ("done", "failed", "interrupted", "killed")] == [
        "completed", "failed", "suspended", "running",
    ]  # fmt: skip


@pytest.mark.parametrize("run_id", ["interrupted", "killed"])
def test_runs_of_then_replay_and_go_on(journal: SqlJournal, tmp_path: Path, run_id: str) -> None:
    driver = RunDriver(tmp_path, journal, clock=VirtualClock(LATER_MS), actions=list(shipped_actions()))
    outcome = driver.resume(run_id)
    driver.close()
    assert isinstance(outcome.result, Ok)
    assert outcome.result.value["waited"] == [14, 16]
    assert journal.run(run_id).status is RunStatus.COMPLETED
    assert verify_all(journal) == {}


def test_workers_take_up_what_was_open(journal: SqlJournal) -> None:
    owner = journal.new_owner()
    claimed = [claim.lease.run_id for _ in range(3) for claim in journal.claim_due(owner, limit=9)]
    assert sorted(claimed) == ["interrupted", "killed"]


def test_a_living_owner_of_then_keeps_its_run(old: Path) -> None:
    with closing(SqlJournal(old, clock=VirtualClock(1_000))) as journal, pytest.raises(LeaseHeld):
        journal.claim("killed", journal.new_owner())


def test_old_runs_take_messages_and_new_ones_follow(journal: SqlJournal) -> None:
    assert journal.post(NewMessage("interrupted", "signal", "s", "k", b"1"))
    lease = journal.create(new_run(), journal.new_owner(), [STARTED], Counters(), RunStatus.RUNNING)
    assert journal.append(lease, 1, step(0), Counters()) == 3
    assert journal.run("run").number > journal.run("killed").number
