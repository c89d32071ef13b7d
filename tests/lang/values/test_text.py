"""Strings: every method, and the places where Python's own would give another answer."""

from __future__ import annotations

from typing import Any

import pytest
from value_calls import call, cost_of, elements, fault_of, make_dict, slug_of, typed

from flowlang.lang.eval import operators
from flowlang.lang.values.container import List
from flowlang.lang.values.display import repr_value
from flowlang.lang.values.protocol import type_name
from flowlang.lang.values.text import BLANKS

METHODS = (
    "capitalize codepoint_ords codepoints count elem_ords elems endswith find format index isalnum isalpha isdigit "
    "islower isspace istitle isupper join lower lstrip partition removeprefix removesuffix replace rfind rindex "
    "rpartition rsplit rstrip split splitlines startswith strip title upper"
)


def test_there_are_exactly_these_methods() -> None:
    assert operators.attribute_names("") == METHODS.split()


@pytest.mark.parametrize(
    ("text", "method", "arguments", "result"),
    [
        ("bonbon", "find", ("on",), 1),
        ("bonbon", "find", ("on", 2), 4),
        ("bonbon", "find", ("on", 2, 5), -1),
        ("bonbon", "find", ("on", None, None), 1),
        ("bonbon", "find", ("on", -2), 4),
        ("abc", "find", ("", 4), 3),
        ("abc", "find", ("", 1 << 80), 3),
        ("abc", "find", ("", 2, 1), 2),
        ("abc", "find", ("", -9), 0),
        ("bonbon", "rfind", ("on",), 4),
        ("bonbon", "rfind", ("on", None, 5), 1),
        ("abc", "rfind", ("",), 3),
        ("bonbon", "rfind", ("x",), -1),
        ("bonbon", "index", ("on",), 1),
        ("bonbon", "rindex", ("on",), 4),
        ("hello", "count", ("l",), 2),
        ("aaaa", "count", ("aa",), 2),
        ("abc", "count", ("",), 4),
        ("abc", "count", ("", 9), 1),
        ("abc", "count", ("b", 2), 0),
        ("filename.star", "startswith", ("filename",), True),
        ("abc", "startswith", (("x", "a"),), True),
        ("abc", "startswith", ((),), False),
        ("abc", "startswith", ("b", 1), True),
        ("abc", "startswith", ("", 9), True),
        ("abc", "startswith", ("bc", 1, 2), False),
        ("abc", "endswith", ("bc",), True),
        ("abc", "endswith", (("x", "c"),), True),
        ("abc", "endswith", ("ab", None, 2), True),
        ("abcabc", "removeprefix", ("abc",), "abc"),
        ("abc", "removeprefix", ("b",), "abc"),
        ("abcabc", "removesuffix", ("abc",), "abc"),
        ("abc", "removesuffix", ("",), "abc"),
        ("one/two/three", "partition", ("/",), ("one", "/", "two/three")),
        ("one", "partition", ("/",), ("one", "", "")),
        ("one/two/three", "rpartition", ("/",), ("one/two", "/", "three")),
        ("one", "rpartition", ("/",), ("", "", "one")),
        ("banana", "replace", ("a", "o"), "bonono"),
        ("banana", "replace", ("a", "o", 2), "bonona"),
        ("banana", "replace", ("a", "o", -1), "bonono"),
        ("banana", "replace", ("a", "o", 0), "banana"),
        ("ab", "replace", ("", "-"), "-a-b-"),
        ("ab", "replace", ("", "-", 1), "-ab"),
        ("", "replace", ("", "x"), "x"),
        (", ", "join", (List(["a", "b"]),), "a, b"),
        (", ", "join", (("a",),), "a"),
        (", ", "join", (List(),), ""),
        (", ", "join", (make_dict(("a", 1), ("b", 2)),), "a, b"),
        ("hELLO wORLD", "capitalize", (), "Hello world"),
        ("hello, world's end", "title", (), "Hello, World'S End"),
        ("Hello", "upper", (), "HELLO"),
        ("ß", "upper", (), "SS"),
        ("Hello", "lower", (), "hello"),
        ("İ", "lower", (), "i̇"),
    ],
)
def test_method(text: str, method: str, arguments: tuple[Any, ...], result: Any) -> None:
    given = call(text, method, *arguments)
    assert (type(given), given) == (type(result), result)


