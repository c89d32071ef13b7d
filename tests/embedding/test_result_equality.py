"""Results in the hands of a host: equality, hashes and texts."""

from __future__ import annotations

import pytest

from flowlang.embedding.interpreter import Interpreter
from flowlang.lang.values.result import Err, Failure, Ok

SCRIPT = """
def _main(fctx):
    if fctx.args.day == "":
        fail(failure("no-day", "no day", data = {"given": fctx.args.day}))
    return {"day": fctx.args.day, "rows": [1, 2]}

main = flow(implementation = _main, args = {"day": args.string()})
"""


def test_results_are_equal_when_they_say_the_same() -> None:
    """By the value, or by the error and never by its trace; an Ok is no Err, and neither is what it holds."""
    assert Ok(1) == Ok(1)
    assert Ok([1, {"a": 2}]) == Ok([1, {"a": 2}])
    assert Ok(1) != Ok(2)
    assert Ok(1) != Err(1)
    assert Ok(1) != 1
    assert Err("x") == Err("x")
    assert Err("x") != Err("y")
    failure = Failure("slow", "too slow", {"at": 3}, True)
    assert Err(failure) == Err(Failure("slow", "too slow", {"at": 3}, True, hint="be quick"))
    for other in (Failure("slow", "too slow", {"at": 4}, True), Failure("slow", "too slow", {"at": 3}), "slow"):
        assert failure != other


def test_results_are_hashed_where_what_they_hold_can_be() -> None:
    """Equal results have equal hashes; one that holds a list has none, like the list."""
    assert {Ok(1), Ok(1), Err(1), Ok("x")} == {Ok(1), Err(1), Ok("x")}
    assert len({Err(Failure("a", "b", {"c": 1})), Err(Failure("a", "b", {"c": 1}))}) == 1
    for result in (Ok([1]), Err({"a": 1})):
        with pytest.raises(TypeError, match="unhashable"):
            hash(result)


def test_their_texts_say_what_they_hold() -> None:
    """As they would be written."""
    assert repr(Ok({"a": [1]})) == "Ok({'a': [1]})"
    assert repr(Err(Failure("slow", "too slow"))) == "Err(<Failure slow: too slow>)"


def test_a_host_compares_what_a_flow_gave() -> None:
    """The outcome of a call is equal to the one that a test writes down."""
    interpreter = Interpreter(loader={"days.flow": SCRIPT})
    assert interpreter.call("days.flow:main", {"day": "mon"}) == Ok({"day": "mon", "rows": [1, 2]})
    failed = interpreter.call("days.flow:main", {"day": ""})
    assert failed == Err(Failure("no-day", "no day", {"given": ""}))
