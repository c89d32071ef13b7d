"""One writer per journal: whatever waits to be written shares a transaction.

A caller puts its change into a queue and takes the writer's lock. Who gets the lock commits everything that is in the
queue, its own change included; the others find their change done when their turn comes. A lone run so writes and
commits inline, without a second thread, and a hundred runs that wait for the disk together pay for one flush.

A change is a function of a DBAPI cursor. It may be called several times (when a shared transaction failed because of
another change, or the connection was lost), so it keeps nothing between calls. It raises a FlowlangError only before
it has written anything, unless it is written with `late_refusal`. Changes see each other's writes.

A server that goes away is waited for: the change is written when the server is back, once, and the caller only notices
the time. The writer gives up before a lease would end.

SQL goes through the driver's own cursor here: with one small transaction per step, SQLAlchemy's execution layer would
cost as much as the commit.
"""

from __future__ import annotations

import contextlib
import random
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, Final, Generic, TypeVar, cast

from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from flowlang.errors import FlowlangError, JournalError, JournalUnavailable
from flowlang.runtime.journal.creation import Creation
from flowlang.runtime.journal.dialects import Dialect
from flowlang.runtime.journal.dialects.dialect import Cursor, Trouble
from flowlang.runtime.journal.journal import Wakeup
from flowlang.runtime.journal.step import Step

Result = TypeVar("Result")

PATIENCE_S: Final = 20.0
"""So long a server that went away is waited for; less than a lease."""

_DELAY_FIRST_S: Final = 0.02
_DELAY_MAX_S: Final = 1.0


class _Pending(Generic[Result]):
    __slots__ = ("change", "error", "is_done", "late_refusal", "result")

    def __init__(self, change: Callable[[Cursor], Result], late_refusal: bool) -> None:
        self.change = change
        self.late_refusal = late_refusal and type(change) is not Step
        self.result: Result | None = None
        self.error: BaseException | None = None
        self.is_done = False


