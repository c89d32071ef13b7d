"""Loading, calling, values, errors: what every host meets first."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from traceback import format_exception
from typing import Any, cast

import pytest

from flowlang import (
    Budget,
    BudgetExceededError,
    ConversionError,
    Dialect,
    Err,
    EvaluationError,
    FileLoader,
    Function,
    Interpreter,
    MappingLoader,
    Ok,
    SourceError,
    Struct,
    Usage,
    UsageError,
    builtin,
    check,
)

RULES = """
load("shared.flow", "factor")

TABLE = {"A1": 2, "B2": 5}
_hidden = 1

def price(sku, quantity = 1):
    return TABLE[sku] * quantity * factor

def _late(fctx):
    return 10 // (TABLE[fctx.args.sku] - 5)

late = flow(implementation = _late, args = {"sku": args.string()})

def refuse():
    fail("not today")

def nothing():
    pass

def adder(n):
    return lambda x: x + n
"""
MODULES = {"rules.flow": RULES, "shared.flow": "factor = 10\n"}


@pytest.fixture
def interpreter() -> Interpreter:
    return Interpreter(loader=MODULES)


def test_call_a_function_with_plain_values(interpreter: Interpreter) -> None:
    module = interpreter.load("rules.flow")
    assert module.call("price", "A1") == 20
    assert module.call("price", sku="B2", quantity=3) == 150
    assert module.call("nothing") is None


def test_outcomes_match_ok_and_err(interpreter: Interpreter) -> None:
    match interpreter.call("rules.flow:price", {"sku": "A1", "quantity": 3}):
        case Ok(value):
            assert value == 60
        case _:
            pytest.fail("no Ok")
    match interpreter.call("rules.flow:price", {"sku": "missing"}):
        case Err(failure):
            assert failure.kind == "missing-key"
            assert [frame.fields["name"] for frame in failure.trace] == ["price"]
        case _:
            pytest.fail("no Err")


def test_flows_give_their_results(interpreter: Interpreter) -> None:
    failed = interpreter.call("rules.flow:late", {"sku": "B2"})
    assert isinstance(failed, Err)
    assert failed.failure.kind == "division-by-zero"
    worked = interpreter.load("rules.flow").call("late", sku="A1")
    assert isinstance(worked, Ok)
    assert worked.value == -4


def test_globals_are_public_and_plain(interpreter: Interpreter) -> None:
    names = interpreter.load("rules.flow").globals
    assert list(names) == ["TABLE", "price", "late", "refuse", "nothing", "adder"]
    assert names["TABLE"] == {"A1": 2, "B2": 5}
    assert type(names["TABLE"]) is dict
    assert "_hidden" not in names
    assert "factor" not in names
    assert "__name__" not in names


def test_functions_can_be_called_and_given_back(interpreter: Interpreter) -> None:
    module = interpreter.load("rules.flow")
    price = module.globals["price"]
    assert isinstance(price, Function)
    assert price("A1", quantity=2) == 40
    assert str(price) == "<function price>"
    assert price == module.globals["price"]
    assert len({price, module.globals["price"], module.globals["adder"]}) == 2
    other = interpreter.evaluate("def apply(f, x):\n    return f(x) + 1\n\ndef same(f):\n    return f\n")
    assert other.call("apply", module.call("adder", 5), 2) == 8
    assert other.call("apply", price, "A1") == 21
    assert other.call("same", price)("A1") == 20
    own = other.globals["apply"]
    assert other.call("same", own) == own


def test_a_module_is_run_once(interpreter: Interpreter) -> None:
    lines: list[str] = []
    printing = Interpreter(loader={"a.flow": "print('loaded', 1)"}, on_print=lines.append)
    assert printing.load("a.flow") is printing.load("a.flow")
    assert lines == ["loaded 1"]
    assert interpreter.load("rules.flow") is interpreter.load("rules.flow")


def test_printed_lines_go_to_stderr_by_default(capsys: pytest.CaptureFixture[str]) -> None:
    Interpreter().evaluate("print('one')\nprint('two', 3)")
    assert capsys.readouterr() == ("", "one\ntwo 3\n")


def test_what_the_print_handler_raises_reaches_the_host() -> None:
    def refuse(line: str) -> None:
        raise LookupError(line)

    module = Interpreter(on_print=refuse).evaluate("def f():\n    print('x')\n\ndef g():\n    return 1\n")
    with pytest.raises(LookupError, match="x"):
        module.call("f")
    assert module.call("g") == 1


def test_evaluated_texts_load_modules(interpreter: Interpreter) -> None:
    module = interpreter.evaluate('load("rules.flow", "price")\ntotal = price("A1") + price("B2")\n')
    assert dict(module.globals) == {"total": 70}
    with pytest.raises(UsageError):
        interpreter.evaluate("x = 1", "@std//tables.flow")


def test_files(tmp_path: Path) -> None:
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "a.flow").write_text("x = 4\n")
    (tmp_path / "main.flow").write_text('load("//lib/a.flow", "x")\ny = x + 1\n')
    assert Interpreter(flows=tmp_path).load("main.flow").globals["y"] == 5
    assert Interpreter(flows=str(tmp_path)).load("lib/a.flow").globals["x"] == 4
    assert Interpreter(loader=FileLoader(tmp_path)).load("main.flow").globals["y"] == 5
    with pytest.raises(SourceError, match="cannot go up"):
        Interpreter(flows=tmp_path).load("../main.flow")
    with pytest.raises(UsageError):
        Interpreter(flows=tmp_path, loader={})


def test_static_errors_come_all_at_once() -> None:
    with pytest.raises(SourceError) as caught:
        Interpreter().evaluate("x = missing\ny = (1\n", "bad.flow")
    assert [diagnostic.slug for diagnostic in caught.value.diagnostics] == ["undefined-name", "unclosed-bracket"]
    assert "--> bad.flow:1:5" in caught.value.diagnostics[0].render()


def test_a_failed_load_is_tried_again() -> None:
    texts = {"a.flow": "x = 1 // 0"}
    interpreter = Interpreter(loader=MappingLoader(texts))
    with pytest.raises(EvaluationError, match="division by zero"):
        interpreter.load("a.flow")
    texts["a.flow"] = "x = 1"
    assert interpreter.load("a.flow").globals["x"] == 1


def test_an_error_shows_calls_and_code(interpreter: Interpreter) -> None:
    module = interpreter.evaluate(
        'load("rules.flow", "price")\n\ndef total(skus):\n    return [price(sku) for sku in skus]\n', "main.flow"
    )
    with pytest.raises(EvaluationError) as caught:
        module.call("total", ["A1", "Z9"])
    error = caught.value
    assert [(frame.module, frame.function, frame.line) for frame in error.traceback] == [
        ("main.flow", "total", 4),
        ("rules.flow", "price", 8),
    ]
    assert error.diagnostic.slug == error.failure.kind == "missing-key"
    assert error.diagnostic.primary.source.name == "rules.flow"
    assert error.usage.steps > 0
    assert error.render().split("\n") == [
        "calls, outermost first:",
        "  main.flow:4:13 in total",
        "  rules.flow:8:12 in price",
        'error[missing-key]: key "Z9" is not in the dict',
        "  --> rules.flow:8:12",
        "   |",
        " 8 |     return TABLE[sku] * quantity * factor",
        "   |            ^^^^^^^^^^",
        "   |",
        f"hint: {error.hint}",
    ]
    assert "\x1b[" in error.render(color=True)
    assert error.__cause__ is None
    with pytest.raises(EvaluationError) as caught:
        interpreter.load("rules.flow").call("refuse")
    assert caught.value.render().startswith("error: not today\n")


@pytest.mark.parametrize(
    ("arguments", "keywords", "message"),
    [
        ((), {}, "`price` is missing the argument `sku`"),
        (("A1", 1, 2), {}, "`price` takes 1 to 2 positional arguments, 3 given"),
        (("A1",), {"count": 1}, "`price` has no parameter `count`"),
        (("A1",), {"__class__": 1}, "`price` has no parameter `__class__`"),
    ],
)
def test_arguments_that_do_not_fit(interpreter: Interpreter, arguments, keywords, message: str) -> None:
    with pytest.raises(EvaluationError) as caught:
        interpreter.load("rules.flow").call("price", *arguments, **keywords)
    assert caught.value.message == message
    assert caught.value.failure.kind == "wrong-arguments"


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("rules.flow", "`rules.flow` names no function"),
        ("rules.flow:prise", "`rules.flow` has no public name `prise`"),
        ("rules.flow:_hidden", "`rules.flow` has no public name `_hidden`"),
        ("rules.flow:factor", "`rules.flow` has no public name `factor`"),
        ("rules.flow:TABLE", "`TABLE` of `rules.flow` is dict, which cannot be called"),
        ("rules.flow:__builtins__", "`rules.flow` has no public name `__builtins__`"),
    ],
)
def test_what_is_no_function(interpreter: Interpreter, target: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        interpreter.call(target)
    assert caught.value.message == message
    if target.endswith("prise"):
        assert caught.value.hint == "did you mean `price`?"


def test_each_evaluation_has_a_budget_of_its_own() -> None:
    module = Interpreter(budget=Budget(steps=10_000)).evaluate(
        "def work(n):\n    for i in range(n):\n        x = str(i)\n    return n\n"
    )
    for _ in range(5):
        assert module.call("work", 3_000) == 3_000
    with pytest.raises(BudgetExceededError) as caught:
        module.call("work", 100_000)
    assert caught.value.limit == "steps"
    assert caught.value.diagnostic.slug == "budget-exceeded"
    assert caught.value.usage.steps > 10_000
    assert caught.value.traceback[-1].function == "work"
    assert module.call("work", 3_000) == 3_000


@pytest.mark.parametrize(
    ("budget", "limit", "text"),
    [
        (Budget(memory_bytes=1 << 20), "memory", "x = [str(i) for i in range(1000000)]"),
        (Budget(call_depth=20), "depth", "def f(n):\n    return f(n + 1)\n\nx = f(0)"),
        (Budget(output_bytes=100), "output", "for i in range(100):\n    print('é' * 20)"),
        (Budget(steps=1000), "steps", "for i in range(100000):\n    pass"),
    ],
)
def test_budgets(budget: Budget, limit: str, text: str) -> None:
    with pytest.raises(BudgetExceededError) as caught:
        Interpreter(budget=budget, on_print=lambda line: None).evaluate(text)
    assert caught.value.limit == limit
    assert caught.value.failure.data == {"limit": limit}


@pytest.mark.parametrize("field", ["steps", "memory_bytes", "call_depth", "output_bytes", "wall_seconds"])
@pytest.mark.parametrize("value", [-1, "1", True, float("nan")])
def test_a_budget_that_makes_no_sense(field: str, value: object) -> None:
    with pytest.raises(UsageError, match=field):
        Budget(**{field: value})  # type: ignore[arg-type]


def test_output_is_counted_in_bytes() -> None:
    module = Interpreter(budget=Budget(output_bytes=41), on_print=lambda line: None).evaluate("print('é' * 20)")
    assert module.usage.output_bytes == 41


def test_usage_is_the_same_each_time(interpreter: Interpreter) -> None:
    fresh = Interpreter(loader=MODULES)
    assert interpreter.load("rules.flow").usage == fresh.load("rules.flow").usage != Usage()


def test_dialects() -> None:
    text = "i = 0\nwhile i < 3:\n    i += 1\n"
    options = Dialect.standard(while_loops=True, top_level_control=True, global_reassign=True)
    assert Interpreter(dialect=options).evaluate(text).globals["i"] == 3
    with pytest.raises(SourceError):
        Interpreter().evaluate(text)
    with pytest.raises(SourceError, match="flow"):
        Interpreter(dialect=Dialect.standard()).evaluate("x = flow")


def test_predeclared_values_are_frozen_copies() -> None:
    table = {"a": [1, 2]}
    interpreter = Interpreter(predeclared={"table": table, "limits": Struct({"low": 1}), "len_of": builtin(len_of)})
    module = interpreter.evaluate("def add():\n    table['a'].append(3)\n\nx = table['a'][1] + limits.low\n")
    assert module.globals["x"] == 3
    with pytest.raises(EvaluationError) as caught:
        module.call("add")
    assert caught.value.failure.kind == "frozen-value"
    table["a"].append(9)
    assert interpreter.evaluate("y = table", "again.flow").globals["y"] == {"a": [1, 2]}


def len_of(value: str) -> int:
    return len(value)


def test_namespaces_of_builtins() -> None:
    spaces = {"text": {"length": builtin(len_of), "more": {"same": builtin(len_of)}}}
    module = Interpreter(predeclared=spaces).evaluate("x = [text.length('abc'), text.more.same('a')]\ny = dir(text)")
    assert dict(module.globals) == {"x": [3, 1], "y": ["length", "more"]}


@pytest.mark.parametrize("name", ["two words", "", "naïve", "a-b", "if", "class"])
def test_predeclared_names_can_be_written(name: str) -> None:
    with pytest.raises(UsageError):
        Interpreter(predeclared={name: 1})


def test_predeclared_objects_must_be_data() -> None:
    with pytest.raises(ConversionError) as caught:
        Interpreter(predeclared={"config": {"files": [1, open]}})
    assert caught.value.path == 'config["files"][1]'


def test_actions_fail_as_values() -> None:
    text = """
