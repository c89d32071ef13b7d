"""Fixes: how they are applied, and what each kind of mistake becomes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowlang.lang.diagnostics.catalog import all_slugs, entry
from flowlang.lang.diagnostics.diagnostic import Diagnostic, Edit, Fix, replacement
from flowlang.lang.diagnostics.fix import apply
from flowlang.lang.interpreter import build
from flowlang.lang.source import SourceFile
from flowlang.lang.syntax.parser import parse
from flowlang.loaders import MappingLoader, source_reader

LIBRARY = {"lib.flow": "def clean(x):\n    return x\n\ndef load_all(x):\n    return x\n"}


def edits(*changes: tuple[int, int, str]) -> list[Fix]:
    """One fix of line 1 for each change: columns and text."""
    return [Fix("", (Edit((1, start, 1, end), text),)) for start, end, text in changes]


@pytest.mark.parametrize(
    ("changes", "expected", "applied"),
    [
        ([], "abcdef", 0),
        ([(1, 2, "X")], "aXcdef", 1),
        ([(1, 2, ""), (2, 3, "Y")], "aYdef", 2),
        ([(3, 3, "-"), (0, 1, "X")], "Xbc-def", 2),
        # Overlapping: the one that comes first is made.
        ([(2, 5, "Y"), (1, 3, "X")], "aXdef", 1),
        # Two insertions at one place: their order would be arbitrary.
        ([(2, 2, "X"), (2, 2, "Y")], "abXcdef", 1),
        ([(2, 2, "X"), (2, 3, "Y")], "abXcdef", 1),
        ([(1, 2, "Y"), (2, 2, "X")], "aYXcdef", 2),
        # Beyond the line, beyond the text.
        ([(4, 99, "X")], "abcdX", 1),
        ([(6, 6, "X")], "abcdefX", 1),
    ],
)
def test_apply(changes, expected, applied):
    fixed = apply("abcdef", edits(*changes))
    assert (fixed.text, len(fixed.applied)) == (expected, applied)


def test_a_fix_is_made_whole_or_not_at_all():
    both = Fix("", (Edit((1, 0, 1, 1), "X"), Edit((1, 4, 1, 5), "Y")))
    late = replacement((1, 4, 1, 6), "Z")
    assert apply("abcdef", [late, both]).text == "XbcdYf"
    crossing = Fix("", (Edit((1, 0, 1, 3), "X"), Edit((1, 2, 1, 4), "Y")))
    assert apply("abcdef", [crossing]).text == "abcdef"


def test_line_ends_and_the_byte_order_mark_stay():
    text = "\ufeffa\r\nb\r\nc\rd"
    fixes = [Fix("", (Edit((2, 0, 2, 1), "x\ny"), Edit((4, 1, 9, 0), "!")))]
    assert apply(text, fixes).text == "\ufeffa\r\nx\r\ny\r\nc\rd!"


@given(
    st.text("ab\n\r", max_size=30),
    st.lists(
        st.tuples(
            st.integers(1, 5), st.integers(0, 8), st.integers(1, 5), st.integers(0, 8), st.text("XY\n", max_size=3)
        )
    ),
)
def test_applying_never_fails_and_keeps_what_is_not_edited(text, changes):
    fixes = [Fix("", (Edit((line, column, end_line, end), new),)) for line, column, end_line, end, new in changes]
    fixed = apply(text, fixes)
    assert len(fixed.applied) <= len(fixes)
    if not fixed.applied:
        assert fixed.text == text


def findings(text: str) -> list[Diagnostic]:
    read = source_reader(MappingLoader({**LIBRARY, "main.flow": text}))
    return list(build("main.flow", read, ()).diagnostics)


def mended(text: str, *, is_unsafe: bool = False) -> str:
    for _ in range(10):
        found = [finding.fix for finding in findings(text) if finding.fix is not None]
        fixed = apply(text, [fix for fix in found if fix.is_safe or is_unsafe])
        if fixed.text == text:
            break
        text = fixed.text
    return text


SAFE = [
    ("x = 1\ny = x is None\n", "x = 1\ny = x == None\n"),
    ("x = 1\ny = x is  not None\n", "x = 1\ny = x != None\n"),
    ("a = 1\nx = a&&!a||a\n", "a = 1\nx = a and not a or a\n"),
    ("x = [!(1 == 2)]\n", None),
    ("print(1 <> 2)\n", "print(1 != 2)\n"),
    ("x = 1\nx++\n", "x = 1\nx += 1\n"),
    ("x = 1\nx --\n", "x = 1\nx -= 1\n"),
    ("n := 3\n", "n = 3\n"),
    ("def f():\n    ...\n", "def f():\n    pass\n"),
    ('print "a", 1  # b\n', 'print("a", 1)  # b\n'),
    ("let x = 3\n", "x = 3\n"),
    ("function f(x):\n    return x\n", "def f(x):\n    return x\n"),
    (
        "if 1 < 2:\n    x = 1\nelseif 2 < 3:\n    x = 2\nelse if 3 < 4:\n    x = 3\n",
        "if 1 < 2:\n    x = 1\nelif 2 < 3:\n    x = 2\nelif 3 < 4:\n    x = 3\n",
    ),
    ('x = "a" "b" \'c\'\n', 'x = "a" + "b" + \'c\'\n'),
    ('x = ("a"\n  "b")\n', 'x = ("a" +\n  "b")\n'),
    ("x = max(n for n in [1, 2])\n", "x = max([n for n in [1, 2]])\n"),
    ("x = (n for n in [1, 2])\n", "x = [n for n in [1, 2]]\n"),
    ("x = {1, 2}\n", "x = set([1, 2])\n"),
    ("x = {n for n in [1]}\n", "x = set([n for n in [1]])\n"),
    ("def f(x, /, y):\n    return x\n", "def f(x, y):\n    return x\n"),
    ("def f(x, /):\n    return x\n", "def f(x):\n    return x\n"),
    ("x = [1]\ndel x[0]\n", "x = [1]\nx.pop(0)\n"),
    ("async def f():\n    return await f()\n", "def f():\n    return f()\n"),
    ("if 1 < 2\n    x = 1\n", "if 1 < 2:\n    x = 1\n"),
    ("if 1 < 2 print(1)\n", "if 1 < 2: print(1)\n"),
    ("x = 1\ny = 0 < x < 10\n", "x = 1\ny = 0 < x and x < 10\n"),
    ('x = dict("a" = 1, "b" = 2)\n', "x = dict(a = 1, b = 2)\n"),
    ("x = 1\nif x = 1:\n    pass\n", "x = 1\nif x == 1:\n    pass\n"),
    ("x = [n, n for n in [1]]\n", "x = [(n, n) for n in [1]]\n"),
    ('x = {"a" = 1}\n', 'x = {"a" : 1}\n'),
    ("x = 1,\n", "x = (1,)\n"),
    ("def f():\n    return 1, 2,\n", "def f():\n    return (1, 2,)\n"),
    ('load("./lib.flow", clean)\n', 'load("./lib.flow", "clean")\n'),
    ("x = 1;;\n", "x = 1;\n"),
    ("def f:\n    pass\n", "def f():\n    pass\n"),
    ("b = 1\nx = f'a {b} {{}} {b, b}'\n", "b = 1\nx = 'a {} {{}} {}'.format(b, (b, b))\n"),
    ('x = f"no {{braces}}"\n', 'x = "no {braces}"\n'),
    ('b = 1\nx = rf"\\d{b}"\n', 'b = 1\nx = r"\\d{}".format(b)\n'),
    ('x = u"a" + R"b"\n', 'x = "a" + r"b"\n'),
    ("x = 10_000 + 089\n", "x = 10000 + 89\n"),
    ('x = "\\d\\n"\n', 'x = "\\\\d\\n"\n'),
    ("x\u00a0=\u00a01\n", "x = 1\n"),
    ("x = 3 − 2 ≤ 4\n", "x = 3 - 2 <= 4\n"),
    ("x = 1 == 1∧2 == 2\n", "x = 1 == 1 and 2 == 2\n"),
    ("x\u200b = 1\n", "x = 1\n"),
    ("x = 1 === 2\n", "x = 1 == 2\n"),
    ("int x = 1\n", "x = 1\n"),
    ("// a comment\nx = 1\n", None),
    ("x = “it’s”\n", 'x = "it’s"\n'),
    ("x = 1 + \\  \n  2\n", "x = 1 + \\\n  2\n"),
    ("x = null\ny = [true, false]\n", "x = None\ny = [True, False]\n"),
    ('if __name__ == "__main__":\n    pass\n', 'if __name__ == "__flow__":\n    pass\n'),
    ('load(".\\\\lib.flow", "clean")\n', 'load("./lib.flow", "clean")\n'),
    ('load("//lib", "clean")\n', 'load("//lib.flow", "clean")\n'),
    ('load("//:lib.flow", "clean")\n', None),
]


@pytest.mark.parametrize(("wrong", "right"), SAFE, ids=lambda text: text)
def test_safe_fixes_mend_the_program(wrong, right):
    if right is None:
        assert findings(wrong)
        return
    assert mended(wrong) == right
    assert findings(right) == []


GUESSES = [
    ("total = 1\nx = totl\n", "total = 1\nx = total\n"),
    ('load("./lib.flow", "claen")\n', 'load("./lib.flow", "clean")\n'),
    ('load("./libb.flow", "clean")\n', 'load("//lib.flow", "clean")\n'),
    ('load("@sdt//tables.flow", "x")\n', None),
    ('x = ["a" "b"]\n', 'x = ["a" + "b"]\n'),
    ("x = [1 2]\n", "x = [1, 2]\n"),
    ("x = 1\nassert x == 1\n", 'x = 1\nif not (x == 1): fail("assertion failed")\n'),
    ('assert max(1, 2), "no"\n', 'if not (max(1, 2)): fail("no")\n'),
    ("m = 0777\n", "m = 0o777\n"),
    ("x = 1\ny = !x == 2\n", "x = 1\ny = not x == 2\n"),
    ('x = "\\xff"\n', 'x = "\\u00ff"\n'),
    ("if True:\n\tx = 1\n        y = 2\n", "if True:\n\tx = 1\n\ty = 2\n"),
    ("x = [1]\ny = x[z = 0]\n", None),
]


@pytest.mark.parametrize(("wrong", "right"), GUESSES, ids=lambda text: text)
def test_guesses_are_made_only_when_asked_for(wrong, right):
    assert mended(wrong) == wrong
    if right is not None:
        assert mended(wrong, is_unsafe=True) == right


NOT_MENDED = [
    'x = f"{1:3}"\n',
    'x = "a" "b" % 2\n',
    "x = max(1, n for n in [1])\n",
    "x = {1, 2: 3}\n",
    "x = [1]\ndel x[0:1]\n",
    "x = 2 ** 3\n",
    "print 1,\n",
    "x = {1, (2\n",
    "print (1\n",
]


@pytest.mark.parametrize("wrong", NOT_MENDED)
def test_what_is_in_doubt_is_left_alone(wrong):
    assert findings(wrong)
    assert mended(wrong, is_unsafe=True) == wrong


@pytest.mark.parametrize("slug", all_slugs())
def test_fixes_of_the_catalogs_examples_leave_no_syntax_error(slug):
    """Where an explained mistake has a fix, the fixed program parses, or the mistake has another one behind it."""
    found = entry(slug)
    assert found is not None
    fixes = [finding.fix for finding in parse(SourceFile("main.flow", found.wrong))[1] if finding.fix is not None]
    fixed = apply(found.wrong, fixes)
    if fixed.applied:
        assert slug not in [finding.slug for finding in parse(SourceFile("main.flow", fixed.text))[1]]
