"""Forked children that may be killed.

Starting a Python process and importing the runtime takes longer than most runs of these tests. So one process that
has imported everything, and has no threads, is forked again and again. The fork server of `multiprocessing` makes
that process (`in_clean_process`), because the process of the tests has threads.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import select
import signal
import sys
import time
import traceback
from collections.abc import Callable
from typing import Any

import attrs

HANGS_AFTER_S = 120.0

processes = multiprocessing.get_context("forkserver")
processes.set_forkserver_preload(["flowlang.actions.sqlite", "flowlang.runtime.journal.sql", "flowlang.testing.ledger"])


@attrs.frozen
class Exit:
    """How a child ended: killed, or with a value (JSON data). `took_s`: from fork to end."""

    killed: bool
    value: Any
    took_s: float


def forked(function: Callable[..., Any], *arguments: Any, kill_after_s: float | None = None) -> Exit:
    """Calls a function in a forked child. After `kill_after_s` the child is killed, unless it is done before. Raises
    RuntimeError with the child's traceback when the function raised."""
    reading, writing = os.pipe()
    sys.stdout.flush()
    sys.stderr.flush()
    began = time.monotonic()
    child = os.fork()
    if child == 0:
        os.close(reading)
        _run_child(writing, function, arguments)
    os.close(writing)
    said, in_time = _read(reading, began + (HANGS_AFTER_S if kill_after_s is None else kill_after_s))
    if not in_time:
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    took_s = time.monotonic() - began
    if not in_time and kill_after_s is None:
        raise RuntimeError(f"a child hangs for {took_s:.0f} seconds")
    if os.WIFSIGNALED(status):
        return Exit(True, None, took_s)
    answer = json.loads(said)
    if "raised" in answer:
        raise RuntimeError(answer["raised"])
    return Exit(False, answer["value"], took_s)


def _run_child(writing: int, function: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
    """Never returns."""
    try:
        try:
            answer = {"value": function(*arguments)}
        except BaseException:
            answer = {"raised": traceback.format_exc()}
        with os.fdopen(writing, "w") as pipe:
            json.dump(answer, pipe)
    finally:
        os._exit(0)


def _read(reading: int, until_s: float) -> tuple[bytes, bool]:
    """All that comes out of a pipe until the other end is closed (then True) or time is over."""
    parts: list[bytes] = []
    with os.fdopen(reading, "rb", buffering=0) as pipe:
        while True:
            left_s = until_s - time.monotonic()
            if left_s <= 0 or not select.select([pipe], [], [], left_s)[0]:
                return b"".join(parts), False
            part = pipe.read(1 << 16)
            if not part:
                return b"".join(parts), True
            parts.append(part)


def in_clean_process(function: Callable[..., Any], *arguments: Any) -> Any:
    """Calls a function in a fresh process that has imported the runtime and has one thread."""
    ours, theirs = processes.Pipe(duplex=False)
    process = processes.Process(target=_answer, args=(theirs, function, arguments))
    process.start()
    theirs.close()
    try:
        value, problem = ours.recv()
    except EOFError:
        process.join()
        raise RuntimeError(f"the process ended with {process.exitcode}") from None
    process.join()
    if problem is not None:
        raise RuntimeError(problem)
    return value


def _answer(pipe: Any, function: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
    try:
        pipe.send((function(*arguments), None))
    except BaseException:
        pipe.send((None, traceback.format_exc()))
