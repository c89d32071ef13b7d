"""Whatever the text, the resolver gives diagnostics and never an exception of Python."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
from resolve_world import analyse_source

from flowlang.lang.resolve.dialect import FLOW, STANDARD
from flowlang.lang.resolve.scope import ModuleScope
from flowlang.lang.source import SourceFile

CORPUS = [
    chunk
    for path in sorted((Path(__file__).parent / "cases").glob("*.flow"))
    for chunk in path.read_text().split("---\n")
]
SNIPPETS = [
    "x",
    "=",
    "(",
    ")",
    "[",
    "]",
    "*",
    "**",
    ",",
    ":",
    "\n",
    "    ",
    "def f(",
    "lambda ",
    "for x in ",
    "load(",
    "+=",
]


@st.composite
def programs(draw) -> str:
    """A chunk of the cases with pieces cut out, moved and put in."""
    text = draw(st.sampled_from(CORPUS))
    for _ in range(draw(st.integers(0, 4))):
        start = draw(st.integers(0, len(text)))
        end = draw(st.integers(start, min(len(text), start + 12)))
        text = text[:start] + draw(st.sampled_from(["", *SNIPPETS])) + text[end:]
    return text


@settings(deadline=None)
@given(programs(), st.sampled_from([FLOW, STANDARD]))
def test_never_an_exception(text, dialect):
    source = SourceFile("any.flow", text)
    file, diagnostics = analyse_source(source, dialect)
    assert isinstance(file.scope, ModuleScope)
    for diagnostic in diagnostics:
        assert diagnostic.primary is not None
        assert diagnostic.primary.source is source
        assert 1 <= diagnostic.primary.span[0] <= len(source.lines) + 1


@settings(deadline=None)
@given(programs())
def test_deterministic(text):
    first = analyse_source(SourceFile("any.flow", text))[1]
    second = analyse_source(SourceFile("any.flow", text))[1]
    assert [(d.slug, d.message, d.hint) for d in first] == [(d.slug, d.message, d.hint) for d in second]


def test_nesting_up_to_the_limits_of_the_parser():
    lambdas = "x = " + "lambda: " * 90 + "x\n"
    lists = "y = " + "[" * 90 + "x" + "]" * 90 + "\n"
    blocks = "".join("    " * depth + f"def f{depth}(p{depth}):\n" for depth in range(15)) + "    " * 15 + "return p0\n"
    for text in (lambdas, "x = 1\n" + lists, blocks):
        assert analyse_source(SourceFile("deep.flow", text))[1] == []
