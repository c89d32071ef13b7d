"""PostgreSQL behind the SQL actions: connections, what statements may do, and writes that happen exactly once.

**Exactly once.** A write is one transaction that first inserts a row with the attempt's idempotency key into
`_flowlang_effect`, then executes the statements, and puts their result into that row. If the key is there already, an
earlier attempt has been committed, and what its row says is given back. Two workers that believe to own the same
attempt meet at the insert: the second waits until the first has committed or is gone. When the connection breaks, also
in the middle of a COMMIT of which nobody knows whether it happened, the write is begun again on another connection,
and the key tells.

**What statements may do** is for the database's own rights to say. Here is only refused what would break the promise
above: control of the transaction, settings that outlast it, several statements in one text, changes of
`_flowlang_effect`. A query runs in a transaction that only reads.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final, TypeVar

import psycopg
from psycopg.pq import TransactionStatus

from flowlang.actions.placeholder import Statement, translated
from flowlang.actions.postgres_cell import host_cell
from flowlang.actions.postgres_pool import CONNECT_WAIT_S, ActionConnection, PostgresPool
from flowlang.actions.postgres_problem import problem_error
from flowlang.actions.postgres_transaction import (
    COMMIT,
    JointTransaction,
    Transaction,
    check_untouched,
    unknown_end,
)
from flowlang.actions.sql_rows import collect_rows
from flowlang.lang.values.canonical import decode, encode
from flowlang.lang.values.convert import from_host, to_host
from flowlang.runtime.action import ActionCancelled, ActionContext, ActionError
from flowlang.runtime.database import Database
from flowlang.runtime.joint import Recorder
from flowlang.runtime.journal.home import ServerHome

EFFECT_TABLE: Final = "_flowlang_effect"
MAKE_EFFECT_TABLE: Final = (
    "CREATE TABLE IF NOT EXISTS _flowlang_effect (key text PRIMARY KEY, result bytea NOT NULL, run text NOT NULL, "
    "created_at_ms bigint NOT NULL)"
)
LOCK_SCHEMA: Final = "SELECT pg_advisory_xact_lock(7305461)"
"""Tables that are made twice at the same time collide, in spite of `IF NOT EXISTS`."""
ADD_EFFECT: Final = "INSERT INTO _flowlang_effect VALUES (%s, '', %s, %s) ON CONFLICT (key) DO NOTHING"
FIND_EFFECT: Final = "SELECT result FROM _flowlang_effect WHERE key = %s"
SET_EFFECT: Final = "UPDATE _flowlang_effect SET result = %s WHERE key = %s"
CONTROL: Final = frozenset(
    {
        "abort", "begin", "checkpoint", "close", "cluster", "commit", "deallocate", "declare", "discard", "end",
        "execute", "fetch", "listen", "load", "lock", "move", "notify", "prepare", "reassign", "release", "reset",
        "rollback", "savepoint", "security", "set", "start", "unlisten", "vacuum",
    }
)  # fmt: skip
"""The first words of statements that control transactions, connections or cursors."""
RESTART_WAIT_S: Final = 5.0
JOURNAL_WAIT_S: Final = 20.0
"""So long a server is waited for that may have committed a record of the journal; less than a lease."""
RECONNECT_S: Final = 0.1

Arguments = Sequence[Any] | Mapping[str, Any]
Given = TypeVar("Given")


def query(context: ActionContext, database: Database, text: str, arguments: Arguments) -> list[dict[str, Any]]:
    """The rows of a statement that only reads."""
    statement = _checked(text)

    def read(connection: ActionConnection) -> list[dict[str, Any]]:
        connection.execute("BEGIN READ ONLY")
        with connection.cursor() as cursor:
            names: list[str] = []
            found = _streamed(cursor, statement, arguments, names)
            first = next(found, None)
            rows = [] if first is None else collect_rows(names, _with(first, found))
        check_untouched(connection, text)
        connection.execute(COMMIT, prepare=False)
        return rows

    return _guarded(context, database, text, read, repeats=True)


def is_home(context: ActionContext, database: Database) -> bool:
    """Whether the journal is in this very database."""
    if not isinstance(context.home, ServerHome):
        return False
    known = _pool(context, database).is_home
    if known is not None:
        return known
    return _guarded(context, database, "", lambda connection: connection.reached is not None, repeats=True)


def write(
    context: ActionContext, database: Database, statements: Sequence[tuple[str, Sequence[Arguments]]],
    recorder: Recorder | None = None,
) -> list[int]:  # fmt: skip
    """Executes statements, each once for every one of its arguments, in one transaction, exactly once. Gives the
    number of rows that each changed. With a recorder that is recorded in the same transaction; raises TakesLong when it
    would take long, and JournalUnavailable when nobody knows whether it was committed."""
    checked = [(text, _checked(text), repetitions) for text, repetitions in statements]
    key, at = context.idempotency_key, [""]  # the statement that is executed, for messages
    joint = None if recorder is None else JointTransaction(recorder)
    transaction = joint or Transaction()

    def change(connection: ActionConnection) -> list[int]:
        counts = transaction.was_committed(connection)
        if counts is not None:
            return counts
        pool = _pool(context, database)
        if database.exactly_once and not pool.has_effect_table:
            _make_effect_table(connection)
            pool.has_effect_table = True
        transaction.begin(connection)
        with transaction.executing(context):
            if not database.exactly_once:
                connection.execute(transaction.begins_with.encode(), prepare=False)
            else:
                # Several statements with values in one round trip: the values are put into the text.
                first = psycopg.ClientCursor(connection)
                first.execute(f"{transaction.begins_with}; {ADD_EFFECT}", (key, context.run_id, context.clock.now_ms()))
                while first.nextset():
                    pass
                if not first.rowcount:
                    row = connection.execute(FIND_EFFECT, (key,)).fetchone()
                    connection.execute("ROLLBACK")
                    assert row is not None
                    return list(to_host(decode(bytes(row[0]))))
            counts = []
            for text, statement, repetitions in checked:
                at[0] = text
                counts.append(_execute(connection, statement, repetitions))
                transaction.check_time()
            if database.exactly_once:
                connection.execute(SET_EFFECT, (encode(from_host(counts)), key))
            check_untouched(connection, at[0])
        at[0] = ""
        context.commit()
        transaction.commit(connection, counts)
        return counts

    if joint is None:
        return _guarded(context, database, at, change, repeats=database.exactly_once)
    try:
        return _guarded(context, database, at, change, repeats=True, patience_s=JOURNAL_WAIT_S)
    except (ActionError, ActionCancelled):
        if joint.doubtful is None:
            raise
        raise unknown_end() from None


def prune_effects(database: Database, before_ms: int, is_over: Callable[[str], bool]) -> int:
    """Forgets the keys of writes before that moment, of runs that are over. Gives how many."""
    with psycopg.connect(database.location.replace("+psycopg", "", 1), connect_timeout=CONNECT_WAIT_S) as connection:
        if connection.execute("SELECT to_regclass(%s)", (EFFECT_TABLE,)).fetchone() == (None,):
            return 0
        found = connection.execute("SELECT DISTINCT run FROM _flowlang_effect WHERE created_at_ms < %s", (before_ms,))
        over = [run for (run,) in found.fetchall() if is_over(run)]
        gone = connection.execute(
            "DELETE FROM _flowlang_effect WHERE created_at_ms < %s AND run = ANY(%s)", (before_ms, over)
        )
        return gone.rowcount


def _pool(context: ActionContext, database: Database) -> PostgresPool:
    return context.databases.resource("postgres", database, lambda: PostgresPool(database))


def _guarded(
    context: ActionContext, database: Database, text: str | list[str], act: Callable[[ActionConnection], Given], *,
    repeats: bool, patience_s: float = RESTART_WAIT_S,
) -> Given:  # fmt: skip
    """Does something on a connection. With `repeats`, nobody can tell whether it was done twice: then a connection
    that breaks is replaced, and a server that restarts is waited for."""
    pool = _pool(context, database)
    give_up_s = 0.0
    while True:
        connection: ActionConnection | None = None
        try:
            with pool.borrow(context) as connection:
                return act(connection)
        except (psycopg.Error, UnicodeError, OverflowError) as problem:
            context.check()
            now_s = time.monotonic()
            if repeats and isinstance(problem, psycopg.OperationalError) and _is_lost(problem):
                if connection is not None and connection.closed and not give_up_s:
                    pool.drop_idle()
                    give_up_s = now_s + patience_s
                if now_s < give_up_s:
                    time.sleep(RECONNECT_S)
                    continue
            raise problem_error(problem, text if isinstance(text, str) else text[0], database) from None


def _is_lost(problem: Exception) -> bool:
    """Whether the connection broke, rather than the server refusing something."""
    return getattr(problem, "sqlstate", None) in (None, "57P01", "57P02", "57P03", "08006", "08003")


def _execute(connection: ActionConnection, statement: Statement, repetitions: Sequence[Arguments]) -> int:
    """Executes one statement of a script. Gives the number of rows that it changed."""
    with connection.cursor() as cursor:
        if len(repetitions) == 1:
            # Prepared, because the protocol for others takes several statements at once.
            cursor.execute(statement.text.encode(), _given(repetitions[0]), prepare=True)
        elif repetitions:
            cursor.executemany(statement.text.encode(), [_given(each) for each in repetitions])
        if connection.info.transaction_status is not TransactionStatus.INTRANS:
            raise ActionError("sql-refused", "this statement ended the transaction, which every action has already")
        return max(0, cursor.rowcount) if repetitions else 0


def _streamed(
    cursor: psycopg.Cursor[tuple[Any, ...]], statement: Statement, arguments: Arguments, names: list[str]
) -> Iterator[list[Any]]:
    """The rows as they come; the names of the columns are in `names` before the first."""
    for row in cursor.stream(statement.text.encode(), _given(arguments)):
        if not names:
            names += [column.name for column in cursor.description or ()]
        yield list(map(host_cell, row))


def _with(first: list[Any], rest: Iterator[list[Any]]) -> Iterator[list[Any]]:
    yield first
    yield from rest


def _given(arguments: Arguments) -> Any:
    """Parameters for psycopg. Without any, `%%` would stay as it is, so an empty tuple is never None."""
    return arguments if isinstance(arguments, Mapping) else tuple(arguments)


def _checked(text: str) -> Statement:
    statement = translated(text)
    first = statement.begins[0] if statement.begins else ""
    if first in CONTROL:
        deed = f"begins with `{first.upper()}`, and every action has a transaction and a connection of its own already"
        raise ActionError("sql-refused", f"this statement {deed}", data={"statement": text[:1000]})
    if EFFECT_TABLE in text.lower():
        deed = f"names `{EFFECT_TABLE}`, with which flowlang makes writes happen once"
        raise ActionError("sql-refused", f"this statement {deed}", data={"statement": text[:1000]})
    return statement


def _make_effect_table(connection: ActionConnection) -> None:
    connection.execute("BEGIN")
    connection.execute(LOCK_SCHEMA)
    connection.execute(MAKE_EFFECT_TABLE)
    connection.execute("COMMIT")