@pytest.mark.parametrize(
    ("text", "method", "arguments", "result"),
    [
        (" a b  c ", "split", (), ["a", "b", "c"]),
        (" a b  c ", "split", (None,), ["a", "b", "c"]),
        (" a b  c ", "split", (None, 1), ["a", "b  c "]),
        (" a b  c ", "split", (None, 0), ["a b  c "]),
        (" a b  c ", "rsplit", (None, 1), [" a b", "c"]),
        ("", "split", (), []),
        ("   ", "split", (), []),
        ("", "split", (",",), [""]),
        ("a,b,c", "split", (",",), ["a", "b", "c"]),
        ("a,b,c", "split", (",", 1), ["a", "b,c"]),
        ("a,b,c", "split", (",", -7), ["a", "b", "c"]),
        ("a,b,c", "split", (",", 1 << 70), ["a", "b", "c"]),
        ("a,b,c", "rsplit", (",", 1), ["a,b", "c"]),
        ("a\x1cb c", "split", (), ["a\x1cb", "c"]),
        (" a\x1f b\x1c  c ", "split", (None, 1), ["a\x1f", "b\x1c  c "]),
        (" a\x1f b\x1c  c d ", "rsplit", (None, 2), [" a\x1f b\x1c", "c", "d"]),
        ("\x1d", "split", (), ["\x1d"]),
        ("a\u2003b\x85c\u3000", "split", (), ["a", "b", "c"]),
        ("a\nb\r\nc\rd", "splitlines", (), ["a", "b", "c", "d"]),
        ("a\nb\r\nc\rd\n", "splitlines", (True,), ["a\n", "b\r\n", "c\r", "d\n"]),
        ("a\n\nb", "splitlines", (False,), ["a", "", "b"]),
        ("\n", "splitlines", (), [""]),
        ("", "splitlines", (), []),
        ("a\x0bb\x0cc\x1cd\x85e\u2028f", "splitlines", (), ["a\x0bb\x0cc\x1cd\x85e\u2028f"]),
        ("a\x0b\nb\r\n\r\x1c", "splitlines", (True,), ["a\x0b\n", "b\r\n", "\r", "\x1c"]),
        ("a\x0b\nb\r\n\r\x1c", "splitlines", (), ["a\x0b", "b", "", "\x1c"]),
    ],
)
def test_cutting_gives_new_lists(text: str, method: str, arguments: tuple[Any, ...], result: list[str]) -> None:
    given = call(text, method, *arguments)
    assert type(given) is List
    assert list(given) == result


@pytest.mark.parametrize(
    ("text", "method", "arguments", "result"),
    [
        (" \t\u3000a b\n\x85 ", "strip", (), "a b"),
        (" a ", "lstrip", (), "a "),
        (" a ", "rstrip", (), " a"),
        ("  a ", "strip", ("",), "a"),
        ("xyaxby", "strip", ("yx",), "axb"),
        ("xyaxby", "lstrip", ("yx",), "axby"),
        ("xyaxby", "rstrip", ("yx",), "xyaxb"),
        ("\x1ca\x1f", "strip", (), "\x1ca\x1f"),
        (" \x1c ", "strip", (), "\x1c"),
    ],
)
def test_strip_knows_the_blanks_of_the_language(text: str, method: str, arguments: Any, result: str) -> None:
    assert call(text, method, *arguments) == result


@pytest.mark.parametrize(
    ("method", "accepted", "refused"),
    [
        ("isalnum", ["a1", "é٣"], ["", "a b", "½", "²", "Ⅷ"]),
        ("isalpha", ["abc", "éλ中"], ["", "a1", "Ⅷ", "²"]),
        ("isdigit", ["0", "12", "٣"], ["", "²", "½", "1a"]),
        ("islower", ["abc", "a1!"], ["", "aB", "1"]),
        ("isupper", ["ABC", "A1!"], ["", "aB", "1"]),
        ("isspace", [" ", "\t\n\v\f\r", "\x85\xa0\u2028"], ["", "\x1c", "\x1f", " a"]),
        ("istitle", ["Hello World", "A"], ["", "hello", "HELLO"]),
    ],
)
def test_kinds_of_characters(method: str, accepted: list[str], refused: list[str]) -> None:
    assert [text for text in accepted if not call(text, method)] == []
    assert [text for text in refused if call(text, method)] == []


def test_blanks_are_those_of_unicode() -> None:
    assert len(BLANKS) == 25
    assert [character for character in map(chr, range(0x3100)) if call(character, "isspace")] == sorted(BLANKS)


@pytest.mark.parametrize(
    ("text", "method", "arguments", "slug"),
    [
        ("abc", "index", ("x",), "missing-substring"),
        ("abc", "rindex", ("x",), "missing-substring"),
        ("abc", "find", (1,), "type-mismatch"),
        ("abc", "find", ("a", True), "type-mismatch"),
        ("abc", "find", ("a", "0"), "type-mismatch"),
        ("abc", "startswith", (List(["a"]),), "type-mismatch"),
        ("abc", "startswith", (("a", 1),), "type-mismatch"),
        ("abc", "endswith", (None,), "type-mismatch"),
        ("abc", "split", ("",), "wrong-argument"),
        ("abc", "rsplit", ("",), "wrong-argument"),
        ("abc", "split", (1,), "type-mismatch"),
        ("abc", "split", (",", None), "type-mismatch"),
        ("abc", "splitlines", (1,), "type-mismatch"),
        ("abc", "partition", ("",), "wrong-argument"),
        ("abc", "partition", (None,), "type-mismatch"),
        ("abc", "strip", (None,), "type-mismatch"),
        ("abc", "strip", ("a", "b"), "wrong-argument"),
        ("abc", "replace", ("a", None), "type-mismatch"),
        ("abc", "replace", ("a", "b", None), "type-mismatch"),
        ("abc", "replace", (1, "b"), "type-mismatch"),
        ("abc", "removeprefix", (None,), "type-mismatch"),
        (",", "join", ("ab",), "type-mismatch"),
        (",", "join", (List(["a", 1]),), "type-mismatch"),
        (",", "join", (List([True]),), "type-mismatch"),
        (",", "join", (range(1 << 60),), "type-mismatch"),
        (",", "join", (None,), "type-mismatch"),
    ],
)
def test_wrong_arguments(text: str, method: str, arguments: tuple[Any, ...], slug: str) -> None:
    assert slug_of(call, text, method, *arguments) == slug


