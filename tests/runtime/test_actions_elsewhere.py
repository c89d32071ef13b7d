"""Runs whose actions only some workers have: the others leave them alone, for a while, at no cost to the run."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from flowlang.lang.values.canonical import encode
from flowlang.runtime.action import ActionRegistry, action
from flowlang.runtime.journal.journal import Journal
from flowlang.runtime.journal.memory import MemoryJournal
from flowlang.runtime.journal.model import NewMessage, RunStatus
from flowlang.runtime.journal.sql import SqlJournal
from flowlang.runtime.launch import code_of, prepare
from flowlang.runtime.missing_actions import DELAY_MAX_MS, FIRST_DELAY_MS, PATIENCE_MS, MissingActions
from flowlang.runtime.project import Project
from flowlang.runtime.worker import Worker
from flowlang.testing.clock import VirtualClock

SCRIPT = """
def _main(fctx):
    receive("go")
    return fctx.actions.tick()

main = flow(implementation = _main, args = {})
"""


@action(inline=True)
def tick() -> int:
    """What only some workers have."""
    return 7


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock(jumps=False)


@pytest.fixture(params=["memory", "sqlite", "postgres"])
def journal(request: pytest.FixtureRequest, tmp_path: Path, clock: VirtualClock) -> Iterator[Journal]:
    if request.param == "memory":
        yield MemoryJournal(clock)
        return
    place = tmp_path / "journal.db" if request.param == "sqlite" else request.getfixturevalue("postgres_url")
    with closing(SqlJournal(place, clock=clock)) as opened:
        yield opened


def create(journal: Journal, clock: VirtualClock, root: Path) -> None:
    path = root / "main.flow"
    path.write_text(SCRIPT)
    build = Project(root).build(path)
    code = code_of(build, ActionRegistry([tick]))
    journal.create_many([prepare(build, code, flow="main", run_id="run", clock=clock)])


def work(worker: Worker) -> None:
    """As long as there is something to do."""
    while worker.step():
        pass


def test_another_worker_takes_the_run(journal: Journal, clock: VirtualClock, tmp_path: Path) -> None:
    """The one without the actions claims it first, with a message in its inbox; the other one takes it as soon as it is
    due again, and nothing but the claims is to be seen of it."""
    create(journal, clock, tmp_path)
    journal.post(NewMessage("run", "signal", "go", "", encode(1)))
    without, having = (Worker(tmp_path, journal, actions=known, clock=clock) for known in ([], [tick]))
    work(without)
    run = journal.run("run")
    assert (run.status, run.reason, run.sequence, run.crashes) == (RunStatus.WAITING, "actions-missing", 1, 0)
    work(without)
    work(having)
    assert journal.run("run").token == run.token, "it is due later, also for those that have the actions"
    clock.advance(FIRST_DELAY_MS + 2)
    work(without)
    assert journal.run("run").token == run.token, "others come first"
    work(having)
    assert journal.run("run").status is RunStatus.COMPLETED
    without.close()
    having.close()


def test_a_run_that_nobody_can_drive_is_set_aside(journal: Journal, clock: VirtualClock, tmp_path: Path) -> None:
    """After the stated time, and not before; how often it was claimed until then is limited."""
    create(journal, clock, tmp_path)
    worker = Worker(tmp_path, journal, actions=[], clock=clock)
    passed_ms = 0
    while passed_ms < PATIENCE_MS:
        work(worker)
        assert journal.run("run").status is RunStatus.WAITING
        clock.advance(1_000)
        passed_ms += 1_000
    for _ in range(DELAY_MAX_MS // 1_000 + 1):
        work(worker)
        clock.advance(1_000)
    run = journal.run("run")
    assert (run.status, run.reason, run.sequence) == (RunStatus.STOPPED, "actions-missing", 1)
    assert run.token < 25
    worker.close()


def test_patience_begins_anew_when_somebody_drove_the_run() -> None:
    missing = MissingActions()
    assert missing.delay_ms("run", 1, 0) == FIRST_DELAY_MS
    assert missing.delay_ms("run", 1, 10) == 2 * FIRST_DELAY_MS
    assert missing.delay_ms("run", 4, PATIENCE_MS) == FIRST_DELAY_MS
    assert missing.delay_ms("run", 4, PATIENCE_MS + 10) == 2 * FIRST_DELAY_MS
    assert missing.delay_ms("run", 4, 2 * PATIENCE_MS) is None
    assert not missing
    assert missing.delay_ms("gone", 1, 0) == FIRST_DELAY_MS
    missing.forget_old(PATIENCE_MS + 2 * DELAY_MAX_MS)
    assert not missing
