"""Deadlines, cancellation, and watching what is used. Nothing sleeps: events say when a script has begun, and upper
bounds of time are so wide that only a script that is not stopped at all misses them."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from flowlang import (
    Budget,
    BudgetExceededError,
    Cancelled,
    DeadlineExceeded,
    EvaluationError,
    Interpreter,
    Module,
    Usage,
    Watch,
    builtin,
)
from flowlang.embedding.ongoing import Ongoing
from flowlang.embedding.watchdog import Watchdog
from flowlang.lang.values.meter import Meter

LONG_S = 20
ENDLESS = {
    "loop": "for i in range(1 << 40):\n        pass",
    "calls": "for i in range(1 << 40):\n        g(i)",
    "comprehension": "[g(i) for j in range(1 << 20) for i in range(1 << 20) if i < 0]",
    "callbacks": "for i in range(1 << 40):\n        sorted([3, 1, 2], key = g)",
    "texts": "for i in range(1 << 40):\n        'x'.join(['a'] * 1000).replace('a', 'bb')",
    "flows": "for i in range(1 << 40):\n        caught()",
    "host": "for i in range(1 << 40):\n        each(g, [1, 2])",
    "inside": "each(lambda x: [g(y) for y in range(1 << 40)], [1])",
    "json": "for i in range(1 << 40):\n        json.decode(json.encode([1] * 1000))",
}


@builtin
def each(function: Callable[[Any], Any], items: list[Any]) -> list[Any]:
    return [function(item) for item in items]


def endless(body: str, **options: Any) -> Module:
    text = (
        "def g(x):\n    return x\n\n"
        "def again():\n    for i in range(1 << 40):\n        pass\n\n"
        "caught = flow(implementation = lambda fctx: again())\n"
        f"def run():\n    print('begun')\n    {body}\n\ndef quick():\n    return 1\n"
    )
    return Interpreter(predeclared={"each": each}, budget=Budget(steps=None, **options.pop("limits", {})), **options) \
        .evaluate(text)  # fmt: skip


@pytest.mark.parametrize("body", ENDLESS.values(), ids=ENDLESS.keys())
def test_a_deadline_ends_everything(body: str) -> None:
    module = endless(body, on_print=lambda line: None, limits={"wall_seconds": 0.05})
    began = time.monotonic()
    with pytest.raises(DeadlineExceeded) as caught:
        module.call("run")
    assert time.monotonic() - began < LONG_S
    assert caught.value.message == "the budget of 0.05 seconds is spent"
    assert caught.value.diagnostic.slug == "deadline-exceeded"
    assert caught.value.traceback[0].function == "run"
    assert module.call("quick") == 1


@pytest.mark.parametrize("body", ENDLESS.values(), ids=ENDLESS.keys())
@pytest.mark.parametrize("by", ["interpreter", "module", "watch"])
def test_another_thread_cancels(body: str, by: str) -> None:
    begun = threading.Event()
    watch = Watch()
    interpreter = Interpreter(predeclared={"each": each}, budget=Budget(steps=None), on_print=lambda line: begun.set())
    module = interpreter.evaluate(
        "def g(x):\n    return x\n\ndef again():\n    for i in range(1 << 40):\n        pass\n\n"
        f"caught = flow(implementation = lambda fctx: again())\ndef run():\n    print('begun')\n    {body}\n"
    )

    def cancel() -> None:
        assert begun.wait(LONG_S)
        {"interpreter": interpreter.cancel, "module": module.cancel, "watch": watch.cancel}[by]()

    thread = threading.Thread(target=cancel)
    thread.start()
    with watch, pytest.raises(Cancelled) as caught:
        module.call("run")
    thread.join(LONG_S)
    assert caught.value.diagnostic.slug == "cancelled"
    assert caught.value.failure.kind == "cancelled"


def test_a_deadline_of_nothing() -> None:
    with pytest.raises(DeadlineExceeded):
        Interpreter(budget=Budget(wall_seconds=0)).evaluate("for i in range(10000):\n    pass\n")


def test_a_deadline_that_is_far_away() -> None:
    module = Interpreter(budget=Budget(wall_seconds=1000)).evaluate("def f(x):\n    return x\n")
    assert [module.call("f", number) for number in range(300)] == list(range(300))


def test_loading_has_a_deadline_too() -> None:
    text = "for i in range(1 << 40):\n    pass\n"
    interpreter = Interpreter(loader={"a.flow": text}, budget=Budget(wall_seconds=0.05))
    with pytest.raises(DeadlineExceeded):
        interpreter.load("a.flow")


def test_a_cancelled_watch_lets_nothing_begin() -> None:
    module = endless("pass", on_print=lambda line: None)
    watch = Watch()
    watch.cancel()
    with watch, pytest.raises(Cancelled):
        module.call("run")
    assert watch.is_cancelled
    assert module.call("quick") == 1


def test_cancelling_nothing_is_harmless() -> None:
    module = endless("pass", on_print=lambda line: None)
    module.cancel()
    assert module.call("quick") == 1


def test_a_stop_passes_through_a_host_function_that_catches_exceptions() -> None:
    @builtin
    def stubborn(function: Callable[[], Any]) -> str:
        try:
            function()
        except Exception:
            return "went on"
        return "done"

    text = "def again():\n    for i in range(1 << 40):\n        pass\n\ndef run():\n    return stubborn(again)\n"
    interpreter = Interpreter(predeclared={"stubborn": stubborn}, budget=Budget(steps=None, wall_seconds=0.05))
    with pytest.raises(DeadlineExceeded):
        interpreter.evaluate(text).call("run")


def test_a_deadline_holds_for_inner_evaluations() -> None:
    inner = endless("for i in range(1 << 40):\n        pass", on_print=lambda line: None)

    @builtin
    def enter() -> Any:
        return inner.call("run")

    outer = Interpreter(predeclared={"enter": enter}, budget=Budget(wall_seconds=0.05))
    with pytest.raises(DeadlineExceeded):
        outer.evaluate("x = enter()")
    assert inner.call("quick") == 1


def test_the_end_of_time_in_an_inner_evaluation_cannot_be_seen() -> None:
    inner = endless("for i in range(1 << 40):\n        pass", on_print=lambda line: None, limits={"wall_seconds": 0.05})

    @builtin
    def enter() -> Any:
        return inner.call("run")

    text = "tried = flow(implementation = lambda fctx: enter())\ndef run():\n    tried()\n    return 'went on'\n"
    with pytest.raises(DeadlineExceeded) as caught:
        Interpreter(predeclared={"enter": enter}).evaluate(text).call("run")
    assert caught.value.traceback[-1].function == "run"


def test_cancelling_the_outer_evaluation_ends_the_inner_one() -> None:
    begun = threading.Event()
    inner = endless("for i in range(1 << 40):\n        pass", on_print=lambda line: begun.set())

    @builtin
    def enter() -> Any:
        return inner.call("run")

    outer = Interpreter(predeclared={"enter": enter})
    thread = threading.Thread(target=lambda: (begun.wait(LONG_S), outer.cancel()))
    thread.start()
    with pytest.raises(Cancelled):
        outer.evaluate("x = enter()")
    thread.join(LONG_S)


def test_a_watch_measures() -> None:
    module = Interpreter(on_print=lambda line: None).evaluate(
        "def work(n):\n    print('é')\n    for i in range(n):\n        x = str(i)\n    return [1] * n\n\n"
        "def bad():\n    fail('x')\n"
    )
    with Watch() as one:
        module.call("work", 100)
    assert one.usage.steps > 100
    assert one.usage.memory_bytes > 800
    assert one.usage.output_bytes == 3
    with Watch() as two:
        module.call("work", 100)
        with Watch() as inner:
            module.call("work", 100)
        with pytest.raises(EvaluationError) as caught:
            module.call("bad")
    assert inner.usage == one.usage
    assert two.usage == one.usage + one.usage + caught.value.usage
    assert Watch().usage == Usage()


def test_calls_are_steps() -> None:
    module = Interpreter().evaluate("def g(x):\n    return [x]\n\ndef run(n):\n    for i in range(n):\n        g(i)\n")
    used = []
    for turns in (1_000, 2_000, 9_000):
        with Watch() as watch:
            module.call("run", turns)
        used.append(watch.usage.steps)
    assert used[1] - used[0] == 2_000
    assert used[2] - used[1] == 14_000


def test_inner_evaluations_are_counted_once() -> None:
    library = Interpreter().evaluate("def work(n):\n    for i in range(n):\n        pass\n")

    @builtin(steps=0)
    def enter(n: int) -> None:
        library.call("work", n)

    module = Interpreter(predeclared={"enter": enter}).evaluate("def run(n):\n    enter(n)\n")
    with Watch() as few:
        module.call("run", 1_000)
    with Watch() as many:
        module.call("run", 21_000)
    assert many.usage.steps - few.usage.steps == 20_000


def test_usage_can_be_read_while_a_script_runs() -> None:
    seen: list[Usage] = []
    watch = Watch()
    module = Interpreter(on_print=lambda line: seen.append(watch.usage)).evaluate(
        "def work():\n    for i in range(5000):\n        x = str(i)\n\n"
        "def run():\n    work()\n    print('x')\n    work()\n"
    )
    with watch:
        module.call("run")
    assert 5_000 < seen[0].steps < watch.usage.steps


def test_a_stopped_evaluation_is_not_stopped_later() -> None:
    """What ends one evaluation must not reach the next one of the same instance."""
    module = endless(
        "for i in range(1 << 40):\n        pass", on_print=lambda line: None, limits={"wall_seconds": 0.02}
    )
    for _ in range(5):
        with pytest.raises(DeadlineExceeded):
            module.call("run")
        assert module.call("quick") == 1


def test_the_watchdog_forgets_what_has_ended() -> None:
    watchdog = Watchdog()
    far = time.monotonic() + 10_000
    for _ in range(1000):
        ongoing = Ongoing(Meter(), Budget(), None, ())
        watchdog.add(far, ongoing)
        ongoing.is_over = True
        watchdog.note_end()
    assert watchdog.waiting < 200
    late = Ongoing(Meter(), Budget(), None, ())
    done = threading.Event()
    late.stop = lambda reason: done.set()  # type: ignore[method-assign]
    watchdog.add(time.monotonic() + 0.01, late)
    assert done.wait(LONG_S)


def test_a_signal_handler_may_cancel() -> None:
    program = """
