"""The first schema: code, runs, events, blobs, and the tables for waits and messages."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
)

_metadata = MetaData()

# SQLite gives out row numbers only for a column declared INTEGER.
_row_number = BigInteger().with_variant(Integer(), "sqlite")

Table(
    "flowlang_schema",
    _metadata,
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("name", Text, nullable=False),
    Column("applied_at_ms", BigInteger, nullable=False),
)

Table(
    "module",
    _metadata,
    Column("digest", Text, primary_key=True),
    Column("text", LargeBinary, nullable=False),
)

Table(
    "manifest",
    _metadata,
    Column("digest", Text, primary_key=True),
    Column("document", Text, nullable=False),
)

Table(
    "manifest_module",
    _metadata,
    Column("manifest", Text, ForeignKey("manifest.digest"), primary_key=True),
    Column("name", Text, primary_key=True),
    Column("module", Text, ForeignKey("module.digest"), nullable=False),
)

Table(
    "run",
    _metadata,
    Column("number", _row_number, primary_key=True),
    Column("run_id", Text, nullable=False, unique=True),
    Column("entry", Text, nullable=False),
    Column("flow", Text, nullable=False),
    Column("arguments_digest", Text, nullable=False),
    Column("code", Text, nullable=False),
    Column("manifest", Text, ForeignKey("manifest.digest"), nullable=False),
    Column("created_at_ms", BigInteger, nullable=False),
    Column("updated_at_ms", BigInteger, nullable=False),
    Column("status", Text, nullable=False),
    Column("owner", Text, nullable=False),
    Column("token", BigInteger, nullable=False),
    Column("lease_expires_at_ms", BigInteger, nullable=False),
    Column("sequence", BigInteger, nullable=False),
    Column("checksum", LargeBinary, nullable=False),
    Column("steps", BigInteger, nullable=False),
    Column("memory", BigInteger, nullable=False),
    Column("actions_completed", BigInteger, nullable=False),
    Index("run_status", "status", "number"),
)

Table(
    "event",
    _metadata,
    Column("run", BigInteger, ForeignKey("run.number"), primary_key=True),
    Column("sequence", BigInteger, primary_key=True),
    Column("recorded_at_ms", BigInteger, nullable=False),
    Column("token", BigInteger, nullable=False),
    Column("kind", Text, nullable=False),
    Column("position", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("detail", Text, nullable=False),
    Column("encoding", Text, nullable=False),
    Column("payload", LargeBinary),
    Column("steps", BigInteger, nullable=False),
    Column("memory", BigInteger, nullable=False),
    Column("actions_completed", BigInteger, nullable=False),
    Column("checksum", LargeBinary, nullable=False),
    sqlite_with_rowid=False,
)

Table(
    "blob",
    _metadata,
    Column("digest", LargeBinary, primary_key=True),
    Column("encoding", Text, nullable=False),
    Column("content", LargeBinary, nullable=False),
)

Table(
    "wait",
    _metadata,
    Column("run", BigInteger, ForeignKey("run.number"), primary_key=True),
    Column("position", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("wake_at_ms", BigInteger),
    Column("created_at_ms", BigInteger, nullable=False),
    Column("decided_by", Text),
    Column("decided_at_ms", BigInteger),
    Index("wait_due", "decided_by", "wake_at_ms"),
    sqlite_with_rowid=False,
)

Table(
    "inbox",
    _metadata,
    Column("number", _row_number, primary_key=True),
    Column("run", BigInteger, ForeignKey("run.number"), nullable=False),
    Column("kind", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("message_key", Text),
    Column("encoding", Text, nullable=False),
    Column("payload", LargeBinary),
    Column("position", Text),
    Column("created_at_ms", BigInteger, nullable=False),
    Column("taken_at_ms", BigInteger),
    UniqueConstraint("run", "message_key", name="inbox_message"),
    ForeignKeyConstraint(["run", "position"], ["wait.run", "wait.position"]),
    Index("inbox_open", "run", "taken_at_ms", "number"),
)


def apply(connection: Connection) -> None:
    """Creates the tables."""
    _metadata.create_all(connection, checkfirst=False)
