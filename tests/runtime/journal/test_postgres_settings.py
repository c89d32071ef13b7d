"""URLs of PostgreSQL databases, what goes into a connection, and what errors tell."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from sqlalchemy.engine import make_url

from flowlang.errors import JournalUnavailable, SchemaMismatch, UsageError
from flowlang.runtime.clock import SystemClock
from flowlang.runtime.journal.dialects import choose_dialect
from flowlang.runtime.journal.dialects.postgres import PostgresDialect
from flowlang.runtime.journal.dialects.postgres_connection import connect, connection_arguments
from flowlang.runtime.journal.locate import open_journal
from flowlang.testing.postgres_server import PostgresServer


def test_every_spelling_of_the_scheme_is_taken() -> None:
    for scheme in ("postgresql", "postgresql+psycopg", "postgres"):
        assert isinstance(choose_dialect(f"{scheme}://user@host/name"), PostgresDialect)


@pytest.mark.parametrize("location", ["mysql://host/name", "postgresql+asyncpg://host/name", "sqlite://", "://"])
def test_other_databases_are_refused(location: str) -> None:
    with pytest.raises(UsageError) as caught:
        choose_dialect(location)
    assert "postgresql://" in str(caught.value.hint)


def test_settings_of_the_url_win() -> None:
    url = make_url("postgresql://u:secret@h:5433/db?sslmode=require&options=-csearch_path%3Dmine&connect_timeout=2")
    found = connection_arguments(url, "")
    assert (found["host"], found["port"], found["user"], found["password"], found["dbname"]) == (
        "h", 5433, "u", "secret", "db",
    )  # fmt: skip
    assert found["sslmode"] == "require"
    assert found["connect_timeout"] == "2"
    assert found["options"].endswith("-csearch_path=mine")


def test_a_connection_has_the_settings_of_a_journal(postgres_server: PostgresServer) -> None:
    url = make_url(postgres_server.url("postgres") + "&schema=odd%20%22name")
    with connect(connection_arguments(url, 'odd "name'), "flowlang", autocommit=True) as connection:
        for name, expected in (
            ("synchronous_commit", "on"),
            ("search_path", '"odd ""name"'),
            ("application_name", "flowlang"),
            ("lock_timeout", "10s"),
        ):
            assert connection.execute(f"SHOW {name}".encode()).fetchone() == (expected,)


def test_nobody_there_is_told_soon_and_without_the_password() -> None:
    with pytest.raises(JournalUnavailable, match="cannot be reached") as caught:
        open_journal("postgresql://user:hunter2@127.0.0.1:1/journal", SystemClock())
    assert "hunter2" not in str(caught.value)
    assert "server runs" in str(caught.value.hint)


def test_a_database_that_is_not_there(postgres_server: PostgresServer) -> None:
    with pytest.raises(JournalUnavailable, match=r"`nowhere`.*does not exist") as caught:
        open_journal(postgres_server.url("nowhere"), SystemClock())
    assert "createdb" in str(caught.value.hint)


def test_a_user_that_is_not_there(postgres_server: PostgresServer) -> None:
    url = postgres_server.url("postgres").replace("postgres@", "stranger@")
    with pytest.raises(JournalUnavailable, match="refuses the user"):
        open_journal(url, SystemClock())


def test_a_wrong_password(postgres_server: PostgresServer) -> None:
    with postgres_server.connect() as connection:
        connection.execute("CREATE ROLE careful LOGIN PASSWORD 'right'")
    settings = postgres_server.folder / "data" / "pg_hba.conf"
    before = settings.read_text()
    settings.write_text("local all careful scram-sha-256\n" + before)
    try:
        with postgres_server.connect() as connection:
            connection.execute("SELECT pg_reload_conf()")
        url = postgres_server.url("postgres").replace("postgres@", "careful:wrong@")
        with pytest.raises(JournalUnavailable, match="refuses the password"):
            open_journal(url, SystemClock())
    finally:
        settings.write_text(before)
        with postgres_server.connect() as connection:
            connection.execute("SELECT pg_reload_conf()")


def test_a_user_without_rights(postgres_server: PostgresServer) -> None:
    name = postgres_server.create_database()
    with postgres_server.connect(name) as connection:
        connection.execute("CREATE ROLE reader LOGIN")
    url = postgres_server.url(name).replace("postgres@", "reader@")
    with pytest.raises(JournalUnavailable, match="may not use") as caught:
        open_journal(url, SystemClock())
    assert "grant" in str(caught.value.hint)
    postgres_server.drop_database(name)


def test_a_database_of_somebody_else_is_left_alone(postgres_server: PostgresServer) -> None:
    with postgres_server.connect() as connection:
        connection.execute("CREATE DATABASE elsewhere TEMPLATE template0")
    with postgres_server.connect("elsewhere") as connection:
        connection.execute("CREATE TABLE invoice (number int)")
    with pytest.raises(SchemaMismatch, match="other tables"):
        open_journal(postgres_server.url("elsewhere"), SystemClock())
    # A schema of its own is room enough.
    open_journal(postgres_server.url("elsewhere") + "&schema=flowlang", SystemClock()).close()
    with postgres_server.connect("elsewhere") as connection:
        found = connection.execute("SELECT schemaname FROM pg_tables WHERE tablename = 'run'").fetchall()
    assert found == [("flowlang",)]


def test_an_encoding_that_cannot_hold_every_text_is_refused(postgres_server: PostgresServer) -> None:
    with postgres_server.connect() as connection:
        connection.execute("CREATE DATABASE narrow TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C'")
    with pytest.raises(SchemaMismatch, match="LATIN1"):
        open_journal(postgres_server.url("narrow"), SystemClock())


def test_owners_of_other_directories_are_not_called_dead(
    postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = open_journal(postgres_url, SystemClock())
    owner = journal.new_owner()
    runtime = tmp_path / "runtime"
    runtime.mkdir(mode=0o700)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(runtime))
    elsewhere = open_journal(postgres_url, SystemClock())
    assert elsewhere.is_owner_alive(owner)
    journal.drop_owner(owner)
    assert not journal.is_owner_alive(owner)
    assert elsewhere.is_owner_alive(owner)
    journal.close()
    elsewhere.close()


def test_a_directory_that_others_may_enter_is_refused(
    postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    (tmp_path / "flowlang").mkdir()
    os.chmod(tmp_path / "flowlang", 0o777)
    with pytest.raises(JournalUnavailable, match="others may"):
        open_journal(postgres_url, SystemClock())
