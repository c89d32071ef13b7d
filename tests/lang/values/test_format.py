"""The two formatters: what they replace, what they refuse, and a model for arbitrary texts."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from value_calls import call, cost_of, fault_of, make_dict, slug_of

from flowlang.lang.values.container import List
from flowlang.lang.values.text_format import format_percent

INFINITE = float("inf")


@pytest.mark.parametrize(
    ("text", "arguments", "result"),
    [
        ("%s", "a", "a"),
        ("%r", "a", '"a"'),
        ("%s and %r", ("a", "b"), 'a and "b"'),
        ("%s", ((1, 2),), "(1, 2)"),
        ("%s", List([1, "x"]), '[1, "x"]'),
        ("%s", None, "None"),
        ("100%%", (), "100%"),
        ("%%%s%%", "x", "%x%"),
        ("plain", (), "plain"),
        ("%(a)s-%(b)d", make_dict(("a", "x"), ("b", 2)), "x-2"),
        ("%s", make_dict(("a", 1)), '{"a": 1}'),
        ("%d %i", (12, -3), "12 -3"),
        ("%d", 1e20, "100000000000000000000"),
        ("%d", -2.9, "-2"),
        ("%x %X %o", (255, 255, 8), "ff FF 10"),
        ("%x %o", (-255, -8), "-ff -10"),
        ("%x", 15.9, "f"),
        ("%e %E", (1e20, 1e-7), "1.000000e+20 1.000000E-07"),
        ("%f %F", (1.5, 2), "1.500000 2.000000"),
        ("%g %G", (1e20, 1e20), "1e+20 1E+20"),
        ("%g", 1, "1.0"),
        ("%e %f %g %G", (INFINITE, -INFINITE, -INFINITE, float("nan")), "+inf -inf -inf nan"),
        ("%c%c", (65, "λ"), "Aλ"),
        ("%c", 0xD800, "\ufffd"),
    ],
)
def test_percent(text: str, arguments: Any, result: str) -> None:
    assert format_percent(text, arguments) == result


@pytest.mark.parametrize(
    ("text", "arguments", "slug"),
    [
        ("%s %s", ("a",), "bad-format"),
        ("%s %s", "a", "bad-format"),
        ("%s", ("a", "b"), "bad-format"),
        ("none", "a", "bad-format"),
        ("none", make_dict(("a", 1)), "bad-format"),
        ("%", (), "bad-format"),
        ("%", ("a",), "bad-format"),
        ("%y", ("a",), "bad-format"),
        ("%5d", (1,), "bad-format"),
        ("%.2f", (1.0,), "bad-format"),
        ("%-3s", ("a",), "bad-format"),
        ("%*d", (3, 1), "bad-format"),
        ("% d", (1,), "bad-format"),
        ("%(a", make_dict(), "bad-format"),
        ("%(a)", make_dict(("a", 1)), "bad-format"),
        ("%(a)s", ("x",), "bad-format"),
        ("%(a)s", make_dict(("b", 1)), "missing-key"),
        ("%d", "1", "type-mismatch"),
        ("%d", True, "type-mismatch"),
        ("%d", None, "type-mismatch"),
        ("%x", "ff", "type-mismatch"),
        ("%f", "1.0", "type-mismatch"),
        ("%e", False, "type-mismatch"),
        ("%d", INFINITE, "wrong-argument"),
        ("%f", 10**400, "float-overflow"),
        ("%c", "ab", "bad-format"),
        ("%c", -1, "bad-format"),
        ("%c", 0x110000, "bad-format"),
        ("%c", 1.0, "type-mismatch"),
    ],
)
def test_percent_refuses(text: str, arguments: Any, slug: str) -> None:
    assert slug_of(format_percent, text, arguments) == slug


def test_a_tuple_by_mistake_gets_a_hint() -> None:
    assert "(value,)" in str(fault_of(format_percent, "%s", (1, 2)).hint)


@pytest.mark.parametrize(
    ("text", "arguments", "keywords", "result"),
    [
        ("", (), {}, ""),
        ("a{}b{}", ("x", 1), {}, "axb1"),
        ("{1}{0}{1}", ("x", "y"), {}, "yxy"),
        ("{00}", ("x",), {}, "x"),
        ("{a}{self}{depth}", (), {"a": 1, "self": 2, "depth": 3}, "123"),
        ("{!r} {!s}", ("x", "x"), {}, '"x" x'),
        ("{a!r}{0!r}", (1.0,), {"a": "q"}, '"q"1.0'),
        ("{{}} {{{}}}", ("x",), {}, "{} {x}"),
        ("{} unused", ("x", "y"), {"z": 1}, "x unused"),
        ("{0} {a}", ("x",), {"a": "y"}, "x y"),
        ("{} {a}", ("x",), {"a": "y"}, "x y"),
        ("{a b}", (), {"a b": 1}, "1"),
    ],
)
def test_format(text: str, arguments: tuple[Any, ...], keywords: dict[str, Any], result: str) -> None:
    assert call(text, "format", *arguments, **keywords) == result


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "}",
        "{}}",
        "{{}",
        "}{}{",
        "{} {0}",
        "{0} {}",
        "{2}",
        "{} {} {}",
        "{99999999999999999999}",
        "{missing}",
        "{:5}",
        "{0:>10}",
        "{0!r:5}",
        "{0.real}",
        "{0[0]}",
        "{a.__class__}",
        "{a[x]}",
        "{!x}",
        "{!}",
        "{!r!s}",
        "{a!rr}",
        "{ }",
        "{-1}",
        "{٣}",
        "{a{0}}",
        "{a,b}",
    ],
)
def test_format_refuses(text: str) -> None:
    assert slug_of(call, text, "format", "x", "y", a="z") == "bad-format"


@settings(deadline=None)
@given(st.lists(st.tuples(st.text(st.characters(exclude_categories=["Cs"])), st.integers() | st.text("ab{}%'\""))))
def test_formatting_is_the_pieces_in_order(pieces: list[tuple[str, Any]]) -> None:
    expected = "".join(f"{text}{value}" for text, value in pieces)
    values = tuple(value for _, value in pieces)
    percent = "".join(text.replace("%", "%%") + "%s" for text, _ in pieces)
    braces = "".join(text.replace("{", "{{").replace("}", "}}") + "{}" for text, _ in pieces)
    assert format_percent(percent, values) == expected
    assert call(braces, "format", *values) == expected


def test_the_result_is_charged_before_it_is_joined() -> None:
    big = "x" * 100_000
    _, memory = cost_of(lambda: format_percent("%s" * 50, (big,) * 50))
    assert memory >= 50 * len(big)
    _, memory = cost_of(lambda: call("{0}" * 50, "format", big))
    assert memory >= 50 * len(big)
