"""What holds for an action wherever it is performed: inline, in a thread, on the event loop, in another process."""

from __future__ import annotations

import attrs
import probes
import pytest
from attempt_log import Laboratory
from probes import Line

from flowlang.lang.values.canonical import decode
from flowlang.lang.values.convert import to_host
from flowlang.runtime.executors.executor import Executor, Success


def test_data_goes_there_and_back(laboratory: Laboratory, any_executor: Executor) -> None:
    value = {"a": [1, 2.5, None, True], "pair": (1, "x"), "raw": b"\0", "huge": 1 << 2000, "set": {1}}
    assert laboratory.run(any_executor, probes.echo, value=value, times=2) == [value, value]


def test_the_context_is_the_attempts(laboratory: Laboratory, any_executor: Executor) -> None:
    assert laboratory.run(any_executor, probes.context_facts) == ["run", "0", "key", 1, "context_facts"]


def test_arguments_are_what_the_annotations_say(laboratory: Laboratory, any_executor: Executor) -> None:
    order = {"lines": [{"sku": "A", "quantity": 2}, {"sku": "B"}], "color": "blue", "at": "2026-01-02T03:00:00+01:00"}
    found = laboratory.run(any_executor, probes.quantities, order=order, wait=60)
    assert found == {"sum": 3, "at": "2026-01-02T02:01:00+00:00"}


def test_results_of_typed_actions_become_data(laboratory: Laboratory, any_executor: Executor) -> None:
    found = laboratory.run(any_executor, probes.latest, lines=[Line("A", 2)])
    assert found["lines"] == [{"sku": "A", "quantity": 2}]
    assert found["color"] == "red"
    assert found["at"].nanoseconds == 1767312000 * 10**9


def test_arguments_of_an_older_signature_are_refused(laboratory: Laboratory, any_executor: Executor) -> None:
    """A journal may hold a call that was checked before the action's types changed."""
    found = laboratory.run(any_executor, probes.latest, lines=[{"sku": "A"}, {"sku": 3}])
    assert found.kind == "action-argument"
    assert "`lines[1].sku`" in found.message


def test_failures_keep_what_they_say(laboratory: Laboratory, any_executor: Executor) -> None:
    found = laboratory.run(any_executor, probes.refuse)
    assert (found.kind, found.message, found.data) == ("no-stock", "the shelf is empty", {"sku": "A1"})
    assert (found.retryable, found.hint) == (True, "order more")
    found = laboratory.run(any_executor, probes.break_down)
    assert (found.kind, found.message) == ("action-failed", "`break_down` failed with KeyError: 'x'")
    found = laboratory.run(any_executor, probes.not_data)
    assert found.kind == "result-not-data"
    assert '`result["a"][0]`' in found.message


def test_a_timeout_gives_the_attempt_up(laboratory: Laboratory, any_executor: Executor) -> None:
    found = laboratory.run(any_executor, probes.linger, 0.05)
    assert (found.kind, found.retryable) == ("timeout", True)
    assert laboratory.run(any_executor, probes.echo, value=1) == [1]


def test_silence_gives_the_attempt_up(laboratory: Laboratory, any_executor: Executor) -> None:
    """Ten heartbeats at a quarter of the timeout keep it alive; then it fails, and what it said last stays."""
    attempt = laboratory.attempt(probes.beat_then_fall_silent, beats=10)
    attempt.context.last_heartbeat = {"page": 7}
    any_executor.submit(attempt, laboratory.done)
    (outcome,) = laboratory.wait(1)
    assert not isinstance(outcome, Success)
    assert (outcome.kind, outcome.retryable) == ("heartbeat-timeout", True)
    assert outcome.message == "`beat_then_fall_silent` gave no sign of life for 0.2 seconds"
    payload = attempt.context.heartbeat_payload
    assert payload is not None
    assert to_host(decode(payload)) == {"number": 9, "before": {"page": 7}}


def test_progress_is_told(laboratory: Laboratory, any_executor: Executor) -> None:
    told: list[tuple[float, float | None, str]] = []
    attempt = laboratory.attempt(probes.tell_progress)
    attempt.context.on_progress = lambda done, total, message: told.append((done, total, message))
    any_executor.submit(attempt, laboratory.done)
    laboratory.wait(1)
    assert told == [(1, 3, "reading"), (2, 3, "")]


def test_an_effect_that_happens_outlasts_the_timeout(laboratory: Laboratory, any_executor: Executor) -> None:
    assert laboratory.run(any_executor, probes.commit_late, 0.1) == "written"


def test_an_attempt_given_up_before_it_began_has_no_effect(laboratory: Laboratory, any_executor: Executor) -> None:
    attempt = laboratory.attempt(probes.commit_late)
    attempt.context.cancel()
    any_executor.submit(attempt, laboratory.done)
    (outcome,) = laboratory.wait(1)
    assert not isinstance(outcome, Success)
    assert outcome.kind == "cancelled"


def test_closing_gives_up_what_is_not_finished(laboratory: Laboratory, any_executor: Executor) -> None:
    if type(any_executor).__name__ == "InlineExecutor":
        pytest.skip("it performs on the thread that would close it")
    attempt = laboratory.attempt(probes.linger)
    any_executor.submit(attempt, laboratory.done)
    any_executor.close()
    (outcome,) = laboratory.wait(1)
    assert not isinstance(outcome, Success)
    assert outcome.kind == "cancelled"
    assert len(laboratory.reports) == 1


def test_a_spec_says_where_it_is_performed() -> None:
    assert probes.echo.isolation == "process"
    assert attrs.evolve(probes.echo, inline=False).isolation == "process"
    assert probes.wait_for_ever.is_async
