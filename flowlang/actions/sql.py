"""SQL on named databases: `sql.query` reads, `sql.execute`, `sql.executemany` and `sql.transaction` write once.

A query only reads; it never makes a database, and a statement that would change something is refused. Every write is
one transaction that happens exactly once however often the attempt is repeated, with data definition included
(`sqlite.py` and `postgres.py` say how). A small write to the database that holds the journal commits together with its
record (`runtime/joint.py`), and no statement there may touch what belongs to the journal. Values reach a statement as
parameters only: a list for `?`, a dict for `:name`, whatever the database.

This module knows databases by their scheme and statements by their shape. What speaks to a database is its driver.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Protocol

from flowlang.lang.values.quote import clip
from flowlang.runtime.action import ActionContext, ActionError, action
from flowlang.runtime.database import DEFAULT_NAME, Database
from flowlang.runtime.joint import JointWrite, Recorder

CELL_TYPES: Final = frozenset({type(None), bool, int, float, str, bytes})
STATEMENTS_MAX: Final = 1000
JOINT_EXECUTIONS_MAX: Final = 100
"""A write that executes more statements does not join the transaction that records it: that would take long."""
POSTGRES_SCHEMES: Final = ("postgresql", "postgres", "postgresql+psycopg")

Arguments = Sequence[Any] | Mapping[str, Any]
Statements = Sequence[tuple[str, Sequence[Arguments]]]
"""Texts, each with the parameters of every time that it is executed."""


class Driver(Protocol):
    """What speaks to the databases of one kind."""

    def query(
        self, context: ActionContext, database: Database, text: str, arguments: Arguments
    ) -> list[dict[str, Any]]:
        """The rows of a statement that only reads."""
        ...

    def write(
        self, context: ActionContext, database: Database, statements: Statements, recorder: Recorder | None = None
    ) -> list[int]:
        """Executes statements in one transaction, exactly once. Gives how many rows each changed. With a recorder, that
        is recorded in the same transaction; raises TakesLong when it would hold up the journal."""
        ...

    def is_home(self, context: ActionContext, database: Database) -> bool:
        """Whether the journal is in this very database."""
        ...


@action(name="sql.query")
def query(
    context: ActionContext,
    text: str,
    parameters: list[Any] | dict[str, Any] | None = None,
    *,
    database: str = DEFAULT_NAME,
) -> list[dict[str, Any]]:
    """The rows that a statement gives, as dicts. It cannot change anything. At most 16 MiB."""
    found = context.databases.resolve(database)
    return _driver(found).query(context, found, text, _checked(parameters, "`parameters`"))


@action(name="sql.execute")
def execute(
    context: ActionContext,
    text: str,
    parameters: list[Any] | dict[str, Any] | None = None,
    *,
    database: str = DEFAULT_NAME,
) -> int:
    """Executes one statement that writes. Gives the number of rows that it changed, 0 for `CREATE TABLE` and such."""
    changed: int = _write(context, database, [(text, [_checked(parameters, "`parameters`")])], _first)
    return changed


@action(name="sql.executemany")
def executemany(context: ActionContext, text: str, rows: list[Any], *, database: str = DEFAULT_NAME) -> int:
    """Executes one statement for each of the rows (lists for `?`, dicts for `:name`), in one transaction. Gives the
    number of rows changed in all."""
    repetitions = [_checked(row, f"`rows[{index}]`") for index, row in enumerate(rows)]
    changed: int = _write(context, database, [(text, repetitions)], _first)
    return changed


@action(name="sql.transaction")
def transaction(context: ActionContext, statements: list[Any], *, database: str = DEFAULT_NAME) -> list[int]:
    """Executes several statements in one transaction: all of them or none. Each is text, or text and parameters:
    `["CREATE TABLE ...", ("INSERT ... VALUES (?)", [1])]`. Gives the number of rows that each changed."""
    if len(statements) > STATEMENTS_MAX:
        raise ActionError(
            "action-argument",
            f"a transaction takes at most {STATEMENTS_MAX} statements, not {len(statements)}",
            hint="for many rows, use `sql.executemany`",
        )
    checked = [_statement(entry, index) for index, entry in enumerate(statements)]
    changed: list[int] = _write(context, database, checked, list)
    return changed


def _write(context: ActionContext, name: str, statements: Statements, shape: Callable[[list[int]], Any]) -> Any:
    """Writes, or says how it is to be written: by whoever drives the run, in the transaction that records it."""
    database = context.databases.resolve(name)
    driver = _driver(database)
    is_small = sum(len(repetitions) for _, repetitions in statements) <= JOINT_EXECUTIONS_MAX
    if context.may_join and is_small and driver.is_home(context, database):
        return JointWrite(lambda recorder: driver.write(context, database, statements, recorder), shape)
    return shape(driver.write(context, database, statements))


def _first(counts: list[int]) -> int:
    return counts[0]


def _driver(database: Database) -> Driver:
    """What speaks to a database; drivers are imported when they are needed."""
    if database.scheme == "sqlite":
        from flowlang.actions import sqlite

        return sqlite
    if database.scheme in POSTGRES_SCHEMES:
        try:
            from flowlang.actions import postgres
        except ImportError:
            hint = "install `flowlang[postgres]`"
            raise ActionError("unknown-database", "the driver for PostgreSQL is not installed", hint=hint) from None
        return postgres
    raise ActionError(
        "unknown-database",
        f"database `{database.name}` is of the kind `{database.scheme}`, for which there is no driver",
        hint='SQLite files and PostgreSQL are supported: `name = "data/name.db"`, `name = "postgresql://..."`',
        data={"database": database.name},
    )


def _statement(entry: Any, index: int) -> tuple[str, list[Sequence[Any] | Mapping[str, Any]]]:
    where = f"`statements[{index}]`"
    if isinstance(entry, str):
        return entry, [()]
    if isinstance(entry, (list, tuple)) and len(entry) == 2 and isinstance(entry[0], str):
        return entry[0], [_checked(entry[1], f"the parameters of {where}")]
    raise ActionError(
        "action-argument",
        f"{where} is no statement",
        hint='give text, or text and parameters: `("INSERT INTO t VALUES (?)", [1])`',
    )


def _checked(parameters: Any, where: str) -> Sequence[Any] | Mapping[str, Any]:
    """Parameters that a database can take. A driver's own complaint would not say which of many rows is wrong."""
    if parameters is None:
        return ()
    if not isinstance(parameters, (list, tuple, dict)):
        raise ActionError("sql-parameter", f"{where} must be a list or a dict, not {_noun(parameters)}")
    values = parameters.values() if isinstance(parameters, dict) else parameters
    if not CELL_TYPES.issuperset(map(type, values)):
        entries = parameters.items() if isinstance(parameters, dict) else enumerate(parameters)
        key, value = next((key, value) for key, value in entries if type(value) not in CELL_TYPES)
        name = clip(key) if isinstance(key, str) else key
        raise ActionError(
            "sql-parameter",
            f"{where} has {_noun(value)} at `[{name}]`, which no column can hold",
            hint="store it as text: `json.encode(...)`",
        )
    return parameters


def _noun(value: Any) -> str:
    name = {"str": "string"}.get(type(value).__name__, type(value).__name__)
    return f"{'an' if name[0] in 'aeiou' else 'a'} {name}"
