"""Makes attempts of actions and collects what executors report of them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from attempt_log import Laboratory

from flowlang.runtime.executors.executor import Executor
from flowlang.runtime.executors.inline import InlineExecutor
from flowlang.runtime.executors.threads import ThreadExecutor


@pytest.fixture
def laboratory(tmp_path: Path) -> Laboratory:
    return Laboratory(tmp_path)


@pytest.fixture(params=[InlineExecutor, ThreadExecutor])
def executor(request: pytest.FixtureRequest) -> Iterator[Executor]:
    made: Executor = request.param()
    yield made
    made.close()
