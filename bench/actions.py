"""How fast runs are driven, against the raw commit rate of the same file system at the same moment.

A *step* is one durable action: the result of action n and the intent of action n+1 in one transaction of SQLite in WAL
mode with `synchronous=FULL`. The raw rate is one row per commit with the bare driver, in the same mode. The two
alternate, because the rate of commits varies from minute to minute; believe the ratios.

    python bench/actions.py [DIRECTORY]
"""

from __future__ import annotations

import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from flowlang.runtime.action import action
from flowlang.runtime.clock import SystemClock
from flowlang.runtime.driver import RunDriver
from flowlang.runtime.journal.journal import RunStatus
from flowlang.runtime.journal.sql import SqlJournal
from flowlang.testing.crash import CrashingJournal

PAIRS = 5
STEPS = 2_000
TASKS = 1_000
ROW = b"x" * 200

SEQUENCE = """
actions = current_flow().actions
total = 0
for number in range({steps}):
    total += actions.bench.step(number)
print(total)
"""

FAN_OUT = """
actions = current_flow().actions
tasks = [actions.run(actions.bench.step, number) for number in range({tasks})]
print(len([unwrap(result) for result in actions.wait(tasks)]))
"""

FLOWS = """
step = flow(implementation = lambda fctx, number: fctx.actions.bench.step(number))
for number in range({steps}):
    step(number)
"""


@action(name="bench.step", inline=True)
def step(number: int) -> int:
    """Does next to nothing."""
    return number + 1


class PowerCut(BaseException):
    """Ends a run as the end of its process would, without the process."""


def cut_power() -> None:
    """See `PowerCut`."""
    raise PowerCut


class Bench:
    """One project folder with its journal."""

    def __init__(self, directory: Path, script: str) -> None:
        self.root = Path(tempfile.mkdtemp(dir=directory))
        self.script = self.root / "main.flow"
        self.script.write_text(script)

    def drive(self, crash_at: int = 0) -> tuple[float, int]:
        """Seconds that a drive of the run took, and how many times it wrote. The run dies before write `crash_at`."""
        inner = SqlJournal(self.root / "journal.db", clock=SystemClock())
        journal = CrashingJournal(inner, crash_at, action=cut_power)
        engine = RunDriver(self.root, journal, actions=[step])
        script = engine.build_script(self.script)
        with closing(inner), closing(engine):
            began = time.perf_counter()
            try:
                outcome = engine.start(script, run_id="run")
                assert outcome.status is RunStatus.COMPLETED, outcome
            except PowerCut:
                assert crash_at
            return time.perf_counter() - began, journal.writes


def raw_rate(directory: Path) -> float:
    """Single-row commits per second."""
    with closing(sqlite3.connect(directory / f"raw-{time.monotonic_ns()}.db", isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("CREATE TABLE row (number INTEGER PRIMARY KEY, content BLOB)")
        began = time.perf_counter()
        for number in range(STEPS):
            connection.execute("INSERT INTO row VALUES (?, ?)", (number, ROW))
        return STEPS / (time.perf_counter() - began)


def sequence_rate(directory: Path) -> tuple[float, float]:
    """Sequential actions per second, and commits per action."""
    took_s, writes = Bench(directory, SEQUENCE.format(steps=STEPS)).drive()
    return STEPS / took_s, writes / STEPS


def flow_rate(directory: Path) -> tuple[float, float]:
    """Sequential flow calls with one action each, per second, and commits per call."""
    took_s, writes = Bench(directory, FLOWS.format(steps=STEPS)).drive()
    return STEPS / took_s, writes / STEPS


def fan_out_rate(directory: Path) -> tuple[float, float]:
    """Actions per second of tasks that are started at once, and commits per action."""
    took_s, writes = Bench(directory, FAN_OUT.format(tasks=TASKS)).drive()
    return TASKS / took_s, writes / TASKS


def replay_rate(directory: Path) -> tuple[float, float]:
    """Recorded actions per second that a resume gets through, from reading the journal to the end of the run."""
    bench = Bench(directory, SEQUENCE.format(steps=STEPS))
    bench.drive(crash_at=STEPS + 1)
    took_s, writes = bench.drive()
    return STEPS / took_s, writes / STEPS


MEASURES: dict[str, Callable[[Path], tuple[float, float]]] = {
    "sequential actions": sequence_rate,
    "flow calls with one action": flow_rate,
    f"fan-out of {TASKS:,} tasks": fan_out_rate,
    f"replay of {STEPS:,} actions": replay_rate,
}


def main(place: str | None) -> None:
    """Prints the medians of the rates and of the paired ratios."""
    with tempfile.TemporaryDirectory(dir=place) as name:
        directory = Path(name)
        print(f"{'':30} {'per second':>12} {'of raw':>9} {'commits each':>14}")
        for title, measure in MEASURES.items():
            pairs = [(raw_rate(directory), *measure(directory)) for _ in range(PAIRS)]
            rate = statistics.median(pair[1] for pair in pairs)
            ratio = statistics.median(pair[1] / pair[0] for pair in pairs)
            commits = statistics.median(pair[2] for pair in pairs)
            print(f"{title:30} {rate:12,.0f} {ratio:9.2f} {commits:14.3f}")
            raw = statistics.median(pair[0] for pair in pairs)
            print(f"{'  raw commits meanwhile':30} {raw:12,.0f}")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else None)
