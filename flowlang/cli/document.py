"""Runs, outcomes and events as JSON documents.

Each document names its schema; fields are added to a schema, never changed. Values appear in their canonical form,
the one that journals store: plain JSON wherever JSON has the type, and a tagged object such as `{"$tuple": [1, 2]}`
or `{"$bytes": "…"}` where it has not, so nothing is lost on the way. Lines and columns count from 1.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

import attrs

from flowlang.cli.exit_code import ExitCode
from flowlang.lang.values.canonical import encode
from flowlang.lang.values.display import preview
from flowlang.lang.values.fault import Fault
from flowlang.lang.values.result import Err, Failure, Ok
from flowlang.runtime.journal.codec import kind_of
from flowlang.runtime.journal.event import Event, Place, Record, position_text
from flowlang.runtime.journal.journal import Journal, RunRecord, WaitRecord
from flowlang.runtime.operations.open_command import OpenCommand
from flowlang.runtime.outcome import RunOutcome

FRAME_FIELDS: Final = ("path", "name", "line", "column", "end_line", "end_column")


def outcome_document(outcome: RunOutcome, exit_code: ExitCode, attachment: str) -> dict[str, Any]:
    """What `run` and `resume` give: `flowlang/outcome/1`."""
    result = outcome.result
    document: dict[str, Any] = {
        "schema": "flowlang/outcome/1",
        "run_id": outcome.run_id,
        "status": outcome.status.value,
        "attachment": attachment,
        "ok": None if result is None else isinstance(result, Ok),
    }
    if result is not None:
        document |= result_fields(result)
    if outcome.stop is not None:
        document["stop"] = {
            "reason": outcome.stop.reason,
            "kind": outcome.stop.slug,
            "message": outcome.stop.message,
            "hint": outcome.stop.hint,
            "detail": list(outcome.stop.detail),
        }
    return document | {
        "events": outcome.sequence,
        "actions_completed": outcome.actions_completed,
        "exit_code": int(exit_code),
    }


def result_fields(result: Ok | Err) -> dict[str, Any]:
    """`value` of an Ok or `error` of an Err."""
    if isinstance(result, Ok):
        return {"value": plain(result.value)}
    error = failure_document(result.failure)
    if not isinstance(result.error, Failure):
        error["value"] = plain(result.error)
    return {"error": error}


def failure_document(failure: Failure) -> dict[str, Any]:
    """A failure with its trace, outermost call first."""
    return {
        "kind": failure.kind,
        "message": failure.message,
        "hint": failure.hint,
        "data": plain(failure.data),
        "retryable": failure.retryable,
        "trace": [_frame(frame) for frame in failure.trace],
    }


def _frame(frame: Any) -> Any:
    """One call of a trace; whatever else a script put there as it is."""
    fields = getattr(frame, "fields", None)
    if not isinstance(fields, Mapping):
        return plain(frame)
    named = {name: plain(fields[name]) for name in FRAME_FIELDS if name in fields}
    return named | {name: plain(value) for name, value in fields.items() if name not in FRAME_FIELDS}


def plain(value: Any) -> Any:
    """A value of the language as JSON. A function, which is no data, becomes its text."""
    try:
        return json.loads(encode(value))
    except Fault:
        return preview(value)


def run_document(journal: Journal, run: RunRecord, status: str) -> dict[str, Any]:
    """One run as a part of `flowlang/runs/1` and `flowlang/run/1`. `status` is as people see it."""
    return {
        "run_id": run.run_id,
        "status": status,
        "entry": run.entry,
        "flow": run.flow,
        "created_at": moment(run.created_at_ms),
        "updated_at": moment(run.updated_at_ms),
        "events": run.sequence,
        "actions_completed": run.actions_completed,
        "owner": run.owner or None,
        "queue": run.queue,
        "priority": run.priority,
        "partition": run.partition or None,
        "correlation": run.correlation or None,
        "parent": run.parent or None,
        "root": run.root or None,
        "state": run.state or None,
        "progress": json.loads(run.progress) if run.progress else None,
        "reason": run.reason or None,
        "crashes": run.crashes,
        "due_at": moment_or_none(run.due_at_ms),
        "deadline_at": moment_or_none(run.deadline_at_ms),
    }


RUN_FIELDS: Final = (
    "run_id", "status", "entry", "flow", "created_at", "updated_at", "events", "actions_completed", "owner", "queue",
    "priority", "partition", "correlation", "parent", "root", "state", "progress", "reason", "crashes", "due_at",
    "deadline_at",
)  # fmt: skip
"""What `--fields` can name of a run."""


def waits_document(commands: Sequence[OpenCommand]) -> list[dict[str, Any]]:
    """What a run waits for, as a part of `flowlang/run/1`."""
    return [
        {
            "kind": command.kind,
            "name": command.name,
            "position": position_text(command.position),
            "place": _field("place", command.place),
            "since": moment(command.since_ms),
            "until": moment_or_none(command.until_ms),
            "attempt": command.attempt,
            "failure": command.failure or None,
        }
        for command in commands
    ]


def gate_document(wait: WaitRecord) -> dict[str, Any]:
    """One gate as a part of `flowlang/gates/1`."""
    return {
        "run_id": wait.run_id,
        "name": wait.name,
        "position": wait.position,
        "opened_at": moment(wait.created_at_ms),
        "expires_at": moment_or_none(wait.expires_at_ms),
        "data": json.loads(wait.payload),
    }


def events_document(run_id: str, records: Sequence[Record]) -> dict[str, Any]:
    """A journal as `flowlang/journal/1`."""
    return {"schema": "flowlang/journal/1", "run_id": run_id, "events": [event_document(record) for record in records]}


def event_document(record: Record) -> dict[str, Any]:
    """One event, its payload as JSON."""
    document: dict[str, Any] = {
        "sequence": record.sequence,
        "recorded_at": moment(record.recorded_at_ms),
        "token": record.token,
        "kind": event_kind(record.event),
    }
    for field in attrs.fields(type(record.event)):
        document[field.name] = _field(field.name, getattr(record.event, field.name))
    return document


def event_kind(event: Event) -> str:
    """`action-scheduled` for an ActionScheduled."""
    return kind_of(event).partition("/")[0]


def _field(name: str, value: Any) -> Any:
    if name == "position":
        return position_text(value)
    if name == "payload":
        return None if value is None else json.loads(value)
    if isinstance(value, Place):
        return {"path": value.module, "line": value.line, "column": value.column + 1}
    return value


def moment_or_none(time_ms: int | None) -> str | None:
    """A time as text, if there is one."""
    return None if time_ms is None else moment(time_ms)


def moment(time_ms: int) -> str:
    """A time as `2026-01-31T12:00:00.000Z`."""
    moment = datetime.fromtimestamp(time_ms / 1000, UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{time_ms % 1000:03d}Z"
