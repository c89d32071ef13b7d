"""Writes to the journal's own database: committed together with the record that they were made, or not at all; and
never a way to the journal's tables. On both stores."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path
from typing import Any

import pytest
from joint_world import TABLE, JointWorld, joint_commits, kill_campaign, killed_in_between, two_commits

from flowlang.hosting.engine import Engine
from flowlang.lang.values.result import Err, Failure, Ok
from flowlang.runtime.hooks import Hooks
from flowlang.runtime.journal.event import Position, Record
from flowlang.testing.fork import in_clean_process

INSERT = 'sql.execute("INSERT INTO item VALUES (?, 1)", [current_flow().run_id])'


@pytest.fixture(params=["sqlite", "postgres"])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> JointWorld:
    made = JointWorld.of_kind(tmp_path, request.param, request)
    made.value("return None", "first")  # makes the journal
    made.execute(TABLE)
    made.value(INSERT, "second")  # makes the table of keys
    made.execute("DELETE FROM item")
    return made


def test_the_row_and_its_record_are_there_after_a_kill_at_any_point_or_both_are_not(world: JointWorld) -> None:
    """Whatever statement the process dies before; and the run that is taken up again writes once."""
    points, problems = in_clean_process(kill_campaign, str(world.root), world.url, INSERT, None)
    assert points >= 6
    assert problems == []


def test_two_commits_would_be_noticed(world: JointWorld) -> None:
    """The test above can fail."""
    _, problems = in_clean_process(kill_campaign, str(world.root), world.url, INSERT, two_commits)
    assert [problem.partition(": ")[2] for problem in problems] == ["1 rows, 0 records"]


def test_watchers_are_told_of_the_record_and_of_one_attempt(world: JointWorld) -> None:
    told = Told()
    world.drive(INSERT, hooks=told)
    assert (told.seen, told.sequences) == (TOLD, [1, 2, 3, 4, 5, 6])


def test_results_are_those_of_other_writes(world: JointWorld) -> None:
    body = """
one = sql.execute("INSERT INTO item VALUES (?, 1)", ["a"])
many = sql.executemany("INSERT INTO item VALUES (:name, 2)", [{"name": "b"}, {"name": "c"}])
each = sql.transaction(["UPDATE item SET amount = 3", ("DELETE FROM item WHERE name = ?", ["a"])])
return [one, many, each, sql.query("SELECT name, amount FROM item ORDER BY name")]
"""
    rows = [{"name": "b", "amount": 3}, {"name": "c", "amount": 3}]
    assert world.value(body) == [1, 2, [3, 1], rows]
    assert world.completed() == 4


TOLD = [
    "RunStarted", "FlowStarted", "ActionScheduled", "attempt", "ActionCompleted", "FlowCompleted", "RunCompleted",
]  # fmt: skip


class Told(Hooks):
    """What a watcher is told of a run, in order."""

    def __init__(self) -> None:
        self.seen: list[str] = []
        self.sequences: list[int] = []

    def attempt(self, run_id: str, position: Position, action: str, attempt: int) -> None:
        self.seen.append("attempt")

    def recorded(self, run_id: str, record: Record) -> None:
        self.seen.append(type(record.event).__name__)
        self.sequences.append(record.sequence)


def failure(world: JointWorld, call: str, run_id: str = "run") -> Failure:
    """How a call of an action fails, in a run that goes on."""
    outcome = world.drive(f"result = {call}\nreturn result", run_id)
    assert isinstance(outcome.result, Err), outcome
    return outcome.result.failure


@pytest.mark.parametrize(
    ("statement", "kind"),
    [
        ("INSERT INTO nowhere VALUES (1)", "sql-error"),
        ("INSERT INTO once VALUES (1)", "constraint-violated"),
        ("INSERT INTO item WHERE", "sql-error"),
        ("COMMIT", "sql-refused"),
    ],
)
def test_a_failure_undoes_the_write_and_nothing_else(world: JointWorld, statement: str, kind: str) -> None:
    """What the same transaction did before goes with it, and the failure is recorded as every other."""
    world.execute("CREATE TABLE once (id INTEGER PRIMARY KEY)")
    world.execute("INSERT INTO once VALUES (1)")
    body = f"""