import os, signal, threading
from flowlang import Cancelled, Interpreter, Watch
begun = threading.Event()
interpreter = Interpreter(on_print=lambda line: os.kill(os.getpid(), signal.SIGUSR1))
signal.signal(signal.SIGUSR1, lambda *_: interpreter.cancel())
try:
    interpreter.evaluate("print('x')\\nfor i in range(1 << 40):\\n    pass\\n")
except Cancelled:
    print("cancelled")
"""
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=Path(__file__).parents[2], capture_output=True, text=True, timeout=60,
        check=False,
    )  # fmt: skip
    assert done.stdout == "cancelled\n", done.stderr


def test_a_keyboard_interrupt_passes_and_leaves_a_module_that_works() -> None:
    def interrupt(line: str) -> None:
        raise KeyboardInterrupt

    module = Interpreter(on_print=interrupt).evaluate(
        "def run():\n    for x in [1, 2]:\n        print(x)\n\ndef quick():\n    return 1\n"
    )
    for _ in range(3):
        with pytest.raises(KeyboardInterrupt):
            module.call("run")
        assert module.call("quick") == 1


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_deadlines_work_in_a_child_process() -> None:
    program = """
import os
from flowlang import Budget, DeadlineExceeded, Interpreter
interpreter = Interpreter(budget=Budget(steps=None, wall_seconds=0.05))
def stopped():
    try:
        interpreter.evaluate("for i in range(1 << 40):\\n    pass\\n")
    except DeadlineExceeded:
        return True
assert stopped()
child = os.fork()
if child == 0:
    os._exit(0 if stopped() else 1)
print(os.waitpid(child, 0)[1])
"""
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=Path(__file__).parents[2], capture_output=True, text=True, timeout=60,
        check=False,
    )  # fmt: skip
    assert done.stdout == "0\n", done.stderr


def test_budgets_of_steps_stop_at_the_same_step() -> None:
    def steps() -> int:
        with pytest.raises(BudgetExceededError) as caught:
            Interpreter(budget=Budget(steps=12_345)).evaluate("x = {}\nfor i in range(1 << 20):\n    x[str(i)] = [i]\n")
        return caught.value.usage.steps

    assert steps() == steps()
