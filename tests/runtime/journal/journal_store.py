"""The stores under test, and the runs and events that the tests put into them.

A new store joins the suite by one more class here and its name in `STORES`.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

from flowlang.runtime.journal.codec import manifest_digest
from flowlang.runtime.journal.event import ActionCompleted, ActionScheduled, Event, Place, RunStarted
from flowlang.runtime.journal.journal import CodeManifest, Counters, Journal, Lease, NewRun, RunStatus
from flowlang.runtime.journal.memory import MemoryJournal
from flowlang.runtime.journal.sql import SqlJournal
from flowlang.testing.clock import VirtualClock

LEASE_MS = 30_000

processes = multiprocessing.get_context("forkserver")
processes.set_forkserver_preload(["flowlang.runtime.journal.sql", "flowlang.testing.crash"])


class MemoryStore:
    """One journal in memory; every handle is the same object."""

    def __init__(self, directory: Path) -> None:
        self.clock = VirtualClock()
        self._journal = MemoryJournal(self.clock, lease_ms=LEASE_MS)

    def open(self) -> Journal:
        return self._journal

    def close(self) -> None:
        self._journal.close()


class SqliteStore:
    """One file of SQLite; every handle is a journal of its own, as in another process."""

    def __init__(self, directory: Path) -> None:
        self.clock = VirtualClock()
        self.path = directory / "journal.db"
        self._handles: list[SqlJournal] = []

    def open(self) -> SqlJournal:
        journal = SqlJournal(self.path, clock=self.clock, lease_ms=LEASE_MS)
        self._handles.append(journal)
        return journal

    def close(self) -> None:
        for journal in self._handles:
            journal.close()


class PostgresStore:
    """One database of PostgreSQL; every handle is a journal of its own, as in another process."""

    def __init__(self, url: str) -> None:
        self.clock = VirtualClock()
        self.url = url
        self._handles: list[SqlJournal] = []

    def open(self) -> SqlJournal:
        journal = SqlJournal(self.url, clock=self.clock, lease_ms=LEASE_MS)
        self._handles.append(journal)
        return journal

    def close(self) -> None:
        for journal in self._handles:
            journal.close()


STORES: dict[str, Callable[[Any], Any]] = {"memory": MemoryStore, "sqlite": SqliteStore, "postgres": PostgresStore}
"""A store is made of the directory, or of the URL of the empty database, where it is to be."""

MODULES = {"etl.flow": 'print("é")\n', "@std//time.flow": "def now():\n    pass\n"}
MANIFEST = CodeManifest(
    modules={"etl.flow": "d1", "@std//time.flow": "d2"},
    language="1",
    python="3.11",
    platform="linux",
    signatures={"sql.query": "s1"},
)
CODE = manifest_digest(MANIFEST)
STARTED = RunStarted("etl.flow", "", CODE, b'{"a":1}')


def noise(size: int, seed: int = 0) -> bytes:
    """Bytes that do not compress, the same for the same arguments."""
    return Random(seed).randbytes(size)


def new_run(run_id: str = "run", entry: str = "etl.flow", flow: str = "") -> NewRun:
    return NewRun(run_id, entry, flow, "arguments-digest", MANIFEST, MODULES)


def start(journal: Journal, run_id: str = "run", *, owner: str | None = None, entry: str = "etl.flow") -> Lease:
    """A run with its first record, held by a living owner."""
    holder = journal.new_owner() if owner is None else owner
    return journal.create(new_run(run_id, entry), holder, [STARTED], Counters(), RunStatus.RUNNING)


def step(number: int, payload: bytes = b'"result"') -> list[Event]:
    """What one step appends: a result and the next intent."""
    place = Place("etl.flow", number + 1, 4)
    return [
        ActionCompleted((0, number), payload),
        ActionScheduled((0, number + 1), "sql.query", f"digest-{number}", place, b'{"q":"select 1"}'),
    ]


def append_steps(journal: Journal, lease: Lease, count: int, sequence: int = 1) -> int:
    for number in range(count):
        sequence = journal.append(lease, sequence, step(number), Counters(number, 10 * number, number))
    return sequence
