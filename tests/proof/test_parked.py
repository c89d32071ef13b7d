"""Runs that were put down cost a worker nothing: neither those that wait, nor those that were taken from it."""

from __future__ import annotations

import gc
from pathlib import Path

from workloads import WORKLOADS, Sink, proof_actions

from flowlang.lang.eval.evaluation import Evaluation
from flowlang.runtime.action import ActionRegistry
from flowlang.runtime.executors.inline import InlineExecutor
from flowlang.runtime.journal.memory import MemoryJournal
from flowlang.runtime.journal.model import RunFilter, RunStatus
from flowlang.runtime.launch import code_of, prepare
from flowlang.runtime.project import Project
from flowlang.runtime.worker import Worker
from flowlang.testing.clock import VirtualClock
from flowlang.testing.simulation import let_time_pass

RUNS = 20


def living() -> int:
    """How many evaluations there are in this process."""
    gc.collect()
    return sum(isinstance(each, Evaluation) for each in gc.get_objects())


def test_a_run_that_is_put_down_leaves_nothing_in_memory(tmp_path: Path) -> None:
    """A suspended fiber refers to itself, so it has to be ended: a worker that parks a million runs must not grow."""
    before = living()
    clock, sink, path = VirtualClock(jumps=False), Sink(), tmp_path / "signals.flow"
    journal = MemoryJournal(clock)
    path.write_text(WORKLOADS["signals"].script)
    build = Project(tmp_path).build(path)
    code = code_of(build, ActionRegistry(proof_actions(sink)))
    journal.create_many(
        [prepare(build, code, flow="main", arguments={}, run_id=f"run-{n}", clock=clock) for n in range(RUNS)]
    )
    worker = Worker(tmp_path, journal, actions=proof_actions(sink), clock=clock, executors=InlineExecutor())
    while worker.step(0) or let_time_pass(clock, journal, [worker]):
        pass
    assert journal.count(RunFilter()) == {RunStatus.WAITING: RUNS}
    assert worker.run_ids == []
    assert living() == before
    worker.close()
