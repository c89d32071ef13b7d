"""Writing to PostgreSQL: one statement per step, groups in one round trip, and the truth about lost commits.

When a connection breaks during a commit, nobody has heard whether the commit happened. Two things settle it:

- Steps are conditional on the state that they leave behind, so they are simply sent again (see `step.py`).
- Every other transaction counts up a row of the writer's own in `flowlang_writer`. After a broken commit, the writer
  ends what is left of the old connection, locks its row (which waits for the old transaction to be over) and reads the
  counter: it holds the number of the last transaction that was committed.

The row also keeps a transaction that was thought lost from being committed after it has been settled: its commit would
have to come from this very program, which has closed the connection.
"""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Sequence
from typing import Any, Final

import psycopg
from psycopg import pq
from psycopg.types.numeric import Int8Dumper

from flowlang.errors import JournalUnavailable
from flowlang.runtime.journal.creation import Creation
from flowlang.runtime.journal.dialects.dialect import Cursor
from flowlang.runtime.journal.dialects.postgres_bulk import advance_all, create_all, create_one, wake_all
from flowlang.runtime.journal.dialects.postgres_connection import WatchedConnection, connect
from flowlang.runtime.journal.dialects.postgres_prepared import PreparedStatements
from flowlang.runtime.journal.step import Step

_PREPARED_MAX: Final = 200
_TOGETHER_MIN: Final = 4
"""So many steps go into one statement; fewer are faster with one each."""


