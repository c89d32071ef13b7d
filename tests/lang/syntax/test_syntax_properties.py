"""Whatever the text: the parser answers, in order and in bounds, and its messages can be shown."""

from __future__ import annotations

import re
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from flowlang.lang.diagnostics.catalog import entry
from flowlang.lang.diagnostics.frame import render
from flowlang.lang.source import SourceFile
from flowlang.lang.syntax.parser import parse
from flowlang.lang.syntax.token import KINDS, NAMED

PIECES = [
    *[text for text in KINDS if text not in NAMED],
    *["\n", "\n    ", "\n        ", "\n\t", " ", "# note\n", "\\\n", "\\", "a", "b", "print", "1", "0x", "1.5", "'s'"],
    *['"""', "'", '"', "b'", "f'x'", "é", "?", "\x00", "\u2028", "\ufeff", "\r\n"],
]
GOLDEN = "".join(
    path.read_text(encoding="utf-8") for path in sorted((Path(__file__).parent / "golden").glob("*.golden"))
)
PROGRAMS = [program for program in re.split(r"^~+\n|^=+\n(?:(?!~~~).*\n)*", GOLDEN, flags=re.MULTILINE) if program]
GOOD = '''"""Doc."""
load("m.flow", "a", b = "c")

def f(x, y: int = 2, *rest, z, **more) -> T:
    """Doc."""
    total = 0
    for i, v in enumerate(x):
        if v % 2 == 0 and i not in rest:
            total += v * -y
        elif not (v or z):
            continue
        else:
            return {"k": [w for w in v if w], "s": x[1:2]}
    return lambda q, *, r = 1: (q, r)

result = f([1, 2], z = 0x1f, *a, **b) if a else None
'''


def check(text: str) -> None:
    source = SourceFile("test.flow", text)
    file, diagnostics = parse(source)
    assert len(diagnostics) <= 20
    places = []
    for diagnostic in diagnostics:
        assert diagnostic.primary is not None
        line, column, end_line, end = diagnostic.primary.span
        assert 1 <= line <= len(source.lines)
        assert (line, column) <= (end_line, end)
        assert column <= len(source.line(line))
        places.append((line, column))
        assert diagnostic.hint
        assert entry(diagnostic.slug) is not None
        shown = render(diagnostic)
        assert all(character.isprintable() or character == "\n" for character in shown)
    assert places == sorted(places)
    lines = [statement.span[:2] for statement in file.body]
    assert lines == sorted(lines)


@settings(deadline=None)
@given(st.text() | st.text(st.characters()))
def test_any_text(text: str) -> None:
    check(text)


@settings(deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=40))
def test_any_tokens(pieces: list[str]) -> None:
    check("".join(pieces))
    check(" ".join(pieces))


@settings(deadline=None)
@given(st.data())
def test_mutated_programs(data: st.DataObject) -> None:
    text = data.draw(st.sampled_from([GOOD, *PROGRAMS]))
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(text)))
        end = min(len(text), start + data.draw(st.integers(0, 5)))
        text = text[:start] + data.draw(st.sampled_from(["", *PIECES])) + text[end:]
    check(text)


@settings(deadline=None)
@given(st.integers(0, len(GOOD)))
def test_every_beginning_of_a_program(end: int) -> None:
    check(GOOD[:end])


def test_the_program_that_is_mutated_is_right() -> None:
    assert parse(SourceFile("test.flow", GOOD))[1] == []
    assert len(PROGRAMS) > 100
