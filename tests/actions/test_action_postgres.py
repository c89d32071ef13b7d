"""The SQL actions on a real PostgreSQL: values, refusals, and writes that happen exactly once."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from workbench import Workbench

from flowlang.actions.effect import prune_effects
from flowlang.actions.placeholder import translated
from flowlang.runtime.action import ActionContext
from flowlang.runtime.database import declared_databases
from flowlang.runtime.executors.executor import Outcome, Success
from flowlang.runtime.executors.threads import ThreadExecutor


@pytest.fixture
def bench(tmp_path: Path, postgres_url: str) -> Iterator[Workbench]:
    made = Workbench(tmp_path, declared_databases({"main": postgres_url}, tmp_path))
    made.call("sql.execute", "CREATE TABLE item (id int PRIMARY KEY, name text)")
    yield made
    made.close()


@pytest.fixture
def outside(postgres_url: str) -> Iterator[psycopg.Connection[Any]]:
    """Another program's connection."""
    with psycopg.connect(postgres_url.replace("+psycopg", ""), autocommit=True) as connection:
        yield connection


def ids(bench: Workbench) -> list[int]:
    return [row["id"] for row in bench.call("sql.query", "SELECT id FROM item ORDER BY id")]


def test_writing_and_reading(bench: Workbench) -> None:
    assert bench.call("sql.execute", "INSERT INTO item VALUES (?, ?)", [1, "it's 100 %"]) == 1
    assert bench.call("sql.executemany", "INSERT INTO item VALUES (:id, :name)", [{"id": 2, "name": None}]) == 1
    assert bench.call("sql.executemany", "INSERT INTO item VALUES (?, ?)", []) == 0
    changed = bench.call("sql.transaction", ["UPDATE item SET name = 'x'", ("DELETE FROM item WHERE id = ?", [2])])
    assert changed == [2, 1]
    assert bench.call("sql.query", "SELECT id, name FROM item WHERE name LIKE '%x' AND id = :id", {"id": 1}) == [
        {"id": 1, "name": "x"}
    ]
    assert bench.call("sql.query", "SELECT 1 WHERE false") == []


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("1::bigint", 1),
        ("1.50::numeric", "1.50"),
        ("sum(x) FROM (VALUES (1::bigint), (2)) v(x)", 3),
        ("1.5::float8", 1.5),
        ("'\\x00ff'::bytea", b"\x00\xff"),
        ("date '2026-01-02'", "2026-01-02"),
        ("timestamp '2026-01-02 03:04:05'", "2026-01-02T03:04:05"),
        ("""'{"a": [1, null]}'::jsonb""", {"a": [1, None]}),
        ("array[1, 2]", [1, 2]),
        ("'3f333df6-90a4-4fda-8dd3-9485d27cee36'::uuid", "3f333df6-90a4-4fda-8dd3-9485d27cee36"),
        ("""'{"a": 1}'::jsonb ?? 'a'""", True),
        ("'?' || ':name' -- ? :name", "?:name"),
        ("null", None),
    ],
)
def test_cells_are_data(bench: Workbench, expression: str, expected: Any) -> None:
    (row,) = bench.call("sql.query", f"SELECT {expression}".replace(" FROM", " AS v FROM"))
    assert next(iter(row.values())) == expected


def test_moments_are_times(bench: Workbench) -> None:
    (row,) = bench.call("sql.query", "SELECT timestamptz '2026-01-02T00:00:00Z' AS at, interval '90 s' AS span")
    assert (row["at"].nanoseconds, row["span"].nanoseconds) == (1767312000 * 10**9, 90 * 10**9)


def test_a_repeated_attempt_has_no_second_effect(bench: Workbench) -> None:
    for attempt in (1, 2, 3):
        context = bench.context("key", attempt)
        assert bench.call("sql.execute", "INSERT INTO item VALUES (7, 'a')", context=context) == 1
    assert ids(bench) == [7]


def test_a_failed_attempt_leaves_no_key(bench: Workbench) -> None:
    context = bench.context("key")
    failure = bench.failure(
        "sql.transaction", ["INSERT INTO item VALUES (1)", "INSERT INTO nope VALUES (1)"], context=context
    )
    assert failure.kind == "sql-error"
    assert "nope" in failure.message
    assert ids(bench) == []
    assert bench.call("sql.execute", "INSERT INTO item VALUES (1)", context=bench.context("key", 2)) == 1


def test_two_workers_with_the_same_attempt(bench: Workbench) -> None:
    """Both are there at once; one writes, the other finds what it wrote."""
    executor = ThreadExecutor()
    outcomes: list[Outcome] = []
    both = threading.Event()

    def done(_: Any, outcome: Outcome) -> None:
        outcomes.append(outcome)
        if len(outcomes) == 8:
            both.set()

    for _ in range(8):
        text = "INSERT INTO item SELECT coalesce(max(id), 0) + 1 FROM item"
        executor.submit(bench.attempt("sql.execute", text, context=bench.context("same")), done)
    assert both.wait(30)
    executor.close()
    assert all(isinstance(outcome, Success) for outcome in outcomes), outcomes
    assert ids(bench) == [1]


