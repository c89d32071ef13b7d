"""Tokens: layout, positions, and the values of literals."""

from __future__ import annotations

import math
from typing import Any

import pytest

from flowlang.lang.source import SourceFile
from flowlang.lang.syntax.lexer import tokenize
from flowlang.lang.syntax.nodes import Assign, Constant, Name
from flowlang.lang.syntax.parser import parse
from flowlang.lang.syntax.token import KINDS


def tokens_of(text: str) -> list[Any]:
    """The tokens as `kind line:column-end`, without the end of the file."""
    found = tokenize(SourceFile("test.flow", text), text)
    assert found.diagnostics == []
    shown = []
    for kind, value in zip(found.kinds, found.values, strict=True):
        line, column, last_line, end = value.span if isinstance(value, Name | Constant) else value
        shown.append(f"{KINDS[kind]} {line}:{column}-" + (f"{last_line}:{end}" if last_line != line else f"{end}"))
    assert shown[-1].startswith("$END")
    return shown[:-1]


def value_of(literal: str) -> Any:
    file, diagnostics = parse(SourceFile("test.flow", f"x = {literal}\n"))
    assert diagnostics == []
    (statement,) = file.body
    assert isinstance(statement, Assign)
    assert isinstance(statement.value, Constant)
    return statement.value.value


def slugs_of(text: str) -> list[str]:
    return [diagnostic.slug for diagnostic in parse(SourceFile("test.flow", text))[1]]


def test_blocks() -> None:
    assert tokens_of("if a:\n  b\n\n  # note\n  c\nd") == [
        "if 1:0-2",
        "NAME 1:3-4",
        ": 1:4-5",
        "NEWLINE 1:5-5",
        "INDENT 2:0-2",
        "NAME 2:2-3",
        "NEWLINE 2:3-3",
        "NAME 5:2-3",
        "NEWLINE 5:3-3",
        "DEDENT 6:0-0",
        "NAME 6:0-1",
        "NEWLINE 6:1-1",
    ]


def test_brackets_hide_line_ends_and_indentation() -> None:
    assert tokens_of("(a,\n     # note\n\n  b)\nc\n") == [
        "( 1:0-1",
        "NAME 1:1-2",
        ", 1:2-3",
        "NAME 4:2-3",
        ") 4:3-4",
        "NEWLINE 4:4-4",
        "NAME 5:0-1",
        "NEWLINE 5:1-1",
    ]


def test_a_backslash_continues_a_line() -> None:
    assert tokens_of("a + \\\n  b") == ["NAME 1:0-1", "+ 1:2-3", "NAME 2:2-3", "NEWLINE 2:3-3"]


def test_strings_over_several_lines_keep_the_places_after_them() -> None:
    assert tokens_of("'''a\nb''' + c") == ["STRING 1:0-2:4", "+ 2:5-6", "NAME 2:7-8", "NEWLINE 2:8-8"]


@pytest.mark.parametrize(
    "text", ["", "\n\n", "   ", "# note", "#!/usr/bin/env flowlang\n", "\ufeff", "\t\n \n", "\r\n"]
)
def test_texts_without_tokens(text: str) -> None:
    file, diagnostics = parse(SourceFile("test.flow", text))
    assert (file.body, diagnostics) == ([], [])


def test_columns_count_code_points() -> None:
    assert tokens_of("'😿λ' + a") == ["STRING 1:0-4", "+ 1:5-6", "NAME 1:7-8", "NEWLINE 1:8-8"]


def test_a_byte_order_mark_is_skipped_but_counted() -> None:
    assert tokens_of("\ufeffa\nb") == ["NAME 1:1-2", "NEWLINE 1:2-2", "NAME 2:0-1", "NEWLINE 2:1-1"]


@pytest.mark.parametrize("end", ["\r\n", "\r", "\n"])
def test_all_line_ends_are_the_same(end: str) -> None:
    text = end.join(["def f():", "    return '''a", "b'''", "x = 1", ""])
    file, diagnostics = parse(SourceFile("test.flow", text))
    assert diagnostics == []
    assert [statement.span for statement in file.body] == [(1, 0, 3, 4), (4, 0, 4, 5)]
    assert file.span == (1, 0, 5, 0)
    returned = file.body[0].body[0].value  # type: ignore[union-attr]
    assert returned.value == "a\nb"  # type: ignore[union-attr]


def test_tabs_may_indent_when_they_are_consistent() -> None:
    assert slugs_of("if a:\n\tb\n\tif c:\n\t\td\n\te\n") == []
    assert slugs_of("if a:\n    b\n\tc\n") == ["mixed-indentation"]
    assert slugs_of("if a:\n\tb\n        c\n") == ["mixed-indentation"]
    assert slugs_of("if a:\n    if b:\n    \tc\n    d\n") == []


