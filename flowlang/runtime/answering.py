"""What came in for a run, turned into answers to its script, each with the event that records it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from flowlang.lang.eval.command import CANCEL_POSITION, Answer, Position
from flowlang.lang.values.canonical import decode, encode
from flowlang.lang.values.convert import from_host, to_host
from flowlang.lang.values.result import Ok
from flowlang.runtime.action_context import NOT_HELD
from flowlang.runtime.executors.executor import ActionFailure, Joint, Success
from flowlang.runtime.executors.executor import Outcome as AttemptOutcome
from flowlang.runtime.journal.event import (
    ActionCompleted,
    ActionFailed,
    AttemptFailed,
    AttemptHeartbeat,
    AttemptStarted,
    CancelRequested,
    ChildEnded,
    Event,
    MessageReceived,
    ReceiveTimedOut,
    TimerFired,
    parse_position,
    position_text,
)
from flowlang.runtime.message import received_payload
from flowlang.runtime.performing import Call
from flowlang.runtime.replay import cancel_answer, receive_timeout
from flowlang.runtime.retry import retry_at_ms

if TYPE_CHECKING:
    from flowlang.runtime.activation import Activation

Answered: TypeAlias = tuple[Event | None, Position, Answer]
"""The event is None when it is in the journal already."""


def next_answer(activation: Activation, now_ms: int) -> Answered | None:
    """The next answer, with the event that records it: of actions in the order in which they finished, then of
    messages, then of what is due. What nobody waits for any more is dropped."""
    while activation.outcomes:
        if type(activation.outcomes[0][3]) is Joint:
            return None  # what came before is appended first
        position, call, number, outcome = activation.outcomes.popleft()
        if activation.performing.take(position, call, number):
            answered = outcome_answer(activation, position, call, outcome, now_ms)
            if answered is not None:
                return answered
    if activation.repeated:
        position, decision = activation.repeated.popleft()
        return MessageReceived(position, "", "", decision), position, Answer(decision)
    if activation.waiting.messages and (answered := _message_answer(activation)) is not None:
        return answered
    if not activation.has_times:
        return None
    for position in activation.performing.due(now_ms):
        activation.draft.events.append(AttemptStarted(position, activation.performing.start_again(position)))
    for position, attempt, details in activation.performing.due_heartbeats(now_ms):
        activation.draft.events.append(AttemptHeartbeat(position, attempt, details))
    return _due_answer(activation, now_ms)


def outcome_answer(
    activation: Activation, position: Position, call: Call, outcome: AttemptOutcome, now_ms: int
) -> Answered | None:
    """What an attempt came to; None when another attempt follows it."""
    if isinstance(outcome, Success):
        activation.performing.complete(position)
        event = None if outcome.is_recorded else ActionCompleted(position, outcome.payload)
        return event, position, Answer(outcome.payload)
    if isinstance(outcome, Joint):
        return None  # nothing was done yet, and the run ends: whoever takes it up attempts it again
    if outcome.kind == NOT_HELD:  # the append of its next attempt tells whether the run is still driven here
        activation.draft.events.append(AttemptStarted(position, activation.performing.start_again(position)))
        return None
    seed = f"{activation.identity.salt}/{position_text(position)}"
    at_ms = retry_at_ms(
        call.policy, outcome.kind, outcome.retryable, attempt=call.attempt, seed=seed, begun_ms=call.begun_ms,
        now_ms=now_ms,
    )  # fmt: skip
    failure = _failure_dict(outcome, call)
    if at_ms is not None:
        payload = encode(from_host(failure))
        activation.draft.events.append(AttemptFailed(position, call.attempt, at_ms, payload))
        activation.performing.retries[position] = at_ms
        call.heartbeat = failure.get("heartbeat")
        return None
    activation.performing.complete(position)
    failure.pop("heartbeat", None)
    payload = encode(from_host(failure))
    return ActionFailed(position, payload), position, Answer(None, decode(payload))


def _message_answer(activation: Activation) -> Answered | None:
    waiting, draft = activation.waiting, activation.draft
    while (message := waiting.take("child")) is not None:
        at, _, child = message.name.partition(" ")
        position = parse_position(at)
        draft.taken.append(message.number)
        # A child that was started before the run was set back may end now; another may be there in its place.
        if waiting.children.get(position) == child:
            del waiting.children[position]
            ok = type(decode(message.payload)) is Ok
            return ChildEnded(position, ok, message.payload), position, Answer(message.payload)
    delivery = waiting.delivery()
    if delivery is not None:
        message, reception = delivery
        draft.taken.append(message.number)
        payload = received_payload(message)
        if message.channel == "gate":
            waiting.decisions[message.name] = payload
        event = MessageReceived(reception.position, message.name, message.key, payload)
        return event, reception.position, Answer(payload)
    while (message := waiting.take("cancel")) is not None:
        draft.taken.append(message.number)
        answered = _cancellation(activation, "cancelled", message.payload)
        if answered is not None:
            return answered
    return None


def _due_answer(activation: Activation, now_ms: int) -> Answered | None:
    position = activation.waiting.due_timer(now_ms)
    if position is not None:
        return TimerFired(position), position, Answer()
    reception = activation.waiting.due_reception()
    if reception is not None:
        if reception.gate_expires:
            activation.draft.expired.append(reception.name)
        position = reception.position
        return ReceiveTimedOut(position), position, receive_timeout(reception.channel, reception.name)
    deadline = activation.waiting.deadline_at_ms
    if deadline is not None and deadline <= now_ms:
        return _cancellation(activation, "timeout", encode(from_host({"reason": "the run's time is over"})))
    return None


def _cancellation(activation: Activation, kind: str, payload: bytes) -> Answered | None:
    activation.waiting.deadline_at_ms = None
    if activation.is_cancelled:
        return None
    activation.is_cancelled = True
    event = CancelRequested(kind, payload)
    return event, CANCEL_POSITION, cancel_answer(event)


def _failure_dict(outcome: ActionFailure, call: Call) -> dict[str, Any]:
    failure = {
        "kind": outcome.kind, "message": outcome.message, "data": outcome.data, "retryable": outcome.retryable,
        "hint": outcome.hint,
    }  # fmt: skip
    payload = None if call.context is None else call.context.heartbeat_payload
    # What an attempt that never got to say anything found stays for the next one.
    heartbeat = call.heartbeat if payload is None else to_host(decode(payload))
    return failure if heartbeat is None else failure | {"heartbeat": heartbeat}
