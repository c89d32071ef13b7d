"""A script sees nothing that differs from one process to another: the same chunks give the same lines, errors, values,
steps and memory whatever the seed of hashes, the machine's locale and time zone, the host's limits, and what ran
before in the process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
PROCESSES: list[tuple[str, list[str], dict[str, str]]] = [
    ("forwards", [], {"PYTHONHASHSEED": "0"}),
    (
        "backwards",
        ["-X", "int_max_str_digits=640"],
        {"PYTHONHASHSEED": "4242", "TZ": "Asia/Kolkata", "LC_ALL": "tr_TR.UTF-8", "LANG": "tr_TR.UTF-8"},
    ),
    ("forwards", ["-O"], {"PYTHONHASHSEED": "77", "TZ": "America/St_Johns", "PYTHONMALLOC": "malloc", "LC_ALL": "C"}),
]
"""The order of the chunks, options of Python, and what its environment says."""


def fingerprint(order: str, options: list[str], environment: dict[str, str]) -> dict[str, Any]:
    """What `fingerprint.py` sees in a process of its own."""
    path = os.pathsep.join([str(HERE), str(HERE.parent.parent)])
    done = subprocess.run(
        [sys.executable, *options, "-m", "fingerprint", order],
        env={**os.environ, "PYTHONPATH": path, "PYTHONIOENCODING": "utf-8", **environment},
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    seen: dict[str, Any] = json.loads(done.stdout)
    return seen


@pytest.fixture(scope="module")
def first() -> dict[str, Any]:
    return fingerprint(*PROCESSES[0])


@pytest.mark.parametrize("process", PROCESSES[1:], ids=["backwards", "optimised"])
def test_nothing_differs_from_process_to_process(
    process: tuple[str, list[str], dict[str, str]], first: dict[str, Any]
) -> None:
    seen = fingerprint(*process)
    assert seen.keys() == first.keys()
    assert [(name, seen[name], first[name]) for name in first if seen[name] != first[name]] == []


def test_there_is_something_to_compare(first: dict[str, Any]) -> None:
    runs = [run for chunk in first.values() for run in chunk]
    assert sum("used" in run for run in runs) > 300
    assert sum("failure" in run for run in runs) > 50
    assert len({run["stopped"] for run in runs if "stopped" in run}) >= 4
