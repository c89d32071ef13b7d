"""The SQL actions, on real SQLite files."""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from workbench import Workbench

from flowlang.runtime.database import Database, declared_databases
from flowlang.runtime.executors.executor import Outcome, Success
from flowlang.runtime.executors.threads import ThreadExecutor

ENDLESS = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT count(*) AS n FROM n"


@pytest.fixture
def flights(bench: Workbench) -> Workbench:
    bench.call("sql.execute", "CREATE TABLE flight (id INTEGER PRIMARY KEY, carrier TEXT, delay REAL, raw BLOB)")
    bench.call("sql.executemany", "INSERT INTO flight (id, carrier) VALUES (?, ?)", [[1, "AA"], [2, "BB"]])
    return bench


@pytest.fixture
def outside(flights: Workbench) -> Iterator[sqlite3.Connection]:
    """Another program's connection to the same file."""
    with closing(sqlite3.connect(flights.root / "data.db", isolation_level=None)) as connection:
        yield connection


def rows(bench: Workbench) -> list[Any]:
    return [tuple(row.values()) for row in bench.call("sql.query", "SELECT id, carrier FROM flight ORDER BY id")]


def test_values_of_all_types_come_back(flights: Workbench) -> None:
    values = {"id": 7, "carrier": "Ä'; --", "delay": 1.5, "raw": b"\0\xff"}
    text = "INSERT INTO flight VALUES (:id, :carrier, :delay, :raw)"
    assert flights.call("sql.execute", text, values) == 1
    assert flights.call("sql.query", "SELECT * FROM flight WHERE id = ?", [7]) == [values]
    assert flights.call("sql.query", "SELECT NULL AS a, ? AS b", [True]) == [{"a": None, "b": 1}]


def test_counts_of_changed_rows(flights: Workbench) -> None:
    assert flights.call("sql.execute", "CREATE INDEX by_carrier ON flight (carrier)") == 0
    assert flights.call("sql.execute", "UPDATE flight SET delay = 1") == 2
    assert flights.call("sql.execute", "DELETE FROM flight WHERE id = 99") == 0
    assert flights.call("sql.execute", "WITH a AS (SELECT 10) INSERT INTO flight (id) SELECT * FROM a") == 1
    assert flights.call("sql.execute", "INSERT INTO flight (id) VALUES (11), (12) RETURNING id") == 2
    assert flights.call("sql.executemany", "UPDATE flight SET delay = ? WHERE id >= ?", [[1, 10], [2, 11]]) == 5
    assert flights.call("sql.executemany", "DELETE FROM flight WHERE id = ?", []) == 0


def test_a_transaction_is_all_or_nothing(flights: Workbench) -> None:
    good = ["UPDATE flight SET delay = 5", ("INSERT INTO flight (id) VALUES (?)", [3])]
    assert flights.call("sql.transaction", good) == [2, 1]
    failure = flights.failure("sql.transaction", ["DELETE FROM flight", ["INSERT INTO flight (id) VALUES (?)", [1, 2]]])
    assert failure.kind == "sql-error"
    assert failure.hint == "give one parameter for each `?`, or a dict with a key for each `:name`"
    assert len(rows(flights)) == 3
    assert flights.kind("sql.transaction", [1]) == "action-argument"
    assert flights.kind("sql.transaction", ["SELECT 1"] * 1001) == "action-argument"


def test_a_query_never_makes_a_database(bench: Workbench) -> None:
    failure = bench.failure("sql.query", "SELECT 1")
    assert failure.kind == "database-not-found"
    assert bench.kind("sql.query", "SELECT 1", database="other.db") == "database-not-found"
    assert os.listdir(bench.root) == []


@pytest.mark.parametrize(
    ("text", "deed"),
    [
        ("INSERT INTO flight (id) VALUES (3)", "inserts into `flight`"),
        ("INSERT INTO flight (id) VALUES (3) RETURNING id", "inserts into `flight`"),
        ("WITH a AS (SELECT 1) DELETE FROM flight", "deletes from `flight`"),
        ("UPDATE flight SET delay = 1", "updates `flight`"),
        ("DROP TABLE flight", "changes the schema"),
        ("CREATE TABLE other (x)", "changes the schema"),
        ("CREATE TEMP TABLE other (x)", "changes the schema"),
        ("ALTER TABLE flight RENAME TO other", "alters the table `flight`"),
    ],
)
def test_a_query_changes_nothing(flights: Workbench, text: str, deed: str) -> None:
    failure = flights.failure("sql.query", text)
    assert failure.kind == "sql-refused"
    assert f"`sql.query` only reads, but this statement {deed} in " in failure.message
    assert failure.hint == "use `sql.execute` for it"
    assert rows(flights) == [(1, "AA"), (2, "BB")]


