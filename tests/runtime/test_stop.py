"""Runs that are asked to stop, and runs that a budget stops."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from kill_campaign import stop_at_random
from run_project import RunProject
from workload import PAGES, PARALLEL

from flowlang.lang.values.display import repr_value
from flowlang.lang.values.meter import Budget
from flowlang.runtime.action import action
from flowlang.runtime.driver import RunDriver
from flowlang.runtime.journal.event import ActionCompleted, ActionScheduled, LogWritten, RunStopped, TimerFired
from flowlang.runtime.journal.journal import RunStatus
from flowlang.runtime.outcome import RunOutcome
from flowlang.testing.clock import VirtualClock
from flowlang.testing.fork import in_clean_process

STEPS = """
load("@std//files.flow", "write_text")
for number in range(4):
    write_text("step-%d" % number, "")
    print("step", number)
"""


def start_and_stop(project: RunProject, arrange: Callable[[RunDriver], None]) -> RunOutcome:
    """Starts the run of an engine that `arrange` makes stop. Gives the outcome."""
    with closing(project.journal()) as journal:
        engine = project.engine(journal)
        arrange(engine)
        outcome = engine.start(engine.build_script(project.root / "main.flow"), run_id="run")
        engine.close()
    return outcome


def test_what_is_being_performed_is_recorded(tmp_path: Path) -> None:
    project = RunProject(tmp_path, STEPS)

    def arrange(engine: RunDriver) -> None:
        project.watching.on_attempt = {2: engine.request_stop}

    outcome = start_and_stop(project, arrange)
    assert (outcome.status, outcome.stop.reason) == (RunStatus.SUSPENDED, "interrupted")
    assert outcome.actions_completed == 2
    assert isinstance(project.records()[-1].event, ActionCompleted)
    assert project.watching.lines == ["step 0"]
    assert project.resume().status is RunStatus.COMPLETED
    assert project.watching.lines == ["step 1", "step 2", "step 3"]
    assert project.watching.resumptions == [(outcome.sequence, 2, False)]
    assert project.performed() == ["files.write_text"] * 4
    assert project.attempts() == []


def test_all_that_is_under_way_is_waited_for(tmp_path: Path) -> None:
    began, may_end = threading.Semaphore(0), threading.Event()

    @action(name="slow.step")
    def slow_step(number: int) -> int:
        began.release()
        assert may_end.wait(60)
        return number

    script = """
    tasks = [current_flow().actions.run(current_flow().actions.slow.step, number) for number in range(3)]
    print([unwrap(result) for result in current_flow().actions.wait(tasks)])
    """
    project = RunProject(tmp_path, "\n".join(line.strip() for line in script.splitlines()), [slow_step])
    stoppers: list[threading.Thread] = []

    def arrange(engine: RunDriver) -> None:
        def stop() -> None:
            for _ in range(3):
                began.acquire()
            engine.request_stop()
            may_end.set()

        stoppers.append(threading.Thread(target=stop))
        stoppers[0].start()

    outcome = start_and_stop(project, arrange)
    stoppers[0].join()
    assert (outcome.status, outcome.actions_completed) == (RunStatus.SUSPENDED, 3)
    project.resume()
    assert project.watching.lines == ["[0, 1, 2]"]
    assert project.performed() == ["slow.step"] * 3


def test_a_run_that_sleeps_stops_at_once_and_wakes_in_time(tmp_path: Path) -> None:
    project = RunProject(tmp_path, "sleep(3600)\nprint(1)\nsleep(60)\nprint(2)\n")
    project.clock = VirtualClock(jumps=False)

    def arrange(engine: RunDriver) -> None:
        project.watching.on_wait = engine.request_stop

    assert start_and_stop(project, arrange).status is RunStatus.SUSPENDED
    project.clock.advance(3_599_999)
    assert start_and_stop(project, arrange).status is RunStatus.SUSPENDED
    assert project.watching.lines == []
    project.clock.advance(100_000)  # the second timer counts from here
    assert start_and_stop(project, arrange).status is RunStatus.SUSPENDED
    assert project.watching.lines == ["1"]
    project.clock.advance(59_999)
    assert start_and_stop(project, arrange).status is RunStatus.SUSPENDED
    project.clock.advance(1)
    assert start_and_stop(project, arrange).status is RunStatus.COMPLETED
    assert project.watching.lines == ["2"]
    fired = [record.recorded_at_ms for record in project.records() if isinstance(record.event, TimerFired)]
    assert [at_ms - VirtualClock().now_ms() for at_ms in fired] == [3_699_999, 3_759_999]


LONG = """
load("@std//files.flow", "write_text")
write_text("before", "")
print("begin")
for _ in range(1 << 50):
    pass
