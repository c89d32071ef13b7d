"""The modules of the standard library that wrap actions, in real runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from flowlang.actions import shipped_actions
from flowlang.lang.values.convert import to_host
from flowlang.lang.values.result import Ok
from flowlang.runtime.clock import SystemClock
from flowlang.runtime.driver import RunDriver
from flowlang.runtime.journal.memory import MemoryJournal

Run = Callable[[str], Any]


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    """Runs a script whose flow `main` has the body that is given, and gives what it returned."""
    (tmp_path / ".flowlang").mkdir()
    engine = RunDriver(tmp_path, MemoryJournal(SystemClock()), actions=shipped_actions())

    def run(text: str) -> Any:
        loads, _, body = text.partition("\n\n")
        lines = "\n".join(f"    {line}" if line else "" for line in body.strip().split("\n"))
        script = tmp_path / "script.flow"
        script.write_text(f"{loads.strip()}\n\ndef body(fctx):\n{lines}\n\nmain = flow(implementation = body)\n")
        build = engine.build_script(script)
        assert not build.diagnostics, build.diagnostics
        outcome = engine.start(build, flow="main")
        assert type(outcome.result) is Ok, outcome
        return to_host(outcome.result.value)

    yield run
    engine.close()


def test_files(run: Run) -> None:
    assert run(
        """load("@std//files.flow", "exists", "list_files", "read_text", "remove", "stat", "write_text")

size = write_text("out/a.txt", "héllo", timeout = 5)
return [size, read_text("out/a.txt"), list_files("out", "*.txt"), exists("b"), stat("out/a.txt")["size"],
        remove("out/a.txt"), remove("out/a.txt", missing_ok = True)]
"""
    ) == [6, "héllo", ["a.txt"], False, 6, True, False]


def test_tables(run: Run, tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text("id,delay\n" + "".join(f"{i},{i % 7 or 'NA'}\n" for i in range(25)))
    assert run(
        """load("@std//tables.flow", "append_csv", "each_page", "map_csv", "read_csv", "write_csv")

seen = []
def keep(rows):
    seen.append(len(rows))
def late(rows):
    return [{"id": r["id"], "delay": r["delay"]} for r in rows if r["delay"] != None and r["delay"] > 5]
types = {"delay": "int"}
total = each_page("in.csv", keep, rows = 10, types = types, missing = "NA")
made = map_csv("in.csv", "late.csv", late, rows = 4, types = types, missing = "NA")
nothing = map_csv("in.csv", "none.csv", lambda rows: [], columns = ["id"])
count = write_csv("again.csv", read_csv("late.csv", types))
end = append_csv("again.csv", [{"id": 99, "delay": None}])
return [total, seen, made, nothing, count, end]
"""
    ) == [25, [10, 10, 5], 3, 0, 3, len("id,delay\n6,6\n13,6\n20,6\n99,\n")]
    assert (tmp_path / "late.csv").read_text() == "id,delay\n6,6\n13,6\n20,6\n"
    assert (tmp_path / "none.csv").read_text() == "id\n"
    assert (tmp_path / "again.csv").read_text() == "id,delay\n6,6\n13,6\n20,6\n99,\n"


def test_sql(run: Run) -> None:
    assert run(
        """load("@std//sql.flow", "execute", "executemany", "insert", "query", "query_one", "transaction")

execute('CREATE TABLE "odd ""name" (id INTEGER PRIMARY KEY, delay INTEGER)')
made = insert('odd "name', [{"id": 1, "delay": 12}, {"id": 2}, {"delay": 5}])
none = insert("nowhere", [])
many = executemany('UPDATE "odd ""name" SET delay = ? WHERE id = ?', [[7, 1], [8, 9]])
both = transaction(['DELETE FROM "odd ""name" WHERE id = 2', ('UPDATE "odd ""name" SET delay = ?', [1])])
return [made, none, many, both, query('SELECT * FROM "odd ""name" ORDER BY id'),
        query_one("SELECT ? AS x", ["y"]), query_one("SELECT 1 AS x WHERE 1 = 0")]
"""
    ) == [3, 0, 1, [1, 2], [{"id": 1, "delay": 1}, {"id": 3, "delay": 1}], {"x": "y"}, None]


def test_time_and_random(run: Run) -> None:
    moment, day, seconds, draw, dice, letter, identifier = run(
        """load("@std//time.flow", "now", "today", "unix_time")
load("@std//random.flow", "choice", "random", "random_int", "uuid")

return [now(), today(), unix_time(), random(), random_int(2, 2), choice(["a", "b"]), uuid()]
"""
    )
    assert len(moment) == 24
    assert day in (moment[:10], None)
    assert seconds > 1_700_000_000
    assert 0 <= draw < 1
    assert dice == 2
    assert letter in ("a", "b")
    assert len(identifier) == 36


def test_failures_reach_the_script_with_their_kind(run: Run) -> None:
    assert run(
        """load("@std//files.flow", "read_text")
load("@std//sql.flow", "query")

def attempt(f):
    return flow(implementation = lambda fctx: f())()
results = [attempt(lambda: read_text("../x")), attempt(lambda: query("SELECT 1", database = "nope"))]
return [[r.failure.kind, r.failure.retryable] for r in results]
"""
    ) == [["path-outside-root", False], ["unknown-database", False]]
