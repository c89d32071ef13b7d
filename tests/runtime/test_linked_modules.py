"""Modules of runs that have completed serve later runs of the same code, which cannot tell."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from flowlang.lang.eval.module import Module
from flowlang.lang.values.meter import Budget
from flowlang.runtime.action import ActionRegistry, action
from flowlang.runtime.journal.event import LogWritten
from flowlang.runtime.journal.memory import MemoryJournal
from flowlang.runtime.journal.model import RunRecord
from flowlang.runtime.launch import code_of, prepare
from flowlang.runtime.project import Project
from flowlang.runtime.worker import Worker
from flowlang.testing.clock import VirtualClock

SILENT = """
load("lib.flow", "numbers", "inner")

_table = {str(n): [n, n + 1] for n in range(60)}

def _each(fctx):
    total = 0
    for key in _table:
        total += len(_table[key])
    for n in numbers:
        total += unwrap(inner(n = n))
    for n in numbers:
        if n == 1:
            break
    if fctx.args.n == 1:
        fail("one is refused")
    return fctx.actions.echo(total + fctx.args.n)

main = flow(implementation = _each, args = {"n": args.int()})
"""
LIBRARY = """
numbers = [1, 2, 3]
_kept = {"a": [1]}

def _held():
    inside = [1, 2, 3]
    return lambda n: n + len(inside)

_more = _held()
inner = flow(implementation = lambda fctx: _more(fctx.args.n) + len(_kept["a"]), args = {"n": args.int()})
"""


@action(inline=True)
def echo(number: int) -> int:
    """The same number."""
    return number


class World:
    """A project with one script, and a journal."""

    def __init__(self, root: Path, script: str, library: str) -> None:
        self.root, self.clock = root, VirtualClock(jumps=False)
        self.journal = MemoryJournal(self.clock)
        (root / "lib.flow").write_text(library)
        (root / "main.flow").write_text(script)
        self.build = Project(root).build(root / "main.flow")
        self.code = code_of(self.build, ActionRegistry([echo]))

    def worker(self, budget: Budget | None = None) -> Worker:
        """One more worker."""
        return Worker(self.root, self.journal, actions=[echo], clock=self.clock, budget=budget)

    def drive(self, worker: Worker, name: str, arguments: Sequence[int]) -> list[RunRecord]:
        """Runs with these arguments, one after the other."""
        for at, n in enumerate(arguments):
            new = prepare(
                self.build, self.code, flow="main", arguments={"n": n}, run_id=f"{name}-{at}", clock=self.clock
            )
            self.journal.create_many([new])
            worker.run_until_idle()
        return [self.journal.run(f"{name}-{at}") for at in range(len(arguments))]


def _used(runs: Sequence[RunRecord]) -> list[tuple[object, ...]]:
    return [(run.status, run.steps, run.memory, run.actions_completed, run.sequence) for run in runs]


def test_runs_with_lent_modules_are_counted_as_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Steps, memory and records are those of runs that ran the modules themselves, also after one that failed; and the
    modules do run only where none were left."""
    world, run_module = World(tmp_path, SILENT, LIBRARY), Module.run
    ran: list[str] = []

    def run_counted(module: Module, depth: int = 0) -> None:
        ran.append(module.name)
        run_module(module, depth)

    monkeypatch.setattr(Module, "run", run_counted)
    arguments = [0, 2, 1, 0, 2]
    worker = world.worker()
    lent = world.drive(worker, "lent", arguments)
    worker.close()
    with_lent, ran[:] = len(ran), []
    own: list[RunRecord] = []
    for at, n in enumerate(arguments):
        worker = world.worker()
        own += world.drive(worker, f"own-{at}", [n])
        worker.close()
    assert _used(lent) == _used(own)
    assert with_lent * len(arguments) == len(ran) * 2  # the first, and the one after that which failed


@pytest.mark.parametrize("steps", [500, 2_000, 3_500, 5_000])
def test_a_budget_ends_runs_with_lent_modules_at_the_same_step(tmp_path: Path, steps: int) -> None:
    script = SILENT.replace("total = 0", "total = 0\n    for n in range(fctx.args.n):\n        total += n")
    world, budget = World(tmp_path, script, LIBRARY), Budget(steps=steps)
    worker = world.worker(budget)
    lent = world.drive(worker, "lent", [0, 300, 2_000, 0, 5_000])
    worker.close()
    own: list[RunRecord] = []
    for at, n in enumerate([0, 300, 2_000, 0, 5_000]):
        worker = world.worker(budget)
        own += world.drive(worker, f"own-{at}", [n])
        worker.close()
    assert _used(lent) == _used(own)


def test_modules_that_print_do_so_in_every_run(tmp_path: Path) -> None:
    world = World(tmp_path, SILENT, LIBRARY + 'print("loaded")\n')
    worker = world.worker()
    runs = world.drive(worker, "run", [0, 2, 0])
    worker.close()
    for run in runs:
        lines = [each.event for each in world.journal.read(run.run_id) if isinstance(each.event, LogWritten)]
        assert len(lines) == 1
