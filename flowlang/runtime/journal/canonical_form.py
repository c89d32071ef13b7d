"""The canonical form of a journal: what must be equal in any two executions of the same run.

A run that was killed and resumed ten times has other times, tokens, attempts and orders of completion than one that
ran through. Everything else has to be the same. The canonical form leaves out what may differ, masks the results of
actions whose results differ by nature, and sorts by position, so that two journals can be compared with `==`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

import attrs

from flowlang.runtime.journal.codec import kind_of
from flowlang.runtime.journal.event import (
    ActionCompleted,
    ActionFailed,
    ActionScheduled,
    ActivationStarted,
    AttemptStarted,
    Event,
    Position,
    Record,
    RunStarted,
    TimerStarted,
)

UNREPEATABLE_ACTIONS = frozenset({"now", "random", "random_int", "uuid"})
"""Actions whose results differ between executions."""

_MASKED = b'"masked"'


def canonical_form(records: Iterable[Record], masked_actions: Collection[str] = UNREPEATABLE_ACTIONS) -> list[Event]:
    """The events of a journal in canonical form: those without a position first, then by (position, kind).

    Sequences, times and tokens of the records, activations and attempts are left out; the run's salt, wake-up times
    and the results of `masked_actions` are masked.
    """
    events = [record.event for record in records]
    masked = {
        event.position for event in events if isinstance(event, ActionScheduled) and event.action in masked_actions
    }
    kept = (event for event in events if not isinstance(event, (ActivationStarted, AttemptStarted)))
    return sorted((_mask(event, masked) for event in kept), key=_key)


def _mask(event: Event, masked: Collection[Position]) -> Event:
    if isinstance(event, RunStarted):
        return attrs.evolve(event, salt="")
    if isinstance(event, TimerStarted):
        return attrs.evolve(event, wake_at_ms=0)
    if isinstance(event, (ActionCompleted, ActionFailed)) and event.position in masked:
        return attrs.evolve(event, payload=_MASKED)
    return event


def _key(event: Event) -> tuple[Position, str]:
    position: Position = getattr(event, "position", ())
    return position, kind_of(event)