def test_messages_name_the_method_and_the_argument() -> None:
    fault = fault_of(call, ",", "join", List(["a", 1]))
    assert fault.message == "`string.join` needs strings, but element 1 is an int"
    assert fault.hint == "turn the elements into text first: `[str(x) for x in ...]`"
    fault = fault_of(call, "abc", "find", 1)
    assert fault.message == "`string.find` needs a string for `sub`, not an int"


@pytest.mark.parametrize(("method", "keyword"), [("split", "separator"), ("find", "sub"), ("replace", "old")])
def test_arguments_have_no_names(method: str, keyword: str) -> None:
    with pytest.raises(TypeError, match=f"string.{method}"):
        call("abc", method, **{keyword: "a"})


@pytest.mark.parametrize(
    ("method", "name", "result"),
    [
        ("elems", "string.elems", ["h", "é", "😿"]),
        ("codepoints", "string.codepoints", ["h", "é", "😿"]),
        ("elem_ords", "string.elems", [104, 233, 0x1F63F]),
        ("codepoint_ords", "string.codepoints", [104, 233, 0x1F63F]),
    ],
)
def test_characters_one_by_one(method: str, name: str, result: list[Any]) -> None:
    view = call("hé😿", method)
    assert type_name(view) == name
    assert elements(view) == result
    assert operators.length(view) == 3
    assert operators.index(view, -1) == result[-1]
    assert operators.contains(result[1], view)
    assert not operators.contains("h" if type(result[0]) is int else 104, view)
    assert elements(operators.slice_value(view, 1, None, None)) == result[1:]
    assert repr_value(view) == f'"hé😿".{method}()'
    assert slug_of(operators.index, view, 3) == "index-out-of-range"


def test_strings_are_indexed_by_code_point_but_not_iterated() -> None:
    assert operators.length("😿") == 1
    assert operators.index("aλ", 1) == "λ"
    assert operators.index("aλ", -2) == "a"
    assert operators.slice_value("abcdef", None, None, -2) == "fdb"
    assert slug_of(operators.slice_value, "abc", None, None, 0) == "zero-step"
    assert slug_of(operators.index, "abc", 3) == "index-out-of-range"
    assert slug_of(operators.index, "abc", True) == "type-mismatch"
    assert ".elems()" in str(fault_of(operators.iterate, "abc").hint)


def test_in_looks_for_a_part() -> None:
    assert operators.contains("bc", "abcd")
    assert operators.contains("", "")
    assert not operators.contains("bd", "abcd")
    assert slug_of(operators.contains, 1, "1") == "type-mismatch"


def test_bytes() -> None:
    data = b"a\xffc"
    assert typed([operators.index(data, 1), operators.slice_value(data, 1, None, None)]) == typed([255, b"\xffc"])
    assert elements(call(data, "elems")) == [97, 255, 99]
    assert operators.contains(255, data)
    assert operators.contains(b"\xffc", data)
    assert not operators.contains(0, data)
    assert slug_of(operators.contains, 256, data) == "wrong-argument"
    assert slug_of(operators.contains, "a", data) == "type-mismatch"
    assert slug_of(operators.iterate, data) == slug_of(operators.iterate, "abc")
    assert operators.attribute_names(data) == ["elems"]
    assert not operators.equal(b"a", "a")
    view = call(data, "elems")
    assert operators.contains(97, view)
    assert not operators.contains(True, view)


@pytest.mark.parametrize(
    ("method", "arguments"),
    [
        ("upper", ()),
        ("strip", ()),
        ("split", (",",)),
        ("split", ()),
        ("splitlines", ()),
        ("find", ("z",)),
        ("count", ("z",)),
        ("replace", ("a", "bb")),
        ("partition", (",",)),
        ("isalnum", ()),
        ("removeprefix", ("z",)),
    ],
)
def test_work_is_charged_by_length(method: str, arguments: tuple[Any, ...]) -> None:
    small, _ = cost_of(lambda: call("a," * 1_000, method, *arguments))
    large, _ = cost_of(lambda: call("a," * 100_000, method, *arguments))
    assert large >= 50 * small > 0


def test_results_are_paid_before_they_exist() -> None:
    _, bytes_replaced = cost_of(lambda: call("x" * 1000, "replace", "", "y" * 1000))
    assert bytes_replaced >= 1_000_000
    _, bytes_joined = cost_of(lambda: call("-" * 1000, "join", List(["ab"] * 1000)))
    assert bytes_joined >= 1_000_000
    _, bytes_wide = cost_of(lambda: call("λ", "join", List(["ab"] * 1000)))
    assert bytes_wide >= 4 * 2000
