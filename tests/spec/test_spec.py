"""Runs every block marked `flow` in the README and in `spec/*.md`, as `spec/language.md` describes at its top."""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import pytest
from bare_block import evaluate
from outside_world import OutsideWorld
from script_run import ScriptRunner
from spec_block import BUDGET, DOCUMENTS, ENTRY, FENCE, LANGUAGE_PAGES, ROOT, Block, Expected, blocks, executable

from flowlang.actions import shipped_actions
from flowlang.lang.diagnostics.diagnostic import Diagnostic
from flowlang.lang.interpreter import UNIVERSE
from flowlang.lang.resolve.dialect import FLOW
from flowlang.lang.universe.flows import exported_by_prelude
from flowlang.lang.values.protocol import VALUE_TYPES
from flowlang.lang.values.result import Failure
from flowlang.lang.values.struct import Struct
from flowlang.runtime.action import signature_text
from flowlang.runtime.clock import SystemClock
from flowlang.runtime.journal.journal import RunStatus
from flowlang.runtime.journal.locate import open_journal


def reported(diagnostics: Sequence[Diagnostic], failure: Failure | None) -> list[Expected]:
    """Everything that was reported of a block, in the form of what it says."""
    found = []
    for diagnostic in diagnostics:
        assert diagnostic.primary is not None
        place = diagnostic.primary
        severity = diagnostic.severity.value
        found.append(Expected(place.source.name, place.span[0], severity, diagnostic.slug, diagnostic.message))
    if failure is not None:
        line = [frame.fields["line"] for frame in failure.trace if frame.fields["path"] == ENTRY][-1]
        found.append(Expected(ENTRY, line, "error", failure.kind, failure.message))
    return sorted(found, key=lambda each: (each.module, each.line, each.severity, each.kind))


def check(block: Block, modules: set[str], got: list[Expected], lines: Sequence[str], stopped: str | None) -> None:
    """Compares what happened with what the block says."""
    expected = block.expected(modules)
    places = [(each.module, each.line, each.severity, each.kind) for each in expected]
    assert [(each.module, each.line, each.severity, each.kind) for each in got] == places, got
    for said, found in zip(expected, got, strict=True):
        assert said.text in found.text
    assert list(lines) == block.printed
    assert stopped == (block.stop[0] if block.stop is not None else None)


@pytest.mark.parametrize("block", [pytest.param(block, id=f"{block.document}:{block.line}") for block in blocks()])
def test_block(block: Block, tmp_path: Path) -> None:
    budget = block.stop[1] if block.stop is not None else BUDGET
    for dialect in block.dialects:
        bare = evaluate(block.sources, dialect, budget)
        check(block, bare.modules, reported(bare.diagnostics, bare.failure), bare.lines, bare.stopped)
    if not block.dialects:
        outside = OutsideWorld(block.signals, block.decisions)
        run = ScriptRunner(tmp_path, budget).run(block.sources, outside=outside)
        stopped = run.outcome.stop.reason if run.outcome is not None and run.outcome.stop is not None else None
        check(block, set(run.modules), reported(run.diagnostics, run.failure), run.lines, stopped)


def test_a_wrong_statement_is_noticed() -> None:
    for text, line in (("x = 1\nx + 1  # -> 3\n", 2), ("1 // 1  # fails: division-by-zero\n", 1)):
        bare = evaluate({ENTRY: executable(text)}, FLOW, BUDGET)
        assert [(found.line, found.kind) for found in reported(bare.diagnostics, bare.failure)] == [(line, "error")]


PAGES = {name: (ROOT / "spec" / name).read_text(encoding="utf-8") for name in LANGUAGE_PAGES}
LANGUAGE = "\n".join(PAGES.values())
EXAMPLES = "\n".join(found["text"] for found in FENCE.finditer(LANGUAGE) if found["language"] == "flow")


def test_every_name_of_the_universe_is_described(tmp_path: Path) -> None:
    predeclared = ScriptRunner(tmp_path).build({"main.flow": ""}, "main.flow").programs
    prelude = [name for program in predeclared if program.name.startswith("@prelude") for name in program.exports]
    names = {*UNIVERSE, *exported_by_prelude(name for name in prelude if name != "assert")}
    assert not [name for name in sorted(names) if not re.search(rf"`{name}\b", LANGUAGE)]


def test_every_method_is_described_and_shown() -> None:
    """Each has a row or entry in its type's section that gives its signature, and is called in an example."""
    methods = sorted({name for kind in VALUE_TYPES.values() for name in kind.methods})
    assert not [name for name in methods if f"`{name}(" not in LANGUAGE and f"`args.{name}" not in LANGUAGE]
    assert not [name for name in methods if f".{name}(" not in EXAMPLES]


@pytest.mark.parametrize("module", [name for name, value in UNIVERSE.items() if not callable(value) and value])
def test_every_function_of_a_module_is_described(module: str) -> None:
    value = UNIVERSE[module]
    if isinstance(value, Struct):
        assert not [name for name in value.fields if f"`{name}" not in PAGES["universe.md"]]


def test_every_builtin_is_shown() -> None:
    functions = [name for name, value in UNIVERSE.items() if callable(value)]
    assert not [name for name in sorted(functions) if not re.search(rf"\b{name}\(", EXAMPLES)]


def test_the_table_of_contents_is_complete() -> None:
    """Every section of every page of the language can be found from its entry."""
    entry = PAGES["language.md"]
    missing = []
    for name, text in PAGES.items():
        plain = re.sub(r"^```.*?^```$", "", text, flags=re.M | re.S)
        titles = re.findall(r"^## (.+)$", plain, re.M)
        page = "" if name == "language.md" else name
        missing += [f"{name}: {title}" for title in titles if f"({page}#{anchor(title)})" not in entry]
    assert not missing


def anchor(title: str) -> str:
    """The anchor that Markdown renderers give to a heading."""
    return re.sub(r"[^a-z0-9 _-]", "", title.lower()).replace(" ", "-")


def test_the_table_of_contents_leads_somewhere() -> None:
    broken = []
    for page, text in PAGES.items():
        for target, title in re.findall(r"\]\(([a-z]*(?:\.md)?)#([a-z0-9_-]+)\)", text):
            titles = re.findall(r"^#+ (.+)$", PAGES.get(target or page, ""), re.M)
            if title not in map(anchor, titles):
                broken.append(f"{page}: {target}#{title}")
    assert not broken


@pytest.mark.parametrize("spec", shipped_actions(), ids=lambda spec: spec.name)
def test_every_action_is_described_with_its_signature(spec) -> None:
    assert signature_text(spec) in LANGUAGE.replace("\n    ", " ").replace("( ", "(")


def test_the_embedding_example_of_the_readme_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written = [found["text"] for found in FENCE.finditer(DOCUMENTS[0].read_text()) if found["language"] == "python"]
    (code,) = [text for text in written if "Engine(" in text]
    (tmp_path / "report.flow").write_text('print("hello from the report")\n')
    monkeypatch.chdir(tmp_path)
    exec(code, {})
    with closing(open_journal(str(tmp_path / "runs.db"), SystemClock())) as journal:
        assert journal.run("report-1").status is RunStatus.COMPLETED
