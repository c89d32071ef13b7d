"""Retry policies of actions: whether a failed attempt is followed by another, and when.

A policy is data. Hosts give one with `@action(retry=Retry(...))`; a script gives one with a call, as the plain data in
`CallAction.retry`, which stands in for the action's own as a whole. Nothing here looks at a clock or at chance: the
jitter is made from a seed (the run's salt and the command's position) and the number of the attempt, so whoever takes
a run over reckons the same times.

Which failures are worth another attempt, when the policy names no kinds: those that say so (`retryable`), and those
of which nothing is known, because the function raised an exception that is no `ActionError`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, Final, Literal, TypeAlias

import attrs

from flowlang.lang.eval.backoff import DELAY_MAX_S, delay_s
from flowlang.lang.values.fault import Fault

Backoff: TypeAlias = Literal["exponential", "linear", "fixed", "none"] | Sequence[float]

ATTEMPTS_MAX: Final = 1001
BACKOFFS: Final = ("exponential", "linear", "fixed", "none")
UNKNOWN_KIND: Final = "action-failed"
"""The kind of a failure whose action did not say what it is."""
KEYS: Final = frozenset(
    {"attempts", "backoff", "initial_s", "factor", "max_delay_s", "jitter", "kinds", "max_elapsed_s"}
)


def _delay(value: timedelta | float) -> timedelta:
    return value if isinstance(value, timedelta) else timedelta(seconds=value)


def _backoff(value: Backoff) -> Backoff:
    return value if isinstance(value, str) else tuple(value)


@attrs.frozen
class Retry:
    """When a failed attempt is repeated. `attempts`: how many there may be in all. `backoff`: how the delays grow from
    `initial`: `exponential` (times `factor` each), `linear` (`initial` more each), `fixed`, `none`; or a list of
    seconds, whose last is repeated. No reckoned delay is longer than `max_delay`. `jitter`: the fraction of a delay by
    which it may be shorter or longer. `kinds`: only failures of these. `max_elapsed`: no attempt begins later than this
    after the first one did. Numbers in place of a timedelta are seconds."""

    attempts: int = 3
    backoff: Backoff = attrs.field(default="exponential", converter=_backoff)
    initial: timedelta = attrs.field(default=timedelta(seconds=1), converter=_delay)
    factor: float = 2.0
    max_delay: timedelta = attrs.field(default=timedelta(seconds=30), converter=_delay)
    jitter: float = 0.2
    kinds: Sequence[str] | None = attrs.field(default=None, converter=attrs.converters.optional(tuple))
    max_elapsed: timedelta | None = attrs.field(default=None, converter=attrs.converters.optional(_delay))

    def __attrs_post_init__(self) -> None:
        problem = self._problem()
        if problem is not None:
            raise ValueError(problem)

    def _problem(self) -> str | None:
        most = timedelta(seconds=DELAY_MAX_S)
        if type(self.attempts) is not int or not 1 <= self.attempts <= ATTEMPTS_MAX:
            return f"`attempts` must be an int from 1 to {ATTEMPTS_MAX}, not {self.attempts!r}"
        if isinstance(self.backoff, str):
            if self.backoff not in BACKOFFS:
                return f"`backoff` must be {', '.join(map(repr, BACKOFFS))} or a list of seconds, not {self.backoff!r}"
        elif not self.backoff or not all(0 <= seconds <= DELAY_MAX_S for seconds in self.backoff):
            return "`backoff` must be a list of at least one number of seconds, of at most 30 days each"
        if not timedelta() <= self.initial <= most or not timedelta() <= self.max_delay <= most:
            return "`initial` and `max_delay` must be from 0 seconds to 30 days"
        if not 1 <= self.factor <= 1000:
            return f"`factor` must be from 1 to 1000, not {self.factor!r}"
        if not 0 <= self.jitter <= 1:
            return f"`jitter` must be a fraction from 0 to 1, not {self.jitter!r}"
        if self.max_elapsed is not None and self.max_elapsed < timedelta():
            return "`max_elapsed` must not be negative"
        return None


def read_policy(plain: Mapping[str, Any]) -> Retry:
    """The policy that plain data of a script describes. Raises Fault `action-argument`."""
    unknown = sorted(map(str, plain.keys() - KEYS))
    if unknown:
        raise _refused(f"a retry policy has no entry `{unknown[0][:80]}`")
    given = {name: value for name, value in plain.items() if value is not None}
    try:
        return Retry(
            attempts=given.get("attempts", 3),
            backoff=given.get("backoff", "exponential"),
            initial=given.get("initial_s", 1.0),
            factor=given.get("factor", 2.0),
            max_delay=given.get("max_delay_s", 30.0),
            jitter=given.get("jitter", 0.2),
            kinds=given.get("kinds"),
            max_elapsed=given.get("max_elapsed_s"),
        )
    except (TypeError, ValueError, OverflowError) as problem:
        raise _refused(f"a retry policy does not make sense: {problem}") from None


def policy_of(asked: Mapping[str, Any] | None, own: Retry | None) -> Retry | None:
    """What holds for a call: the policy that it was given, else the action's own, else none."""
    return own if asked is None else read_policy(asked)


def is_retryable(policy: Retry, kind: str, retryable: bool) -> bool:
    """Whether a failure is one that the policy repeats."""
    return kind in policy.kinds if policy.kinds is not None else retryable or kind == UNKNOWN_KIND


def next_delay_s(policy: Retry, attempt: int, seed: str) -> float | None:
    """Seconds between the failure of attempt `attempt` (from 1) and the next one; None when that was the last."""
    if attempt >= policy.attempts:
        return None
    return delay_s(
        policy.backoff if isinstance(policy.backoff, str) else tuple(policy.backoff), attempt, seed,
        initial_s=policy.initial.total_seconds(), factor=policy.factor,
        max_delay_s=policy.max_delay.total_seconds(), jitter=policy.jitter,
    )  # fmt: skip


def retry_at_ms(
    policy: Retry | None, kind: str, retryable: bool, *, attempt: int, seed: str, begun_ms: int, now_ms: int
) -> int | None:
    """When the attempt that follows a failed one is due, in milliseconds since 1970; None when none follows.
    `begun_ms`: when the first attempt of this call began."""
    if policy is None or not is_retryable(policy, kind, retryable):
        return None
    delay = next_delay_s(policy, attempt, seed)
    if delay is None:
        return None
    due_ms = now_ms + round(delay * 1000)
    if policy.max_elapsed is not None and due_ms - begun_ms > policy.max_elapsed.total_seconds() * 1000:
        return None
    return due_ms


def _refused(message: str) -> Fault:
    return Fault("action-argument", message, hint="make it with `retry_policy(...)`")
