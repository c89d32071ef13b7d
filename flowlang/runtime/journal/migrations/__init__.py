"""Migrations: numbered steps from an empty database to the tables of `tables.py`.

A step is a module `NNNN_what.py` with one function `apply(connection)`. Steps are never edited once released, so they
spell their tables out and import nothing of flowlang. All steps that a database lacks are applied in one transaction:
it gets all of them or none, and two programs that start at once apply them once.

A database is recognised by its table `flowlang_schema`. Databases with other tables and no such table belong to
somebody else and are left alone; so are journals of a newer flowlang.
"""

from __future__ import annotations

from importlib import import_module

from sqlalchemy import Connection, func, insert, inspect, select

from flowlang.errors import SchemaMismatch
from flowlang.runtime.journal.tables import flowlang_schema

MIGRATIONS = ("0001_initial", "0002_whole_runtime")


def schema_version(connection: Connection) -> int:
    """How many migrations the database has seen; 0 for an empty one. Raises SchemaMismatch."""
    names = set(inspect(connection).get_table_names())
    if flowlang_schema.name not in names:
        if names:
            raise SchemaMismatch(
                "the database holds other tables and no journal",
                hint="give flowlang a database of its own",
            )
        return 0
    version = int(connection.scalar(select(func.max(flowlang_schema.c.version))) or 0)
    if version > len(MIGRATIONS):
        raise SchemaMismatch(
            f"the journal has schema version {version}, and this flowlang knows {len(MIGRATIONS)}",
            hint="use the flowlang version that wrote it, or a newer one",
        )
    return version


def migrate(connection: Connection, now_ms: int) -> None:
    """Brings the database to the newest schema, inside the transaction that the caller has begun for writing."""
    version = schema_version(connection)
    for number, name in enumerate(MIGRATIONS[version:], start=version + 1):
        import_module(f"{__name__}.{name}").apply(connection)
        connection.execute(insert(flowlang_schema).values(version=number, name=name, applied_at_ms=now_ms))
