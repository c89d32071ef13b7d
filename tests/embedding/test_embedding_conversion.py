"""What crosses the gate, in both directions."""

from __future__ import annotations

import attrs
import pytest

from flowlang import ConversionError, Err, Interpreter, Module, Ok
from flowlang.embedding.handle import ScriptValue

SAME = "def same(x):\n    return x\n\ndef kind(x):\n    return type(x)\n\ndef add(x):\n    x.append(1)\n    return x\n"


@pytest.fixture(scope="module")
def module() -> Module:
    return Interpreter().evaluate(SAME)


@pytest.mark.parametrize(
    "value",
    [
        None, True, 0, -5, 1 << 100, 1.5, "é", b"\x00\xff", [], [1, [2]], (1, (2, "a")), {"a": {1: None}}, {1, "b"},
        {(1, 2): [3]},
    ],
    ids=lambda value: type(value).__name__,
)  # fmt: skip
def test_data_comes_back_as_it_went(module: Module, value: object) -> None:
    given = module.call("same", value)
    assert given == value
    assert type(given) is type(value)


def test_arguments_are_copies_that_may_be_changed(module: Module) -> None:
    given = [0]
    assert module.call("add", given) == [0, 1]
    assert given == [0]


def test_records_become_dicts(module: Module) -> None:
    @attrs.frozen
    class Point:
        x: int
        y: int

    assert module.call("same", Point(1, 2)) == {"x": 1, "y": 2}


def test_results_stay_results(module: Module) -> None:
    given = module.call("same", Ok([1]))
    assert isinstance(given, Ok)
    assert given.value == [1]
    failed = module.call("same", Err({"code": (1, 2)}))
    assert isinstance(failed, Err)
    assert failed.error == {"code": (1, 2)}


@pytest.mark.parametrize(
    ("value", "path"),
    [
        (object(), "argument 1"),
        ([1, {"a": open}], 'argument 1[1]["a"]'),
        (lambda: 1, "argument 1"),
        ({"x": (1, type)}, 'argument 1["x"][1]'),
        (["\ud800"], "argument 1[0]"),
    ],
)
def test_what_is_no_data_is_refused_with_its_place(module: Module, value: object, path: str) -> None:
    with pytest.raises(ConversionError) as caught:
        module.call("same", value)
    assert caught.value.path == path
    assert path in caught.value.message
    assert module.call("same", 1) == 1


def test_a_cyclic_argument(module: Module) -> None:
    value: list[object] = []
    value.append(value)
    with pytest.raises(ConversionError, match="nested"):
        module.call("same", value)


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("x = []\nx.append(x)", "x[0]"),
        ("x = {'a': [1]}\nx['a'].append(x)", 'x["a"][1]'),
        ("x = {True: 1, 1: 2}", "x"),
    ],
)
def test_what_has_no_plain_form_is_refused_with_its_place(text: str, path: str) -> None:
    module = Interpreter().evaluate(text + "\ny = 1\n")
    with pytest.raises(ConversionError) as caught:
        module.globals["x"]
    assert caught.value.path == path
    assert module.globals["y"] == 1


def test_a_shared_part_is_no_cycle() -> None:
    module = Interpreter().evaluate("a = [1]\nx = [a, a, [a]]")
    assert module.globals["x"] == [[1], [1], [[1]]]


def test_values_that_are_no_data_are_handles() -> None:
    module = Interpreter().evaluate(
        "x = [json, len, [].append, args.string()]\ndef use(j):\n    return j.encode([1])\n"
    )
    handles = module.globals["x"]
    assert [handle.type for handle in handles[:3]] == ["module", *["builtin_function_or_method"] * 2]
    assert isinstance(handles[0], ScriptValue)
    assert str(handles[0]) == '<module "json">'
    assert handles[1]("abc") == 3
    assert module.call("use", handles[0]) == "[1]"
    assert repr(handles[1]) == "<Function <built-in function len>>"


def test_a_handle_of_another_program_must_be_a_function() -> None:
    first = Interpreter().evaluate("x = args.string()")
    second = Interpreter().evaluate(SAME)
    with pytest.raises(ConversionError):
        second.call("same", first.globals["x"])


def test_structs_become_dicts_and_lists_stay_frozen_inside() -> None:
    module = Interpreter().evaluate("x = struct(a = [1], b = struct(c = 2))\ndef add():\n    x.a.append(1)\n")
    assert module.globals["x"] == {"a": [1], "b": {"c": 2}}
    taken = module.globals["x"]
    taken["a"].append(2)
    assert module.globals["x"] == {"a": [1], "b": {"c": 2}}
