"""D9 and D10 with whole workers: two of them drive many runs while the database goes away and comes back, or while the
network to it breaks. Real time, real threads, a real server.

Every action writes into the ledger. Afterwards all runs must have ended well, nothing may have happened twice that the
journal knew of, and no worker may have given up.
"""

from __future__ import annotations

import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from random import Random

import attrs
from checker import Evidence, check
from kills import Report
from networks import endure
from trial import Setting
from workloads import WORKLOADS, Sink, proof_actions

from flowlang.runtime.clock import SystemClock
from flowlang.runtime.journal.model import RunFilter
from flowlang.runtime.journal.sql import SqlJournal
from flowlang.runtime.worker import Worker
from flowlang.testing.ledger import Ledger
from flowlang.testing.postgres_server import PostgresServer
from flowlang.testing.proxy import Proxy

LOAD = {"straight": 5, "fan_out": 7, "transfers": 12, "children": 6}
"""The workloads, and how many effects a run of each has."""
STALL_MAX_S = 60.0
"""After the last fault some run ends at least this often, until all have."""
LOOK_S = 0.1


@attrs.define(eq=False)
class Crew:
    """Workers in threads, each with a journal of its own."""

    folder: Path
    url: str
    ledger: Ledger
    sink: Sink
    problems: list[str] = attrs.field(factory=list)
    _workers: list[Worker] = attrs.field(factory=list, init=False)
    _threads: list[threading.Thread] = attrs.field(factory=list, init=False)

    def start(self, count: int) -> None:
        """Hires so many."""
        for _ in range(count):
            ready = threading.Event()
            thread = threading.Thread(target=self._work, args=(ready,))
            thread.start()
            self._threads.append(thread)
            ready.wait(STALL_MAX_S)

    def stop(self) -> None:
        """Sends them home."""
        for worker in self._workers:
            worker.request_stop(5.0)
        for thread in self._threads:
            thread.join(STALL_MAX_S)
            if thread.is_alive():
                self.problems.append("a worker does not stop")

    def _work(self, ready: threading.Event) -> None:
        try:
            with closing(SqlJournal(self.url, clock=SystemClock())) as journal:
                actions = self.ledger.wrap(proof_actions(self.sink))
                worker = Worker(self.folder, journal, actions=actions, concurrency=10)
                self._workers.append(worker)
                ready.set()
                try:
                    worker.run()
                finally:
                    worker.close()
        except BaseException as error:
            ready.set()
            self.problems.append(f"a worker ended: {type(error).__name__}: {error}")


def workers_through_restarts(report: Report, random: Random, *, runs: int, rounds: int, down_s: float) -> None:
    """D9: the server stops as if the power had failed, in the middle of everything."""
    with _site() as (folder, server, database):

        def fault() -> None:
            server.stop("immediate")
            endure(random.uniform(0.0, down_s))
            server.start()

        _experiment(report, folder, server.url(database), server.url(database), fault, runs, rounds)


def workers_through_breaks(report: Report, random: Random, *, runs: int, rounds: int, hole_s: float) -> None:
    """D10: the network of the workers breaks."""
    with _site() as (folder, server, database), closing(Proxy(server.port)) as proxy:

        def fault() -> None:
            random.choice((proxy.cut, proxy.lose, lambda: proxy.cut_reply(random.randrange(60)), hole))()

        def hole() -> None:
            proxy.swallow(random.random() < 0.5, True)
            endure(hole_s)
            proxy.swallow(False, False)

        url = f"{server.url(database, port=proxy.port)}?connect_timeout=2"
        _experiment(report, folder, url, server.url(database), fault, runs, rounds)