write_text("after", "")
"""


def test_a_computation_is_cut_short(tmp_path: Path) -> None:
    project = RunProject(tmp_path, LONG)

    def arrange(engine: RunDriver) -> None:
        engine.budget = Budget()
        stopper = threading.Timer(0.1, engine.request_stop)
        project.watching.on_attempt = {1: stopper.start}

    outcome = start_and_stop(project, arrange)
    assert (outcome.status, outcome.stop.reason, outcome.actions_completed) == (RunStatus.SUSPENDED, "interrupted", 1)
    events = [type(record.event) for record in project.records()]
    assert (events[-1], LogWritten in events) == (ActionCompleted, False)
    assert project.resume(budget=Budget(steps=100_000)).status is RunStatus.STOPPED
    assert project.watching.lines == ["begin"]
    assert project.performed() == ["files.write_text"]


def signalled(root: Path) -> list[object]:
    @action(name="test.signal")
    def send_signal() -> int:
        os.kill(os.getpid(), signal.SIGTERM)
        return 1

    project = RunProject(root, "print(current_flow().actions.test.signal())\nprint(2)\n", [send_signal])

    def arrange(engine: RunDriver) -> None:
        signal.signal(signal.SIGTERM, lambda *_: engine.request_stop())

    outcome = start_and_stop(project, arrange)
    project.resume()
    return [outcome.status.value, outcome.actions_completed, project.watching.lines, project.performed()]


def test_a_signal_handler_may_stop_a_run(tmp_path: Path) -> None:
    assert in_clean_process(signalled, tmp_path) == ["suspended", 1, ["1", "2"], ["test.signal"]]


@pytest.mark.parametrize("workload", [PAGES, PARALLEL], ids=lambda workload: workload.name)
def test_a_run_stopped_by_signals_at_random_moments(quick_path: Path, workload: object) -> None:
    report = in_clean_process(stop_at_random, workload, quick_path, 25, 7)
    assert report.problems == []
    assert report.stops >= 25
    assert report.kills == 0


# Budgets

COUNT = """
load("@std//files.flow", "write_text")
write_text("before", "")
print("begin")
total = 0
for index in range(10000):
    total += index
print("end", total)
write_text("after", "")
"""


def test_a_run_that_a_budget_stopped_goes_on_with_a_larger_one(tmp_path: Path) -> None:
    project = RunProject(tmp_path, COUNT)
    outcome = project.start(budget=Budget(steps=5_000))
    assert (outcome.status, outcome.stop.reason, outcome.stop.slug) == (RunStatus.STOPPED, "budget", "budget-exceeded")
    assert project.watching.lines == ["begin"]
    for _ in range(2):  # the budget holds again, and nothing of the past is done again
        assert project.resume(budget=Budget(steps=5_000)).status is RunStatus.STOPPED
        assert project.watching.lines == []
    assert project.performed() == ["files.write_text"]
    assert project.resume(budget=Budget(steps=50_000)).status is RunStatus.COMPLETED
    assert project.watching.lines == ["end 49995000"]
    assert project.performed() == ["files.write_text"] * 2
    assert project.attempts() == []
    assert sum(isinstance(record.event, RunStopped) for record in project.records()) == 3


BESIDE = """
load("@std//files.flow", "exists", "write_text")

def _count_impl(fctx):
    write_text("counting", "")
    for _ in range(10000):
        pass
    write_text("counted", "")

def _write_impl(fctx, number):
    write_text("one-%d" % number, "")
    write_text("two-%d" % number, "")

run = current_flow().actions.run
tasks = [run(flow(implementation = _write_impl), number) for number in range(3)]
tasks.append(run(flow(implementation = _count_impl)))
print([is_ok(result) for result in current_flow().actions.wait(tasks)])
"""


def test_a_budget_records_what_happens_beside(tmp_path: Path) -> None:
    project = RunProject(tmp_path, BESIDE)
    assert project.start(budget=Budget(steps=5_000)).status is RunStatus.STOPPED
    records = [record.event for record in project.records()]
    scheduled = {event.position for event in records if isinstance(event, ActionScheduled)}
    assert scheduled == {event.position for event in records if isinstance(event, ActionCompleted)}
    assert len(scheduled) == len(project.performed())
    assert project.resume(budget=Budget(steps=50_000)).status is RunStatus.COMPLETED
    assert project.watching.lines == ["[True, True, True, True]"]
    assert sorted(project.performed()) == ["files.write_text"] * 8
    assert project.attempts() == []


def test_a_budget_of_memory_holds_for_a_resumed_run(tmp_path: Path) -> None:
    project = RunProject(tmp_path, 'sleep(1)\ntext = "x" * 10000000\nsleep(1)\nprint(len(text))\n')
    small = Budget(memory_bytes=1 << 20)
    for drive in (project.start, project.resume, project.resume):
        assert drive(budget=small).status is RunStatus.STOPPED
    assert repr_value(project.resume().result) == "Ok(None)"
    assert project.watching.lines == ["10000000"]
