"""Trying again: retry policies as values, and the attempts of flow calls.

The attempts of an action are made by what performs it, so a policy travels with the action's call as plain data. Those
of a flow, and those of an action whose policy asks a function of the script, are made here, with durable timers in
between.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, Final

import attrs

from flowlang.lang.eval.backoff import DELAY_MAX_S, KINDS, delay_s
from flowlang.lang.eval.callback import passes_calls_on
from flowlang.lang.eval.command import Answer, Position, StartTimer
from flowlang.lang.eval.fiber import Fiber
from flowlang.lang.eval.interruption import Ending, release
from flowlang.lang.eval.period import span_ms
from flowlang.lang.eval.traceback import calling_frame
from flowlang.lang.values.canonical import REFERENCES
from flowlang.lang.values.container import AnyList, List
from flowlang.lang.values.display import preview
from flowlang.lang.values.fault import Fault
from flowlang.lang.values.meter import charge
from flowlang.lang.values.protocol import MISSING, VALUE_TYPES, ValueType, builtin, register, type_name
from flowlang.lang.values.result import Err, Ok
from flowlang.lang.values.size import OBJECT

ATTEMPTS_MAX: Final = 1001
FACTOR_MAX: Final = 1000
DELAYS_MAX: Final = 1000
CANCELLED: Final = "cancelled"


@attrs.frozen
class RetryPolicy:
    """When something that failed is tried again. `attempts`: how many there may be in all. `backoff`: one of KINDS, or
    a list of seconds. `kinds`: only failures of these; `function`: only Results for which it is true. `max_elapsed_ms`:
    no attempt begins later than this after the first one did."""

    attempts: int
    backoff: str | tuple[float, ...]
    initial_s: float
    factor: float
    max_delay_s: float
    jitter: float
    kinds: tuple[str, ...] | None
    function: Any
    max_elapsed_ms: int | None

    def plain(self) -> dict[str, Any]:
        """The policy as data for those who perform actions; the function stays behind."""
        return {
            "attempts": self.attempts,
            "backoff": self.backoff if isinstance(self.backoff, str) else list(self.backoff),
            "initial_s": self.initial_s, "factor": self.factor, "max_delay_s": self.max_delay_s,
            "jitter": self.jitter, "kinds": None if self.kinds is None else list(self.kinds),
            "max_elapsed_s": None if self.max_elapsed_ms is None else self.max_elapsed_ms / 1000,
        }  # fmt: skip

    def delay_ms(self, attempt: int, seed: str) -> int:
        """Milliseconds between the failure of an attempt (from 1) and the next one."""
        delay = delay_s(
            self.backoff, attempt, seed, initial_s=self.initial_s, factor=self.factor, max_delay_s=self.max_delay_s,
            jitter=self.jitter,
        )  # fmt: skip
        return round(delay * 1000)

    @passes_calls_on
    def repeats(self, depth: int, result: Err) -> bool:
        """Whether another attempt may mend it."""
        if self.function is not None:
            return bool(self.function(depth, result))
        if self.kinds is not None:
            return result.failure.kind in self.kinds
        return result.failure.kind != CANCELLED


@attrs.define(eq=False)
class _Elapsed:
    """The timer after which no attempt begins any more; it ends the wait for one."""

    fiber: Fiber
    position: Position
    is_over: bool = False
    is_resting: bool = False

    def answered(self, answer: Answer) -> None:
        """The time has passed."""
        self.is_over = True
        if self.is_resting:
            release(self.fiber)
            self.fiber.evaluation.make_ready(self.fiber, Answer())


def attempts_of(fiber: Fiber, policy: RetryPolicy, depth: int, attempt: Callable[[], Ok | Err]) -> Ok | Err:
    """Calls `attempt` until it gives an Ok or the policy has enough: its last Result."""
    evaluation, scope = fiber.evaluation, fiber.scope
    elapsed = None
    if policy.max_elapsed_ms is not None and policy.attempts > 1:
        elapsed = _Elapsed(fiber, scope.next_position())
        frame = calling_frame(sys._getframe())
        evaluation.put(StartTimer(elapsed.position, policy.max_elapsed_ms, frame), elapsed)
    try:
        result = _attempts(fiber, policy, depth, attempt, elapsed)
    except (Exception, Ending):
        if elapsed is not None:
            evaluation.withdraw(elapsed.position)
        raise
    if elapsed is not None:
        evaluation.withdraw(elapsed.position)
    return result


def _attempts(
    fiber: Fiber, policy: RetryPolicy, depth: int, attempt: Callable[[], Ok | Err], elapsed: _Elapsed | None
) -> Ok | Err:
    number = 0
    while True:
        number += 1
        result = attempt()
        if isinstance(result, Ok) or number == policy.attempts or not policy.repeats(depth, result):
            return result
        position = fiber.scope.next_position()
        delay_ms = policy.delay_ms(number, f"{fiber.evaluation.run_id}/{'.'.join(map(str, position))}")
        if delay_ms and (elapsed is None or not elapsed.is_over):
            _rest(fiber, position, delay_ms, elapsed)
        if elapsed is not None and elapsed.is_over:
            return result


def _rest(fiber: Fiber, position: Position, delay_ms: int, elapsed: _Elapsed | None) -> None:
    if elapsed is not None:
        elapsed.is_resting = True
    fiber.evaluation.ask(fiber, StartTimer(position, delay_ms, calling_frame(sys._getframe())))
    if elapsed is not None:
        elapsed.is_resting = False


@builtin(
    "retry_policy",
    'retry_policy(attempts = 3, backoff = "exponential", initial = 1, factor = 2, max_delay = 30, jitter = 0.2, '
    "retry_if = None, max_elapsed = None)",
)
def retry_policy(
    depth: int, /, attempts: Any = 3, backoff: Any = "exponential", initial: Any = 1, factor: Any = 2,
    max_delay: Any = 30, jitter: Any = 0.2, retry_if: Any = None, max_elapsed: Any = None,
) -> RetryPolicy:  # fmt: skip
    """When something that failed is tried again: a value for `retry = …` of flows and actions."""
    charge(1, 4 * OBJECT)
    if type(attempts) is not int or not 1 <= attempts <= ATTEMPTS_MAX:
        raise _refused(f"`attempts` takes an int from 1 to {ATTEMPTS_MAX}, not {preview(attempts)}")
    for name, value, low, high in (("factor", factor, 1, FACTOR_MAX), ("jitter", jitter, 0, 1)):
        if type(value) not in (int, float) or not low <= value <= high:
            raise _refused(f"`{name}` takes a number from {low} to {high}, not {preview(value)}")
    kinds, function = _condition(retry_if)
    return RetryPolicy(
        attempts, _backoff(backoff), _delay_s("initial", initial), float(factor), _delay_s("max_delay", max_delay),
        float(jitter), kinds, function,
        None if max_elapsed is None else span_ms("retry_policy", "max_elapsed", max_elapsed),
    )  # fmt: skip


def _backoff(value: Any) -> str | tuple[float, ...]:
    if isinstance(value, (AnyList, tuple)):
        if not 1 <= len(value) <= DELAYS_MAX:
            raise _refused(f"a list given as `backoff` has from 1 to {DELAYS_MAX:,} delays")
        return tuple(_delay_s("backoff", delay) for delay in value)
    if type(value) is not str or value not in KINDS:
        known = ", ".join(f'"{kind}"' for kind in KINDS)
        raise _refused(f"`backoff` takes {known} or a list of seconds, not {preview(value)}")
    return value


def _delay_s(name: str, value: Any) -> float:
    seconds = span_ms("retry_policy", name, value) / 1000
    if seconds > DELAY_MAX_S:
        raise _refused(f"`{name}` takes at most 30 days")
    return seconds


def _condition(value: Any) -> tuple[tuple[str, ...] | None, Any]:
    """What `retry_if` says: kinds of failures, or a function of the Result."""
    if value is None:
        return None, None
    if isinstance(value, (AnyList, tuple)):
        if any(type(kind) is not str for kind in value):
            raise _refused("a list given as `retry_if` holds kinds of failures, which are strings")
        return tuple(value), None
    found = VALUE_TYPES.get(type(value))
    if found is None or not found.callable:
        raise _refused(f"`retry_if` takes a list of kinds or a function of the Result, not {type_name(value)}")
    return None, value


def _refused(message: str) -> Fault:
    hint = 'such as `retry_policy(attempts = 5, backoff = [1, 5, 30], retry_if = ["timeout"])`'
    return Fault("retry-policy", message, hint=hint)


def policy_argument(function: str, value: Any) -> RetryPolicy | None:
    """A `retry` argument, checked."""
    if value is None or type(value) is RetryPolicy:
        return value
    raise Fault(
        "type-mismatch", f"`retry` of `{function}` takes a retry policy, not {type_name(value)}",
        hint="`retry = retry_policy(attempts = 5)`",
    )  # fmt: skip


def _field(policy: RetryPolicy, name: str) -> Any:
    match name:
        case "backoff":
            return policy.backoff if isinstance(policy.backoff, str) else List(policy.backoff)
        case "initial":
            return policy.initial_s
        case "max_delay":
            return policy.max_delay_s
        case "retry_if":
            return policy.function if policy.kinds is None else List(policy.kinds)
        case "max_elapsed":
            return None if policy.max_elapsed_ms is None else policy.max_elapsed_ms / 1000
        case "attempts" | "factor" | "jitter":
            return getattr(policy, name)
    return MISSING


FIELDS: Final = ("attempts", "backoff", "factor", "initial", "jitter", "max_delay", "max_elapsed", "retry_if")
REFERENCES.add(RetryPolicy)
register(
    RetryPolicy,
    ValueType(
        name="retry_policy",
        field_names=lambda policy: FIELDS,
        get_field=_field,
        display=lambda policy, nested: f"<retry_policy of {policy.attempts} attempts>",
        children=lambda policy: () if policy.function is None else (policy.function,),
    ),
)
