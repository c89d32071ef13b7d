"""Statements, compiled once by SQLAlchemy and then handed to the driver as texts.

Compiling keeps the table definitions in one place and each database's way of writing parameters out of sight. A
`Query` is called with its values by name; constants of the statement are already in it. The few statements on the
path of every step are used as bare texts with tuples of values, in an order that is checked here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ClauseElement, ColumnElement, bindparam, insert, select, text, update
from sqlalchemy.engine import Dialect as EngineDialect

from flowlang.errors import InternalError
from flowlang.runtime.journal.chain import EventRow
from flowlang.runtime.journal.dialects import Dialect
from flowlang.runtime.journal.tables import blob, event, manifest, manifest_module, module, run

_HOLDER = ("run_id", "owner", "token")
_STAND = ("sequence", "checksum")
_ADVANCED = ("lease_expires_at_ms", "sequence", "checksum", "steps", "memory", "actions_completed", "crashes")
_RELEASED = ("updated_at_ms", "status", "owner", "due_at_ms", "reason")

RUN_COLUMNS = tuple(column.name for column in run.c)
NEW_RUN = tuple(column.name for column in run.c if column is not run.c.number)
"""The columns of a new row, in the order in which `insert_run` takes them."""


class Query:
    """One statement for a cursor of the driver."""

    __slots__ = ("_constants", "names", "text")

    def __init__(self, statement: str, names: Sequence[str], constants: dict[str, Any]) -> None:
        self.text = statement
        self.names = tuple(names)
        self._constants = constants

    def __call__(self, cursor: Any, **values: Any) -> Any:
        """Executes the statement; gives the cursor."""
        return cursor.execute(self.text, self.values(**values))

    def values(self, **values: Any) -> tuple[Any, ...]:
        """The values in the order in which the statement takes them."""
        given = {**self._constants, **values}
        return tuple(given[name] for name in self.names)


class Compiler:
    """Compiles for one database."""

    def __init__(self, dialect: Dialect, engine_dialect: EngineDialect) -> None:
        self.dialect = dialect
        self._engine_dialect = engine_dialect

    def query(self, statement: ClauseElement) -> Query:
        """A statement whose values are its `bindparam`s."""
        compiled: Any = statement.compile(dialect=self._engine_dialect)
        constants = {name: value for name, value in compiled.params.items() if not compiled.binds[name].required}
        return Query(str(compiled), compiled.positiontup or (), constants)

    def insertion(self, statement: ClauseElement, *columns: str) -> str:
        """The text of an INSERT of these columns, in this order."""
        return self._text(statement, columns, list(columns))

    def text(self, statement: ClauseElement, *names: str) -> str:
        """The text of a statement that takes its values in this order."""
        return self._text(statement, names, None)

    def _text(self, statement: ClauseElement, names: tuple[str, ...], column_keys: list[str] | None) -> str:
        compiled: Any = statement.compile(dialect=self._engine_dialect, column_keys=column_keys)
        if tuple(compiled.positiontup) != names:
            raise InternalError(f"a statement takes {compiled.positiontup}, not {names}")
        return str(compiled)


class Statements:
    """The statements that drive runs. Updates take the new values first, then the values to look for."""

    def __init__(self, compiler: Compiler) -> None:
        self._compiler = compiler
        dialect = compiler.dialect

        self.find_run = compiler.text(select(*run.c).where(*_where("run_id")), "where_run_id")
        self.hold_run = compiler.text(select(*run.c).where(*_where("run_id")).with_for_update(), "where_run_id")
        """The same, and nobody else changes the row until the transaction ends."""
        self.insert_run = compiler.insertion(dialect.insert_or_ignore(run).returning(run.c.number), *NEW_RUN)
        """Gives the number of the new run, or no row when the id is taken."""

        self.advance = self._update(("updated_at_ms", *_ADVANCED), (*_HOLDER, *_STAND))
        """The status and the due time stay out, so that no index is touched at a step."""
        self.advance_and_release = self._update((*_RELEASED, *_ADVANCED), (*_HOLDER, *_STAND))
        self.repin = self._update(("code", "manifest"), _HOLDER)
        self.renew = self._update(("lease_expires_at_ms", "due_at_ms"), _HOLDER)
        self.release = self._update((*_RELEASED, "lease_expires_at_ms"), _HOLDER)
        self.take = self._update(
            ("updated_at_ms", "status", "owner", "token", "lease_expires_at_ms", "due_at_ms", "reason", "crashes"),
            ("number", "token"),
        )

        self.insert_event = compiler.insertion(insert(event), "run", *EventRow._fields)
        self.find_events, self.find_blobs = self._reading()
        self.find_blob = compiler.text(
            select(*blob.c).where(blob.c.digest == bindparam("where_digest")), "where_digest"
        )
        self.find_checksum = compiler.text(
            select(event.c.checksum).where(
                event.c.run == bindparam("where_run"), event.c.sequence == bindparam("where_sequence")
            ),
            "where_run",
            "where_sequence",
        )
        self.insert_blob = compiler.insertion(dialect.insert_or_ignore(blob), "digest", "encoding", "content")
        self.insert_module = compiler.insertion(dialect.insert_or_ignore(module), "digest", "text")
        self.find_manifest = compiler.text(
            select(manifest.c.digest).where(manifest.c.digest == bindparam("where_digest")), "where_digest"
        )
        self.find_document = compiler.text(
            select(manifest.c.document).where(manifest.c.digest == bindparam("where_digest")), "where_digest"
        )
        self.insert_manifest = compiler.insertion(dialect.insert_or_ignore(manifest), "digest", "document")
        self.insert_manifest_module = compiler.insertion(
            dialect.insert_or_ignore(manifest_module), "manifest", "name", "module"
        )

    def _reading(self) -> tuple[str, str]:
        # The records of a run from one on (run, first sequence), and the blobs they refer to.
        tail = (event.c.run == bindparam("where_run"), event.c.sequence >= bindparam("where_first"))
        rows = select(*(event.c[name] for name in EventRow._fields)).where(*tail).order_by(event.c.sequence)
        large = select(event.c.payload).where(*tail, text("encoding = 'blob'"))
        blobs = select(*blob.c).where(blob.c.digest.in_(large))
        return (
            self._compiler.text(rows, "where_run", "where_first"),
            self._compiler.text(blobs, "where_run", "where_first"),
        )

    def _update(self, changed: tuple[str, ...], found_by: tuple[str, ...]) -> str:
        values: dict[str, Any] = {name: bindparam(f"new_{name}") for name in sorted(changed, key=RUN_COLUMNS.index)}
        names = (*(f"new_{name}" for name in values), *(f"where_{name}" for name in found_by))
        return self._compiler.text(update(run).where(*_where(*found_by)).values(values), *names)


def _where(*columns: str) -> list[ColumnElement[bool]]:
    return [run.c[name] == bindparam(f"where_{name}") for name in columns]
