"""Nothing from outside gets hold of a terminal."""

from __future__ import annotations

import io
import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from flowlang.cli.terminal import can_color, escaped, one_line, styled

ANY_TEXT = st.text(st.characters(codec=None))


def is_control(character: str) -> bool:
    turns = unicodedata.bidirectional(character) in {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}
    return unicodedata.category(character) in {"Cc", "Cs", "Zl", "Zp"} or turns


@given(ANY_TEXT)
def test_no_control_character_is_left(text):
    assert not any(is_control(character) for character in escaped(text) if character not in "\n\t")
    assert not any(is_control(character) for character in one_line(text))


@given(ANY_TEXT)
def test_text_without_control_characters_stays(text):
    if not any(is_control(character) or character in "\u061c\u200e\u200f" for character in text):
        assert escaped(text) == one_line(text) == text


def test_escapes_are_readable():
    assert escaped("a\x1b[2J\x9b\u202eb\n\tc\r") == "a\\x1b[2J\\x9b\\u202eb\n\tc\\r"
    assert one_line("a\nb\tc\u2028\ud800") == "a\\nb\\tc\\u2028\\ud800"


def test_family_emoji_survives():
    assert escaped("👩‍👧 naïve Ωλ") == "👩‍👧 naïve Ωλ"


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_color_is_for_terminals():
    assert can_color(Terminal(), "auto", {"TERM": "xterm"})
    assert not can_color(Terminal(), "auto", {"TERM": "dumb"})
    assert not can_color(io.StringIO(), "auto", {"TERM": "xterm"})
    assert can_color(io.StringIO(), "always", {})
    assert not can_color(Terminal(), "never", {"TERM": "xterm"})


def test_closed_stream_is_no_terminal():
    stream = Terminal()
    stream.close()
    stream.isatty = io.StringIO.isatty.__get__(stream)
    assert not can_color(stream, "auto", {})


def test_empty_text_needs_no_style():
    assert styled("", "bold") == ""
    assert styled("x", "bold") == "\x1b[1mx\x1b[0m"
