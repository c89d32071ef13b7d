"""Statements, compiled once by SQLAlchemy and then handed to the driver as texts.

Compiling keeps the table definitions in one place and each database's way of writing parameters out of sight. A
`Query` is called with its values by name; constants of the statement are already in it. The few statements on the
path of every step are used as bare texts with tuples of values, in an order that is checked here.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

from sqlalchemy import ClauseElement, ColumnElement, bindparam, exists, insert, select, text, update
from sqlalchemy.engine import Dialect as EngineDialect

from flowlang.errors import InternalError
from flowlang.runtime.journal.chain import EventRow
from flowlang.runtime.journal.dialects import Dialect
from flowlang.runtime.journal.tables import blob, event, inbox, manifest, manifest_module, module, run

_HOLDER = ("run_id", "owner", "token")
_STAND = ("sequence", "checksum")
_ADVANCED = ("lease_expires_at_ms", "sequence", "checksum", "steps", "memory", "actions_completed", "crashes")
_RELEASED = ("updated_at_ms", "status", "owner", "due_at_ms", "reason")

RUN_COLUMNS = tuple(column.name for column in run.c)
NEW_RUN = tuple(column.name for column in run.c if column is not run.c.number)
"""The columns of a new row, in the order in which `insert_run` takes them."""


class Compiled(NamedTuple):
    """A statement as the driver takes it. `names`: of its values, in their order; some of them are `constants`."""

    text: str
    names: tuple[str, ...]
    constants: dict[str, Any]


class Query:
    """One statement for a cursor of the driver. It is compiled when it is first used, because there are many and most
    programs use few."""

    __slots__ = ("_compile", "_compiled")

    def __init__(self, compile_statement: Callable[[], Compiled]) -> None:
        self._compile = compile_statement
        self._compiled: Compiled | None = None

    def __call__(self, cursor: Any, **values: Any) -> Any:
        """Executes the statement; gives the cursor."""
        return cursor.execute(self.text, self.values(**values))

    @property
    def text(self) -> str:
        """The statement."""
        return self._as_compiled().text

    def values(self, **values: Any) -> tuple[Any, ...]:
        """The values in the order in which the statement takes them."""
        compiled = self._as_compiled()
        given = {**compiled.constants, **values}
        return tuple([given[name] for name in compiled.names])

    def _as_compiled(self) -> Compiled:
        compiled = self._compiled
        if compiled is None:
            compiled = self._compiled = self._compile()
        return compiled


class Compiler:
    """Compiles for one database."""

    def __init__(self, dialect: Dialect, engine_dialect: EngineDialect) -> None:
        self.dialect = dialect
        self._engine_dialect = engine_dialect

    def query(self, statement: ClauseElement) -> Query:
        """A statement whose values are its `bindparam`s."""
        return Query(partial(self._compiled, statement))

    def _compiled(self, statement: ClauseElement) -> Compiled:
        compiled: Any = statement.compile(dialect=self._engine_dialect)
        constants = {name: value for name, value in compiled.params.items() if not compiled.binds[name].required}
        return Compiled(str(compiled), tuple(compiled.positiontup or ()), constants)

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
        unseen = select(text("1")).where(
            inbox.c.run == run.c.number, text("taken_at_ms IS NULL"), inbox.c.number > bindparam("where_seen")
        )
        self.wake = compiler.text(
            update(run)
            .where(run.c.number == bindparam("where_number"), text("status = 'waiting'"), exists(unseen))
            .values(due_at_ms=bindparam("new_due_at_ms")),
            "new_due_at_ms",
            "where_number",
            "where_seen",
        )
        """Makes a run due that was just put down, if there is a message after the last that its owner saw."""

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
