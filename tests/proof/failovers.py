"""D9, failover: the primary's machine is gone in the middle of everything, and its standby takes its place.

The primary waits for the standby with every commit (`synchronous_standby_names`), so what was acknowledged is on both.
Writers and workers know both addresses and write to whichever takes writes (`target_session_attrs=read-write`). In
half of the trials the standby loses its primary shortly before the primary dies, which leaves commits on the primary
that nobody has heard of, and that the standby does not have. Each trial has two fresh servers.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from random import Random

import attrs
from kills import Report
from networks import Load, await_writes, endure, judge
from outages import Work

from flowlang.runtime.clock import SystemClock
from flowlang.runtime.journal.sql import SqlJournal
from flowlang.testing.postgres_server import PostgresServer

ALONE_MAX_S = 0.3


@attrs.frozen
class Pair:
    """A primary and its standby."""

    primary: PostgresServer
    standby: PostgresServer
    waits_for_standby: bool

    def url(self, database: str) -> str:
        """The database on whichever of the two takes writes."""
        servers = (self.primary, self.standby)
        hosts = ",".join(str(server.folder) for server in servers)
        ports = ",".join(str(server.port) for server in servers)
        return (
            f"postgresql://postgres@/{database}?host={hosts}&port={ports}"
            "&target_session_attrs=read-write&connect_timeout=2"
        )

    def fail_over(self) -> None:
        """The primary is gone, and the standby is promoted."""
        self.primary.kill()
        self.standby.promote()


def failovers(report: Report, random: Random, rounds: int, runs: int, *, waits_for_standby: bool = True) -> None:
    """`rounds` trials of `runs` runs each. With `waits_for_standby=False` the servers are set up wrongly, so that
    acknowledged work is lost, which must be found."""
    for number in range(rounds):
        began = time.monotonic()
        alone_s = random.uniform(0.0, ALONE_MAX_S) if number % 2 == 0 else 0.0
        with _pair(waits_for_standby) as pair, tempfile.TemporaryDirectory(prefix="flowlang-failover-") as folder:
            found = _one(pair, Path(folder), report, alone_s, runs, part=random.uniform(0.1, 0.7))
        name = "standby detached first" if alone_s else "at once"
        report.points[name] += 1
        report.add(1, time.monotonic() - began, [f"failover {number} ({name}): {problem}" for problem in found])


def _one(pair: Pair, folder: Path, report: Report, alone_s: float, runs: int, part: float) -> list[str]:
    # Runs of the writers are none that a worker could drive, so they have a database of their own.
    for_work, for_load = pair.primary.create_database(), pair.primary.create_database()
    work = Work(folder, pair.url(for_work), runs)
    with closing(SqlJournal(pair.url(for_work), clock=SystemClock())) as journal:
        work.begin(journal)
    with closing(SqlJournal(pair.url(for_load), clock=SystemClock())) as journal:
        load = Load(journal)
        load.start()
        work.wait_for(part)
        if alone_s:
            pair.standby.detach()
            endure(alone_s)
        if not pair.waits_for_standby:
            await_writes(load)
        pair.fail_over()
        found = [] if await_writes(load) else ["nobody wrote any more after the failover"]
        load.stop()
    with closing(SqlJournal(pair.standby.url(for_load), clock=SystemClock())) as journal:
        found += judge(load, journal)
    with closing(SqlJournal(pair.standby.url(for_work), clock=SystemClock())) as journal:
        found += work.end(journal, faults=1)
    report.points["writes acknowledged"] += sum(map(len, load.acknowledged.values()))
    report.points["writes in doubt"] += sum(map(len, load.doubtful.values()))
    report.points.update(work.counts)
    return found


@contextmanager
def _pair(waits_for_standby: bool) -> Iterator[Pair]:
    names = "*" if waits_for_standby else ""
    primary = PostgresServer(in_memory=True, settings={"synchronous_standby_names": names})
    try:
        # It will be alone once it is promoted, and wait for nobody.
        standby = PostgresServer(in_memory=True, standby_of=primary, settings={"synchronous_standby_names": ""})
        try:
            yield Pair(primary, standby, waits_for_standby)
        finally:
            standby.close()
    finally:
        primary.close()
