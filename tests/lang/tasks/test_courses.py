"""Courses that a run takes, each of them also when it is cut off anywhere and replayed, with and without the insides of
its finished flow calls."""

from __future__ import annotations

from textwrap import dedent

import pytest
from virtual_run import Said, VirtualRun, built, check_replays

from flowlang.lang.eval.command import CallAction, FlowEnded, StartTimer, Withdrawn
from flowlang.lang.eval.evaluation import Completed
from flowlang.lang.values.result import Err


def course(text: str, **options: int) -> tuple[VirtualRun, Completed]:
    """Runs the flow `main` of a script, and replays it from everywhere."""
    run = VirtualRun(built(dedent(text) + '\nif __name__ == "__flow__":\n    main()\n'), **options)
    end = run.run()
    assert isinstance(end, Completed), end
    check_replays(run, end)
    return run, end


RACES = {
    "a finished flow in a task is done when it was done": (
        """
        def quick(fctx, seconds):
            return fctx.actions.work("x", seconds)
        def main_impl(fctx):
            a = fctx.actions.run(flow(quick), 5)
            b = fctx.actions.run(fctx.actions.work, "y", 2)
            found = fctx.actions.wait_any([a, b])
            fctx.actions.work("later", 20)
            print(found, fctx.actions.wait_any([a, b]))
        """,
        '(1, Ok("y")) (1, Ok("y"))',
    ),
    "a flow without commands of its own ends in its turn": (
        """
        def inner(fctx):
            return unwrap(fctx.actions.wait(fctx.actions.run(lambda: "inner")))
        def outer(fctx):
            return flow(inner)()
        def main_impl(fctx):
            a = fctx.actions.run(flow(outer))
            b = fctx.actions.run(lambda: "b")
            found = fctx.actions.wait_any([b, a])
            sleep(1)
            print(found)
        """,
        '(1, Ok("inner"))',
    ),
    "a flow that waits for a task of another one": (
        """
        def main_impl(fctx):
            shared = fctx.actions.run(lambda: fctx.actions.work("shared", 3))
            def user(fctx):
                return fctx.actions.wait(shared)
            a = fctx.actions.run(lambda: flow(user)())
            b = fctx.actions.run(lambda: fctx.actions.work("b", 4))
            found = fctx.actions.wait_any([b, a])
            sleep(9)
            print(found)
        """,
        '(1, Ok("shared"))',
    ),
    "a flow that cancels a task of another one": (
        """
        def main_impl(fctx):
            victim = fctx.actions.run(lambda: [fctx.actions.work("one", 2), fctx.actions.work("two", 9)])
            def killer(fctx):
                sleep(5)
                fctx.actions.cancel(victim)
                return "killed"
            def both(fctx):
                return flow(killer)()
            print(flow(both)())
            sleep(1)
            print(fctx.actions.wait(victim).failure.kind)
        """,
        "cancelled",
    ),
    "whoever is cancelled goes first if it was there first": (
        """
        def main_impl(fctx):
            first = fctx.actions.run(lambda: sleep(50))
            def second():
                fctx.actions.work("x", 1)
                fctx.actions.cancel(first)
                flow(lambda fctx: fctx.actions.wait(fctx.actions.run(lambda: 1)))()
                return "second"
            tasks = [first, fctx.actions.run(second)]
            found = fctx.actions.wait_any(tasks)
            sleep(5)
            print(found[0])
        """,
        "0",
    ),
    "the wait for an Err ends at the first one": (
        """
        def slow(fctx, seconds):
            sleep(seconds)
            return fctx.actions.trouble("late", 1)
        def main_impl(fctx):
            tasks = [fctx.actions.run(flow(slow), n) for n in [5, 3, 4]]
            print(fctx.actions.wait_all(tasks, fail_fast = True).failure.trace[0].line)
            print([result.failure.kind for result in fctx.actions.wait(tasks)])
        """,
        '["cancelled", "late", "cancelled"]',
    ),
    "a timer and a task of the same moment": (
        """
        def nap(fctx):
            sleep(2)
            return flow(lambda fctx: fctx.actions.work("x", 1))()
        def main_impl(fctx):
            task = fctx.actions.run(flow(nap))
            results = [fctx.actions.wait(task, timeout = 3).is_ok()]
            sleep(1)
            print(results, fctx.actions.wait(task).is_ok())
        """,
        "True",
    ),
}


