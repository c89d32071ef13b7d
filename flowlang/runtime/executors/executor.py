"""What performs attempts of actions, and how one attempt is performed.

The runtime journals that an action is scheduled, makes an `Attempt` and submits it to an `Executor`. The executor
answers with exactly one `Outcome` per attempt, through the callback; it may do so from any thread, even within
`submit`. Executors differ in where they perform and in how they give up; what happens inside an attempt is the same
everywhere, and is here (`perform`):

    canonical bytes ─▶ host values ─▶ the action's function ─▶ host value ─▶ canonical bytes

Arguments and results cross as canonical bytes, so an action never shares a mutable value with a script, and what
the journal will hold is made, and refused if need be, on the thread that performed the action. Everything that the
function raises becomes a failure with a kind; a Python traceback never leaves this module.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Coroutine
from typing import Any, Final, Protocol, TypeAlias

import attrs

from flowlang.lang.statically_frozen import statically_frozen
from flowlang.lang.values.atom import ATOMS
from flowlang.lang.values.canonical import decode, encode
from flowlang.lang.values.convert import from_host
from flowlang.lang.values.fault import Fault
from flowlang.lang.values.quote import clip
from flowlang.lang.values.tree_writer import encode_atoms
from flowlang.runtime.action import ActionSpec
from flowlang.runtime.action_context import NOT_HELD, ActionCancelled, ActionContext, ActionError
from flowlang.runtime.joint import JointWrite

PAYLOAD_BYTES_MAX: Final = 16 << 20
MESSAGE_LENGTH_MAX: Final = 1000
ESCAPED_NUL: Final = b"\\u0000"
_scan: Final[Callable[[str, int], tuple[Any, int]]] = json.JSONDecoder().scan_once  # type: ignore[attr-defined]
TRANSIENT: Final = (TimeoutError, ConnectionError)
TIMEOUT: Final = "timeout"
HEARTBEAT_TIMEOUT: Final = "heartbeat-timeout"


@attrs.define(eq=False)
class Attempt:
    """One try of one action. `payload`: its arguments, a dict by name in canonical bytes. `timeout_s` (see
    `attempt_timeout_s`) counts from when the attempt is begun, not from when it is submitted."""

    spec: ActionSpec[..., Any]
    payload: bytes
    context: ActionContext
    timeout_s: float | None = None

    @property
    def heartbeat_timeout_s(self) -> float | None:
        """How long the attempt may be silent; None for ever."""
        silence = self.spec.heartbeat_timeout
        return None if silence is None else silence.total_seconds()


@statically_frozen
class Success:
    """The action's result in canonical bytes. `is_recorded`: its record is in the journal already."""

    payload: bytes
    is_recorded: bool = False


@attrs.frozen
class ActionFailure:
    """Why an attempt failed. `data` is plain host data that is known to be encodable."""

    kind: str
    message: str
    data: Any = None
    retryable: bool = False
    hint: str | None = None


NOTHING: Final = Success(encode(None))
"""The outcome of an action that only has an effect."""


@attrs.frozen(eq=False)
class Joint:
    """The attempt has yet to write, in one transaction with the record of its success."""

    attempt: Attempt
    write: JointWrite


Outcome: TypeAlias = Success | ActionFailure | Joint
Done: TypeAlias = Callable[[Attempt, Outcome], None]


class Executor(Protocol):
    """Performs attempts."""

    def submit(self, attempt: Attempt, done: Done) -> None:
        """Performs the attempt, now or soon, and calls `done` exactly once. `done` must not raise or block."""
        ...

    def close(self) -> None:
        """Gives up what is not finished: each of those attempts ends with the kind `cancelled`. Effects that are
        already happening are waited for. Nothing can be submitted afterwards."""
        ...


def attempt_timeout_s(spec: ActionSpec[..., Any], asked_s: float | None) -> float | None:
    """The timeout of an attempt: what the call asked for, else the action's own. Inline actions have none."""
    if spec.inline:
        return None
    if asked_s is not None:
        return asked_s
    return None if spec.timeout is None else spec.timeout.total_seconds()


def begin(attempt: Attempt) -> float | None:
    """Starts the attempt's time. Gives its deadline, a reading of `time.monotonic()`."""
    context, now_s = attempt.context, time.monotonic()
    context.heartbeat_s = now_s
    if attempt.timeout_s is not None:
        context.deadline_s = now_s + attempt.timeout_s
    return context.deadline_s


def perform(attempt: Attempt) -> Outcome:
    """Performs an attempt on this thread. Raises nothing but KeyboardInterrupt and its kin."""
    try:
        attempt.context.check()
        return outcome_of_result(attempt, _call(attempt))
    except (Exception, SystemExit) as problem:
        return outcome_of_problem(attempt, problem)


def arguments_of(attempt: Attempt) -> dict[str, Any]:
    """What the action's function gets by name, of the types that its annotations ask for. Raises Fault."""
    spec, payload = attempt.spec, attempt.payload
    # Most calls have a few atoms as arguments, which the host reads as they are in a third of the time.
    has_only_atoms = payload.count(b"{") == 1 and not (b"[" in payload or b"$" in payload or b"\\u" in payload)
    if has_only_atoms and not spec.typed:
        atoms: dict[str, Any] = _scan(payload.decode(), 0)[0]
        return atoms
    return spec.typed_arguments(decode(payload))


