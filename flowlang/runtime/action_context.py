"""What an action is given beside its arguments, and how it says that it failed.

A context belongs to one attempt. It carries the identity of the attempt (run, position, a key that stays the same
over all attempts of one call), the capabilities that the host granted (files below declared roots, named databases)
and the way to be stopped.

Stopping is cooperative, because Python cannot end a thread. A context is in one of three states, and moves once:

    running ── cancel() ──▶ cancelled     hooks registered with `on_cancel` were called; the outcome is a failure
       └────── commit() ──▶ committing    the effect is happening; cancel() comes too late and says so

An action whose effect is one atomic instant (a rename, a COMMIT) calls `commit()` right before it. Then a timeout
never lies: an attempt reported as timed out has not had its effect and will not have it later.

A long action says that it lives with `heartbeat(details)`. With a heartbeat timeout, an attempt that falls silent is
given up; the details of the last heartbeat are what the next attempt finds in `last_heartbeat`, so that it can go on
where this one was.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from enum import Enum
from typing import TYPE_CHECKING, Any, Final

import attrs

from flowlang.lang.values.canonical import encode
from flowlang.lang.values.convert import from_host
from flowlang.runtime.clock import Clock
from flowlang.runtime.database import Databases
from flowlang.runtime.file_access import FileAccess

if TYPE_CHECKING:
    from logging import LoggerAdapter

    from flowlang.runtime.journal.home import Home

HEARTBEAT_BYTES_MAX: Final = 64 << 10
GIVEN_UP: Final = "cancelled"
NOT_HELD: Final = "not-held"
"""The kind of an attempt that did not go on because somebody else may be driving its run by now."""
"""The kind of failure of an attempt that somebody cancelled; its time being over has other kinds."""


class ActionError(Exception):
    """Raised by an action to fail with a kind of its own. `message`: lower case, no full stop, makes sense alone.
    `data` is plain data for the script. `retryable`: whether trying again, unchanged, may help."""

    def __init__(
        self, kind: str, message: str, *, data: Any = None, retryable: bool = False, hint: str | None = None
    ) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message
        self.data = data
        self.retryable = retryable
        self.hint = hint


class ActionCancelled(Exception):
    """Raised inside an action that asked its context after it was cancelled. The executor reports why."""


class ContextState(Enum):
    RUNNING = "running"
    COMMITTING = "committing"
    CANCELLED = "cancelled"


@attrs.define(eq=False)
class ActionContext:
    """One attempt's identity, capabilities and end. `position` is the text of the command's position.
    `idempotency_key` is the same in every attempt of the same call, and in no other call of any run.
    `attempt` counts from 1. `deadline_s` is a reading of `time.monotonic()`, None without a timeout.
    `lease_token`: of the lease under which the attempt was started, to tell owners of the run apart. `action`: the
    action's name. `last_heartbeat`: the details of the last heartbeat of the attempt before. The functions are those
    of whoever watches the attempt: told of heartbeats (in canonical bytes) and of progress; `on_commit` may refuse;
    `is_held` says whether the run is still certain to be driven here, for else somebody else may attempt the same.
    `home`: the database that holds the journal; with `may_join` a write to it may be given as a JointWrite."""

    run_id: str
    position: str
    idempotency_key: str
    attempt: int
    files: FileAccess
    databases: Databases
    clock: Clock
    deadline_s: float | None = None
    lease_token: int = 0
    action: str = ""
    last_heartbeat: Any = None
    on_heartbeat: Callable[[bytes], object] | None = None
    on_progress: Callable[[float, float | None, str], object] | None = None
    on_commit: Callable[[], bool] | None = None
    is_held: Callable[[], bool] | None = None
    home: Home | None = None
    may_join: bool = False
    heartbeat_payload: bytes | None = attrs.field(default=None, init=False)
    """The details of this attempt's last heartbeat, in canonical bytes."""
    heartbeat_s: float = attrs.field(default=0.0, init=False)
    """When the last heartbeat came, a reading of `time.monotonic()`."""
    end_kind: str = attrs.field(default=GIVEN_UP, init=False)
    """The kind of failure of an attempt that was given up."""
    _state: ContextState = attrs.field(default=ContextState.RUNNING, init=False)
    _hooks: list[Callable[[], object]] = attrs.field(factory=list, init=False)
    _lock: threading.Lock = attrs.field(factory=threading.Lock, init=False, repr=False)

    @property
    def cancelled(self) -> bool:
        """Whether the attempt was given up. An action that works in steps looks at it between them."""
        return self._state is ContextState.CANCELLED

    def remaining_s(self) -> float | None:
        """Seconds until the deadline, at least 0; None without a timeout."""
        return None if self.deadline_s is None else max(0.0, self.deadline_s - time.monotonic())

    def check(self) -> None:
        """Raises ActionCancelled when the attempt was given up, or its run may be driven elsewhere by now."""
        if self.is_held is not None and not self.is_held():
            self.cancel(NOT_HELD)
        if self._state is ContextState.CANCELLED:
            raise ActionCancelled

    def commit(self) -> None:
        """Declares that the effect happens now. Raises ActionCancelled when it must not happen any more."""
        with self._lock:
            if self._state is ContextState.CANCELLED or (self.on_commit is not None and not self.on_commit()):
                raise ActionCancelled
            self._state = ContextState.COMMITTING

    def heartbeat(self, details: Any = None) -> None:
        """Says that the attempt lives, and how far it is: `details` is plain data of at most 64 KiB, which the next
        attempt gets if this one fails. Raises ActionCancelled when the attempt was given up."""
        self.check()
        payload = encode(from_host(details, "details"), "details")
        if len(payload) > HEARTBEAT_BYTES_MAX:
            raise ValueError(f"the details of a heartbeat take {len(payload) >> 10} KiB, more than 64")
        self.beat(payload)

    def beat(self, payload: bytes) -> None:
        """A heartbeat whose details are canonical bytes already."""
        self.heartbeat_payload = payload
        self.heartbeat_s = time.monotonic()
        if self.on_heartbeat is not None:
            self.on_heartbeat(payload)

    def progress(self, done: float, total: float | None = None, message: str = "") -> None:
        """Tells whoever watches how far the action is. Nothing is recorded; it counts as no heartbeat."""
        if self.on_progress is not None:
            self.on_progress(done, total, message)

    @property
    def logger(self) -> LoggerAdapter[Any]:
        """The logger `flowlang.action`; its records carry `run_id`, `position`, `action` and `attempt`."""
        import logging

        about = {"run_id": self.run_id, "position": self.position, "action": self.action, "attempt": self.attempt}
        return logging.LoggerAdapter(logging.getLogger("flowlang.action"), about)

    def on_cancel(self, hook: Callable[[], object]) -> Callable[[], None]:
        """Has `hook` called, from another thread, when the attempt is given up: at once if it already was.
        Gives a function that takes the hook back; after that returned, the hook is neither running nor called,
        so that what it would interrupt may be used for something else. Hooks must not block."""
        with self._lock:
            if self._state is ContextState.CANCELLED:
                hook()
            else:
                self._hooks.append(hook)

        def take_back() -> None:
            with self._lock:
                if hook in self._hooks:
                    self._hooks.remove(hook)

        return take_back

    def cancel(self, kind: str = GIVEN_UP) -> bool:
        """Gives the attempt up and calls the hooks; it fails with that kind. False when its effect is already
        happening."""
        with self._lock:
            if self._state is ContextState.COMMITTING:
                return False
            if self._state is ContextState.RUNNING:
                self._state = ContextState.CANCELLED
                self.end_kind = kind
                while self._hooks:
                    self._hooks.pop()()
            return True
