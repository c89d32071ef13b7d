"""Records and code, checked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import sha256
from operator import itemgetter
from typing import Any

from sqlalchemy import bindparam, select, type_coerce
from sqlalchemy.types import NullType

from flowlang.errors import FlowlangError, JournalCorrupt
from flowlang.runtime.collector import paused_collector
from flowlang.runtime.journal import tables
from flowlang.runtime.journal.chain import EventRow, check_end, damaged, first_checksum, open_rows
from flowlang.runtime.journal.codec import decode_manifest
from flowlang.runtime.journal.dialects.dialect import Cursor
from flowlang.runtime.journal.event import Record
from flowlang.runtime.journal.model import CodeManifest
from flowlang.runtime.journal.payload import ENCODING_BLOB, Blob
from flowlang.runtime.journal.sql.database import Database, StoredRun, decode_run

_encoding = itemgetter(EventRow._fields.index("encoding"))
_AT_ONCE = 256
"""So many runs are read by one statement."""

_BEFORE_ALL = -(1 << 62)


class Reading:
    """Reads journals."""

    def __init__(self, database: Database) -> None:
        self._database = database
        event, run = tables.event, tables.run
        numbers: list[Any] = [bindparam(f"run_{at}") for at in range(_AT_ONCE)]
        rows = select(event.c.run, *(event.c[name] for name in EventRow._fields)).where(event.c.run.in_(numbers))
        order = (event.c.run, event.c.sequence)
        query = database.compiler.query
        self._find_many = query(rows.order_by(*order))
        chapter = select(run.c.chapter_sequence).where(run.c.number == event.c.run).scalar_subquery()
        self._find_chapters = query(rows.where(event.c.sequence >= chapter - 1).order_by(*order))
        self._find_runs = query(select(*run.c).where(run.c.run_id.in_(numbers)))

    @paused_collector()
    def read(self, run_id: str, after: int = 0) -> list[Record]:
        """The records after sequence `after`, in order, checked against the chain and the run's row."""
        with self._database.looking() as cursor:
            stored = self._database.find_run(cursor, run_id)
            if after > stored.record.sequence:
                return []
            statements = self._database.statements
            # From the beginning also what stands before it, where no journal writes.
            where = (stored.number, after or _BEFORE_ALL)
            found = cursor.execute(statements.find_events, where).fetchall()
            blobs: dict[bytes, Blob] = {}
            if ENCODING_BLOB in map(_encoding, found):
                large = cursor.execute(statements.find_blobs, where).fetchall()
                blobs = {row[0]: Blob(*row) for row in large}
        return open_stored(stored, after, found, blobs)

    def read_many(
        self, run_ids: Sequence[str], *, from_chapter: bool = False
    ) -> dict[str, list[Record] | FlowlangError]:
        """The records of many runs, or why they cannot be read."""
        results: dict[str, list[Record] | FlowlangError] = {}
        for begin in range(0, len(run_ids), _AT_ONCE):
            wanted = run_ids[begin : begin + _AT_ONCE]
            with self._database.looking() as cursor:
                stored, rows, blobs = self._find_all(cursor, wanted, from_chapter)
            for run_id in wanted:
                run = stored.get(run_id)
                try:
                    if run is None:
                        # Says so in the words of `read`.
                        results[run_id] = self.read(run_id)
                        continue
                    after = run.record.chapter_sequence - 1 if from_chapter else 0
                    results[run_id] = open_stored(run, after, rows.get(run.number, []), blobs)
                except FlowlangError as error:
                    results[run_id] = error
        return results

    def manifest(self, run_id: str) -> CodeManifest:
        """The code that the run is pinned to."""
        return self._find_manifest(run_id)[0]

    def manifests(self, run_ids: Sequence[str]) -> dict[str, CodeManifest]:
        """The manifests of those runs that exist; runs with the same code share one."""
        run, manifest = tables.run, tables.manifest
        decoded: dict[str, CodeManifest] = {}
        manifests: dict[str, CodeManifest] = {}
        for begin in range(0, len(run_ids), _AT_ONCE):
            query = select(run.c.run_id, run.c.code, run.c.manifest).where(
                run.c.run_id.in_(run_ids[begin : begin + _AT_ONCE])
            )
            with self._database.reading() as connection:
                for run_id, code, digest in connection.execute(query).all():
                    if digest not in decoded:
                        document = connection.scalar(select(manifest.c.document).where(manifest.c.digest == digest))
                        decoded[digest] = decode_manifest(str(document), digest, code)[0]
                    manifests[run_id] = decoded[digest]
        return manifests

    def modules(self, run_id: str) -> dict[str, str]:
        """The texts of the run's pinned modules, by module name."""
        _, digests = self._find_manifest(run_id)
        module = tables.module
        query = select(module.c.digest, type_coerce(module.c.text, NullType())).where(
            module.c.digest.in_(set(digests.values()))
        )
        with self._database.reading() as connection:
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
        with self._database.looking() as cursor:
            stored = self._database.find_run(cursor, run_id)
            found = cursor.execute(self._database.statements.find_document, (stored.manifest,)).fetchall()
        return decode_manifest(str(found[0][0]) if found else "", stored.manifest, stored.record.code)

    def _find_all(
        self, cursor: Cursor, run_ids: Sequence[str], from_chapter: bool
    ) -> tuple[dict[str, StoredRun], dict[int, list[Sequence[Any]]], dict[bytes, Blob]]:
        ids = {f"run_{at}": run_ids[min(at, len(run_ids) - 1)] for at in range(_AT_ONCE)}
        stored = {run.record.run_id: run for run in map(decode_run, self._find_runs(cursor, **ids).fetchall())}
        rows: dict[int, list[Sequence[Any]]] = {}
        if not stored:
            return stored, rows, {}
        given = [run.number for run in stored.values()]
        numbers = {f"run_{at}": given[min(at, len(given) - 1)] for at in range(_AT_ONCE)}
        find = self._find_chapters if from_chapter else self._find_many
        large: set[bytes] = set()
        for number, *row in find(cursor, **numbers).fetchall():
            rows.setdefault(number, []).append(row)
            if row[7] == ENCODING_BLOB:
                large.add(row[8])
        return stored, rows, self._database.find_blobs(cursor, large)


def open_stored(
    stored: StoredRun, after: int, found: Sequence[Sequence[Any]], blobs: Mapping[bytes, Blob]
) -> list[Record]:
    """The records of these rows, which begin with the record `after`, if that is one, for its checksum."""
    run_id, rows = stored.record.run_id, list(found)
    previous = first_checksum(stored.origin)
    if after > 0:
        if not rows or rows[0][0] != after:
            raise damaged(run_id, after)
        previous = rows.pop(0)[-1]
    opened = open_rows(run_id, previous, after, rows, blobs)
    return check_end(stored.record, stored.checksum, after, rows, opened)
