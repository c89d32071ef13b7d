"""What PostgreSQL complained about, as errors of actions. No message ever contains the URL: it may hold a password."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import psycopg

from flowlang.lang.values.quote import clip
from flowlang.runtime.action import ActionError
from flowlang.runtime.database import Database

STATEMENT_SHOWN: Final = 120
CONFLICTS: Final = frozenset({"40001", "40P01", "55P03", "55006"})
KINDS: Final[Mapping[str, tuple[str, bool]]] = {
    "23": ("constraint-violated", False),
    "53": ("disk-full", True),
    "28": ("permission-denied", False),
    "08": ("database-unavailable", True),
    "57": ("database-unavailable", True),
}
"""The kind of failure and whether it is worth another attempt, by class of error."""
STATES: Final[Mapping[str, tuple[str, bool]]] = {
    "42501": ("permission-denied", False),
    "25006": ("sql-refused", False),
    "53300": ("database-unavailable", True),
    "3D000": ("database-not-found", False),
}
"""The same, by error, before the class is asked."""


def problem_error(problem: Exception, text: str, database: Database) -> ActionError:
    """The action's error for what the driver raised while it executed `text`."""
    statement = f" in {clip(' '.join(text.split()), STATEMENT_SHOWN)}" if text else ""
    data = {"database": database.name, "statement": text[:1000]}
    state = getattr(problem, "sqlstate", None)
    if not isinstance(problem, psycopg.Error):
        return ActionError("sql-parameter", f"a parameter does not fit{statement}", data=data)
    message = problem.diag.message_primary or str(problem).partition("\n")[0]
    if state is None:
        return _without_state(problem, message, statement, database, data)
    data["detail"] = message
    if state in CONFLICTS:
        return ActionError(
            "database-locked",
            f"database `{database.name}` is in use by another writer: {message}",
            data=data,
            retryable=True,
            hint="try again, with `retry(...)`",
        )
    if state == "25006":
        message = f"`sql.query` only reads, but this statement writes{statement}"
        return ActionError("sql-refused", message, data=data, hint="use `sql.execute` for it")
    kind, retryable = STATES.get(state) or KINDS.get(state[:2], ("sql-error", False))
    return ActionError(kind, f"{message}{statement}", data=data, retryable=retryable, hint=_hint(problem, state))


def _without_state(
    problem: psycopg.Error, message: str, statement: str, database: Database, data: dict[str, str]
) -> ActionError:
    """The server said nothing: it is not there, or the driver itself refused."""
    if isinstance(problem, psycopg.OperationalError):
        return ActionError(
            "database-unavailable",
            f"database `{database.name}` cannot be reached",
            data=data,
            retryable=True,
            hint="is the server running, and is its address right?",
        )
    if isinstance(problem, psycopg.ProgrammingError):
        hint = "give one parameter for each `?`, or a dict with a key for each `:name`; an operator `?` is written `??`"
        return ActionError("sql-error", f"the parameters do not fit the statement{statement}", data=data, hint=hint)
    return ActionError("sql-parameter", f"{message}{statement}", data=data)


def _hint(problem: psycopg.Error, state: str) -> str | None:
    if state == "42601" and "multiple commands" in (problem.diag.message_primary or ""):
        return "give several statements to `sql.transaction([...])`"
    hint = problem.diag.message_hint
    return hint[:1].lower() + hint[1:].rstrip(".") if hint else None
