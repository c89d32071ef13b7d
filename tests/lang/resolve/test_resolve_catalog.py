"""The explanations of the resolver's slugs are true: the wrong program gets the slug, the right one gets nothing."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from resolve_world import PREDECLARED, analyse_source

import flowlang
from flowlang.lang.diagnostics.catalog_resolve import ENTRIES
from flowlang.lang.resolve.dialect import FLOW, STANDARD
from flowlang.lang.resolve.load_graph import load_modules
from flowlang.loaders import MappingLoader, source_reader

ONLY_STANDARD = {"top-level-control", "chained-assignment", "type-annotation", "rebound-global"}
PACKAGE = Path(flowlang.__file__).parent


def slugs(text: str, slug: str) -> set[str]:
    dialect = STANDARD if slug in ONLY_STANDARD else FLOW
    modules = {"main.flow": text, "lib.flow": "def clean(row):\n    return row\n\ntidy = clean\n"}
    graph = load_modules(
        "main.flow",
        source_reader(MappingLoader(modules)),
        lambda source: analyse_source(source, dialect),
        prelude_exports=PREDECLARED,
    )
    return {diagnostic.slug for diagnostic in graph.diagnostics}


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.slug)
def test_programs(entry):
    described_in_words = entry.wrong.startswith("#")
    assert slugs(entry.wrong, entry.slug) == (set() if described_in_words else {entry.slug})
    assert slugs(entry.right, entry.slug) == set()


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.slug)
def test_texts(entry):
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", entry.slug)
    assert entry.title[0].islower() or entry.title[0] == "`"
    assert not entry.title.endswith(".")
    assert entry.explanation.endswith(".")


def test_every_slug_is_explained():
    files = [*(PACKAGE / "lang" / "resolve").glob("*.py"), PACKAGE / "loaders.py", PACKAGE / "library.py"]
    used = set()
    for path in files:
        text = path.read_text(encoding="utf-8")
        used |= set(re.findall(r'(?:LoadProblem|Diagnostic|findings\.add)\(\s*"([a-z0-9-]+)"', text))
        used |= set(re.findall(r'slug, message = "([a-z-]+)"', text))
    used |= {"break-outside-loop", "continue-outside-loop"}
    assert used == {entry.slug for entry in ENTRIES}
