"""When a write is committed with its record: when the database is the journal's in truth, whatever it is called; and
only by whoever owns the run."""

from __future__ import annotations

import base64
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from joint_world import TABLE, JointWorld, joint_commits

from flowlang.errors import LeaseLost
from flowlang.runtime.hooks import Hooks
from flowlang.runtime.journal.event import Position
from flowlang.testing.postgres_server import PostgresServer
from flowlang.testing.proxy import Proxy

INSERT = 'return sql.execute("INSERT INTO item VALUES (?, 1)", [current_flow().run_id])'


@pytest.fixture(params=["sqlite", "postgres"])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> JointWorld:
    made = JointWorld.of_kind(tmp_path, request.param, request)
    made.value("return None", "first")
    made.execute(TABLE)
    return made


@pytest.fixture
def proxy(postgres_server: PostgresServer) -> Iterator[Proxy]:
    made = Proxy(postgres_server.port)
    yield made
    made.close()


class Robbery(Hooks):
    """Somebody else takes the run over when its first attempt begins."""

    def __init__(self, world: JointWorld) -> None:
        self.world = world

    def attempt(self, run_id: str, position: Position, action: str, attempt: int) -> None:
        self.world.execute("UPDATE run SET token = token + 1, owner = 'else' WHERE run_id = ?", run_id)


class Backwards:
    """A codec of sorts."""

    name = "backwards"

    def encode(self, payload: bytes) -> bytes:
        return base64.b64encode(payload)

    def decode(self, encoded: bytes) -> bytes:
        return base64.b64decode(encoded)


def test_who_lost_the_run_writes_nothing(world: JointWorld) -> None:
    """The proof of ownership is asked for in the same transaction, so the row goes with the record."""
    with pytest.raises(LeaseLost):
        world.drive(INSERT, hooks=Robbery(world))
    assert (world.written(), world.completed()) == (0, 0)


def test_results_pass_through_the_codec(world: JointWorld) -> None:
    world.codec = Backwards()
    with joint_commits() as joint:
        assert world.value(INSERT) == 1
    assert joint == ["run"]
    stored = world.execute("SELECT payload FROM event WHERE kind = 'action-completed/1'")
    assert [bytes(payload).startswith(b"\x00backwards\x00") for (payload,) in stored] == [True]


def test_a_key_of_an_attempt_that_was_performed_apart_is_honoured(world: JointWorld) -> None:
    """It was committed by itself before the process died: it is not written again, and its result is recorded."""
    world.value(INSERT, "other")  # makes the table of keys

    class Before(Hooks):
        def attempt(self, run_id: str, position: Position, action: str, attempt: int) -> None:
            given = (f"{run_id}/{world.events(run_id)[0].salt}/0.0", b"[7]", run_id, 0)
            world.execute("INSERT INTO _flowlang_effect VALUES (?, ?, ?, ?)", *given)

    assert world.drive(INSERT, hooks=Before()).result.value == 7
    assert (world.written(), world.completed()) == (0, 1)


def test_a_file_is_known_by_what_it_is_and_not_by_its_name(tmp_path: Path) -> None:
    world = JointWorld(tmp_path, None)
    world.value("return None", "first")
    world.execute(TABLE)
    (tmp_path / "link.db").symlink_to("shop.db")
    shutil.copy(tmp_path / "shop.db", tmp_path / "copy.db")
    for name, expected in (("link.db", ["link"]), ("copy.db", [])):
        (tmp_path / "pyproject.toml").write_text(f'[tool.flowlang.databases]\nmain = "{name}"\n')
        with joint_commits() as joint:
            assert world.value(INSERT, name.partition(".")[0]) == 1
        assert joint == expected


def test_a_server_is_known_by_what_it_is_and_not_by_its_address(
    tmp_path: Path, postgres_server: PostgresServer, proxy: Proxy
) -> None:
    """The same database over a socket and over TCP; another one of the same server, which is a copy of it."""
    name, copy = postgres_server.create_database(), postgres_server.create_database()
    try:
        for database, expected in ((name, ["run-0"]), (copy, [])):
            world = JointWorld(
                tmp_path, postgres_server.url(database, port=proxy.port), journal_url=postgres_server.url(name)
            )
            with postgres_server.connect(database) as connection:
                connection.execute(TABLE.encode())
            with joint_commits() as joint:
                assert world.value(INSERT, "run-0" if expected else "run-1") == 1
            assert joint == expected
    finally:
        postgres_server.drop_database(name)
        postgres_server.drop_database(copy)


def test_a_journal_in_a_schema_of_its_own_with_an_ordinary_user(
    tmp_path: Path, postgres_server: PostgresServer
) -> None:
    """The record goes to the journal's schema, rows to where the action's connection puts them; and another user does
    not join, since it need not have the right to write to the journal."""
    name = postgres_server.create_database()
    users = ("flow_one", "flow_two")
    with postgres_server.connect(name) as connection:
        for user in users:
            connection.execute(f"CREATE ROLE {user} LOGIN".encode())
            connection.execute(f'GRANT ALL ON DATABASE "{name}" TO {user}'.encode())
            connection.execute(f"GRANT ALL ON SCHEMA public TO {user}".encode())
        connection.execute(f"{TABLE}; GRANT ALL ON item TO flow_one, flow_two".encode(), prepare=False)
        url = postgres_server.url(name)
        try:
            for user, expected in (("flow_one", ["run-1"]), ("flow_two", [])):
                own, journal = (url.replace("postgres@", f"{each}@") for each in (user, "flow_one"))
                world = JointWorld(tmp_path, own, journal_url=f"{journal}&schema=flow")
                with joint_commits() as joint:
                    assert world.value(INSERT, f"run-{len(expected)}") == 1
                assert joint == expected
                assert world.completed(f"run-{len(expected)}") == 1
                connection.execute("GRANT ALL ON _flowlang_effect TO flow_two")
            kept = connection.execute("SELECT run_id FROM flow.run ORDER BY run_id").fetchall()
            assert kept == [("run-0",), ("run-1",)]
            assert connection.execute("SELECT name FROM item ORDER BY name").fetchall() == kept
        finally:
            for user in users:
                connection.execute(f"DROP OWNED BY {user} CASCADE; DROP ROLE {user}".encode(), prepare=False)
    postgres_server.drop_database(name)
