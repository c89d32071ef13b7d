"""The look of a diagnostic."""

from __future__ import annotations

import re
import unicodedata
from textwrap import dedent

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowlang.lang.diagnostics.diagnostic import Diagnostic, Label, Severity
from flowlang.lang.diagnostics.frame import render
from flowlang.lang.source import SourceFile, Span


def frame(text: str, span: Span, label: str = "", *labels: Label, source: SourceFile | None = None) -> str:
    source = source or SourceFile("a.flow", text)
    shown = render(Diagnostic("some-slug", "it is wrong", Label(source, span, label), labels=labels))
    return "\n".join(line.rstrip() for line in shown.split("\n")) + "\n"


def wanted(text: str) -> str:
    """The expected lines; they are indented by eight columns here."""
    lines = text.strip("\n").split("\n")
    return "\n".join(["error[some-slug]: it is wrong", *(line[8:] for line in lines)]) + "\n"


def test_the_whole() -> None:
    source = SourceFile("flows/etl.flow", "\n" * 6 + "    rows = fetch_order(day)\n")
    diagnostic = Diagnostic(
        "undefined-name",
        "name `fetch_order` is not defined",
        Label(source, (7, 11, 7, 22), "not bound in this module, and not loaded"),
        hint="did you mean `fetch_orders`, an action this host provides?",
        notes=("`flowlang explain undefined-name` tells more",),
    )
    expected = """
        error[undefined-name]: name `fetch_order` is not defined
          --> flows/etl.flow:7:12
           |
         7 |     rows = fetch_order(day)
           |            ^^^^^^^^^^^ not bound in this module, and not loaded
           |
        hint: did you mean `fetch_orders`, an action this host provides?
        note: `flowlang explain undefined-name` tells more"""
    assert render(diagnostic) == dedent(expected).lstrip("\n")


def test_without_a_place() -> None:
    assert render(Diagnostic("a-b", "wrong", severity=Severity.WARNING, hint="do")) == "warning[a-b]: wrong\nhint: do"
    assert render(Diagnostic("a-b", "wrong", severity=Severity.NOTE)) == "note[a-b]: wrong"


def test_labels_of_one_line_have_underlines_of_their_own() -> None:
    source = SourceFile("a.flow", "f(a = 1, a = 2)")
    assert frame("", (1, 9, 1, 10), "again", Label(source, (1, 2, 1, 3), "first"), source=source) == wanted("""
          --> a.flow:1:10
           |
         1 | f(a = 1, a = 2)
           |          ^ again
           |   - first
           |""")


def test_lines_between_labels_are_left_out() -> None:
    source = SourceFile("a.flow", "\n".join(f"line{n}" for n in range(1, 13)))
    labels = [Label(source, (3, 0, 3, 4), "near"), Label(source, (12, 0, 12, 1), "far")]
    assert frame("", (1, 0, 1, 4), "here", *labels, source=source) == wanted("""
           --> a.flow:1:1
            |
          1 | line1
            | ^^^^ here
          2 | line2
          3 | line3
            | ---- near
        ...
         12 | line12
            | - far
            |""")


def test_a_place_over_several_lines() -> None:
    assert frame("x = f(\n    1,\n    2,\n    3)", (1, 4, 4, 6), "too long") == wanted("""
          --> a.flow:1:5
           |
         1 | x = f(
           |     ^^
        ...
         4 |     3)
           |     ^^ too long
           |""")
    assert frame("x = '''a\n", (1, 4, 2, 0), "open") == wanted("""
          --> a.flow:1:5
           |
         1 | x = '''a
           |     ^^^^ open
           |""")


def test_other_sources_follow() -> None:
    other = SourceFile("b.flow", "y = 2")
    assert frame("x = 1", (1, 0, 1, 1), "", Label(other, (1, 0, 1, 1), "there")) == wanted("""
          --> a.flow:1:1
           |
         1 | x = 1
           | ^
          ::: b.flow:1:1
           |
         1 | y = 2
           | - there
           |""")


