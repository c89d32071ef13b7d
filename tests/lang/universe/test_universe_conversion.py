"""Builtins that make one value from another."""

from __future__ import annotations

import math
from typing import Any

import pytest
from universe_call import cost_of, fault_of, run, seen, slug_of, value

from flowlang.lang.universe.core import UNIVERSE
from flowlang.lang.values.fault import FailSignal
from flowlang.lang.values.protocol import builtin_info

NAMES = (
    "False None True abs all any bool bytes chr dict dir enumerate fail float getattr hasattr hash int len list max "
    "min ord range repr reversed set sorted str struct tuple type zip"
)


def test_there_are_exactly_these_names() -> None:
    assert sorted(UNIVERSE) == NAMES.split()
    for name, function in UNIVERSE.items():
        info = builtin_info(function)
        assert info is None if function in (None, True, False) else info is not None and info.name == name


@pytest.mark.parametrize(
    ("name", "arguments", "result"),
    [
        ("abs", (-3,), 3),
        ("abs", (-1.5,), 1.5),
        ("abs", (-(10**30),), 10**30),
        ("bool", (), False),
        ("bool", (0,), False),
        ("bool", (0.0,), False),
        ("bool", ("",), False),
        ("bool", ("0",), True),
        ("bool", (None,), False),
        ("bool", (value([]),), False),
        ("bool", (value({0}),), True),
        ("bool", (range(0),), False),
        ("bool", (UNIVERSE["len"],), True),
        ("bytes", ("é",), b"\xc3\xa9"),
        ("bytes", (b"x",), b"x"),
        ("bytes", (value([1, 255]),), b"\x01\xff"),
        ("bytes", (range(3),), b"\x00\x01\x02"),
        ("chr", (0x1F63F,), "😿"),
        ("chr", (0,), "\x00"),
        ("ord", ("😿",), 0x1F63F),
        ("ord", (b"\xff",), 255),
        ("float", (), 0.0),
        ("float", (3,), 3.0),
        ("float", (True,), 1.0),
        ("float", ("1e3",), 1000.0),
        ("float", (1.5,), 1.5),
        ("int", (2.9,), 2),
        ("int", (-2.9,), -2),
        ("int", (True,), 1),
        ("int", ("12",), 12),
        ("int", ("0xff", 16), 255),
        ("int", ("11", 2), 3),
        ("int", ("0b11", 0), 3),
        ("str", (1.0,), "1.0"),
        ("str", ("a",), "a"),
        ("str", (b"a\xff",), "a\ufffd"),
        ("repr", ("a",), '"a"'),
        ("hash", ("",), 0),
        ("hash", ("abc",), 96354),
        ("hash", ("😿",), 1772962),
        ("hash", ("Hello, world!",), -1880044555),
        ("hash", (b"",), 0x811C9DC5),
        ("hash", (b"a",), 0xE40C292C),
    ],
)
def test_conversion(name: str, arguments: tuple[Any, ...], result: Any) -> None:
    assert seen(run(name, *arguments)) == seen(result)


def test_int_takes_its_base_by_name() -> None:
    assert run("int", "ff", base=16) == 255


@pytest.mark.parametrize(
    ("name", "arguments", "slug"),
    [
        ("abs", (True,), "type-mismatch"),
        ("abs", ("1",), "type-mismatch"),
        ("bytes", (5,), "type-mismatch"),
        ("bytes", (value([True]),), "type-mismatch"),
        ("bytes", (value([256]),), "wrong-argument"),
        ("bytes", (range(1 << 60),), "wrong-argument"),
        ("bytes", (None,), "type-mismatch"),
        ("chr", (0xD800,), "wrong-argument"),
        ("chr", (0x110000,), "wrong-argument"),
        ("chr", (-1,), "wrong-argument"),
        ("chr", (1 << 80,), "wrong-argument"),
        ("chr", (65.0,), "type-mismatch"),
        ("chr", (True,), "type-mismatch"),
        ("ord", ("",), "wrong-argument"),
        ("ord", ("ab",), "wrong-argument"),
        ("ord", (65,), "type-mismatch"),
        ("float", (None,), "type-mismatch"),
        ("float", ("x",), "wrong-argument"),
        ("float", (1 << 1100,), "float-overflow"),
        ("int", (None,), "type-mismatch"),
        ("int", ("x",), "wrong-argument"),
        ("int", ("1.5",), "wrong-argument"),
        ("int", (12, 10), "type-mismatch"),
        ("int", ("1", True), "type-mismatch"),
        ("int", ("1", 1), "wrong-argument"),
        ("hash", (1,), "type-mismatch"),
        ("hash", (value([]),), "type-mismatch"),
    ],
)
def test_wrong_arguments(name: str, arguments: tuple[Any, ...], slug: str) -> None:
    assert slug_of(name, *arguments) == slug


def test_messages_say_what_to_do() -> None:
    assert fault_of("ord", "ab").message == "`ord`: needs one character, but 2 are given"
    assert fault_of("chr", "a").message == "`chr` needs an int for `i`, not a string"
    assert fault_of("int", None).message == "`int` needs a number, a string or a bool for `x`, not `None`"


@pytest.mark.parametrize("number", [math.inf, -math.inf, math.nan])
def test_special_floats_are_no_ints(number: float) -> None:
    with pytest.raises(Exception, match="cannot be made an int"):
        run("int", number)


@pytest.mark.parametrize(
    ("arguments", "keywords", "error"),
    [
        (("boom",), {}, "boom"),
        ((), {}, ""),
        (("a", 1, value(["b"])), {}, 'a 1 ["b"]'),
        (("a", "b"), {"sep": "-"}, "a-b"),
        ((None,), {}, None),
        ((7,), {}, 7),
    ],
)
def test_fail_ends_with_an_error(arguments: tuple[Any, ...], keywords: dict[str, Any], error: Any) -> None:
    with pytest.raises(FailSignal) as caught:
        run("fail", *arguments, **keywords)
    assert seen(caught.value.error) == seen(error)


def test_fail_keeps_the_only_argument_itself() -> None:
    error = value({"code": 5})
    with pytest.raises(FailSignal) as caught:
        run("fail", error)
    assert caught.value.error is error
    assert slug_of("fail", "a", sep=1) == "type-mismatch"


@pytest.mark.parametrize("name", sorted(set(UNIVERSE) - {"None", "True", "False", "fail", "struct", "dict"}))
def test_arguments_cannot_be_smuggled_in_by_name(name: str) -> None:
    for keyword in ("depth", "x", "iterable", "self"):
        with pytest.raises(TypeError, match=f"^{name}\\(\\)"):
            run(name, **{keyword: 1})


@pytest.mark.parametrize(("name", "make"), [("hash", str), ("str", bytes), ("bytes", str), ("repr", str)])
def test_work_is_charged_by_length(name: str, make: Any) -> None:
    small, large = (make(b"x" * size) if make is bytes else "x" * size for size in (10_000, 1_000_000))
    assert cost_of(lambda: run(name, large))[0] >= 50 * cost_of(lambda: run(name, small))[0] > 0
