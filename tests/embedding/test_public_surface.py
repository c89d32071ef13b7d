"""The names that `flowlang` exports, and how little is imported for them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import flowlang

ROOT = Path(__file__).parents[2]
HEAVY = {"sqlalchemy", "lark", "click", "rich", "sqlite3", "asyncio"}


def imported_by(program: str) -> set[str]:
    """The top-level packages that a fresh interpreter has after a program."""
    text = f"{program}\nimport sys\nprint(*{{name.partition('.')[0] for name in sys.modules}})"
    done = subprocess.run([sys.executable, "-c", text], cwd=ROOT, capture_output=True, text=True, check=True)
    return set(done.stdout.splitlines()[-1].split())


def test_every_name_is_there_and_typed() -> None:
    assert flowlang.__all__ == sorted(flowlang.__all__)
    for name in flowlang.__all__:
        assert getattr(flowlang, name) is not None
    assert set(flowlang.__all__) == set(vars(flowlang)["_HOMES"])
    assert (ROOT / "flowlang" / "py.typed").exists()
    written = (ROOT / "flowlang" / "__init__.py").read_text(encoding="utf-8")
    assert not [name for name in flowlang.__all__ if name not in written.partition("_HOMES")[0]]


def test_an_unknown_name() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Interpeter'"):
        flowlang.Interpeter  # noqa: B018


def test_dir_lists_the_names() -> None:
    assert {"Interpreter", "Budget", "builtin"} <= set(dir(flowlang))


def test_importing_flowlang_imports_nothing() -> None:
    assert not (HEAVY | {"attrs", "attr", "greenlet"}) & imported_by("import flowlang")


def test_embedding_imports_nothing_heavy() -> None:
    names = (
        "Budget, Dialect, Err, EvaluationError, FileLoader, Interpreter, MappingLoader, Ok, builtin, check, value_type"
    )
    assert not HEAVY & imported_by(f"from flowlang import {names}")


def test_evaluating_imports_nothing_heavy() -> None:
    """Lark made the table of the parser, which is saved; a process only reads it."""
    program = """
from flowlang import Interpreter, check
interpreter = Interpreter(loader={"a.flow": "def f(x):\\n    return x + 1\\n"})
assert interpreter.load("a.flow").call("f", 1) == 2
assert check("x = (") != []
"""
    assert not (HEAVY - {"lark"}) & imported_by(program)
    imported_by(program)
    assert not HEAVY & imported_by(program)


USE = """
from collections.abc import Callable
from flowlang import Builtin, Err, Function, Interpreter, Module, Ok, Watch, builtin, value_type

@builtin
def twice(function: Callable[[int], int], x: int) -> int:
    return function(function(x))

@builtin(name="half", steps=5)
def halved(x: float) -> float:
    return x / 2

@value_type(fields=("x",))
class Point:
    x: int = 1

typed: Builtin[[Callable[[int], int], int], int]
quarter: float = halved(0.5)
interpreter = Interpreter(loader={"a.flow": "x = 1"}, predeclared={"twice": twice, "tools": {"half": halved}})
module: Module = interpreter.load("a.flow")
outcome: Ok | Err = interpreter.call("a.flow:f", {"x": 1})
match outcome:
    case Ok(value):
        print(value)
    case Err(failure):
        print(failure.kind)
with Watch() as watch:
    print(watch.usage.steps)
wrong: int = halved("a")
"""


def test_hosts_are_checked_by_their_types(tmp_path: Path) -> None:
    pytest.importorskip("mypy")
    (tmp_path / "host.py").write_text(USE)
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--config-file", "", "--cache-dir", ROOT / ".mypy_cache" / "host",
         tmp_path / "host.py"],
        cwd=tmp_path, env={"MYPYPATH": str(ROOT), "PATH": ""}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    found = [line for line in done.stdout.splitlines() if "host.py" in line]
    assert [line.rpartition("  ")[2] for line in found] == ["[assignment]", "[arg-type]"], done.stdout
    assert 'expression has type "float", variable has type "int"' in found[0]
    assert 'incompatible type "str"; expected "float"' in found[1]
