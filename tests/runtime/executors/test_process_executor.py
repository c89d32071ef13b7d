"""Processes of their own: they crash and are killed, and nobody else is harmed."""

from __future__ import annotations

import os
import select
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import probes
import pytest
from attempt_log import WAIT_S, Laboratory

from flowlang.runtime.action import action
from flowlang.runtime.executors.executor import Success
from flowlang.runtime.executors.processes import ProcessExecutor


@pytest.fixture
def executor() -> Iterator[ProcessExecutor]:
    made = ProcessExecutor(processes_max=2)
    yield made
    made.close()


def test_a_process_is_used_again(laboratory: Laboratory, executor: ProcessExecutor) -> None:
    first = laboratory.run(executor, probes.process_id)
    assert first != os.getpid()
    assert laboratory.run(executor, probes.process_id) == first


def test_a_process_that_exits_is_a_failure(laboratory: Laboratory, executor: ProcessExecutor) -> None:
    found = laboratory.run(executor, probes.exit_at_once, code=3)
    assert (found.kind, found.retryable) == ("worker-died", True)
    assert found.message == "the process that performed `exit_at_once` ended with exit code 3"
    assert found.data == {"action": "exit_at_once", "exit_code": 3}
    assert laboratory.run(executor, probes.echo, value=1) == [1]


def test_a_crash_is_a_failure(laboratory: Laboratory, executor: ProcessExecutor) -> None:
    found = laboratory.run(executor, probes.crash)
    assert found.kind == "worker-died"
    assert "SIGSEGV" in found.message
    assert laboratory.run(executor, probes.echo, value=1) == [1]


def test_a_timeout_kills_what_cannot_be_stopped(laboratory: Laboratory, executor: ProcessExecutor) -> None:
    process = laboratory.run(executor, probes.process_id)
    started_s = time.monotonic()
    assert laboratory.run(executor, probes.sleep_for_ever, 0.05).kind == "timeout"
    assert time.monotonic() - started_s < probes.LONG_S / 2
    with pytest.raises(ProcessLookupError):
        os.kill(process, 0)


def test_cancelling_kills_the_process(laboratory: Laboratory, executor: ProcessExecutor) -> None:
    attempt = laboratory.attempt(probes.sleep_for_ever)
    executor.submit(attempt, laboratory.done)
    attempt.context.cancel()
    (outcome,) = laboratory.wait(1)
    assert not isinstance(outcome, Success)
    assert outcome.kind == "cancelled"


HOST = """
import sys, threading
from pathlib import Path
sys.path.insert(0, sys.argv[1])
import probes
from attempt_log import Laboratory
from flowlang.runtime.executors.processes import ProcessExecutor

laboratory, executor = Laboratory(Path(sys.argv[2])), ProcessExecutor(processes_max=1)
print(laboratory.run(executor, probes.process_id), flush=True)
executor.submit(laboratory.attempt(probes.sleep_for_ever), laboratory.done)
threading.Event().wait()
"""


def test_no_process_survives_its_host(tmp_path: Path) -> None:
    """A host that is killed cannot end its processes; they find out by themselves, also in the middle of an action."""
    arguments = [sys.executable, "-c", HOST, str(Path(__file__).parent), str(tmp_path)]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True) as host:
        assert host.stdout is not None
        process = int(host.stdout.readline())
        watch = os.pidfd_open(process)
        host.kill()
    assert select.select([watch], [], [], WAIT_S)[0], "it still runs"
    os.close(watch)


def test_an_action_that_no_process_can_find_is_refused() -> None:
    def local() -> None: ...

    with pytest.raises(TypeError, match="top level"):
        action(isolation="process")(local)
    with pytest.raises(TypeError, match="inline"):
        action(isolation="process", inline=True)(probes.echo.function)
