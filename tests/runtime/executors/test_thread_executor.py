"""The pool of threads: its bounds, abandoned threads, and its end."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from attempt_log import WAIT_S, Laboratory

from flowlang.runtime.action import ActionContext
from flowlang.runtime.executors.executor import ActionFailure, Outcome, Success
from flowlang.runtime.executors.threads import ThreadExecutor


@pytest.fixture
def release() -> Iterator[threading.Event]:
    """Set at the end of a test, so that no stuck thread survives it."""
    event = threading.Event()
    yield event
    event.set()


def kinds(outcomes: list[Outcome]) -> list[str]:
    return ["ok" if isinstance(outcome, Success) else outcome.kind for outcome in outcomes]


def test_at_most_so_many_at_the_same_time(laboratory: Laboratory) -> None:
    executor = ThreadExecutor(threads_max=3)
    running, most = [0], [0]
    lock = threading.Lock()
    together = threading.Barrier(3)

    def probe() -> None:
        with lock:
            running[0] += 1
            most[0] = max(most[0], running[0])
        together.wait(WAIT_S)
        with lock:
            running[0] -= 1

    for _ in range(30):
        executor.submit(laboratory.attempt(probe), laboratory.done)
    assert kinds(laboratory.wait(30)) == ["ok"] * 30
    assert most == [3]
    executor.close()


def test_actions_run_away_from_the_caller(laboratory: Laboratory) -> None:
    executor = ThreadExecutor()

    def probe() -> str:
        return threading.current_thread().name

    assert laboratory.run(executor, probe) == "flowlang-action"
    assert laboratory.reporters == {"flowlang-action"}
    executor.close()


def test_a_late_result_is_dropped_and_the_place_is_taken(laboratory: Laboratory, release: threading.Event) -> None:
    executor = ThreadExecutor(threads_max=1)
    ended = threading.Event()

    def stuck() -> str:
        release.wait(WAIT_S)
        ended.set()
        return "late"

    assert laboratory.failure(executor, stuck, 0.02).kind == "timeout"
    assert laboratory.run(executor, lambda_of("on time")) == "on time"
    release.set()
    assert ended.wait(WAIT_S)
    assert laboratory.run(executor, lambda_of("still works")) == "still works"
    executor.close()
    assert len(laboratory.reports) == 3


def test_when_all_threads_are_stuck_the_rest_fails(laboratory: Laboratory, release: threading.Event) -> None:
    executor = ThreadExecutor(threads_max=2, abandoned_max=2)

    def stuck() -> None:
        release.wait(WAIT_S)

    for _ in range(5):
        executor.submit(laboratory.attempt(stuck, 0.05), laboratory.done)
    assert sorted(kinds(laboratory.wait(5))) == ["executor-exhausted"] * 2 + ["timeout"] * 3
    assert laboratory.failure(executor, stuck).kind == "executor-exhausted"
    executor.close()


def test_an_exhausted_executor_recovers(laboratory: Laboratory, release: threading.Event) -> None:
    executor = ThreadExecutor(threads_max=1, abandoned_max=1)

    def stuck() -> None:
        release.wait(WAIT_S)

    assert laboratory.failure(executor, stuck, 0.02).kind == "timeout"
    assert laboratory.failure(executor, stuck).kind == "executor-exhausted"
    release.set()
    for _ in range(10_000):
        outcome = laboratory.run(executor, lambda_of("again"))
        if outcome == "again":
            break
        assert isinstance(outcome, ActionFailure)
    assert outcome == "again"
    executor.close()


def test_closing_reports_everything_once(laboratory: Laboratory, release: threading.Event) -> None:
    executor = ThreadExecutor(threads_max=1)
    begun = threading.Event()

    def stuck() -> None:
        begun.set()
        release.wait(WAIT_S)

    for _ in range(4):
        executor.submit(laboratory.attempt(stuck), laboratory.done)
    assert begun.wait(WAIT_S)
    executor.close()
    assert kinds(laboratory.wait(4)) == ["cancelled"] * 4
    executor.close()
    release.set()
    assert len(laboratory.reports) == 4
    with pytest.raises(RuntimeError):
        executor.submit(laboratory.attempt(stuck), laboratory.done)


def test_closing_waits_for_effects_that_are_happening(laboratory: Laboratory) -> None:
    executor = ThreadExecutor(threads_max=1)
    committing, closing = threading.Event(), threading.Event()

    def probe(context: ActionContext) -> str:
        context.commit()
        committing.set()
        assert closing.wait(WAIT_S)
        return "written"

    executor.submit(laboratory.attempt(probe), laboratory.done)
    waiting = laboratory.attempt(probe)
    waiting.context.on_cancel(closing.set)  # called by close(), which then waits for the other
    executor.submit(waiting, laboratory.done)
    assert committing.wait(WAIT_S)
    executor.close()
    assert sorted(kinds(laboratory.wait(2))) == ["cancelled", "ok"]


def test_many_attempts_are_reported_exactly_once(laboratory: Laboratory) -> None:
    executor = ThreadExecutor(threads_max=8)
    attempts = [laboratory.attempt(lambda_of(str(number)), 5) for number in range(2000)]
    for attempt in attempts:
        executor.submit(attempt, laboratory.done)
    laboratory.wait(2000)
    executor.close()
    assert len(laboratory.reports) == 2000
    assert {id(attempt) for attempt, _ in laboratory.reports} == set(map(id, attempts))
    assert set(kinds(laboratory.wait(2000))) == {"ok"}


def lambda_of(text: str) -> object:
    def probe() -> str:
        return text

    return probe
