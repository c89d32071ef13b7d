"""Placement, parents, state and chapters of runs, gates, messages, attributes and keys.

The tables for waits and messages of the first schema were never used, so they are made anew.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Double,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.schema import CreateColumn

_metadata = MetaData()

# SQLite gives out row numbers only for a column declared INTEGER.
_row_number = BigInteger().with_variant(Integer(), "sqlite")

_UNFINISHED = "status IN ('running', 'suspended', 'waiting', 'stopped')"
_HAS_TURN = "partition <> '' AND (status IN ('running', 'waiting', 'stopped') OR due_at_ms IS NOT NULL)"


def _partial_index(name: str, condition: str, *columns: str) -> Index:
    where = text(condition)
    return Index(name, *columns, sqlite_where=where, postgresql_where=where)


_run = Table(
    "run",
    _metadata,
    Column("number", _row_number, primary_key=True),
    Column("owner", Text, nullable=False),
    Column("status", Text, nullable=False),
)

_run_columns: tuple[Column[object], ...] = (
    Column("queue", Text, nullable=False, server_default="default"),
    Column("priority", Integer, nullable=False, server_default="1"),
    Column("partition", Text, nullable=False, server_default=""),
    Column("start_at_ms", BigInteger),
    Column("due_at_ms", BigInteger),
    Column("deadline_at_ms", BigInteger),
    Column("parent", Text, nullable=False, server_default=""),
    Column("parent_position", Text, nullable=False, server_default=""),
    Column("on_parent_close", Text, nullable=False, server_default=""),
    Column("root", Text, nullable=False, server_default=""),
    Column("correlation", Text, nullable=False, server_default=""),
    Column("state", Text, nullable=False, server_default=""),
    Column("progress", Text, nullable=False, server_default=""),
    Column("reason", Text, nullable=False, server_default=""),
    Column("crashes", Integer, nullable=False, server_default="0"),
    Column("chapter_sequence", BigInteger, nullable=False, server_default="1"),
)

for _column in _run_columns:
    _run.append_column(_column)

for _index in (
    _partial_index("run_due", "due_at_ms IS NOT NULL", "queue", "priority", "due_at_ms"),
    _partial_index("run_owner", "owner <> ''", "owner"),
    _partial_index("run_partition", f"partition <> '' AND {_UNFINISHED}", "queue", "partition", "number"),
    _partial_index("run_turn", _HAS_TURN, "queue", "partition"),
    _partial_index("run_parent", "parent <> ''", "parent", "number"),
    _partial_index("run_root", "root <> ''", "root", "number"),
    _partial_index("run_correlation", "correlation <> ''", "correlation", "number"),
):
    _run.append_constraint(_index)

_new_tables = (
    Table(
        "wait",
        _metadata,
        Column("run", BigInteger, ForeignKey("run.number"), primary_key=True),
        Column("position", Text, primary_key=True),
        Column("name", Text, nullable=False),
        Column("sequence", BigInteger, nullable=False),
        Column("expires_at_ms", BigInteger),
        Column("encoding", Text, nullable=False),
        Column("payload", LargeBinary),
        Column("created_at_ms", BigInteger, nullable=False),
        Column("decided_by", Text, nullable=False, server_default=""),
        Column("decided_at_ms", BigInteger),
        _partial_index("wait_open", "decided_by = ''", "expires_at_ms", "run", "position"),
        sqlite_with_rowid=False,
    ),
    Table(
        "inbox",
        _metadata,
        Column("number", _row_number, primary_key=True),
        Column("run", BigInteger, ForeignKey("run.number"), nullable=False),
        Column("channel", Text, nullable=False),
        Column("name", Text, nullable=False),
        Column("message_key", Text),
        Column("digest", LargeBinary),
        Column("encoding", Text, nullable=False),
        Column("payload", LargeBinary),
        Column("created_at_ms", BigInteger, nullable=False),
        Column("taken_at_ms", BigInteger),
        UniqueConstraint("run", "channel", "message_key", name="inbox_message"),
        _partial_index("inbox_open", "taken_at_ms IS NULL", "run", "number"),
        sqlite_autoincrement=True,
    ),
    Table(
        "attribute",
        _metadata,
        Column("run", BigInteger, ForeignKey("run.number"), primary_key=True),
        Column("name", Text, primary_key=True),
        Column("kind", Text, nullable=False),
        Column("text", Text, nullable=False),
        Column("number", Double),
        Index("attribute_text", "name", "text", "run"),
        _partial_index("attribute_number", "number IS NOT NULL", "name", "number", "run"),
        sqlite_with_rowid=False,
    ),
    Table(
        "gate_key",
        _metadata,
        Column("number", _row_number, primary_key=True),
        Column("key_id", Text, nullable=False, unique=True),
        Column("secret", LargeBinary, nullable=False),
        Column("created_at_ms", BigInteger, nullable=False),
    ),
    Table(
        "flowlang_writer",
        _metadata,
        Column("writer", Text, primary_key=True),
        Column("counter", BigInteger, nullable=False),
    ),
)


def apply(connection: Connection) -> None:
    """Adds the columns and tables. Runs that nobody drives become due at once, others when their leases end."""
    for name in ("inbox", "wait"):
        connection.execute(text(f"DROP TABLE {name}"))
    for column in _run_columns:
        specification = CreateColumn(column).compile(dialect=connection.dialect)
        connection.execute(text(f"ALTER TABLE run ADD COLUMN {specification}"))
    connection.execute(text("UPDATE run SET due_at_ms = updated_at_ms WHERE status IN ('suspended', 'waiting')"))
    connection.execute(text("UPDATE run SET due_at_ms = lease_expires_at_ms WHERE status = 'running'"))
    for index in sorted(_run.indexes, key=lambda each: str(each.name)):
        index.create(connection)
    for table in _new_tables:
        table.create(connection)
