"""The events: immutable facts about one run, in the order in which they became facts.

Events that answer or record a command carry its *position*: the path of its fiber and a counter inside that
fiber. A position never depends on the order in which parallel work completes, so the same command has the same
position in every execution of the run.

`payload` fields are canonical bytes (`lang.values.canonical`) or None. They are stored as they are; the other
fields go into a small JSON document (`codec.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Final, TypeAlias

import attrs

from flowlang.lang.statically_frozen import statically_frozen

Position: TypeAlias = tuple[int, ...]


@lru_cache(maxsize=4096)
def position_text(position: Position) -> str:
    """`(0, 3, 1)` as `0.3.1`; the root's empty position as the empty text. A command is named by it again and again."""
    return ".".join(map(str, position))


@lru_cache(maxsize=4096)
def parse_position(text: str) -> Position:
    """The way back. A command and its answer have the same position, and often stand close together."""
    return tuple(map(int, text.split("."))) if text else ()


@statically_frozen
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


@statically_frozen
class ActionScheduled:
    """The intent to perform an action, durable before the action starts. `payload`: the arguments (a dict)."""

    position: Position
    action: str
    digest: str
    place: Place | None
    payload: bytes


@attrs.frozen
class AttemptStarted:
    """A further attempt of an action, durable before it starts. `attempt` counts from 1; the first is implied by
    `ActionScheduled`."""

    position: Position
    attempt: int


@attrs.frozen
class AttemptHeartbeat:
    """An attempt under way said how far it is, some time ago. `payload`: the details, for the next attempt."""

    position: Position
    attempt: int
    payload: bytes


@attrs.frozen
class AttemptFailed:
    """An attempt failed and another will follow. `retry_at_ms`: when, UTC. `payload`: the failure as a dict, and the
    last heartbeat of the attempt under `heartbeat` if there was one."""

    position: Position
    attempt: int
    retry_at_ms: int
    payload: bytes


@statically_frozen
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
class CommandWithdrawn:
    """The script does not want the answer of the command at `position` any more: its wait timed out or was decided
    otherwise, or its task was cancelled. No answer follows."""

    position: Position


@attrs.frozen
class ReceiveStarted:
    """The script waits for a message. `channel`: `signal` or `gate`. `name`: of the signal (empty: any), or the
    position of the gate as text. `wake_at_ms`: when the wait times out, None for never."""

    position: Position
    channel: str
    name: str
    wake_at_ms: int | None
    place: Place | None


@attrs.frozen
class MessageReceived:
    """A message from the inbox answered the wait at `position`; its inbox row was taken in the same transaction.
    `name`: of the signal; `key`: the sender's id of the message or an empty text. `payload`: a dict of `name`, `key`,
    `payload` and, for gates, `by`, `reason` and `at`."""

    position: Position
    name: str
    key: str
    payload: bytes


@attrs.frozen
class ReceiveTimedOut:
    """The wait at `position` timed out; no message was taken."""

    position: Position


@attrs.frozen
class GateOpened:
    """A gate waits for a decision from outside. Answered at once by its token, which is not recorded but made from the
    key `key_id`. `expires_at_ms`: None for never. `payload`: what those who decide are shown."""

    position: Position
    name: str
    expires_at_ms: int | None
    key_id: str
    place: Place | None
    payload: bytes


@attrs.frozen
class MessageSent:
    """The script sent a message to another run; it was put into that run's inbox in the same transaction. Is its own
    answer. `channel`: `signal` or `cancel`. `digest`: of the payload."""

    position: Position
    channel: str
    run_id: str
    name: str
    digest: str
    place: Place | None
    payload: bytes


@attrs.frozen
class ChildStarted:
    """A run of its own was created in the same transaction. Answered by `ChildEnded`, or by `ActionFailed` when its id
    is taken. `flow`: as `module:flow`. `on_parent_close`: `cancel`, `abandon` or `wait`. `payload`: the arguments."""

    position: Position
    run_id: str
    flow: str
    digest: str
    on_parent_close: str
    place: Place | None
    payload: bytes


