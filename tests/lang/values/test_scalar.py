"""Numbers as text, both ways, with the host's conversions as the model where they agree."""

from __future__ import annotations

import math
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from value_calls import cost_of, fault_of, slug_of

from flowlang.lang.values.scalar import (
    FLOAT_TEXT_MAX,
    INT_BITS_MAX,
    INT_DIGITS_MAX,
    float_of_int,
    float_text,
    int_of_float,
    int_text,
    parse_float,
    parse_int,
)

LARGEST = 2**INT_BITS_MAX - 1


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0.0, "0.0"),
        (-0.0, "-0.0"),
        (1.0, "1.0"),
        (0.1, "0.1"),
        (123456.0, "123456.0"),
        (999999.9999999999, "999999.9999999999"),
        (1e6, "1e+06"),
        (1234567.0, "1.234567e+06"),
        (-1234567.5, "-1.2345675e+06"),
        (1e10, "1e+10"),
        (123456789.0, "1.23456789e+08"),
        (1e16, "1e+16"),
        (1e22, "1e+22"),
        (1.5e300, "1.5e+300"),
        (0.0001, "0.0001"),
        (0.00012, "0.00012"),
        (3e-5, "3e-05"),
        (1.25e-10, "1.25e-10"),
        (5e-324, "5e-324"),
        (math.inf, "+inf"),
        (-math.inf, "-inf"),
        (math.nan, "nan"),
    ],
)
def test_text_of_floats(number: float, text: str) -> None:
    assert float_text(number) == text


@settings(deadline=None)
@given(st.floats(allow_nan=False))
def test_floats_come_back(number: float) -> None:
    text = float_text(number)
    assert parse_float(text) == number
    assert math.copysign(1, parse_float(text)) == math.copysign(1, number)
    assert any(mark in text for mark in (".", "e", "inf"))


@pytest.mark.parametrize(
    ("text", "base", "number"),
    [
        ("0", 10, 0),
        ("-0", 10, 0),
        ("007", 10, 7),
        ("+12", 10, 12),
        ("-12", 10, -12),
        ("ff", 16, 255),
        ("0xFf", 16, 255),
        ("-0Xff", 16, -255),
        ("0b11", 2, 3),
        ("0b11", 16, 0xB11),
        ("0o17", 8, 15),
        ("z", 36, 35),
        ("0xff", 0, 255),
        ("0o17", 0, 15),
        ("0b11", 0, 3),
        ("12", 0, 12),
        ("0", 0, 0),
        ("00", 0, 0),
    ],
)
def test_texts_of_ints(text: str, base: int, number: int) -> None:
    assert parse_int(text, base) == number


@pytest.mark.parametrize(
    ("text", "base"),
    [
        ("", 10),
        ("+", 10),
        ("--1", 10),
        ("+-1", 10),
        (" 1", 10),
        ("1 ", 10),
        ("1\n", 10),
        ("1_0", 10),
        ("٣", 10),
        ("1.0", 10),
        ("1e3", 10),
        ("ff", 10),
        ("0xff", 10),
        ("0x", 16),
        ("0x-1", 16),
        ("0x0x1", 16),
        ("2", 2),
        ("0b1", 8),
        ("010", 0),
        ("z", 35),
        ("ı", 36),
        ("1", 1),
        ("1", 37),
        ("1", -2),
    ],
)
def test_texts_that_are_no_ints(text: str, base: int) -> None:
    assert slug_of(parse_int, text, base) == "wrong-argument"


def test_hints_for_texts_that_are_nearly_ints() -> None:
    assert "float" in str(fault_of(parse_int, "1.5").hint)
    assert ".strip()" in str(fault_of(parse_int, " 15").hint)
    assert "0o17" in str(fault_of(parse_int, "017", 0).hint)


@settings(deadline=None)
@given(st.integers(), st.sampled_from([0, 2, 8, 10, 16, 36]))
def test_ints_come_back(number: int, base: int) -> None:
    assert int_text(number) == str(number)
    assert parse_int(int_text(number)) == number
    for prefix, host in ((2, bin), (8, oct), (16, hex)):
        if base in (0, prefix):
            assert parse_int(host(number), base) == number


@pytest.mark.parametrize("digits", [499, 500, 501, 4299, 4300, 4301, 9999, INT_DIGITS_MAX - 1])
def test_long_ints_pass_whatever_the_host_allows(digits: int) -> None:
    number = 10**digits // 7 + 10 ** (digits // 2)
    allowed = sys.get_int_max_str_digits()
    text = int_text(number)
    parsed = parse_int("-" + text)
    sys.set_int_max_str_digits(0)
    try:
        assert text == str(number)
        assert parsed == -number
    finally:
        sys.set_int_max_str_digits(allowed)


def test_the_largest_ints() -> None:
    assert parse_int(int_text(LARGEST)) == LARGEST
    assert parse_int(hex(LARGEST), 16) == LARGEST
    assert len(int_text(LARGEST)) == INT_DIGITS_MAX
    for text, base in ((hex(LARGEST + 1), 16), ("9" * INT_DIGITS_MAX, 10), ("9" * 10_000_000, 10)):
        assert slug_of(parse_int, text, base) == "integer-too-large"
    assert slug_of(int_text, LARGEST + 1) == "integer-too-large"


def test_long_conversions_are_charged_more_than_their_length() -> None:
    short, _ = cost_of(lambda: int_text(2**10_000))
    long, _ = cost_of(lambda: int_text(2**100_000))
    assert long > 50 * short > 0
    short, _ = cost_of(lambda: parse_int("7" * 3_000))
    long, _ = cost_of(lambda: parse_int("7" * 30_000))
    assert long > 50 * short > 0


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("1", 1.0),
        ("-1.5", -1.5),
        ("+.5", 0.5),
        ("1.", 1.0),
        ("1e5", 1e5),
        ("1E-5", 1e-5),
        ("0" * 4000 + "1", 1.0),
        ("1e-999", 0.0),
        ("inf", math.inf),
        ("+Inf", math.inf),
        ("-INFINITY", -math.inf),
    ],
)
def test_texts_of_floats(text: str, number: float) -> None:
    assert parse_float(text) == number


@pytest.mark.parametrize("text", ["nan", "NaN", "+nan", "-NAN"])
def test_texts_of_nan(text: str) -> None:
    assert math.isnan(parse_float(text))


@pytest.mark.parametrize(
    "text",
    ["", ".", "e5", "1e", "1_0", " 1", "1 ", "1\n", "٣", "0x1p4", "1e5.0", "in", "infinite", "ınf", "1" * 5000, "--1"],
)
def test_texts_that_are_no_floats(text: str) -> None:
    assert slug_of(parse_float, text) == "wrong-argument"


def test_limits_of_floats() -> None:
    assert slug_of(parse_float, "1e400") == "float-overflow"
    assert slug_of(parse_float, "-" + "9" * (FLOAT_TEXT_MAX - 1)) == "float-overflow"
    assert slug_of(float_of_int, 1 << 1100) == "float-overflow"
    assert float_of_int(1 << 1000) == 2.0**1000
    assert int_of_float(-2.9) == -2
    for number in (math.inf, math.nan):
        assert slug_of(int_of_float, number) == "wrong-argument"
