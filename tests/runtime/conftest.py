"""Folders for tests that kill processes by the hundred."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

MEMORY = Path("/dev/shm")


@pytest.fixture
def quick_path(request: pytest.FixtureRequest) -> Iterator[Path]:
    """A folder in memory where the system has such a place, else on the disk. A killed process loses nothing of what
    it wrote to either, so only the time differs. It is kept when the test fails."""
    if not MEMORY.is_dir():
        yield request.getfixturevalue("tmp_path")
        return
    folder = Path(tempfile.mkdtemp(prefix="flowlang-", dir=MEMORY))
    failed = request.session.testsfailed
    yield folder
    if request.session.testsfailed == failed:
        shutil.rmtree(folder)
