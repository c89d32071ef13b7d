"""The same script with the same inputs has the same journal, in any process, whatever hashes its texts have."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from run_project import RunProject
from workload import WORKLOADS

FOLDER = Path(__file__).parent

SCRIPT = """
def _names_impl(fctx, names):
    found = {name: len(name) for name in names}
    for name in set(names) | set(["x", "y"]):
        print(name, found.get(name), hash(name))
    return [set(names), found, {(1, "a"): True}]

names = flow(implementation = _names_impl)
print(names(["b", "a", "zebra", "a"]))
print(sorted({"c": 1, "a": 2, "b": 3}), dir(struct(z = 1, a = 2)))
"""


def journals(root: Path) -> list[str]:
    """The canonical journals of all workloads, run in folders of their own."""
    shown = []
    for name, workload in [*WORKLOADS.items(), ("names", None)]:
        folder = root / name
        folder.mkdir()
        if workload is not None:
            workload.install(folder)
        project = RunProject(folder, SCRIPT if workload is None else workload.script)
        project.start()
        shown += [name, *map(repr, project.canonical())]
    return shown


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    return journals(tmp_path_factory.mktemp("expected"))


def test_two_runs_have_the_same_journal(tmp_path: Path, expected: list[str]) -> None:
    assert journals(tmp_path) == expected
    assert len(expected) > 100


@pytest.mark.parametrize("seed", ["0", "1", "4294967295"])
def test_hashes_of_texts_do_not_show_in_a_journal(tmp_path: Path, expected: list[str], seed: str) -> None:
    code = (
        f"import sys; sys.path.insert(0, {str(FOLDER)!r}); from pathlib import Path\n"
        "from test_same_journal import journals\n"
        f"print(*journals(Path({str(tmp_path)!r})), sep='\\n')"
    )
    environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=100, check=True
    )
    assert done.stdout.splitlines() == [line for each in expected for line in each.splitlines()]
