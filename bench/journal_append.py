"""How fast a journal appends, against the raw commit rate of the same file system at the same moment.

A step appends two events: the result of action n and the intent of action n+1, 200 bytes of payload each. The raw
rate is one row of 200 bytes per commit with the bare driver, in WAL mode with `synchronous=FULL`. The two alternate,
because the rate of commits varies from minute to minute; believe the ratio.

    python bench/journal_append.py [DIRECTORY]
"""

from __future__ import annotations

import sqlite3
import statistics
import sys
import tempfile
import threading
import time
from pathlib import Path

from flowlang.runtime.clock import SystemClock
from flowlang.runtime.journal.codec import manifest_digest
from flowlang.runtime.journal.event import ActionCompleted, ActionScheduled, Event, Place, RunStarted
from flowlang.runtime.journal.journal import CodeManifest, Counters, NewRun, RunStatus
from flowlang.runtime.journal.sql import SqlJournal

PAIRS = 7
STEPS = 2_000
RUNS = 8
PAYLOAD = b'"' + b"x" * 198 + b'"'


def new_run(run_id: str) -> NewRun:
    """A run of a script with one line."""
    manifest = CodeManifest({"bench.flow": "0"}, "1", "3.11", "linux", {})
    return NewRun(run_id, "bench.flow", "", "0", manifest, {"bench.flow": "pass\n"})


def drive(journal: SqlJournal, run_id: str, owner: str, steps: int) -> None:
    """Creates a run and appends this many steps."""
    run = new_run(run_id)
    start = RunStarted("bench.flow", "", manifest_digest(run.manifest), b"{}")
    lease = journal.create(run, owner, [start], Counters(), RunStatus.RUNNING)
    sequence = 1
    place = Place("bench.flow", 12, 4)
    for number in range(steps):
        events: list[Event] = [
            ActionCompleted((0, number), PAYLOAD),
            ActionScheduled((0, number + 1), "sql.query", "5d41402abc4b2a76b9719d911017c592", place, PAYLOAD),
        ]
        sequence = journal.append(lease, sequence, events, Counters(number, 1000, number))


def append_rate(directory: Path, runs: int) -> float:
    """Steps per second of this many concurrent runs."""
    journal = SqlJournal(directory / f"journal-{time.monotonic_ns()}.db", clock=SystemClock())
    owner = journal.new_owner()
    steps = STEPS // runs
    threads = [threading.Thread(target=drive, args=(journal, f"run-{n}", owner, steps)) for n in range(runs)]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    took = time.perf_counter() - began
    journal.close()
    return steps * runs / took


def raw_rate(directory: Path) -> float:
    """Single-row commits per second."""
    connection = sqlite3.connect(directory / f"raw-{time.monotonic_ns()}.db", isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("CREATE TABLE row (number INTEGER PRIMARY KEY, content BLOB)")
    began = time.perf_counter()
    for number in range(STEPS):
        connection.execute("INSERT INTO row VALUES (?, ?)", (number, PAYLOAD))
    took = time.perf_counter() - began
    connection.close()
    return STEPS / took


def main(place: str | None) -> None:
    """Prints the medians of the rates and of the paired ratios."""
    with tempfile.TemporaryDirectory(dir=place) as name:
        directory = Path(name)
        rows = [(raw_rate(directory), append_rate(directory, 1), append_rate(directory, RUNS)) for _ in range(PAIRS)]
    raw, alone, together = (statistics.median(column) for column in zip(*rows, strict=True))
    print(f"raw commits/s              {raw:8,.0f}")
    for title, rate, column in (("one run, steps/s", alone, 1), (f"{RUNS} runs at once, steps/s", together, 2)):
        ratio = statistics.median(row[column] / row[0] for row in rows)
        print(f"{title:26} {rate:8,.0f}   {ratio:.2f} of raw")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else None)
