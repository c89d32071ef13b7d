"""Every slug is explained, used, and exercised by a test."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from flowlang.cli.problem import is_explained
from flowlang.lang.diagnostics.catalog import all_slugs, entry

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "flowlang"
SLUG = re.compile(r"[a-z]+(?:-[a-z0-9]+)+")
REPORTING = {
    "problem",
    "report",
    "_error",
    "error",
    "add",
    "LiteralProblem",
    "Refusal",
    "Fault",
    "LoadProblem",
    "Diagnostic",
}
"""Callees whose first argument is a slug."""
TEXTS = {".py", ".flow", ".md", ".golden"}


def trees() -> Iterator[tuple[Path, ast.Module]]:
    for path in PACKAGE.rglob("*.py"):
        if not path.name.startswith("catalog_"):
            yield path, ast.parse(path.read_text(encoding="utf-8"))


@cache
def used_texts() -> frozenset[str]:
    """All string constants of the package, apart from the catalog's own, and the kinds of failures that the prelude and
    the standard library make."""
    constants = {
        node.value
        for _, tree in trees()
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    for folder in ("prelude", "stdlib"):
        for path in (ROOT / folder).rglob("*.flow"):
            constants.update(re.findall(r'failure\("([a-z-]+)"', path.read_text(encoding="utf-8")))
    return frozenset(constants)


@cache
def texts_of_tests() -> str:
    """What tests and executed specifications say."""
    folders = [ROOT / "tests", ROOT / "spec"]
    paths = [path for folder in folders for path in folder.rglob("*") if path.suffix in TEXTS]
    return "\n".join(path.read_text(encoding="utf-8", errors="replace") for path in paths)


def test_what_is_reported_is_explained() -> None:
    missing = set()
    for path, tree in trees():
        for node in ast.walk(tree):
            if not isinstance(node, ast.Call) or not node.args or not isinstance(node.args[0], ast.Constant):
                continue
            callee = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
            slug = node.args[0].value
            if callee in REPORTING and isinstance(slug, str) and SLUG.fullmatch(slug) and not is_explained(slug):
                missing.add(f"{slug} ({path.relative_to(ROOT)}:{node.lineno})")
    assert not sorted(missing)


@pytest.mark.parametrize("slug", all_slugs())
def test_what_is_explained_is_used_and_exercised(slug: str) -> None:
    found = entry(slug)
    assert found is not None
    assert slug in used_texts(), "nothing reports it"
    # The programs of the catalog are run by the tests of its parts, unless the wrong one is told in words.
    is_run = not found.wrong.startswith("#")
    assert is_run or re.search(rf"(?<![\w-]){slug}(?![\w-])", texts_of_tests()), "no test provokes it"
