"""Makes attempts of actions and collects what executors report of them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from attempt_log import Laboratory

from flowlang.runtime.executors.asynchronous import AsyncExecutor
from flowlang.runtime.executors.dispatcher import Dispatcher
from flowlang.runtime.executors.executor import Executor
from flowlang.runtime.executors.inline import InlineExecutor
from flowlang.runtime.executors.processes import ProcessExecutor
from flowlang.runtime.executors.threads import ThreadExecutor


@pytest.fixture
def laboratory(tmp_path: Path) -> Laboratory:
    return Laboratory(tmp_path)


@pytest.fixture(params=[InlineExecutor, ThreadExecutor, AsyncExecutor, ProcessExecutor, Dispatcher])
def any_executor(request: pytest.FixtureRequest) -> Iterator[Executor]:
    """Each executor there is; its actions must stand at the top level of a module."""
    made: Executor = request.param()
    yield made
    made.close()


@pytest.fixture(params=[InlineExecutor, ThreadExecutor, AsyncExecutor, Dispatcher])
def executor(request: pytest.FixtureRequest) -> Iterator[Executor]:
    made: Executor = request.param()
    yield made
    made.close()
