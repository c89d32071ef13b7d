"""Retry policies: what is repeated, when, and that nothing but the seed decides it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowlang.lang.values.fault import Fault
from flowlang.runtime.action import Retry, action
from flowlang.runtime.retry import next_delay_s, policy_of, read_policy, retry_at_ms


def delays(policy: Retry) -> list[float]:
    """All the delays of a policy, until it gives up."""
    found = []
    while (delay_s := next_delay_s(policy, len(found) + 1, "seed")) is not None:
        found.append(delay_s)
    return found


@pytest.mark.parametrize(
    ("backoff", "expected"),
    [
        ("none", [0, 0, 0, 0]),
        ("fixed", [0.1, 0.1, 0.1, 0.1]),
        ("linear", [0.1, 0.2, 0.25, 0.25]),
        ("exponential", [0.1, 0.2, 0.25, 0.25]),
        ([0.5, 60], [0.5, 60, 60, 60]),
    ],
)
def test_how_delays_grow(backoff: Any, expected: list[float]) -> None:
    """`max_delay` bounds what is reckoned, not what was listed."""
    policy = Retry(attempts=5, backoff=backoff, initial=0.1, max_delay=0.25, jitter=0)
    assert delays(policy) == pytest.approx(expected)


def test_attempts_count_the_first_one() -> None:
    assert delays(Retry(attempts=1)) == []
    assert len(delays(Retry(attempts=6))) == 5


@given(
    st.sampled_from(["none", "fixed", "linear", "exponential"]),
    st.floats(0, 100),
    st.floats(1, 10),
    st.floats(0, 100),
    st.floats(0, 1),
    st.integers(1, 1000),
    st.text(),
)
def test_no_delay_is_negative_or_too_long(
    backoff: Any, initial: float, factor: float, most: float, jitter: float, attempt: int, seed: str
) -> None:
    policy = Retry(1001, backoff, initial=initial, factor=factor, max_delay=most, jitter=jitter)
    delay_s = next_delay_s(policy, attempt, seed)
    assert delay_s is not None
    assert 0 <= delay_s <= policy.max_delay.total_seconds()
    assert next_delay_s(policy, attempt, seed) == delay_s


def test_jitter_differs_from_call_to_call_and_stays_in_its_bounds() -> None:
    policy = Retry(attempts=2, backoff="fixed", initial=10, max_delay=100, jitter=0.2)
    found = {next_delay_s(policy, 1, f"salt/{number}") for number in range(100)}
    assert len(found) == 100
    assert all(8 <= delay_s <= 12 for delay_s in found if delay_s is not None)


def at_ms(policy: Retry | None, kind: str = "x", retryable: bool = True, attempt: int = 1, now_ms: int = 5000) -> Any:
    return retry_at_ms(policy, kind, retryable, attempt=attempt, seed="s", begun_ms=1000, now_ms=now_ms)


def test_which_failures_are_repeated() -> None:
    """Those that say so, those of which nothing is known, or those of the named kinds only."""
    policy = Retry(backoff="none")
    assert at_ms(policy) == 5000
    assert at_ms(policy, retryable=False) is None
    assert at_ms(policy, "action-failed", retryable=False) == 5000
    named = Retry(backoff="none", kinds=["busy"])
    assert at_ms(named, "busy", retryable=False) == 5000
    assert at_ms(named, "timeout") is None
    assert at_ms(None) is None


def test_when_the_time_for_all_attempts_is_over() -> None:
    policy = Retry(backoff="fixed", initial=2, jitter=0, max_elapsed=6)
    assert at_ms(policy, now_ms=5000) == 7000
    assert at_ms(policy, now_ms=5001) is None


def test_the_policy_of_a_call_stands_in_for_the_actions() -> None:
    @action(retry=Retry(attempts=7))
    def probe() -> None: ...

    assert policy_of(None, probe.retry) == Retry(attempts=7)
    assert policy_of({"attempts": 2}, probe.retry) == Retry(attempts=2)
    assert policy_of(None, None) is None


def test_plain_data_says_everything() -> None:
    plain = {
        "attempts": 4, "backoff": [1, 2], "initial_s": 3, "factor": 4, "max_delay_s": 5, "jitter": 0.5,
        "kinds": ["busy"], "max_elapsed_s": 6,
    }  # fmt: skip
    second = timedelta(seconds=1)
    expected = Retry(4, (1, 2), 3 * second, 4, 5 * second, 0.5, ("busy",), 6 * second)
    assert read_policy(plain) == expected
    assert read_policy(dict.fromkeys(plain)) == Retry()


@pytest.mark.parametrize(
    ("plain", "part"),
    [
        ({"attempt": 3}, "no entry `attempt`"),
        ({"attempts": 0}, "`attempts`"),
        ({"attempts": "3"}, "`attempts`"),
        ({"backoff": "quadratic"}, "`backoff`"),
        ({"backoff": []}, "`backoff`"),
        ({"initial_s": -1}, "`initial`"),
        ({"initial_s": "1"}, "does not make sense"),
        ({"max_delay_s": 1e12}, "`max_delay`"),
        ({"factor": 0.5}, "`factor`"),
        ({"jitter": 2}, "`jitter`"),
        ({"max_elapsed_s": -1}, "`max_elapsed`"),
        ({"initial_s": float("nan")}, "does not make sense"),
    ],
)
def test_nonsense_is_refused(plain: dict[str, Any], part: str) -> None:
    with pytest.raises(Fault) as caught:
        read_policy(plain)
    assert caught.value.slug == "action-argument"
    assert part in caught.value.message
