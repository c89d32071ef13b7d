"""A folder of scripts, and engines over it."""

from __future__ import annotations

from pathlib import Path

import pytest
from engine_world import World


@pytest.fixture(params=["memory", "sqlite", "postgres"])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> World:
    if request.param == "postgres":
        return World(tmp_path, request.getfixturevalue("postgres_url"))
    return World(tmp_path, request.param)


@pytest.fixture
def sqlite_world(tmp_path: Path) -> World:
    return World(tmp_path, "sqlite")
