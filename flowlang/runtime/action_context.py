"""What an action is given beside its arguments, and how it says that it failed.

A context belongs to one attempt. It carries the identity of the attempt (run, position, a key that stays the same
over all attempts of one call), the capabilities that the host granted (files below declared roots, named databases)
and the way to be stopped.

Stopping is cooperative, because Python cannot end a thread. A context is in one of three states, and moves once:

    running ── cancel() ──▶ cancelled     hooks registered with `on_cancel` were called; the outcome is a failure
       └────── commit() ──▶ committing    the effect is happening; cancel() comes too late and says so

An action whose effect is one atomic instant (a rename, a COMMIT) calls `commit()` right before it. Then a timeout
never lies: an attempt reported as timed out has not had its effect and will not have it later.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from enum import Enum
from typing import Any

import attrs

from flowlang.runtime.clock import Clock
from flowlang.runtime.database import Databases
from flowlang.runtime.file_access import FileAccess


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
    `attempt` counts from 1. `deadline_s` is a reading of `time.monotonic()`, None without a timeout."""

    run_id: str
    position: str
    idempotency_key: str
    attempt: int
    files: FileAccess
    databases: Databases
    clock: Clock
    deadline_s: float | None = None
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
        """Raises ActionCancelled when the attempt was given up."""
        if self._state is ContextState.CANCELLED:
            raise ActionCancelled

    def commit(self) -> None:
        """Declares that the effect happens now. Raises ActionCancelled when it must not happen any more."""
        with self._lock:
            if self._state is ContextState.CANCELLED:
                raise ActionCancelled
            self._state = ContextState.COMMITTING

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

    def cancel(self) -> bool:
        """Gives the attempt up and calls the hooks. False when its effect is already happening."""
        with self._lock:
            if self._state is ContextState.COMMITTING:
                return False
            if self._state is ContextState.RUNNING:
                self._state = ContextState.CANCELLED
                while self._hooks:
                    self._hooks.pop()()
            return True