@attrs.frozen
class ChildEnded:
    """A child run ended. `payload`: its Result."""

    position: Position
    ok: bool
    payload: bytes


@attrs.frozen
class StateSet:
    """What a run says of itself: `field` is `status` (text), `attributes` (dict, merged; None removes) or `progress`
    (dict of `done`, `total`, `message`). Like a log line it is identified by its position and never diverges."""

    position: Position
    field: str
    payload: bytes


@attrs.frozen
class VersionMarked:
    """`version(change, ...)` was asked for the first time, and gave `version` ever since."""

    change: str
    version: int


@attrs.frozen
class ChapterStarted:
    """The run goes on as if it were started with this: nothing recorded before is needed to resume it. `number` counts
    chapters from 1 (the first needs no event). `salt` replaces that of `RunStarted`. `payload`: a dict of `arguments`
    and `texts` (as in `RunStarted`), and for event-driven flows `state`."""

    number: int
    salt: str
    payload: bytes


@attrs.frozen
class CancelRequested:
    """The run is to end, after its `on_exit` handlers: delivered to the script as an answer at the empty position.
    `kind`: `cancelled` or `timeout` (the deadline of the run). `payload`: a dict of `reason` and `by`."""

    kind: str
    payload: bytes


@attrs.frozen
class RunReset:
    """An operator set the run back: records after `to` and before this one count as if they were not there. `salt`
    replaces the run's, so that effects done again are told from those before. `payload`: a dict of `reason`, `by`."""

    to: int
    salt: str
    payload: bytes


@attrs.frozen
class RunForked:
    """This run began as a copy of the records of another one, up to its record `at`."""

    run_id: str
    at: int
    salt: str


@statically_frozen
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
    """The run was stopped from outside its own code. `reason`: `budget`, `divergence` or `quarantine` (it may be
    resumed), `cancelled`, `terminated` or `deadline` (it ended). `payload`: the failure as a dict."""

    reason: str
    payload: bytes


Event: TypeAlias = (
    RunStarted
    | ActivationStarted
    | CodeChanged
    | ActionScheduled
    | AttemptStarted
    | AttemptHeartbeat
    | AttemptFailed
    | ActionCompleted
    | ActionFailed
    | TimerStarted
    | TimerFired
    | CommandWithdrawn
    | ReceiveStarted
    | MessageReceived
    | ReceiveTimedOut
    | GateOpened
    | MessageSent
    | ChildStarted
    | ChildEnded
    | TaskStarted
    | FlowStarted
    | FlowCompleted
    | LogWritten
    | StateSet
    | VersionMarked
    | ChapterStarted
    | CancelRequested
    | RunReset
    | RunForked
    | RunCompleted
    | RunStopped
)


COMMANDS: Final[tuple[type, ...]] = (
    ActionScheduled, TimerStarted, ReceiveStarted, GateOpened, MessageSent, ChildStarted,
)  # fmt: skip
"""What a script asks the outside for. Each has an answer in the end, or is withdrawn; two are their own."""

BEGINNINGS: Final[tuple[type, ...]] = (TaskStarted, FlowStarted)
"""What begins a position below which others stand."""

ANSWERS: Final[Mapping[type, tuple[type, ...]]] = {
    ActionCompleted: (ActionScheduled,),
    ActionFailed: (ActionScheduled, ChildStarted, MessageSent),
    TimerFired: (TimerStarted,),
    MessageReceived: (ReceiveStarted,),
    ReceiveTimedOut: (ReceiveStarted,),
    ChildEnded: (ChildStarted,),
}
"""Each kind of answer with the kinds of commands that it answers."""

DELIVERED: Final[frozenset[type]] = frozenset({*ANSWERS, CancelRequested})
"""What the outside said to the script: answers, and what ends a run from outside of it."""


@attrs.frozen
class Record:
    """An event in its place in a journal: `sequence` counts from 1 without gaps, `recorded_at_ms` is UTC."""

    sequence: int
    recorded_at_ms: int
    token: int
    event: Event
