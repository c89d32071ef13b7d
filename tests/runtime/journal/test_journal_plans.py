"""How SQLite looks things up: what is asked often never reads a whole table, and parked runs stay small."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any

import attrs
import pytest
from journal_store import STARTED, SqliteStore, new_run, start, step
from sqlalchemy import Engine, event

from flowlang.runtime.journal.event import ReceiveStarted
from flowlang.runtime.journal.journal import (
    Condition,
    Counters,
    Effects,
    Lease,
    NewChild,
    NewMessage,
    NewWait,
    Placement,
    RunFilter,
    RunStatus,
)
from flowlang.runtime.journal.sql import SqlJournal

BYTES_PER_PARKED_RUN_MAX = 2048

OPERATIONS: dict[str, Callable[[SqlJournal, Lease], object]] = {
    "append": lambda journal, lease: journal.append(lease, 1, step(0), Counters()),
    "wait": lambda journal, lease: journal.append(lease, 1, step(0), Counters(), RunStatus.WAITING, Effects()),
    "end": lambda journal, lease: journal.append(lease, 1, step(0), Counters(), RunStatus.FAILED, Effects()),
    "claim": lambda journal, lease: journal.claim("parked-3", lease.owner),
    "claim due": lambda journal, lease: journal.claim_due(lease.owner, limit=10, queues=("default", "mail")),
    "claim sound": lambda journal, lease: journal.claim_due(lease.owner, limit=10, suspects=False),
    "next due": lambda journal, lease: journal.next_due_at_ms(("default", "mail")),
    "renew": lambda journal, lease: journal.renew_many([lease]),
    "open messages": lambda journal, lease: journal.open_messages("parked-3"),
    "runs with messages": lambda journal, lease: journal.runs_with_messages(lease.owner),
    "post": lambda journal, lease: journal.post(NewMessage("parked-3", "signal", "s", "k", b"1")),
    "decide": lambda journal, lease: journal.decide(NewMessage("parked-3", "gate", "0.1", "", b"1")),
    "waits": lambda journal, lease: journal.waits(),
    "waits of a run": lambda journal, lease: journal.waits(run_id="parked-3", only_open=False),
    "stuck": lambda journal, lease: journal.stuck(),
    "children": lambda journal, lease: journal.children("parked-3"),
    "read": lambda journal, lease: journal.read("parked-3", 1),
    "read many": lambda journal, lease: journal.read_many(["parked-3", "parked-4"], from_chapter=True),
    "find by attribute": lambda journal, lease: journal.find(RunFilter(where=[Condition("n", "=", 3)])),
    "find by parent": lambda journal, lease: journal.find(RunFilter(parent="parked-3")),
    "find by root": lambda journal, lease: journal.find(RunFilter(root="parked-3")),
    "find by correlation": lambda journal, lease: journal.find(RunFilter(correlation="c-3")),
    "find by status": lambda journal, lease: journal.find(RunFilter(status=[RunStatus.WAITING])),
    "terminate": lambda journal, lease: journal.terminate("parked-3", []),
    "create in a partition": lambda journal, lease: journal.create_many(
        [NewChild(attrs.evolve(new_run("p"), placement=Placement(partition="x")), [STARTED])]
    ),
}


def parked(journal: SqlJournal, count: int) -> None:
    """Runs that wait for a signal or a gate, each with an attribute."""
    owner = journal.new_owner()
    journal.create_many(
        [
            NewChild(attrs.evolve(new_run(f"parked-{n}"), attributes={"n": n}, correlation=f"c-{n}"), [STARTED])
            for n in range(count)
        ]
    )
    for claim in journal.claim_due(owner, limit=count):
        waits = ReceiveStarted((0, 1), "signal", "go", None, None)
        effects = Effects(opened=[NewWait("0.1", "g", 10**15, b"1")])
        journal.append(claim.lease, 1, [waits], Counters(), RunStatus.WAITING, effects)


@contextmanager
def statements() -> Iterator[list[str]]:
    """All statements that are sent to SQLite meanwhile, with their values."""
    sent: list[str] = []

    def watch(connection: Any, _record: object, _proxy: object) -> None:
        connection.set_trace_callback(sent.append)

    event.listen(Engine, "checkout", watch)
    try:
        yield sent
    finally:
        event.remove(Engine, "checkout", watch)


@pytest.mark.parametrize("name", OPERATIONS)
def test_nothing_reads_a_whole_table(sqlite_store: SqliteStore, name: str) -> None:
    with statements() as sent:
        journal = sqlite_store.open()
        parked(journal, 30)
        lease = start(journal)
        sent.clear()
        OPERATIONS[name](journal, lease)
        asked = [text for text in sent if re.match(r"(SELECT|UPDATE|DELETE|INSERT INTO run)\b", text)]
    assert asked
    with closing(sqlite3.connect(sqlite_store.path)) as connection:
        for text in asked:
            plan = [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {text}")]
            whole = [line for line in plan if line.startswith("SCAN") and "USING INDEX" not in line]
            whole = [line for line in whole if "VIRTUAL TABLE" not in line]  # the numbers that the statement is given
            whole = [line for line in whole if "CONSTANT ROW" not in line and "COVERING INDEX run_owner" not in line]
            assert not whole, (text, plan)


def test_a_step_is_two_statements_and_an_idle_worker_sends_one(sqlite_store: SqliteStore) -> None:
    with statements() as sent:
        journal = sqlite_store.open()
        parked(journal, 3)
        lease = start(journal)
        sent.clear()
        journal.append(lease, 1, step(0)[:1], Counters())
        journal.append(lease, 2, step(1)[:1], Counters())
        assert [text.split()[0] for text in sent] == ["BEGIN", "UPDATE", "INSERT", "COMMIT"] * 2
        journal.claim_due(lease.owner, limit=10)
        sent.clear()
        assert journal.claim_due(lease.owner, limit=10) == []
        assert [text.split()[0] for text in sent if text.split()[0] not in ("BEGIN", "ROLLBACK", "COMMIT")] == [
            "SELECT"
        ]


def test_a_parked_run_takes_little_space(sqlite_store: SqliteStore) -> None:
    journal = sqlite_store.open()
    start(journal)
    before = journal.statistics()["bytes"]
    parked(journal, 1000)
    with closing(sqlite3.connect(sqlite_store.path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    assert (journal.statistics()["bytes"] - before) / 1000 < BYTES_PER_PARKED_RUN_MAX
