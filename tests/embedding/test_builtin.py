"""Functions of the host: arguments, results, errors, callbacks."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Any, Literal, TypeVar

import pytest

from flowlang import (
    Budget,
    BudgetExceededError,
    BuiltinError,
    EvaluationError,
    Function,
    Interpreter,
    Module,
    Usage,
    UsageError,
    builtin,
)

Value = TypeVar("Value")


@builtin
def price(amount: float, currency: str = "EUR", /, *, digits: int = 2, **tags: str) -> str:
    return f"{amount:.{digits}f} {currency}{''.join(sorted(tags))}"


@builtin
def total(*amounts: int) -> int:
    return sum(amounts)


@builtin
def scaled(x: float, /, factor: float = 2) -> float:
    return x * factor


@builtin(name="geo.area")
def area(shape: dict[str, int], unit: Literal["m", "km"] = "m", corners: list[tuple[int, int]] | None = None) -> Any:
    return [shape, unit, corners]


@builtin
def each(function: Callable[[Any], Any], items: list[Any]) -> list[Any]:
    return [function(item) for item in items]


@builtin
def first(items: list[Value], default: Value | None = None) -> Value | None:
    return items[0] if items else default


@builtin
def twice(function: Callable[..., Any], value: Any = None) -> Any:
    return function(function(value))


def evaluate(text: str, *builtins: Any, **options: Any) -> Module:
    names = {each.name.replace(".", "_"): each for each in builtins}
    return Interpreter(predeclared=names, **options).evaluate(text, "main.flow")


def test_arguments_and_results_are_plain_python() -> None:
    seen: list[object] = []

    @builtin
    def keep(x: Any) -> Any:
        seen.append(x)
        return (x, {"k": {1}}, None)

    module = evaluate("x = keep([1, {'a': (2, b'c')}])\nx[1]['k'].add(2)\ny = type(x)\n", keep)
    assert seen == [[1, {"a": (2, b"c")}]]
    assert type(seen[0]) is list
    assert module.globals["x"] == ([1, {"a": (2, b"c")}], {"k": {1, 2}}, None)


def test_all_kinds_of_parameters() -> None:
    module = evaluate(
        "a = price(1)\nb = price(2.5, 'USD', digits = 1)\nc = price(1, vip = 'x', __a = 'y')\n"
        "d = total()\ne = total(1, 2, *[3])\nf = first([]) == None and first([7]) == 7\n",
        price, total, first,
    )  # fmt: skip
    assert list(module.globals.values()) == ["1.00 EUR", "2.5 USD", "1.00 EUR__avip", 0, 6, True]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ("price()", "`price` is missing the argument `amount`"),
        ("price('1')", "`price` needs a float for `amount`, not a string"),
        ("price(True)", "`price` needs a float for `amount`, not a bool"),
        ("price(1, None)", "`price` needs a string for `currency`, not `None`"),
        ("price(1, digits = 1.0)", "`price` needs an int for `digits`, not a float"),
        ("price(1, 'a', 2)", "`price` takes 1 to 2 positional arguments, 3 given"),
        ("total(1, amount = 1)", "`total` has no parameter `amount`"),
        ("scaled(x = 1)", "`scaled` takes `x` by position only"),
        ("price(1, tag = 5)", "`price` needs a string for `tag`, not an int"),
        ("price(1, digits = 1, **{'digits': 2})", "`price` got more than one value for the parameter `digits`"),
        ("total('1')", "`total` needs an int for `argument 1`, not a string"),
        ("total(amounts = 1)", "`total` has no parameter `amounts`"),
        ("total(depth = 1)", "`total` has no parameter `depth`"),
        ("total(**{'%d': 1})", "`total` has no parameter `%d`"),
        ("geo_area({'a': 'b'})", '`geo.area` needs an int for `shape["a"]`, not a string'),
        ("geo_area({}, 'cm')", '`geo.area` needs "m" or "km" for `unit`, not "cm"'),
        ("geo_area({}, corners = [(1, 2), (3, '4')])", "`geo.area` needs an int for `corners[1][1]`, not a string"),
        ("geo_area({}, {}, shape = {})", '`geo.area` needs "m" or "km" for `unit`, not a dict'),
        ("geo_area({}, shape = {})", "`geo.area` got more than one value for the parameter `shape`"),
        ("geo_area({}, units = 'm')", "`geo.area` has no parameter `units`"),
        ("each(1, [])", "`each` needs a function for `function`, not an int"),
    ],
)
def test_arguments_that_do_not_fit_fail_at_the_line_of_the_script(call: str, message: str) -> None:
    with pytest.raises(EvaluationError) as caught:
        evaluate(f"\nx = {call}\n", price, total, area, each, scaled)
    assert caught.value.message == message
    assert caught.value.failure.kind in ("type-mismatch", "wrong-arguments")
    assert [(frame.function, frame.line, frame.column) for frame in caught.value.traceback] == [("<toplevel>", 2, 5)]


def test_a_mistyped_parameter_gets_a_suggestion() -> None:
    with pytest.raises(EvaluationError) as caught:
        evaluate("x = geo_area({}, unitt = 'm')", area)
    assert caught.value.hint == "did you mean `unit`?"


def test_nothing_of_python_is_reachable() -> None:
    module = evaluate(
        "a = str(price)\nb = type(price)\nc = dir(price)\n"
        "d = [hasattr(price, n) for n in ('__globals__', 'function', 'signature', 'value', '__closure__', 'name')]\n",
        price,
    )
    assert dict(module.globals) == {
        "a": "<built-in function price>", "b": "builtin_function_or_method", "c": [], "d": [False] * 6,
    }  # fmt: skip


def test_python_can_call_it_as_before() -> None:
    assert price(1, digits=0) == "1 EUR"
    assert total(1, 2) == 3
    assert repr(price) == "Builtin(name='price', function=" + repr(price.function) + ")"


def test_an_unexpected_exception_is_told_to_the_host_only(caplog: pytest.LogCaptureFixture) -> None:
    @builtin
    def broken(x: int) -> int:
        raise KeyError("secret")

    text = "def run():\n    return broken(1)\n\ncaught = flow(implementation = lambda fctx: broken(2))\n"
    module = evaluate(text, broken)
    with caplog.at_level(logging.ERROR, "flowlang"), pytest.raises(EvaluationError) as caught:
        module.call("run")
    assert caught.value.failure.kind == "host-error"
    assert "secret" not in caught.value.render()
    assert "KeyError" not in caught.value.render()
    assert isinstance(caught.value.__cause__, KeyError)
    assert "secret" in caplog.text
    result = module.call("caught")
    assert result.failure.kind == "host-error"
    assert "secret" not in result.failure.message


def test_an_exception_of_its_own_kind() -> None:
    @builtin
    def lookup(name: str) -> int:
        raise BuiltinError("unknown-region", f"no region {name}", data={"name": name}, hint="ask", retryable=True)

    module = evaluate("def run():\n    return lookup('x')\n", lookup)
    with pytest.raises(EvaluationError, match="no region x") as caught:
        module.call("run")
    failure = caught.value.failure
    assert (failure.kind, failure.data, failure.hint, failure.retryable) == (
        "unknown-region",
        {"name": "x"},
        "ask",
        True,
    )
    assert caught.value.__cause__ is None


@pytest.mark.parametrize("result", [object(), [open], {"a": {"b": threading.Lock()}}], ids=["object", "list", "dict"])
def test_a_result_must_be_data(result: object) -> None:
    @builtin
    def give() -> Any:
        return result

    with pytest.raises(EvaluationError) as caught:
        evaluate("x = give()", give)
    assert caught.value.failure.kind == "not-data"
    assert "give(...)" in caught.value.message


def test_callbacks_run_in_the_same_evaluation() -> None:
    text = "seen = []\n\ndef note(x):\n    seen.append(x)\n    return x * 2\n\ny = each(note, [1, 2])\n"
    module = evaluate(text + "z = each(len, ['ab'])\nw = each(lambda x: x + y[0], [1])\n", each)
    assert dict(module.globals)["seen"] == [1, 2]
    assert module.globals["y"] == [2, 4]
    assert module.globals["z"] == [2]
    assert module.globals["w"] == [3]


def test_callbacks_may_change_what_they_captured() -> None:
    text = "def collect(items):\n    got = []\n    each(lambda x: got.append(x), items)\n    return got\n"
    assert evaluate(text, each).call("collect", [1, 2]) == [1, 2]


def test_callbacks_are_counted() -> None:
    text = "def work(n):\n    for i in range(n):\n        x = i\n\ndef run(n):\n    each(work, [n] * 10)\n"
    module = evaluate(text, each, budget=Budget(steps=20_000))
    module.call("run", 1000)
    with pytest.raises(BudgetExceededError) as caught:
        module.call("run", 10_000)
    assert caught.value.limit == "steps"
    assert [frame.function for frame in caught.value.traceback] == ["run", "work"]


def test_a_builtin_cannot_swallow_the_end_of_a_budget() -> None:
    @builtin
    def stubborn(function: Callable[[], Any]) -> str:
        try:
            function()
        except Exception:
            return "went on"
        return "done"

    text = "def work():\n    for i in range(1 << 40):\n        pass\n\ndef fine():\n    fail('x')\n\n"
    module = evaluate(text + "def run(f):\n    return stubborn(f)\n", stubborn, budget=Budget(steps=50_000))
    assert module.call("run", module.globals["fine"]) == "went on"
    with pytest.raises(BudgetExceededError):
        module.call("run", module.globals["work"])


@pytest.mark.parametrize(
    "text",
    [
        "def f(x):\n    return twice(f, x)\n\ndef run():\n    return f(1)\n",
        "def run():\n    return twice(twice, twice)\n",
        "def f(x):\n    return each(f, [x])\n\ndef run():\n    return f(1)\n",
        "def f(x):\n    return sorted([x], key = lambda y: twice(f, y))\n\ndef run():\n    return f(1)\n",
    ],
)
def test_recursion_through_callbacks_is_bounded(text: str) -> None:
    module = evaluate(text, twice, each)
    with pytest.raises(EvaluationError) as caught:
        module.call("run")
    if isinstance(caught.value, BudgetExceededError):
        assert caught.value.limit == "depth"
    else:
        assert caught.value.failure.kind in ("wrong-arguments", "type-mismatch")


def test_an_error_in_a_callback_shows_the_way_through_the_builtin() -> None:
    text = "def inner(x):\n    return 1 // x\n\ndef run():\n    return each(inner, [1, 0])\n"
    with pytest.raises(EvaluationError) as caught:
        evaluate(text, each).call("run")
    assert [(frame.function, frame.line) for frame in caught.value.traceback] == [("run", 5), ("inner", 2)]
    assert caught.value.failure.kind == "division-by-zero"


def test_a_builtin_may_handle_an_error_in_a_callback() -> None:
    @builtin
    def attempt(function: Callable[[], Any]) -> str:
        try:
            return str(function())
        except EvaluationError as error:
            return str(error.failure.kind)

    module = evaluate("x = attempt(lambda: 1 // 0)\ny = attempt(lambda: 2)\nz = attempt(lambda a: a)\n", attempt)
    assert list(module.globals.values()) == ["division-by-zero", "2", "wrong-arguments"]


def test_flows_are_refused_in_callbacks() -> None:
    text = "f = flow(implementation = lambda fctx: 1)\n\ndef run():\n    return each(lambda x: f(), [1])\n"
    with pytest.raises(EvaluationError) as caught:
        evaluate(text, each).call("run")
    assert caught.value.failure.kind == "action-in-callback"
    assert "`each`" in caught.value.message


def test_a_callback_belongs_to_its_thread_while_its_call_lasts() -> None:
    problems: list[BaseException] = []

    @builtin
    def elsewhere(function: Callable[[], Any]) -> None:
        def run() -> None:
            try:
                function()
            except UsageError as problem:
                problems.append(problem)

        thread = threading.Thread(target=run)
        thread.start()
        thread.join(20)

    evaluate("x = 1\ndef g():\n    return x\n\nelsewhere(g)\nelsewhere(lambda: g())\n", elsewhere)
    assert ["another thread" in str(problem) for problem in problems] == [True, True]


def test_a_callback_can_be_kept_and_called_later() -> None:
    kept: list[Function] = []

    @builtin
    def register(function: Any) -> None:
        kept.append(function)

    text = "def make(n):\n    got = []\n    register(lambda: got + [n])\n    register(lambda: got.append(1))\n"
    module = evaluate(text, register)
    module.call("make", 3)
    assert kept[0]() == [3]
    with pytest.raises(EvaluationError, match="frozen"):
        kept[1]()


def test_builtins_may_call_modules() -> None:
    library = Interpreter(
        loader={"tax.flow": "def tax(x):\n    for i in range(1000):\n        pass\n    return x // 5\n"}
    )

    @builtin
    def tax(x: int) -> Any:
        return library.load("tax.flow").call("tax", x)

    text = "def run(n):\n    return [tax(100) for i in range(n)]\n"
    module = evaluate(text, tax, budget=Budget(steps=100_000))
    assert module.call("run", 3) == [20, 20, 20]
    with pytest.raises(BudgetExceededError) as caught:
        module.call("run", 1_000)
    assert caught.value.limit == "steps"


def test_an_error_of_an_inner_module_keeps_its_kind() -> None:
    library = Interpreter(loader={"tax.flow": "def tax(x):\n    return x // 0\n"})

    @builtin
    def tax(x: int) -> Any:
        return library.load("tax.flow").call("tax", x)

    with pytest.raises(EvaluationError) as caught:
        evaluate("x = tax(1)", tax)
    assert caught.value.failure.kind == "division-by-zero"
    assert [frame.module for frame in caught.value.traceback] == ["main.flow"]


def test_modules_that_call_each_other_without_end_are_stopped() -> None:
    @builtin
    def again() -> Any:
        return holder[0].call("run")

    holder = [evaluate("def run():\n    return again()\n", again)]
    with pytest.raises(EvaluationError, match="nested more than 200 deep") as caught:
        holder[0].call("run")
    assert caught.value.failure.kind == "budget-exceeded"


def test_a_callback_may_go_through_another_module() -> None:
    """The function is called back in its own evaluation, although another one is under way above it."""
    library = Interpreter(predeclared={"each": each}).evaluate("def apply(f, items):\n    return each(f, items)\n")

    @builtin
    def through(function: Callable[[Any], Any], items: list[Any]) -> Any:
        return library.call("apply", function, items)

    text = (
        "def run(n):\n    seen = []\n    def note(x):\n        seen.append(through(lambda y: y + x, [x]))\n"
        "        for i in range(n):\n            pass\n    through(note, [1, 2])\n    return seen\n\n"
        "def again(x):\n    return through(again, [x])\n"
    )
    module = evaluate(text, through, budget=Budget(steps=50_000))
    assert module.call("run", 10) == [[2], [4]]
    with pytest.raises(BudgetExceededError) as caught:
        module.call("run", 40_000)
    assert caught.value.limit == "steps"
    with pytest.raises(EvaluationError) as failed:
        module.call("again", 1)
    assert failed.value.failure.kind == "budget-exceeded"
    assert module.call("run", 10) == [[2], [4]]


def test_steps_of_a_call() -> None:
    @builtin(steps=500)
    def dear() -> None: ...

    @builtin(steps=0)
    def cheap() -> None: ...

    def used(text: str) -> Usage:
        return evaluate(text, dear, cheap).usage

    assert used("for i in range(10):\n    dear()\n").steps - used("for i in range(10):\n    cheap()\n").steps == 5000
    with pytest.raises(TypeError):
        builtin(steps=-1)


def test_large_arguments_and_results_cost_in_proportion() -> None:
    @builtin
    def give(n: int) -> list[str]:
        return ["x"] * n

    @builtin
    def take(items: list[Any]) -> None: ...

    module = evaluate(
        "def run(n):\n    take(give(n))\n", give, take, budget=Budget(steps=100_000, memory_bytes=8 << 20)
    )
    module.call("run", 1000)
    with pytest.raises(BudgetExceededError):
        module.call("run", 2_000_000)


def generator() -> Any:
    yield 1


async def coroutine() -> None: ...


def unreadable(x: "Missing") -> None: ...  # type: ignore[name-defined]  # noqa: F821, UP037


def not_data(x: threading.Thread) -> None: ...


@pytest.mark.parametrize("function", [generator, coroutine, unreadable, not_data], ids=lambda each: each.__name__)
def test_functions_that_no_script_could_call(function: Callable[..., Any]) -> None:
    with pytest.raises(TypeError, match=function.__name__):
        builtin(function)


def test_context_variables_of_the_host_are_seen() -> None:
    from contextvars import ContextVar

    user: ContextVar[str] = ContextVar("user", default="nobody")

    @builtin
    def who() -> str:
        return user.get()

    module = evaluate("def run():\n    return who()\n", who)
    token = user.set("ada")
    try:
        assert module.call("run") == "ada"
    finally:
        user.reset(token)
