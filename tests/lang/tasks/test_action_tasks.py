"""Tasks that are one call of an action: what they cost, and what becomes of calls that do not fit or never begin."""

from __future__ import annotations

from textwrap import dedent

from virtual_run import ENTRY, Catalog, Said, VirtualRun, built

from flowlang.lang.eval.command import CallAction, TaskBegun
from flowlang.lang.eval.evaluation import Completed, Entry, Evaluation, Stopped, Suspended
from flowlang.lang.interpreter import UNIVERSE
from flowlang.lang.values.fault import BudgetExceeded
from flowlang.lang.values.meter import Budget


def script(body: str) -> str:
    """A script with that flow."""
    text = "".join(f"    {line}\n" for line in dedent(body).strip().splitlines())
    return f'def _main(fctx):\n{text}main = flow(_main)\nif __name__ == "__flow__":\n    main()\n'


def evaluation_of(body: str, budget: Budget) -> Evaluation:
    """An evaluation that is live from the beginning."""
    build = built(script(body))
    evaluation = Evaluation(
        build.programs, build.prelude, Entry(ENTRY), universe=UNIVERSE, catalog=Catalog(), budget=budget
    )
    evaluation.go_live()
    return evaluation


def test_no_fiber_stands_behind_an_action() -> None:
    """Only the flow itself is a fiber, however many actions wait."""
    evaluation = evaluation_of("fctx.actions.wait([run(fctx.actions.work, 'x', n) for n in range(500)])", Budget())
    assert isinstance(evaluation.start(), Suspended)
    assert len(evaluation.waiting) == 500
    assert len(evaluation._fibers) == 1
    evaluation.drop()


def test_tasks_and_what_they_were_given_are_memory() -> None:
    """A script cannot have more of them than its budget holds: neither many, nor with large arguments."""
    for body in (
        "tasks = [run(fctx.actions.work, 'x', n) for n in range(100000)]\nwait(tasks)",
        "tasks = [run(fctx.actions.work, 'x' * 1000000, n) for n in range(100)]\nwait(tasks)",
    ):
        step = evaluation_of(body, Budget(memory_bytes=40 << 20)).start()
        assert isinstance(step, Stopped)
        assert isinstance(step.cause, BudgetExceeded)
        assert step.cause.limit == "memory"


def test_tasks_that_are_done_leave_only_their_results() -> None:
    """So that a long list can be worked through."""
    body = "for n in range(3000):\n    wait(run(fctx.actions.work, 'x' * 1000, 0))"
    run = VirtualRun(built(script(body)))
    evaluation = evaluation_of(body, Budget(memory_bytes=4 << 20))
    step = evaluation.start()
    while isinstance(step, Suspended):
        run._take(step.said)
        position, (_, answer) = run._open.popitem()
        step = evaluation.resume([(position, answer)])
    assert isinstance(step, Completed)


def test_arguments_that_do_not_fit_fail_the_task() -> None:
    """As in a fiber: the task has begun, asked for nothing, and its Result says what is wrong."""
    run = VirtualRun(
        built(script("task = run(fctx.actions.work, 1)\nprint('goes on')\nprint(wait(task).failure.kind)"))
    )
    assert isinstance(run.run(), Completed)
    assert run.lines == ["goes on", "action-argument"]
    said = [entered.item for entered in run.record if isinstance(entered, Said)]
    assert [item.position for item in said if isinstance(item, TaskBegun)] == [(0, 0)]
    assert not any(isinstance(item, CallAction) for item in said)


def test_a_task_that_is_cancelled_before_its_turn_asks_for_nothing() -> None:
    """It is done before its action was ever heard of."""
    run = VirtualRun(built(script("task = run(fctx.actions.work, 'x', 1)\ncancel(task)\nprint(wait(task))")))
    assert isinstance(run.run(), Completed)
    assert "cancelled" in run.lines[0]
    assert not any(isinstance(entered.item, CallAction) for entered in run.record if isinstance(entered, Said))