@pytest.mark.parametrize(
    ("literal", "value"),
    [
        ("0", 0),
        ("00", 0),
        ("123", 123),
        ("0x1F", 31),
        ("0Xff", 255),
        ("0o17", 15),
        ("0b101", 5),
        ("9007199254740993", 9007199254740993),
        ("1.", 1.0),
        (".5", 0.5),
        ("1.5e3", 1500.0),
        ("1e-3", 0.001),
        ("1E+3", 1000.0),
        ("0.0", 0.0),
        ("012.5", 12.5),
        ("0e0", 0.0),
        ("1e-400", 0.0),
        ("0xe+1", None),
        (r"'\a\b\f\n\r\t\v\\\'\"'", "\a\b\f\n\r\t\v\\'\""),
        (r"'\x41\101\0\7\1018'", "AA\0\7A8"),
        (r"'\u03bb\U0001f600'", "λ😀"),
        ("'a\\\nb'", "ab"),
        ("'''a\\\nb\nc'''", "ab\nc"),
        (r"r'\n\q'", "\\n\\q"),
        (r"r'\''", "\\'"),
        ('""', ""),
        ("''''''", ""),
        ("'''a'b''c'''", "a'b''c"),
        ('"it\'s"', "it's"),
        (r"b'\xff\377\n'", b"\xff\xff\n"),
        (r"b'\u03bb\U0001f600'", "λ😀".encode()),
        ("b'λ'", "λ".encode()),
        (r"rb'\xff'", b"\\xff"),
        (r"br'\xff'", b"\\xff"),
        ('b"""a\nb"""', b"a\nb"),
    ],
)
def test_literals(literal: str, value: Any) -> None:
    if value is None:
        assert slugs_of(f"x = {literal}\n") == []
    else:
        found = value_of(literal)
        assert found == value
        assert type(found) is type(value)


@pytest.mark.parametrize(
    ("literal", "slug"),
    [
        ("0777", "leading-zero"),
        ("01", "leading-zero"),
        ("1_000", "bad-number"),
        ("0x", "bad-number"),
        ("0b2", "bad-number"),
        ("0o8", "bad-number"),
        ("12abc", "bad-number"),
        ("1ify", "bad-number"),
        ("1e", "bad-number"),
        ("1e400", "number-too-large"),
        ("1" * 5000, "number-too-large"),
        (r"'\q'", "bad-escape"),
        (r"'\xff'", "bad-escape"),
        (r"'\377'", "bad-escape"),
        (r"'\xg0'", "bad-escape"),
        (r"'\u12'", "bad-escape"),
        (r"'\ud800'", "bad-escape"),
        (r"'\U0000dfff'", "bad-escape"),
        (r"'\U00110000'", "bad-escape"),
        (r"b'\400'", "bad-escape"),
        (r"b'\ud800'", "bad-escape"),
        (r"b'\q'", "bad-escape"),
        ("'a", "unclosed-string"),
        ("'a\\'", "unclosed-string"),
        ("'''a''", "unclosed-string"),
        ("'a\nb'", "unclosed-string"),
        ("f'a'", "f-string"),
        ("rf'a'", "f-string"),
        ("u'a'", "bad-string-prefix"),
        ("R'a'", "bad-string-prefix"),
    ],
)
def test_bad_literals(literal: str, slug: str) -> None:
    assert slugs_of(f"x = {literal}\n")[0] == slug


def test_a_problem_inside_a_literal_is_placed_exactly() -> None:
    (diagnostic,) = parse(SourceFile("test.flow", "x = '''a\n b\\q'''\n"))[1]
    assert diagnostic.primary is not None
    assert diagnostic.primary.span == (2, 2, 2, 4)


def test_infinity_is_never_a_literal() -> None:
    assert math.isfinite(value_of("1.7976931348623157e308"))
    assert slugs_of("x = 1.8e308\n") == ["number-too-large"]


@pytest.mark.parametrize("name", ["naïve", "λ", "名", "ﬁeld", "ａ", "x²"])
def test_names_are_ascii(name: str) -> None:
    (slug,) = slugs_of(f"{name} = 1\n")
    assert slug in ("non-ascii-name", "stray-character")


def test_assert_is_an_ordinary_name() -> None:
    assert slugs_of("assert.eq(1, 1)\nassert = 2\n") == []


def test_one_line_gets_one_message_about_strange_characters() -> None:
    assert slugs_of("x = “hello” ? $\ny = ?\n") == ["stray-character", "stray-character"]
