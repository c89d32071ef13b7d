"""One writer per journal: whatever waits to be written shares a transaction.

A caller puts its change into a queue and takes the writer's lock. Who gets the lock commits everything that is in the
queue, its own change included; the others find their change done when their turn comes. A lone run so writes and
commits inline, without a second thread, and a hundred runs that wait for the disk together pay for one flush.

A change is a function of a DBAPI cursor. It may be called twice (when a shared transaction failed because of another
change), and it raises a FlowlangError only before it has written anything. Changes see each other's writes.

SQL goes through the driver's own cursor here: with one small transaction per step, SQLAlchemy's execution layer would
cost as much as the commit.
"""

from __future__ import annotations

import contextlib
import threading
from collections import deque
from collections.abc import Callable
from typing import Any, Generic, TypeAlias, TypeVar, cast

from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from flowlang.errors import FlowlangError, JournalError, JournalUnavailable
from flowlang.runtime.journal.dialect import Dialect

Result = TypeVar("Result")

Cursor: TypeAlias = Any
"""A cursor of the driver (PEP 249)."""


class _Pending(Generic[Result]):
    __slots__ = ("change", "error", "is_done", "result")

    def __init__(self, change: Callable[[Cursor], Result]) -> None:
        self.change = change
        self.result: Result | None = None
        self.error: BaseException | None = None
        self.is_done = False


class Writer:
    """Commits changes over one kept connection."""

    def __init__(self, engine: Engine, dialect: Dialect) -> None:
        self._engine = engine
        self._dialect = dialect
        self._lock = threading.Lock()
        self._queue: deque[_Pending[Any]] = deque()
        self._connection: Any = None
        self._refusal: JournalError | None = None

    def write(self, change: Callable[[Cursor], Result]) -> Result:
        """Returns the change's result when it is durable. Raises what the change raised, or a JournalError; then
        nothing of the change was written."""
        pending = _Pending(change)
        self._queue.append(pending)
        try:
            with self._lock:
                if not pending.is_done:
                    self._drain()
        except BaseException:
            # Interrupted while waiting: nobody shall write this later.
            with contextlib.suppress(ValueError):
                self._queue.remove(pending)
            raise
        if pending.error is not None:
            raise pending.error
        return cast(Result, pending.result)

    def close(self) -> None:
        """Closes the connection; later writes raise JournalUnavailable."""
        with self._lock:
            self._refusal = JournalUnavailable("the journal is closed", hint="open it again")
            self._disconnect()

    def _drain(self) -> None:
        batch: list[_Pending[Any]] = []
        while self._queue:
            batch.append(self._queue.popleft())
        try:
            self._commit(batch)
        finally:
            for pending in batch:
                if not pending.is_done:
                    pending.error = JournalUnavailable("the write was interrupted", hint="resume the run")
                    pending.is_done = True

    def _commit(self, batch: list[_Pending[Any]]) -> None:
        try:
            self._transact(batch)
        except Exception as error:
            self._rollback()
            if self._refusal is None and self._dialect.is_fatal(error):
                self._refusal = self._dialect.translate(error)
            if len(batch) > 1:
                # Nothing was written. Alone, each change meets only its own trouble.
                for pending in batch:
                    self._commit([pending])
                return
            batch[0].error = self._explain(error)
        except BaseException:
            self._rollback()
            raise
        for pending in batch:
            pending.is_done = True

    def _transact(self, batch: list[_Pending[Any]]) -> None:
        if self._refusal is not None:
            raise self._refusal
        if self._connection is None:
            self._connection = self._engine.raw_connection()
        driver = self._connection.driver_connection
        cursor = driver.cursor()
        cursor.execute(self._dialect.begin_writing)
        for pending in batch:
            try:
                pending.result = pending.change(cursor)
                pending.error = None
            except FlowlangError as error:
                pending.error = error
        driver.commit()

    def _explain(self, error: Exception) -> Exception:
        if isinstance(error, FlowlangError):
            # A new object each time: a refusal is raised in many threads.
            return type(error)(error.message, hint=error.hint)
        if isinstance(error, (self._engine.dialect.loaded_dbapi.Error, DBAPIError)):
            translated = self._dialect.translate(error)
            translated.__cause__ = error
            return translated
        return error

    def _rollback(self) -> None:
        if self._connection is None:
            return
        try:
            self._connection.driver_connection.rollback()
        except Exception:
            # A connection that cannot roll back must not commit later; closing it rolls back.
            self._disconnect()

    def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(Exception):
                connection.invalidate()
