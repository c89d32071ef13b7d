"""The actions of one run that are being performed, and those that are to be.

An attempt starts only after its intent is durable (`begin`). What an attempt came to is put into a queue from
whatever thread it was performed on, and taken out by the thread that drives the run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, TypeAlias

import attrs

from flowlang.runtime.action import ActionSpec
from flowlang.runtime.action_context import ActionContext
from flowlang.runtime.catalog import Catalog
from flowlang.runtime.clock import Clock, Reading, is_past
from flowlang.runtime.database import Databases
from flowlang.runtime.executors.executor import Attempt, Executor, attempt_timeout_s
from flowlang.runtime.executors.executor import Outcome as AttemptOutcome
from flowlang.runtime.file_access import FileAccess
from flowlang.runtime.hooks import Hooks
from flowlang.runtime.journal.event import Position, position_text
from flowlang.runtime.journal.home import Home
from flowlang.runtime.retry import Retry, policy_of

HEARTBEAT_RECORDED_MS: Final = 5_000
"""So long after a heartbeat its details, or newer ones, are recorded."""


@attrs.frozen
class Environment:
    """What actions are performed with. `home`: the database of the journal."""

    catalog: Catalog
    executor: Executor
    files: FileAccess
    databases: Databases
    clock: Clock
    hooks: Hooks
    home: Home | None = None


@attrs.define(eq=False)
class Call:
    """One call of an action that has no answer yet. `attempt`: the number of the last one that was started or is to
    be started; `begun_ms`: when the call was recorded."""

    spec: ActionSpec[..., Any]
    payload: bytes
    timeout_s: float | None
    policy: Retry | None
    begun_ms: int
    attempt: int = 1
    heartbeat: Any = None
    context: ActionContext | None = None


Done: TypeAlias = tuple["Performing", Position, Call, int, AttemptOutcome | None]
"""What an attempt came to; without an outcome, that it gave the first sign of life since the last one was recorded."""


@attrs.define(eq=False)
class Performing:
    """The calls of one run. `report` is given what attempts came to, on any thread; it must not block."""

    run_id: str
    environment: Environment
    report: Callable[[Done], None]
    salt: str = ""
    lease_token: int = 0
    safe_until: Reading | None = None
    calls: dict[Position, Call] = attrs.field(factory=dict)
    retries: dict[Position, int] = attrs.field(factory=dict)
    running: dict[Position, Call] = attrs.field(factory=dict)
    heartbeats: dict[Position, int] = attrs.field(factory=dict)
    """When the details of heartbeats are to be recorded."""
    _beating: set[Position] = attrs.field(factory=set)
    """Attempts of which the driving thread knows that they gave a sign of life since the last one was recorded."""
    _starting: list[Position] = attrs.field(factory=list)

    def is_held(self) -> bool:
        """Whether nobody else can have claimed the run. Asked on any thread."""
        return self.safe_until is None or not is_past(self.environment.clock, self.safe_until)

    def schedule(
        self, position: Position, action: str, payload: bytes, timeout_s: float | None,
        retry: Mapping[str, Any] | None, begun_ms: int,
    ) -> Call:  # fmt: skip
        """A call whose first attempt starts with the next `begin`."""
        spec = self.environment.catalog.spec(action)
        call = Call(spec, payload, timeout_s, policy_of(retry, spec.retry), begun_ms)
        self.calls[position] = call
        self._starting.append(position)
        return call

    def start_again(self, position: Position) -> int:
        """Has a further attempt of a call started with the next `begin`. Gives its number."""
        call = self.calls[position]
        self.retries.pop(position, None)
        call.attempt += 1
        self._starting.append(position)
        return call.attempt

    def unschedule(self, position: Position) -> None:
        """The attempt is to be started later (`retries`)."""
        self._starting.remove(position)

    @property
    def is_starting(self) -> bool:
        """Whether attempts wait for their intents to be durable."""
        return bool(self._starting)

    def drop_starts(self) -> None:
        """Nothing that is not durable will be started."""
        self._starting.clear()

    def begin(self) -> None:
        """Starts what was scheduled."""
        starting, self._starting = self._starting, []
        for position in starting:
            call = self.calls.get(position)
            if call is not None:
                self._start(position, call)

    def start_apart(self, position: Position, call: Call) -> None:
        """Starts the attempt under way again, from the beginning: it is not to join the journal's transaction."""
        self._start(position, call, may_join=False)

    def _start(self, position: Position, call: Call, *, may_join: bool = True) -> None:
        environment, spec = self.environment, call.spec
        action, text = spec.name, position_text(position)
        context = ActionContext(
            self.run_id, text, f"{self.run_id}/{self.salt}/{text}", call.attempt, environment.files,
            environment.databases, environment.clock, lease_token=self.lease_token, action=action,
            last_heartbeat=call.heartbeat, is_held=self.is_held,
            on_heartbeat=lambda _: self._told_of_heartbeat(position),
            on_progress=lambda *how_far: environment.hooks.progress(self.run_id, position, action, *how_far),
            home=environment.home, may_join=may_join,
        )  # fmt: skip
        call.context = context
        attempt = Attempt(spec, call.payload, context, attempt_timeout_s(spec, call.timeout_s))
        if may_join:  # else it has been told of
            environment.hooks.attempt(self.run_id, position, action, call.attempt)
        self.running[position] = call
        number, report = call.attempt, self.report
        environment.executor.submit(attempt, lambda _, outcome: report((self, position, call, number, outcome)))

    def take(self, position: Position, call: Call, number: int) -> bool:
        """An attempt has ended. False when nobody waits for it: it was withdrawn, or reported before."""
        if not self.is_awaited(position, call, number):
            return False
        del self.running[position]
        if self._beating:
            self._forget_heartbeats(position)
        return True

    def is_awaited(self, position: Position, call: Call, number: int) -> bool:
        """Whether this attempt of a call is under way, as far as is known here."""
        return self.running.get(position) is call and call.attempt == number

    def _told_of_heartbeat(self, position: Position) -> None:
        """Called on the thread of the attempt. The driving thread looks at the newest details when it is time."""
        if position not in self._beating and (call := self.running.get(position)) is not None:
            self._beating.add(position)
            self.report((self, position, call, call.attempt, None))

    def note_heartbeat(self, position: Position, call: Call, number: int) -> None:
        """An attempt gave a sign of life: in a while its details are recorded, if it is still under way then. A short
        attempt costs no record, and a long one not more than one in that time."""
        if self.is_awaited(position, call, number):
            self.heartbeats[position] = self.environment.clock.now_ms() + HEARTBEAT_RECORDED_MS

    def _forget_heartbeats(self, position: Position) -> None:
        self._beating.discard(position)
        self.heartbeats.pop(position, None)

    def due_heartbeats(self, now_ms: int) -> Iterator[tuple[Position, int, bytes]]:
        """The newest details of attempts whose heartbeats are to be recorded now, with the numbers of the attempts."""
        for position in [position for position, at_ms in self.heartbeats.items() if at_ms <= now_ms]:
            del self.heartbeats[position]
            self._beating.discard(position)
            call = self.running[position]
            context = call.context
            if context is not None and context.heartbeat_payload is not None:
                yield position, call.attempt, context.heartbeat_payload

    def complete(self, position: Position) -> None:
        """A call has its answer, from an attempt that is over."""
        del self.calls[position]

    def forget(self, position: Position) -> None:
        """Nobody wants the answer of a call any more. What performs it is told to stop."""
        call = self.calls.pop(position, None)
        self.retries.pop(position, None)
        self.running.pop(position, None)
        self._forget_heartbeats(position)
        if call is not None and call.context is not None:
            call.context.cancel()

    def abandon(self) -> None:
        """The run cannot be driven on: tells everything to stop."""
        for call in self.running.values():
            if call.context is not None:
                call.context.cancel()

    def due(self, now_ms: int) -> Iterator[Position]:
        """Calls whose next attempt is due."""
        return iter([position for position, at_ms in self.retries.items() if at_ms <= now_ms])
