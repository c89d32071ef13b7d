"""The workbench as a fixture."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from workbench import Workbench


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Workbench]:
    (tmp_path / "project").mkdir()
    made = Workbench(tmp_path / "project")
    yield made
    made.close()
