"""What a running script asks of the outside (commands) and tells it (notes), and what it gets back (answers).

Every one carries its position: the path of the fiber or flow call that it belongs to, and a counter in it. Payloads
are canonical bytes, so that what the script sees live is what it sees in a replay.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Protocol, TypeAlias

import attrs

from flowlang.lang.eval.traceback import Frame
from flowlang.lang.statically_frozen import statically_frozen
from flowlang.lang.values.canonical import digest
from flowlang.lang.values.fault import Fault

Position: TypeAlias = tuple[int, ...]

PAYLOAD_BYTES_MAX: Final = 16 << 20
"""No larger value enters a journal."""


@statically_frozen
class CallAction:
    """Perform an action. `arguments`: canonical bytes of the dict of given arguments."""

    position: Position
    action: str
    arguments: bytes
    timeout_s: float | None
    frame: Frame | None
    retry: Mapping[str, Any] | None = None
    """The retry policy given with the call, as plain data (`runtime/retry.py` reads it); None: the action's own."""

    @property
    def digest(self) -> str:
        """The digest of the arguments. A replay that finds the same bytes recorded does not ask for it."""
        return digest(self.arguments)


@attrs.frozen
class StartTimer:
    """Answer after `delay_ms` milliseconds, or at `at_ms` (milliseconds since 1970, UTC) when that is given."""

    position: Position
    delay_ms: int
    frame: Frame | None
    at_ms: int | None = None


@attrs.frozen
class Receive:
    """Answer with the next message: the canonical bytes of a dict of `name`, `key` and `payload` (for gates also `by`,
    `reason` and `at`). `channel`: `signal` or `gate`. `name`: of the signal (empty: any), or the gate's position as
    text. After `timeout_ms` the answer is the failure `timeout`."""

    position: Position
    channel: str
    name: str
    timeout_ms: int | None
    frame: Frame | None


@attrs.frozen
class OpenGate:
    """Open a gate; answered at once by its token, a text. `payload`: canonical bytes of what those who decide see."""

    position: Position
    name: str
    timeout_ms: int | None
    payload: bytes
    frame: Frame | None


@attrs.frozen
class SendMessage:
    """Put a message into the inbox of another run. `channel`: `signal` or `cancel`. `key`: the sender's id of the
    message, empty for one of its own. Answered at once with None, or with a failure (`run-not-found`, `run-ended`)."""

    position: Position
    channel: str
    run_id: str
    name: str
    key: str
    payload: bytes
    digest: str
    frame: Frame | None


@attrs.frozen
class SpawnRun:
    """Create a run of a flow of this program. Answered when it ends, by the canonical bytes of its Result; or by the
    failure `run-exists`. `module` and `flow`: which flow. `arguments`: canonical bytes of a dict of `positional` (list)
    and `named` (dict); `digest` is theirs. `options`: plain data (`queue`, `priority`, `partition`, `timeout`, `delay`,
    `attributes`). `on_parent_close`: `cancel`, `abandon` or `wait`."""

    position: Position
    run_id: str
    module: str
    flow: str
    arguments: bytes
    digest: str
    on_parent_close: str
    options: Mapping[str, Any]
    frame: Frame | None


@attrs.frozen
class FlowBegun:
    """A flow call began; its commands have positions below this one."""

    position: Position
    flow: str
    digest: str
    preview: str
    frame: Frame | None


@attrs.frozen
class FlowEnded:
    """A flow call ended. `payload`: canonical bytes of its Result, None when that is not data."""

    position: Position
    ok: bool
    payload: bytes | None


@statically_frozen
class TaskBegun:
    """A task began in a fiber of its own."""

    position: Position
    name: str
    digest: str
    frame: Frame | None


@attrs.frozen
class LogLine:
    """One line for the run's log, printed or logged."""

    position: Position
    level: str
    text: str


@attrs.frozen
class Withdrawn:
    """The answer of the command at `position` is not wanted any more. What performs it is told to stop."""

    position: Position


@attrs.frozen
class StateNote:
    """What the run says of itself. `field`: `status`, `attributes` or `progress`; `payload`: canonical bytes. Its
    position is one of a log line."""

    position: Position
    field: str
    payload: bytes


@attrs.frozen
class VersionNote:
    """The first time that `version(change, …)` was asked for beyond the recorded past, and what it gave."""

    change: str
    version: int


@attrs.frozen
class ChapterNote:
    """An event-driven flow has dealt with an event: what is recorded before is not needed any more. `number`: of the
    chapter that begins; `state`: canonical bytes of its registers."""

    number: int
    state: bytes


Command: TypeAlias = CallAction | StartTimer | Receive | OpenGate | SendMessage | SpawnRun
Note: TypeAlias = FlowBegun | FlowEnded | TaskBegun | LogLine | Withdrawn | StateNote | VersionNote | ChapterNote

CANCEL_POSITION: Final[Position] = ()
"""An answer at this position is no answer but ends the run: its failure has the kind `cancelled` or `timeout`."""


@statically_frozen
class Answer:
    """What the outside says to a command: canonical bytes of a value, or the description of a failure (kind,
    message, data, retryable, hint)."""

    payload: bytes | None = None
    failure: Mapping[str, Any] | None = None


class Waiter(Protocol):
    """What gets the answer to a command: a fiber, a timer's owner, a child."""

    def answered(self, answer: Answer) -> None:
        """The answer has come. Called between fibers; may make some ready."""
        ...


@attrs.frozen
class FinishedCall:
    """A flow call that the journal has from begin to end: its inside need not run again. `last_answer`: the position
    of the last answer between its begin and its end, None when there was none. The call gives its result when that
    answer comes, so that it ends before or after what other tasks do, as it did."""

    flow: str
    digest: str
    payload: bytes
    last_answer: Position | None = None


def check_command(command: Command) -> None:
    """Raises Fault `value-too-large` for a command that no journal keeps."""
    match command:
        case CallAction(arguments=payload):
            check_size(payload, f"the call of `{command.action}`")
        case SpawnRun(arguments=payload):
            check_size(payload, f"the call of `{command.flow}`")
        case OpenGate(payload=payload):
            check_size(payload, "the data of the gate")
        case SendMessage(payload=payload):
            check_size(payload, "the message")


def check_size(payload: bytes, what: str) -> None:
    """Raises Fault `value-too-large` for what no journal keeps."""
    if len(payload) > PAYLOAD_BYTES_MAX:
        size, most = len(payload) / (1 << 20), PAYLOAD_BYTES_MAX >> 20
        raise Fault(
            "value-too-large",
            f"{what} would take {size:.1f} MiB in the journal, which keeps values of up to {most} MiB",
            hint="put it into a file or a table, and pass its name on",
        )