def test_tabs_wide_and_combining_characters() -> None:
    assert frame("\tx = '名前' + e\u0301 + y", (1, 17, 1, 18)) == wanted("""
          --> a.flow:1:18
           |
         1 |     x = '名前' + e\u0301 + y
           |                      ^
           |""")
    assert frame("'名前'", (1, 1, 1, 3)).splitlines()[4] == "   |  ^^^^"
    assert frame("'名前'", (1, 1, 1, 2)).splitlines()[4] == "   |  ^^"


def test_a_place_at_or_beyond_the_end_of_a_line() -> None:
    for span in [(1, 5, 1, 5), (1, 5, 1, 6), (1, 99, 1, 100)]:
        assert frame("x = 1", span).splitlines()[3:5] == [" 1 | x = 1", "   |      ^"]
    assert frame("x = 1", (5, 0, 5, 1)).splitlines()[3:5] == [" 5 |", "   | ^"]


def test_long_lines_are_cut_around_the_place() -> None:
    line = "a" * 1000 + "BAD" + "c" * 1000
    shown = frame(line, (1, 1000, 1, 1003), "here").splitlines()
    assert len(shown[3]) < 160
    assert shown[3].startswith(" 1 | …aaa")
    assert shown[3].endswith("ccc…")
    start = shown[4].index("^")
    assert shown[3][start : start + 3] == "BAD"
    assert shown[4].endswith("^^^ here")
    assert len(frame(line, (1, 0, 1, 2003)).splitlines()[4]) < 160


def test_nothing_reaches_the_terminal_that_it_would_obey() -> None:
    evil = "\x1b[2J\x07\u202e\x9b\u200b\x00"
    source = SourceFile(f"a{evil}.flow", f"x = '{evil}' + y")
    diagnostic = Diagnostic(
        "a-b", f"m{evil}", Label(source, (1, 18, 1, 19), f"l{evil}"), hint=f"h{evil}\nmore", notes=(f"n{evil}",)
    )
    shown = render(diagnostic)
    assert all(character.isprintable() or character == "\n" for character in shown)
    assert "\\x1b[2J\\x07\\u202e\\x9b\\u200b\\x00" in shown
    assert shown.count("\n  more") == 1
    code, underline = shown.split("\n")[3:5]
    assert code[underline.index("^")] == "y"


def test_a_place_in_a_file_that_cannot_be_shown() -> None:
    whole = Label(SourceFile("a.flow", ""), (1, 0, 1, 0))
    assert render(Diagnostic("a-b", "wrong", whole)).splitlines() == ["error[a-b]: wrong", "  --> a.flow:1:1"]


def test_long_texts_are_clipped() -> None:
    assert len(render(Diagnostic("a-b", "m" * 100_000))) < 3_000


def test_color_changes_nothing_else() -> None:
    source = SourceFile("a.flow", "f(a = 1, a = 2)")
    labels = (Label(source, (1, 2, 1, 3), "first"),)
    diagnostic = Diagnostic(
        "a-b", "wrong", Label(source, (1, 9, 1, 10), "again"), labels=labels, hint="x", notes=("y",)
    )
    colored = render(diagnostic, color=True)
    assert "\x1b[1;31merror[a-b]\x1b[0m" in colored
    assert re.sub(r"\x1b\[[0-9;]*m", "", colored) == render(diagnostic)


@settings(deadline=None)
@given(st.text(min_size=1, max_size=60), st.integers(0, 60), st.integers(0, 5), st.text(max_size=10))
def test_the_underline_stands_under_its_text(line: str, column: int, width: int, label: str) -> None:
    source = SourceFile("a.flow", line)
    shown = render(Diagnostic("a-b", "wrong", Label(source, (1, column, 1, column + width), label)))
    assert all(character.isprintable() or character in "\n\u3000" for character in shown)
    assert "^" in shown.split("\n")[4]


@pytest.mark.parametrize("character", ["名", "ｱ", "Ａ", "é", "😀"])
def test_widths_are_those_of_a_terminal(character: str) -> None:
    shown = frame(f"{character}x", (1, 1, 1, 2)).splitlines()[4]
    expected = 2 if unicodedata.east_asian_width(character) in "WF" else 1
    assert shown.index("^") == len("   | ") + expected
