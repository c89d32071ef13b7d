"""A journal in a SQL database.

Appending is the hot path and reads nothing. The journal remembers, for the leases that it gave out, where each run's
records end (`_Head`); an append is one transaction of a conditional UPDATE of the run's row and one INSERT. The
UPDATE names the owner, the token, the last sequence and the last checksum: when it changes no row, the lease was lost
or the journal is not what its holder believes, and nothing is inserted. Only then is the row read, to say why.

All writes go through one `Writer`, which lets concurrent runs share commits. Reads use connections of their own and
see one moment of the database.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

import attrs
from sqlalchemy import BigInteger, Connection, func, select, type_coerce
from sqlalchemy.exc import DBAPIError
from sqlalchemy.types import NullType

from flowlang.errors import JournalCorrupt, JournalError, JournalUnavailable, RunAlreadyExists, RunNotFound
from flowlang.runtime.clock import Clock
from flowlang.runtime.journal import tables
from flowlang.runtime.journal.chain import (
    EventRow,
    Origin,
    Sealed,
    check_end,
    damaged,
    damaged_row,
    first_checksum,
    new_origin,
    open_rows,
    seal,
)
from flowlang.runtime.journal.codec import (
    ENCODING_BLOB,
    Blob,
    check_run_id,
    decode_manifest,
    encode_manifest,
    manifest_digest,
    original_text,
    storable_text,
    text_digest,
)
from flowlang.runtime.journal.dialect import choose_dialect, writing
from flowlang.runtime.journal.event import CodeChanged, Event, Record
from flowlang.runtime.journal.journal import CodeManifest, Counters, Lease, NewRun, RunRecord, RunStatus
from flowlang.runtime.journal.migrations import MIGRATIONS, migrate, schema_version
from flowlang.runtime.journal.owner import FileOwners, check_append, check_claim
from flowlang.runtime.journal.statement import Statements
from flowlang.runtime.journal.writer import Cursor, Writer

LEASE_MS = 30_000


_RECORD = tuple(field.name for field in attrs.fields(RunRecord) if field.name in tables.run.c)
_RECORD_NUMBERS = tuple(name for name in _RECORD if isinstance(tables.run.c[name].type, BigInteger))


@attrs.frozen
class _Head:
    """Where a run's records end, as known to the holder of its lease."""

    number: int
    lease: Lease
    sequence: int
    checksum: bytes


@attrs.frozen
class _StoredRun:
    """A run's row: its public part and what only the store needs."""

    record: RunRecord
    number: int
    checksum: bytes
    manifest: str

    @property
    def origin(self) -> Origin:
        record = self.record
        entry, flow = storable_text(record.entry), storable_text(record.flow)
        return Origin(record.run_id, entry, flow, record.arguments_digest, record.created_at_ms)


@attrs.frozen
class _Code:
    """Code to be stored: its digest, its manifest as a document with that document's digest, and its texts."""

    code: str
    manifest: str
    document: str
    modules: Mapping[str, str]

    @classmethod
    def of(cls, manifest: CodeManifest, modules: Mapping[str, str]) -> _Code:
        document = encode_manifest(manifest, modules)
        return cls(manifest_digest(manifest), text_digest(document), document, modules)


