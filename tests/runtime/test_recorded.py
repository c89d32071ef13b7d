"""What any version of flowlang recorded, this one replays: each run of `recorded/` agrees with the code that it is
pinned to, gives what it gave, and can be brought into a journal."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from flowlang.lang.interpreter import Build
from flowlang.runtime.action import ActionRegistry
from flowlang.runtime.archive import Archive, read_archive
from flowlang.runtime.compatibility import Compatible, check_run
from flowlang.runtime.debugger.session import Session
from flowlang.runtime.dry_replay import archived_recording
from flowlang.runtime.journal.event import RunCompleted
from flowlang.runtime.journal.memory import MemoryJournal
from flowlang.runtime.project import Project
from flowlang.testing.clock import VirtualClock

RECORDED = sorted((Path(__file__).parent / "recorded").glob("*.jsonl"))
NO_ACTIONS = ActionRegistry(())


def pinned(archive: Archive, root: Path) -> Build:
    build = Project(root).build_pinned(archive.entry, archive.modules)
    assert not build.has_errors
    return build


def test_there_are_runs() -> None:
    assert len(RECORDED) >= 11


@pytest.mark.parametrize("path", RECORDED, ids=lambda path: path.stem)
def test_a_recorded_run_agrees_with_its_code(tmp_path: Path, path: Path) -> None:
    archive = read_archive(path)
    verdict = check_run(archived_recording(archive), pinned(archive, tmp_path), NO_ACTIONS)
    assert isinstance(verdict, Compatible)


@pytest.mark.parametrize("path", RECORDED, ids=lambda path: path.stem)
def test_a_recorded_run_gives_what_it_gave(tmp_path: Path, path: Path) -> None:
    archive = read_archive(path)
    last = archive.records[-1].event
    assert isinstance(last, RunCompleted)
    with Session(archived_recording(archive), pinned(archive, tmp_path), NO_ACTIONS) as session:
        assert getattr(session.goto_end().step, "payload", None) == last.payload
        assert session.step_back().why == "line"


@pytest.mark.parametrize("path", RECORDED, ids=lambda path: path.stem)
def test_a_recorded_run_can_be_brought_in(path: Path) -> None:
    archive = read_archive(path)
    with closing(MemoryJournal(clock=VirtualClock())) as journal:
        run = archive.new_run("copy")
        journal.copy_in(run, archive.records, archive.counters, archive.status, archive.created_at_ms)
        assert [(record.sequence, record.event) for record in journal.read("copy")] == [
            (record.sequence, record.event) for record in archive.records
        ]
