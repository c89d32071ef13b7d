"""Numbers as text, both ways.

The host's own conversions cannot be used on what a script gives: `int` and `float` accept underscores, blanks and
digits of every alphabet, they refuse more than 4300 digits with an error of their own (a limit that the environment
of the process may lower), and the text of a float differs. So texts are checked here first, and long ints are
converted in blocks that are shorter than any limit the host can be set to.

The text of a float is the shortest that reads back as the same number, with an exponent when the decimal exponent
is below -4 or at least 6: `123456.0`, `1e+06`, `1.5e-05`.
"""

from __future__ import annotations

import math
import re
from typing import Any, Final

from flowlang.lang.values.fault import Fault
from flowlang.lang.values.meter import charge
from flowlang.lang.values.quote import clip
from flowlang.lang.values.wording import kind_of

INT_BITS_MAX: Final = 1 << 17
"""The largest ints of the language, as everywhere that ints are made."""
INT_DIGITS_MAX: Final = 39_457
"""As many decimal digits can an int of INT_BITS_MAX bits have."""
FLOAT_TEXT_MAX: Final = 4096
"""Longer texts are not taken for floats: no digit beyond the 800th can change the nearest float."""

BLOCK_DIGITS: Final = 500
BLOCK: Final = 10**BLOCK_DIGITS
BLOCK_BITS: Final = 1660
"""An int of fewer bits has at most BLOCK_DIGITS digits."""

DIGITS: Final = "0123456789abcdefghijklmnopqrstuvwxyz"
PREFIXES: Final = {"0x": 16, "0X": 16, "0o": 8, "0O": 8, "0b": 2, "0B": 2}
FLOAT_FORM: Final = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
SPECIAL_FORM: Final = re.compile(r"([+-]?)(?:(inf|infinity)|nan)", re.IGNORECASE | re.ASCII)
DIGIT_FORMS: Final = {
    base: re.compile(f"[{DIGITS[:base]}{DIGITS[10:base].upper()}]+") for base in range(2, len(DIGITS) + 1)
}


def float_text(number: float) -> str:
    """The text of a float, as `str` gives it."""
    size = abs(number)
    if 1e-4 <= size < 1e6 or number == 0:
        return repr(number)
    if not math.isfinite(number):
        return special_text(number)
    digits, exponent = shortest_digits(number)
    sign = "-" if number < 0 else ""
    fraction = f".{digits[1:]}" if len(digits) > 1 else ""
    return f"{sign}{digits[0]}{fraction}e{'-' if exponent < 0 else '+'}{abs(exponent):02d}"


def special_text(number: float) -> str:
    """The text of an infinity or of NaN."""
    if number != number:
        return "nan"
    return "+inf" if number > 0 else "-inf"


def shortest_digits(number: float) -> tuple[str, int]:
    """The fewest significant digits that identify `number`, and the decimal exponent of the first of them."""
    mantissa, _, exponent = repr(abs(number)).partition("e")
    whole, _, fraction = mantissa.partition(".")
    point = int(exponent or 0) + len(whole)
    digits = whole + fraction
    stripped = digits.lstrip("0")
    point -= len(digits) - len(stripped)
    return stripped.rstrip("0") or "0", point - 1


