"""A host function that catches the error of a script's function leaves the script's values usable."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from flowlang import EvaluationError, Interpreter, builtin

RULES = """
def run():
    items, table = [1, 2], {1: 2}
    def fails():
        for item in items:
            for key in table:
                item // 0
    kind = caught(fails)
    items.append(3)
    table[3] = 4
    return [kind, items, len(table)]

def still_iterating():
    items = [1]
    for item in items:
        caught(lambda: [i // 0 for i in items])
        items.append(2)
"""


@builtin
def caught(function: Callable[..., Any]) -> str:
    try:
        function()
    except EvaluationError as error:
        return error.diagnostic.slug
    return "nothing"


def test_what_an_error_left_locked_is_free_again() -> None:
    module = Interpreter(loader={"rules.flow": RULES}, predeclared={"caught": caught}).load("rules.flow")
    assert module.call("run") == ["division-by-zero", [1, 2, 3], 2]


def test_loops_that_go_on_keep_their_locks() -> None:
    module = Interpreter(loader={"rules.flow": RULES}, predeclared={"caught": caught}).load("rules.flow")
    with pytest.raises(EvaluationError) as caught_error:
        module.call("still_iterating")
    assert caught_error.value.diagnostic.slug == "mutated-during-iteration"
