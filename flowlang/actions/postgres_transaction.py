"""How a write to PostgreSQL begins and ends: on its own, or together with the record in the journal that it was made.

What scripts execute may set anything: the search path, the role, time limits. So nothing of ours that matters is
executed before their part is over, deferred triggers included, and what they have set is undone; and the journal's
tables are looked for among the locks of the transaction. Whatever way a statement takes to a table, through functions,
triggers or names put together at run time, it cannot avoid the lock on it.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import attrs
import psycopg
from psycopg.types.numeric import Int8Dumper

from flowlang.actions.postgres_pool import ActionConnection, Backend
from flowlang.actions.postgres_problem import CONFLICTS
from flowlang.errors import JournalUnavailable
from flowlang.runtime.action import ActionContext, ActionError
from flowlang.runtime.joint import Recorder, TakesLong
from flowlang.runtime.journal.home import Reached

CANCELED: Final = "57014"
JOINT_MS: Final = 250
"""So long a write may hold up those who drive runs."""
COMMIT: Final = b"COMMIT; RESET SESSION AUTHORIZATION; RESET ALL"
END_STATEMENTS: Final = """
    SET CONSTRAINTS ALL IMMEDIATE;
    SET LOCAL search_path = {schema}, pg_temp; SET LOCAL synchronous_commit = on; SET LOCAL lock_timeout = '10s';
    SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = '30s';
    SELECT relation::regclass::text FROM pg_locks
    WHERE pid = pg_backend_pid() AND locktype = 'relation' AND relation::bigint = ANY('{{{relations}}}'::bigint[])
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database()) LIMIT 1
"""
"""Afterwards names mean what they mean to the journal. `pg_temp` is named to come last: else a temporary table could
stand in for one of the journal. The server's own names come first."""
END_BACKEND: Final = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid = %s AND backend_start = %s"


class Transaction:
    """A write on its own."""

    def was_committed(self, connection: ActionConnection) -> list[int] | None:
        """What came of the write, if it was committed over a connection that broke, and that is known here."""
        return None

    begins_with: str = "BEGIN"

    def begin(self, connection: ActionConnection) -> None:
        """Called before the transaction is begun, with the statements `begins_with`."""

    @contextmanager
    def executing(self, context: ActionContext) -> Iterator[None]:
        """Around the statements of the script."""
        yield

    def check_time(self) -> None:
        """Called between statements."""

    def commit(self, connection: ActionConnection, counts: list[int]) -> None:
        """Commits, after `check_untouched`."""
        connection.execute(COMMIT, prepare=False)


@attrs.define(eq=False)
class JointTransaction(Transaction):
    """A write with its record. `doubtful`: a commit was sent over a connection to that backend, and no answer came."""

    begins_with = f"BEGIN; SET LOCAL statement_timeout = {JOINT_MS}"

    recorder: Recorder
    doubtful: Backend | None = None
    _counts: list[int] = attrs.field(factory=list)
    _end_s: float = 0.0

    def was_committed(self, connection: ActionConnection) -> list[int] | None:
        if self.doubtful is None:
            return None
        # What is left of the other connection would keep the run's row locked for as long as nobody notices.
        connection.execute(END_BACKEND, self.doubtful)
        connection.execute("BEGIN")
        if connection.reached is None:
            raise unknown_end()
        _end_statements(connection, connection.reached)
        is_written = self.recorder.is_written(_journal_cursor(connection))
        connection.execute("ROLLBACK")
        self.doubtful = None
        if is_written:
            self.recorder.settle()
            return self._counts
        return None

    def begin(self, connection: ActionConnection) -> None:
        if connection.reached is None:
            raise TakesLong  # the name of the database leads elsewhere by now
        self._end_s = time.monotonic() + JOINT_MS / 1000

    @contextmanager
    def executing(self, context: ActionContext) -> Iterator[None]:
        with _apart_when(CONFLICTS if context.cancelled else CONFLICTS | {CANCELED}):
            yield

    def check_time(self) -> None:
        if time.monotonic() > self._end_s:
            raise TakesLong

    def commit(self, connection: ActionConnection, counts: list[int]) -> None:
        with _apart_when(CONFLICTS):
            self.recorder.write(_journal_cursor(connection), counts)
            self._counts = counts
            self.doubtful = connection.backend
            try:
                connection.execute(COMMIT, prepare=False)
            except psycopg.Error:
                if not connection.closed and connection.info.transaction_status == psycopg.pq.TransactionStatus.IDLE:
                    self.doubtful = None  # it was refused
                raise
        self.doubtful = None
        self.recorder.settle()


def check_untouched(connection: ActionConnection, text: str) -> None:
    """Ends what the script executes in a transaction, and refuses it when it touched what belongs to the journal."""
    if connection.reached is None:
        return
    found = _end_statements(connection, connection.reached)
    if found is not None:
        deed = f"touches `{found}` of the journal, which is stored in the same database"
        raise ActionError("sql-refused", f"this statement {deed}", data={"statement": text[:1000]})


@contextmanager
def _apart_when(states: frozenset[str]) -> Iterator[None]:
    """Has the write performed apart when one of these errors undid it. At isolation levels above the default one it
    may meet a renewal of the lease, which is not the script's fault."""
    try:
        yield
    except psycopg.Error as problem:
        if problem.sqlstate in states:
            raise TakesLong from None
        raise


def _end_statements(connection: ActionConnection, reached: Reached) -> str | None:
    """What the transaction has touched of the journal."""
    schema = '"' + reached.schema.replace('"', '""') + '"'
    relations = ",".join(map(str, reached.relations))
    cursor = connection.execute(END_STATEMENTS.format(schema=schema, relations=relations).encode(), prepare=False)
    while cursor.nextset():
        pass
    found = cursor.fetchone()
    return None if found is None else str(found[0])


def _journal_cursor(connection: ActionConnection) -> Any:
    """A cursor for the journal, after the statements of the script have ended."""
    cursor = connection.cursor()
    cursor.adapters.register_dumper(int, Int8Dumper)  # as the journal's own connection does
    return cursor


def unknown_end() -> JournalUnavailable:
    """The error for a commit of which nobody knows whether it happened."""
    return JournalUnavailable(
        "nobody knows whether the last write reached the journal: its database cannot be reached",
        hint="let the run be taken up again when the database is back",
    )
