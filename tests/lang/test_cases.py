"""Runs `cases/**/*.flow`: programs in the language that check the language.

`---` separates chunks; each chunk is a script of its own, and lines keep their numbers. `assert.eq(given, expected)`,
`assert.true(given)` and `assert.fails(f, kind, text)` are there without a `load`. A line that ends in `### kind` or
`### kind "text"` must be reported with that kind, by the checks before the run or by the run itself; anything that
nobody expects fails the chunk.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from script_run import ScriptRunner

CASES = Path(__file__).parent / "cases"
EXPECTATION = re.compile(r'^(?P<kind>[a-z-]+)(?: "(?P<text>[^"]*)")?$')
ASSERTIONS_MIN = 300


def chunks() -> Iterator[tuple[str, str]]:
    """The chunks of all files, each with empty lines in place of what stands before it."""
    for path in sorted(CASES.rglob("*.flow")):
        before = 0
        for text in path.read_text(encoding="utf-8").split("---\n"):
            yield f"{path.relative_to(CASES).with_suffix('')}:{before + 1}", "\n" * before + text
            before += text.count("\n") + 1


def expectations(text: str) -> list[tuple[int, str, str]]:
    """Line, kind and text of everything that a chunk expects to be reported."""
    found = []
    for number, line in enumerate(text.split("\n"), 1):
        for part in line.split(" ### ")[1:]:
            match = EXPECTATION.match(part.strip())
            assert match is not None, f"unreadable expectation in line {number}: {part}"
            found.append((number, match["kind"], match["text"] or ""))
    return found


CHUNKS = dict(chunks())


@pytest.mark.parametrize("name", CHUNKS)
def test_chunk(name: str, tmp_path: Path) -> None:
    text = CHUNKS[name]
    expected = expectations(text)
    run = ScriptRunner(tmp_path).run({"main.flow": re.sub(r" +### .*", "", text)})
    reported = []
    for diagnostic in run.diagnostics:
        assert diagnostic.primary is not None
        reported.append((diagnostic.primary.span[0], diagnostic.slug, diagnostic.message))
    if run.failure is not None:
        reported.append((run.failed_line("main.flow"), run.failure.kind, run.failure.message))
    assert run.outcome is None or run.outcome.stop is None, run.outcome
    assert [(line, kind) for line, kind, _ in sorted(reported)] == [(line, kind) for line, kind, _ in expected], (
        reported
    )
    for (line, _, message), (_, _, part) in zip(sorted(reported), expected, strict=True):
        assert part in message, f"line {line}: {message}"


def test_there_are_enough_assertions() -> None:
    texts = "".join(CHUNKS.values())
    count = len(re.findall(r"^ *assert\.(?:eq|true|fails)\(", texts, re.M)) + texts.count(" ### ")
    assert count >= ASSERTIONS_MIN


def test_an_assertion_that_does_not_hold_is_noticed(tmp_path: Path) -> None:
    for text, line in (
        ("assert.eq(1, 2)", 1),
        ("\nassert.eq(1, 1.0)", 2),
        ("assert.true([])", 1),
        ("assert.fails(lambda: 1, 'x')", 1),
        ("assert.fails(lambda: 1 // 0, 'missing-key')", 1),
        ("assert.fails(lambda: 1 // 0, 'division-by-zero', 'soup')", 1),
    ):
        run = ScriptRunner(tmp_path).run({"main.flow": text})
        assert run.failure is not None
        assert run.failed_line("main.flow") == line
