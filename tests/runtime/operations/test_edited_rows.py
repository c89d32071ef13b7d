"""Somebody edited the database: the run concerned is set aside and found, workers and lists go on with the others."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from archive_forging import forge
from operated_project import OperatedProject

from flowlang.actions import shipped_actions
from flowlang.errors import JournalCorrupt
from flowlang.runtime.archive import read_archive
from flowlang.runtime.journal.locate import open_journal
from flowlang.runtime.journal.model import RunFilter
from flowlang.runtime.journal.verify import verify_all
from flowlang.runtime.worker import Worker
from flowlang.testing.clock import VirtualClock

SCRIPT = """
def wait_twice(fctx):
    set_attributes({"n": 3})
    sleep(5000)
    return receive("go")
work = flow(wait_twice)
"""
RECORDED = Path(__file__).parents[1] / "recorded" / "0.1.0-signals.jsonl"


@pytest.mark.parametrize(
    "edit",
    [
        "UPDATE run SET status = 'asleep'",
        "UPDATE run SET chapter_sequence = 'x'",
        "UPDATE run SET flow = x'ff'",
        "UPDATE run SET sequence = -1",
        "UPDATE run SET due_at_ms = 'never', deadline_at_ms = x'00'",
        "UPDATE attribute SET text = 'many'",
        "UPDATE event SET payload = x'00'",
    ],
)
def test_one_damaged_run_takes_nobody_with_it(tmp_path: Path, edit: str) -> None:
    """A row that no journal wrote does not end a worker: the other runs end well. The damage is found, and runs can
    still be listed."""
    clock, place = VirtualClock(), tmp_path / "journal.db"
    with closing(open_journal(str(place), clock)) as journal:
        project = OperatedProject.make(tmp_path, journal, clock, SCRIPT)
        for number in range(3):
            project.start("work", f"run-{number}")
        project.work()
    with closing(sqlite3.connect(place, isolation_level=None)) as connection:
        (number,) = connection.execute("SELECT number FROM run WHERE run_id = 'run-0'").fetchone()
        column = "number" if edit.startswith("UPDATE run") else "run"
        assert connection.execute(f"{edit} WHERE {column} = {number}").rowcount > 0
    with closing(open_journal(str(place), clock)) as journal:
        project = OperatedProject.make(tmp_path, journal, clock, SCRIPT)
        for name in ("run-1", "run-2"):
            project.operations.signal(name, "go", name)
        clock.advance(6_000_000)
        project.work()
        project.work()
        assert [project.value(name) for name in ("run-1", "run-2")] == ["run-1", "run-2"]
        assert list(verify_all(journal)) == ["run-0"]
        assert {"run-1", "run-2"} <= {run.run_id for run in journal.find(RunFilter())}


def test_a_bug_that_one_run_shows_takes_nobody_with_it(
    project: Callable[[str], OperatedProject], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What nobody foresaw about one run (here a bug in taking it up) stops that run, and the others go on."""
    operated = project(SCRIPT)
    for number in range(2):
        operated.start("work", f"run-{number}")
        operated.operations.signal(f"run-{number}", "go")
    worker = Worker(operated.root, operated.journal, actions=shipped_actions(), clock=operated.clock)
    adopt = worker._rounds.adopt

    def broken(driven: Any, *rest: Any) -> None:
        adopt(driven, *rest)
        if driven.run_id == "run-0":
            raise RuntimeError("a bug")

    monkeypatch.setattr(worker._rounds, "adopt", broken)
    with closing(worker):
        worker.run_until_idle()
        operated.clock.advance(6_000_000)
        worker.run_until_idle()
    assert (operated.status("run-0"), operated.journal.run("run-0").reason) == ("stopped", "defect")
    assert operated.status("run-1") == "completed"


def test_an_archive_whose_records_say_nothing_a_run_can_do_is_refused(tmp_path: Path) -> None:
    """An archive can be well-formed and carry digests that fit, and still hold an answer that nobody asked for, or
    arguments that are none: it is refused with the record's number, before a worker would stumble over it."""

    def drop_command(records: list[dict[str, Any]]) -> None:
        command = next(each for each in records if each["kind"].startswith("receive-started"))
        command["kind"], command["detail"] = "timer-fired/1", {}
        command["name"] = ""

    def no_arguments(records: list[dict[str, Any]]) -> None:
        records[0]["payload"] = "[]"

    for change, found in ((drop_command, "belongs to no command"), (no_arguments, "holds something that does not")):
        path = tmp_path / "forged.jsonl"
        path.write_bytes(forge(RECORDED.read_bytes(), change))
        with pytest.raises(JournalCorrupt, match=found):
            read_archive(path)


