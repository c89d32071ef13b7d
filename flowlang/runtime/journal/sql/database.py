"""What all parts of a SQL journal share: the connections, the statements, the clock, the owners."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from operator import itemgetter
from pathlib import Path
from typing import Any

import attrs
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from flowlang.errors import FlowlangError, JournalError, JournalUnavailable
from flowlang.runtime.clock import Clock
from flowlang.runtime.journal.chain import Origin, Sealed, damaged_row
from flowlang.runtime.journal.codec import encode_manifest, manifest_digest, text_digest
from flowlang.runtime.journal.dialects import choose_dialect
from flowlang.runtime.journal.dialects.dialect import Cursor
from flowlang.runtime.journal.migrations import MIGRATIONS, migrate, schema_version
from flowlang.runtime.journal.model import CodeManifest, RunRecord, RunStatus
from flowlang.runtime.journal.payload import Blob
from flowlang.runtime.journal.rules import LEASE_MS, run_not_found
from flowlang.runtime.journal.statement import RUN_COLUMNS, Compiler, Statements
from flowlang.runtime.journal.text import original_text, storable_text
from flowlang.runtime.journal.writer import Writer

_NUMBERS = frozenset(
    {"created_at_ms", "updated_at_ms", "sequence", "token", "lease_expires_at_ms", "actions_completed", "steps"}
    | {"memory", "priority", "crashes", "chapter_sequence", "number"}
)
_TIMES = frozenset({"start_at_ms", "due_at_ms", "deadline_at_ms"})
STORABLE = ("entry", "flow", "queue", "partition", "correlation", "state", "progress", "reason")
"""Columns of free text, which is stored in its storable form."""
_TEXTS = frozenset({"run_id", "arguments_digest", "code", "status", "owner", "parent", "root", *STORABLE})

_record_values = itemgetter(*(RUN_COLUMNS.index(field.name) for field in attrs.fields(RunRecord)))
_STORABLE_AT = tuple(map(RUN_COLUMNS.index, STORABLE))
_STATUS_AT, _CHECKSUM_AT, _MANIFEST_AT, _START_AT, _SEQUENCE_AT, _ID_AT = map(
    RUN_COLUMNS.index, ("status", "checksum", "manifest", "start_at_ms", "sequence", "run_id")
)
_STATUSES = {status.value: status for status in RunStatus}


@attrs.frozen
class StoredRun:
    """A run's row: its public part and what only the store needs."""

    record: RunRecord
    number: int
    checksum: bytes
    manifest: str
    start_at_ms: int | None

    @property
    def origin(self) -> Origin:
        """What never changes about the run."""
        record = self.record
        entry, flow = storable_text(record.entry), storable_text(record.flow)
        return Origin(record.run_id, entry, flow, record.arguments_digest, record.created_at_ms)


@attrs.frozen
class Code:
    """Code to be stored: its digest, its manifest as a document with that document's digest, and its texts."""

    code: str
    manifest: str
    document: str
    modules: Mapping[str, str]

    @classmethod
    def of(cls, manifest: CodeManifest, modules: Mapping[str, str]) -> Code:
        """The code of a manifest and the texts of its modules."""
        document = encode_manifest(manifest, modules)
        return cls(manifest_digest(manifest), text_digest(document), document, modules)


