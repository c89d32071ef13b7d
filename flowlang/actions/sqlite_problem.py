"""SQLite's errors in the words of actions: a kind to act on, the statement, and the name that was probably meant."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import Final
from urllib.parse import quote as quote_url

from flowlang.actions.sqlite_guard import Guard
from flowlang.lang.diagnostics.suggest import nearest
from flowlang.lang.values.quote import clip
from flowlang.runtime.action import ActionError
from flowlang.runtime.database import Database

STATEMENT_SHOWN: Final = 120
NAMES_MAX: Final = 2000
TABLES_SQL: Final = "SELECT name FROM sqlite_master WHERE type IN ('table', 'view') LIMIT ?"
COLUMNS_SQL: Final = (
    "SELECT DISTINCT p.name FROM sqlite_master m, pragma_table_info(m.name) p WHERE m.type IN ('table', 'view') LIMIT ?"
)
PRIMARY_CODE: Final = 0xFF
"""The low byte of an extended error code is the primary one."""


def database_not_found(database: Database) -> ActionError:
    """The error for reading from a database that is not there; reading never makes one."""
    return ActionError(
        "database-not-found",
        f"database `{database.name}` is not there: no file `{database.location}`",
        hint="the first `sql.execute` makes it",
        data={"database": database.name},
    )


def problem_error(problem: Exception, text: str, guard: Guard | None, database: Database) -> ActionError:
    """The action's error for what the driver raised while it executed `text`; `guard` was the connection's."""
    message = str(problem).rstrip(".")
    statement = f" in {clip(' '.join(text.split()), STATEMENT_SHOWN)}" if text else ""
    data = {"database": database.name, "statement": text[:1000]}
    code = getattr(problem, "sqlite_errorcode", None)
    primary = code & PRIMARY_CODE if isinstance(code, int) else None
    if isinstance(problem, OverflowError):
        return ActionError("sql-error", f"an int is too large for a database{statement}", data=data)
    if guard is not None and guard.refusal is not None:
        return _refused(guard, statement, data)
    if primary == sqlite3.SQLITE_CONSTRAINT:
        return ActionError("constraint-violated", f"{_lower(message)}{statement}", data={**data, "detail": message})
    if primary in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return ActionError(
            "database-locked",
            f"database `{database.name}` is in use by another writer",
            data=data,
            retryable=True,
            hint="try again, with `retry(...)`",
        )
    if primary == sqlite3.SQLITE_FULL:
        return ActionError("disk-full", f"no space is left for database `{database.name}`", data=data, retryable=True)
    if primary in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM, sqlite3.SQLITE_CANTOPEN):
        return ActionError("permission-denied", f"database `{database.name}`: {_lower(message)}", data=data)
    if primary in (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT):
        return ActionError("not-a-database", f"`{database.location}` is no intact database: {message}", data=data)
    if primary == sqlite3.SQLITE_TOOBIG:
        return ActionError("result-too-large", f"a value is larger than 16 MiB{statement}", data=data)
    return ActionError("sql-error", f"{_lower(message)}{statement}", data=data, hint=_hint(message, database))


def _refused(guard: Guard, statement: str, data: dict[str, str]) -> ActionError:
    if guard.writes_in_query:
        message = f"`sql.query` only reads, but this statement {guard.refusal}{statement}"
        return ActionError("sql-refused", message, data=data, hint="use `sql.execute` for it")
    return ActionError("sql-refused", f"this statement {guard.refusal}{statement}", data=data)


def _lower(message: str) -> str:
    """SQLite's message as the middle of a sentence."""
    first = message.partition(" ")[0]
    return message if first.isupper() and len(first) > 1 else message[:1].lower() + message[1:]


def _hint(message: str, database: Database) -> str | None:
    what, _, name = message.partition(": ")
    if "one statement at a time" in message:
        return "give several statements to `sql.transaction([...])`"
    if "number of bindings" in message or "did not supply a value" in message:
        return "give one parameter for each `?`, or a dict with a key for each `:name`"
    listing = {"no such table": TABLES_SQL, "no such column": COLUMNS_SQL}.get(what)
    if listing is None:
        return None
    close = nearest(name.rpartition(".")[2], _names(listing, database))
    return f"did you mean `{close}`?" if close else None


def _names(listing: str, database: Database) -> list[str]:
    """A second look at the database, for the name that was meant. Making a message must not fail."""
    try:
        with closing(sqlite3.connect(f"file:{quote_url(database.location)}?mode=ro", uri=True, timeout=0)) as look:
            names = [row[0] for row in look.execute(listing, (NAMES_MAX,))]
    except sqlite3.Error:
        return []
    return [name for name in names if not name.startswith("_flowlang")]
