"""How fast a journal in PostgreSQL appends, against the raw commit rate of the same server at the same moment.

The steps are those of `journal_append.py`. Two raw rates are taken beside them with the bare driver over a kept
connection: one row of 200 bytes per autocommit INSERT, and the same with BEGIN and COMMIT around it. `fsync` and
`synchronous_commit` are on.

    python bench/journal_append_postgres.py
"""

from __future__ import annotations

import statistics
import threading
import time

from journal_append import PAYLOAD, RUNS, drive

from flowlang.runtime.clock import SystemClock
from flowlang.runtime.journal.sql import SqlJournal
from flowlang.testing.postgres_server import PostgresServer

PAIRS = 7
STEPS = 1_500


def append_rate(server: PostgresServer, runs: int, steps: int = STEPS) -> float:
    """Steps per second of this many concurrent runs of one process."""
    database = server.create_database()
    journal = SqlJournal(server.url(database), clock=SystemClock())
    owner = journal.new_owner()
    threads = [threading.Thread(target=drive, args=(journal, f"run-{n}", owner, steps // runs)) for n in range(runs)]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    took = time.perf_counter() - began
    journal.close()
    server.drop_database(database)
    return steps // runs * runs / took


def raw_rate(server: PostgresServer, *, begin_and_commit: bool, steps: int = STEPS) -> float:
    """Single-row commits per second."""
    with server.connect() as connection:
        connection.execute("DROP TABLE IF EXISTS raw")
        connection.execute("CREATE TABLE raw (number BIGINT PRIMARY KEY, content BYTEA)")
        began = time.perf_counter()
        for number in range(steps):
            if begin_and_commit:
                connection.execute("BEGIN")
            connection.execute("INSERT INTO raw VALUES (%s, %s)", (number, PAYLOAD))
            if begin_and_commit:
                connection.execute("COMMIT")
        return steps / (time.perf_counter() - began)


def main() -> None:
    """Prints the medians of the rates and of the paired ratios."""
    server = PostgresServer()
    try:
        rows = [
            (
                raw_rate(server, begin_and_commit=False),
                raw_rate(server, begin_and_commit=True),
                append_rate(server, 1),
                append_rate(server, RUNS),
            )
            for _ in range(PAIRS)
        ]
    finally:
        server.close()
    single, double, alone, together = (statistics.median(column) for column in zip(*rows, strict=True))
    print(f"raw autocommit INSERTs/s   {single:8,.0f}")
    print(f"raw INSERT and COMMIT/s    {double:8,.0f}")
    for title, rate, column in (("one run, steps/s", alone, 2), (f"{RUNS} runs at once, steps/s", together, 3)):
        of_single = statistics.median(row[column] / row[0] for row in rows)
        of_double = statistics.median(row[column] / row[1] for row in rows)
        print(f"{title:26} {rate:8,.0f}   {of_single:.2f} of the first, {of_double:.2f} of the second")


if __name__ == "__main__":
    main()
