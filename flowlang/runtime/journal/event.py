"""The events: immutable facts about one run, in the order in which they became facts.

Events that answer or record a command carry its *position*: the path of its fiber and a counter inside that
fiber. A position never depends on the order in which parallel work completes, so the same command has the same
position in every execution of the run.

`payload` fields are canonical bytes (`lang.values.canonical`) or None. They are stored as they are; the other
fields go into a small JSON document (`codec.py`).
"""

from __future__ import annotations

from typing import TypeAlias

import attrs

Position: TypeAlias = tuple[int, ...]


def position_text(position: Position) -> str:
    """`(0, 3, 1)` as `0.3.1`; the root's empty position as the empty text."""
    return ".".join(map(str, position))


def parse_position(text: str) -> Position:
    return tuple(map(int, text.split("."))) if text else ()


@attrs.frozen
class Place:
    """Where in the source a command was asked for: module name, line from 1, column from 0."""

    module: str
    line: int
    column: int


@attrs.frozen
class RunStarted:
    """First event of every journal. `entry` is the file given by the user, `flow` the flow in it or an empty text
    for its top level. `payload` holds the arguments (a dict). `code` is the digest of the code manifest. `salt` is
    random: with it, idempotency keys differ from those of any other run, also of one with the same id in a journal that
    was lost."""

    entry: str
    flow: str
    code: str
    payload: bytes
    salt: str = ""


@attrs.frozen
class ActivationStarted:
    """A worker took the run over and replayed it; everything after was appended under lease token `token`.
    Left out of the canonical form."""

    owner: str
    token: int


@attrs.frozen
class CodeChanged:
    """The run was moved to other code, which asks for everything that was recorded before. `code`: the digest of the
    new manifest."""

    code: str


@attrs.frozen
class ActionScheduled:
    """The intent to perform an action, durable before the action starts. `payload`: the arguments (a dict)."""

    position: Position
    action: str
    digest: str
    place: Place | None
    payload: bytes


@attrs.frozen
class AttemptStarted:
    """A further attempt of an action whose earlier one has no recorded result. `attempt` counts from 1."""

    position: Position
    attempt: int


@attrs.frozen
class ActionCompleted:
    """The result of an action. `payload`: the value."""

    position: Position
    payload: bytes


@attrs.frozen
class ActionFailed:
    """An action failed for good. `payload`: the failure as a dict (kind, message, data, retryable)."""

    position: Position
    payload: bytes


@attrs.frozen
class TimerStarted:
    """`wake_at_ms`: milliseconds since 1970, UTC."""

    position: Position
    wake_at_ms: int
    place: Place | None


@attrs.frozen
class TimerFired:
    position: Position


@attrs.frozen
class TaskStarted:
    """A task began in a fiber of its own, whose path is `position`. `name`: the flow or action that it runs."""

    position: Position
    name: str
    digest: str
    place: Place | None


@attrs.frozen
class FlowStarted:
    """A flow was called; its commands lie below `position`. `digest`: of the arguments; `preview`: their text."""

    position: Position
    flow: str
    digest: str
    preview: str
    place: Place | None


@attrs.frozen
class FlowCompleted:
    """A flow call ended. `payload`: its Result, or None when that is not data (then replay runs it again)."""

    position: Position
    ok: bool
    payload: bytes | None


@attrs.frozen
class LogWritten:
    """One line of the run's log. `level`: `print`, `debug`, `info`, `warning` or `error`."""

    position: Position
    level: str
    text: str


@attrs.frozen
class RunCompleted:
    """Last event of a run that ended. `payload`: its outcome, a Result."""

    ok: bool
    payload: bytes


@attrs.frozen
class RunStopped:
    """The run was stopped from outside its own code (a budget, a cancellation). `payload`: the failure as a dict.
    A run stopped by a budget may be resumed."""

    reason: str
    payload: bytes


Event: TypeAlias = (
    RunStarted
    | ActivationStarted
    | CodeChanged
    | ActionScheduled
    | AttemptStarted
    | ActionCompleted
    | ActionFailed
    | TimerStarted
    | TimerFired
    | TaskStarted
    | FlowStarted
    | FlowCompleted
    | LogWritten
    | RunCompleted
    | RunStopped
)


@attrs.frozen
class Record:
    """An event in its place in a journal: `sequence` counts from 1 without gaps, `recorded_at_ms` is UTC."""

    sequence: int
    recorded_at_ms: int
    token: int
    event: Event
