"""Measurements of flowlang at sizes: long histories, many parked runs, services of any age, big journals.

    python bench/durable/own_scale.py --url URL --what parked_idle --n 100000

As `own.py`: a process of its own for each, which prints `RESULT` and a JSON object.
"""

from __future__ import annotations

import argparse
import contextlib
import resource
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs

sys.path.insert(0, str(Path(__file__).parent.parent))

from durable.own import Counting, Dies, open_journal, step
from durable.place import answer
from flowlang.lang.values.canonical import encode
from flowlang.runtime.action import ActionRegistry
from flowlang.runtime.clock import SystemClock
from flowlang.runtime.compatibility import check_runs
from flowlang.runtime.driver import RunDriver
from flowlang.runtime.journal.event import ChapterStarted, TimerFired, TimerStarted
from flowlang.runtime.journal.journal import Counters, Effects, NewMessage, RunFilter, RunStatus
from flowlang.runtime.journal.memory import MemoryJournal
from flowlang.runtime.launch import code_of, prepare
from flowlang.runtime.project import Project
from flowlang.runtime.worker import Worker

STEPS = """
def _main_impl(fctx):
    total = 0
    for number in range(fctx.args.n):
        total += fctx.actions.bench.step(number)
    return total
main = flow(implementation = _main_impl, args = {"n": args.int()})
"""
PARKED = """
def _main_impl(fctx):
    if fctx.args.at:
        sleep_until(fctx.args.at)
    else:
        fctx.actions.try_receive("go", timeout = 864000)
    return fctx.args.at
main = flow(implementation = _main_impl, args = {"at": args.float()})
"""
SERVICE = """
def _main_impl(fctx):
    fctx.args.count += 1
    fctx.actions.bench.step(fctx.args.count)
main = flow(implementation = _main_impl, args = {"event": args.event(), "count": args.state(initial = 0)})
"""
ONE = """
main = flow(implementation = lambda fctx: fctx.actions.bench.step(fctx.args.n), args = {"n": args.int()})
"""
BATCH = 500
WOKEN = 1_000
IDLE_S = 10.0


class Bench:
    """A project folder with one script, and a journal."""

    def __init__(self, url: str, script: str, folder: Path) -> None:
        self.root = folder
        self.path = folder / "main.flow"
        self.path.write_text(script)
        self.clock = SystemClock()
        self.journal: Any = open_journal(url)
        self.build = Project(folder).build(self.path)
        assert not self.build.has_errors, [each.message for each in self.build.diagnostics]
        self.code = code_of(self.build, ActionRegistry([step]))

    def new(self, run_id: str, arguments: dict[str, Any]) -> Any:
        """A run that nobody drives."""
        return prepare(self.build, self.code, flow="main", arguments=arguments, run_id=run_id, clock=self.clock)

    def create(self, runs: list[Any]) -> None:
        """Creates runs, many per transaction."""
        for start in range(0, len(runs), BATCH):
            self.journal.create_many(runs[start : start + BATCH])

    def worker(self, journal: Any = None, **options: Any) -> Worker:
        """A worker of these runs."""
        return Worker(self.root, journal or self.journal, actions=[step], **options)


def history(url: str, n: int, folder: Path) -> dict[str, Any]:
    """Leaves a run with `n` recorded actions, which was driven in memory and copied."""
    bench = Bench(url, STEPS, folder)
    memory = MemoryJournal(bench.clock)

    class Dying(Counting):
        appends = 0  # leases are renewed meanwhile, and those writes do not count

        def append(self, *arguments: Any) -> Any:
            """One step."""
            self.appends += 1
            if self.appends == n + 1:
                raise Dies
            return super().append(*arguments)

    journal: Any = Dying(memory)
    driver = RunDriver(folder, journal, actions=[step])
    began = time.perf_counter()
    with contextlib.suppress(Dies):
        driver.start(driver.build_script(bench.path), flow="main", arguments={"n": n + 1}, run_id="run")
    took_s = time.perf_counter() - began
    record = memory.run("run")
    records = memory.read("run")
    counters = Counters(record.steps, record.memory, record.actions_completed)
    new = bench.new("run", {"n": n + 1}).run
    bench.journal.copy_in(new, records, counters, RunStatus.SUSPENDED, record.created_at_ms)
    return {"driven_per_s": n / took_s, "recorded": record.actions_completed}


