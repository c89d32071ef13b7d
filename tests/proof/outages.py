"""D9 and D10 with whole workers: two of them drive many runs while the database goes away and comes back, or while the
network to it breaks. Real time, real threads, a real server.

Every action writes into the ledger. Afterwards all runs must have ended well, nothing may have happened twice that the
journal knew of, and no worker may have given up.
"""

from __future__ import annotations

import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from random import Random
from typing import Any

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

LOAD = ("straight", "fan_out", "transfers", "children")
END_MAX_S = 60.0
"""All runs have ended so long after the last fault."""


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
            ready.wait(END_MAX_S)

    def stop(self) -> None:
        """Sends them home."""
        for worker in self._workers:
            worker.request_stop(5.0)
        for thread in self._threads:
            thread.join(END_MAX_S)
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
    ledger, sink = Ledger(folder / "ledger"), Sink(folder / "sink")
    crew = Crew(folder, url, ledger, sink)
    with closing(SqlJournal(undisturbed_url, clock=SystemClock())) as journal:
        names = _start(folder, journal, sink, runs)
    crew.start(2)
    for number in range(rounds):
        # Somewhere in the work: when a part of the effects is there.
        _wait_for(lambda part=(number + 1) / (rounds + 1): _share_done(sink, runs) >= part or bool(crew.problems))
        began = time.monotonic()
        fault()
        report.add(1, time.monotonic() - began, [])
    with closing(SqlJournal(undisturbed_url, clock=SystemClock())) as journal:
        began = time.monotonic()
        if not _wait_for(lambda: not _unfinished(journal) or bool(crew.problems)):
            left = [f"{run.run_id} ({run.status.value})" for run in _unfinished(journal)]
            report.problems.append(f"I8: not ended {END_MAX_S} s after the last fault: {left[:10]}")
        report.worst_s = max(report.worst_s, time.monotonic() - began)
        crew.stop()
        entries = ledger.entries()
        everything = [run.run_id for run in journal.find(RunFilter(), limit=10 * runs + 100)]
        report.problems += crew.problems
        report.problems += check(journal, everything, Evidence(ledger=entries, crashes=rounds))
        report.problems += [f"I8: {name} has failed" for name in names if journal.run(name).status.value != "completed"]
        starts = sum(entry.moment == "start" for entry in entries)
        report.points["runs"] += len(everything)
        report.points["attempts"] += starts
        report.points["attempts beyond the first"] += starts - len({entry.key for entry in entries})


def _start(folder: Path, journal: SqlJournal, sink: Sink, runs: int) -> list[str]:
    clock = SystemClock()
    settings = [Setting(WORKLOADS[name], folder, lambda _clock: journal, is_full=False) for name in LOAD]
    made = []
    for number in range(runs):
        setting = settings[number % len(settings)]
        made.append(setting.new_run(f"{setting.workload.name}-{number}", sink, clock, "default"))
    journal.create_many(made)
    return [each.run.run_id for each in made]


def _share_done(sink: Sink, runs: int) -> float:
    effects = len(sink.effects())
    return effects / (5 * runs)


def _unfinished(journal: SqlJournal) -> list[Any]:
    return [run for run in journal.find(RunFilter(), limit=100_000) if not run.status.is_final]


def _wait_for(is_so: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + END_MAX_S
    while not is_so():
        if time.monotonic() > deadline:
            return False
        endure(0.02)
    return True


@contextmanager
def _site() -> Iterator[tuple[Path, PostgresServer, str]]:
    with tempfile.TemporaryDirectory(prefix="flowlang-outage-") as name:
        server = PostgresServer(in_memory=True)
        try:
            yield Path(name), server, server.create_database()
        finally:
            server.close()
