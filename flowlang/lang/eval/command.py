"""What a running script asks of the outside (commands) and tells it (notes), and what it gets back (answers).

Every one carries its position: the path of the fiber or flow call that it belongs to, and a counter in it. Payloads
are canonical bytes, so that what the script sees live is what it sees in a replay.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, TypeAlias

import attrs

from flowlang.lang.eval.traceback import Frame
from flowlang.lang.values.fault import Fault

Position: TypeAlias = tuple[int, ...]

PAYLOAD_BYTES_MAX: Final = 16 << 20
"""No larger value enters a journal."""


@attrs.frozen
class CallAction:
    """Perform an action. `arguments`: canonical bytes of the dict of given arguments; `digest` is theirs."""

    position: Position
    action: str
    arguments: bytes
    digest: str
    timeout_s: float | None
    frame: Frame | None


@attrs.frozen
class StartTimer:
    """Answer after `delay_ms` milliseconds."""

    position: Position
    delay_ms: int
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


@attrs.frozen
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


Command: TypeAlias = CallAction | StartTimer
Note: TypeAlias = FlowBegun | FlowEnded | TaskBegun | LogLine


@attrs.frozen
class Answer:
    """What the outside says to a command: canonical bytes of a value, or the description of a failure (kind,
    message, data, retryable, hint)."""

    payload: bytes | None = None
    failure: Mapping[str, Any] | None = None


@attrs.frozen
class FinishedCall:
    """A flow call that the journal has from begin to end: its inside need not run again."""

    flow: str
    digest: str
    payload: bytes


def check_size(payload: bytes, what: str) -> None:
    """Raises Fault `value-too-large` for what no journal keeps."""
    if len(payload) > PAYLOAD_BYTES_MAX:
        size, most = len(payload) / (1 << 20), PAYLOAD_BYTES_MAX >> 20
        raise Fault(
            "value-too-large",
            f"{what} would take {size:.1f} MiB in the journal, which keeps values of up to {most} MiB",
            hint="put it into a file or a table, and pass its name on",
        )
