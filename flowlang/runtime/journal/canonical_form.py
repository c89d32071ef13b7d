"""The canonical form of a journal: what must be equal in any two executions of the same run.

A run that was killed and resumed ten times has other times, tokens, attempts and orders of completion than one that
ran through. Everything else has to be the same. The canonical form leaves out what may differ, masks the results of
actions whose results differ by nature, and sorts by position, so that two journals can be compared with `==`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Sequence
from operator import attrgetter
from typing import Any

import attrs

from flowlang.runtime.journal.codec import kind_of
from flowlang.runtime.journal.event import (
    ActionCompleted,
    ActionFailed,
    ActionScheduled,
    ActivationStarted,
    AttemptFailed,
    AttemptHeartbeat,
    AttemptStarted,
    ChapterStarted,
    Event,
    GateOpened,
    MessageReceived,
    Position,
    ReceiveStarted,
    Record,
    RunForked,
    RunReset,
    RunStarted,
    TimerStarted,
)

UNREPEATABLE_ACTIONS = frozenset({"now", "random", "random_int", "uuid"})
"""Actions whose results differ between executions."""

_MASKED = b'"masked"'

_LEFT_OUT = (ActivationStarted, AttemptStarted, AttemptHeartbeat, AttemptFailed)


def canonical_form(records: Iterable[Record], masked_actions: Collection[str] = UNREPEATABLE_ACTIONS) -> list[Event]:
    """The events of a journal in canonical form: those without a position first, then by (position, kind).

    Sequences, times and tokens of the records, activations and attempts are left out; salts, the ids of keys, times
    that are waited for, the times of decisions and the results of `masked_actions` are masked.
    """
    events = [record.event for record in records]
    masked = {
        event.position for event in events if isinstance(event, ActionScheduled) and event.action in masked_actions
    }
    kept = (event for event in events if not isinstance(event, _LEFT_OUT))
    return sorted((_mask(event, masked) for event in kept), key=_key)


_event = attrgetter("event")


def standing_records(records: Sequence[Record]) -> list[Record]:
    """The records that count: without those that a later `RunReset` undid. A reset stays until another undoes it."""
    if RunReset not in map(type, map(_event, records)):
        return list(records)  # nearly always, and some journals are long
    standing: list[Record] = []
    for record in records:
        if isinstance(record.event, RunReset):
            while standing and standing[-1].sequence > record.event.to:
                standing.pop()
        standing.append(record)
    return standing


def _mask(event: Event, masked: Collection[Position]) -> Event:
    if isinstance(event, (ActionCompleted, ActionFailed)):
        return attrs.evolve(event, payload=_MASKED) if event.position in masked else event
    mask = _MASKS.get(event.__class__)
    return event if mask is None else mask(event)


def _without_time(payload: bytes) -> bytes:
    # A decision says when it was made. Anything but a plain object is left as it is.
    if b'"at":' not in payload:
        return payload
    facts = json.loads(payload)
    if isinstance(facts, dict):
        facts.pop("at", None)
    return json.dumps(facts, ensure_ascii=False, separators=(",", ":")).encode()


_MASKS: dict[type[Any], Callable[[Any], Event]] = {
    RunStarted: lambda event: attrs.evolve(event, salt=""),
    ChapterStarted: lambda event: attrs.evolve(event, salt=""),
    RunReset: lambda event: attrs.evolve(event, salt=""),
    RunForked: lambda event: attrs.evolve(event, salt=""),
    TimerStarted: lambda event: attrs.evolve(event, wake_at_ms=0),
    ReceiveStarted: lambda event: attrs.evolve(event, wake_at_ms=None if event.wake_at_ms is None else 0),
    GateOpened: lambda event: attrs.evolve(event, key_id="", expires_at_ms=None if event.expires_at_ms is None else 0),
    MessageReceived: lambda event: attrs.evolve(event, payload=_without_time(event.payload)),
}


def _key(event: Event) -> tuple[Position, str]:
    position: Position = getattr(event, "position", ())
    return position, kind_of(event)
