"""What an application says to start a run, as what the journal is given."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import attrs

from flowlang.errors import (
    FlowlangError,
    JournalUnavailable,
    RunAlreadyExists,
    RunNotFound,
    SourceError,
    UsageError,
)
from flowlang.lang.diagnostics.suggest import nearest
from flowlang.lang.interpreter import Build
from flowlang.lang.values.convert import from_host
from flowlang.lang.values.fault import Fault
from flowlang.runtime.action import ActionRegistry, ActionSpec
from flowlang.runtime.clock import Clock
from flowlang.runtime.journal.journal import Journal
from flowlang.runtime.journal.model import AttributeValue, NewChild, Placement, RunRecord
from flowlang.runtime.launch import PinnedCode, code_of, prepare
from flowlang.runtime.project import Project
from flowlang.runtime.typed import adopt

Given = TypeVar("Given")
Made = TypeVar("Made")


@attrs.frozen
class Order:
    """What is to be started. `target`: `FILE` or `FILE:FLOW`. `delay` and `deadline` count from now."""

    target: str
    arguments: Mapping[str, Any] = attrs.field(factory=dict)
    run_id: str | None = None
    queue: str = Placement().queue
    priority: int = Placement().priority
    partition: str = ""
    delay: timedelta | float = 0.0
    deadline: datetime | timedelta | float | None = None
    attributes: Mapping[str, AttributeValue] = attrs.field(factory=dict)
    correlation: str = ""


class Starter:
    """Starts runs of the scripts below `flows`. A script is built anew only when a file of it has changed. May be
    used from several threads."""

    def __init__(
        self, journal: Journal, root: Path, flows: Path, actions: Sequence[ActionSpec[..., Any]], clock: Clock
    ) -> None:
        self._journal = journal
        self._project = Project(root)
        self._flows = flows
        self._registry = ActionRegistry(actions)
        self._clock = clock
        self._built: dict[str, tuple[Build, PinnedCode]] = {}
        self._lock = threading.Lock()

    def start_each(self, orders: Sequence[Order]) -> list[str | Exception]:
        """Creates the runs, which any worker takes up, in one transaction when nothing stands against it. Gives for
        each its id, or why it was not started: UsageError, SourceError, JournalError. A run of that id that was started
        with the same flow and arguments is the same start."""
        prepared: list[NewChild | Exception] = [_attempt(self.prepare, order) for order in orders]
        made = [new for new in prepared if isinstance(new, NewChild)]
        try:
            self._journal.create_many(made)
        except JournalUnavailable as error:
            return [error if isinstance(new, NewChild) else new for new in prepared]
        except FlowlangError:  # of one of them, which nobody names: each meets its own trouble
            return [_attempt(self._create, new) if isinstance(new, NewChild) else new for new in prepared]
        return [new.run.run_id if isinstance(new, NewChild) else new for new in prepared]

    def _create(self, new: NewChild) -> str:
        try:
            self._journal.create_many([new])
        except RunAlreadyExists:
            self._check_same(new)
        return new.run.run_id

    def start_many(self, orders: Sequence[Order]) -> list[str]:
        """Creates all of them in one transaction, or none. An id that is taken is refused here, whatever it runs."""
        made = [self.prepare(order) for order in orders]
        self._journal.create_many(made)
        return [new.run.run_id for new in made]

    def prepare(self, order: Order) -> NewChild:
        """The run as it would be created."""
        file, _, flow = order.target.partition(":")
        build, code = self._script(file)
        if flow and flow not in build.script.exports:
            near = nearest(flow, build.script.exports)
            hint = f"did you mean `{near}`?" if near else "a flow that is started has a public name at the top level"
            raise UsageError(f"{build.entry} has no flow `{flow}`", hint=hint)
        try:
            arguments = {name: from_host(value, name, adopt) for name, value in order.arguments.items()}
        except Fault as fault:
            raise UsageError(f"an argument is not data: {fault.message}", hint=fault.hint) from None
        return prepare(
            build, code, flow=flow, arguments=arguments, run_id=order.run_id, placement=self._placement(order),
            attributes=order.attributes, correlation=order.correlation, clock=self._clock,
        )  # fmt: skip

    def _script(self, file: str) -> tuple[Build, PinnedCode]:
        with self._lock:
            known = self._built.get(file)
            if known is not None and not self._project.is_edited(known[0].entry, known[1].texts):
                return known
            build = self._project.build(self._flows / file)
            if build.has_errors:
                raise SourceError(build.diagnostics)
            made = self._built[file] = build, code_of(build, self._registry)
            return made

    def _placement(self, order: Order) -> Placement:
        now_ms = self._clock.now_ms()
        delay_ms = _milliseconds(order.delay)
        deadline = order.deadline
        if isinstance(deadline, datetime):
            if deadline.tzinfo is None:
                raise UsageError("the deadline has no time zone", hint="write `datetime(..., tzinfo=UTC)`")
            deadline_ms: int | None = round(deadline.timestamp() * 1000)
        else:
            deadline_ms = None if deadline is None else now_ms + _milliseconds(deadline)
        return Placement(
            queue=order.queue, priority=order.priority, partition=order.partition,
            start_at_ms=now_ms + delay_ms if delay_ms else None, deadline_at_ms=deadline_ms,
        )  # fmt: skip

    def _check_same(self, new: NewChild) -> None:
        run = new.run
        known = self._known(run.run_id)
        if known is None or (known.entry, known.flow) != (run.entry, run.flow):
            shown = "something else" if known is None else known.entry + (known.flow and f":{known.flow}")
            raise UsageError(f"run `{run.run_id}` exists and runs {shown}", hint="choose another id")
        if known.arguments_digest != run.arguments_digest:
            raise UsageError(
                f"run `{run.run_id}` exists and was started with other arguments",
                hint="choose another id, or `get` the run",
            )

    def _known(self, run_id: str) -> RunRecord | None:
        try:
            return self._journal.run(run_id)
        except RunNotFound:
            return None


def _milliseconds(span: timedelta | float) -> int:
    return round((span.total_seconds() if isinstance(span, timedelta) else span) * 1000)


def _attempt(make: Callable[[Given], Made], given: Given) -> Made | Exception:
    try:
        return make(given)
    except Exception as problem:
        return problem
