"""Changes that share a transaction share neither errors nor halves."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from flowlang.errors import JournalUnavailable, LeaseLost
from flowlang.runtime.journal.dialects.dialect import Cursor
from flowlang.runtime.journal.dialects.sqlite import SqliteDialect
from flowlang.runtime.journal.writer import Writer


class Bench:
    """A writer on a table of numbers, whose first change can be held up until others wait behind it."""

    def __init__(self, path: Path) -> None:
        dialect = SqliteDialect(path)
        self.engine = dialect.open(create=True)
        self.writer = Writer(self.engine, dialect)
        self.writer.write(lambda cursor: cursor.execute("CREATE TABLE number (value INTEGER)"))
        self.commits: list[str] = []

    def trace(self, cursor: Cursor) -> None:
        """Counts the transactions from here on."""
        cursor.connection.set_trace_callback(
            lambda statement: self.commits.append(statement) if statement == "COMMIT" else None
        )

    def together(self, changes: list[Callable[[Cursor], Any]]) -> list[Any]:
        """Writes the changes from one thread each, all behind a change that waits for them. Gives results or
        errors."""
        outcomes: list[Any] = [None] * len(changes)
        behind, entered = threading.Event(), threading.Event()

        def first(cursor: Cursor) -> None:
            entered.set()
            assert behind.wait(30)

        def body(number: int) -> None:
            try:
                outcomes[number] = self.writer.write(changes[number])
            except BaseException as error:
                outcomes[number] = error

        holder = threading.Thread(target=self.writer.write, args=(first,))
        holder.start()
        assert entered.wait(30)
        threads = [threading.Thread(target=body, args=(number,)) for number in range(len(changes))]
        for number, thread in enumerate(threads, start=1):
            thread.start()
            while len(self.writer._queue) < number:
                thread.join(0.001)
        behind.set()
        for thread in (holder, *threads):
            thread.join(30)
        return outcomes

    def numbers(self) -> list[int]:
        found: list[int] = self.writer.write(
            lambda cursor: [row[0] for row in cursor.execute("SELECT value FROM number ORDER BY value")]
        )
        return found


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path / "x.db")
    yield made
    made.writer.close()
    made.engine.dispose()


def insert(value: int) -> Callable[[Cursor], int]:
    def change(cursor: Cursor) -> int:
        cursor.execute("INSERT INTO number VALUES (?)", (value,))
        return value

    return change


def failing(error: BaseException, value: int = 99) -> Callable[[Cursor], int]:
    def change(cursor: Cursor) -> int:
        if not isinstance(error, LeaseLost):
            insert(value)(cursor)
        raise error

    return change


def test_waiting_changes_share_one_commit(bench: Bench) -> None:
    bench.writer.write(bench.trace)
    bench.commits.clear()
    assert bench.together([insert(number) for number in range(6)]) == list(range(6))
    assert bench.commits == ["COMMIT", "COMMIT"]
    assert bench.numbers() == list(range(6))


def test_a_refused_change_does_not_stop_the_others(bench: Bench) -> None:
    lost = LeaseLost("lost")
    assert bench.together([insert(1), failing(lost), insert(2)]) == [1, lost, 2]
    assert bench.numbers() == [1, 2]


def test_a_broken_change_leaves_nothing_and_the_others_are_written(bench: Bench) -> None:
    broken = RuntimeError("broken")
    outcomes = bench.together([insert(1), failing(broken), insert(2), failing(broken)])
    assert outcomes == [1, broken, 2, broken]
    assert bench.numbers() == [1, 2]


def test_an_error_of_the_database_is_translated_for_its_change_only(bench: Bench) -> None:
    outcomes = bench.together([insert(1), lambda cursor: cursor.execute("INSERT INTO number VALUES (?)", ("x", "y"))])
    assert outcomes[0] == 1
    assert isinstance(outcomes[1], JournalUnavailable)
    assert bench.numbers() == [1]


def test_an_interrupt_rolls_back_and_tells_the_others(bench: Bench) -> None:
    interrupt = KeyboardInterrupt()
    outcomes = bench.together([insert(1), failing(interrupt), insert(2)])
    assert sum(outcome is interrupt for outcome in outcomes) == 1
    told = [outcome for outcome in outcomes if outcome is not interrupt]
    assert all(isinstance(outcome, JournalUnavailable) for outcome in told)
    assert bench.numbers() == []
    assert bench.writer.write(insert(3)) == 3


def test_a_closed_writer_refuses(bench: Bench) -> None:
    bench.writer.close()
    for _ in range(2):
        with pytest.raises(JournalUnavailable, match="closed"):
            bench.writer.write(insert(1))
