"""The tables of a journal in a database, as SQLAlchemy Core sees them.

    flowlang_schema    which migrations were applied
    module             texts of modules, by digest
    manifest           code manifests, by digest
    manifest_module    which texts belong to a manifest
    run                one row per run: its state, its lease, the end of its chain
    event              the records; clustered by run and sequence, only ever inserted
    blob               large payloads, by digest
    wait               what runs wait for: timers and gates; a conditional update decides who wins
    inbox              messages for runs (signals, requests to cancel) that their owners have not taken up yet

Times are milliseconds since 1970, UTC. Digests of texts are hexadecimal, checksums and digests of payloads raw bytes.
The migrations describe the same tables step by step; a test compares the two.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
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

metadata = MetaData()

# SQLite gives out row numbers only for a column declared INTEGER.
_row_number = BigInteger().with_variant(Integer(), "sqlite")

flowlang_schema = Table(
    "flowlang_schema",
    metadata,
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("name", Text, nullable=False),
    Column("applied_at_ms", BigInteger, nullable=False),
)

module = Table(
    "module",
    metadata,
    Column("digest", Text, primary_key=True),
    Column("text", LargeBinary, nullable=False),
)

manifest = Table(
    "manifest",
    metadata,
    Column("digest", Text, primary_key=True),
    Column("document", Text, nullable=False),
)

manifest_module = Table(
    "manifest_module",
    metadata,
    Column("manifest", Text, ForeignKey("manifest.digest"), primary_key=True),
    Column("name", Text, primary_key=True),
    Column("module", Text, ForeignKey("module.digest"), nullable=False),
)

run = Table(
    "run",
    metadata,
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

event = Table(
    "event",
    metadata,
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

blob = Table(
    "blob",
    metadata,
    Column("digest", LargeBinary, primary_key=True),
    Column("encoding", Text, nullable=False),
    Column("content", LargeBinary, nullable=False),
)

wait = Table(
    "wait",
    metadata,
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

inbox = Table(
    "inbox",
    metadata,
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
