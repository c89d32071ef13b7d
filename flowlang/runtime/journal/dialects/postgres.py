"""A journal in a schema of a PostgreSQL database.

Readers see one moment of the database (repeatable read). The writer's transactions are read committed: each statement
that decides something locks what it reads or names what it relies on, and two programs meet at the row.

Owners keep lock files in a directory of the user's on this host. An owner id names the host and that very directory;
of owners that belong to others nothing is known, and their leases have to run out.
"""

from __future__ import annotations

import os
import random
import select
import stat
import tempfile
import time
from collections.abc import Sequence
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import psycopg
from sqlalchemy import (
    ARRAY,
    URL,
    BigInteger,
    Column,
    ColumnElement,
    Connection,
    Engine,
    LargeBinary,
    Table,
    Text,
    any_,
    bindparam,
    cast,
    create_engine,
    event,
)  # fmt: skip
from sqlalchemy.dialects.postgresql import insert as postgres_insert
from sqlalchemy.exc import DBAPIError, DisconnectionError
from sqlalchemy.sql.dml import Insert

from flowlang.errors import JournalError, JournalUnavailable, SchemaMismatch, UsageError
from flowlang.runtime.journal.dialects import postgres_errors
from flowlang.runtime.journal.dialects.dialect import Bell, Cursor, Trouble, WriteConnection
from flowlang.runtime.journal.dialects.postgres_connection import connect, connection_arguments
from flowlang.runtime.journal.dialects.postgres_writing import PostgresWriteConnection
from flowlang.runtime.journal.home import Home, ServerHome
from flowlang.runtime.journal.owner import FileOwners
from flowlang.runtime.journal.tables import event as event_table
from flowlang.runtime.journal.tables import metadata
from flowlang.runtime.journal.wakeup_postgres import PostgresBell

PATIENCE_S: Final = 20.0
"""So long a server that was there before is waited for."""

VERSION_MIN: Final = 130000
_BULK_ROWS_MIN: Final = 4
_COPY_EVENTS: Final = f"COPY event ({', '.join(column.name for column in event_table.c)}) FROM STDIN (FORMAT BINARY)"
_EVENT_TYPES: Final = [
    "int8" if isinstance(column.type, BigInteger) else "bytea" if isinstance(column.type, LargeBinary) else "text"
    for column in event_table.c
]
_MIGRATING: Final = "flowlang_migrating"


