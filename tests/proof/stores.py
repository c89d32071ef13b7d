"""The databases of a campaign: a SQLite file in a folder, or a PostgreSQL server of our own."""

from __future__ import annotations

import contextlib
import itertools
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import attrs

from flowlang.runtime.clock import Clock, SystemClock
from flowlang.runtime.journal.sql import SqlJournal

_numbers = itertools.count(1)


@attrs.frozen
class Database:
    """One database. Called with a clock, and with options such as `lease_ms`, it opens a journal on it."""

    place: Path | str

    def __call__(self, clock: Clock, **options: Any) -> SqlJournal:
        return SqlJournal(self.place, clock=clock, **options)

    def connect(self) -> Any:
        """A connection of the driver's, which commits each statement, for those who go behind the journal's back."""
        if isinstance(self.place, Path):
            return sqlite3.connect(self.place, isolation_level=None)
        import psycopg

        return psycopg.connect(self.place, autocommit=True)

    @property
    def mark(self) -> str:
        """What stands for a value in a statement of the driver's."""
        return "?" if isinstance(self.place, Path) else "%s"


@contextlib.contextmanager
def databases(kind: str, folder: Path) -> Iterator[Callable[[], Database]]:
    """Gives a function that makes an empty database."""
    if kind == "sqlite":
        yield lambda: Database(folder / f"journal-{next(_numbers)}.db")
        return
    from flowlang.testing.postgres_server import PostgresServer

    server = PostgresServer(in_memory=True)
    try:
        template = server.create_database()
        Database(server.url(template))(SystemClock()).close()
        server.make_template(template)
        yield lambda: Database(server.url(server.create_database()))
    finally:
        server.close()
