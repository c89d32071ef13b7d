"""What every executor makes of what an action does."""

from __future__ import annotations

import asyncio
import threading
from datetime import timedelta
from pathlib import Path
from typing import Any

import attrs
import pytest
from attempt_log import WAIT_S, Laboratory
from hypothesis import given
from hypothesis import strategies as st

from flowlang.lang.values.canonical import decode
from flowlang.lang.values.fault import Fault
from flowlang.runtime.action import ActionContext, ActionError, action
from flowlang.runtime.executors.executor import Executor, Success, arguments_of, attempt_timeout_s


@attrs.frozen
class Order:
    sku: str
    quantity: int


def test_arguments_and_results_are_plain_data(laboratory: Laboratory, executor: Executor) -> None:
    seen: list[Any] = []

    def probe(rows: list[Any], table: dict[str, Any], pair: tuple[int, int]) -> Any:
        seen.extend([type(rows), type(table), type(rows[0]), type(pair)])
        return {"rows": rows, "order": Order("A1", 3), "pair": pair, "raw": b"\0", "huge": 1 << 2000, "set": {1}}

    result = laboratory.run(executor, probe, rows=[{"a": 1}], table={}, pair=(1, 2))
    assert seen == [list, dict, dict, tuple]
    assert result["order"] == {"sku": "A1", "quantity": 3}
    assert result == {
        "rows": [{"a": 1}],
        "order": {"sku": "A1", "quantity": 3},
        "pair": (1, 2),
        "raw": b"\0",
        "huge": 1 << 2000,
        "set": {1},
    }


@given(
    st.dictionaries(
        st.sampled_from("abc"),
        st.one_of(
            st.none(),
            st.booleans(),
            st.integers(),
            st.sampled_from([10**18, -(10**400), 1 << 4_000]),
            st.floats(),
            st.text(),
            st.text("{[$\\u\"'\n\0é"),
            st.binary(max_size=4),
            st.lists(st.integers(), max_size=2),
            st.dictionaries(st.text(max_size=2), st.integers(), max_size=2),
        ),
    )
)
def test_arguments_are_read_as_they_were_written(arguments: dict[str, Any]) -> None:
    """Plain atoms are read by a shorter way than everything else; what an action gets is the same."""

    def probe(a: Any = None, b: Any = None, c: Any = None) -> None:
        raise AssertionError

    attempt = Laboratory(Path()).attempt(probe, **arguments)
    expected = attempt.spec.typed_arguments(decode(attempt.payload))
    found = arguments_of(attempt)
    assert [(name, type(value), repr(value)) for name, value in found.items()] == [
        (name, type(value), repr(value)) for name, value in expected.items()
    ]


def test_defaults_are_applied_when_it_is_performed(laboratory: Laboratory, executor: Executor) -> None:
    def probe(a: int, b: int = 5) -> list[int]:
        return [a, b]

    assert laboratory.run(executor, probe, a=1) == [1, 5]


def test_the_context_is_the_attempts(laboratory: Laboratory, executor: Executor) -> None:
    def probe(context: ActionContext) -> list[Any]:
        return [context.run_id, context.position, context.idempotency_key, context.attempt, context.remaining_s()]

    assert laboratory.run(executor, probe) == ["run", "0", "key", 1, None]
    remaining = laboratory.run(executor, probe, 60)[4]
    assert 0 < remaining <= 60


def test_an_async_action_runs_on_a_loop_of_its_own(laboratory: Laboratory, executor: Executor) -> None:
    async def probe(x: int) -> int:
        await asyncio.sleep(0)
        return x + 1

    assert laboratory.run(executor, probe, x=1) == 2


def test_an_action_error_keeps_what_it_says(laboratory: Laboratory, executor: Executor) -> None:
    def probe() -> None:
        raise ActionError("no-stock", "the shelf is empty", data={"sku": "A1"}, retryable=True, hint="order more")

    failure = laboratory.failure(executor, probe)
    assert (failure.kind, failure.message, failure.data) == ("no-stock", "the shelf is empty", {"sku": "A1"})
    assert failure.retryable
    assert failure.hint == "order more"


def test_data_of_an_error_that_is_no_data_is_dropped(laboratory: Laboratory, executor: Executor) -> None:
    def probe() -> None:
        raise ActionError("odd", "x" * 5000 + "\udc80\0", data=object())

    failure = laboratory.failure(executor, probe)
    assert failure.data is None
    assert len(failure.message) == 1001


