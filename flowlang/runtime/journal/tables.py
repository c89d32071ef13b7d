"""The tables of a journal in a database, as SQLAlchemy Core sees them.

    flowlang_schema    which migrations were applied
    module             texts of modules, by digest
    manifest           code manifests, by digest
    manifest_module    which texts belong to a manifest
    run                one row per run: its state, its lease, the end of its chain
    event              the records; clustered by run and sequence, only ever inserted
    blob               large payloads, by digest
    wait               gates; a conditional update decides who wins
    inbox              messages for runs that their owners have not taken up yet, and the keys of those they have
    attribute          searchable facts about runs
    gate_key           keys that the tokens of gates are made with
    flowlang_writer    how many transactions each writer committed, to find out after a lost connection

The row of a run changes at every step, but then none of its indexed columns does. `due_at_ms` says when a worker should
look at the run (empty: not by itself): for a run that is driven, the end of its lease as of the last claim or renewal.
`start_at_ms` is what its placement said, for runs that wait for others of their partition.

Times are milliseconds since 1970, UTC. Digests of texts are hexadecimal, checksums and digests of payloads raw bytes.
The migrations describe the same tables step by step; a test compares the two.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
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

metadata = MetaData()

PARTITIONED = "partition <> '' AND status IN ('running', 'suspended', 'waiting', 'stopped')"
"""Which runs keep others of their partition waiting. Queries must say it in these words to use the index."""

HAS_TURN = "partition <> '' AND (status IN ('running', 'waiting', 'stopped') OR due_at_ms IS NOT NULL)"
"""Which runs of a partition are under way, or next. The others wait for them."""


def _partial_index(name: str, condition: str, *columns: str) -> Index:
    # The migrations create it on PostgreSQL, too. To say so here would load that dialect wherever SQLite is used.
    return Index(name, *columns, sqlite_where=text(condition))


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
    Index("run_status", "status", "number"),
    _partial_index("run_due", "due_at_ms IS NOT NULL", "queue", "priority", "due_at_ms"),
    _partial_index("run_owner", "owner <> ''", "owner"),
    _partial_index("run_partition", PARTITIONED, "queue", "partition", "number"),
    _partial_index("run_turn", HAS_TURN, "queue", "partition"),
    _partial_index("run_parent", "parent <> ''", "parent", "number"),
    _partial_index("run_root", "root <> ''", "root", "number"),
    _partial_index("run_correlation", "correlation <> ''", "correlation", "number"),
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
)

inbox = Table(
    "inbox",
    metadata,
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
    sqlite_autoincrement=True,  # no number comes again, though rows that are taken are deleted
)

attribute = Table(
    "attribute",
    metadata,
    Column("run", BigInteger, ForeignKey("run.number"), primary_key=True),
    Column("name", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("number", Double),
    Index("attribute_text", "name", "text", "run"),
    _partial_index("attribute_number", "number IS NOT NULL", "name", "number", "run"),
    sqlite_with_rowid=False,
)

gate_key = Table(
    "gate_key",
    metadata,
    Column("number", _row_number, primary_key=True),
    Column("key_id", Text, nullable=False, unique=True),
    Column("secret", LargeBinary, nullable=False),
    Column("created_at_ms", BigInteger, nullable=False),
)

flowlang_writer = Table(
    "flowlang_writer",
    metadata,
    Column("writer", Text, primary_key=True),
    Column("counter", BigInteger, nullable=False),
)
