"""Joint writes to SQLite when the disk fails under their commit."""

from __future__ import annotations

import resource
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from joint_world import TABLE, JointWorld

from flowlang.actions import shipped_actions, sqlite
from flowlang.errors import JournalUnavailable
from flowlang.runtime import joint_outcome
from flowlang.runtime.clock import SystemClock
from flowlang.runtime.driver import RunDriver
from flowlang.runtime.journal.locate import open_journal
from flowlang.testing.fork import in_clean_process

INSERT = 'return sql.execute("INSERT INTO item VALUES (?, 1)", [current_flow().run_id])'


def drive_on_a_failing_disk(root: Path) -> list[str]:
    """No file takes anything while the write is committed; afterwards the disk is well again. Gives what this process
    is told then and later."""
    world = JointWorld(root, None)
    write, commit = joint_outcome._Recorder.write, sqlite._commit_recorded
    _, most = resource.getrlimit(resource.RLIMIT_FSIZE)

    def fails_afterwards(self: Any, *arguments: Any) -> None:
        write(self, *arguments)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1, most))

    def well_afterwards(*arguments: Any) -> None:
        try:
            commit(*arguments)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))

    said = []
    with closing(open_journal(world.location, SystemClock())) as journal:
        driver = RunDriver(root, journal, actions=shipped_actions())
        joint_outcome._Recorder.write = fails_afterwards  # type: ignore[method-assign]
        sqlite._commit_recorded = well_afterwards
        with pytest.raises(JournalUnavailable) as caught:
            driver.start(driver.build_script(root / "run.flow"), flow="main", run_id="run")
        said.append(caught.value.message.partition(":")[0])
        joint_outcome._Recorder.write = write  # type: ignore[method-assign]
        with pytest.raises(JournalUnavailable) as caught:
            driver.resume("run")
        said.append(caught.value.message.partition(" `")[0])
        driver.close()
    return said


def test_a_process_whose_joint_commit_failed_writes_no_more(tmp_path: Path) -> None:
    """As after a failure of the journal's own commits; the next process finds the truth and goes on with it."""
    world = JointWorld(tmp_path, None)
    world.value("return None", "first")
    world.execute(TABLE)
    world.value(INSERT, "second")
    (tmp_path / "run.flow").write_text(
        f"def _main(fctx):\n    sql = fctx.actions.sql\n    {INSERT}\nmain = flow(implementation = _main)\n"
    )
    unknown = "nobody knows whether the last write reached the journal"
    assert in_clean_process(drive_on_a_failing_disk, tmp_path) == [unknown, "the disk failed under the journal"]
    assert world.written() == world.completed()
    assert world.drive(INSERT, resumes=True).result.value == 1
    assert (world.written(), world.completed(), world.problems()) == (1, 1, {})
