"""The public globals of a module as JSON."""

from __future__ import annotations

import json

import pytest

from flowlang.cli.globals_text import TooLong, globals_text
from flowlang.embedding.interpreter import Interpreter

LENGTH_MAX = 1_000_000


def written(text, length_max=LENGTH_MAX):
    return globals_text(Interpreter().evaluate(text).script_values, length_max)


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("None", None),
        ("[True, False]", [True, False]),
        ("-3", -3),
        ("1 << 200", 1 << 200),
        ("2.5", 2.5),
        ("1e300", 1e300),
        ('"é \\" \\n \\u2028 \\U0001f600"', 'é " \n \u2028 \U0001f600'),
        ("(1, (2,), ())", [1, [2], []]),
        ("{}", {}),
        ('{"b": 1, "a": {"$ref": 2}}', {"b": 1, "a": {"$ref": 2}}),
        ("{1: 2, True: 3, (1, 2): 4}", {"$dict": [[1, 2], [True, 3], [[1, 2], 4]]}),
        ("set([3, 1, (2, 2)])", [3, 1, [2, 2]]),
        ("range(3)", [0, 1, 2]),
        ("struct(b = 1, a = [2])", {"a": [2], "b": 1}),
        ('float("-inf")', {"$float": "-inf"}),
        ('b"ab"', {"$bytes": "YWI="}),
        ("Ok([1])", {"$ok": [1]}),
        ("[[[]]]", [[[]]]),
        ('["a long line that does not fit"] * 9', ["a long line that does not fit"] * 9),
    ],
)
def test_values(expression, expected):
    result = written(f"x = {expression}\n")
    assert json.loads(result.text) == {"x": expected}
    assert result.left_out == ()


def test_names_stand_in_the_order_of_the_text():
    text = written("b = 1\na = 2\n_hidden = 3\ndef f(): pass\nc = {'z': 1, 'y': 2}\n").text
    assert text == '{\n  "b": 1,\n  "a": 2,\n  "c": {"z": 1, "y": 2}\n}'


def test_long_values_are_laid_out():
    text = written('x = {"key": ["' + "v" * 60 + '", "' + "w" * 60 + '"], "other": [1, 2]}\n').text
    assert text.split("\n")[1:3] == ['  "x": {', '    "key": [']
    assert text.split("\n")[-3:] == ['    "other": [1, 2]', "  }", "}"]


def test_what_is_no_data_is_left_out():
    result = written("def f(): pass\ng = len\nx = 1\ny = [1, {'f': f}]\nz = struct(json = json)\n")
    assert json.loads(result.text) == {"x": 1}
    assert result.left_out == ("y", "z")


def test_endless_values_are_left_out():
    result = written("x = []\nx.append(x)\ny = 2\n")
    assert json.loads(result.text) == {"y": 2}
    assert result.left_out == ("x",)


@pytest.mark.parametrize(
    "text",
    [
        "x = 'a' * 2000\n",
        "x = [1] * 2000\n",
        "x = range(1 << 60)\n",
        "x = b'a' * 2000\n",
        "x = {n: n for n in range(1000)}\n",
        # Little memory, and a text without end.
        "x = [1]\nfor _ in range(40): x = [x, x]\n",
        "x = (1,)\nfor _ in range(40): x = (x, x)\n",
        "x = {'a': 1}\nfor _ in range(40): x = {'a': x, 'b': x}\n",
        "x = [Ok(1)]\nfor _ in range(40): x = Ok([x, x])\n",
        "x = {1: 1}\nfor _ in range(20): x = {1: x, 2: x}\n",
    ],
)
def test_the_text_is_bounded(text):
    with pytest.raises(TooLong):
        written(text, 1000)
