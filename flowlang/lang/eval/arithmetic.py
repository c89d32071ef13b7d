"""The arithmetic and bitwise operators, with the cases that compiled code does not handle inline.

Numbers are handled here, everything else by the table of operations (`values/operation.py`). Ints have any size up
to a limit; the size of a product, quotient or shift is predicted and paid before the host computes it. An int meets a
float by being converted, which fails when the int is larger than any float; floats among themselves overflow to
infinity, as everywhere. `/` always gives a float; `//` and `%` round towards minus infinity.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from typing import Any, Final

from flowlang.lang.eval.mismatch import unsupported, unsupported_unary
from flowlang.lang.values.container import List
from flowlang.lang.values.fault import Fault
from flowlang.lang.values.list import concatenate
from flowlang.lang.values.meter import charge
from flowlang.lang.values.operation import OPERATIONS, register_operation
from flowlang.lang.values.scalar import INT_BITS_MAX, float_of_int, integer_too_large
from flowlang.lang.values.text_format import format_percent

SHIFT_MAX: Final = 511
SHORT_SUM: Final = 4
"""Lists of so few elements are paid for by the code that adds."""
FREE_BITS: Final = 128
"""Ints of so many bits are no larger than what containers are charged for each element."""
LONG_INT: Final = 8192
"""Work on ints of more bits is charged."""


def add(left: Any, right: Any) -> Any:
    """`left + right`."""
    if type(left) is List and type(right) is List:
        if len(left) + len(right) <= SHORT_SUM:
            return List(list.__add__(left, right))
        return concatenate(left, right)
    if type(left) is int and type(right) is int:
        return checked(left + right)
    return binary("+", left, right)


def subtract(left: Any, right: Any) -> Any:
    """`left - right`."""
    if type(left) is int and type(right) is int:
        return checked(left - right)
    return binary("-", left, right)


def multiply(left: Any, right: Any) -> Any:
    """`left * right`."""
    if type(left) is int and type(right) is int:
        return multiply_ints(left, right)
    return binary("*", left, right)


def divide(left: Any, right: Any) -> Any:
    """`left / right`."""
    return binary("/", left, right)


def floor_divide(left: Any, right: Any) -> Any:
    """`left // right`."""
    return binary("//", left, right)


def modulo(left: Any, right: Any) -> Any:
    """`left % right`, also the formatting of a string."""
    if type(left) is str:
        return format_percent(left, right)
    return binary("%", left, right)


def bit_and(left: Any, right: Any) -> Any:
    """`left & right`."""
    return binary("&", left, right)


def bit_or(left: Any, right: Any) -> Any:
    """`left | right`."""
    return binary("|", left, right)


def bit_xor(left: Any, right: Any) -> Any:
    """`left ^ right`."""
    return binary("^", left, right)


def shift_left(left: Any, right: Any) -> Any:
    """`left << right`."""
    return binary("<<", left, right)


def shift_right(left: Any, right: Any) -> Any:
    """`left >> right`."""
    return binary(">>", left, right)


def negate(operand: Any) -> Any:
    """`-operand`."""
    if type(operand) is int:
        return checked(-operand)
    if type(operand) is float:
        return -operand
    raise unsupported_unary("-", operand)


def positive(operand: Any) -> Any:
    """`+operand`."""
    if type(operand) is int or type(operand) is float:
        return operand
    raise unsupported_unary("+", operand)


def invert(operand: Any) -> Any:
    """`~operand`."""
    if type(operand) is int:
        return checked(~operand)
    raise unsupported_unary("~", operand)


def binary(symbol: str, left: Any, right: Any) -> Any:
    """`left symbol right` by the table of operations."""
    operation = OPERATIONS[symbol].get((type(left), type(right)))
    if operation is None:
        raise unsupported(symbol, left, right)
    return operation(left, right)


def checked(result: int) -> int:
    """The int itself, if it is not too large. The work for it was linear, so it may be charged afterwards."""
    bits = result.bit_length()
    if bits > FREE_BITS:
        charge(bits >> 13, bits >> 3)
        if bits > INT_BITS_MAX:
            raise integer_too_large()
    return result


def multiply_ints(left: int, right: int) -> int:
    """`left * right` of ints, paid by the product of their lengths."""
    left_bits, right_bits = left.bit_length(), right.bit_length()
    bits = left_bits + right_bits
    if bits > LONG_INT:
        if bits > INT_BITS_MAX + 1:
            raise integer_too_large()
        charge(quadratic_steps(left_bits, right_bits), bits >> 3)
    return checked(left * right)


def quadratic_steps(left_bits: int, right_bits: int) -> int:
    """What multiplying or dividing ints of so many bits costs."""
    return ((left_bits >> 6) * (right_bits >> 6)) >> 6


def division_by_zero(symbol: str) -> Fault:
    """The Fault for a zero on the right."""
    names = {"/": "division", "//": "floored division", "%": "remainder of a division"}
    return Fault("division-by-zero", f"{names[symbol]} by zero", hint="check that the right side is not 0 before")


def divide_ints(left: int, right: int) -> float:
    """`left / right` of ints: the float nearest to the exact quotient."""
    if right == 0:
        raise division_by_zero("/")
    try:
        return left / right
    except OverflowError:
        raise quotient_too_large() from None


def quotient_too_large() -> Fault:
    """The Fault for a quotient of ints beyond the largest float."""
    return Fault(
        "float-overflow", "the quotient is too large for a float", hint="use `//` for a quotient that is an int"
    )


def floor_divide_ints(left: int, right: int) -> int:
    """`left // right` of ints."""
    if right == 0:
        raise division_by_zero("//")
    charge_division(left, right)
    return left // right


def modulo_ints(left: int, right: int) -> int:
    """`left % right` of ints: has the sign of `right`."""
    if right == 0:
        raise division_by_zero("%")
    charge_division(left, right)
    return left % right


def charge_division(left: int, right: int) -> None:
    """Pays for a division with remainder."""
    left_bits, right_bits = left.bit_length(), right.bit_length()
    if left_bits > LONG_INT:
        # The divisor is subtracted once for each word of the quotient.
        charge(quadratic_steps(max(left_bits - right_bits, 0) + 64, right_bits + 64), left_bits >> 3)


def divide_floats(left: float, right: float) -> float:
    """`left / right` of floats."""
    if right == 0:
        raise division_by_zero("/")
    return left / right


def floor_divide_floats(left: float, right: float) -> float:
    """`left // right` of floats: the floor of the quotient, as every implementation of the language computes it. The
    host divides exactly first, and so finds `1.0 // 0.1` to be 9.0, and NaN where the quotient is infinite."""
    if right == 0:
        raise division_by_zero("//")
    quotient = left / right
    return quotient if math.isinf(quotient) else quotient // 1.0


def modulo_floats(left: float, right: float) -> float:
    """`left % right` of floats: has the sign of `right`."""
    if right == 0:
        raise division_by_zero("%")
    return left % right


def shift_left_ints(left: int, right: int) -> int:
    """`left << right` of ints, by at most SHIFT_MAX bits."""
    if right < 0:
        raise negative_shift()
    if right > SHIFT_MAX:
        raise Fault(
            "invalid-shift", f"cannot shift left by more than {SHIFT_MAX} bits", hint="multiply by a power of 2"
        )
    return checked(left << right)


def shift_right_ints(left: int, right: int) -> int:
    """`left >> right` of ints."""
    if right < 0:
        raise negative_shift()
    return checked(left >> min(right, INT_BITS_MAX))


def negative_shift() -> Fault:
    """The Fault for a shift by less than nothing."""
    return Fault("invalid-shift", "cannot shift by a negative number of bits", hint="shift the other way")


def register_numbers(
    symbol: str, of_ints: Callable[[int, int], Any] | None, of_floats: Callable[[float, float], float]
) -> None:
    """Enters an operator of numbers; where an int meets a float it is converted."""
    if of_ints is not None:
        register_operation(symbol, [int], [int], of_ints)
    register_operation(symbol, [float], [float], of_floats)
    register_operation(symbol, [int], [float], lambda left, right: of_floats(float_of_int(left), right))
    register_operation(symbol, [float], [int], lambda left, right: of_floats(left, float_of_int(right)))


register_numbers("+", None, operator.add)
register_numbers("-", None, operator.sub)
register_numbers("*", None, operator.mul)
register_numbers("/", divide_ints, divide_floats)
register_numbers("//", floor_divide_ints, floor_divide_floats)
register_numbers("%", modulo_ints, modulo_floats)
register_operation("&", [int], [int], lambda left, right: checked(left & right))
register_operation("|", [int], [int], lambda left, right: checked(left | right))
register_operation("^", [int], [int], lambda left, right: checked(left ^ right))
register_operation("<<", [int], [int], shift_left_ints)
register_operation(">>", [int], [int], shift_right_ints)
