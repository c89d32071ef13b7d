"""Whether records that are read well also make sense: what a payload must look like, and which records belong to which.

Checksums prove that a journal is what somebody wrote, not that a runtime wrote it. Records from elsewhere (an archive,
a database that was edited) may be well-formed and still say nothing a run could have done; `nonsense` finds that, so
that nobody who reads them has to expect it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from flowlang.lang.values.canonical import decode
from flowlang.lang.values.container import AnyDict, AnyList
from flowlang.lang.values.result import Err, Ok
from flowlang.runtime.journal.canonical_form import standing_records
from flowlang.runtime.journal.codec import kind_of
from flowlang.runtime.journal.event import (
    ANSWERS,
    BEGINNINGS,
    COMMANDS,
    ActionFailed,
    ActionScheduled,
    AttemptFailed,
    AttemptHeartbeat,
    AttemptStarted,
    CancelRequested,
    ChapterStarted,
    ChildEnded,
    CommandWithdrawn,
    Event,
    FlowCompleted,
    FlowStarted,
    MessageReceived,
    Position,
    ReceiveStarted,
    Record,
    RunCompleted,
    RunStarted,
    RunStopped,
    position_text,
)

GATE: Final = "gate"
ENCODED: Final = b"\0"
"""What bytes begin with that a codec made (`payload_codec.py`)."""

_ATTEMPTS: Final = (AttemptStarted, AttemptHeartbeat, AttemptFailed)


def nonsense(records: Sequence[Record]) -> Iterator[str]:
    """What no run can have recorded, as lines for people."""
    for record in records:
        if not _is_shaped(record.event):
            yield f"record {record.sequence} (`{kind_of(record.event)}`) holds something that does not belong there"
    yield from misplaced(records)


def misplaced(records: Sequence[Record]) -> Iterator[str]:
    """Which records cannot follow those before them, as lines for people; whatever their payloads are."""
    if not records or not isinstance(records[0].event, RunStarted):
        yield "the first record does not start the run"
    asked: dict[Position, Record] = {}
    closed: dict[Position, int] = {}
    for record in standing_records(records):
        event, number = record.event, record.sequence
        position: Position = getattr(event, "position", ())
        where = f"record {number} (`{kind_of(event)}` at `{position_text(position)}`)"
        if isinstance(event, ChapterStarted):
            asked.clear()
            closed.clear()
        elif isinstance(event, (*COMMANDS, *BEGINNINGS)):
            if position in asked:
                yield f"{where} asks for what record {asked[position].sequence} asked for"
            asked[position] = record
        elif type(event) in ANSWERS or isinstance(event, (CommandWithdrawn, FlowCompleted, *_ATTEMPTS)):
            command = asked.get(position)
            if command is None or not _belongs(event, command.event):
                yield f"{where} belongs to no command"
            elif position in closed:
                yield f"{where} follows the answer in record {closed[position]}"
            elif not isinstance(event, _ATTEMPTS):
                closed[position] = number


def _belongs(event: Event, command: Event) -> bool:
    if isinstance(event, FlowCompleted):
        return isinstance(command, FlowStarted)
    if isinstance(event, _ATTEMPTS):
        return isinstance(command, ActionScheduled)
    if isinstance(event, MessageReceived) and isinstance(command, ReceiveStarted) and command.channel == GATE:
        return event.payload[:1] == ENCODED or all(part in decode(event.payload) for part in ("by", "reason", "at"))
    return isinstance(command, ANSWERS.get(type(event), COMMANDS))


def _is_shaped(event: Event) -> bool:
    check = _SHAPES.get(type(event))
    payload = getattr(event, "payload", None)
    # What a codec has encoded says nothing to anybody without it.
    return check is None or payload is None or payload[:1] == ENCODED or check(decode(payload))


def _is_beginning(value: Any) -> bool:
    if not isinstance(value, AnyDict):
        return False
    given = dict(value.items())
    if "named" in given:
        return isinstance(given.get("positional"), AnyList) and _has_names(given["named"])
    texts = given.get("texts")
    if not isinstance(texts, AnyDict) or not _has_names(given.get("arguments")):
        return False
    return all(type(name) is str and type(text) is str for name, text in texts.items())


def _has_names(value: Any) -> bool:
    return isinstance(value, AnyDict) and all(type(name) is str for name in value)


def _is_failure(value: Any) -> bool:
    return _has_names(value) and all(type(value.get(name)) is str for name in ("kind", "message"))


def _is_message(value: Any) -> bool:
    return _has_names(value) and "payload" in value


def _is_result(value: Any) -> bool:
    return isinstance(value, (Ok, Err))


_SHAPES: Final[Mapping[type, Callable[[Any], bool]]] = {
    RunStarted: _is_beginning,
    ChapterStarted: _is_beginning,
    ActionScheduled: _has_names,
    AttemptFailed: _is_failure,
    ActionFailed: _is_failure,
    MessageReceived: _is_message,
    ChildEnded: _is_result,
    FlowCompleted: _is_result,
    RunCompleted: _is_result,
    RunStopped: _is_failure,
    CancelRequested: _has_names,
}
"""What the payload of an event must be."""
