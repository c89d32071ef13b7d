"""Joint writes to PostgreSQL when the network breaks: what the journal says is what happened."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from joint_world import TABLE, JointWorld, joint_commits

from flowlang.actions import postgres
from flowlang.errors import JournalUnavailable
from flowlang.runtime import joint_outcome
from flowlang.runtime.journal.dialects import postgres_connection
from flowlang.testing.postgres_server import PostgresServer
from flowlang.testing.proxy import Proxy

INSERT = 'return sql.execute("INSERT INTO item VALUES (?, 1)", [current_flow().run_id])'
COMMIT = b"COMMIT; RESET"
COMMIT_REPLY_BYTES = 45
"""Three statements are answered, and the end of the answers."""


@pytest.fixture
def proxy(postgres_server: PostgresServer) -> Iterator[Proxy]:
    made = Proxy(postgres_server.port)
    yield made
    made.close()


@pytest.fixture
def world(tmp_path: Path, postgres_server: PostgresServer, proxy: Proxy) -> Iterator[JointWorld]:
    """Its actions go through the proxy, its journal does not."""
    database = postgres_server.create_database()
    url = postgres_server.url(database, port=proxy.port) + "?connect_timeout=2"
    made = JointWorld(tmp_path, url, journal_url=postgres_server.url(database))
    made.value("return None", "first")
    made.execute(TABLE)
    yield made
    postgres_server.drop_database(database)


def after_the_record(monkeypatch: pytest.MonkeyPatch, happens: Callable[[], object]) -> None:
    """Something happens between the record of a write and its commit, the first time."""
    write = joint_outcome._Recorder.write
    calls: list[int] = []

    def watched(self: Any, *arguments: Any) -> None:
        write(self, *arguments)
        calls.append(1)
        if len(calls) == 1:
            happens()

    monkeypatch.setattr(joint_outcome._Recorder, "write", watched)


def test_a_commit_whose_answer_breaks_at_any_byte_happened_once(world: JointWorld, proxy: Proxy) -> None:
    """The record is found by the connection that follows, so the attempt has succeeded, and there is no other."""
    for count in range(0, COMMIT_REPLY_BYTES, 4):
        proxy.cut_reply(count, COMMIT)
        with joint_commits() as joint:
            assert world.value(INSERT, f"run-{count}") == 1
        found = (len(joint), world.written(f"run-{count}"), world.completed(f"run-{count}"))
        assert (found, world.attempts(f"run-{count}")) == ((1, 1, 1), 0)
    assert proxy.cuts == len(range(0, COMMIT_REPLY_BYTES, 4))


def test_a_commit_that_never_arrives_is_made_by_the_next_connection(
    world: JointWorld, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    after_the_record(monkeypatch, proxy.cut)
    assert world.value(INSERT) == 1
    assert (world.written(), world.completed(), world.attempts()) == (1, 1, 0)


def test_a_commit_into_a_black_hole_is_given_up_and_its_locks_are_taken_from_it(
    world: JointWorld, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server still has the transaction open, with the run's row locked: it is ended before it is made again."""
    monkeypatch.setattr(postgres_connection, "ANSWER_S", 0.2)
    after_the_record(monkeypatch, proxy.lose)
    assert world.value(INSERT) == 1
    assert (world.written(), world.completed(), world.attempts()) == (1, 1, 0)


def test_a_write_that_meets_a_renewal_is_performed_apart(world: JointWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    """At isolation levels that refuse to change what somebody else has changed meanwhile, the run's row, say."""
    (name,) = world.execute("SELECT current_database()")[0]
    world.execute(f"ALTER DATABASE \"{name}\" SET default_transaction_isolation = 'repeatable read'")
    write = joint_outcome._Recorder.write

    def renewed_before(self: Any, *arguments: Any) -> None:
        world.execute("UPDATE run SET updated_at_ms = updated_at_ms + 1 WHERE run_id = 'run'")
        write(self, *arguments)

    monkeypatch.setattr(joint_outcome._Recorder, "write", renewed_before)
    assert world.value(INSERT) == 1
    assert (world.written(), world.completed(), world.attempts()) == (1, 1, 0)


@pytest.mark.parametrize("arrives", [True, False])
def test_nothing_is_said_about_a_commit_of_which_nothing_is_known(
    world: JointWorld, proxy: Proxy, monkeypatch: pytest.MonkeyPatch, arrives: bool
) -> None:
    """The network stays broken. The run is not driven on with a guess; whoever takes it up finds the truth, and does
    what is still to be done."""
    monkeypatch.setattr(postgres, "JOURNAL_WAIT_S", 0.3)

    def breaks() -> None:
        proxy.refuse(True)
        if arrives:
            proxy.cut_reply(0, COMMIT)
        else:
            proxy.cut()

    after_the_record(monkeypatch, breaks)
    with pytest.raises(JournalUnavailable):
        world.drive(INSERT)
    assert world.written() == world.completed() == int(arrives)
    proxy.refuse(False)
    assert world.drive(INSERT, resumes=True).result.value == 1
    assert (world.written(), world.completed(), world.attempts()) == (1, 1, int(not arrives))