def outcome_of_result(attempt: Attempt, result: Any) -> Outcome:
    """The gate for results. What cannot be kept for ever is refused here, where the message can name the action."""
    if result is None:
        return NOTHING
    if type(result) is JointWrite and attempt.context.may_join:
        return Joint(attempt, result)
    name = attempt.spec.name
    try:
        payload = None
        if type(result) in ATOMS:
            payload = encode_atoms(result, (result,))
        if payload is None:
            payload = encode(from_host(result, "result", attempt.spec.adopt), "result")
    except Fault as fault:
        message = f"`{name}` gave a result that is not data: {fault.message}"
        return _failure("result-not-data", message, {"action": name}, False, fault.hint)
    if len(payload) > PAYLOAD_BYTES_MAX:
        size = f"{len(payload) / (1 << 20):.1f} MiB, more than the {PAYLOAD_BYTES_MAX >> 20} MiB that a journal keeps"
        hint = "fetch it in parts, or leave it in a file or a database and give its name"
        return ActionFailure("result-too-large", f"`{name}` gave a result of {size}", {"action": name}, False, hint)
    # The escape may be part of a longer one (a backslash, then the text `u0000`), so only a hit is looked at.
    if ESCAPED_NUL in payload and (path := _path_to_nul(result)) is not None:
        message = f"`{name}` gave a result with a NUL character at `result{path}`"
        hint = "not every database can keep that character in text; use bytes"
        return ActionFailure("result-not-data", message, {"action": name}, False, hint)
    return Success(payload)


def outcome_of_problem(attempt: Attempt, problem: BaseException) -> ActionFailure:
    """The failure that an exception of the action means."""
    match problem:
        case ActionError():
            outcome = _failure(problem.kind, problem.message, problem.data, problem.retryable, problem.hint)
        case Fault():
            outcome = _failure(problem.slug, problem.message, problem.data, problem.retryable, problem.hint)
        case ActionCancelled():
            outcome = given_up(attempt)
        case _:
            kind = type(problem).__name__
            message = f"`{attempt.spec.name}` failed with {kind}: {problem}".removesuffix(": ")
            transient = isinstance(problem, TRANSIENT)
            outcome = _failure("action-failed", message, {"exception": kind}, transient, None)
    # Whatever an action raises after it was given up was raised because of that.
    return given_up(attempt) if attempt.context.cancelled else outcome


def given_up(attempt: Attempt) -> ActionFailure:
    """The failure of an attempt that was given up: because its time was over, it fell silent, or it was cancelled."""
    name, kind = attempt.spec.name, attempt.context.end_kind
    if kind == TIMEOUT:
        return ActionFailure(
            kind,
            f"`{name}` did not finish within {attempt.timeout_s:g} seconds",
            {"action": name, "timeout": attempt.timeout_s},
            retryable=True,
            hint=f"give it more time: `{name}(..., timeout = seconds)`",
        )
    if kind == HEARTBEAT_TIMEOUT:
        message = f"`{name}` gave no sign of life for {attempt.heartbeat_timeout_s:g} seconds"
        return ActionFailure(kind, message, {"action": name}, retryable=True)
    if kind == NOT_HELD:
        return ActionFailure(kind, f"`{name}` was not performed: its run may be driven elsewhere", {"action": name})
    return ActionFailure("cancelled", f"`{name}` was cancelled", {"action": name})


def _call(attempt: Attempt) -> Any:
    spec, context = attempt.spec, attempt.context
    arguments = arguments_of(attempt)
    result = spec.function(context, **arguments) if spec.takes_context else spec.function(**arguments)
    return _run_coroutine(result, context) if spec.is_async else result


def _run_coroutine(coroutine: Coroutine[Any, Any, Any], context: ActionContext) -> Any:
    """An event loop for one attempt; giving the attempt up cancels its task."""
    import asyncio

    async def supervise() -> Any:
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        assert task is not None
        take_back = context.on_cancel(lambda: loop.call_soon_threadsafe(task.cancel))
        try:
            return await coroutine
        finally:
            take_back()

    try:
        return asyncio.run(supervise())
    except asyncio.CancelledError:
        raise ActionCancelled from None


def _path_to_nul(result: Any) -> str | None:
    """Where the first text with a NUL character is."""
    pending: list[tuple[str, Any]] = [("", result)]
    while pending:
        path, value = pending.pop()
        if isinstance(value, str) and "\0" in value:
            return path
        if isinstance(value, dict):
            pending += [(f"{path}[{clip(str(key))}]", each) for key, item in value.items() for each in (key, item)]
        elif isinstance(value, (list, tuple)):
            pending += [(f"{path}[{index}]", item) for index, item in enumerate(value)]
    return None


def _failure(kind: str, message: str, data: Any, retryable: bool, hint: str | None) -> ActionFailure:
    """A failure that can be journaled whatever the action put into it."""
    try:
        encode(from_host(data))
    except Fault:
        data = None
    message = message.encode("utf-8", "replace").decode().replace("\0", "?")
    if len(message) > MESSAGE_LENGTH_MAX:
        message = message[:MESSAGE_LENGTH_MAX] + "…"
    return ActionFailure(kind, message, data, retryable, hint)