def service(url: str, n: int, folder: Path) -> dict[str, Any]:
    """Leaves a service that has handled `n` events: a few in truth, the others as copies of one of those."""
    bench = Bench(url, SERVICE, folder)
    bench.create([bench.new("service", {})])
    for number in range(4):
        bench.journal.post(NewMessage("service", "signal", "tick", f"first-{number}", encode(number)))
    worker = bench.worker()
    worker.run_until_idle()
    worker.close()
    records = bench.journal.read("service")
    marks = [index for index, each in enumerate(records) if isinstance(each.event, ChapterStarted)]
    pattern = [each.event for each in records[marks[-2] + 1 : marks[-1] + 1]]
    number = records[marks[-1]].event.number
    lease = bench.journal.claim("service", bench.journal.new_owner())
    sequence, done = len(records), 4
    while done < n:
        batch: list[Any] = []
        chapter = None
        while done < n and len(batch) < 10_000:
            done += 1
            number += 1
            batch += [_shifted(event, number, done) for event in pattern]
            chapter = sequence + len(batch)
        counters = Counters(0, 0, done)
        sequence = bench.journal.append(lease, sequence, batch, counters, RunStatus.RUNNING, Effects(chapter=chapter))
    bench.journal.release(lease, RunStatus.SUSPENDED)
    return {"events": done, "records": sequence}


def _shifted(event: Any, number: int, done: int) -> Any:
    if isinstance(event, ChapterStarted):
        return attrs.evolve(event, number=number)
    return attrs.evolve(event, position=(number - 2, *event.position[1:])) if event.position else event


def service_resume(url: str, n: int, folder: Path) -> dict[str, Any]:
    """A new process handles one more event of the service; time from the claim to its end."""
    bench = Bench(url, SERVICE, folder)
    before = bench.journal.run("service").chapter_sequence
    began = time.perf_counter()
    worker = bench.worker()
    while not worker.run_ids:
        worker.step(0.0)
    while worker.step(0.0):
        pass
    resumed = time.perf_counter()
    bench.journal.post(NewMessage("service", "signal", "tick", f"one-more-{before}", encode(1)))
    while bench.journal.run("service").chapter_sequence == before:
        worker.step(0.0)
    handled = time.perf_counter()
    worker.close()
    return {"resume_s": resumed - began, "handle_s": handled - resumed}


def park(url: str, n: int, folder: Path) -> dict[str, Any]:
    """Leaves `n` runs that wait for a signal, and some that wait for one moment."""
    bench = Bench(url, PARKED, folder)
    began = time.perf_counter()
    bench.create([bench.new(f"parked-{number}", {"at": 0.0}) for number in range(n)])
    created = time.perf_counter()
    worker = bench.worker()
    while RunStatus.SUSPENDED in bench.journal.count(RunFilter()):
        worker.run_until_idle()
    parked = time.perf_counter()
    worker.close()
    counts = bench.journal.count(RunFilter())
    assert counts.get(RunStatus.WAITING, 0) == n, counts
    numbers = bench.journal.statistics()
    return {
        "create_per_s": n / (created - began), "park_per_s": n / (parked - created), "bytes": numbers["bytes"],
        "bytes_each": numbers["bytes"] / n,
    }  # fmt: skip