class SqlJournal:
    """A journal in one database. Threads may share it; a forked child must open its own."""

    def __init__(self, location: str | Path, *, clock: Clock, lease_ms: int = LEASE_MS, create: bool = True) -> None:
        self._clock = clock
        self._lease_ms = lease_ms
        self._dialect = choose_dialect(location)
        self._owners = FileOwners(self._dialect.owners_directory)
        self._engine = self._dialect.open(create=create)
        self._statements = Statements(self._dialect, self._engine.dialect)
        self._writer = Writer(self._engine, self._dialect)
        self._heads: dict[str, _Head] = {}
        self._manifests_written: set[str] = set()
        self._is_closed = False
        try:
            self._migrate()
        except BaseException:
            self.close()
            raise

    # ------------------------------------------------------------------------------------------------- writing

    def create(self, run: NewRun, owner: str, events: Sequence[Event], counters: Counters, status: RunStatus) -> Lease:
        """Creates the run with its first events and its code, all in one transaction."""
        check_run_id(run.run_id)
        now_ms = self._clock.now_ms()
        origin = new_origin(run, events, now_ms)
        code = _Code.of(run.manifest, run.modules)
        sealed = seal(first_checksum(origin), 0, now_ms, 1, events, counters)
        lease = Lease(run.run_id, owner, 1)
        is_kept = status is RunStatus.RUNNING
        row = (
            *origin[:4],
            code.code,
            code.manifest,
            now_ms,
            now_ms,
            status.value,
            owner if is_kept else "",
            1,
            now_ms + self._lease_ms if is_kept else 0,
            len(sealed.rows),
            sealed.checksum,
            counters.steps,
            counters.memory,
            counters.actions_completed,
        )

        def change(cursor: Cursor) -> int:
            if cursor.execute(self._statements.find_run, (run.run_id,)).fetchall():
                raise RunAlreadyExists(
                    f"run `{run.run_id}` exists already", run_id=run.run_id, hint="choose another id"
                )
            self._write_code(cursor, code)
            number: int = cursor.execute(self._statements.insert_run, row).fetchall()[0][0]
            self._write_events(cursor, number, sealed)
            return number

        number = self._writer.write(change)
        self._manifests_written.add(code.manifest)
        if is_kept:
            self._heads[run.run_id] = _Head(number, lease, len(sealed.rows), sealed.checksum)
        return lease

    def claim(self, run_id: str, owner: str) -> Lease:
        """Takes the lease of an unfinished run whose owner is gone."""

        def change(cursor: Cursor) -> _Head:
            stored = self._stored_run(run_id, cursor.execute(self._statements.find_run, (run_id,)).fetchall())
            now_ms = self._clock.now_ms()
            check_claim(stored.record, now_ms, self._owners.is_alive)
            lease = Lease(run_id, owner, stored.record.token + 1)
            taken = (now_ms, RunStatus.RUNNING.value, owner, lease.token, now_ms + self._lease_ms)
            cursor.execute(self._statements.take, (*taken, run_id, stored.record.token))
            return _Head(stored.number, lease, stored.record.sequence, stored.checksum)

        head = self._writer.write(change)
        self._heads[run_id] = head
        return head.lease

    def append(
        self,
        lease: Lease,
        expected_sequence: int,
        events: Sequence[Event],
        counters: Counters,
        status: RunStatus = RunStatus.RUNNING,
    ) -> int:
        """Appends and extends the lease; a status other than RUNNING releases it. Gives the last sequence."""
        if not events:
            # Counters belong to records, so without a record they stay.
            self.renew(lease) if status is RunStatus.RUNNING else self.release(lease, status)
            return expected_sequence
        return self._append(lease, expected_sequence, events, counters, status)

    def repin(
        self,
        lease: Lease,
        expected_sequence: int,
        manifest: CodeManifest,
        modules: Mapping[str, str],
        counters: Counters,
    ) -> int:
        """Moves the run to other code and records that. Gives the last sequence."""
        code = _Code.of(manifest, modules)
        event = CodeChanged(code.code)
        sequence = self._append(lease, expected_sequence, [event], counters, RunStatus.RUNNING, code)
        self._manifests_written.add(code.manifest)
        return sequence

    def _append(
        self,
        lease: Lease,
        expected_sequence: int,
        events: Sequence[Event],
        counters: Counters,
        status: RunStatus,
        code: _Code | None = None,
    ) -> int:
        head = self._heads.get(lease.run_id)
        if head is None or head.sequence != expected_sequence or head.lease != lease:
            head = self._find_head(lease, expected_sequence)
        now_ms = self._clock.now_ms()
        sealed = seal(head.checksum, expected_sequence, now_ms, lease.token, events, counters)
        sequence = expected_sequence + len(sealed.rows)
        advanced = (sequence, sealed.checksum, counters.steps, counters.memory, counters.actions_completed)
        place = (lease.run_id, lease.owner, lease.token, expected_sequence, head.checksum)
        is_kept = status is RunStatus.RUNNING
        values: tuple[Any, ...]
        if is_kept:
            statement = self._statements.advance
            values = (now_ms, now_ms + self._lease_ms, *advanced, *place)
        else:
            statement = self._statements.advance_and_release
            values = (now_ms, status.value, "", 0, *advanced, *place)
        number = head.number

        def change(cursor: Cursor) -> None:
            if cursor.execute(statement, values).rowcount != 1:
                self._explain_refusal(cursor, lease, expected_sequence)
            if code is not None:
                self._write_code(cursor, code)
                pinned = (code.code, code.manifest, lease.run_id, lease.owner, lease.token)
                cursor.execute(self._statements.repin, pinned)
            self._write_events(cursor, number, sealed)

        self._writer.write(change)
        if is_kept:
            self._heads[lease.run_id] = _Head(number, lease, sequence, sealed.checksum)
        else:
            self._heads.pop(lease.run_id, None)
        return sequence

    def renew(self, lease: Lease) -> None:
        """Extends the lease."""
        self._update_held(lease, self._statements.renew, (self._clock.now_ms() + self._lease_ms,))

    def release(self, lease: Lease, status: RunStatus) -> None:
        """Gives the lease back and sets the status."""
        self._update_held(lease, self._statements.release, (self._clock.now_ms(), status.value, "", 0))
        self._heads.pop(lease.run_id, None)

    def _update_held(self, lease: Lease, statement: str, new: tuple[Any, ...]) -> None:
        def change(cursor: Cursor) -> None:
            if cursor.execute(statement, (*new, lease.run_id, lease.owner, lease.token)).rowcount != 1:
                self._explain_refusal(cursor, lease, None)

        self._writer.write(change)

    def _write_events(self, cursor: Cursor, number: int, sealed: Sealed) -> None:
        if sealed.blobs:
            cursor.executemany(self._statements.insert_blob, sealed.blobs)
        cursor.executemany(self._statements.insert_event, [(number, *row) for row in sealed.rows])

    def _write_code(self, cursor: Cursor, code: _Code) -> None:
        if code.manifest in self._manifests_written:
            return
        texts = {name: (text_digest(text), text) for name, text in code.modules.items()}
        cursor.executemany(
            self._statements.insert_module,
            [(key, text.encode("utf-8", "surrogatepass")) for key, text in texts.values()],
        )
        cursor.execute(self._statements.insert_manifest, (code.manifest, code.document))
        cursor.executemany(
            self._statements.insert_manifest_module,
            [(code.manifest, storable_text(name), key) for name, (key, _) in texts.items()],
        )

    def _find_head(self, lease: Lease, expected_sequence: int) -> _Head:
        # For leases that another journal object gave out; the UPDATE checks once more.
        with self._reading() as connection:
            stored = self._find_run(connection, lease.run_id)
        check_append(stored.record, lease, expected_sequence)
        return _Head(stored.number, lease, expected_sequence, stored.checksum)

    def _explain_refusal(self, cursor: Cursor, lease: Lease, expected_sequence: int | None) -> None:
        found = cursor.execute(self._statements.find_run, (lease.run_id,)).fetchall()
        stored = self._stored_run(lease.run_id, found)
        check_append(stored.record, lease, expected_sequence)
        raise damaged(lease.run_id, stored.record.sequence)

    # ------------------------------------------------------------------------------------------------- reading

    def read(self, run_id: str, after: int = 0) -> list[Record]:
        """The records after sequence `after`, in order, checked against the chain and the run's row."""
        with self._reading() as connection:
            stored = self._find_run(connection, run_id)
            found = connection.exec_driver_sql(self._statements.find_events, (stored.number, after)).all()
            rows = [EventRow(*row) for row in found]
            blobs = self._find_blobs(connection, stored.number, after, rows)
        previous = first_checksum(stored.origin)
        if after > 0:
            if after > stored.record.sequence:
                return []
            if not rows or rows[0].sequence != after:
                raise damaged(run_id, after)
            previous = rows.pop(0).checksum
        opened = open_rows(run_id, previous, after, rows, blobs)
        return check_end(stored.record, stored.checksum, after, rows, opened)

    def run(self, run_id: str) -> RunRecord:
        """The run's row."""
        with self._reading() as connection:
            return self._find_run(connection, run_id).record

    def runs(
        self, *, status: RunStatus | None = None, prefix: str = "", entry: str | None = None, limit: int = 100
    ) -> list[RunRecord]:
        """The newest runs first."""
        run = tables.run
        query = select(*(run.c[name] for name in _RECORD)).order_by(run.c.number.desc()).limit(limit)
        if status is not None:
            query = query.where(run.c.status == status.value)
        if prefix:
            query = query.where(func.substr(run.c.run_id, 1, len(prefix)) == prefix)
        if entry is not None:
            query = query.where(run.c.entry == storable_text(entry))
        with self._reading() as connection:
            found = connection.execute(query).all()
        return [_decode_record(row._asdict()) for row in found]

    def manifest(self, run_id: str) -> CodeManifest:
        """The code that the run is pinned to."""
        return self._find_manifest(run_id)[0]

    def modules(self, run_id: str) -> dict[str, str]:
        """The texts of the run's pinned modules, by module name."""
        _, digests = self._find_manifest(run_id)
        module = tables.module
        query = select(module.c.digest, type_coerce(module.c.text, NullType())).where(
            module.c.digest.in_(set(digests.values()))
        )
        with self._reading() as connection:
            stored: dict[str, Any] = {row[0]: row[1] for row in connection.execute(query)}
        texts: dict[str, str] = {}
        for name, digest in digests.items():
            text = stored.get(digest)
            if not isinstance(text, bytes) or sha256(text).hexdigest() != digest:
                raise JournalCorrupt(
                    f"the stored text of module `{name}` is not what was written",
                    hint="restore the database from a backup",
                )
            texts[name] = text.decode("utf-8", "surrogatepass")
        return texts

    def _find_manifest(self, run_id: str) -> tuple[CodeManifest, dict[str, str]]:
        manifest = tables.manifest
        with self._reading() as connection:
            stored = self._find_run(connection, run_id)
            document = connection.scalar(select(manifest.c.document).where(manifest.c.digest == stored.manifest))
        return decode_manifest(str(document), stored.manifest, stored.record.code)

    def _find_blobs(
        self, connection: Connection, number: int, after: int, rows: Sequence[EventRow]
    ) -> dict[bytes, Blob]:
        if not any(row.encoding == ENCODING_BLOB for row in rows):
            return {}
        found = connection.exec_driver_sql(self._statements.find_blobs, (number, after, ENCODING_BLOB)).all()
        return {row[0]: Blob(*row) for row in found}

    def _find_run(self, connection: Connection, run_id: str) -> _StoredRun:
        return self._stored_run(run_id, connection.exec_driver_sql(self._statements.find_run, (run_id,)).all())

    def _stored_run(self, run_id: str, found: Sequence[Any]) -> _StoredRun:
        if not found:
            raise RunNotFound(f"no run has the id `{run_id}`", run_id=run_id, hint="list the runs to see their ids")
        row = dict(zip(tables.run.c.keys(), found[0], strict=True))
        return _StoredRun(_decode_record(row), row["number"], row["checksum"], row["manifest"])

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        if self._is_closed:
            raise JournalUnavailable("the journal is closed", hint="open it again")
        try:
            with self._engine.connect() as connection, connection.begin():
                yield connection
        except DBAPIError as error:
            raise self._dialect.translate(error) from error

    # ---------------------------------------------------------------------------------------- owners and the end

    def new_owner(self) -> str:
        """Makes an owner and holds its lock until it is dropped, the journal closed or the process gone."""
        return self._owners.new()

    def drop_owner(self, owner: str) -> None:
        """Gives the owner's lock back: whatever it holds may be claimed at once."""
        self._owners.drop(owner)

    def is_owner_alive(self, owner: str) -> bool:
        """Whether the owner's process lives, or is not known to be dead."""
        return self._owners.is_alive(owner)

    def close(self) -> None:
        """Closes all connections and drops the owners that were made here."""
        self._is_closed = True
        self._writer.close()
        self._owners.close()
        self._engine.dispose()

    def _migrate(self) -> None:
        try:
            with self._engine.connect() as connection:
                with connection.begin():
                    version = schema_version(connection)
                self._dialect.prepare(connection)
                if version < len(MIGRATIONS):
                    with writing(connection).begin():
                        migrate(connection, self._clock.now_ms())
        except JournalError:
            raise
        except Exception as error:
            raise self._dialect.translate(error) from error


def _decode_record(row: dict[str, Any]) -> RunRecord:
    try:
        status, entry, flow = RunStatus(row["status"]), original_text(row["entry"]), original_text(row["flow"])
    except (ValueError, TypeError) as error:
        raise damaged_row(row["run_id"]) from error
    record = RunRecord(**{name: row[name] for name in _RECORD} | {"status": status, "entry": entry, "flow": flow})
    if not all(isinstance(row[name], int) for name in _RECORD_NUMBERS):
        raise damaged_row(record.run_id)
    return record
