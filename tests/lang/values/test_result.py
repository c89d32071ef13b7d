"""Results and failures."""

from __future__ import annotations

from value_calls import call, fault_of, make_dict, slug_of

from flowlang.lang.eval import operators
from flowlang.lang.values.container import HeldList, List
from flowlang.lang.values.display import repr_value
from flowlang.lang.values.protocol import type_name
from flowlang.lang.values.result import Err, Failure, Ok, trace_frame


def test_ok() -> None:
    value = Ok(List([1]))
    assert type_name(value) == "Result"
    assert repr_value(value) == "Ok([1])"
    assert operators.attribute(value, "value") == [1]
    assert call(value, "is_ok") is True
    assert call(value, "is_err") is False
    assert call(value, "unwrap_or", 2) == [1]
    assert operators.attribute_names(value) == ["is_err", "is_ok", "unwrap_or", "value"]


def test_err_of_a_value_has_a_failure() -> None:
    value = Err("x")
    assert type_name(value) == "Result"
    assert repr_value(value) == 'Err("x")'
    assert operators.attribute(value, "error") == "x"
    assert call(value, "is_ok") is False
    assert call(value, "is_err") is True
    assert call(value, "unwrap_or", 2) == 2
    failure = operators.attribute(value, "failure")
    fields = {name: operators.attribute(failure, name) for name in operators.attribute_names(failure)}
    assert fields == {"data": None, "hint": None, "kind": "error", "message": "x", "retryable": False, "trace": []}
    assert Err(List([1])).failure.message == "[1]"


def test_err_of_a_failure_keeps_it() -> None:
    failure = Failure("division-by-zero", "division by zero")
    assert Err(failure).failure is failure
    other = Failure("timeout", "too late", retryable=True)
    assert Err("x", other).failure is other


def test_an_err_exists_even_when_its_error_has_no_text() -> None:
    deep = List()
    for _ in range(500):
        deep = List([deep])
    assert Err(deep).failure.message.startswith("[[")


def test_equality_ignores_the_trace() -> None:
    trace = [trace_frame("a.flow", 1, 2, "main")]
    left, right = Failure("k", "m", trace=trace), Failure("k", "m")
    assert operators.equal(left, right)
    assert operators.equal(Err(left), Err(right))
    assert operators.not_equal(left, Failure("k", "m", retryable=True))
    assert operators.equal(Err("x", left), Err("x"))
    assert operators.equal(Ok(1), Ok(1.0))
    assert operators.not_equal(Ok(1), Ok(True))
    assert operators.not_equal(Ok(1), Err(1))
    assert operators.not_equal(Err(1), Ok(1))
    assert operators.not_equal(Ok(1), 1)


def test_a_trace_is_a_frozen_list_of_frames() -> None:
    failure = Failure("k", "m", trace=[trace_frame("a.flow", 1, 2, "main")])
    trace = operators.attribute(failure, "trace")
    assert type(trace) is HeldList
    assert repr_value(trace) == '[struct(column = 2, line = 1, name = "main", path = "a.flow")]'
    assert slug_of(call, trace, "clear") == "frozen-value"


def test_results_are_no_keys_and_have_no_order() -> None:
    assert slug_of(operators.contains, Ok(1), make_dict()) == "unhashable"
    assert slug_of(operators.less, Ok(1), Ok(2)) == "type-mismatch"


def test_habits_get_a_hint() -> None:
    assert "is_ok()" in (fault_of(operators.attribute, Ok(1), "error").hint or "")
    assert "unwrap" in (fault_of(operators.attribute, Err(1), "value").hint or "")
    assert "unwrap" in (fault_of(operators.attribute, Ok("a"), "upper").hint or "")
    assert "unwrap" in (fault_of(operators.add, Ok(1), 1).hint or "")
    assert "unwrap" in (fault_of(operators.index, Ok(1), 0).hint or "")
    assert "unwrap" in (fault_of(operators.iterate, Ok(1)).hint or "")
