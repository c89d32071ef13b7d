"""Where a journal is stored, for SQL actions that may write to the same database.

Such an action commits its write together with the record of its outcome, and its statements must leave the tables of
the journal alone. Both need certainty that a database *is* the journal's. Names do not give it: paths have links,
servers have several addresses, and a restored copy calls itself what its original is called. So a file is known by its
device and inode, and a server by meeting there: a lock that one connection holds is taken for the other.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, Final, TypeAlias

import attrs

_RELATIONS: Final = """
    WITH own AS (
        SELECT oid FROM pg_class WHERE relnamespace = current_schema()::regnamespace AND relname = ANY(%s)
    )
    SELECT session_user::text, current_schema()::text, (
        SELECT array_agg(oid::bigint) FROM (
            SELECT oid FROM own
            UNION SELECT objid FROM pg_depend JOIN own ON refobjid = own.oid WHERE classid = 'pg_class'::regclass
        ) AS related
    )
"""
"""What depends on a table as a relation: its indexes, and the sequence that numbers its rows."""


@attrs.frozen
class FileHome:
    """A journal in a file of SQLite: the file's device and inode, and the names of the journal's tables."""

    inode: tuple[int, int]
    tables: frozenset[str]


@attrs.frozen
class Reached:
    """What a connection to the database of a journal needs to know of it: its schema, and the ids of its relations."""

    schema: str
    relations: tuple[int, ...]


@attrs.frozen
class ServerHome:
    """A journal in a schema of a PostgreSQL database. `connect` gives a new connection of its own to there; `tables`:
    the names of the journal's tables."""

    connect: Callable[[], Any]
    tables: frozenset[str]

    def reached_by(self, connection: Any) -> Reached | None:
        """What there is to know when this connection leads to the journal's database, as the journal's user; else
        None. Nothing is left of the question on either side."""
        key = int.from_bytes(os.urandom(7))
        with self.connect() as own:
            own.execute("SELECT pg_advisory_lock(%s::bigint)", (key,))
            user, schema, relations = own.execute(_RELATIONS, (sorted(self.tables),)).fetchone()
            asked = "SELECT pg_try_advisory_lock_shared(%s::bigint), session_user::text"
            is_elsewhere, other_user = connection.execute(asked, (key,)).fetchone()
        if is_elsewhere:
            connection.execute("SELECT pg_advisory_unlock_shared(%s::bigint)", (key,))
        return None if is_elsewhere or other_user != user else Reached(schema, tuple(relations or ()))


Home: TypeAlias = FileHome | ServerHome
