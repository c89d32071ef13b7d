"""A folder of scripts, and engines over it."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest
from engine_world import World


@pytest.fixture(params=["memory", "sqlite"])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> World:
    return World(tmp_path, request.param)


@pytest.fixture
def sqlite_world(tmp_path: Path) -> World:
    return World(tmp_path, "sqlite")


Test = Callable[..., Coroutine[Any, Any, None]]
