"""One module, many threads: right answers, budgets of their own, no waiting for each other."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from flowlang import Budget, BudgetExceededError, EvaluationError, Function, Interpreter, Ok, Usage, Watch, builtin

THREADS = 8
TEXT = """
load("lib.flow", "scale")

WORDS = ["a", "b", "c"]

def work(n):
    counts = {}
    for i in range(n):
        key = WORDS[i % 3] + str(i % 7)
        counts[key] = counts.get(key, 0) + scale(i)
    return sorted(counts.items(), key = lambda item: (-item[1], item[0]))

def _step(fctx, n):
    return sum_of(n)

def sum_of(n):
    total = 0
    for i in range(n):
        total += i
    return total

step = flow(implementation = _step)

def parallel(fctx, n):
    tasks = [fctx.actions.run(step, n + i) for i in range(3)]
    return [result.value for result in fctx.actions.wait(tasks)]

branches = flow(implementation = parallel)

def adder(n):
    items = [n]
    return lambda x: items[0] + x

def apply(f, x):
    return f(x)
"""
MODULES = {"main.flow": TEXT, "lib.flow": "def scale(i):\n    return i * 2\n"}


def together(function: Callable[[int], Any], rounds: int = 5) -> list[list[Any]]:
    """The results of `function(number)` on threads that begin at the same time, several times each."""
    barrier = threading.Barrier(THREADS, timeout=30)

    def run(number: int) -> list[Any]:
        results = []
        for _ in range(rounds):
            barrier.wait()
            results.append(function(number))
        return results

    with ThreadPoolExecutor(THREADS) as executor:
        return list(executor.map(run, range(THREADS)))


def test_the_same_function_on_all_threads() -> None:
    module = Interpreter(loader=MODULES).load("main.flow")
    expected = [module.call("work", 500 + number) for number in range(THREADS)]
    assert together(lambda number: module.call("work", 500 + number)) == [[each] * 5 for each in expected]


def test_loading_on_all_threads_gives_one_module() -> None:
    lines: list[str] = []
    interpreter = Interpreter(loader={"a.flow": "print('once')\nx = [1]\n"}, on_print=lines.append)
    modules = together(lambda number: interpreter.load("a.flow"), rounds=1)
    assert len({id(module) for (module,) in modules}) == 1
    assert lines == ["once"]


def test_evaluating_the_same_text_on_all_threads() -> None:
    interpreter = Interpreter(loader=MODULES)
    text = 'load("main.flow", "work")\nx = work(300)\n'
    expected = interpreter.evaluate(text).globals["x"]
    assert together(lambda number: interpreter.evaluate(text).globals["x"], rounds=2) == [[expected] * 2] * THREADS


def test_flows_and_tasks_on_all_threads() -> None:
    interpreter = Interpreter(loader=MODULES)

    def run(number: int) -> Any:
        result = interpreter.load("main.flow").call("branches", number)
        assert isinstance(result, Ok)
        return result.value

    assert together(run) == [[[sum(range(number + i)) for i in range(3)]] * 5 for number in range(THREADS)]


def test_budgets_are_independent() -> None:
    module = Interpreter(loader=MODULES, budget=Budget(steps=60_000)).load("main.flow")

    def run(number: int) -> Any:
        try:
            return module.call("sum_of", 100_000 if number % 2 else 50_000)
        except BudgetExceededError as error:
            return error.limit

    assert together(run) == [["steps" if number % 2 else sum(range(50_000))] * 5 for number in range(THREADS)]


def test_usage_is_the_same_on_all_threads() -> None:
    module = Interpreter(loader=MODULES).load("main.flow")

    def run(number: int) -> Usage:
        with Watch() as watch:
            module.call("work", 400)
        return watch.usage

    assert len({usage for usages in together(run) for usage in usages}) == 1


def test_failures_do_not_meet() -> None:
    module = Interpreter(loader=MODULES).load("main.flow")

    def run(number: int) -> Any:
        try:
            return module.call("sum_of", number if number % 2 else str(number))
        except EvaluationError as error:
            return error.failure.kind

    assert together(run) == [[sum(range(n)) if n % 2 else "type-mismatch"] * 5 for n in range(THREADS)]


def test_a_closure_can_be_called_on_all_threads() -> None:
    module = Interpreter(loader=MODULES).load("main.flow")
    add = module.call("adder", 100)
    assert isinstance(add, Function)
    assert together(add) == [[100 + number] * 5 for number in range(THREADS)]
    assert together(lambda number: module.call("apply", add, number)) == [[100 + n] * 5 for n in range(THREADS)]


def test_a_function_given_to_another_program_on_all_threads() -> None:
    interpreter = Interpreter(loader=MODULES)
    module = interpreter.load("main.flow")
    other = interpreter.evaluate("def twice(f, x):\n    return f(f(x))\n")
    double = interpreter.evaluate("def double(x):\n    return 2 * x\n").globals["double"]
    assert together(lambda number: other.call("twice", double, number)) == [[4 * n] * 5 for n in range(THREADS)]
    assert together(lambda number: module.call("apply", double, number)) == [[2 * n] * 5 for n in range(THREADS)]


def test_callbacks_on_all_threads() -> None:
    @builtin
    def fold(function: Callable[[Any, Any], Any], items: list[Any]) -> Any:
        result = items[0]
        for item in items[1:]:
            result = function(result, item)
        return result

    module = Interpreter(predeclared={"fold": fold}).evaluate(
        "def run(n):\n    seen = []\n    def add(a, b):\n        seen.append(b)\n        return a + b\n"
        "    return (fold(add, list(range(n))), len(seen))\n"
    )
    assert together(lambda number: module.call("run", 100 + number)) == [
        [(sum(range(100 + number)), 99 + number)] * 5 for number in range(THREADS)
    ]


def test_overlapping_calls_do_not_wait() -> None:
    """A call that waits for another call of the same module would wait for ever if calls were made one by one."""
    barrier = threading.Barrier(THREADS, timeout=30)

    @builtin
    def meet() -> int:
        barrier.wait()
        return 1

    module = Interpreter(predeclared={"meet": meet}).evaluate("def run():\n    return meet()\n")
    assert together(lambda number: module.call("run"), rounds=2) == [[1, 1]] * THREADS


def test_a_module_loaded_on_one_thread_works_after_that_thread_has_ended() -> None:
    interpreter = Interpreter(loader=MODULES)
    with ThreadPoolExecutor(1) as executor:
        module = executor.submit(interpreter.load, "main.flow").result()
        add = executor.submit(module.call, "adder", 1).result()
    assert add(1) == 2
    assert module.call("branches", 1).value == [0, 1, 3]


def test_an_abandoned_task_of_another_thread_does_no_harm() -> None:
    """A budget that ends a call while its tasks wait leaves fibers behind, which must end on their own thread."""
    text = """
def spin(fctx):
    for i in range(1 << 40):
        pass

def both(fctx):
    quiet = fctx.actions.run(flow(implementation = lambda fctx: fctx.actions.sleep(1)))
    fctx.actions.wait([quiet, fctx.actions.run(flow(implementation = spin))])

root = flow(implementation = both)
"""
    module = Interpreter(budget=Budget(steps=20_000)).evaluate(text)

    def run(number: int) -> str:
        with pytest.raises(BudgetExceededError) as caught:
            module.call("root")
        return caught.value.limit

    assert together(run, rounds=2) == [["steps"] * 2] * THREADS
