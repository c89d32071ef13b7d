"""The databases of a campaign: a SQLite file in a folder, or a PostgreSQL server of our own."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from flowlang.runtime.clock import Clock, SystemClock
from flowlang.runtime.journal.sql import SqlJournal

_numbers = itertools.count(1)


@contextlib.contextmanager
def databases(kind: str, folder: Path) -> Iterator[Callable[[], Callable[..., SqlJournal]]]:
    """Gives a function that makes an empty database and gives what opens a journal on it: with a clock, and options
    such as `lease_ms`."""
    if kind == "sqlite":
        yield lambda: _opener(folder / f"journal-{next(_numbers)}.db")
        return
    from flowlang.testing.postgres_server import PostgresServer

    server = PostgresServer(in_memory=True)
    try:
        template = server.create_database()
        _opener(server.url(template))(SystemClock()).close()
        server.make_template(template)
        yield lambda: _opener(server.url(server.create_database()))
    finally:
        server.close()


def _opener(where: Any) -> Callable[..., SqlJournal]:
    def opened(clock: Clock, **options: Any) -> SqlJournal:
        return SqlJournal(where, clock=clock, **options)

    return opened
