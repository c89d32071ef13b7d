"""The kernels of the benchmark mean the same in flowlang and in CPython."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

BENCH = Path(__file__).parents[2] / "bench"
KERNELS = sorted((BENCH / "kernels").glob("*.flow"))
SMALL_SIZE = 6


def test_there_are_kernels() -> None:
    assert len(KERNELS) >= 20


@pytest.mark.parametrize("path", KERNELS, ids=lambda path: path.stem)
def test_kernel_means_the_same_in_python(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(BENCH)
    from engines import canonical, in_flowlang, in_python

    text = path.read_text()
    assert any(line.startswith("SIZE = ") for line in text.splitlines())
    assert canonical(in_flowlang(text)(SMALL_SIZE)) == canonical(in_python(text)(SMALL_SIZE))
    monkeypatch.delitem(sys.modules, "engines")
