"""The statements of a journal, compiled once by SQLAlchemy and then handed to the driver as texts.

Compiling keeps the table definitions in one place and each database's way of writing parameters out of sight. The
values are passed as tuples, in the order of the names given here, which is checked when the journal is opened.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import ClauseElement, ColumnElement, bindparam, insert, select, update
from sqlalchemy.engine import Dialect as EngineDialect

from flowlang.errors import InternalError
from flowlang.runtime.journal.chain import EventRow
from flowlang.runtime.journal.dialect import Dialect
from flowlang.runtime.journal.tables import blob, event, manifest, manifest_module, module, run

_HOLDER = ("run_id", "owner", "token")
_STAND = ("sequence", "checksum")
_ADVANCED = ("lease_expires_at_ms", "sequence", "checksum", "steps", "memory", "actions_completed")


class Statements:
    """SQL texts for one database. Updates take the new values first, then the values to look for."""

    def __init__(self, dialect: Dialect, engine_dialect: EngineDialect) -> None:
        self._engine_dialect = engine_dialect
        self._dialect = dialect

        self.find_run = self._compile(select(*run.c).where(*_where("run_id")), "where_run_id")
        self.insert_run = self._compile(
            dialect.insert_or_ignore(run).returning(run.c.number),
            *(column.name for column in run.c if column is not run.c.number),
        )
        """Gives the number of the new run, or no row when the id is taken."""

        self.advance = self._update(("updated_at_ms", *_ADVANCED), (*_HOLDER, *_STAND))
        """The status stays out, so that its index is not rewritten at every step."""
        self.advance_and_release = self._update(("updated_at_ms", "status", "owner", *_ADVANCED), (*_HOLDER, *_STAND))
        self.repin = self._update(("code", "manifest"), _HOLDER)
        self.renew = self._update(("lease_expires_at_ms",), _HOLDER)
        self.release = self._update(("updated_at_ms", "status", "owner", "lease_expires_at_ms"), _HOLDER)
        self.take = self._update(
            ("updated_at_ms", "status", "owner", "token", "lease_expires_at_ms"), ("run_id", "token")
        )

        self.insert_event = self._compile(insert(event), "run", *EventRow._fields)
        self.find_events, self.find_blobs = self._reading()
        self.insert_blob = self._compile(dialect.insert_or_ignore(blob), "digest", "encoding", "content")
        self.insert_module = self._compile(dialect.insert_or_ignore(module), "digest", "text")
        self.insert_manifest = self._compile(dialect.insert_or_ignore(manifest), "digest", "document")
        self.insert_manifest_module = self._compile(
            dialect.insert_or_ignore(manifest_module), "manifest", "name", "module"
        )

    def _reading(self) -> tuple[str, str]:
        # The records of a run from one on (run, first sequence), and the blobs they refer to (the same, encoding).
        tail = (event.c.run == bindparam("where_run"), event.c.sequence >= bindparam("where_first"))
        rows = select(*(event.c[name] for name in EventRow._fields)).where(*tail).order_by(event.c.sequence)
        large = select(event.c.payload).where(*tail, event.c.encoding == bindparam("where_encoding"))
        blobs = select(*blob.c).where(blob.c.digest.in_(large))
        return (
            self._compile(rows, "where_run", "where_first"),
            self._compile(blobs, "where_run", "where_first", "where_encoding"),
        )

    def _update(self, changed: tuple[str, ...], found_by: tuple[str, ...]) -> str:
        values: dict[str, Any] = {name: bindparam(f"new_{name}") for name in changed}
        names = (*(f"new_{name}" for name in changed), *(f"where_{name}" for name in found_by))
        return self._compile(update(run).where(*_where(*found_by)).values(values), *names)

    def _compile(self, statement: ClauseElement, *names: str) -> str:
        column_keys = None if names[-1].startswith("where_") else list(names)
        compiled: Any = statement.compile(dialect=self._engine_dialect, column_keys=column_keys)
        if tuple(compiled.positiontup) != names:
            raise InternalError(f"a statement takes {compiled.positiontup}, not {names}")
        return str(compiled)


def _where(*columns: str) -> list[ColumnElement[bool]]:
    return [run.c[name] == bindparam(f"where_{name}") for name in columns]
