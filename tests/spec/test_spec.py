"""Runs every block marked `flow` in the README and in `spec/*.md`, as `spec/language.md` describes at its top.

`EXPRESSION  # -> VALUE` becomes an assertion on the same line, so a block that says something else than the
implementation fails with the line of the document.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import attrs
import pytest
from script_run import ScriptRun, ScriptRunner

from flowlang.actions import shipped_actions
from flowlang.lang.interpreter import UNIVERSE
from flowlang.lang.universe.flows import exported_by_prelude
from flowlang.lang.values.meter import Budget
from flowlang.runtime.action import signature_text
from flowlang.runtime.journal.journal import RunStatus
from flowlang.runtime.outcome import RunOutcome

ROOT = Path(__file__).parents[2]
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "spec").rglob("*.md"))]
FENCE = re.compile(r"^```(?P<language>[a-z]*)\n(?P<text>.*?)^```$", re.M | re.S)
VALUE = re.compile(r"^(?P<indent> *)(?P<given>.*?)  # -> (?P<expected>.*)$")
PRINTS = re.compile(r"(?:^|  )# prints: (?P<text>.*)$")
REPORTS = re.compile(r"  # (?P<severity>error|warning): (?P<kind>[a-z-]+)(?: \"(?P<text>[^\"]*)\")?$")
STOPS = re.compile(r"^# stops: (?P<reason>[a-z]+)$", re.M)
FILE = re.compile(r"\A# file: (?P<name>\S+)\n")
BUDGET = Budget(steps=1_000_000, memory_bytes=50_000_000, output_characters=100_000)


@attrs.frozen
class Block:
    """One block of a document: its first line in it, and the modules that stand before it."""

    document: str
    line: int
    text: str
    modules: dict[str, str]


def blocks() -> Iterator[Block]:
    """The blocks of all documents that are scripts."""
    for path in DOCUMENTS:
        document = path.read_text(encoding="utf-8")
        modules: dict[str, str] = {}
        for fence in FENCE.finditer(document):
            if fence["language"] != "flow":
                continue
            named = FILE.match(fence["text"])
            if named is not None:
                modules[named["name"]] = fence["text"]
            else:
                line = document.count("\n", 0, fence.start("text")) + 1
                yield Block(path.relative_to(ROOT).as_posix(), line, fence["text"], dict(modules))


def executable(text: str) -> str:
    """The text with its `# ->` comments as assertions, on the same lines."""
    lines = []
    for line in text.split("\n"):
        stated = VALUE.match(line)
        if stated is not None:
            line = f"{stated['indent']}assert.eq(({stated['given']}), ({stated['expected']}))"
        lines.append(line)
    return "\n".join(lines)


def reported(run: ScriptRun) -> list[tuple[str, int, str, str, str]]:
    """Module, line, severity, kind and message of everything that was reported."""
    found = []
    for diagnostic in run.diagnostics:
        assert diagnostic.primary is not None
        place = diagnostic.primary
        found.append((place.source.name, place.span[0], diagnostic.severity.value, diagnostic.slug, diagnostic.message))
    if run.failure is not None:
        found.append(("main.flow", run.failed_line("main.flow"), "error", run.failure.kind, run.failure.message))
    return sorted(found)


@pytest.mark.parametrize("block", [pytest.param(block, id=f"{block.document}:{block.line}") for block in blocks()])
def test_block(block: Block, tmp_path: Path) -> None:
    modules = {**block.modules, "main.flow": block.text}
    run = ScriptRunner(tmp_path, BUDGET).run({name: executable(text) for name, text in modules.items()})
    expected = sorted(
        (name, number, found["severity"], found["kind"], found["text"] or "")
        for name in modules.keys() & run.modules
        for number, line in enumerate(modules[name].split("\n"), 1)
        if (found := REPORTS.search(line))
    )
    got = reported(run)
    assert [found[:4] for found in got] == [found[:4] for found in expected], got
    for (*_, text), (*_, message) in zip(expected, got, strict=True):
        assert text in message
    printed = [found["text"] for line in block.text.split("\n") if (found := PRINTS.search(line))]
    assert list(run.lines) == printed
    stopped = run.outcome.stop.reason if run.outcome is not None and run.outcome.stop is not None else None
    assert [stopped] == (STOPS.findall(block.text) or [None])


def test_a_wrong_statement_is_noticed(tmp_path: Path) -> None:
    run = ScriptRunner(tmp_path).run({"main.flow": executable("x = 1\nx + 1  # -> 3\n")})
    assert [(line, kind) for _, line, _, kind, _ in reported(run)] == [(2, "error")]


LANGUAGE = (ROOT / "spec" / "language.md").read_text(encoding="utf-8")


def test_every_name_of_the_universe_is_described(tmp_path: Path) -> None:
    predeclared = ScriptRunner(tmp_path).build({"main.flow": ""}, "main.flow").programs
    prelude = [name for program in predeclared if program.name.startswith("@prelude") for name in program.exports]
    names = {*UNIVERSE, *exported_by_prelude(name for name in prelude if name != "assert")}
    assert not [name for name in sorted(names) if not re.search(rf"`{name}\b", LANGUAGE)]


@pytest.mark.parametrize("spec", shipped_actions(), ids=lambda spec: spec.name)
def test_every_action_is_described_with_its_signature(spec) -> None:
    assert signature_text(spec) in LANGUAGE.replace("\n    ", " ").replace("( ", "(")


def test_the_embedding_example_of_the_readme_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (code,) = [found["text"] for found in FENCE.finditer(DOCUMENTS[0].read_text()) if found["language"] == "python"]
    (tmp_path / "report.flow").write_text('print("hello from the report")\n')
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    exec(code, names)
    outcome = names["outcome"]
    assert isinstance(outcome, RunOutcome)
    assert outcome.run_id == "report-1"
    assert outcome.status is RunStatus.COMPLETED
