"""Runs `cases/**/*.flow`: programs in the language that check the language.

`---` separates chunks; each chunk is a script of its own, and lines keep their numbers. `assert.eq(given, expected)`,
`assert.true(given)` and `assert.fails(f, kind, text)` are there without a `load`. A line that ends in `### kind` or
`### kind "text"` must be reported with that kind, by the checks before the run or by the run itself; anything that
nobody expects fails the chunk. A line `=== name.flow` begins another module of the same chunk, for `load`.

A chunk runs in the flow dialect, as a real run. A first line `# dialect: standard`, with options behind it, makes it
a module of the standard dialect, and `# dialect: both` one that means the same in both; these are evaluated alone,
without the prelude.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from bare_run import BareRun, bare_run
from script_run import ScriptRun, ScriptRunner

from flowlang.lang.resolve.dialect import FLOW, STANDARD, Dialect

CASES = Path(__file__).parent / "cases"
EXPECTATION = re.compile(r'^(?P<kind>[a-z-]+)(?: "(?P<text>[^"]*)")?$')
DIALECT = re.compile(r"# dialect: (?P<name>.+)\n")
MODULE = re.compile(r"^=== (?P<name>\S+)\n", re.M)
ENTRY = "main.flow"
ASSERTIONS_MIN = 3000


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


def modules_of(text: str) -> dict[str, str]:
    """The modules of a chunk, each with empty lines in place of what stands before it."""
    found = {}
    begins = [(ENTRY, 0, 0), *((match["name"], match.start(), match.end()) for match in MODULE.finditer(text))]
    for number, (name, _, begin) in enumerate(begins):
        end = begins[number + 1][1] if number + 1 < len(begins) else len(text)
        found[name] = "\n" * text.count("\n", 0, begin) + re.sub(r" +### .*", "", text[begin:end])
    return found


def dialects_of(text: str) -> list[Dialect]:
    """The dialects in which a chunk is evaluated; none for a real run."""
    match = DIALECT.match(text.lstrip("\n"))
    if match is None:
        return []
    return [STANDARD, FLOW] if match["name"] == "both" else [Dialect.named(match["name"])]


def check(run: BareRun | ScriptRun, expected: list[tuple[int, str, str]]) -> None:
    """Compares what was reported with what the chunk expects."""
    reported = []
    for diagnostic in run.diagnostics:
        assert diagnostic.primary is not None
        reported.append((diagnostic.primary.span[0], diagnostic.slug, diagnostic.message))
    if run.failure is not None:
        frames = [frame.fields for frame in run.failure.trace]
        (line,) = [frame["line"] for frame in frames if not frame["path"].startswith("@")][-1:]
        reported.append((line, run.failure.kind, run.failure.message))
    reported.sort()
    assert [(line, kind) for line, kind, _ in reported] == [(line, kind) for line, kind, _ in expected], reported
    for (line, _, message), (_, _, part) in zip(reported, expected, strict=True):
        assert part in message, f"line {line}: {message}"


@pytest.mark.parametrize("name", CHUNKS)
def test_chunk(name: str, tmp_path: Path) -> None:
    text = CHUNKS[name]
    modules = modules_of(text)
    expected = sorted(expectations(text))
    dialects = dialects_of(text)
    for dialect in dialects:
        check(bare_run(modules, dialect), expected)
    if not dialects:
        run = ScriptRunner(tmp_path).run(modules)
        assert run.outcome is None or run.outcome.stop is None, run.outcome
        check(run, expected)


def test_there_are_enough_assertions() -> None:
    texts = "".join(CHUNKS.values())
    count = len(re.findall(r"^ *assert\.(?:eq|true|fails)\(", texts, re.M)) + texts.count(" ### ")
    assert count >= ASSERTIONS_MIN


@pytest.mark.parametrize("dialect", [None, STANDARD], ids=["run", "bare"])
def test_an_assertion_that_does_not_hold_is_noticed(dialect: Dialect | None, tmp_path: Path) -> None:
    for text, line in (
        ("assert.eq(1, 2)", 1),
        ("\nassert.eq(1, 1.0)", 2),
        ("assert.true([])", 1),
        ("assert.fails(lambda: 1, 'x')", 1),
        ("assert.fails(lambda: 1 // 0, 'missing-key')", 1),
        ("assert.fails(lambda: 1 // 0, 'division-by-zero', 'soup')", 1),
    ):
        modules = {ENTRY: text}
        run = ScriptRunner(tmp_path).run(modules) if dialect is None else bare_run(modules, dialect)
        assert run.failure is not None
        with pytest.raises(AssertionError):
            check(run, [])
        check(run, [(line, "error", "")])
