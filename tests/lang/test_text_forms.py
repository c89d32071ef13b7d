"""Forms of a text that chunk files cannot hold: line ends, a byte order mark, a shebang line, no end of line."""

from __future__ import annotations

import pytest
from bare_run import bare_run

from flowlang.lang.resolve.dialect import FLOW, STANDARD, Dialect

PROGRAM = '''# a comment
def f(x):
    # in the block

    if x:
        return [
            x,  # inside brackets
        ]
    return 1 + \\
        2

s = """a
b\\
c"""
r = r"""a
b"""
t = b"""a
b"""
assert.eq(s, "a" + chr(10) + "bc")
assert.eq(len(r), 3)
assert.eq(t, b"a\\nb")
assert.eq((f(0), f(5)), (3, [5]))
fail("here")
'''
LINE = PROGRAM.count("\n")


def failed_line(text: str, dialect: Dialect) -> int:
    run = bare_run({"main.flow": text}, dialect)
    assert not run.diagnostics
    assert run.failure is not None
    assert run.failure.message == "here"
    return int(run.failure.trace[-1].fields["line"])


@pytest.mark.parametrize("dialect", [STANDARD, FLOW], ids=["standard", "flow"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"], ids=["LF", "CRLF", "CR"])
def test_all_line_ends_are_one(end: str, dialect: Dialect) -> None:
    assert failed_line(PROGRAM.replace("\n", end), dialect) == LINE


@pytest.mark.parametrize("dialect", [STANDARD, FLOW], ids=["standard", "flow"])
def test_what_may_stand_before_and_after(dialect: Dialect) -> None:
    assert failed_line("\ufeff" + PROGRAM, dialect) == LINE
    assert failed_line("#!/usr/bin/env -S flowlang run\n" + PROGRAM, dialect) == LINE + 1
    assert failed_line("\ufeff#!/usr/bin/env -S flowlang run\r\n" + PROGRAM, dialect) == LINE + 1
    assert failed_line("\n\n  # a comment\n\t\n" + PROGRAM, dialect) == LINE + 4
    assert failed_line(PROGRAM.rstrip("\n"), dialect) == LINE
    assert failed_line(PROGRAM + "  # the end", dialect) == LINE
    assert failed_line(PROGRAM + "\n\n   \n\t", dialect) == LINE


@pytest.mark.parametrize("text", ["", "\n", "\ufeff", "# only a comment", "   ", "\r\n\r\n", "\t# c\n"])
def test_nothing_is_a_program(text: str) -> None:
    run = bare_run({"main.flow": text}, STANDARD)
    assert not run.diagnostics
    assert run.failure is None


@pytest.mark.parametrize(
    ("text", "slug"),
    [("x = 1\x00", "stray-character"), ("x\x0c= 1", "stray-character"), ("x = 1\u2028y = 2", "stray-character"),
     ("\ufeff\ufeffx = 1", "stray-character"), ("x = \ufeff1", "stray-character"), ("x = 1\\", "bad-continuation"),
     ("x = '\ud800'", "invalid-text")],
)  # fmt: skip
def test_what_no_text_may_hold(text: str, slug: str) -> None:
    assert [found.slug for found in bare_run({"main.flow": text}, STANDARD).diagnostics] == [slug]
