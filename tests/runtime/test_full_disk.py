"""Runs whose journal takes nothing more: on a full disk, in a file that must not be written."""

from __future__ import annotations

import resource
import sqlite3
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest
from run_project import RunProject
from sqlalchemy import Engine as DatabaseEngine
from sqlalchemy import event

from flowlang.errors import JournalUnavailable
from flowlang.runtime.journal.event import ActionCompleted, ActionScheduled, position_text
from flowlang.runtime.journal.journal import RunStatus
from flowlang.testing.fork import forked, in_clean_process
from flowlang.testing.ledger import violations

SCRIPT = """
load("@std//sql.flow", "execute", "query")

text = "".join([chr(32 + (index * index) % 94) for index in range(900)])
execute("CREATE TABLE step (number INTEGER, text TEXT)")
for number in range(40):
    print("step", number)
    execute("INSERT INTO step VALUES (?, ?)", [number, text])
print(query("SELECT count(*) AS n, count(DISTINCT number) AS numbers FROM step"))
"""
UNLIMITED = 1 << 30
LAST_LINE = '[{"n": 40, "numbers": 40}]'


class Space:
    """Limits how many pages the journals of this process may have. Zero pages: no limit."""

    def __init__(self) -> None:
        self._pages = 0
        self._connections: list[sqlite3.Connection] = []

    def limit(self, pages: int) -> None:
        self._pages = pages
        self._execute(f"PRAGMA max_page_count = {pages or UNLIMITED}")

    def read_only(self, is_so: bool) -> None:
        self._execute(f"PRAGMA query_only = {is_so}")

    def connected(self, connection: sqlite3.Connection, _record: object) -> None:
        self._connections.append(connection)
        connection.execute(f"PRAGMA max_page_count = {self._pages or UNLIMITED}")

    def _execute(self, statement: str) -> None:
        for connection in self._connections:
            with suppress(sqlite3.ProgrammingError):  # closed meanwhile
                connection.execute(statement)


@pytest.fixture
def space() -> Iterator[Space]:
    space = Space()
    event.listen(DatabaseEngine, "connect", space.connected)
    yield space
    event.remove(DatabaseEngine, "connect", space.connected)


def check_intents(project: RunProject) -> None:
    """Whatever was started had been scheduled, and whatever has ended and is not recorded is one action at most."""
    records = [record.event for record in project.records()]
    scheduled = {position_text(event.position) for event in records if isinstance(event, ActionScheduled)}
    recorded = {position_text(event.position) for event in records if isinstance(event, ActionCompleted)}
    started = {entry.position for entry in project.ledger.entries()}
    assert started <= scheduled
    assert len(started - recorded) <= 1


def test_a_run_stops_on_a_full_disk_and_goes_on_when_there_is_space(tmp_path: Path, space: Space) -> None:
    project = RunProject(tmp_path, SCRIPT)
    journal = project.journal()
    engine = project.engine(journal)
    pages = sqlite_pages(project)
    space.limit(pages + 8)
    script = engine.build_script(tmp_path / "main.flow")
    with pytest.raises(JournalUnavailable, match="disk is full"):
        engine.start(script, run_id="run")
    assert 0 < len(project.watching.lines) < 40
    check_intents(project)
    performed = project.performed()
    with pytest.raises(JournalUnavailable, match="disk is full"):
        engine.resume("run")
    assert project.performed() == performed
    space.limit(pages + 16)
    with pytest.raises(JournalUnavailable, match="disk is full"):
        engine.resume("run")
    check_intents(project)
    assert len(project.performed()) > len(performed)
    space.limit(0)
    outcome = engine.resume("run")
    assert (outcome.status, project.watching.lines[-1]) == (RunStatus.COMPLETED, LAST_LINE)
    assert violations(project.ledger.entries(), crashes=2) == []
    assert project.watching.lines.count("step 39") == 1
    engine.close()
    journal.close()


def test_a_run_that_cannot_be_created_performs_nothing(tmp_path: Path, space: Space) -> None:
    project = RunProject(tmp_path, SCRIPT)
    with closing(project.journal()) as journal:
        engine = project.engine(journal)
        space.limit(sqlite_pages(project))
        script = engine.build_script(tmp_path / "main.flow")
        with pytest.raises(JournalUnavailable, match="disk is full"):
            engine.start(script, run_id="run")
        assert project.performed() == project.watching.lines == []
        assert journal.runs() == []
        space.limit(0)
        assert engine.start(script, run_id="run").status is RunStatus.COMPLETED
        engine.close()


def sqlite_pages(project: RunProject) -> int:
    with closing(sqlite3.connect(project.root / ".flowlang" / "flowlang.db")) as database:
        pages: int = database.execute("PRAGMA page_count").fetchone()[0]
    return pages


LINES = """
text = "".join([chr(32 + (index * index) % 94) for index in range(900)])
for number in range(200):
    print(current_flow().actions.test.double(number), text)
"""


def drive_with_small_files(project: RunProject, bytes_max: int) -> str:
    """What comes of a run when no file may grow beyond a size. That fails unlike a full disk: nobody can tell what
    reached the file, so this process must not write any more."""
    _, most = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (bytes_max, most))
    with closing(project.journal()) as journal:
        engine = project.engine(journal)
        try:
            return engine.start(engine.build_script(project.root / "main.flow"), run_id="run").status.value
        except JournalUnavailable as error:
            performed = project.performed()
            resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
            with pytest.raises(JournalUnavailable, match="the disk failed"):
                engine.resume("run")
            assert project.performed() == performed
            return error.message.partition(" `")[0]


def drive_until_files_may_grow(root: Path) -> list[str]:
    project = RunProject(root, LINES)
    said = []
    for size in (420_000, 460_000, 1 << 30):
        said.append(forked(drive_with_small_files, project, size).value)
        check_intents(project)
    return [*said, *violations(project.ledger.entries(), crashes=2)]


def test_a_journal_that_failed_to_write_is_right_for_the_next_process(tmp_path: Path) -> None:
    failed = "the disk failed under the journal"
    assert in_clean_process(drive_until_files_may_grow, tmp_path) == [failed, failed, "completed"]


def test_a_journal_that_becomes_read_only_stops_its_run(tmp_path: Path, space: Space) -> None:
    project = RunProject(tmp_path, SCRIPT)
    with closing(project.journal()) as journal:
        engine = project.engine(journal)
        project.watching.on_attempt = {5: lambda: space.read_only(True)}
        with pytest.raises(JournalUnavailable, match="is read-only"):
            engine.start(engine.build_script(tmp_path / "main.flow"), run_id="run")
        assert len(project.performed()) == 5
        check_intents(project)
        with pytest.raises(JournalUnavailable, match="is read-only"):
            engine.resume("run")
        assert len(project.performed()) == 5
        space.read_only(False)
        assert engine.resume("run").status is RunStatus.COMPLETED
        assert project.watching.lines[-1] == LAST_LINE
        assert violations(project.ledger.entries(), crashes=1) == []
        engine.close()
