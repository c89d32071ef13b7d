"""How soon a worker of another process is woken by a message, and what listening costs while nothing happens.

A second process posts messages to a run; the first one listens, and notes when it was told, by the clock that both
share.

    python bench/wakeup.py [DIRECTORY]
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from journal_append import new_run

from flowlang.runtime.clock import SystemClock
from flowlang.runtime.journal.codec import manifest_digest
from flowlang.runtime.journal.event import RunStarted
from flowlang.runtime.journal.journal import Counters, RunStatus
from flowlang.runtime.journal.locate import open_journal
from flowlang.testing.postgres_server import PostgresServer

MESSAGES = 500
IDLE_S = 5.0

_POST = """
import json, sys, time
from flowlang.runtime.clock import SystemClock
from flowlang.runtime.journal.locate import open_journal
from flowlang.runtime.journal.model import NewMessage
journal = open_journal(sys.argv[1], SystemClock())
for number in range(int(sys.argv[2])):
    sys.stdin.readline()
    began = time.monotonic_ns()
    journal.post(NewMessage("run-0", "signal", "news", "", b"1"))
    print(json.dumps([began, time.monotonic_ns()]), flush=True)
"""


def latencies(url: str, messages: int = MESSAGES) -> tuple[list[float], list[float]]:
    """Milliseconds from the beginning of a post, and from its return, until the listener was told."""
    journal = open_journal(url, SystemClock())
    run = new_run("run-0")
    started = RunStarted("bench.flow", "", manifest_digest(run.manifest), b"{}")
    journal.create(run, journal.new_owner(), [started], Counters(), RunStatus.WAITING)
    listener = journal.listen("listener")
    poster = subprocess.Popen(
        [sys.executable, "-c", _POST, url, str(messages)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert poster.stdin is not None
    assert poster.stdout is not None
    from_begin: list[float] = []
    from_return: list[float] = []
    while listener.wait(0.2):
        pass
    for _ in range(messages):
        poster.stdin.write("go\n")
        poster.stdin.flush()
        while not listener.wait(10.0):
            pass
        told = time.monotonic_ns()
        begun, returned = json.loads(poster.stdout.readline())
        from_begin.append((told - begun) / 1e6)
        from_return.append((told - returned) / 1e6)
    poster.wait(10)
    listener.close()
    journal.close()
    return from_begin, from_return


def idle_cpu(url: str) -> float:
    """The share of a core that listening takes while nothing happens."""
    journal = open_journal(url, SystemClock())
    listener = journal.listen("listener")
    listener.wait(0.1)
    began, used = time.monotonic(), time.process_time()
    listener.wait(IDLE_S)
    share = (time.process_time() - used) / (time.monotonic() - began)
    listener.close()
    journal.close()
    return share


def _report(name: str, url: str) -> None:
    from_begin, from_return = latencies(url)
    for title, values in (("from the beginning of the post", from_begin), ("from its return", from_return)):
        values.sort()
        p50, p99 = statistics.median(values), values[int(len(values) * 0.99)]
        print(f"{name:11} told, {title:30} p50 {p50:6.2f} ms   p99 {p99:6.2f} ms")
    print(f"{name:11} listening, nothing happens: {idle_cpu(url) * 100:.3f} % of a core")


def main(place: str | None) -> None:
    """Prints percentiles for both databases."""
    with tempfile.TemporaryDirectory(dir=place) as folder:
        _report("SQLite", str(Path(folder) / "journal.db"))
    server = PostgresServer()
    try:
        _report("PostgreSQL", server.url(server.create_database()))
    finally:
        server.close()


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else None)