before = sql.execute("INSERT INTO item VALUES ('before', 1)")
bad = wait(run(sql.transaction, ["INSERT INTO item VALUES ('with it', 1)", "{statement}"]))
after = sql.execute("INSERT INTO item VALUES ('after', 1)")
return [before, bad.failure.kind, after, sql.query("SELECT name FROM item ORDER BY name")]
"""
    assert world.value(body) == [1, kind, 1, [{"name": "after"}, {"name": "before"}]]


def test_a_constraint_that_is_checked_at_the_commit_undoes_the_record_too(world: JointWorld) -> None:
    world.execute("CREATE TABLE parent (id INTEGER PRIMARY KEY)")
    world.execute("CREATE TABLE child (id INTEGER REFERENCES parent (id) DEFERRABLE INITIALLY DEFERRED)")
    assert failure(world, 'sql.execute("INSERT INTO child VALUES (1)")').kind == "constraint-violated"
    assert (world.completed(), world.execute("SELECT * FROM child")) == (0, [])
    body = """
return sql.transaction(["INSERT INTO child VALUES (1)", "INSERT INTO parent VALUES (1)"])
"""
    assert world.value(body, "again") == [1, 1]


def test_a_write_that_takes_long_is_performed_apart_and_once(world: JointWorld) -> None:
    """It is undone where it would hold up others, begun again by a thread of its own, and has no further attempt."""
    series = (
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 4000000) "
        "INSERT INTO item SELECT 'run', max(i) FROM n"
    )
    told = Told()
    assert world.drive(f'return sql.execute("{series}")', hooks=told).result.value == 1
    assert (world.written(), world.completed(), world.attempts()) == (1, 1, 0)
    assert told.seen == TOLD


def test_a_write_of_many_rows_does_not_join(world: JointWorld) -> None:
    """It would hold others up, and is committed by itself."""
    with joint_commits() as joint:
        assert world.value('return sql.executemany("INSERT INTO item VALUES (?, 1)", [["run"]] * 101)') == 101
        assert joint == []
        assert world.value('return sql.executemany("INSERT INTO item VALUES (?, 1)", [["b"]] * 100)', "b") == 100
        assert joint == ["b"]


def test_writes_side_by_side_in_one_run_are_all_there_once(world: JointWorld) -> None:
    """A hundred tasks write at once. The process is killed in the middle; a replay finds the order in which those ended
    that did."""
    body = """
def one(i):
    return sql.execute("INSERT INTO item VALUES (?, ?)", ["run", i])
tasks = [run(one, i) for i in range(100)]
total = 0
for task in tasks:
    total += wait(task).value
return total
"""
    assert in_clean_process(killed_in_between, str(world.root), world.url, body, 400)
    assert 0 < world.written() == world.completed() < 100
    outcome = world.drive(body, resumes=True)
    assert outcome.result == Ok(100)
    assert world.execute("SELECT count(*), count(DISTINCT amount) FROM item") == [(100, 100)]
    assert world.problems() == {}


def test_runs_of_one_worker_that_write_at_once_are_all_there_once(world: JointWorld) -> None:
    """Their appends share transactions, and their writes have their own."""
    (world.root / "worked.flow").write_text(f"""
def _main(fctx):
    sql = fctx.actions.sql
    {INSERT}
    return {INSERT}

main = flow(implementation = _main)
""")

    async def test() -> None:
        async with Engine(world.location, flows=world.root) as engine:
            runs = [await engine.start("worked.flow:main", id=f"run-{n}") for n in range(8)]
            assert [await run.value() for run in runs] == [1] * 8

    with joint_commits() as joint:
        asyncio.run(asyncio.wait_for(test(), 60))
    assert sorted(joint) == sorted([f"run-{n}" for n in range(8)] * 2)
    assert [(world.written(f"run-{n}"), world.completed(f"run-{n}")) for n in range(8)] == [(2, 2)] * 8
    assert world.problems() == {}


def test_runs_that_write_at_once_do_not_disturb_each_other(world: JointWorld) -> None:
    """Eight runs with a counter in common, four of which break a constraint again and again."""
    world.execute("CREATE TABLE once (id INTEGER PRIMARY KEY)")
    world.execute("INSERT INTO once VALUES (1)")
    world.execute("INSERT INTO item VALUES ('counter', 0)")
    good = 'for _ in range(20):\n    sql.execute("UPDATE item SET amount = amount + 1")\nreturn "good"'
    bad = (
        'kinds = []\nfor _ in range(20):\n    result = wait(run(sql.execute, "INSERT INTO once VALUES (1)"))\n'
        "    kinds.append(result.failure.kind)\nreturn kinds"
    )
    results: dict[int, Any] = {}
    threads = [
        threading.Thread(target=lambda n=n: results.update({n: world.value(bad if n % 2 else good, f"r{n}")}))
        for n in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert results == {n: ["constraint-violated"] * 20 if n % 2 else "good" for n in range(8)}
    assert world.execute("SELECT amount FROM item") == [(80,)]
    assert [world.completed(f"r{n}") for n in range(8)] == [20, 0] * 4