def _experiment(report: Report, folder: Path, url: str, undisturbed_url: str, fault: Callable[[], None], runs: int,
                rounds: int) -> None:  # fmt: skip
    work = Work(folder, url, runs)
    with closing(SqlJournal(undisturbed_url, clock=SystemClock())) as journal:
        work.begin(journal)
    for number in range(rounds):
        work.wait_for((number + 1) / (rounds + 1))
        began = time.monotonic()
        fault()
        report.add(1, time.monotonic() - began, [])
    with closing(SqlJournal(undisturbed_url, clock=SystemClock())) as journal:
        began = time.monotonic()
        report.problems += work.end(journal, rounds)
        report.worst_s = max(report.worst_s, time.monotonic() - began)
    report.points.update(work.counts)


class Work:
    """Many runs, and two workers that drive them over the journal at `url`. `counts`: what came of it."""

    def __init__(self, folder: Path, url: str, runs: int) -> None:
        self._folder = folder
        self._runs = runs
        self._ledger, self._sink = Ledger(folder / "ledger"), Sink(folder / "sink")
        self._crew = Crew(folder, url, self._ledger, self._sink)
        self._names: list[str] = []
        self.counts: Counter[str] = Counter()

    def begin(self, journal: SqlJournal) -> None:
        """Starts the runs, and the workers."""
        self._names = _start(self._folder, journal, self._sink, self._runs)
        self._crew.start(2)

    def wait_for(self, part: float) -> None:
        """Returns somewhere in the work: when this part of the effects is there."""
        wanted = part * sum(LOAD.values()) * self._runs / len(LOAD)
        _wait_for(lambda: self._sink.size() < wanted and not self._crew.problems, self._sink.size)

    def end(self, journal: SqlJournal, faults: int) -> list[str]:
        """After the last of the faults: lets all runs end, and gives the problems."""
        problems = []
        if not _wait_for(lambda: _unfinished(journal) > 0 and not self._crew.problems, lambda: _unfinished(journal)):
            problems.append(f"I8: {_unfinished(journal)} runs have not ended, and none did for {STALL_MAX_S} s")
        self._crew.stop()
        entries = self._ledger.entries()
        everything = [run.run_id for run in journal.find(RunFilter(), limit=10 * self._runs + 100)]
        problems += self._crew.problems
        problems += check(journal, everything, Evidence(ledger=entries, crashes=faults))
        for name in self._names:
            status = journal.run(name).status.value
            problems += [] if status == "completed" else [f"I8: {name} is {status}"]
        starts = sum(entry.moment == "start" for entry in entries)
        self.counts["runs"] += len(everything)
        self.counts["attempts"] += starts
        self.counts["attempts beyond the first"] += starts - len({entry.key for entry in entries})
        return problems


def _start(folder: Path, journal: SqlJournal, sink: Sink, runs: int) -> list[str]:
    clock = SystemClock()
    settings = [Setting(WORKLOADS[name], folder, lambda _clock: journal) for name in LOAD]
    made = []
    for number in range(runs):
        setting = settings[number % len(settings)]
        made.append(setting.new_run(f"{setting.workload.name}-{number}", sink, clock, "default"))
    journal.create_many(made)
    return [each.run.run_id for each in made]


def _unfinished(journal: SqlJournal) -> int:
    return sum(count for status, count in journal.count(RunFilter()).items() if not status.is_final)


def _wait_for(is_under_way: Callable[[], bool], progress: Callable[[], int]) -> bool:
    """False when nothing changes any more. It looks seldom, since the workers are in this process."""
    deadline, before = time.monotonic() + STALL_MAX_S, progress()
    while is_under_way():
        now = progress()
        if now != before:
            deadline, before = time.monotonic() + STALL_MAX_S, now
        elif time.monotonic() > deadline:
            return False
        endure(LOOK_S)
    return True


@contextmanager
def _site() -> Iterator[tuple[Path, PostgresServer, str]]:
    with tempfile.TemporaryDirectory(prefix="flowlang-outage-") as name:
        server = PostgresServer(in_memory=True)
        try:
            yield Path(name), server, server.create_database()
        finally:
            server.close()
