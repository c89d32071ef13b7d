"""Waiting in memory: on a clock of the evaluation's own, which stands still while code runs. And the absent actions."""

from __future__ import annotations

import pytest

from flowlang import Budget, BudgetExceededError, EvaluationError, Interpreter, Ok, builtin
from flowlang.actions import shipped_actions
from flowlang.embedding.absent_action import SHIPPED

NAPS = """
def _nap(fctx, *naps):
    for seconds in naps:
        sleep(seconds)
        print(fctx.name, seconds)
    return len(naps)

def nap(name):
    return flow(_nap, name = name)

def _naps(fctx, plan):
    tasks = [fctx.actions.run(nap(name), *naps) for name, naps in plan.items()]
    return [unwrap(result) for result in fctx.actions.wait(tasks)]

naps = flow(_naps)
"""


def test_tasks_wake_in_the_order_of_their_moments() -> None:
    lines: list[str] = []
    module = Interpreter(on_print=lines.append).evaluate(NAPS)
    result = module.call("naps", {"a": [50, 20], "b": [10, 50], "c": [60], "d": [0.001], "e": [0]})
    assert isinstance(result, Ok)
    assert result.value == [2, 2, 1, 1, 1]
    # Of those that wake at the same moment, the one goes on first that has waited longest.
    assert lines == ["e 0", "d 0.001", "b 10", "a 50", "c 60", "b 50", "a 20"]


def test_each_call_begins_with_the_clock_at_zero() -> None:
    lines: list[str] = []
    module = Interpreter(on_print=lines.append).evaluate(NAPS + "sleep(1000)\n")
    module.call("naps", {"a": [3600]})
    module.call("naps", {"a": [2], "b": [1]})
    assert lines == ["a 3600", "b 1", "a 2"]


def test_a_failed_call_leaves_no_timer_behind() -> None:
    lines: list[str] = []
    text = NAPS + "def bad():\n    current_flow().actions.run(nap('late'), 5)\n    return 1 // 0\n"
    module = Interpreter(budget=Budget(steps=10_000), on_print=lines.append).evaluate(text)
    with pytest.raises(EvaluationError, match="division by zero"):
        module.call("bad")
    with pytest.raises(BudgetExceededError):
        Interpreter(budget=Budget(steps=2000)).evaluate(NAPS + "naps({'a': [9], 'b': list(range(1 << 20))})\n")
    assert module.call("naps", {"a": [1]}).value == [1]
    assert lines[-1] == "a 1"


def test_retrying_and_polling_wait() -> None:
    text = """
def _flaky(fctx):
    number = attempt()
    return number if number == 2 else fail("not yet")

def tries():
    result = retry(flow(_flaky), limit = 4, backoff = lambda count: 3600 * 24)()
    return [unwrap(result), poll(attempt, every = 60), poll(lambda: None, every = 60, timeout = 3600).error]
"""
    attempts = iter(range(100))

    @builtin
    def attempt() -> int:
        return next(attempts)

    assert Interpreter(predeclared={"attempt": attempt}).evaluate(text).call("tries") == [2, 3, "timeout"]


def test_waiting_inside_of_a_call_that_a_script_makes_through_the_host() -> None:
    lines: list[str] = []
    inner = Interpreter(on_print=lines.append).evaluate(NAPS)

    @builtin
    def nap_elsewhere(name: str) -> int:
        return int(inner.call("naps", {name: [7200]}).value[0])

    text = """
def _work(fctx, name):
    sleep(10)
    print(nap_elsewhere(name))

def _all(fctx):
    fctx.actions.run(flow(_work), "x")
    sleep(20)
    print("end")

all = flow(_all)
"""
    result = Interpreter(predeclared={"nap_elsewhere": nap_elsewhere}, on_print=lines.append).evaluate(text).call("all")
    assert isinstance(result, Ok)
    assert lines == ["x 7200", "1", "end"]


def test_waiting_for_ever_is_ended_by_the_budget() -> None:
    with pytest.raises(BudgetExceededError) as caught:
        Interpreter(budget=Budget(steps=5000)).evaluate("forever(lambda: sleep(1))\n")
    assert caught.value.limit == "steps"


def test_sleep_is_refused_where_a_run_refuses_it() -> None:
    for text, kind in [
        ("sorted([1, 2], key = lambda x: sleep(1))\n", "action-in-callback"),
        ('load("other.flow", "x")\n', "no-run"),
        ("sleep(-1)\n", "wrong-argument"),
    ]:
        with pytest.raises(EvaluationError) as caught:
            Interpreter(loader={"other.flow": "x = 1\nsleep(1)\n"}).evaluate(text)
        assert caught.value.failure.kind == kind


def test_the_names_of_all_shipped_actions_are_known() -> None:
    assert sorted(SHIPPED) == sorted(spec.name for spec in shipped_actions())


@pytest.mark.parametrize(
    ("action", "kind", "message", "hint"),
    [
        ("files.read_text('x')", "no-run", "the action `files.read_text` is only possible in a run", "another program"),
        ("now()", "no-run", "the action `now` is only possible in a run", "another program"),
        ("files.read_txt('x')", "unknown-action", "there is no action `files.read_txt`", "did you mean `read_text`?"),
        ("slep(1)", "unknown-action", "there is no action `slep`", "did you mean `sleep`?"),
        ("shop.orders()", "unknown-action", "there is no action `shop`", "actions here: "),
    ],
)  # fmt: skip
def test_other_actions(action: str, kind: str, message: str, hint: str) -> None:
    with pytest.raises(EvaluationError) as caught:
        Interpreter().evaluate(f"current_flow().actions.{action}\n")
    failure = caught.value.failure
    assert (failure.kind, failure.message) == (kind, message)
    assert hint in (failure.hint or "")
