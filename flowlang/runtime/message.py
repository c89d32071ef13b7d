"""What the messages between runs and the outside look like.

The inbox keeps a signal as its sender gave it: the bare payload. What the script receives, and the journal records,
also says what the message is: its name and the sender's key, and of a decision who made it, why and when.
"""

from __future__ import annotations

from typing import Any, Final

from flowlang.errors import UsageError
from flowlang.lang.eval.inbox import KEY_MAX, MESSAGE_NAME_MAX
from flowlang.lang.values.canonical import decode, encode
from flowlang.lang.values.container import Dict
from flowlang.lang.values.convert import from_host
from flowlang.runtime.journal.model import Message, NewMessage

SIGNAL: Final = "signal"
GATE: Final = "gate"
TEXT_MAX: Final = 4_000
"""Characters of a reason, and of the name of whoever decides."""


def signal_message(run_id: str, name: str, payload: bytes, key: str = "") -> NewMessage:
    """A signal for a run. `payload`: canonical bytes. Raises UsageError for a name or key that no script can send."""
    if not name or len(name) > MESSAGE_NAME_MAX:
        raise UsageError(
            f"the name of a signal has 1 to {MESSAGE_NAME_MAX} characters, not {len(name)}",
            hint="put what it says into the payload",
        )
    if len(key) > KEY_MAX:
        raise UsageError(f"the key of a signal has at most {KEY_MAX} characters, not {len(key)}", hint="use a digest")
    return NewMessage(run_id, SIGNAL, name, key, payload)


def decision_message(
    run_id: str, position: str, payload: bytes, *, by: str = "", reason: str = "", at_ms: int
) -> NewMessage:
    """A decision of the gate that the run opened at `position`. `payload`: canonical bytes."""
    for what, text in (("`by`", by), ("the reason", reason)):
        if len(text) > TEXT_MAX:
            raise UsageError(f"{what} has {len(text):,} characters, more than {TEXT_MAX:,}", hint="shorten it")
    decision = {"payload": decode(payload), "by": by, "reason": reason, "at": at_ms / 1000}
    return NewMessage(run_id, GATE, position, "", encode(_dict(decision)))


def received_payload(message: Message) -> bytes:
    """What a run receives of a message, and its journal records: canonical bytes of a dict of `name`, `key` and
    `payload`, and for gates `by`, `reason` and `at` (seconds since 1970, UTC)."""
    told: dict[str, Any] = {"name": message.name, "key": message.key}
    if message.channel == GATE:
        told.update(decode(message.payload))
    else:
        told["payload"] = decode(message.payload)
    return encode(_dict(told))


def _dict(fields: dict[str, Any]) -> Dict:
    """A dict of the language. Texts from outside are checked on the way in; payloads are values already."""
    return Dict({name: from_host(value) if type(value) is str else value for name, value in fields.items()})
