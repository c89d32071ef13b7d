"""Migrations on PostgreSQL: once, whoever begins; all or nothing; from every version."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from importlib import import_module

import pytest
from journal_store import start
from sqlalchemy import insert

from flowlang.errors import JournalUnavailable
from flowlang.runtime.clock import SystemClock
from flowlang.runtime.journal.dialects import choose_dialect
from flowlang.runtime.journal.migrations import MIGRATIONS, migrate
from flowlang.runtime.journal.sql import SqlJournal
from flowlang.runtime.journal.tables import flowlang_schema
from flowlang.testing.postgres_server import PostgresServer


@pytest.fixture
def empty(postgres_server: PostgresServer) -> Iterator[str]:
    """The name of a database without tables."""
    name = "empty"
    with postgres_server.connect() as connection:
        connection.execute("DROP DATABASE IF EXISTS empty WITH (FORCE)")
        connection.execute("CREATE DATABASE empty TEMPLATE template0")
    yield name
    postgres_server.drop_database(name)


def versions(server: PostgresServer, name: str) -> list[int]:
    with server.connect(name) as connection:
        return [row[0] for row in connection.execute("SELECT version FROM flowlang_schema ORDER BY version")]


def test_programs_that_start_at_once_migrate_once(postgres_server: PostgresServer, empty: str) -> None:
    barrier = threading.Barrier(6)
    problems: list[BaseException] = []

    def begin() -> None:
        try:
            barrier.wait(30)
            SqlJournal(postgres_server.url(empty), clock=SystemClock()).close()
        except BaseException as error:
            problems.append(error)

    threads = [threading.Thread(target=begin) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert problems == []
    assert versions(postgres_server, empty) == list(range(1, len(MIGRATIONS) + 1))


def test_a_migration_that_dies_in_the_middle_leaves_nothing(postgres_server: PostgresServer, empty: str) -> None:
    dialect = choose_dialect(postgres_server.url(empty))
    engine = dialect.open(create=True)
    connection = dialect.for_migration(dialect.connect(engine))
    connection.begin()
    migrate(connection, 1)
    postgres_server.kill_backend("flowlang")
    SqlJournal(postgres_server.url(empty), clock=SystemClock()).close()
    assert versions(postgres_server, empty) == list(range(1, len(MIGRATIONS) + 1))
    connection.invalidate()
    connection.close()
    engine.dispose()


def test_who_comes_second_waits_for_the_first(postgres_server: PostgresServer, empty: str) -> None:
    dialect = choose_dialect(postgres_server.url(empty))
    engine = dialect.open(create=True)
    with dialect.for_migration(dialect.connect(engine)) as connection, connection.begin():
        migrate(connection, 1)
        second = threading.Thread(target=lambda: SqlJournal(postgres_server.url(empty), clock=SystemClock()).close())
        second.start()
        with postgres_server.connect() as watcher:
            # Until it stands at the lock.
            while not watcher.execute("SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted").fetchone():
                assert second.is_alive()
    second.join(30)
    engine.dispose()
    assert versions(postgres_server, empty) == list(range(1, len(MIGRATIONS) + 1))


@pytest.mark.parametrize("version", range(1, len(MIGRATIONS) + 1))
def test_a_database_of_any_version_is_brought_to_the_newest(
    postgres_server: PostgresServer, empty: str, version: int
) -> None:
    dialect = choose_dialect(postgres_server.url(empty))
    engine = dialect.open(create=True)
    with dialect.for_migration(dialect.connect(engine)) as connection, connection.begin():
        for number, name in enumerate(MIGRATIONS[:version], start=1):
            import_module(f"flowlang.runtime.journal.migrations.{name}").apply(connection)
            connection.execute(insert(flowlang_schema).values(version=number, name=name, applied_at_ms=1))
    engine.dispose()
    journal = SqlJournal(postgres_server.url(empty), clock=SystemClock())
    start(journal)
    assert len(journal.read("run")) == 1
    journal.close()
    assert versions(postgres_server, empty) == list(range(1, len(MIGRATIONS) + 1))


def test_a_journal_that_is_not_to_be_made_is_missed(postgres_server: PostgresServer, empty: str) -> None:
    with pytest.raises(JournalUnavailable, match="there is no journal in the database `empty`"):
        SqlJournal(postgres_server.url(empty), clock=SystemClock(), create=False)
    with postgres_server.connect(empty) as connection:
        assert connection.execute("SELECT 1 FROM pg_tables WHERE schemaname = 'public'").fetchall() == []
