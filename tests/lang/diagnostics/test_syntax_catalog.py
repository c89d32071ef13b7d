"""The explanations of the syntax's slugs are true, and complete."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import flowlang.lang.syntax
from flowlang.lang.diagnostics import catalog_habit, catalog_lexical, catalog_syntax
from flowlang.lang.diagnostics.catalog import Entry, all_slugs, entry
from flowlang.lang.source import SourceFile
from flowlang.lang.syntax.parser import parse

ENTRIES = (*catalog_lexical.ENTRIES, *catalog_syntax.ENTRIES, *catalog_habit.ENTRIES)
SOURCES = Path(flowlang.lang.syntax.__file__).parent


def slugs_of(text: str) -> list[str]:
    return [diagnostic.slug for diagnostic in parse(SourceFile("test.flow", text))[1]]


@pytest.mark.parametrize("known", ENTRIES, ids=lambda known: known.slug)
def test_the_wrong_program_gets_the_slug_and_the_right_one_nothing(known: Entry) -> None:
    is_described_in_words = known.wrong.startswith("#")
    assert slugs_of(known.wrong) == ([] if is_described_in_words else [known.slug])
    assert slugs_of(known.right) == []


@pytest.mark.parametrize("known", ENTRIES, ids=lambda known: known.slug)
def test_the_form_of_the_texts(known: Entry) -> None:
    assert re.fullmatch(r"[a-z]+(-[a-z]+)*", known.slug)
    assert known.title[0] in "`" or known.title[0].islower()
    assert not known.title.endswith(".")
    assert known.explanation.endswith(".")
    assert known.wrong.endswith("\n")
    assert known.right.endswith("\n")
    assert known.title not in known.explanation


def test_every_slug_that_the_syntax_uses_is_explained() -> None:
    found = set()
    for path in SOURCES.glob("*.py"):
        found |= set(re.findall(r'"([a-z]+(?:-[a-z]+)*)"', path.read_text(encoding="utf-8")))
    slugs = {known.slug for known in ENTRIES}
    assert {text for text in found if "-" in text} <= slugs
    assert slugs <= found


def test_the_catalog_finds_entries() -> None:
    assert entry("f-string") in catalog_lexical.ENTRIES
    assert entry("no-such-slug") is None
    assert {known.slug for known in ENTRIES} <= set(all_slugs())
    assert list(all_slugs()) == sorted(set(all_slugs()))
