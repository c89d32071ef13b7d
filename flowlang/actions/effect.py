"""Forgetting that writes happened.

Each write of the SQL actions leaves a row in its database with which a repeated attempt is told from a new one
(`sqlite.py`, `postgres.py`). It is needed until the journal knows the result; rows of runs that are over are dead.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable
from contextlib import closing
from urllib.parse import quote as quote_url

from flowlang.runtime.database import Database, Databases

TABLE_SQL = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = '_flowlang_effect'"


def prune_effects(databases: Databases, before_ms: int, is_over: Callable[[str], bool]) -> dict[str, int]:
    """Forgets, in the databases that the project declares and in `main`, writes before that moment of runs of which
    `is_over` is true. Gives how many by name of database. A database that is not there has none."""
    return {each.name: _prune(each, before_ms, is_over) for each in _known(databases) if each.exactly_once}


def _known(databases: Databases) -> Iterable[Database]:
    names = {"main", *databases.declared}
    return [databases.resolve(name) for name in sorted(names)]


def _prune(database: Database, before_ms: int, is_over: Callable[[str], bool]) -> int:
    if database.scheme != "sqlite":
        from flowlang.actions import postgres

        return postgres.prune_effects(database, before_ms, is_over)
    try:
        connection = sqlite3.connect(f"file:{quote_url(database.location)}?mode=rw", uri=True, isolation_level=None)
    except sqlite3.OperationalError:
        return 0
    with closing(connection):
        connection.execute("PRAGMA busy_timeout = 5000")
        if connection.execute(TABLE_SQL).fetchone() is None:
            return 0
        rows = connection.execute("SELECT DISTINCT run FROM _flowlang_effect WHERE created_at_ms < ?", (before_ms,))
        gone = 0
        for (run,) in rows.fetchall():
            if is_over(run):
                arguments = (before_ms, run)
                text = "DELETE FROM _flowlang_effect WHERE created_at_ms < ? AND run = ?"
                gone += connection.execute(text, arguments).rowcount
        return gone