@pytest.mark.parametrize(
    "text",
    [
        "ATTACH DATABASE 'other.db' AS other",
        "DETACH DATABASE main",
        "PRAGMA journal_mode = DELETE",
        "PRAGMA writable_schema = 1",
        "PRAGMA temp_store_directory = '/tmp'",
        "BEGIN",
        "COMMIT",
        "ROLLBACK",
        "SAVEPOINT a",
        "SELECT load_extension('x')",
        "DELETE FROM _flowlang_effect",
        "DROP TABLE _flowlang_effect",
        "ALTER TABLE _flowlang_effect RENAME TO x",
        "INSERT INTO _flowlang_effect VALUES ('a', 'b', 'c', 1)",
        "CREATE TRIGGER t AFTER INSERT ON _flowlang_effect BEGIN DELETE FROM flight; END",
        "CREATE TRIGGER t AFTER INSERT ON flight BEGIN DELETE FROM _flowlang_effect; END",
    ],
)
def test_what_no_statement_may_do(flights: Workbench, text: str) -> None:
    # A trigger is compiled, and so refused, when it is first fired.
    kinds = [flights.kind("sql.execute", text)] if "ON flight" not in text else []
    if not kinds:
        flights.call("sql.execute", text)
        kinds = [flights.kind("sql.execute", "INSERT INTO flight (id) VALUES (50)")]
        flights.call("sql.execute", "DROP TRIGGER t")
    assert set(kinds) <= {"sql-refused", "sql-error"}
    assert {name for name in os.listdir(flights.root) if not name.startswith("data.db-")} == {"data.db"}
    assert rows(flights) == [(1, "AA"), (2, "BB")]
    assert len(flights.call("sql.query", "SELECT key FROM _flowlang_effect")) >= 2


def test_vacuum_into_another_file_is_impossible(flights: Workbench, tmp_path: Path) -> None:
    for name in ("sql.execute", "sql.query"):
        assert flights.kind(name, f"VACUUM INTO '{tmp_path}/copy.db'") in {"sql-refused", "sql-error"}
    assert not (tmp_path / "copy.db").exists()


def test_mistakes_get_hints(flights: Workbench) -> None:
    failure = flights.failure("sql.query", "SELECT id\n  FROM fligth")
    assert (failure.kind, failure.message) == ("sql-error", 'no such table: fligth in "SELECT id FROM fligth"')
    assert failure.hint == "did you mean `flight`?"
    assert flights.failure("sql.query", "SELECT dealy FROM flight").hint == "did you mean `delay`?"
    failure = flights.failure("sql.execute", "SELECT 1; SELECT 2")
    assert failure.hint == "give several statements to `sql.transaction([...])`"
    assert flights.failure("sql.execute", "SELECT 1").hint == "use `sql.query` for it"
    assert "syntax error" in flights.failure("sql.query", "SELEC 1").message
    assert len(flights.failure("sql.query", "SELECT nothing" + " " * 50 + "x" * 5000).message) < 250


def test_constraints(flights: Workbench) -> None:
    failure = flights.failure("sql.execute", "INSERT INTO flight (id) VALUES (1)")
    assert failure.kind == "constraint-violated"
    assert failure.message.startswith("UNIQUE constraint failed: flight.id in ")
    flights.call("sql.execute", "CREATE TABLE leg (flight INTEGER REFERENCES flight)")
    assert flights.kind("sql.execute", "INSERT INTO leg VALUES (99)") == "constraint-violated"


def test_two_columns_of_one_name_are_refused(flights: Workbench) -> None:
    failure = flights.failure("sql.query", "SELECT a.id, b.id FROM flight a, flight b")
    assert failure.hint == "name them: `a.id AS a_id`"