def test_a_connection_that_breaks_in_the_middle(bench: Workbench, outside: psycopg.Connection[Any]) -> None:
    """The server ends every connection while the attempt is about to commit: it is begun again, and written once."""
    cut: list[str] = []

    class Cut(ActionContext):
        def commit(self) -> None:
            if not cut:
                cut.append("now")
                outside.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'flowlang action'"
                )

    context = bench.context("key", kind=Cut)
    assert bench.call("sql.execute", "INSERT INTO item VALUES (1)", context=context) == 1
    assert cut == ["now"]
    assert ids(bench) == [1]


def test_giving_an_attempt_up_ends_its_statement(bench: Workbench) -> None:
    executor = ThreadExecutor()
    outcomes: list[Outcome] = []
    ended = threading.Event()
    attempt = bench.attempt("sql.query", "SELECT pg_sleep(60)", timeout=0.2)
    executor.submit(attempt, lambda _, outcome: (outcomes.append(outcome), ended.set())[0])
    assert ended.wait(30)
    executor.close()
    assert not isinstance(outcomes[0], Success)
    assert outcomes[0].kind == "timeout"


@pytest.mark.parametrize(
    ("action", "text", "kind"),
    [
        ("sql.query", "INSERT INTO item VALUES (1)", "sql-refused"),
        ("sql.execute", " /* x */ COMMIT", "sql-refused"),
        ("sql.execute", "SET search_path = x", "sql-refused"),
        ("sql.execute", "DELETE FROM _flowlang_effect", "sql-refused"),
        ("sql.execute", "INSERT INTO item VALUES (1); COMMIT", "sql-error"),
        ("sql.query", "SELECT 1; SELECT 2", "sql-error"),
        ("sql.query", "SELECT 1 AS a, 2 AS a", "sql-error"),
        ("sql.query", "SELECT ?", "sql-error"),
        ("sql.query", "SELEC 1", "sql-error"),
        ("sql.query", "SELECT repeat('x', 1000000) FROM generate_series(1, 100)", "result-too-large"),
    ],
)
def test_refusals(bench: Workbench, action: str, text: str, kind: str) -> None:
    failure = bench.failure(action, text)
    assert failure.kind == kind, failure
    assert failure.message[0].islower() or failure.message[0] == "`"
    assert bench.call("sql.execute", "INSERT INTO item VALUES (99)") == 1


def test_constraints(bench: Workbench) -> None:
    bench.call("sql.execute", "INSERT INTO item VALUES (1)")
    failure = bench.failure("sql.execute", "INSERT INTO item VALUES (1)")
    assert (failure.kind, failure.retryable) == ("constraint-violated", False)


def test_a_server_that_is_not_there(tmp_path: Path) -> None:
    bench = Workbench(tmp_path, declared_databases({"main": "postgresql://u:secret@127.0.0.1:1/x"}, tmp_path))
    failure = bench.failure("sql.query", "SELECT 1")
    assert (failure.kind, failure.retryable) == ("database-unavailable", True)
    assert "secret" not in str(failure)
    bench.close()


def test_switched_off(tmp_path: Path, postgres_url: str, outside: psycopg.Connection[Any]) -> None:
    settings = {"main": {"url": postgres_url, "exactly_once": False}}
    bench = Workbench(tmp_path, declared_databases(settings, tmp_path))
    assert bench.call("sql.execute", "CREATE TABLE t (x int)") == 0
    assert outside.execute("SELECT to_regclass('_flowlang_effect')").fetchone() == (None,)
    bench.close()


def test_pruning(bench: Workbench, outside: psycopg.Connection[Any]) -> None:
    """Only old keys of runs that are over go."""
    bench.call("sql.execute", "INSERT INTO item VALUES (1)", context=bench.context("a"))
    outside.execute("INSERT INTO _flowlang_effect VALUES ('b', '', 'run-2', 5)")
    outside.execute("INSERT INTO _flowlang_effect VALUES ('c', '', 'run-3', 5)")
    assert prune_effects(bench.databases, 1000, lambda run: run == "run-2") == {"main": 1}
    left = {key for (key,) in outside.execute("SELECT key FROM _flowlang_effect").fetchall()}
    assert "b" not in left
    assert {"a", "c"} <= left


def test_pruning_sqlite(tmp_path: Path) -> None:
    bench = Workbench(tmp_path)
    assert prune_effects(bench.databases, 1 << 60, lambda run: True) == {"main": 0}
    bench.call("sql.execute", "CREATE TABLE t (x)")
    assert prune_effects(bench.databases, 1 << 60, lambda run: False) == {"main": 0}
    assert prune_effects(bench.databases, 1 << 60, lambda run: run == "run-1") == {"main": 1}
    bench.close()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "SELECT ?, :a, x::int, 'a?:b', \"?\", $$?:x$$, $t$?$t$",
            "SELECT %s, %(a)s, x::int, 'a?:b', \"?\", $$?:x$$, $t$?$t$",
        ),
        ("SELECT 1 % 2 /* ? */ -- :x", "SELECT 1 %% 2 /* ? */ -- :x"),
        ("SELECT E'\\'?' ?? 'a'", "SELECT E'\\'?' ? 'a'"),
        ("a := :b", "a := %(b)s"),
    ],
)
def test_placeholders(text: str, expected: str) -> None:
    assert translated(text).text == expected
