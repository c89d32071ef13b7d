"""A worker with more runs than it drives at a time, and the collector while it works."""

from __future__ import annotations

import gc
from pathlib import Path

from flowlang.errors import FlowlangError
from flowlang.lang.eval.evaluation import Evaluation
from flowlang.lang.eval.fiber import Fiber
from flowlang.lang.eval.module import Module
from flowlang.runtime.action import ActionRegistry, action
from flowlang.runtime.activation import Activation
from flowlang.runtime.collector import YOUNG_MAX, patient_collector
from flowlang.runtime.hooks import Hooks
from flowlang.runtime.journal.memory import MemoryJournal
from flowlang.runtime.journal.model import RunFilter, RunStatus
from flowlang.runtime.launch import code_of, prepare
from flowlang.runtime.project import Project
from flowlang.runtime.worker import Worker
from flowlang.testing.clock import VirtualClock

SCRIPT = """
main = flow(implementation = lambda fctx: receive("go"), args = {})
"""


def test_a_worker_is_not_idle_while_runs_are_due(tmp_path: Path) -> None:
    """Runs that wait for messages linger; they make room when others are due."""
    clock, path = VirtualClock(jumps=False), tmp_path / "main.flow"
    journal = MemoryJournal(clock)
    path.write_text(SCRIPT)
    build = Project(tmp_path).build(path)
    code = code_of(build, ActionRegistry([]))
    journal.create_many(
        [prepare(build, code, flow="main", arguments={}, run_id=f"run-{n}", clock=clock) for n in range(25)]
    )
    worker = Worker(tmp_path, journal, actions=[], clock=clock, concurrency=4)
    worker.run_until_idle()
    assert journal.count(RunFilter()) == {RunStatus.WAITING: 25}
    worker.close()


def test_runs_leave_nothing_for_the_collector(tmp_path: Path) -> None:
    """What an ended run, or one that was put down, took of the memory goes at once, without the garbage collector:
    functions that refer to their modules, tasks that wait for each other, actions, and what a failure refers to."""

    @action(inline=True)
    def tick(number: int) -> int:
        if number < 0:
            raise ValueError("less than nothing")
        return number

    script = """
def _twice(function):
    return lambda number: function(function(number))

def _part(fctx):
    return _twice(fctx.actions.tick)(fctx.args.n)

part = flow(implementation = _part, args = {"n": args.int()})

def _main(fctx):
    tasks = [run(part, n = number) for number in range(3)]
    print([unwrap(result) for result in wait(tasks)])
    if fctx.args.n == 1:
        receive("go")
    return unwrap(part(n = -fctx.args.n))

main = flow(implementation = _main, args = {"n": args.int()})
"""
    clock, path = VirtualClock(jumps=False), tmp_path / "main.flow"
    journal = MemoryJournal(clock)
    path.write_text(script)
    build = Project(tmp_path).build(path)
    code = code_of(build, ActionRegistry([tick]))
    worker = Worker(tmp_path, journal, actions=[tick], clock=clock)

    def drive(name: str) -> None:
        journal.create_many(
            [prepare(build, code, flow="main", arguments={"n": n}, run_id=f"{name}-{n}", clock=clock) for n in range(3)]
        )
        worker.run_until_idle()

    def living() -> list[object]:
        return [each for each in gc.get_objects() if isinstance(each, (Evaluation, Activation, Module, Fiber))]

    drive("first")
    gc.collect()
    gc.disable()
    try:
        before = living()  # of other tests
        drive("second")
        left = [each for each in living() if not any(each is other for other in before)]
    finally:
        gc.enable()
    assert left == []
    assert {run.run_id: run.status.value for run in journal.find(RunFilter(prefix="second"), limit=9)} == {
        "second-0": "completed",
        "second-1": "waiting",
        "second-2": "failed",
    }
    worker.close()


def test_the_collector_is_set_back_by_the_last_one() -> None:
    before = gc.get_threshold()
    gc.set_threshold(500, 9, 9)
    try:
        with patient_collector():
            with patient_collector():
                assert gc.get_threshold() == (YOUNG_MAX, 9, 9)
            assert gc.get_threshold() == (YOUNG_MAX, 9, 9)
        assert gc.get_threshold() == (500, 9, 9)
        gc.set_threshold(0)
        with patient_collector():
            assert gc.get_threshold()[0] == 0
    finally:
        gc.set_threshold(*before)


def test_a_long_computation_lets_other_runs_go_on(tmp_path: Path) -> None:
    """Its turn is cut into slices, also inside of what a builtin calls back; it comes to the same end."""
    clock = VirtualClock(jumps=False)
    journal = MemoryJournal(clock)
    scripts = {
        "long": "len(sorted(range(300), key = lambda n: len([n for _ in range(5000)])))",
        "quick": "[fctx.actions.tick() for _ in range(5)]",
    }
    ended: list[str] = []

    class Ends(Hooks):
        def put_down(self, run_id: str, status: RunStatus, error: FlowlangError | None) -> None:
            ended.append(run_id)

    class Passing(VirtualClock):
        """Each look at the clock takes some time, so that slices end."""

        def monotonic_ms(self) -> int:
            self.advance(10)
            return super().monotonic_ms()

    @action(inline=True)
    def tick() -> int:
        return 1

    for name, body in scripts.items():
        path = tmp_path / f"{name}.flow"
        path.write_text(f"main = flow(implementation = lambda fctx: {body}, args = {{}})\n")
        build = Project(tmp_path).build(path)
        code = code_of(build, ActionRegistry([tick]))
        journal.create_many([prepare(build, code, flow="main", arguments={}, run_id=name, clock=clock)])
    worker = Worker(tmp_path, journal, actions=[tick], clock=Passing(), hooks=Ends())
    worker.run_until_idle()
    worker.close()
    assert ended == ["quick", "long"]
    assert journal.run("long").status is RunStatus.COMPLETED
