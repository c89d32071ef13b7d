"""What a dialect must give: how to reach a database, how to write to it, and what its errors mean.

A journal writes over one kept connection (`WriteConnection`) and reads over connections of SQLAlchemy's pool. The
`Bell` tells workers, in whatever process they are, that something was written that may concern them.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from typing import Any, Protocol, TypeAlias

from sqlalchemy import Column, ColumnElement, Connection, Engine, Table
from sqlalchemy.sql.dml import Insert

from flowlang.errors import JournalError
from flowlang.runtime.journal.creation import Creation
from flowlang.runtime.journal.home import Home
from flowlang.runtime.journal.journal import Wakeup
from flowlang.runtime.journal.owner import FileOwners
from flowlang.runtime.journal.step import Step

Cursor: TypeAlias = Any
"""A cursor of the driver (PEP 249)."""


class Trouble(Enum):
    """What an error means for the writer. `own`: the change that met it is at fault. `again`: the database undid the
    transaction because of another one; it may be tried again at once. `lost`: the connection is gone, and the
    transaction too unless its commit was under way. `fatal`: the disk failed; nobody knows what it holds, and nothing
    more may be written from this process."""

    OWN = "own"
    AGAIN = "again"
    LOST = "lost"
    FATAL = "fatal"


class WriteConnection(Protocol):
    """The one connection over which a journal writes. It connects when it is first used, and anew after
    `disconnect`."""

    takes_steps: bool
    """Whether `advance` works here: one statement for each step, one round trip for all."""

    def begin(self) -> Cursor:
        """Begins a transaction with the right to write."""
        ...

    def commit(self, *, announces: bool) -> None:
        """Returns when the transaction is durable. With `announces`, listeners are told."""
        ...

    def advance(self, changes: Sequence[Step | Creation]) -> list[bool]:
        """Writes the changes in one transaction, outside of `begin` and `commit`. Which of them were not refused."""
        ...

    def perform(self, step: Step) -> bool:
        """Performs a step in the transaction that was begun. Whether it was not refused."""
        ...

    def reader(self) -> Cursor:
        """A cursor that reads what is committed, outside of any transaction."""
        ...

    def rollback(self) -> None:
        """Undoes what was begun. A connection that cannot do so is closed, which undoes it as well."""
        ...

    def disconnect(self) -> None:
        """Closes the connection without waiting for anything."""
        ...

    def settle(self) -> bool:
        """After the connection was lost: connects anew and says whether the last transaction of `begin` was committed.
        Afterwards it never will be if it is not now."""
        ...

    def close(self) -> None:
        """Closes the connection for good."""
        ...


class Bell(Protocol):
    """Tells listeners that something became due or got a message."""

    def ring(self) -> None:
        """Called after a commit that announces."""
        ...

    def listen(self, owner: str) -> Wakeup: ...

    def close(self) -> None: ...


class Dialect(Protocol):
    """One database of one kind. `where` names it in messages, without passwords."""

    where: str

    def open(self, *, create: bool) -> Engine:
        """The engine for reading. With `create`, a database that is not there is made where that is possible, without
        tables."""
        ...

    def connect(self, engine: Engine, *, snapshot: bool = True) -> Connection:
        """A connection for reading; all that it reads is of one moment, unless without `snapshot`, which is faster for
        a single statement. A server that restarts is waited for, unless it was never reached before."""
        ...

    def prepare(self, connection: Connection) -> None:
        """Sets what a journal needs and the database remembers; called outside any transaction."""
        ...

    def for_migration(self, connection: Connection) -> Connection:
        """The connection, set so that its next transaction may change tables and no other program does so then."""
        ...

    def write_connection(self, engine: Engine) -> WriteConnection: ...

    def bell(self, engine: Engine) -> Bell: ...

    def owners(self) -> FileOwners:
        """Who lives, as far as it can be known on this host."""
        ...

    def home(self) -> Home:
        """Where the journal is, for those who write to the same database."""
        ...

    def insert(self, table: Table) -> Any:
        """An INSERT that knows `on_conflict_do_nothing` and `on_conflict_do_update`."""
        ...

    def insert_or_ignore(self, table: Table) -> Insert:
        """An INSERT that does nothing when the row is there already."""
        ...

    def among(self, column: Column[int], name: str) -> ColumnElement[bool]:
        """Whether the column holds one of the numbers that `listed` writes into the value of that name: one text of a
        statement for lists of any length."""
        ...

    def listed(self, numbers: Sequence[int]) -> str:
        """A value for `among`."""
        ...

    def begin_reading(self, cursor: Cursor, *, snapshot: bool) -> None:
        """Makes a cursor of a connection of the engine see one moment of the database; without `snapshot` each of its
        statements may see another."""
        ...

    def end_reading(self, cursor: Cursor) -> None:
        """Leaves the connection as it was before `begin_reading`."""
        ...

    def size_bytes(self, connection: Connection) -> int:
        """How much space the database takes."""
        ...

    def insert_events(self, cursor: Cursor, statement: str, rows: Sequence[Sequence[Any]]) -> None:
        """Inserts rows of the table `event`, all columns in their order. `statement` inserts one."""
        ...

    def lock_partition(self, cursor: Cursor, name: str) -> None:
        """Inside a change: nobody else decides about the turn of this partition until the transaction ends."""
        ...

    def translate(self, error: BaseException) -> JournalError:
        """The driver's error in our own words."""
        ...

    def classify(self, error: BaseException) -> Trouble:
        """What the driver's error means for the writer."""
        ...
