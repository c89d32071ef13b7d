"""Style that a machine can check: sizes, names, words, links, and an explanation for every slug."""

from __future__ import annotations

import ast
import re
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from flowlang.lang.diagnostics.catalog import all_slugs, entry

ROOT = Path(__file__).parents[2]
LINES_MAX = 500
FUNCTION_LINES_MAX = 70
FILE_BYTES_MAX = 3_000_000
MODULE_NAMES_BANNED = {"utils", "util", "common", "helpers", "helper", "misc", "base", "core_utils", "tools", "stuff"}
SLUG = re.compile(r"[a-z]+(?:-[a-z0-9]+)*")
TEXT_FILES = {".py", ".flow", ".md", ".toml", ".lark", ".cfg", ".golden"}


@cache
def files() -> list[Path]:
    """All files that belong to the project: tracked ones, and new ones that are not ignored."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, check=False)
    if done.returncode != 0:
        pytest.skip("not a git checkout")
    paths = [ROOT / name for name in done.stdout.decode().split("\0") if name]
    return [path for path in paths if path.is_file()]


def python_files() -> list[Path]:
    return [path for path in files() if path.suffix == ".py"]


def named(paths: list[Path]) -> list[str]:
    return [str(path.relative_to(ROOT)) for path in paths]


def definitions(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node


def test_files_are_short() -> None:
    paths = [path for path in files() if path.suffix in {".py", ".flow", ".lark"}]
    assert not [path for path in named(paths) if len((ROOT / path).read_text().splitlines()) > LINES_MAX]


def test_nothing_large_or_generated_is_kept() -> None:
    generated = {".db", ".sqlite", ".pyc", ".whl", ".zip"}
    assert not named([path for path in files() if path.suffix in generated or path.stat().st_size > FILE_BYTES_MAX])


def test_functions_are_short() -> None:
    long = []
    for path in python_files():
        for node in definitions(ast.parse(path.read_text())):
            if not isinstance(node, ast.ClassDef) and (node.end_lineno or 0) - node.lineno >= FUNCTION_LINES_MAX:
                long.append(f"{path.relative_to(ROOT)}:{node.lineno} {node.name}")
    assert not long


def test_modules_are_named_after_what_they_hold() -> None:
    assert not [path for path in named(python_files()) if Path(path).stem in MODULE_NAMES_BANNED]


def test_everything_public_is_documented() -> None:
    missing = []
    for path in python_files():
        if (ROOT / "flowlang") not in path.parents or not path.read_text().strip():
            continue
        tree = ast.parse(path.read_text())
        if ast.get_docstring(tree) is None:
            missing.append(str(path.relative_to(ROOT)))
        for node in tree.body:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and not _is_understood(node):
                missing.append(f"{path.relative_to(ROOT)}:{node.lineno} {node.name}")
    assert not missing


def _is_understood(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """A private function; one with a docstring; one that a decorator enters into a table, with whose other entries it
    is read; or one of a single statement."""
    is_plain = bool(node.decorator_list) or len(node.body) == 1
    return node.name.startswith("_") or ast.get_docstring(node) is not None or is_plain


def banned_words() -> dict[str, str]:
    """The synonyms that `spec/glossary.md` bans from identifiers, with the words to use."""
    text = (ROOT / "spec" / "glossary.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| ([a-z ]+?) \|[^|]*\| ([a-z ,]*?) \|$", text, re.M)
    return {
        banned: word for word, synonyms in rows if word != "word" for banned in re.split(r", *", synonyms) if banned
    }


def identifiers(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """The names that a module gives to something."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.lineno, node.name
        elif isinstance(node, ast.arg):
            yield node.lineno, node.arg
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.lineno, node.id


def test_one_word_for_one_thing() -> None:
    banned = banned_words()
    assert len(banned) > 10
    found = []
    for path in python_files():
        if (ROOT / "flowlang") in path.parents:
            for line, name in identifiers(ast.parse(path.read_text())):
                words = re.findall(r"[A-Z]?[a-z]+", name)
                found += [f"{path.relative_to(ROOT)}:{line} {name}" for word in words if word.lower() in banned]
    assert not found


def test_every_slug_is_explained() -> None:
    """Slugs are the first argument of what reports something, so they are found by the callee's name."""
    missing = set()
    for path in python_files():
        if (ROOT / "flowlang") not in path.parents:
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and node.args and _reports(node.func):
                slug = node.args[0]
                if (
                    isinstance(slug, ast.Constant)
                    and isinstance(slug.value, str)
                    and slug.value
                    and entry(slug.value) is None
                ):
                    missing.add(f"{slug.value} ({path.relative_to(ROOT)}:{node.lineno})")
    assert not sorted(missing)


def _reports(callee: ast.expr) -> bool:
    name = callee.id if isinstance(callee, ast.Name) else callee.attr if isinstance(callee, ast.Attribute) else ""
    return name in {"Fault", "ActionError", "LoadProblem", "Diagnostic"}


@pytest.mark.parametrize("slug", all_slugs())
def test_explanations_are_complete(slug: str) -> None:
    found = entry(slug)
    assert found is not None
    assert SLUG.fullmatch(slug)
    assert found.title
    assert not found.title.endswith(".")
    assert found.explanation.endswith((".", "?", ")"))
    assert found.wrong != found.right


def links(text: str) -> Iterator[str]:
    """The targets of Markdown links, without those inside code."""
    text = re.sub(r"^```.*?^```$", "", text, flags=re.M | re.S)
    text = re.sub(r"`[^`\n]*`", "", text)
    return (found[1] for found in re.finditer(r"\]\(([^)\s]+)\)", text))


def test_links_lead_somewhere() -> None:
    broken = []
    for path in files():
        if path.suffix == ".md":
            for target in links(path.read_text(encoding="utf-8")):
                if "://" not in target and not (path.parent / target.partition("#")[0]).exists():
                    broken.append(f"{path.relative_to(ROOT)}: {target}")
    assert not broken


def test_the_project_explains_itself() -> None:
    """Nothing speaks of where or by whom it was written."""
    pattern = re.compile(r"/work/|\bTODO\b|\bFIXME\b|co-authored|language model|\bchat ?bot\b", re.I)
    found = []
    for path in files():
        if path.suffix in TEXT_FILES and path != Path(__file__):
            for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
                if pattern.search(line):
                    found.append(f"{path.relative_to(ROOT)}:{number}: {line.strip()[:80]}")
    assert not found


def test_the_map_of_the_implementation_is_right() -> None:
    text = (ROOT / "spec" / "implementation.md").read_text(encoding="utf-8")
    mentioned = set(re.findall(r"`((?:flowlang|prelude|stdlib|tests|bench|examples|spec|\.ci)/[\w./-]*)`", text))
    assert not [name for name in sorted(mentioned) if not (ROOT / name).exists()]
    sections = dict(re.findall(r"^## `([\w/]+/)`.*?\n(.*?)(?=^## )", text, re.M | re.S))
    found = {folder + name for folder, body in sections.items() for name in re.findall(r"`(\w+\.py)`", body)}
    modules = {name for name in named(python_files()) if name.startswith("flowlang/") and "__init__" not in name}
    assert sorted(modules - found) == []
    assert sorted(found - modules) == []
