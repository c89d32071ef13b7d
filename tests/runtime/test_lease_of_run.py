"""Two workers that want the same run: only one of them may act."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from run_project import RunProject

from flowlang.errors import LeaseHeld, LeaseLost
from flowlang.lang.values.display import repr_value
from flowlang.runtime.action import ActionRegistry, action
from flowlang.runtime.action_context import ActionContext
from flowlang.runtime.catalog import Catalog
from flowlang.runtime.clock import Reading, SystemClock
from flowlang.runtime.executors.inline import InlineExecutor
from flowlang.runtime.hooks import Hooks
from flowlang.runtime.journal.journal import RunStatus
from flowlang.runtime.outcome import RunOutcome
from flowlang.runtime.performing import Environment, Performing
from flowlang.runtime.project import Project
from flowlang.testing.clock import VirtualClock
from flowlang.testing.fork import forked, in_clean_process
from flowlang.testing.ledger import violations

LEASE_MS = 30_000

STEPS = """
load("@std//sql.flow", "execute", "query")
execute("CREATE TABLE step (number INTEGER)")
for number in range(4):
    execute("INSERT INTO step VALUES (?)", [number])
    print("step", number)
print(query("SELECT group_concat(number) AS numbers FROM step")[0]["numbers"])
"""


def drive_until(project: RunProject, attempt: int, then: Callable[[], object]) -> RunOutcome:
    """Drives the run, and does something while the action with that number is being performed."""
    with closing(project.journal()) as journal:
        engine = project.engine(journal)
        project.watching.on_attempt = {attempt: then}
        try:
            return engine.start(engine.build_script(project.root / "main.flow"), run_id="run")
        finally:
            engine.close()


def test_a_run_that_is_driven_cannot_be_driven_by_another(tmp_path: Path) -> None:
    project = RunProject(tmp_path, STEPS)
    other = RunProject(tmp_path, STEPS)
    seen: list[object] = []

    def interfere() -> None:
        for drive in (other.resume, other.start):
            with pytest.raises(LeaseHeld):
                drive()
        seen.append(len(other.records()))

    assert drive_until(project, 3, interfere).status is RunStatus.COMPLETED
    assert len(seen) == 1
    assert len(project.performed()) == 6
    assert project.watching.lines[-1] == "0,1,2,3"


def test_a_worker_that_lost_its_lease_starts_nothing_more(tmp_path: Path) -> None:
    project = RunProject(tmp_path, STEPS)
    other = RunProject(tmp_path, STEPS)
    seen: list[RunOutcome] = []

    def take_over() -> None:
        # The worker was away for so long that its lease has expired.
        project.clock.advance(LEASE_MS + 1)
        other.clock = project.clock
        seen.append(other.resume())

    with pytest.raises(LeaseLost):
        drive_until(project, 3, take_over)
    assert seen[0].status is RunStatus.COMPLETED
    assert other.watching.lines[-1] == "0,1,2,3"
    assert project.watching.lines == ["step 0"]
    # The action that was about to start when the lease expired is performed by both, and has its effect once.
    numbers = [(entry.position, entry.attempt) for entry in project.ledger.entries() if entry.moment == "start"]
    assert [attempt for position, attempt in numbers if position == "2"] == [2, 1]
    assert len(numbers) == 7
    tokens = [record.token for record in project.records()]
    assert (tokens, set(tokens)) == (sorted(tokens), {1, 2})
    assert project.start().status is RunStatus.COMPLETED


def test_a_living_worker_keeps_its_run(tmp_path: Path) -> None:
    """Each append moves the end of the lease ahead, so the sum of the steps may take longer than a lease."""
    project = RunProject(tmp_path, STEPS)
    other = RunProject(tmp_path, STEPS)
    other.clock = project.clock
    refused: list[bool] = []

    def interfere() -> None:
        project.clock.advance(LEASE_MS - 1)
        with pytest.raises(LeaseHeld):
            other.resume()
        refused.append(True)

    with closing(project.journal()) as journal:
        engine = project.engine(journal)
        project.watching.on_attempt = dict.fromkeys(range(1, 7), interfere)
        assert engine.start(engine.build_script(tmp_path / "main.flow"), run_id="run").status is RunStatus.COMPLETED
        engine.close()
    assert len(refused) == 6


def test_a_run_given_up_for_an_error_can_be_taken_at_once(tmp_path: Path) -> None:
    project = RunProject(tmp_path, STEPS)

    class Interruption(Exception):
        pass

    def interrupt() -> None:
        raise Interruption

    with pytest.raises(Interruption):
        drive_until(project, 3, interrupt)
    with closing(project.journal()) as journal:
        row = journal.run("run")
    assert (row.status, row.owner) == (RunStatus.SUSPENDED, "")
    assert project.resume().status is RunStatus.COMPLETED
    assert violations(project.ledger.entries(), crashes=1) == []


# A process that is stopped as by Ctrl-Z, or as a virtual machine that is moved


def drive_stopped(project: RunProject) -> list[str]:
    try:
        drive_until(project, 3, lambda: os.kill(os.getpid(), signal.SIGSTOP))
    except LeaseLost as error:
        return [type(error).__name__, *project.watching.lines]
    return ["not lost"]


def resume_later(project: RunProject) -> list[str]:
    project.clock = VirtualClock(VirtualClock().now_ms() + LEASE_MS + 1)
    outcome = project.resume()
    return [outcome.status.value, repr_value(outcome.result), project.watching.lines[-1]]


def resume_too_early(project: RunProject) -> list[str]:
    try:
        project.resume()
    except LeaseHeld as error:
        return [type(error).__name__]
    return ["not held"]


def stop_and_take_over(root: Path) -> list[object]:
    project = RunProject(root, STEPS)
    reading, writing = os.pipe()
    owner = os.fork()
    if owner == 0:
        os.write(writing, repr(drive_stopped(project)).encode())
        os._exit(0)
    os.close(writing)
    _, status = os.waitpid(owner, os.WUNTRACED)
    early = forked(resume_too_early, project).value
    later = forked(resume_later, project).value
    performed = len(project.performed())
    os.kill(owner, signal.SIGCONT)
    with os.fdopen(reading) as pipe:
        said = pipe.read()
    os.waitpid(owner, 0)
    entries = project.ledger.entries()
    more = [entry.position for entry in entries[-2:] if entry.process == owner]
    return [os.WIFSTOPPED(status), early, later, said, performed, len(project.performed()), more]


def test_a_stopped_process_that_comes_back_has_lost_its_run(tmp_path: Path) -> None:
    stopped, early, later, said, performed_by_then, performed, more = in_clean_process(stop_and_take_over, tmp_path)
    assert stopped is True
    assert early == ["LeaseHeld"]
    assert later == ["completed", "Ok(None)", "0,1,2,3"]
    assert said == "['LeaseLost', 'step 0']"
    # It was stopped between the intent and the action, so that one action starts, and none after it.
    assert (performed_by_then, performed, more) == (6, 7, ["2", "2"])
    project = RunProject(tmp_path, STEPS)
    tokens = [record.token for record in project.records()]
    assert (tokens, set(tokens)) == (sorted(tokens), {1, 2})


def test_an_attempt_that_waited_for_longer_than_the_lease_is_safe_does_not_begin(tmp_path: Path) -> None:
    """Somebody else may have claimed the run by then and attempt the same. Both clocks count: the one that may be set,
    and the one that may not."""
    for past in (Reading(0, 1 << 50), Reading(1 << 50, 0)):
        performing = Performing("run", environment(tmp_path), lambda done: None)
        performing.schedule((0,), "see.attempt", b"{}", None, None, 0)
        performing.safe_until = past
        performing.begin()
        assert SEEN == []
    performing.safe_until = Reading(1 << 50, 1 << 50)
    performing.start_again((0,))
    performing.begin()
    assert SEEN == [2]


SEEN: list[int] = []


@action(name="see.attempt", inline=True)
def see_attempt(context: ActionContext) -> int:
    SEEN.append(context.attempt)
    return context.attempt


def environment(root: Path) -> Environment:
    files, databases = Project(root).access()
    catalog = Catalog(ActionRegistry([see_attempt]))
    return Environment(catalog, InlineExecutor(), files, databases, SystemClock(), Hooks())