class PostgresDialect:
    """A journal in PostgreSQL, through psycopg 3."""

    def __init__(self, url: URL) -> None:
        schema = url.query.get("schema", "")
        if not isinstance(schema, str):
            raise UsageError("the URL names several schemas", hint="write `?schema=` and one name")
        self._schema = schema
        self._arguments = connection_arguments(url, schema)
        host = self._arguments.get("host") or "localhost"
        self.where = f"the database `{self._arguments.get('dbname') or ''}` on `{host}`"
        self._was_reached = False
        identity = "\n".join(str(self._arguments.get(name)) for name in ("host", "port", "dbname")) + f"\n{schema}"
        self._digest = sha256(identity.encode()).hexdigest()[:24]

    @property
    def channel(self) -> str:
        """The channel on which workers of this schema are told."""
        return f"flowlang_{sha256(self._schema.encode()).hexdigest()[:16]}"

    def open(self, *, create: bool) -> Engine:
        """An engine for reading; the database itself must exist, a schema is made."""
        engine = create_engine(
            "postgresql+psycopg://",
            creator=lambda: connect(self._arguments, "flowlang", autocommit=False),
            isolation_level="REPEATABLE READ",
            paramstyle="format",
            pool_size=5,
            max_overflow=-1,  # Readers never wait for each other's connections.
        )
        event.listen(engine, "begin", _lock_for_migration)
        event.listen(engine, "checkout", _check_alive)
        if create and self._schema:
            self._make_schema()
        return engine

    def connect(self, engine: Engine, *, snapshot: bool = True) -> Connection:
        """A connection for reading; waits for a server that restarts, if it was reached before."""
        deadline = time.monotonic() + (PATIENCE_S if self._was_reached else 0.0)
        delay_s = 0.02
        while True:
            try:
                connection = engine.connect()
                if not snapshot:
                    connection = connection.execution_options(isolation_level="AUTOCOMMIT")
            except DBAPIError as error:
                if time.monotonic() > deadline or self.classify(error) is not Trouble.LOST:
                    raise
            else:
                self._was_reached = True
                return connection
            time.sleep(delay_s * random.uniform(0.5, 1.0))
            delay_s = min(delay_s * 2, 1.0)

    def prepare(self, connection: Connection) -> None:
        """Checks that the server will do."""
        driver: Any = connection.connection.driver_connection
        if driver.info.server_version < VERSION_MIN:
            raise SchemaMismatch(
                f"{self.where} is PostgreSQL {driver.info.server_version // 10000}, which is too old for a journal",
                hint=f"use PostgreSQL {VERSION_MIN // 10000} or newer",
            )
        encoding = driver.info.parameter_status("server_encoding")
        if encoding != "UTF8":
            raise SchemaMismatch(
                f"{self.where} has the encoding `{encoding}`",
                hint="create the database with the encoding `UTF8`",
            )

    def for_migration(self, connection: Connection) -> Connection:
        """Its transactions wait for those of other programs that migrate, and then see what these have done."""
        return connection.execution_options(isolation_level="READ COMMITTED", **{_MIGRATING: True})

    def write_connection(self, engine: Engine) -> WriteConnection:
        """A connection of its own, beside the pool."""
        return PostgresWriteConnection(self._arguments, self.channel)

    def bell(self, engine: Engine) -> Bell:
        """LISTEN on the schema's channel."""
        return PostgresBell(self._arguments, self.channel)

    def owners(self) -> FileOwners:
        """Lock files in a directory of this user's on this host."""
        directory = _user_directory() / self._digest
        directory.mkdir(mode=0o700, exist_ok=True)
        found = directory.stat()
        return FileOwners(directory, realm=sha256(f"{found.st_dev}:{found.st_ino}".encode()).hexdigest()[:8])

    def home(self) -> Home:
        """The server, asked over connections of their own."""
        own = partial(connect, self._arguments, "flowlang", autocommit=True)
        return ServerHome(own, frozenset(metadata.tables))

    def insert(self, table: Table) -> Any:
        """PostgreSQL's INSERT."""
        return postgres_insert(table)

    def insert_or_ignore(self, table: Table) -> Insert:
        """INSERT … ON CONFLICT DO NOTHING."""
        return postgres_insert(table).on_conflict_do_nothing()

    def among(self, column: Column[int], name: str) -> ColumnElement[bool]:
        """An array."""
        return column == any_(cast(bindparam(name, type_=Text), ARRAY(BigInteger)))

    def listed(self, numbers: Sequence[int]) -> str:
        """An array as text."""
        return f"{{{','.join(map(str, numbers))}}}"

    def begin_reading(self, cursor: Cursor, *, snapshot: bool) -> None:
        """The driver begins a transaction by itself, which costs a round trip at its end."""
        if not snapshot:
            cursor.connection.autocommit = True

    def end_reading(self, cursor: Cursor) -> None:
        """The pool rolls back what is under way."""
        if cursor.connection.autocommit and not cursor.connection.closed:
            cursor.connection.autocommit = False

    def size_bytes(self, connection: Connection) -> int:
        """The size of the whole database."""
        return int(connection.exec_driver_sql("SELECT pg_database_size(current_database())").scalar() or 0)

    def insert_events(self, cursor: Cursor, statement: str, rows: Sequence[Sequence[Any]]) -> None:
        """In bulk when there are more than a few."""
        if len(rows) < _BULK_ROWS_MIN:
            cursor.executemany(statement, rows)
            return
        with cursor.copy(_COPY_EVENTS) as copy:
            copy.set_types(_EVENT_TYPES)
            for row in rows:
                copy.write_row(row)

    def lock_partition(self, cursor: Cursor, name: str) -> None:
        """A lock of the database that has the name's hash."""
        key = f"{self.channel}\n{name}"
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", (key,))

    def translate(self, error: BaseException) -> JournalError:
        """The driver's error in our own words."""
        return postgres_errors.translate(error, self.where)

    def classify(self, error: BaseException) -> Trouble:
        """What the driver's error means for the writer."""
        cause = getattr(error, "orig", None) or error
        return postgres_errors.classify(cause, is_connected=not isinstance(cause, psycopg.OperationalError))

    def _make_schema(self) -> None:
        try:
            with connect(self._arguments, "flowlang", autocommit=True) as connection:
                known = connection.execute("SELECT 1 FROM pg_namespace WHERE nspname = %s", (self._schema,)).fetchone()
                if known is None:
                    name = '"' + self._schema.replace('"', '""') + '"'
                    connection.execute(f"CREATE SCHEMA IF NOT EXISTS {name}".encode())
        except (psycopg.errors.UniqueViolation, psycopg.errors.DuplicateSchema):
            pass  # Another program has just made it.
        except psycopg.Error as error:
            raise self.translate(error) from error


def _check_alive(driver: Any, _record: object, _proxy: object) -> None:
    """Tells the pool of a connection that the server has closed. Nobody has asked anything over it, so there can be
    nothing to read but its end: that costs no question to the server."""
    if driver.closed or select.select([driver.fileno()], [], [], 0)[0]:
        raise DisconnectionError("the server has closed the connection")


def _lock_for_migration(connection: Connection) -> None:
    if connection.get_execution_options().get(_MIGRATING):
        connection.exec_driver_sql("SET LOCAL lock_timeout = 0")
        connection.exec_driver_sql("SELECT pg_advisory_xact_lock(hashtextextended('flowlang ' || current_schema(), 0))")


def _user_directory() -> Path:
    """A directory that only this user can enter, gone or empty after a restart of the machine."""
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    base = Path(runtime) if runtime and os.path.isdir(runtime) else Path(tempfile.gettempdir())
    directory = base / ("flowlang" if base == Path(runtime or "") else f"flowlang-{os.getuid()}")
    try:
        directory.mkdir(mode=0o700, exist_ok=True)
        found = directory.lstat()
    except OSError as error:
        raise JournalUnavailable(
            f"the directory `{directory}` cannot be made: {error.strerror or error}",
            hint="set `XDG_RUNTIME_DIR` to a directory of your own",
        ) from error
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o077:
        raise JournalUnavailable(
            f"others may write to the directory `{directory}`",
            hint="remove it, or set `XDG_RUNTIME_DIR` to a directory of your own",
        )
    return directory
