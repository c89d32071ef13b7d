"""Waking: within the process, over named pipes, and what happens to pipes and pokes that come at a bad time."""

from __future__ import annotations

import os
import signal
import sqlite3
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from flowlang.runtime.journal.dialects.sqlite import SqliteDialect
from flowlang.runtime.journal.wakeup import LocalBell
from flowlang.runtime.journal.wakeup_fifo import FifoBell, FifoWakeup
from flowlang.runtime.journal.writer import Writer

LONG_S = 30.0


class Unchanged:
    """A database in which nobody commits."""

    def __call__(self) -> int:
        return 1

    def close(self) -> None:
        pass


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[Writer]:
    dialect = SqliteDialect(tmp_path / "x.db")
    engine = dialect.open(create=True)
    made = Writer(engine, dialect)
    made.write(lambda cursor: cursor.execute("CREATE TABLE number (value INTEGER)"))
    yield made
    made.close()
    engine.dispose()


def test_a_ring_before_the_wait_is_not_lost_and_counts_once() -> None:
    bell = LocalBell()
    listener = bell.listen("owner")
    bell.ring()
    bell.ring()
    assert listener.wait(LONG_S)
    assert not listener.wait(0)
    listener.close()


def test_a_ring_ends_a_wait_of_another_thread() -> None:
    bell = LocalBell()
    listener = bell.listen("owner")
    told: list[bool] = []
    waiting = threading.Thread(target=lambda: told.append(listener.wait(LONG_S)))
    waiting.start()
    bell.ring()
    waiting.join(LONG_S)
    assert told == [True]
    listener.close()


def test_a_poke_ends_a_wait_and_does_not_tell() -> None:
    listener = LocalBell().listen("owner")
    listener.poke()
    began = time.monotonic()
    assert not listener.wait(LONG_S)
    assert time.monotonic() - began < LONG_S / 2
    listener.close()
    listener.poke()


def test_a_signal_handler_may_poke_the_thread_that_it_interrupts() -> None:
    listener = LocalBell().listen("owner")
    before = signal.signal(signal.SIGUSR1, lambda *_: listener.poke())
    try:
        threading.Timer(0.02, os.kill, (os.getpid(), signal.SIGUSR1)).start()
        began = time.monotonic()
        assert not listener.wait(LONG_S)
        assert time.monotonic() - began < LONG_S / 2
    finally:
        signal.signal(signal.SIGUSR1, before)
        listener.close()


def test_a_closed_bell_ends_waits() -> None:
    bell = LocalBell()
    listener = bell.listen("owner")
    bell.close()
    assert not listener.wait(LONG_S)
    listener.close()


def test_a_pipe_tells_listeners_of_other_bells(tmp_path: Path) -> None:
    listener = FifoBell(tmp_path, Unchanged).listen("owner")
    FifoBell(tmp_path, Unchanged).ring()
    assert listener.wait(LONG_S)
    listener.close()
    assert list(tmp_path.iterdir()) == []


def test_a_full_pipe_does_not_hold_up_who_rings(tmp_path: Path) -> None:
    """Neither pokes nor rings wait for a reader; one wait takes all of them, and the next ring is heard again."""
    bell = FifoBell(tmp_path, Unchanged)
    listener = bell.listen("owner")
    bell.ring()
    for _ in range(70_000):
        listener.poke()
    bell.ring()
    assert listener.wait(LONG_S)
    assert not listener.wait(0)
    bell.ring()
    assert listener.wait(0)
    listener.close()


def test_a_pipe_that_nobody_reads_is_removed(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "dead.wake")
    bell = FifoBell(tmp_path, Unchanged)
    living = bell.listen("owner")
    bell.ring()
    assert [path.name for path in tmp_path.iterdir()] != []
    assert not (tmp_path / "dead.wake").exists()
    assert living.wait(LONG_S)
    living.close()


def test_ringing_without_a_directory_does_nothing(tmp_path: Path) -> None:
    """A bell that nobody ever listened to: whoever rings makes no directory for it."""
    FifoBell(tmp_path / "none", Unchanged).ring()
    assert list(tmp_path.iterdir()) == []


def test_a_file_system_without_named_pipes_leaves_the_question_every_second(
    tmp_path: Path, writer: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError("no named pipes here")

    monkeypatch.setattr(os, "mkfifo", refuse)
    listener = writer.listen("owner")
    assert not isinstance(listener, FifoWakeup)
    with sqlite3.connect(tmp_path / "x.db") as other:
        other.execute("INSERT INTO number VALUES (1)")
    other.close()
    assert listener.wait(LONG_S)
    listener.close()


def test_what_is_announced_tells_when_it_is_committed(writer: Writer) -> None:
    listener = writer.listen("owner")

    def quiet(cursor: object) -> None:
        cursor.execute("INSERT INTO number VALUES (1)")  # type: ignore[attr-defined]

    def loud(cursor: object) -> None:
        quiet(cursor)
        writer.announce()

    writer.write(quiet)
    assert not listener.wait(0)
    writer.write(loud)
    assert listener.wait(LONG_S)
    listener.close()


def test_a_commit_without_an_announcement_is_found_within_a_second(tmp_path: Path, writer: Writer) -> None:
    listener = writer.listen("owner")
    with sqlite3.connect(tmp_path / "x.db") as other:
        other.execute("INSERT INTO number VALUES (1)")
    other.close()
    began = time.monotonic()
    assert listener.wait(LONG_S)
    assert time.monotonic() - began < 2.5
    listener.close()