class Database:
    """One database: how it is written and read."""

    def __init__(self, location: str | Path, *, clock: Clock, lease_ms: int = LEASE_MS, create: bool = True) -> None:
        self.clock = clock
        self.lease_ms = lease_ms
        self.dialect = choose_dialect(location)
        self.owners = self.dialect.owners()
        self._engine = self.dialect.open(create=create)
        self.compiler = Compiler(self.dialect, self._engine.dialect)
        self.statements = Statements(self.compiler)
        self.writer = Writer(self._engine, self.dialect)
        self._driver_error: type[Exception] = self._engine.dialect.loaded_dbapi.Error
        self._is_closed = False
        try:
            self._migrate(create=create)
        except BaseException:
            self.close()
            raise

    def find_run(self, cursor: Cursor, run_id: str) -> StoredRun:
        """The run's row, as a reader sees it. Raises RunNotFound."""
        return _only(run_id, cursor.execute(self.statements.find_run, (run_id,)).fetchall())

    def find_blobs(self, cursor: Cursor, digests: Iterable[bytes]) -> dict[bytes, Blob]:
        """Large payloads, by digest; those that are missing are left out."""
        blobs: dict[bytes, Blob] = {}
        for digest in digests:
            for row in cursor.execute(self.statements.find_blob, (digest,)).fetchall():
                blobs[digest] = Blob(*row)
        return blobs

    def hold_run(self, cursor: Cursor, run_id: str) -> StoredRun:
        """The run's row, locked until the transaction ends. Raises RunNotFound."""
        return _only(run_id, cursor.execute(self.statements.hold_run, (run_id,)).fetchall())

    def look_up(self, cursor: Cursor, run_id: str) -> StoredRun | None:
        """The run's row inside a change, not locked."""
        found = cursor.execute(self.statements.find_run, (run_id,)).fetchall()
        return decode_run(found[0]) if found else None

    def write_events(self, cursor: Cursor, number: int, sealed: Sealed) -> None:
        """Inserts records and the blobs that they refer to."""
        if sealed.blobs:
            cursor.executemany(self.statements.insert_blob, sealed.blobs)
        self.insert_events(cursor, [(number, *row) for row in sealed.rows])

    def insert_events(self, cursor: Cursor, rows: Sequence[Sequence[Any]]) -> None:
        """Inserts rows of `event`."""
        self.dialect.insert_events(cursor, self.statements.insert_event, rows)

    def write_code(self, cursor: Cursor, code: Code) -> None:
        """Stores the code unless it is there."""
        if cursor.execute(self.statements.find_manifest, (code.manifest,)).fetchall():
            return
        texts = {name: (text_digest(text), text) for name, text in code.modules.items()}
        if texts:
            cursor.executemany(
                self.statements.insert_module,
                [(key, text.encode("utf-8", "surrogatepass")) for key, text in texts.values()],
            )
        cursor.execute(self.statements.insert_manifest, (code.manifest, code.document))
        if texts:
            cursor.executemany(
                self.statements.insert_manifest_module,
                [(code.manifest, storable_text(name), key) for name, (key, _) in texts.items()],
            )

    @contextmanager
    def reading(self, *, snapshot: bool = True) -> Iterator[Connection]:
        """A connection that sees one moment of the database; without `snapshot`, for one statement only."""
        if self._is_closed:
            raise JournalUnavailable("the journal is closed", hint="open it again")
        try:
            with self.dialect.connect(self._engine, snapshot=snapshot) as connection, connection.begin():
                yield connection
        except (DBAPIError, self._driver_error) as error:
            raise self.dialect.translate(error) from error

    @contextmanager
    def looking(self, *, snapshot: bool = True) -> Iterator[Cursor]:
        """The same for what is asked often: a cursor of the driver, which takes a third of the time."""
        if self._is_closed:
            raise JournalUnavailable("the journal is closed", hint="open it again")
        try:
            connection = self._checked_out()
            try:
                cursor = connection.cursor()
                self.dialect.begin_reading(cursor, snapshot=snapshot)
                try:
                    yield cursor
                except FlowlangError:
                    self.dialect.end_reading(cursor)
                    raise
                self.dialect.end_reading(cursor)
            except FlowlangError:
                raise
            except BaseException:
                connection.invalidate()  # it may be broken, or in the middle of something
                raise
            finally:
                connection.close()
        except (DBAPIError, self._driver_error) as error:
            raise self.dialect.translate(error) from error

    def _checked_out(self) -> Any:
        try:
            return self._engine.raw_connection()
        except (DBAPIError, self._driver_error):
            self.dialect.connect(self._engine).close()  # waits for a server that restarts
            return self._engine.raw_connection()

    def close(self) -> None:
        """Closes all connections and drops the owners that were made here."""
        self._is_closed = True
        self.writer.close()
        self.owners.close()
        self._engine.dispose()

    def _migrate(self, *, create: bool) -> None:
        try:
            with self.dialect.connect(self._engine) as connection:
                with connection.begin():
                    version = schema_version(connection)
                if version == 0 and not create:
                    raise JournalUnavailable(
                        f"there is no journal in {self.dialect.where}",
                        hint="start a run first, or name another database",
                    )
                self.dialect.prepare(connection)
                if version < len(MIGRATIONS):
                    with self.dialect.for_migration(connection).begin():
                        migrate(connection, self.clock.now_ms())
        except JournalError:
            raise
        except Exception as error:
            raise self.dialect.translate(error) from error


def _only(run_id: str, found: Sequence[Any]) -> StoredRun:
    if not found:
        raise run_not_found(run_id)
    return decode_run(found[0])


def decode_run(found: Sequence[Any]) -> StoredRun:
    """A row of all columns of `run`. Raises JournalCorrupt when it cannot have been written by a journal."""
    # By places in the row, and with all types compared at once: workers decode thousands of rows.
    if not _is_typed(tuple(map(type, found))) or found[_SEQUENCE_AT] < 1 or found[_STATUS_AT] not in _STATUSES:
        raise damaged_row(str(found[_ID_AT]))
    row = list(found)
    row[_STATUS_AT] = _STATUSES[row[_STATUS_AT]]
    try:
        for at in _STORABLE_AT:
            row[at] = original_text(row[at])
    except ValueError as error:
        raise damaged_row(str(found[_ID_AT])) from error
    record = RunRecord(*_record_values(row))
    return StoredRun(record, record.number, row[_CHECKSUM_AT], row[_MANIFEST_AT], row[_START_AT])


@lru_cache(maxsize=64)
def _is_typed(types: tuple[type, ...]) -> bool:
    """Whether the values of a row have the types of their columns: SQLite puts anything into any column."""
    for name, kind in zip(RUN_COLUMNS, types, strict=True):
        if name in _NUMBERS:
            is_right = kind is int
        elif name in _TIMES:
            is_right = kind is int or kind is type(None)
        else:
            is_right = name not in _TEXTS or kind is str
        if not is_right:
            return False
    return True
