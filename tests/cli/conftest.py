"""Fixtures of the command line's tests."""

from __future__ import annotations

from pathlib import Path

import pytest
from cli_world import World


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    """An empty project as the current directory, without the settings of whoever runs the tests."""
    for name in ("OUTPUT", "COLOR", "VERBOSITY", "DATABASE"):
        monkeypatch.delenv(f"FLOWLANG_{name}", raising=False)
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("FLOWLANG_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("COLUMNS", "100")
    project = tmp_path / "project"
    (project / ".flowlang").mkdir(parents=True)
    monkeypatch.chdir(project)
    return World(project)
