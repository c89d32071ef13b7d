"""The module `math`.

Functions take ints and floats and compute with floats. They never fail for a number: outside its domain a function
gives NaN, beyond the largest float an infinity. The host's functions raise errors there instead, so each call goes
through a wrapper that knows what the limit is. `ceil` and `floor` give ints, and those do fail for infinities and NaN.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Final

from flowlang.lang.universe.native_module import native_module
from flowlang.lang.values.argument import wrong_type, wrong_value
from flowlang.lang.values.protocol import MISSING, builtin
from flowlang.lang.values.scalar import float_of_int, int_of_float

FUNCTIONS: list[Callable[..., Any]] = []


def _number(name: str, parameter: str, value: Any) -> float:
    if type(value) is float:
        return value
    if type(value) is int:
        return float_of_int(value)
    raise wrong_type(f"math.{name}", parameter, "a number", value)


def _entered(name: str, function: Callable[..., Any], explanation: str, signature: str = "x") -> None:
    function.__doc__ = explanation
    FUNCTIONS.append(builtin(f"math.{name}", signature)(function))


def _unary(
    name: str, compute: Callable[[float], float], explanation: str, pole: Callable[[float], float] | None = None
) -> None:
    """A function of one number. `pole` gives the value where the host raises an error: NaN unless told."""

    def function(depth: int, x: Any, /) -> float:
        number = _number(name, "x", x)
        try:
            return compute(number)
        except OverflowError:
            return _overflow(name, number)
        except ValueError:
            return math.nan if pole is None else pole(number)

    _entered(name, function, explanation)


def _overflow(name: str, number: float) -> float:
    """The infinity that a function of one number runs into."""
    if name == "gamma":
        # Of negative numbers only those next to a pole have values that large, and their sign alternates.
        return math.inf if number > 0 or math.floor(number) % 2 == 0 else -math.inf
    return -math.inf if name == "sinh" and number < 0 else math.inf


def _binary(name: str, compute: Callable[[float, float], float], explanation: str) -> None:
    def function(depth: int, x: Any, y: Any, /) -> float:
        left, right = _number(name, "x", x), _number(name, "y", y)
        try:
            return compute(left, right)
        except ValueError:
            return math.nan
        except OverflowError:
            return math.inf

    _entered(name, function, explanation, "x, y")


def _power(base: float, exponent: float) -> float:
    """`base ** exponent` where the host gives an error: zero to a negative power, and results beyond floats."""
    is_odd = exponent.is_integer() and exponent % 2 == 1
    try:
        return math.pow(base, exponent)
    except OverflowError:
        return -math.inf if base < 0 and is_odd else math.inf
    except ValueError:
        if base != 0:
            return math.nan
        return math.copysign(math.inf, base) if is_odd else math.inf


def _round(number: float) -> float:
    """The nearest float without a fraction, halves away from zero."""
    if not math.isfinite(number) or number.is_integer():
        return number
    whole = math.floor(abs(number))
    if abs(number) - whole >= 0.5:
        whole += 1
    return math.copysign(float(whole), number)


def _rounded(name: str, host: Callable[[float], int], explanation: str) -> None:
    def function(depth: int, x: Any, /) -> int:
        if type(x) is int:
            return x
        number = _number(name, "x", x)
        return host(number) if math.isfinite(number) else int_of_float(number)

    _entered(name, function, explanation)


def _logarithm(depth: int, x: Any, base: Any = MISSING, /) -> float:
    number = _natural_logarithm(_number("log", "x", x))
    if base is MISSING:
        return number
    scale = _natural_logarithm(_number("log", "base", base))
    if scale == 0:
        raise wrong_value("math.log", "there is no logarithm to the base 1")
    return number / scale


def _natural_logarithm(number: float) -> float:
    if number > 0:
        return math.log(number)
    return -math.inf if number == 0 else math.nan


_rounded("ceil", math.ceil, "The smallest int that is not less than `x`.")
_rounded("floor", math.floor, "The largest int that is not greater than `x`.")
_unary("round", _round, "The nearest float without a fraction; halves go away from zero.")
_unary("fabs", math.fabs, "The magnitude of `x`, as a float.")
_unary("exp", math.exp, "e to the power `x`.")
_unary("sqrt", math.sqrt, "The square root.")
_unary("acos", math.acos, "The arc cosine, in radians.")
_unary("asin", math.asin, "The arc sine, in radians.")
_unary("atan", math.atan, "The arc tangent, in radians.")
_unary("cos", math.cos, "The cosine of an angle in radians.")
_unary("sin", math.sin, "The sine of an angle in radians.")
_unary("tan", math.tan, "The tangent of an angle in radians.")
_unary("degrees", math.degrees, "An angle in radians, as degrees.")
_unary("radians", math.radians, "An angle in degrees, as radians.")
_unary("acosh", math.acosh, "The inverse hyperbolic cosine.")
_unary("asinh", math.asinh, "The inverse hyperbolic sine.")
_unary(
    "atanh",
    math.atanh,
    "The inverse hyperbolic tangent.",
    lambda number: math.copysign(math.inf, number) if abs(number) == 1 else math.nan,
)
_unary("cosh", math.cosh, "The hyperbolic cosine.")
_unary("sinh", math.sinh, "The hyperbolic sine.")
_unary("tanh", math.tanh, "The hyperbolic tangent.")
_unary(
    "gamma",
    math.gamma,
    "The gamma function.",
    lambda number: math.copysign(math.inf, number) if number == 0 else math.nan,
)
_binary("copysign", math.copysign, "The magnitude of `x` with the sign of `y`.")
_binary("mod", math.fmod, "The remainder of `x / y`, with the sign of `x`.")
_binary("remainder", math.remainder, "The remainder of `x / y` rounded to the nearest int.")
_binary("pow", _power, "`x` to the power `y`.")
_binary("atan2", math.atan2, "The angle of the point (`y`, `x`), given as `atan2(y, x)`, in radians.")
_binary("hypot", math.hypot, "The length of the hypotenuse over sides `x` and `y`.")
_entered("log", _logarithm, "The logarithm of `x`, natural or to a base.", "x[, base]")

MATH: Final = native_module("math", FUNCTIONS, {"e": math.e, "pi": math.pi})
"""The module as a value."""
