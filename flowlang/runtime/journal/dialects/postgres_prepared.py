"""Statements that are sent again and again, without the driver's cursor.

A cursor of psycopg looks at the type of every value, chooses how to write it, and looks up which statement it has
prepared: for the forty values of a step that takes as long as the rest of the client's work. Here a statement is
prepared once under a name of our own, the server infers the types of its values, and they are passed on as they are:
bytes as bytes, everything else as text. The answer is waited for as the driver does it, so a server that has fallen
silent is noticed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from psycopg import errors, generators, pq

from flowlang.runtime.journal.dialects.postgres_connection import WatchedConnection


class PreparedStatements:
    """The statements that are prepared on one connection, by their text. Outside of transactions only: what the driver
    does about its own prepared statements after a rollback may remove these, too, and they are prepared anew."""

    def __init__(self, connection: WatchedConnection) -> None:
        self._connection = connection
        self._names: dict[str, bytes] = {}

    def execute(self, statement: str, values: Sequence[Any]) -> int:
        """Executes the statement in a transaction of its own. Gives the number of rows that it changed or gave. Raises
        psycopg's errors."""
        name = self._names.get(statement)
        if name is None:
            name = self._names[statement] = f"flowlang_{len(self._names)}".encode()
            self._prepare(name, statement)
        try:
            return self._send(name, values)
        except errors.InvalidSqlStatementName:
            self._prepare(name, statement)
            return self._send(name, values)

    def _send(self, name: bytes, values: Sequence[Any]) -> int:
        texts = [
            value
            if value.__class__ is bytes
            else value.encode()
            if value.__class__ is str
            else str(value).encode()
            if value is not None
            else None
            for value in values
        ]
        formats = [1 if value.__class__ is bytes else 0 for value in values]
        self._connection.pgconn.send_query_prepared(name, texts, formats)
        return self._result().command_tuples or 0

    def _prepare(self, name: bytes, statement: str) -> None:
        self._connection.pgconn.send_prepare(name, statement.encode())
        self._result()

    def _result(self) -> pq.abc.PGresult:
        result: pq.abc.PGresult
        (result,) = self._connection.wait(generators.execute(self._connection.pgconn))
        if result.status not in (pq.ExecStatus.COMMAND_OK, pq.ExecStatus.TUPLES_OK):
            raise errors.error_from_result(result)
        return result
