"""What runs do, as OpenTelemetry spans and metrics: `Telemetry()` is hooks for an engine or a worker.

Only the API is needed (`flowlang[telemetry]`); where spans and numbers go, the application decides with its SDK.

A run has one trace, however often it is put down and taken up again, and on whatever machine: the trace's id is made
from the run's. In it stands a span for each time that it is driven, and in those one for each action, with an event
for each failed attempt. Times are those of the journal. Arguments and results are in no span.
"""

from __future__ import annotations

import hashlib
from typing import Final

import attrs
from opentelemetry import metrics, trace
from opentelemetry.trace import NonRecordingSpan, Span, SpanContext, Status, StatusCode, TraceFlags

from flowlang.errors import FlowlangError
from flowlang.lang.values.canonical import decode
from flowlang.runtime.hooks import Hooks
from flowlang.runtime.journal.event import (
    ActionCompleted,
    ActionFailed,
    ActionScheduled,
    AttemptFailed,
    Position,
    Record,
    RunCompleted,
    RunStopped,
    position_text,
)
from flowlang.runtime.journal.model import RunStatus

NAME: Final = "flowlang"
MILLION: Final = 1_000_000


@attrs.define(eq=False)
class _Call:
    """An action that has no answer yet."""

    action: str
    span: Span
    begun_ms: int


@attrs.define(eq=False)
class _Driven:
    """A run that is being driven here."""

    span: Span
    calls: dict[Position, _Call] = attrs.field(factory=dict)


class Telemetry(Hooks):
    """See the module. The providers are those of the application, unless they are given."""

    def __init__(
        self, traces: trace.TracerProvider | None = None, numbers: metrics.MeterProvider | None = None
    ) -> None:
        self._tracer = trace.get_tracer(NAME, tracer_provider=traces)
        meter = metrics.get_meter(NAME, meter_provider=numbers)
        self._driven: dict[str, _Driven] = {}
        self._active = meter.create_up_down_counter("flowlang.runs.active", "{run}", "runs that are driven here")
        self._ended = meter.create_counter("flowlang.runs.ended", "{run}", "runs that ended, by status")
        self._actions = meter.create_counter("flowlang.actions", "{action}", "actions that got an answer, by outcome")
        self._failures = meter.create_counter("flowlang.attempts.failed", "{attempt}", "attempts that are repeated")
        self._durations = meter.create_histogram(
            "flowlang.action.duration", "s", "from an action's intent to its answer"
        )

    def attempt(self, run_id: str, position: Position, action: str, attempt: int) -> None:
        """An action of an earlier activation is attempted again: its intent was recorded elsewhere."""
        driven = self._driven.get(run_id)
        if driven is not None and position in driven.calls:
            driven.calls[position].span.set_attribute("flowlang.attempt", attempt)

    def recorded(self, run_id: str, record: Record) -> None:
        event, at_ms = record.event, record.recorded_at_ms
        driven = self._driven.get(run_id) or self._begin(run_id, at_ms)
        match event:
            case ActionScheduled():
                span = self._tracer.start_span(
                    event.action,
                    trace.set_span_in_context(driven.span),
                    attributes={"flowlang.run_id": run_id, "flowlang.position": position_text(event.position)},
                    start_time=at_ms * MILLION,
                )
                driven.calls[event.position] = _Call(event.action, span, at_ms)
            case AttemptFailed():
                kind = str(decode(event.payload)["kind"])
                call = driven.calls.get(event.position)
                self._failures.add(1, {"action": call.action if call else "", "kind": kind})
                if call is not None:
                    about: dict[str, str | int] = {"kind": kind, "attempt": event.attempt}
                    call.span.add_event("attempt failed", about, timestamp=at_ms * MILLION)
            case ActionCompleted():
                self._answered(driven, event.position, at_ms, "ok")
            case ActionFailed():
                self._answered(driven, event.position, at_ms, str(decode(event.payload)["kind"]))
            case RunCompleted():
                driven.span.set_status(Status(StatusCode.OK if event.ok else StatusCode.ERROR))
            case RunStopped():
                driven.span.set_status(Status(StatusCode.ERROR, event.reason))

    def put_down(self, run_id: str, status: RunStatus, error: FlowlangError | None) -> None:
        driven = self._driven.pop(run_id, None)
        if driven is None:
            return
        for call in driven.calls.values():
            call.span.end()
        driven.span.set_attribute("flowlang.status", "lost" if error is not None else status.value)
        driven.span.end()
        self._active.add(-1)
        if status.is_final and error is None:
            self._ended.add(1, {"status": status.value})

    def _begin(self, run_id: str, at_ms: int) -> _Driven:
        parent = trace.set_span_in_context(NonRecordingSpan(trace_of(run_id)))
        span = self._tracer.start_span(
            "flowlang.run", parent, attributes={"flowlang.run_id": run_id}, start_time=at_ms * MILLION
        )
        self._active.add(1)
        driven = self._driven[run_id] = _Driven(span)
        return driven

    def _answered(self, driven: _Driven, position: Position, at_ms: int, outcome: str) -> None:
        call = driven.calls.pop(position, None)
        if call is None:
            return
        about = {"action": call.action, "outcome": outcome}
        self._actions.add(1, about)
        self._durations.record((at_ms - call.begun_ms) / 1000, {"action": call.action})
        call.span.set_status(Status(StatusCode.OK) if outcome == "ok" else Status(StatusCode.ERROR, outcome))
        call.span.end(end_time=at_ms * MILLION)


def trace_of(run_id: str) -> SpanContext:
    """The root of a run's trace, the same everywhere."""
    made = hashlib.blake2b(run_id.encode(), digest_size=24).digest()
    trace_id, span_id = int.from_bytes(made[:16], "big"), int.from_bytes(made[16:], "big")
    return SpanContext(trace_id or 1, span_id or 1, is_remote=True, trace_flags=TraceFlags(TraceFlags.SAMPLED))
