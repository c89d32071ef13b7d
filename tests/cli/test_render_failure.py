"""Failures as text: calls, frame, hint. The trace may be anything, for scripts can make up failures."""

from __future__ import annotations

from flowlang.cli.render import render_failure
from flowlang.lang.values.result import Err, Failure
from flowlang.lang.values.struct import Struct

SOURCES = {"main.flow": "a = 1\nb = 2\nc = 3\n"}


def frame(path="main.flow", line=2, name="f", column=1, **more):
    return Struct({"path": path, "line": line, "column": column, "name": name, **more})


def shown(*trace, **options):
    return render_failure(Err("odd", Failure("odd", "something is odd", trace=trace)), SOURCES, **options)


def test_one_call_needs_no_list():
    assert shown(frame(end_line=2, end_column=6)).splitlines() == [
        "error[odd]: something is odd",
        "  --> main.flow:2:1",
        "   |",
        " 2 | b = 2",
        "   | ^^^^^",
        "   |",
    ]


def test_frame_shows_own_code_and_bundled_calls_are_one_line():
    lines = shown(frame(line=1), frame(), frame("@std//sql.flow"), frame("@std//sql.flow")).splitlines()
    assert lines[:5] == [
        "calls, outermost first:",
        "  main.flow:1:1 in f",
        "  main.flow:2:1 in f",
        "  @std//sql.flow: 2 calls",
        "error[odd]: something is odd",
    ]
    assert lines[5] == "  --> main.flow:2:1"


def test_verbose_shows_bundled_calls():
    lines = shown(frame(), frame("@std//sql.flow", 9, "query"), verbose=True).splitlines()
    assert lines[1:3] == ["  main.flow:2:1 in f", "  @std//sql.flow:9:1 in query"]


def test_deep_recursion_is_cut_in_the_middle():
    trace = [frame(line=1 + number % 2) for number in range(50)]
    lines = shown(*trace).splitlines()
    assert "  ... 30 more calls ..." in lines
    assert len([line for line in lines if line == "  main.flow:1:1 in f"]) == 10


def test_the_same_call_again_and_again_is_one_line():
    lines = shown(frame(line=3), *[frame(line=1)] * 50, frame(name="g")).splitlines()
    assert lines[1:4] == ["  main.flow:3:1 in f", "  main.flow:1:1 in f, 50 times", "  main.flow:2:1 in g"]
    assert "  main.flow:1:1 in f" in shown(*[frame(line=1)] * 3).splitlines()
    assert shown(*[frame(line=1)] * 50, verbose=True).splitlines().count("  main.flow:1:1 in f") == 50


def test_made_up_traces_are_harmless():
    trace = (frame(line="x"), frame(line=-1), frame(path=7), Struct({}), "text", frame(line=10**9), frame("\x1b[2J", 1))
    text = shown(*trace)
    assert "\x1b" not in text
    assert "error[odd]" in text


def test_kind_and_message_are_escaped():
    text = render_failure(Err("x", Failure("a\x1b]0;b\x07", "c\x1b[2J\nd", hint="e\x9b")), {})
    assert "\x1b" not in text
    assert "\x07" not in text
    assert "\x9b" not in text


def test_failure_without_a_text_says_so():
    assert render_failure(Err(""), {}) == "error: the error has no text"
