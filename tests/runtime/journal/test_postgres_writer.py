"""Writing to PostgreSQL when connections break: every change is there once, whatever byte the break comes at."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from psycopg import OperationalError, generators
from sqlalchemy.engine import make_url

from flowlang.errors import JournalUnavailable, LeaseLost
from flowlang.runtime.journal.dialects import choose_dialect, postgres_connection
from flowlang.runtime.journal.dialects.dialect import Cursor
from flowlang.runtime.journal.writer import Writer
from flowlang.testing.postgres_server import PostgresServer
from flowlang.testing.proxy import Proxy

COMMIT_REPLY_BYTES = 18
"""`CommandComplete` of a COMMIT, and `ReadyForQuery`."""


class Bench:
    """Writers on a table of numbers, one of them behind a proxy."""

    def __init__(self, server: PostgresServer) -> None:
        self.server = server
        self.database = server.create_database()
        with server.connect(self.database) as connection:
            connection.execute("CREATE TABLE number (value INTEGER)")
        self.proxy = Proxy(server.port)
        self._made: list[tuple[Writer, Any]] = []
        self.writer = self.new_writer(self.proxy.port)

    def new_writer(self, port: int | None = None, **settings: Any) -> Writer:
        url = self.server.url(self.database, port=port)
        dialect = choose_dialect(url + ("&" if "?" in url else "?") + "connect_timeout=2")
        engine = dialect.open(create=True)
        made = Writer(engine, dialect, **settings)
        self._made.append((made, engine))
        return made

    def numbers(self) -> list[int]:
        with self.server.connect(self.database) as connection:
            return [row[0] for row in connection.execute("SELECT value FROM number ORDER BY value")]

    def close(self) -> None:
        for writer, engine in self._made:
            writer.close()
            engine.dispose()
        self.proxy.close()
        self.server.drop_database(self.database)


@pytest.fixture
def bench(postgres_server: PostgresServer) -> Iterator[Bench]:
    made = Bench(postgres_server)
    yield made
    made.close()


def insert(value: int) -> Callable[[Cursor], int]:
    def change(cursor: Cursor) -> int:
        cursor.execute("INSERT INTO number VALUES (%s)", (value,))
        return value

    return change


def test_a_commit_whose_answer_breaks_at_any_byte_happened_once(bench: Bench) -> None:
    bench.writer.write(insert(-1))
    for count in range(COMMIT_REPLY_BYTES):
        bench.proxy.cut_reply(count, b"COMMIT")
        assert bench.writer.write(insert(count)) == count
    assert bench.proxy.cuts == COMMIT_REPLY_BYTES
    assert bench.numbers() == list(range(-1, COMMIT_REPLY_BYTES))


def test_a_break_before_the_commit_is_written_by_the_second_attempt(bench: Bench) -> None:
    bench.writer.write(insert(-1))
    for marker in (b"BEGIN", b"INSERT"):
        bench.proxy.cut_reply(0, marker)
        bench.writer.write(insert(1))
    assert bench.proxy.cuts == 2
    assert bench.numbers() == [-1, 1, 1]


def test_a_commit_that_never_arrives_is_repeated(bench: Bench) -> None:
    bench.writer.write(insert(-1))

    def cut_off(cursor: Cursor) -> int:
        insert(len(attempts))(cursor)
        attempts.append(1)
        if len(attempts) == 1:
            bench.proxy.cut()
        return len(attempts)

    attempts: list[int] = []
    assert bench.writer.write(cut_off) == 2
    assert bench.numbers() == [-1, 1]


def test_a_first_write_may_be_the_one_whose_answer_is_lost(bench: Bench) -> None:
    bench.proxy.cut_reply(0, b"COMMIT")
    bench.writer.write(insert(1))
    assert bench.numbers() == [1]


def test_a_refusal_survives_a_break(bench: Bench) -> None:
    def refused(cursor: Cursor) -> None:
        cursor.execute("SELECT 1")
        raise LeaseLost("lost")

    bench.writer.write(insert(1))
    bench.proxy.cut()
    assert isinstance(bench.writer.write_many([insert(2), refused])[1], LeaseLost)
    assert bench.numbers() == [1, 2]


def test_a_late_refusal_leaves_nothing_and_the_others_stay(bench: Bench) -> None:
    def refused(cursor: Cursor) -> None:
        insert(99)(cursor)
        raise LeaseLost("lost")

    outcomes = bench.writer.write_many([insert(1), refused, insert(2)], late_refusal=True)
    assert [outcomes[0], type(outcomes[1]), outcomes[2]] == [1, LeaseLost, 2]
    assert bench.numbers() == [1, 2]


def test_a_statement_that_fails_is_its_own_trouble(bench: Bench) -> None:
    def broken(cursor: Cursor) -> None:
        cursor.execute("INSERT INTO number VALUES ('x')")

    outcomes = bench.writer.write_many([insert(1), broken, insert(2)])
    assert outcomes[0] == 1
    assert outcomes[2] == 2
    assert isinstance(outcomes[1], Exception)
    assert bench.numbers() == [1, 2]


def test_a_black_hole_is_noticed_and_the_write_is_done_when_it_ends(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres_connection, "ANSWER_S", 0.2)
    bench.writer.write(insert(-1))
    bench.proxy.swallow(True, True)
    # The watch asks the server when nothing has come for a while; it gets no answer either, and the network heals.
    threading.Timer(1.0, bench.proxy.swallow, (False, False)).start()
    began = time.monotonic()
    assert bench.writer.write(insert(1)) == 1
    assert time.monotonic() - began < 10
    assert bench.numbers() == [-1, 1]


def test_half_open_requests_that_arrive_without_an_answer_are_not_done_twice(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres_connection, "ANSWER_S", 0.2)
    bench.writer.write(insert(-1))

    def hole_before_commit(cursor: Cursor) -> int:
        insert(1)(cursor)
        if not bench.numbers()[1:]:
            bench.proxy.swallow(False, True)
            threading.Timer(1.0, bench.proxy.swallow, (False, False)).start()
        return 1

    bench.writer.write(hole_before_commit)
    assert bench.numbers() == [-1, 1]


def test_a_slow_statement_is_not_taken_for_a_dead_server(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres_connection, "ANSWER_S", 0.1)
    calls: list[int] = []

    def slow(cursor: Cursor) -> None:
        calls.append(1)
        cursor.execute("SELECT pg_sleep(0.5)")

    bench.writer.write(slow)
    assert len(calls) == 1


def test_a_pipeline_of_which_half_arrives_is_not_waited_for(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres_connection, "ANSWER_S", 0.2)
    arguments = postgres_connection.connection_arguments(make_url(bench.server.url(bench.database)), "")
    connection = postgres_connection.connect(arguments, "flowlang", autocommit=True)
    # A statement without the end of its pipeline: the server goes on to listen, and counts as active meanwhile.
    connection.pgconn.enter_pipeline_mode()
    connection.pgconn.send_query_params(b"SELECT 1", [])
    with pytest.raises(OperationalError, match="does not answer"):
        connection.wait(generators.fetch_many(connection.pgconn))


def test_a_server_that_stays_away_is_given_up_in_time(bench: Bench) -> None:
    writer = bench.new_writer(bench.proxy.port, patience_s=0.3)
    writer.write(insert(1))
    bench.proxy.refuse(True)
    bench.proxy.cut()
    with pytest.raises(JournalUnavailable, match="cannot be reached") as caught:
        writer.write(insert(2))
    assert "not known" in str(caught.value.hint)
    bench.proxy.refuse(False)
    assert writer.write(insert(3)) == 3
    assert bench.numbers() == [1, 3]


def test_a_deadlock_is_resolved_and_both_write(bench: Bench) -> None:
    with bench.server.connect(bench.database) as connection:
        connection.execute("CREATE TABLE account (number INTEGER PRIMARY KEY, total INTEGER)")
        connection.execute("INSERT INTO account VALUES (1, 0), (2, 0)")
    barrier = threading.Barrier(2)

    def crosswise(first: int, second: int) -> Callable[[Cursor], None]:
        tries: list[int] = []

        def change(cursor: Cursor) -> None:
            tries.append(1)
            cursor.execute("UPDATE account SET total = total + 1 WHERE number = %s", (first,))
            if len(tries) == 1:
                barrier.wait(30)
            cursor.execute("UPDATE account SET total = total + 1 WHERE number = %s", (second,))

        return change

    other = bench.new_writer()
    thread = threading.Thread(target=other.write, args=(crosswise(2, 1),))
    thread.start()
    bench.writer.write(crosswise(1, 2))
    thread.join(30)
    with bench.server.connect(bench.database) as connection:
        assert connection.execute("SELECT total FROM account").fetchall() == [(2,), (2,)]


def test_listeners_of_other_connections_are_told_and_again_after_a_break(bench: Bench) -> None:
    listener = bench.writer.listen("owner")
    while listener.wait(0.2):
        pass
    other = bench.new_writer()

    def loud(cursor: Cursor) -> None:
        insert(1)(cursor)
        other.announce()

    other.write(loud)
    assert listener.wait(10)
    bench.proxy.cut()
    assert listener.wait(10)
    other.write(loud)
    assert listener.wait(10)
    listener.close()


def test_a_closed_writer_leaves_no_row(bench: Bench) -> None:
    writer = bench.new_writer()
    writer.write(insert(1))
    writer.close()
    with bench.server.connect(bench.database) as connection:
        assert connection.execute("SELECT count(*) FROM flowlang_writer").fetchone() == (0,)
    with pytest.raises(JournalUnavailable, match="closed"):
        writer.write(insert(2))


def test_a_long_request_that_is_not_taken_is_given_up(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres_connection, "ANSWER_S", 0.2)
    with bench.server.connect(bench.database) as connection:
        connection.execute("CREATE TABLE large (content BYTEA)")

    def change(cursor: Cursor) -> None:
        tries.append(1)
        if len(tries) == 1:
            bench.proxy.delay_s = 60.0
            threading.Timer(1.0, setattr, (bench.proxy, "delay_s", 0.0)).start()
        cursor.execute("INSERT INTO large VALUES (%s)", (b"x" * 4_000_000,))

    tries: list[int] = []
    bench.writer.write(change)
    with bench.server.connect(bench.database) as connection:
        assert connection.execute("SELECT count(*) FROM large").fetchone() == (1,)
