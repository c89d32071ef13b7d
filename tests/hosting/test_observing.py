"""What an application can see: logging, spans, numbers, progress; and what must not be seen."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from engine_world import World, run_async
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from flowlang.hosting.engine import Engine
from flowlang.lang.values.result import Err
from flowlang.runtime.action import ActionContext, ActionError, Retry, action
from flowlang.runtime.hook_group import HookGroup
from flowlang.runtime.hooks import Hooks
from flowlang.runtime.journal.event import Position
from flowlang.runtime.telemetry import Telemetry, trace_of

SECRET = "s3cr3t"
FLAKY = """
def _flaky(fctx):
    print("hello")
    return fctx.actions.shop.flaky("s3cr3t")

flaky = flow(implementation = _flaky)

def _broken(fctx):
    return fctx.actions.shop.broken()

broken = flow(implementation = _broken)
"""


@action(name="shop.flaky", retry=Retry(attempts=3, backoff="none"))
def flaky(context: ActionContext, text: str) -> str:
    """Fails twice, and says in what state it left the matter."""
    if context.attempt < 3:
        context.heartbeat({"attempt": context.attempt})
        raise ActionError("busy", f"busy with {text}", retryable=True)
    assert context.last_heartbeat == {"attempt": 2}
    context.progress(1, 2, "half")
    context.logger.info("nearly")
    return text


@action(name="shop.broken")
def broken() -> None:
    raise ActionError("no-stock", "the shelf is empty")


def engine(world: World, hooks: list[Hooks]) -> Engine:
    (world.flows / "flaky.flow").write_text(FLAKY)
    return Engine(world.location, flows=world.flows, actions=[flaky, broken], hooks=hooks)


def test_the_log_names_the_run_and_shows_no_payload(world: World, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "flowlang")

    async def test() -> None:
        async with engine(world, []) as opened:
            assert await (await opened.start("flaky.flow:flaky", id="f")).value() == SECRET
            assert isinstance(await (await opened.start("flaky.flow:broken", id="b")).result(), Err)

    run_async(test)
    said = [(record.name, record.levelname, record.getMessage()) for record in caplog.records]
    assert ("flowlang.action", "WARNING", "attempt 1 of f at 0.0 failed (busy) and will be repeated") in said
    assert ("flowlang.action", "INFO", "attempt 3 of `shop.flaky` starts") in said
    assert ("flowlang.action", "INFO", "nearly") in said
    assert ("flowlang.script", "INFO", "hello") in said
    assert ("flowlang.run", "INFO", "ended with Ok") in said
    assert ("flowlang.run", "INFO", "ended with Err") in said
    assert any(name == "flowlang.action" and "failed: no-stock" in text for name, _, text in said)
    about: list[Any] = [record for record in caplog.records if record.name in ("flowlang.action", "flowlang.run")]
    assert {record.run_id for record in about} == {"f", "b"}
    assert SECRET not in caplog.text


def test_spans_and_numbers(world: World) -> None:
    spans, reader = InMemorySpanExporter(), InMemoryMetricReader()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(spans))
    telemetry = Telemetry(provider, MeterProvider([reader]))

    async def test() -> None:
        async with engine(world, [telemetry]) as opened:
            await (await opened.start("flaky.flow:flaky", id="f")).result()
            await (await opened.start("flaky.flow:broken", id="b")).result()

    run_async(test)
    found = {(span.name, (span.attributes or {})["flowlang.run_id"]): span for span in spans.get_finished_spans()}
    assert set(found) == {("flowlang.run", "f"), ("shop.flaky", "f"), ("flowlang.run", "b"), ("shop.broken", "b")}
    flaky_span, run_span = found["shop.flaky", "f"], found["flowlang.run", "f"]
    assert flaky_span.parent is not None
    assert run_span.context is not None
    assert flaky_span.parent.span_id == run_span.context.span_id
    assert run_span.context.trace_id == trace_of("f").trace_id
    assert [event.name for event in flaky_span.events] == ["attempt failed"] * 2
    assert flaky_span.status.is_ok
    assert found["shop.broken", "b"].status.description == "no-stock"
    assert SECRET not in "".join(span.to_json() for span in spans.get_finished_spans())
    numbers = totals(reader)
    assert numbers["flowlang.attempts.failed"] == 2
    assert numbers["flowlang.actions"] == 2
    assert numbers["flowlang.runs.ended"] == 2
    assert numbers["flowlang.runs.active"] == 0


def totals(reader: InMemoryMetricReader) -> dict[str, float]:
    data = reader.get_metrics_data()
    assert data is not None
    (resource,) = data.resource_metrics
    (scope,) = resource.scope_metrics
    return {
        metric.name: sum(getattr(point, "value", 0) for point in metric.data.data_points) for metric in scope.metrics
    }


def test_progress_of_actions_is_told(world: World) -> None:
    class Seen(Hooks):
        def __init__(self) -> None:
            self.told: list[tuple[str, float, float | None, str]] = []

        def progress(
            self, run_id: str, position: Position, action: str, done: float, total: float | None, message: str
        ) -> None:
            self.told.append((action, done, total, message))

    seen = Seen()

    async def test() -> None:
        async with engine(world, [seen]) as opened:
            await (await opened.start("flaky.flow:flaky")).result()

    run_async(test)
    assert seen.told == [("shop.flaky", 1, 2, "half")]


def test_a_group_passes_everything_on() -> None:
    """A hook that the group does not know would be lost silently."""
    hooks = {name for name in vars(Hooks) if not name.startswith("_")}
    assert hooks == {name for name in vars(HookGroup) if not name.startswith("_")}