@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize("case", RACES)
def test_races_are_decided_once(case: str, seed: int) -> None:
    """What was seen of an order stays so, although finished calls are not evaluated again."""
    text, expected = RACES[case]
    run, end = course(dedent(text) + "main = flow(main_impl)\n", seed=seed)
    assert expected in run.lines[-1], (run.lines, end)


DEEP = """
def deep(fctx, n):
    on_exit(lambda: [print("bye", n), sleep(5), print("good bye", n)])
    task = fctx.actions.run(flow(deep), n - 1) if n else None
    fctx.actions.work("w", 10 * (n + 1))
    return n
main = flow(lambda fctx: unwrap(flow(deep)(2)))
"""


@pytest.mark.parametrize("at_s", [0, 3, 10, 11, 15, 22, 27, 33])
def test_a_cancelled_run_ends_from_the_inside_out(at_s: int) -> None:
    """Tasks end before the flows that started them, and all have cleaned up."""
    run, end = course(DEEP, cancel_at_ms=at_s * 1000)
    assert end.cancelled == "cancelled"
    assert isinstance(end.result, Err)
    assert [line for line in run.lines if line.startswith("good")] == ["good bye 0", "good bye 1", "good bye 2"]


def test_a_run_that_ended_before_is_not_cancelled() -> None:
    """A cancellation that comes in the end is too late."""
    _, end = course('main = flow(lambda fctx: fctx.actions.work("w", 1))\n', cancel_at_ms=5000)
    assert (end.cancelled, repr(end.result)) == ("", "Ok('w')")


def test_what_is_not_wanted_any_more_is_withdrawn_once() -> None:
    """After a run has ended nothing is open: each command was answered or withdrawn."""
    run, _ = course(
        """
        def main_impl(fctx):
            task = fctx.actions.run(lambda: fctx.actions.work("w", 50))
            fctx.actions.wait(task, timeout = 1)
            with_timeout(2, lambda: fctx.actions.wait(task, timeout = 9))
            fctx.actions.cancel(task)
            fail("over")
        main = flow(main_impl, timeout = 99)
        """
    )
    said = [entered.item for entered in run.record if isinstance(entered, Said)]
    asked = {item.position for item in said if isinstance(item, (CallAction, StartTimer))}
    withdrawn = [item.position for item in said if isinstance(item, Withdrawn)]
    answered = {entered.position for entered in run.record if not isinstance(entered, Said)}
    assert len(withdrawn) == len(set(withdrawn))
    assert asked == {*withdrawn, *answered}
    assert not set(withdrawn) & answered


def test_interrupted_calls_and_those_that_reach_out_are_not_left_out() -> None:
    """Only a call that is its result and nothing else keeps it in the journal."""
    run, _ = course(
        """
        def main_impl(fctx):
            task = fctx.actions.run(lambda: sleep(3))
            flow(lambda fctx: fctx.actions.wait(task), name = "waits")()
            flow(lambda fctx: fctx.actions.cancel(task), name = "cancels")()
            flow(lambda fctx: fctx.actions.wait(fctx.actions.run(lambda: 1)), name = "own")()
            with_timeout(1, lambda: flow(lambda fctx: sleep(9), name = "interrupted")())
        main = flow(main_impl)
        """
    )
    names = {}
    for entered in run.record:
        if isinstance(entered, Said) and hasattr(entered.item, "flow"):
            names[entered.item.position] = entered.item.flow
    ended = [
        entered.item for entered in run.record if isinstance(entered, Said) and isinstance(entered.item, FlowEnded)
    ]
    kept = {names[item.position]: item.payload is not None for item in ended}
    assert kept == {"waits": False, "cancels": False, "own": True, "interrupted": False, "lambda": True, "main": True}


def test_an_outer_end_waits_for_the_cleaning_up_of_an_inner_one() -> None:
    """A deadline that passes while a flow cleans up ends what is around it afterwards, also in a replay that has the
    inner flow's result already."""
    run, end = course(
        """
        def inner(fctx):
            on_exit(lambda: fctx.actions.work("cleaning", 5))
            fail("inner")
        def outer():
            print("result", flow(inner)())
            print("not reached")
        main = flow(lambda fctx: with_timeout(2, outer).failure.kind)
        """
    )
    assert repr(end.result) == "Ok('timeout')"
    assert run.lines == []
    assert run.now_ms == 5000