def _work(fctx):
    fctx.actions.files.read_text("x")

def _unknown(fctx):
    fctx.actions.shop.orders("x")

def _both(fctx):
    tasks = [fctx.actions.run(flow(implementation = f)) for f in (_work, _unknown)]
    return [result.failure.kind for result in fctx.actions.wait(tasks)]

both = flow(implementation = _both)
"""
    result = Interpreter().evaluate(text).call("both")
    assert isinstance(result, Ok)
    assert result.value == ["no-run", "unknown-action"]


def test_checking_runs_nothing() -> None:
    assert check("def f():\n    return 1 // 0\n\nx = f()\n") == []
    assert [found.slug for found in check("x = region")] == ["undefined-name"]
    assert check("x = region", predeclared=["region"]) == []
    assert check('load("a.flow", "x")\ny = x', loader={"a.flow": "x = 1"}) == []
    assert [found.slug for found in check('load("a.flow", "x")', loader={})] == ["load-not-found"]
    assert check("x = 1\nx = 2") == []
    assert [found.slug for found in check("x = 1\nx = 2", dialect=Dialect.standard())] != []


@pytest.mark.parametrize(
    ("make", "message", "hint"),
    [
        (lambda: Interpreter(loader=cast(Any, "rules/")), "not a `str`", "a folder is given as `flows`"),
        (lambda: Interpreter(loader=cast(Any, Path("rules"))), "not a `PosixPath`", "a folder is given as `flows`"),
        (lambda: Interpreter(loader=cast(Any, 3)), "not a `int`", "a loader has a method `read(name)`"),
        (lambda: Interpreter(flows="no/such/folder"), "there is no folder `no/such/folder`", "the folder that has"),
        (lambda: Interpreter(dialect=cast(Any, "flow")), "`dialect` is a `Dialect`", "give `Dialect.flow()`"),
        (lambda: Interpreter(budget=cast(Any, {"steps": 1})), "`budget` is a `Budget`", "such as `Budget(steps="),
        (lambda: Interpreter(on_print=cast(Any, "x")), "`on_print` is a function", None),
        (lambda: Interpreter().evaluate(cast(Any, b"x")), "is a `str`, not a `bytes`", "decode it first"),
        (lambda: check(cast(Any, 3)), "is a `str`, not a `int`", None),
        (lambda: Interpreter().call("a.flow:f", cast(Any, [1])), "is a mapping of names", "`Module.call` takes"),
    ],
)
def test_mistakes_of_the_host_are_told_where_they_are_made(
    make: Callable[[], object], message: str, hint: str | None
) -> None:
    with pytest.raises(UsageError, match=re.escape(message)) as caught:
        make()
    assert caught.value.hint is None if hint is None else hint in str(caught.value.hint)


def test_functions_of_the_host_are_made_builtins() -> None:
    for function in (len, lambda: 1, "x".join, int):
        with pytest.raises(ConversionError, match="which is not data") as caught:
            Interpreter(predeclared={"f": function})
        assert "decorate it with `@builtin`" in str(caught.value.hint)


def test_what_python_shows_of_an_exception_has_the_place() -> None:
    with pytest.raises(SourceError) as wrong:
        Interpreter().evaluate("x = y\n" * 7)
    shown = "".join(format_exception(wrong.value))
    assert "--> <text>:5:5" in shown
    assert "--> <text>:6:5" not in shown
    assert shown.rstrip().endswith("and 2 more")
    assert wrong.value.render().count("--> <text>") == 7
    with pytest.raises(EvaluationError) as failed:
        Interpreter().evaluate("def f():\n    return 1 // 0\nf()\n")
    failed.value.add_note("while pricing")
    shown = "".join(format_exception(failed.value))
    assert "  <text>:3:1 in <toplevel>\n  <text>:2:12 in f\n" in shown
    assert shown.endswith("while pricing\n")


def test_results_show_what_they_hold() -> None:
    assert [repr(each) for each in (Ok([1]), Err("x"), Err("x").failure)] == [
        "Ok([1])",
        "Err('x')",
        "<Failure error: x>",
    ]