def int_text(number: int) -> str:
    """The decimal text of an int of any size the language has."""
    bits = number.bit_length()
    if bits < BLOCK_BITS:
        return str(number)
    charge(conversion_steps(bits), bits // 3)
    if bits > INT_BITS_MAX:
        raise integer_too_large()
    blocks = []
    rest = abs(number)
    while rest >= BLOCK:
        rest, block = divmod(rest, BLOCK)
        blocks.append(str(block).zfill(BLOCK_DIGITS))
    blocks.append(str(rest))
    blocks.reverse()
    return ("-" if number < 0 else "") + "".join(blocks)


def conversion_steps(bits: int) -> int:
    """What converting an int of so many bits from or to decimal digits costs: it is quadratic."""
    words = bits >> 5
    return (words + (words * words >> 6)) >> 3


def integer_too_large() -> Fault:
    """The Fault for an int of more than INT_BITS_MAX bits."""
    return Fault(
        "integer-too-large",
        f"the int has more than {INT_BITS_MAX} bits",
        hint="use a float where the magnitude matters more than each digit",
    )


def parse_int(text: str, base: int = 10) -> int:
    """The int that `text` writes in `base` (2 to 36, or 0: as in a literal of the language). A sign and the prefix
    of the base may stand in front; blanks and underscores may not stand anywhere."""
    if base == 10 and len(text) < BLOCK_DIGITS and text.isascii() and text.isdigit():
        return int(text)
    if base != 0 and not 2 <= base <= 36:
        raise Fault("wrong-argument", f"`int`: base {base} is not 0 or 2 to 36")
    sign = text[:1] if text[:1] in ("+", "-") else ""
    digits = text[len(sign) :]
    prefix_base = PREFIXES.get(digits[:2])
    if prefix_base is not None and base in (0, prefix_base):
        digits = digits[2:]
        actual = prefix_base
    elif base == 0:
        actual = 10
        if digits[:1] == "0" and digits.strip("0"):
            raise bad_int(text, base, "write it without the leading zero, or octal numbers as `0o17`")
    else:
        actual = base
    charge(len(digits) >> 8)
    if DIGIT_FORMS[actual].fullmatch(digits) is None:
        raise bad_int(text, base)
    value = digits_value(digits, actual)
    return -value if sign == "-" else value


def bad_int(text: str, base: int, hint: str | None = None) -> Fault:
    """The Fault for a text that is no int."""
    suffix = "" if base == 10 else f" in base {base}"
    if hint is None and base == 10 and FLOAT_FORM.fullmatch(text[:FLOAT_TEXT_MAX]) is not None:
        hint = "for a number with a fraction use `float(...)`, and `int(float(...))` to cut the fraction off"
    elif hint is None and text != text.strip():
        hint = "use `.strip()` to cut the blanks off"
    elif hint is None and base == 10:
        hint = 'an int is written in digits, such as "42"; for another base name it: `int("ff", 16)`'
    return Fault("wrong-argument", f"`int`: {clip(text)} is not an int{suffix}", hint=hint)


def digits_value(digits: str, base: int) -> int:
    """The value of checked digits, converted in blocks; refuses ints that are too large before the work."""
    digits = digits.lstrip("0") or "0"
    if len(digits) <= BLOCK_DIGITS:
        return int(digits, base)
    bits = int((len(digits) - 1) * math.log2(base))
    if bits > INT_BITS_MAX:
        raise integer_too_large()
    charge(conversion_steps(bits), bits >> 3)
    shift = base**BLOCK_DIGITS
    first = len(digits) % BLOCK_DIGITS
    value = int(digits[:first] or "0", base)
    for start in range(first, len(digits), BLOCK_DIGITS):
        value = value * shift + int(digits[start : start + BLOCK_DIGITS], base)
    if value.bit_length() > INT_BITS_MAX:
        raise integer_too_large()
    return value


def parse_float(text: str) -> float:
    """The float that `text` writes: a decimal number, or `nan`, `inf`, `infinity` in any case with or without a
    sign. A number beyond the largest float is refused rather than made infinite."""
    if len(text) > FLOAT_TEXT_MAX or FLOAT_FORM.fullmatch(text) is None:
        special = SPECIAL_FORM.fullmatch(text)
        if special is not None:
            sign = -1.0 if special[1] == "-" else 1.0
            return sign * math.inf if special[2] else math.nan
        hint = 'a number is written like "42", "1.5" or "1e-3"'
        if text != text.strip():
            hint = "use `.strip()` to cut the blanks off"
        raise Fault("wrong-argument", f"`float`: {clip(text)} is not a number", hint=hint)
    if len(text) > BLOCK_DIGITS:
        charge(len(text) >> 6)
    value = float(text)
    if math.isinf(value):
        raise Fault("float-overflow", f"`float`: {clip(text)} is too large for a float")
    return value


def float_of_int(number: int) -> float:
    """The float nearest to an int; refuses ints beyond the largest float."""
    try:
        return float(number)
    except OverflowError:
        raise int_too_large_for_float() from None


def int_too_large_for_float() -> Fault:
    """The Fault for an int beyond the largest float."""
    return Fault("float-overflow", "the int is too large for a float")


def int_of_float(number: float) -> int:
    """A float without its fraction, as an int."""
    if not math.isfinite(number):
        raise Fault("wrong-argument", f"{special_text(number)} cannot be made an int")
    return int(number)


def number_as_int(where: str, value: Any) -> int:
    """The int of a number: an int itself, a float without its fraction. Anything else is a Fault."""
    if type(value) is int:
        return value
    if type(value) is float:
        return int_of_float(value)
    raise Fault("type-mismatch", f"{where} needs a number, not {kind_of(value)}")