@pytest.mark.parametrize(
    ("problem", "message", "retryable"),
    [
        (KeyError("x"), "`probe` failed with KeyError: 'x'", False),
        (ValueError(), "`probe` failed with ValueError", False),
        (ConnectionResetError("gone"), "`probe` failed with ConnectionResetError: gone", True),
        (TimeoutError("slow"), "`probe` failed with TimeoutError: slow", True),
        (SystemExit(3), "`probe` failed with SystemExit: 3", False),
        (RecursionError("deep"), "`probe` failed with RecursionError: deep", False),
    ],
)
def test_any_exception_becomes_a_plain_failure(
    laboratory: Laboratory, executor: Executor, problem: BaseException, message: str, retryable: bool
) -> None:
    def probe() -> None:
        raise problem

    failure = laboratory.failure(executor, probe)
    assert (failure.kind, failure.message, failure.retryable) == ("action-failed", message, retryable)
    assert failure.data == {"exception": type(problem).__name__}


def test_faults_pass_as_they_are(laboratory: Laboratory, executor: Executor) -> None:
    def probe() -> None:
        raise Fault("file-not-found", "gone", hint="look again", data={"path": "x"}, retryable=True)

    failure = laboratory.failure(executor, probe)
    assert (failure.kind, failure.message, failure.hint) == ("file-not-found", "gone", "look again")
    assert failure.data == {"path": "x"}
    assert failure.retryable


@pytest.mark.parametrize(
    ("result", "kind", "part"),
    [
        ({"rows": [1, object()]}, "result-not-data", 'result["rows"][1]'),
        (lambda: None, "result-not-data", "result"),
        (["a", "\ud800"], "result-not-data", "result"),
        ({"a": [1, {"b": "x\0"}]}, "result-not-data", '`result["a"][1]["b"]`'),
        ({"k\0": 1}, "result-not-data", "NUL"),
        ("x" * (17 << 20), "result-too-large", "17.0 MiB"),
    ],
)
def test_results_that_no_journal_keeps(
    laboratory: Laboratory, executor: Executor, result: Any, kind: str, part: str
) -> None:
    def probe() -> Any:
        return result

    found = laboratory.failure(executor, probe)
    assert found.kind == kind
    assert part in found.message
    assert found.message.startswith("`probe` gave a result")


def test_the_text_of_an_escape_is_no_nul(laboratory: Laboratory, executor: Executor) -> None:
    def probe() -> Any:
        return {"a": "\\u0000", "b": "\\\\u0000"}

    assert laboratory.run(executor, probe) == {"a": "\\u0000", "b": "\\\\u0000"}


def test_a_timeout_cancels_and_is_reported_once(laboratory: Laboratory, executor: Executor) -> None:
    def probe(context: ActionContext) -> None:
        given_up = threading.Event()
        context.on_cancel(given_up.set)
        assert given_up.wait(WAIT_S)
        context.check()

    failure = laboratory.failure(executor, probe, 0.02)
    assert (failure.kind, failure.retryable) == ("timeout", True)
    assert failure.message == "`probe` did not finish within 0.02 seconds"
    assert failure.hint == "give it more time: `probe(..., timeout = seconds)`"
    executor.close()
    assert len(laboratory.reports) == 1


def test_a_timeout_cancels_an_async_action(laboratory: Laboratory, executor: Executor) -> None:
    async def probe() -> None:
        await asyncio.sleep(WAIT_S)

    assert laboratory.failure(executor, probe, 0.02).kind == "timeout"


def test_a_commit_outlasts_the_timeout(laboratory: Laboratory, executor: Executor) -> None:
    def probe(context: ActionContext) -> str:
        context.commit()
        while context.remaining_s():
            pass
        return "written"

    assert laboratory.run(executor, probe, 0.02) == "written"


def test_cancelling_from_outside(laboratory: Laboratory, executor: Executor) -> None:
    def probe(context: ActionContext) -> None:
        context.check()

    attempt = laboratory.attempt(probe)
    attempt.context.cancel()
    executor.submit(attempt, laboratory.done)
    (outcome,) = laboratory.wait(1)
    assert not isinstance(outcome, Success)
    assert (outcome.kind, outcome.message) == ("cancelled", "`probe` was cancelled")


def test_the_timeout_of_an_attempt() -> None:
    quick = action(name="quick", inline=True)(lambda: None)
    slow = action(name="slow", timeout=timedelta(seconds=9))(lambda: None)
    endless = action(name="endless", timeout=None)(lambda: None)
    assert attempt_timeout_s(slow, None) == 9
    assert attempt_timeout_s(slow, 2.5) == 2.5
    assert attempt_timeout_s(endless, None) is None
    assert attempt_timeout_s(endless, 3) == 3
    assert attempt_timeout_s(quick, None) is None
