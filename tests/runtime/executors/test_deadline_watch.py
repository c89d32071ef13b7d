"""The thread that watches deadlines."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from flowlang.runtime.executors.deadline import DeadlineWatch

WAIT_S = 30


@pytest.fixture
def deadlines() -> Iterator[DeadlineWatch]:
    made = DeadlineWatch()
    yield made
    made.close()


@contextmanager
def busy(deadlines: DeadlineWatch) -> Iterator[None]:
    """The watcher expires nothing before the end of the block, however long that takes."""
    go_on = threading.Event()
    deadlines.watch(time.monotonic() - 1, lambda: go_on.wait(WAIT_S))
    try:
        yield
    finally:
        go_on.set()


def test_deadlines_expire_in_order_and_never_early(deadlines: DeadlineWatch) -> None:
    expired: list[tuple[str, float]] = []
    done = threading.Event()
    with busy(deadlines):
        now_s = time.monotonic()
        deadlines.watch(now_s + 0.03, lambda: (expired.append(("late", time.monotonic())), done.set()))
        deadlines.watch(now_s + 0.01, lambda: expired.append(("early", time.monotonic())))
        deadlines.watch(now_s - 1, lambda: expired.append(("past", time.monotonic())))
    assert done.wait(WAIT_S)
    assert [name for name, _ in expired] == ["past", "early", "late"]
    assert expired[1][1] >= now_s + 0.01
    assert expired[2][1] >= now_s + 0.03


def test_an_earlier_deadline_wakes_the_sleeping_watcher(deadlines: DeadlineWatch) -> None:
    done = threading.Event()
    deadlines.watch(time.monotonic() + 3600, lambda: None)
    deadlines.watch(time.monotonic() + 0.01, done.set)
    assert done.wait(WAIT_S)


def test_what_was_forgotten_does_not_expire(deadlines: DeadlineWatch) -> None:
    expired: list[str] = []
    done = threading.Event()
    with busy(deadlines):
        now_s = time.monotonic()
        watch = deadlines.watch(now_s + 0.01, lambda: expired.append("forgotten"))
        deadlines.forget(watch)
        deadlines.forget(watch)
        deadlines.watch(now_s + 0.02, done.set)
    assert done.wait(WAIT_S)
    assert expired == []


def test_a_closed_watch_is_silent(deadlines: DeadlineWatch) -> None:
    expired: list[str] = []
    before = threading.enumerate()
    deadlines.watch(time.monotonic() + 3600, lambda: expired.append("x"))
    (watcher,) = set(threading.enumerate()) - set(before)
    deadlines.close()
    deadlines.watch(time.monotonic() - 1, lambda: expired.append("y"))
    watcher.join(WAIT_S)
    assert not watcher.is_alive()
    assert expired == []
