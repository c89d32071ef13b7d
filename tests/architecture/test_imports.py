"""What imports what, and how little is imported before it is needed."""

from __future__ import annotations

import ast
import importlib
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "flowlang"
HEAVY = {"sqlalchemy", "lark", "click", "rich", "greenlet", "sqlite3", "asyncio"}


def imported_by(*statements: str) -> set[str]:
    """The top-level packages that a fresh interpreter has after these statements."""
    program = "\n".join([*statements, "import sys", "print(*{name.partition('.')[0] for name in sys.modules})"])
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    return set(done.stdout.splitlines()[-1].split())


def test_packages_import_each_other_as_the_contracts_say() -> None:
    linter = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([linter, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert "0 broken" in done.stdout


def test_importing_the_package_imports_nothing_heavy() -> None:
    assert not HEAVY & imported_by("import flowlang")


def test_help_needs_neither_the_language_nor_a_database() -> None:
    run = "from flowlang.cli.main import run"
    help_text = "try:\n    run(['--help'])\nexcept SystemExit:\n    pass"
    assert not (HEAVY - {"click"}) & imported_by(run, help_text)


def test_importing_the_engine_imports_no_database() -> None:
    assert not {"sqlalchemy", "lark", "click", "rich"} & imported_by("from flowlang import Engine")


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: str(path.relative_to(ROOT)))
def test_public_names_are_sorted_and_there(path: Path) -> None:
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and any(isinstance(t, ast.Name) and t.id == "__all__" for t in node.targets):
            names = ast.literal_eval(node.value)
            assert names == sorted(names, key=lambda name: (not name.isupper(), not name[:1].isupper(), name))
            module = importlib.import_module(
                ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
            )
            assert not [name for name in names if not hasattr(module, name)]