@pytest.mark.parametrize("value", [[1], {"a": 1}, (1,)])
def test_what_no_column_can_hold(flights: Workbench, value: Any) -> None:
    assert flights.kind("sql.execute", "INSERT INTO flight (carrier) VALUES (?)", [value]) == "sql-parameter"
    failure = flights.failure("sql.executemany", "INSERT INTO flight (carrier) VALUES (?)", [["x"], [value]])
    assert "`rows[1]` has a" in failure.message
    assert flights.kind("sql.execute", "INSERT INTO flight (id) VALUES (?)", [1 << 64]) == "sql-error"
    assert len(rows(flights)) == 2


def test_endless_results_end(flights: Workbench) -> None:
    endless = ENDLESS.replace("count(*) AS n", "x")
    assert flights.kind("sql.query", endless) == "result-too-large"
    assert flights.kind("sql.query", "SELECT zeroblob(100000000) AS z") == "result-too-large"


def test_a_query_stops_at_its_timeout(flights: Workbench) -> None:
    begin = time.monotonic()
    failure = flights.failure("sql.query", ENDLESS, timeout=0.1)
    assert (failure.kind, failure.retryable) == ("timeout", True)
    assert time.monotonic() - begin < 5
    assert len(rows(flights)) == 2


def test_a_write_stopped_at_its_timeout_was_not_written(flights: Workbench) -> None:
    text = f"INSERT INTO flight (id) SELECT n FROM ({ENDLESS})"
    executor = ThreadExecutor(threads_max=1)
    outcomes: list[Outcome] = []
    reported = threading.Event()
    attempt = flights.attempt("sql.execute", text, timeout=0.1)
    executor.submit(attempt, lambda _, outcome: (outcomes.append(outcome), reported.set()))
    assert reported.wait(10)
    assert [getattr(outcome, "kind", "") for outcome in outcomes] == ["timeout"]
    assert len(rows(flights)) == 2
    # The thread came back: with one thread at most, nothing else could have written this.
    reported.clear()
    executor.submit(
        flights.attempt("sql.execute", "DELETE FROM flight"), lambda _, o: (outcomes.append(o), reported.set())
    )
    assert reported.wait(10)
    assert isinstance(outcomes[1], Success)
    executor.close()


def test_another_writer_is_waited_for_no_longer_than_the_timeout(
    flights: Workbench, outside: sqlite3.Connection
) -> None:
    outside.execute("BEGIN IMMEDIATE")
    failure = flights.failure("sql.execute", "DELETE FROM flight", timeout=0.05)
    assert failure.kind in {"database-locked", "timeout"}
    assert failure.retryable
    outside.execute("ROLLBACK")
    assert flights.call("sql.execute", "DELETE FROM flight") == 2


def test_a_repeated_attempt_writes_nothing_and_gives_the_first_result(flights: Workbench) -> None:
    text = "INSERT INTO flight (carrier) VALUES ('CC'), ('DD')"
    assert flights.call("sql.execute", text, context=flights.context("key")) == 2
    assert flights.call("sql.execute", text, context=flights.context("key", attempt=2)) == 2
    assert len(rows(flights)) == 4
    assert flights.call("sql.execute", text) == 2
    assert len(rows(flights)) == 6


def test_data_definition_happens_once(bench: Workbench) -> None:
    for attempt in (1, 2):
        assert bench.call("sql.execute", "CREATE TABLE a (x)", context=bench.context("key", attempt)) == 0
    assert bench.kind("sql.execute", "CREATE TABLE a (x)") == "sql-error"


def test_a_failed_write_leaves_no_key(flights: Workbench) -> None:
    text = "INSERT INTO flight (id) VALUES (2)"
    assert flights.kind("sql.execute", text, context=flights.context("key")) == "constraint-violated"
    flights.call("sql.execute", "DELETE FROM flight")
    assert flights.call("sql.execute", text, context=flights.context("key", attempt=2)) == 1