class Writer:
    """Commits changes over one kept connection."""

    def __init__(self, engine: Engine, dialect: Dialect, *, patience_s: float = PATIENCE_S) -> None:
        self._dialect = dialect
        self._patience_s = patience_s
        self._driver_error = engine.dialect.loaded_dbapi.Error
        self._lock = threading.Lock()
        self._queue: deque[_Pending[Any]] = deque()
        self._connection = dialect.write_connection(engine)
        self._bell = dialect.bell(engine)
        self._refusal: JournalError | None = None
        self._announces = False

    def write(self, change: Callable[[Cursor], Result], *, late_refusal: bool = False) -> Result:
        """Returns the change's result when it is durable. Raises what the change raised, or a JournalError; then
        nothing of the change was written."""
        (pending,) = self._perform([_Pending(change, late_refusal)])
        if pending.error is not None:
            raise pending.error
        return cast(Result, pending.result)

    def write_many(
        self, changes: Sequence[Callable[[Cursor], Result]], *, late_refusal: bool = False
    ) -> list[Result | FlowlangError]:
        """Writes all changes in one transaction, but those that are refused. Gives each one's result, or the
        FlowlangError that it raised."""
        written: list[_Pending[Any]] = self._perform([_Pending(change, late_refusal) for change in changes])
        outcomes: list[Result | FlowlangError] = []
        for pending in written:
            if isinstance(pending.error, FlowlangError):
                outcomes.append(pending.error)
            elif pending.error is not None:
                raise pending.error
            else:
                outcomes.append(cast(Result, pending.result))
        return outcomes

    @property
    def takes_steps(self) -> bool:
        """Whether some changes are single statements on this database."""
        return self._connection.takes_steps

    def announce(self) -> None:
        """Called by a change that makes something due or posts a message: listeners are told when it is committed."""
        self._announces = True

    def note_failure(self, error: Exception) -> None:
        """Somebody else's commit to the same database failed. When such a failure of its own would be the end of
        writing, this one is."""
        with self._lock:
            self._refuse_after(error, self._classify(error))

    def listen(self, owner: str) -> Wakeup:
        """A listener that is told of what is announced, in whatever process."""
        return self._bell.listen(owner)

    def close(self) -> None:
        """Closes the connection; later writes raise JournalUnavailable."""
        with self._lock:
            self._refusal = JournalUnavailable("the journal is closed", hint="open it again")
            self._connection.close()
        self._bell.close()

    def _perform(self, wanted: list[_Pending[Any]]) -> list[_Pending[Any]]:
        self._queue.extend(wanted)
        try:
            with self._lock:
                # Taken from the queue together, so they are done together.
                if wanted and not wanted[-1].is_done:
                    self._drain()
        except BaseException:
            # Interrupted while waiting: nobody shall write this later.
            for pending in wanted:
                with contextlib.suppress(ValueError):
                    self._queue.remove(pending)
            raise
        return wanted

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
            self._connection.rollback()
            trouble = self._classify(error)
            if trouble is Trouble.AGAIN and _create_one_by_one(batch):
                self._commit(batch)
                return
            if trouble in (Trouble.LOST, Trouble.AGAIN):
                if trouble is Trouble.AGAIN:
                    _mark_apart(batch)
                self._persist(batch, error, trouble)
                return
            self._refuse_after(error, trouble)
            if len(batch) > 1:
                self._commit_each(batch)
                return
            batch[0].error = self._explain(error)
        except BaseException:
            self._connection.rollback()
            raise
        for pending in batch:
            pending.is_done = True

    def _refuse_after(self, error: Exception, trouble: Trouble) -> None:
        if self._refusal is None and trouble is Trouble.FATAL:
            self._refusal = self._dialect.translate(error)

    def _commit_each(self, batch: list[_Pending[Any]]) -> None:
        """After nothing was written: alone, each change meets only its own trouble."""
        for pending in batch:
            self._commit([pending])

    def _persist(self, batch: list[_Pending[Any]], error: Exception, trouble: Trouble) -> None:
        """Writes the batch in spite of a lost connection, or of other transactions that got in the way."""
        deadline = time.monotonic() + self._patience_s
        delay_s = _DELAY_FIRST_S
        while time.monotonic() < deadline:
            try:
                if trouble is Trouble.LOST:
                    self._connection.disconnect()
                    _mark_repeated(batch)
                    if self._connection.settle():
                        self._bell.ring()
                        break
                self._transact(batch)
                break
            except Exception as again:
                self._connection.rollback()
                error = again
                found = self._classify(again)
                if found not in (Trouble.LOST, Trouble.AGAIN):
                    self._give_up(batch, again)
                    return
                if found is Trouble.AGAIN:
                    _create_one_by_one(batch)
                if found is Trouble.AGAIN:
                    _mark_apart(batch)
                # Until the truth about the lost commit is known, it stays the question.
                trouble = Trouble.LOST if Trouble.LOST in (found, trouble) else found
                time.sleep(delay_s * random.uniform(0.5, 1.0))
                delay_s = min(delay_s * 2, _DELAY_MAX_S)
        else:
            self._give_up(batch, error)
            return
        for pending in batch:
            pending.is_done = True

    def _give_up(self, batch: list[_Pending[Any]], error: Exception) -> None:
        trouble = self._classify(error)
        if len(batch) > 1 and trouble is Trouble.OWN:
            self._commit_each(batch)
            return
        for pending in batch:
            explained = self._explain(error)
            if trouble is Trouble.LOST and isinstance(explained, FlowlangError):
                explained.hint = "it is not known whether the last write was made: look before you try again"
            pending.error = explained
            pending.is_done = True

    def _transact(self, batch: list[_Pending[Any]]) -> None:
        if self._refusal is not None:
            raise self._refusal
        connection = self._connection
        self._announces = False
        if connection.takes_steps and all(_is_joinable(pending.change) for pending in batch):
            self._advance(batch)
            return
        cursor = connection.begin()
        for pending in batch:
            pending.error = None
            if pending.late_refusal and len(batch) > 1:
                self._try(cursor, pending)
                continue
            try:
                pending.result = self._change(cursor, pending.change)
            except FlowlangError as error:
                pending.error = error
                if pending.late_refusal:
                    # Alone, so there is nothing else to keep.
                    connection.rollback()
                    return
        connection.commit(announces=self._announces)
        if self._announces:
            self._bell.ring()

    def _change(self, cursor: Cursor, change: Callable[[Cursor], Result]) -> Result | None:
        if not (self._connection.takes_steps and isinstance(change, Step) and change.is_joinable):
            return change(cursor)
        if not self._connection.perform(change):
            change.refused(cursor)
        return None

    def _try(self, cursor: Cursor, pending: _Pending[Any]) -> None:
        cursor.execute("SAVEPOINT tried")
        try:
            pending.result = pending.change(cursor)
        except FlowlangError as error:
            cursor.execute("ROLLBACK TO SAVEPOINT tried")
            pending.error = error
        cursor.execute("RELEASE SAVEPOINT tried")

    def _advance(self, batch: list[_Pending[Any]]) -> None:
        steps = [cast("Step | Creation", pending.change) for pending in batch]
        taken = self._connection.advance(steps)
        for pending, step, is_taken in zip(batch, steps, taken, strict=True):
            pending.error = None
            if not is_taken and type(step) is Step:
                try:
                    step.refused(self._connection.reader())
                except FlowlangError as error:
                    pending.error = error
        if any(step.announces for step in steps):
            self._bell.ring()

    def _classify(self, error: Exception) -> Trouble:
        if isinstance(error, (self._driver_error, DBAPIError)):
            return self._dialect.classify(error)
        return Trouble.OWN

    def _explain(self, error: Exception) -> Exception:
        if isinstance(error, FlowlangError):
            # A new object each time: a refusal is raised in many threads.
            return type(error)(error.message, hint=error.hint)
        if isinstance(error, (self._driver_error, DBAPIError)):
            translated = self._dialect.translate(error)
            translated.__cause__ = error
            return translated
        return error


def _is_joinable(change: object) -> bool:
    return isinstance(change, (Step, Creation)) and change.is_joinable


def _create_one_by_one(batch: Sequence[_Pending[Any]]) -> bool:
    """After a constraint was broken: an id may be taken, or code may be missing, which only a transaction can tell or
    mend. Whether there were new runs that were to be created by one statement."""
    creations = [pending.change for pending in batch if isinstance(pending.change, Creation)]
    joinable = [creation for creation in creations if creation.is_joinable]
    for creation in joinable:
        creation.is_joinable = False
    return bool(joinable)


def _mark_apart(batch: Sequence[_Pending[Any]]) -> None:
    """Of new runs, one statement does not say that an id is taken: it looks like somebody in the way, every time."""
    for pending in batch:
        if isinstance(pending.change, Creation):
            pending.change.is_joinable = False


def _mark_repeated(batch: Sequence[_Pending[Any]]) -> None:
    for pending in batch:
        if isinstance(pending.change, (Step, Creation)):
            pending.change.is_repeated = True
