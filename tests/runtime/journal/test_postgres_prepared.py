"""Statements that are prepared under names of our own, without the driver's cursor."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import psycopg
import pytest
from sqlalchemy.engine import make_url

from flowlang.runtime.journal.dialects.postgres_connection import WatchedConnection, connect, connection_arguments
from flowlang.runtime.journal.dialects.postgres_prepared import PreparedStatements

INSERT = "INSERT INTO thing SELECT $1, $2, $3, $4"


@pytest.fixture
def connection(postgres_url: str) -> Iterator[WatchedConnection]:
    with closing(connect(connection_arguments(make_url(postgres_url), ""), "test", autocommit=True)) as made:
        made.execute("CREATE TABLE thing (small INTEGER UNIQUE, large BIGINT, text TEXT, content BYTEA)")
        yield made


def rows(connection: WatchedConnection) -> list[tuple[object, ...]]:
    return connection.execute("SELECT * FROM thing ORDER BY small").fetchall()


def test_values_arrive_as_they_are(connection: WatchedConnection) -> None:
    """Numbers of any size, any text, all bytes, and nothing; a value may be missing in one execution and not in the
    next."""
    statements = PreparedStatements(connection)
    things = [
        (-1, 1 << 62, "é\n'\\x00", bytes(range(256))),
        (0, None, None, None),
        (1, -(1 << 63), "", b""),
        (2, 0, "NULL", b"\\x00"),
    ]
    assert [statements.execute(INSERT, thing) for thing in things] == [1, 1, 1, 1]
    assert rows(connection) == things
    assert statements.execute("UPDATE thing SET large = $1 WHERE small < $2", (7, 2)) == 3
    assert statements.execute("UPDATE thing SET large = $1 WHERE small < $2", (7, -9)) == 0


def test_statements_that_the_driver_removed_are_prepared_anew(connection: WatchedConnection) -> None:
    """After a rollback the driver removes all prepared statements of the connection, ours too."""
    statements = PreparedStatements(connection)
    statements.execute(INSERT, (1, 1, "", b""))
    connection.execute("DEALLOCATE ALL")
    assert statements.execute(INSERT, (2, 1, "", b"")) == 1
    assert statements.execute(INSERT, (3, 1, "", b"")) == 1
    assert len(rows(connection)) == 3


def test_refusals_are_the_drivers_errors(connection: WatchedConnection) -> None:
    """The writer tells them apart by class and code; the connection can be used afterwards."""
    statements = PreparedStatements(connection)
    statements.execute(INSERT, (1, 1, "", b""))
    with pytest.raises(psycopg.errors.UniqueViolation) as refused:
        statements.execute(INSERT, (1, 2, "", b""))
    assert refused.value.sqlstate == "23505"
    with pytest.raises(psycopg.errors.UndefinedTable):
        statements.execute("INSERT INTO nothing VALUES ($1)", (1,))
    with pytest.raises(psycopg.errors.UndefinedTable):  # it was never prepared, and is not taken for prepared
        statements.execute("INSERT INTO nothing VALUES ($1)", (1,))
    assert statements.execute(INSERT, (2, 1, "", b"")) == 1
