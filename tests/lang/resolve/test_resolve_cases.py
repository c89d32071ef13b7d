"""Runs `cases/*.flow`: chunks of source with the expected findings at the ends of their lines.

`---` separates chunks. `### slug "text"` expects a finding with that slug on its line whose message, label or hint
holds the text; several may follow each other. `# dialect: standard, option` in a chunk's first line changes the
dialect. A finding that nobody expects fails the chunk as well.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import attrs
import pytest

from flowlang.lang.diagnostics.diagnostic import Diagnostic
from flowlang.lang.resolve.dialect import FLOW, STANDARD, Dialect

CASES = Path(__file__).parent / "cases"
EXPECTATION = re.compile(r'^(?P<slug>[a-z-]+)(?P<texts>( "[^"]*")*)$')


def chunks() -> Iterator[tuple[str, str]]:
    for path in sorted(CASES.glob("*.flow")):
        line = 1
        for text in path.read_text(encoding="utf-8").split("---\n"):
            yield f"{path.stem}:{line}", text
            line += text.count("\n") + 1


def dialect_of(text: str) -> Dialect:
    match = re.match(r"# dialect: standard(?P<options>(, \w+)*)\n", text)
    if match is None:
        return FLOW
    return attrs.evolve(STANDARD, **{option.strip(): True for option in match["options"].split(",") if option.strip()})


def expectations(text: str) -> list[tuple[int, str, list[str]]]:
    found = []
    for number, line in enumerate(text.split("\n"), 1):
        for part in line.split(" ### ")[1:]:
            match = EXPECTATION.match(part.strip())
            assert match is not None, f"unreadable expectation: {part}"
            found.append((number, match["slug"], re.findall(r'"([^"]*)"', match["texts"])))
    return found


def words(diagnostic: Diagnostic) -> str:
    assert diagnostic.primary is not None
    return "\n".join([diagnostic.message, diagnostic.primary.text, diagnostic.hint or ""])


CHUNKS = dict(chunks())


@pytest.mark.parametrize("name", CHUNKS)
def test_chunk(name, analyse):
    text = CHUNKS[name]
    expected = expectations(text)
    _, diagnostics = analyse(re.sub(r" +### .*", "", text), dialect=dialect_of(text))
    places = [(diagnostic.primary.span[0], diagnostic.slug) for diagnostic in diagnostics]
    assert sorted(places) == sorted((line, slug) for line, slug, _ in expected)
    assert [diagnostic.primary.span[:2] for diagnostic in diagnostics] == sorted(
        diagnostic.primary.span[:2] for diagnostic in diagnostics
    )
    remaining = list(diagnostics)
    for line, slug, texts in expected:
        fitting = [
            diagnostic
            for diagnostic in remaining
            if (diagnostic.primary.span[0], diagnostic.slug) == (line, slug)
            and all(text in words(diagnostic) for text in texts)
        ]
        assert fitting, f"line {line}: no {slug} says {texts}"
        remaining.remove(fitting[0])


@pytest.mark.parametrize("name", CHUNKS)
def test_texts_follow_the_rules(name, analyse):
    text = CHUNKS[name]
    _, diagnostics = analyse(re.sub(r" +### .*", "", text), dialect=dialect_of(text))
    for diagnostic in diagnostics:
        for part in (diagnostic.message, diagnostic.primary.text, diagnostic.hint or "x"):
            assert part, diagnostic.slug
            assert not part.endswith((".", "!")), part
            assert not part[0].isupper(), part
            assert part.count("`") % 2 == 0, part
