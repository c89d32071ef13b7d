"""The stored forms of events: how each kind is written and how each version of it is read.

An event becomes five fields: its *kind* with the version of the kind's form (`action-scheduled/1`), its *position*,
a *name* worth searching for (action, flow, owner, level), the remaining small facts as a JSON text (*detail*) and
the *payload* bytes. When the form of an event has to change, its kind gets a new version; the old entry of the table
below keeps its reader for ever, so that old journals stay readable.

Encoding sits on the path of every step, so detail texts are put together by hand: keys in alphabetical order, no
blanks, ASCII only. Equal events have equal fields. Decoding sits on the path of every recovery, so readers take the
fields one by one and parse as little as they can.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import lru_cache
from json.encoder import encode_basestring_ascii as quote
from typing import Any, NamedTuple, TypeAlias

from flowlang.runtime.journal.event import (
    ActionCompleted,
    ActionFailed,
    ActionScheduled,
    ActivationStarted,
    AttemptFailed,
    AttemptHeartbeat,
    AttemptStarted,
    CancelRequested,
    ChapterStarted,
    ChildEnded,
    ChildStarted,
    CodeChanged,
    CommandWithdrawn,
    Event,
    FlowCompleted,
    FlowStarted,
    GateOpened,
    LogWritten,
    MessageReceived,
    MessageSent,
    Place,
    Position,
    ReceiveStarted,
    ReceiveTimedOut,
    RunCompleted,
    RunForked,
    RunReset,
    RunStarted,
    RunStopped,
    StateSet,
    TaskStarted,
    TimerFired,
    TimerStarted,
    VersionMarked,
    parse_position,
    position_text,
)
from flowlang.runtime.journal.text import original_text, storable_text

Encoded: TypeAlias = tuple[str, str, str, bytes | None]
"""Position, name, detail and payload."""

Reader: TypeAlias = Callable[[str, str, str, bytes | None], Event]


class Form(NamedTuple):
    """One version of one kind of event: how it is written and how it is read."""

    kind: str
    event: type[Any]
    encode: Callable[[Any], Encoded]
    decode: Reader


# The chain vouches for the text, so blanks and ends need no checks.
_scan: Callable[[str, int], tuple[Any, int]] = json.JSONDecoder().scan_once  # type: ignore[attr-defined]


def _place(place: Place | None) -> str:
    return "null" if place is None else f"[{quote(place.module)},{place.line},{place.column}]"


def _read_place(value: Any) -> Place | None:
    return None if value is None else Place(*value)


def _detail(detail: str) -> Any:
    return _scan(detail, 0)[0]


def _bytes(payload: bytes | None) -> bytes:
    if payload is None:
        raise ValueError("the payload is missing")
    return payload


def _number(number: int | None) -> str:
    return "null" if number is None else str(number)


_DIGEST = '{"digest":"'
"""What details of commands with arguments begin with."""


def _flag(flag: bool) -> str:
    return "true" if flag else "false"


# ---------------------------------------------------------------------------------------------- the run as a whole


def _write_started(event: RunStarted) -> Encoded:
    detail = f'{{"code":{quote(event.code)},"entry":{quote(event.entry)},"salt":{quote(event.salt)}}}'
    return "", storable_text(event.flow), detail, event.payload


def _read_started(_position: str, name: str, detail: str, payload: bytes | None) -> Event:
    facts = _detail(detail)
    return RunStarted(facts["entry"], original_text(name), facts["code"], _bytes(payload), facts["salt"])


def _read_reset(_position: str, _name: str, detail: str, payload: bytes | None) -> Event:
    facts = _detail(detail)
    return RunReset(facts["to"], facts["salt"], _bytes(payload))


def _write_forked(event: RunForked) -> Encoded:
    return "", "", f'{{"at":{event.at},"run_id":{quote(event.run_id)},"salt":{quote(event.salt)}}}', None


def _read_forked(_position: str, _name: str, detail: str, _payload: bytes | None) -> Event:
    facts = _detail(detail)
    return RunForked(facts["run_id"], facts["at"], facts["salt"])


def _read_chapter(_position: str, _name: str, detail: str, payload: bytes | None) -> Event:
    facts = _detail(detail)
    return ChapterStarted(facts["number"], facts["salt"], _bytes(payload))


# --------------------------------------------------------------------------------------------- commands and answers


def _write_scheduled(event: ActionScheduled) -> Encoded:
    detail = f'{{"digest":{quote(event.digest)},"place":{_place(event.place)}}}'
    return position_text(event.position), storable_text(event.action), detail, event.payload


def _read_scheduled(position: str, name: str, detail: str, payload: bytes | None) -> Event:
    digest, _, rest = detail[len(_DIGEST) :].partition('"')
    if "\\" in digest or not detail.startswith(_DIGEST):
        facts = _detail(detail)
        digest, place = facts["digest"], _read_place(facts["place"])
    else:
        place = _place_after_digest(rest)
    return ActionScheduled(parse_position(position), original_text(name), digest, place, _bytes(payload))


@lru_cache(maxsize=4096)
def _place_after_digest(rest: str) -> Place | None:
    """The place in a detail text without its digest. A run comes to the same few places again and again."""
    return _read_place(_scan("{" + rest.removeprefix(","), 0)[0]["place"])


def _read_completed(position: str, _name: str, _detail: str, payload: bytes | None) -> Event:
    if payload is None:
        raise ValueError("the payload is missing")
    return ActionCompleted(parse_position(position), payload)


def _write_attempt_failed(event: AttemptFailed) -> Encoded:
    detail = f'{{"attempt":{event.attempt},"retry_at_ms":{event.retry_at_ms}}}'
    return position_text(event.position), "", detail, event.payload


def _read_attempt_failed(position: str, _name: str, detail: str, payload: bytes | None) -> Event:
    facts = _detail(detail)
    return AttemptFailed(parse_position(position), facts["attempt"], facts["retry_at_ms"], _bytes(payload))


def _write_timer(event: TimerStarted) -> Encoded:
    detail = f'{{"place":{_place(event.place)},"wake_at_ms":{event.wake_at_ms}}}'
    return position_text(event.position), "", detail, None


def _read_timer(position: str, _name: str, detail: str, _payload: bytes | None) -> Event:
    facts = _detail(detail)
    return TimerStarted(parse_position(position), facts["wake_at_ms"], _read_place(facts["place"]))


# ------------------------------------------------------------------------------------- messages, gates and children


def _write_receive(event: ReceiveStarted) -> Encoded:
    detail = (
        f'{{"channel":{quote(event.channel)},"place":{_place(event.place)},"wake_at_ms":{_number(event.wake_at_ms)}}}'
    )
    return position_text(event.position), storable_text(event.name), detail, None


def _read_receive(position: str, name: str, detail: str, _payload: bytes | None) -> Event:
    facts = _detail(detail)
    place = _read_place(facts["place"])
    return ReceiveStarted(parse_position(position), facts["channel"], original_text(name), facts["wake_at_ms"], place)


def _write_received(event: MessageReceived) -> Encoded:
    return position_text(event.position), storable_text(event.name), f'{{"key":{quote(event.key)}}}', event.payload


def _read_received(position: str, name: str, detail: str, payload: bytes | None) -> Event:
    return MessageReceived(parse_position(position), original_text(name), _detail(detail)["key"], _bytes(payload))


def _write_gate(event: GateOpened) -> Encoded:
    detail = (
        f'{{"expires_at_ms":{_number(event.expires_at_ms)},"key_id":{quote(event.key_id)},'
        f'"place":{_place(event.place)}}}'
    )
    return position_text(event.position), storable_text(event.name), detail, event.payload


def _read_gate(position: str, name: str, detail: str, payload: bytes | None) -> Event:
    facts = _detail(detail)
    expires_at_ms, key_id, place = facts["expires_at_ms"], facts["key_id"], _read_place(facts["place"])
    return GateOpened(parse_position(position), original_text(name), expires_at_ms, key_id, place, _bytes(payload))


def _write_sent(event: MessageSent) -> Encoded:
    detail = (
        f'{{"channel":{quote(event.channel)},"digest":{quote(event.digest)},"place":{_place(event.place)},'
        f'"run_id":{quote(event.run_id)}}}'
    )
    return position_text(event.position), storable_text(event.name), detail, event.payload


def _read_sent(position: str, name: str, detail: str, payload: bytes | None) -> Event:
    facts = _detail(detail)
    channel, run_id, digest, place = facts["channel"], facts["run_id"], facts["digest"], _read_place(facts["place"])
    return MessageSent(parse_position(position), channel, run_id, original_text(name), digest, place, _bytes(payload))


def _write_child(event: ChildStarted) -> Encoded:
    detail = (
        f'{{"digest":{quote(event.digest)},"on_parent_close":{quote(event.on_parent_close)},'
        f'"place":{_place(event.place)},"run_id":{quote(event.run_id)}}}'
    )
    return position_text(event.position), storable_text(event.flow), detail, event.payload


def _read_child(position: str, name: str, detail: str, payload: bytes | None) -> Event:
    facts = _detail(detail)
    return ChildStarted(
        parse_position(position),
        facts["run_id"],
        original_text(name),
        facts["digest"],
        facts["on_parent_close"],
        _read_place(facts["place"]),
        _bytes(payload),
    )


def _read_child_ended(position: str, _name: str, detail: str, payload: bytes | None) -> Event:
    return ChildEnded(parse_position(position), _detail(detail)["ok"], _bytes(payload))


# ---------------------------------------------------------------------------------- tasks, flows and what a run says


def _write_task(event: TaskStarted) -> Encoded:
    detail = f'{{"digest":{quote(event.digest)},"place":{_place(event.place)}}}'
    return position_text(event.position), storable_text(event.name), detail, None


def _read_task(position: str, name: str, detail: str, _payload: bytes | None) -> Event:
    facts = _detail(detail)
    return TaskStarted(parse_position(position), original_text(name), facts["digest"], _read_place(facts["place"]))


def _write_flow(event: FlowStarted) -> Encoded:
    detail = f'{{"digest":{quote(event.digest)},"place":{_place(event.place)},"preview":{quote(event.preview)}}}'
    return position_text(event.position), storable_text(event.flow), detail, None


def _read_flow(position: str, name: str, detail: str, _payload: bytes | None) -> Event:
    facts = _detail(detail)
    digest, preview, place = facts["digest"], facts["preview"], _read_place(facts["place"])
    return FlowStarted(parse_position(position), original_text(name), digest, preview, place)


def _read_flow_completed(position: str, _name: str, detail: str, payload: bytes | None) -> Event:
    return FlowCompleted(parse_position(position), _detail(detail)["ok"], payload)


def _write_log(event: LogWritten) -> Encoded:
    # A line may be long; as a payload it is compressed and bounded like any other value.
    return position_text(event.position), storable_text(event.level), "{}", event.text.encode("utf-8", "surrogatepass")


def _read_log(position: str, name: str, _detail: str, payload: bytes | None) -> Event:
    text = _bytes(payload).decode("utf-8", "surrogatepass")
    return LogWritten(parse_position(position), original_text(name), text)


def _at(position: Position, payload: bytes | None = None) -> Encoded:
    return position_text(position), "", "{}", payload


def _ended(position: str, event: Any) -> Encoded:
    return position, "", f'{{"ok":{_flag(event.ok)}}}', event.payload


FORMS = (
    Form("run-started/1", RunStarted, _write_started, _read_started),
    Form(
        "activation-started/1",
        ActivationStarted,
        lambda e: ("", storable_text(e.owner), f'{{"token":{e.token}}}', None),
        lambda _, name, detail, __: ActivationStarted(original_text(name), _detail(detail)["token"]),
    ),
    Form(
        "code-changed/1",
        CodeChanged,
        lambda e: ("", "", f'{{"code":{quote(e.code)}}}', None),
        lambda _, __, detail, ___: CodeChanged(_detail(detail)["code"]),
    ),
    Form("action-scheduled/1", ActionScheduled, _write_scheduled, _read_scheduled),
    Form(
        "attempt-started/1",
        AttemptStarted,
        lambda e: (position_text(e.position), "", f'{{"attempt":{e.attempt}}}', None),
        lambda position, _, detail, __: AttemptStarted(parse_position(position), _detail(detail)["attempt"]),
    ),
    Form(
        "attempt-heartbeat/1",
        AttemptHeartbeat,
        lambda e: (position_text(e.position), "", f'{{"attempt":{e.attempt}}}', e.payload),
        lambda position, _, detail, payload: AttemptHeartbeat(
            parse_position(position), _detail(detail)["attempt"], _bytes(payload)
        ),
    ),
    Form("attempt-failed/1", AttemptFailed, _write_attempt_failed, _read_attempt_failed),
    Form("action-completed/1", ActionCompleted, lambda e: _at(e.position, e.payload), _read_completed),
    Form(
        "action-failed/1",
        ActionFailed,
        lambda e: _at(e.position, e.payload),
        lambda position, _, __, payload: ActionFailed(parse_position(position), _bytes(payload)),
    ),
    Form("timer-started/1", TimerStarted, _write_timer, _read_timer),
    Form(
        "timer-fired/1",
        TimerFired,
        lambda e: _at(e.position),
        lambda position, *_: TimerFired(parse_position(position)),
    ),
    Form(
        "command-withdrawn/1",
        CommandWithdrawn,
        lambda e: _at(e.position),
        lambda position, *_: CommandWithdrawn(parse_position(position)),
    ),
    Form("receive-started/1", ReceiveStarted, _write_receive, _read_receive),
    Form("message-received/1", MessageReceived, _write_received, _read_received),
    Form(
        "receive-timed-out/1",
        ReceiveTimedOut,
        lambda e: _at(e.position),
        lambda position, *_: ReceiveTimedOut(parse_position(position)),
    ),
    Form("gate-opened/1", GateOpened, _write_gate, _read_gate),
    Form("message-sent/1", MessageSent, _write_sent, _read_sent),
    Form("child-started/1", ChildStarted, _write_child, _read_child),
    Form("child-ended/1", ChildEnded, lambda e: _ended(position_text(e.position), e), _read_child_ended),
    Form("task-started/1", TaskStarted, _write_task, _read_task),
    Form("flow-started/1", FlowStarted, _write_flow, _read_flow),
    Form("flow-completed/1", FlowCompleted, lambda e: _ended(position_text(e.position), e), _read_flow_completed),
    Form("log-written/1", LogWritten, _write_log, _read_log),
    Form(
        "state-set/1",
        StateSet,
        lambda e: (position_text(e.position), storable_text(e.field), "{}", e.payload),
        lambda position, name, _, payload: StateSet(parse_position(position), original_text(name), _bytes(payload)),
    ),
    Form(
        "version-marked/1",
        VersionMarked,
        lambda e: ("", storable_text(e.change), f'{{"version":{e.version}}}', None),
        lambda _, name, detail, __: VersionMarked(original_text(name), _detail(detail)["version"]),
    ),
    Form(
        "chapter-started/1",
        ChapterStarted,
        lambda e: ("", "", f'{{"number":{e.number},"salt":{quote(e.salt)}}}', e.payload),
        _read_chapter,
    ),
    Form(
        "cancel-requested/1",
        CancelRequested,
        lambda e: ("", storable_text(e.kind), "{}", e.payload),
        lambda _, name, __, payload: CancelRequested(original_text(name), _bytes(payload)),
    ),
    Form(
        "run-reset/1",
        RunReset,
        lambda e: ("", "", f'{{"salt":{quote(e.salt)},"to":{e.to}}}', e.payload),
        _read_reset,
    ),
    Form("run-forked/1", RunForked, _write_forked, _read_forked),
    Form(
        "run-completed/1",
        RunCompleted,
        lambda e: _ended("", e),
        lambda _, __, detail, payload: RunCompleted(_detail(detail)["ok"], _bytes(payload)),
    ),
    Form(
        "run-stopped/1",
        RunStopped,
        lambda e: ("", storable_text(e.reason), "{}", e.payload),
        lambda _, name, __, payload: RunStopped(original_text(name), _bytes(payload)),
    ),
)

WRITERS = {form.event: (form.kind, form.encode) for form in FORMS}
READERS: dict[str, Reader] = {form.kind: form.decode for form in FORMS}
