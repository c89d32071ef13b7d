"""The clock that tests move."""

from __future__ import annotations

import threading
from itertools import pairwise

from flowlang.testing.clock import START_MS, VirtualClock

WEEK_MS = 7 * 24 * 3600 * 1000


def test_waiting_takes_no_time() -> None:
    clock = VirtualClock()
    assert clock.wait(threading.Event(), START_MS + WEEK_MS) is False
    assert clock.now_ms() == START_MS + WEEK_MS


def test_an_event_that_is_set_ends_the_wait_at_once() -> None:
    clock, event = VirtualClock(), threading.Event()
    event.set()
    assert clock.wait(event, START_MS + WEEK_MS) is True
    assert clock.now_ms() == START_MS


def test_a_time_that_has_come_needs_no_jump() -> None:
    clock = VirtualClock(5000)
    assert clock.wait(threading.Event(), 4000) is False
    assert clock.now_ms() == 5000


def test_the_clock_can_be_set_and_advanced() -> None:
    clock = VirtualClock(10)
    clock.advance(5)
    assert clock.now_ms() == 15
    clock.set(3)
    assert clock.now_ms() == 3


def test_the_clock_does_not_overtake_busy_work() -> None:
    clock, done, times = VirtualClock(0), threading.Event(), []

    def work() -> None:
        times.append(clock.now_ms())
        done.set()

    with clock.busy():
        worker = threading.Thread(target=work)
        worker.start()
        assert clock.wait(done, WEEK_MS) is True
    worker.join(10)
    assert times == [0]
    assert clock.wait(threading.Event(), WEEK_MS) is False


def test_sleepers_wake_in_order() -> None:
    clock, woken, all_wait = VirtualClock(0), [], threading.Barrier(3)

    def sleep(until_ms: int) -> None:
        all_wait.wait(10)
        clock.wait(threading.Event(), until_ms)
        woken.append((until_ms, clock.now_ms()))

    with clock.busy():
        threads = [threading.Thread(target=sleep, args=(until_ms,)) for until_ms in (300, 100)]
        for thread in threads:
            thread.start()
        all_wait.wait(10)
    for thread in threads:
        thread.join(10)
    assert sorted(until_ms for until_ms, _ in woken) == [100, 300]
    assert all(now_ms >= until_ms for until_ms, now_ms in woken)
    assert clock.now_ms() == 300


def test_without_jumps_only_others_move_the_time() -> None:
    clock, began, answers = VirtualClock(0, jumps=False), threading.Event(), []

    def sleep() -> None:
        began.set()
        answers.append(clock.wait(threading.Event(), 100))

    sleeper = threading.Thread(target=sleep)
    sleeper.start()
    assert began.wait(10)
    for earlier, later in pairwise((0, 40, 80)):
        assert clock.now_ms() == earlier
        clock.advance(later - earlier)
    assert answers == []
    clock.advance(20)
    sleeper.join(10)
    assert answers == [False]
    assert clock.now_ms() == 100
