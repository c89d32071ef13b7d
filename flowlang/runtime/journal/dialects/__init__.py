"""What differs between databases. Everything else of the SQL journal is the same for all of them.

`dialect.py` says what a dialect must give, `sqlite.py` and `postgres.py` give it. The drivers are imported when a
database of their kind is opened: scripts on SQLite do not need PostgreSQL's.
"""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import URL
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from flowlang.errors import UsageError
from flowlang.runtime.journal.dialects.dialect import Dialect
from flowlang.runtime.journal.dialects.sqlite import SqliteDialect

__all__ = ["Dialect", "choose_dialect"]

_POSTGRES = ("postgresql", "postgresql+psycopg", "postgres")


def choose_dialect(location: str | Path) -> Dialect:
    """The dialect for a path, or a URL of SQLAlchemy's form. Raises UsageError."""
    if isinstance(location, Path) or "://" not in location:
        return SqliteDialect(Path(location))
    try:
        url = make_url(location)
    except (ArgumentError, ValueError):
        url = URL.create("unknown")
    if url.drivername in _POSTGRES:
        try:
            from flowlang.runtime.journal.dialects.postgres import PostgresDialect
        except ImportError as error:
            raise UsageError(
                "a journal in PostgreSQL needs the driver `psycopg`",
                hint="install it with `pip install 'flowlang[postgres]'`",
            ) from error
        return PostgresDialect(url)
    if url.drivername != "sqlite" or url.query or not url.database:
        raise UsageError(
            "the journal's database must be a file of SQLite or a database of PostgreSQL",
            hint="give a path such as `.flowlang/flowlang.db`, or `postgresql://` and host, port and name",
        )
    return SqliteDialect(Path(url.database))
