"""The module `math`."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from universe_call import run, seen

from flowlang.lang.universe.math_module import MATH
from flowlang.lang.values.fault import Fault

INFINITE = math.inf
NAN = math.nan


def call(name: str, *arguments: Any) -> Any:
    return MATH.members[name](0, *arguments)


@pytest.mark.parametrize(
    ("name", "arguments", "result"),
    [
        ("ceil", (1.2,), 2),
        ("ceil", (-1.2,), -1),
        ("ceil", (10**30,), 10**30),
        ("floor", (1.8,), 1),
        ("floor", (-1.2,), -2),
        ("floor", (1e20,), 10**20),
        ("round", (0.5,), 1.0),
        ("round", (-0.5,), -1.0),
        ("round", (2.5,), 3.0),
        ("round", (0.49999999999999994,), 0.0),
        ("round", (4503599627370497.0,), 4503599627370497.0),
        ("round", (7,), 7.0),
        ("round", (INFINITE,), INFINITE),
        ("fabs", (-3,), 3.0),
        ("copysign", (3, -0.0), -3.0),
        ("mod", (-5.5, 2), -1.5),
        ("mod", (1, 0), NAN),
        ("remainder", (5, 3), -1.0),
        ("remainder", (5, 0), NAN),
        ("pow", (2, 10), 1024.0),
        ("pow", (-8, 1 / 3), NAN),
        ("pow", (0, -1), INFINITE),
        ("pow", (-0.0, -1), -INFINITE),
        ("pow", (-0.0, -2), INFINITE),
        ("pow", (10, 400), INFINITE),
        ("pow", (-10, 401), -INFINITE),
        ("exp", (0,), 1.0),
        ("exp", (1000,), INFINITE),
        ("sqrt", (9,), 3.0),
        ("sqrt", (-1,), NAN),
        ("log", (1,), 0.0),
        ("log", (8, 2), 3.0),
        ("log", (0,), -INFINITE),
        ("log", (-1,), NAN),
        ("acos", (2,), NAN),
        ("sin", (INFINITE,), NAN),
        ("atan2", (0, -1), math.pi),
        ("hypot", (3, 4), 5.0),
        ("hypot", (1e308, 1e308), math.hypot(1e308, 1e308)),
        ("degrees", (math.pi,), 180.0),
        ("radians", (180,), math.pi),
        ("acosh", (0,), NAN),
        ("atanh", (1,), INFINITE),
        ("atanh", (-1,), -INFINITE),
        ("atanh", (2,), NAN),
        ("cosh", (-1000,), INFINITE),
        ("sinh", (-1000,), -INFINITE),
        ("tanh", (1000,), 1.0),
        ("gamma", (5,), 24.0),
        ("gamma", (0,), INFINITE),
        ("gamma", (-0.0,), -INFINITE),
        ("gamma", (-1,), NAN),
        ("gamma", (200,), INFINITE),
    ],
)
def test_function(name: str, arguments: tuple[Any, ...], result: Any) -> None:
    assert seen(call(name, *arguments)) == seen(result)


@pytest.mark.parametrize("name", [name for name, member in MATH.members.items() if type(member) is not float])
def test_only_numbers_are_taken(name: str) -> None:
    count = 2 if name in ("copysign", "mod", "remainder", "pow", "atan2", "hypot") else 1
    for wrong in ("1", None, True):
        with pytest.raises(Fault) as caught:
            call(name, *[wrong] * count)
        assert caught.value.slug == "type-mismatch"
        assert f"`math.{name}` needs a number for `x`" in caught.value.message
    with pytest.raises(TypeError, match=rf"^math:{name}\(\)"):
        call(name)


@settings(deadline=None)
@given(st.floats())
def test_functions_of_one_number_never_fail(number: float) -> None:
    for name, member in MATH.members.items():
        if type(member) is not float and name not in ("copysign", "mod", "remainder", "pow", "atan2", "hypot"):
            if name in ("ceil", "floor") and not math.isfinite(number):
                continue
            assert type(call(name, number)) in (int, float)


@settings(deadline=None)
@given(st.floats(), st.floats())
def test_functions_of_two_numbers_never_fail(left: float, right: float) -> None:
    for name in ("copysign", "mod", "remainder", "pow", "atan2", "hypot"):
        assert type(call(name, left, right)) is float


def test_errors() -> None:
    for arguments, slug in (((2, 1),), "wrong-argument"), (((1 << 2000,),), "float-overflow"):
        with pytest.raises(Fault) as caught:
            call("log", *arguments[0])
        assert caught.value.slug == slug
    for name in ("ceil", "floor"):
        with pytest.raises(Fault) as caught:
            call(name, NAN)
        assert caught.value.slug == "wrong-argument"


def test_constants() -> None:
    assert run("getattr", MATH, "pi") == math.pi
    assert run("getattr", MATH, "e") == math.e
    assert "gamma" in list(run("dir", MATH))
