"""Actions whose process is killed with SIGKILL at the worst moments. What a killed attempt left must be nothing or
everything, and repeating it with the same key must give exactly one effect."""

from __future__ import annotations

import multiprocessing
import os
import signal
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import pytest
from workbench import Workbench

from flowlang.runtime.action import ActionContext
from flowlang.runtime.executors.executor import Attempt, Outcome

processes = multiprocessing.get_context("forkserver")
processes.set_forkserver_preload(["workbench", "flowlang.actions.sqlite", "flowlang.actions.tables"])

INSERT = "INSERT INTO flight (id) VALUES (?)"


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


class DyingContext(ActionContext):
    """Dies at the last moment before the effect."""

    __slots__ = ()

    def commit(self) -> None:
        die()


def killed_before_commit(root: Path, key: str, name: str, arguments: list[Any]) -> None:
    bench = Workbench(root)
    bench.call(name, *arguments, context=bench.context(key, kind=DyingContext))


def killed_after_commit(root: Path, key: str, name: str, arguments: list[Any]) -> None:
    bench = Workbench(root)

    def done(_attempt: Attempt, _outcome: Outcome) -> None:
        die()

    bench.executor.submit(bench.attempt(name, *arguments, context=bench.context(key)), done)


def write_for_ever(root: Path, said: Connection) -> None:
    bench = Workbench(root)
    while True:
        for letter in "ab":
            bench.call("files.write_text", "text", letter * 300_000)
            bench.call("tables.write_csv", "table.csv", [{"x": letter * 1000}] * 300)
            said.send(letter)


def insert_for_ever(root: Path, said: Connection) -> None:
    bench = Workbench(root)
    for number in range(1_000_000):
        bench.call("sql.execute", INSERT, [number], context=bench.context(f"key-{number}"))
        said.send(number)


def run_to_death(target: Any, *arguments: Any) -> None:
    child = processes.Process(target=target, args=arguments)
    child.start()
    child.join(30)
    assert child.exitcode == -signal.SIGKILL


def kill_after(target: Any, root: Path, messages: int) -> Any:
    """Kills a child right after it reported so many pieces of work. Gives the last report that it made."""
    receiving, sending = processes.Pipe(duplex=False)
    child = processes.Process(target=target, args=(root, sending))
    child.start()
    sending.close()
    last = [receiving.recv() for _ in range(messages)][-1]
    assert child.pid is not None
    os.kill(child.pid, signal.SIGKILL)
    child.join(30)
    try:
        while True:
            last = receiving.recv()
    except EOFError:
        return last


@pytest.mark.parametrize("victim", [killed_before_commit, killed_after_commit])
def test_a_write_to_a_database_happens_once(tmp_path: Path, victim: Any) -> None:
    bench = Workbench(tmp_path)
    bench.call("sql.execute", "CREATE TABLE flight (id INTEGER)")
    bench.close()
    run_to_death(victim, tmp_path, "key", "sql.executemany", [INSERT, [[1], [2], [3]]])
    before = bench.call("sql.query", "SELECT id FROM flight")
    assert len(before) == (0 if victim is killed_before_commit else 3)
    for attempt in (2, 3):
        assert bench.call("sql.executemany", INSERT, [[1], [2], [3]], context=bench.context("key", attempt)) == 3
    assert bench.call("sql.query", "SELECT id FROM flight") == [{"id": 1}, {"id": 2}, {"id": 3}]
    bench.close()


@pytest.mark.parametrize("victim", [killed_before_commit, killed_after_commit])
def test_a_file_is_the_old_one_or_the_new_one(tmp_path: Path, victim: Any) -> None:
    (tmp_path / "text").write_text("old")
    run_to_death(victim, tmp_path, "key", "files.write_text", ["text", "new"])
    assert (tmp_path / "text").read_text() == ("old" if victim is killed_before_commit else "new")
    assert Workbench(tmp_path).call("files.list") == ["text"]


@pytest.mark.parametrize("victim", [killed_before_commit, killed_after_commit])
def test_rows_appended_at_an_offset_stand_there_once(tmp_path: Path, victim: Any) -> None:
    bench = Workbench(tmp_path)
    end = bench.call("tables.append_csv", "t.csv", [{"x": 1}], at=0)
    run_to_death(victim, tmp_path, "key", "tables.append_csv", ["t.csv", [{"x": 2}], None])
    bench.call("tables.append_csv", "t.csv", [{"x": 2}], at=end, context=bench.context("key", 2))
    assert (tmp_path / "t.csv").read_text() == "x\n1\n2\n"


@pytest.mark.parametrize("messages", [1, 4, 7])
def test_files_are_whole_whenever_the_writer_dies(tmp_path: Path, messages: int) -> None:
    kill_after(write_for_ever, tmp_path, messages)
    text = (tmp_path / "text").read_text()
    assert len(text) == 300_000
    assert len(set(text)) == 1
    rows = Workbench(tmp_path).call("tables.read_csv", "table.csv")
    assert len(rows) == 300
    assert len({row["x"] for row in rows}) == 1


@pytest.mark.parametrize("messages", [1, 20, 55])
def test_nothing_reported_is_lost_and_nothing_is_doubled(tmp_path: Path, messages: int) -> None:
    bench = Workbench(tmp_path)
    bench.call("sql.execute", "CREATE TABLE flight (id INTEGER)")
    bench.close()
    last = kill_after(insert_for_ever, tmp_path, messages)
    found = [row["id"] for row in bench.call("sql.query", "SELECT id FROM flight ORDER BY rowid")]
    assert found[: last + 1] == list(range(last + 1))
    assert len(found) <= last + 2
    for number in range(last + 3):  # a resumed run repeats what it does not know to be done
        assert bench.call("sql.execute", INSERT, [number], context=bench.context(f"key-{number}", 2)) == 1
    found = [row["id"] for row in bench.call("sql.query", "SELECT id FROM flight ORDER BY rowid")]
    assert found == list(range(last + 3))
    bench.close()