def parked_idle(url: str, n: int, folder: Path) -> dict[str, Any]:
    """A new worker beside many parked runs: how soon it is ready, what it weighs, what it does while nothing happens;
    then how late it is for runs that fall due at one moment."""
    bench = Bench(url, PARKED, folder)
    calls = [0]

    class Calls(Counting):
        def around(self, method: str, call: Callable[[], Any], arguments: Any) -> Any:
            calls[0] += 1
            return super().around(method, call, arguments)

    counting = Calls(bench.journal)
    base_kb = _resident_kb()
    began = time.perf_counter()
    worker = bench.worker(counting)
    worker.run_until_idle()
    ready_s = time.perf_counter() - began
    resident_kb = _resident_kb()
    thread = threading.Thread(target=worker.run)
    thread.start()
    time.sleep(1.0)
    before, used = calls[0], resource.getrusage(resource.RUSAGE_SELF)
    time.sleep(IDLE_S)
    now = resource.getrusage(resource.RUSAGE_SELF)
    cpu = (now.ru_utime + now.ru_stime - used.ru_utime - used.ru_stime) / IDLE_S
    statements = (calls[0] - before) / IDLE_S
    late = _wake(bench, min(WOKEN, n))
    worker.request_stop()
    thread.join()
    worker.close()
    return {
        "ready_s": ready_s, "extra_kb": resident_kb - base_kb, "resident_kb": resident_kb, "idle_cpu": cpu,
        "idle_calls_per_s": statements, "late_p50_ms": late[len(late) // 2], "late_p99_ms": late[len(late) * 99 // 100],
    }  # fmt: skip


def _wake(bench: Bench, count: int) -> list[int]:
    at = time.time() + 5.0 + count / 200
    bench.create([bench.new(f"due-{number}", {"at": at}) for number in range(count)])
    while (
        bench.journal.count(RunFilter(prefix="due-", status=[RunStatus.COMPLETED])).get(RunStatus.COMPLETED, 0) < count
    ):
        time.sleep(0.2)
    late: list[int] = []
    for number in range(count):
        wake_at_ms = 0
        for record in bench.journal.read(f"due-{number}"):
            if isinstance(record.event, TimerStarted):
                wake_at_ms = record.event.wake_at_ms
            elif isinstance(record.event, TimerFired):
                late.append(record.recorded_at_ms - wake_at_ms)
    return sorted(late)


def checked(url: str, n: int, folder: Path) -> dict[str, Any]:
    """`n` finished runs of one action against the same code."""
    bench = Bench(url, ONE, folder)
    bench.create([bench.new(f"run-{number}", {"n": number}) for number in range(n)])
    worker = bench.worker()
    began = time.perf_counter()
    worker.run_until_idle()
    driven_s = time.perf_counter() - began
    worker.close()
    began = time.perf_counter()
    verdicts = list(
        check_runs(
            bench.journal, bench.journal.find(RunFilter(), limit=n), lambda record: bench.build, ActionRegistry([step])
        )
    )
    seconds = time.perf_counter() - began
    assert len(verdicts) == n, len(verdicts)
    return {"seconds": seconds, "driven_s": driven_s, "kinds": sorted({type(each).__name__ for each in verdicts})}


def growth(url: str, n: int, folder: Path) -> dict[str, Any]:
    """Sequential actions in a journal that holds `n` events of other runs."""
    bench = Bench(url, STEPS, folder)
    filler = bench.new("filler", {"n": 0})
    held = bench.journal.create(filler.run, bench.journal.new_owner(), filler.events, Counters(), RunStatus.RUNNING)
    memory = MemoryJournal(bench.clock)
    driver = RunDriver(folder, memory, actions=[step])
    driver.start(driver.build_script(bench.path), flow="main", arguments={"n": 2_500}, run_id="run")
    events = [record.event for record in memory.read("run")][1:-1]
    sequence = 1
    while sequence < n:
        sequence = bench.journal.append(held, sequence, events[: n - sequence], Counters(), RunStatus.RUNNING)
    bench.journal.release(held, RunStatus.STOPPED)
    driver = RunDriver(folder, bench.journal, actions=[step])
    script = driver.build_script(bench.path)
    driver.start(script, flow="main", arguments={"n": 20}, run_id="warm")
    began = time.perf_counter()
    driver.start(script, flow="main", arguments={"n": 1000}, run_id="run")
    return {"seconds": time.perf_counter() - began}


def _resident_kb() -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1])
    return 0


MEASURES: dict[str, Callable[[str, int, Path], dict[str, Any]]] = {
    "history": history,
    "service": service,
    "service_resume": service_resume,
    "park": park,
    "parked_idle": parked_idle,
    "checked": checked,
    "growth": growth,
}


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--url", required=True)
    parser.add_argument("--what", required=True, choices=sorted(MEASURES))
    parser.add_argument("--n", type=int, required=True)
    parser.add_argument("--folder", type=Path, required=True)
    given = parser.parse_args()
    given.folder.mkdir(exist_ok=True)
    answer(MEASURES[given.what](given.url, given.n, given.folder))


if __name__ == "__main__":
    main()