def test_keys_can_be_switched_off(tmp_path: Path) -> None:
    declared = {"main": Database("main", "sqlite", str(tmp_path / "x.db"), exactly_once=False)}
    bench = Workbench(tmp_path, declared)
    bench.call("sql.execute", "CREATE TABLE a (x)")
    for attempt in (1, 2):
        bench.call("sql.execute", "INSERT INTO a VALUES (1)", context=bench.context("key", attempt))
    assert bench.call("sql.query", "SELECT count(*) AS n FROM a") == [{"n": 2}]
    assert bench.kind("sql.query", "SELECT * FROM _flowlang_effect") == "sql-error"
    bench.close()


def test_names_of_databases(bench: Workbench, tmp_path: Path) -> None:
    bench.call("sql.execute", "CREATE TABLE a (x)", database="deep/er/a.db")
    assert (bench.root / "deep/er/a.db").is_file()
    assert bench.call("sql.query", "SELECT * FROM a", database="sqlite:///deep/er/a.db") == []
    assert bench.call("sql.query", "SELECT * FROM a", database=str(bench.root / "deep/er/a.db")) == []
    assert bench.kind("sql.query", "SELECT 1", database="maim") == "unknown-database"
    assert bench.failure("sql.query", "SELECT 1", database="maim").hint == "did you mean `main`?"
    assert bench.kind("sql.query", "SELECT 1", database="../a.db") == "path-outside-root"
    assert bench.kind("sql.execute", "CREATE TABLE a (x)", database=f"{tmp_path}/a.db") == "path-outside-root"
    assert bench.kind("sql.query", "SELECT 1", database=".flowlang/flowlang.db") == "permission-denied"
    (bench.root / "link.db").symlink_to(tmp_path / "away.db")
    assert bench.kind("sql.execute", "CREATE TABLE a (x)", database="link.db") == "path-outside-root"
    (bench.root / "text.db").write_text("this is no database at all, only text that goes on for a while" * 20)
    assert bench.kind("sql.query", "SELECT * FROM a", database="text.db") == "not-a-database"


def test_declared_databases(tmp_path: Path) -> None:
    table = {
        "main": "data/main.db",
        "away": "sqlite:////srv/away.db",
        "plain": {"url": "p.db", "exactly_once": False},
        "big": "mysql://host/big",
    }
    found = declared_databases(table, tmp_path)
    assert found["main"] == Database("main", "sqlite", str(tmp_path / "data/main.db"))
    assert found["away"] == Database("away", "sqlite", "/srv/away.db")
    assert found["plain"] == Database("plain", "sqlite", str(tmp_path / "p.db"), exactly_once=False)
    assert found["big"].scheme == "mysql"
    bench = Workbench(tmp_path, found)
    bench.call("sql.execute", "CREATE TABLE a (x)")
    assert (tmp_path / "data/main.db").is_file()
    assert bench.kind("sql.query", "SELECT 1", database="big") == "unknown-database"
    bench.close()


@pytest.mark.parametrize("entry", [1, {"path": "x.db"}, {"url": "x.db", "other": 1}, {"url": "x", "exactly_once": 1}])
def test_declarations_that_make_no_sense(tmp_path: Path, entry: Any) -> None:
    with pytest.raises(ValueError, match="`main`"):
        declared_databases({"main": entry}, tmp_path)


def test_a_database_that_was_replaced_is_opened_anew(flights: Workbench) -> None:
    assert len(rows(flights)) == 2
    for name in os.listdir(flights.root):
        (flights.root / name).unlink()
    with closing(sqlite3.connect(flights.root / "data.db")) as fresh, fresh:
        fresh.execute("CREATE TABLE flight (id, carrier)")
    assert rows(flights) == []
    assert flights.call("sql.execute", "INSERT INTO flight VALUES (5, 'new')") == 1
    assert rows(flights) == [(5, "new")]


def test_eight_threads_write_everything(flights: Workbench) -> None:
    executor = ThreadExecutor(threads_max=8)
    left = threading.Semaphore(0)
    outcomes: list[Outcome] = []
    for number in range(100, 180):
        attempt = flights.attempt("sql.execute", "INSERT INTO flight (id) VALUES (?)", [number])
        executor.submit(attempt, lambda _, outcome: (outcomes.append(outcome), left.release()))
    for _ in range(80):
        assert left.acquire(timeout=30)
    assert all(isinstance(outcome, Success) for outcome in outcomes)
    assert len(rows(flights)) == 82
    executor.close()
