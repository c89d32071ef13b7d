"""Room in SQLite's write-ahead log: it comes before it is needed, and nothing that happens to it loses a record."""

from __future__ import annotations

import os
import resource
import shutil
import signal
import sqlite3
from contextlib import closing
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from journal_store import append_steps, processes, start

from flowlang.runtime.journal.dialects.sqlite_log import COMMITS, FACTOR, LOG_BYTES
from flowlang.runtime.journal.sql import SqlJournal
from flowlang.testing.clock import VirtualClock

MANY = 12 * COMMITS
SPACE = 100_000
"""Bytes that a journal may still write: more than a new run takes, and less than the room that it would make."""


def open_at(path: Path | str) -> SqlJournal:
    return SqlJournal(path, clock=VirtualClock())


def log_of(path: Path) -> Path:
    return path.with_name(f"{path.name}-wal")


def size_of(path: Path) -> int:
    return log_of(path).stat().st_size


def steps_one_by_one(journal: SqlJournal, path: Path, count: int, run_id: str = "run") -> list[int]:
    """Appends steps of a new run. Gives the size of the log before the first and after each."""
    lease, sequence = start(journal, run_id), 1
    sizes = [size_of(path)]
    for _ in range(count):
        sequence = append_steps(journal, lease, 1, sequence)
        sizes.append(size_of(path))
    return sizes


def assert_sound(path: Path, records: dict[str, int]) -> None:
    """The file is whole, and each run has so many records, with a chain that fits."""
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    with closing(open_at(path)) as journal:
        assert {run_id: len(journal.read(run_id)) for run_id in records} == records
        assert journal.unreadable() == []


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.db"


def test_a_log_that_grows_gets_room(path: Path) -> None:
    """After a few commits it is several times as long, with zeros behind its frames."""
    with closing(open_at(path)) as journal:
        sizes = steps_one_by_one(journal, path, COMMITS)
        assert sizes[-1] >= FACTOR * sizes[-3]
        content = log_of(path).read_bytes()
        assert not any(content[len(content) // 2 :])
    assert_sound(path, {"run": 1 + 2 * COMMITS})


def test_commits_are_written_over_the_room(path: Path) -> None:
    """Few commits make the file longer, and it is never longer than the room up to a checkpoint."""
    with closing(open_at(path)) as journal:
        sizes = steps_one_by_one(journal, path, MANY)
        assert sum(after > before for before, after in pairwise(sizes)) < MANY / 3
        assert sizes[-1] <= LOG_BYTES
    assert_sound(path, {"run": 1 + 2 * MANY})


def test_the_log_of_a_linked_database_is_beside_the_file(path: Path, tmp_path: Path) -> None:
    """Links are followed as SQLite follows them: there is no second log."""
    (tmp_path / "elsewhere").mkdir()
    link = tmp_path / "elsewhere" / "link.db"
    with closing(open_at(path)):
        link.symlink_to(path)
    with closing(open_at(link)) as journal:
        sizes = steps_one_by_one(journal, path, COMMITS)
        assert sizes[-1] >= FACTOR * sizes[-3]
        assert not log_of(link).exists()


@pytest.mark.parametrize("cut", [0, 1, 4119, 40_000])
def test_a_machine_that_stops_finds_every_record(path: Path, tmp_path: Path, cut: int) -> None:
    """What a power failure leaves: the database and a log whose room is there in part only. Recovery finds all that
    was committed, and goes on from there."""
    copy = tmp_path / "copy" / path.name
    copy.parent.mkdir()
    with closing(open_at(path)) as journal:
        steps_one_by_one(journal, path, COMMITS)
        shutil.copy(path, copy)
        shutil.copy(log_of(path), log_of(copy))
    os.truncate(log_of(copy), size_of(copy) - cut)
    assert_sound(copy, {"run": 1 + 2 * COMMITS})
    with closing(open_at(copy)) as journal:
        steps_one_by_one(journal, copy, MANY, "next")
    assert_sound(copy, {"run": 1 + 2 * COMMITS, "next": 1 + 2 * MANY})


def die_while_making_room(path: str) -> None:
    write = os.pwrite

    def write_half(descriptor: int, data: Any, offset: int) -> int:
        write(descriptor, data[: len(data) // 2], offset)
        os.kill(os.getpid(), signal.SIGKILL)
        return 0

    os.pwrite = write_half
    steps_one_by_one(open_at(path), Path(path), MANY)


def test_a_process_that_is_killed_while_it_makes_room_loses_only_its_transaction(path: Path) -> None:
    """The commit under way is not made; all before it are there, and others go on."""
    child = processes.Process(target=die_while_making_room, args=(str(path),))
    child.start()
    child.join(60)
    assert child.exitcode == -signal.SIGKILL
    with closing(open_at(path)) as journal:
        left = len(journal.read("run"))
        assert left == 1 + 2 * (COMMITS - 2)  # the run's first record took a commit, too
        steps_one_by_one(journal, path, COMMITS, "next")
    assert_sound(path, {"run": left, "next": 1 + 2 * COMMITS})


def write_run(path: str, run_id: str) -> None:
    with closing(open_at(path)) as journal:
        append_steps(journal, start(journal, run_id), 5 * COMMITS)


def test_several_processes_write_while_the_log_is_cut(path: Path) -> None:
    """Each makes room in the same log, which another program writes back and cuts to nothing again and again."""
    open_at(path).close()
    children = [processes.Process(target=write_run, args=(str(path), f"run-{number}")) for number in range(3)]
    for child in children:
        child.start()
    with closing(sqlite3.connect(path, timeout=30)) as other:
        while any(child.is_alive() for child in children):
            other.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
            children[0].join(0.005)
    assert [child.exitcode for child in children] == [0, 0, 0]
    assert_sound(path, {f"run-{number}": 1 + 2 * 5 * COMMITS for number in range(3)})


def write_where_there_is_no_space(path: str, connection: Any) -> None:
    with closing(open_at(path)) as journal:
        sizes = steps_one_by_one(journal, Path(path), COMMITS - 2)
        resource.setrlimit(resource.RLIMIT_FSIZE, (sizes[-1] + SPACE, resource.RLIM_INFINITY))
        append_steps(journal, start(journal, "last"), 1)
        connection.send((sizes[-1], size_of(Path(path))))


def test_a_log_without_space_grows_as_it_always_did(path: Path) -> None:
    """Nothing of the room is left when not all of it could be written, and the commit is made all the same."""
    receiving, sending = processes.Pipe(duplex=False)
    child = processes.Process(target=write_where_there_is_no_space, args=(str(path), sending))
    child.start()
    child.join(60)
    assert child.exitcode == 0
    before, after = receiving.recv()
    assert before < after <= before + SPACE
    assert_sound(path, {"run": 1 + 2 * (COMMITS - 2), "last": 3})