def test_a_message_that_could_not_be_sent_is_no_damage(project: Callable[[str], OperatedProject]) -> None:
    """A send that fails is recorded with its failure, and a check finds nothing wrong with it."""
    operated = project('work = flow(implementation = lambda fctx: flow(implementation = lambda f: send("x", "y"))())')
    operated.start("work", "run")
    operated.work()
    assert "ActionFailed" in operated.kinds("run")
    assert verify_all(operated.journal) == {}


WAITING = """
def _waits(fctx):
    opened = gate("release", {"n": 1}, timeout = 900000)
    set_status("waits")
    tasks = [run(lambda: sleep(5000)), run(lambda: receive("go", timeout = 7000))]
    return wait(tasks + [run(lambda: try_await_gate(opened))])
work = flow(_waits)
"""


@pytest.mark.parametrize(
    ("edit", "finding"),
    [
        ("UPDATE run SET due_at_ms = NULL", "the run waits, and will not become due in time"),
        ("UPDATE run SET due_at_ms = due_at_ms + 1", "the run waits, and will not become due in time"),
        ("UPDATE run SET chapter_sequence = 3", "the run is to go on from record 3, but its chapter begins elsewhere"),
        ("UPDATE run SET deadline_at_ms = 1", "the run waits, and will not become due in time"),
        ("UPDATE wait SET name = 'other'", "is not the one that record 3 opened"),
        ("UPDATE wait SET expires_at_ms = NULL", "is not the one that record 3 opened"),
        ("UPDATE wait SET position = '0.5'", "but there is none"),
        ("DELETE FROM wait", "record 3 opened a gate at `0.0`, but there is none"),
        ("DELETE FROM gate_key", "nobody can decide the gate at `0.0`: there is no key"),
        ("UPDATE gate_key SET key_id = 'other'", "nobody can decide the gate at `0.0`: there is no key"),
    ],
)
def test_what_the_journal_tells_about_a_waiting_run_is_compared(tmp_path: Path, edit: str, finding: str) -> None:
    """When the run is due, where it goes on, its gates and their keys follow from its records, so an edit of them is
    found, though no checksum covers them."""
    clock, place = VirtualClock(), tmp_path / "journal.db"
    with closing(open_journal(str(place), clock)) as journal:
        project = OperatedProject.make(tmp_path, journal, clock, WAITING)
        project.start("work", "run")
        project.work()
        assert project.status("run") == "waiting"
        assert verify_all(journal) == {}
    with closing(sqlite3.connect(place, isolation_level=None)) as connection:
        assert connection.execute(edit).rowcount > 0
    with closing(open_journal(str(place), clock)) as journal:
        found = verify_all(journal)
        assert any(finding in line for line in found["run"]), found


@pytest.mark.parametrize(
    ("edit", "finding"),
    [
        ("UPDATE run SET due_at_ms = NULL", "the run waits, and will not become due"),
        ("UPDATE run SET due_at_ms = due_at_ms + 3600000", "the run waits, and will not become due"),
        ("UPDATE wait SET decided_by = ''", None),
    ],
)
def test_a_message_that_nobody_would_deliver_is_found(tmp_path: Path, edit: str, finding: str | None) -> None:
    """A run that waits for what lies in its inbox must be due. A gate whose decision still lies there may be open: it
    is found once the decision was received."""
    clock, place = VirtualClock(), tmp_path / "journal.db"
    script = 'work = flow(lambda fctx: [await_gate(gate("ok", timeout = 100000)), receive("go")])'
    with closing(open_journal(str(place), clock)) as journal:
        project = OperatedProject.make(tmp_path, journal, clock, script)
        project.start("work", "run")
        project.work()
        project.operations.approve("run:ok", by="me")
        if finding is None:
            project.work()
        assert verify_all(journal) == {}
    with closing(sqlite3.connect(place, isolation_level=None)) as connection:
        assert connection.execute(edit).rowcount > 0
    with closing(open_journal(str(place), clock)) as journal:
        wanted = finding or "is open, but its decision was received"
        assert any(wanted in line for line in verify_all(journal)["run"])