class PostgresWriteConnection:
    """The writer's connection. Its row's name never repeats."""

    takes_steps = True

    def __init__(self, arguments: dict[str, Any], channel: str) -> None:
        self._arguments = arguments
        self._channel = channel
        self._writer = secrets.token_hex(16)
        self._connection: WatchedConnection | None = None
        self._prepared: PreparedStatements
        self._old_backend = 0
        self._counter = 0
        self._has_row = False
        self._is_commit_under_way = False

    def begin(self) -> Cursor:
        """Begins a transaction and counts it."""
        cursor = self._connected().cursor()
        self._is_commit_under_way = False
        self._counter += 1
        cursor.execute(
            f"BEGIN; UPDATE flowlang_writer SET counter = {self._counter} WHERE writer = '{self._writer}'".encode(),
            prepare=False,
        )
        cursor.nextset()
        if cursor.rowcount != 1:
            cursor.execute("INSERT INTO flowlang_writer VALUES (%s, %s)", (self._writer, self._counter))
        return cursor

    def commit(self, *, announces: bool) -> None:
        """Commits; with `announces` the listeners are told by the server, in the same round trip."""
        connection = self._connected()
        told = f"NOTIFY {self._channel}; COMMIT" if announces else "COMMIT"
        self._is_commit_under_way = True
        connection.execute(told.encode(), prepare=False)
        self._is_commit_under_way = False
        self._has_row = True

    def advance(self, changes: Sequence[Step | Creation]) -> list[bool]:
        """One statement for one change, committed by itself; several go in one transaction and one round trip."""
        connection = self._connected()
        self._is_commit_under_way = False
        groups = _grouped(changes)
        steps = [change for change in changes if type(change) is Step]
        announces = any(step.announces for step in steps)
        waking = [step for step in steps if step.wake is not None]
        if len(groups) == 1 and not announces and not waking:
            single = self._single(changes[0]) if len(changes) == 1 else None
            return self._send(groups[0]).taken() if single is None else [self._prepared.execute(*single) > 0]
        with connection.pipeline():
            connection.execute(b"BEGIN", prepare=False)
            sent = [self._send(group) for group in groups]
            if waking:
                self._wake(waking)
            if announces:
                connection.execute(f"NOTIFY {self._channel}".encode(), prepare=False)
            connection.execute(b"COMMIT", prepare=False)
        taken: dict[int, bool] = {}
        for each in sent:
            taken.update(zip(map(id, each.group), each.taken(), strict=True))
        return [taken[id(change)] for change in changes]

    def _single(self, change: Step | Creation) -> tuple[str, tuple[Any, ...]] | None:
        """A change as one statement with its bare values, where there is such a statement."""
        return create_one(change, self._channel) if isinstance(change, Creation) else change.joined()

    def _wake(self, steps: Sequence[Step]) -> None:
        statement, values = wake_all([step.wake for step in steps if step.wake is not None])
        psycopg.RawCursor(self._connected()).execute(statement.encode(), values)

    def _send(self, group: Sequence[Step | Creation]) -> _Sent:
        first = group[0]
        values: Sequence[Any]
        if type(first) is Creation:
            statement, values = create_all(first, self._channel)
        elif len(group) > 1:
            statement, values = advance_all([step for step in group if type(step) is Step])
        else:
            assert type(first) is Step
            statement, values = first.joined()
        cursor = psycopg.RawCursor(self._connected()).execute(statement.encode(), values)
        return _Sent(group, cursor)

    def perform(self, step: Step) -> bool:
        """One statement."""
        is_taken = self._send([step]).taken()[0]
        if is_taken and step.wake is not None:
            self._wake([step])
        return is_taken

    def reader(self) -> Cursor:
        """A cursor outside of transactions."""
        return self._connected().cursor()

    def rollback(self) -> None:
        """Undoes what was begun, on a connection that still works."""
        connection = self._connection
        if connection is None:
            return
        if connection.closed or connection.info.transaction_status == pq.TransactionStatus.UNKNOWN:
            self.disconnect()
            return
        try:
            connection.rollback()
        except psycopg.Error:
            self.disconnect()

    def disconnect(self) -> None:
        """Forgets the connection. What it had begun can no longer be committed from here."""
        connection, self._connection = self._connection, None
        if connection is not None:
            self._old_backend = connection.info.backend_pid if not connection.closed else self._old_backend
            with contextlib.suppress(psycopg.Error):
                connection.pgconn.finish()

    def settle(self) -> bool:
        """Connects anew, and says whether the last counted transaction was committed."""
        connection = self._connected()
        if not self._is_commit_under_way:
            return False
        with connection.transaction():
            found = connection.execute(
                "SELECT counter FROM flowlang_writer WHERE writer = %s FOR UPDATE", (self._writer,)
            ).fetchone()
        if found is None and self._has_row:
            raise JournalUnavailable(
                "nobody knows whether the last write reached the database",
                hint="look at the run before you try again",
            )
        self._is_commit_under_way = False
        self._has_row = found is not None
        return found is not None and found[0] == self._counter

    def close(self) -> None:
        """Removes the writer's row and closes the connection."""
        if self._connection is not None and self._has_row:
            with contextlib.suppress(psycopg.Error):
                self._connection.execute("DELETE FROM flowlang_writer WHERE writer = %s", (self._writer,))
        self.disconnect()

    def _connected(self) -> WatchedConnection:
        if self._connection is None:
            connection = connect(self._arguments, self._name, autocommit=True)
            connection.prepared_max = _PREPARED_MAX
            # One type for all numbers: the driver's choice by their size would make many statements of one.
            connection.adapters.register_dumper(int, Int8Dumper)
            if self._old_backend:
                # A server that has not noticed would hold locks for a connection that nobody has any more.
                connection.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = %s AND pid <> %s",
                    (self._name, connection.info.backend_pid),
                )
            self._old_backend = connection.info.backend_pid
            self._connection = connection
            self._prepared = PreparedStatements(connection)
        return self._connection

    @property
    def _name(self) -> str:
        return f"flowlang-{self._writer}"


class _Sent:
    """A statement that was sent for some changes; its answer may not have come."""

    def __init__(self, group: Sequence[Step | Creation], cursor: Cursor) -> None:
        self.group = group
        self._cursor = cursor

    def taken(self) -> list[bool]:
        """Which of the changes were not refused."""
        if len(self.group) == 1:
            return [self._cursor.rowcount > 0]
        held = {number for (number,) in self._cursor.fetchall()}
        return [type(step) is Step and step.number in held for step in self.group]


def _grouped(changes: Sequence[Step | Creation]) -> list[list[Step | Creation]]:
    """What goes into one statement each: many steps of the same kind together, the others alone."""
    steps = [change for change in changes if type(change) is Step]
    if len(steps) < _TOGETHER_MIN or len({step.number for step in steps}) < len(steps):
        return [[change] for change in changes]
    groups: dict[str, list[Step | Creation]] = {}
    for step in steps:
        groups.setdefault(step.advance, []).append(step)
    return [*groups.values(), *([change] for change in changes if type(change) is not Step)]
