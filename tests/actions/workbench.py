"""Performs shipped actions as the runtime does, in a folder of their own."""

from __future__ import annotations

import itertools
from datetime import timedelta
from pathlib import Path
from typing import Any

import attrs

from flowlang.actions import shipped_actions
from flowlang.lang.values.canonical import decode, encode
from flowlang.lang.values.convert import from_host, to_host
from flowlang.runtime.action import ActionContext, ActionRegistry, bind
from flowlang.runtime.clock import Clock, SystemClock
from flowlang.runtime.database import Database, Databases
from flowlang.runtime.executors.executor import ActionFailure, Attempt, Outcome, Success, attempt_timeout_s
from flowlang.runtime.executors.inline import InlineExecutor
from flowlang.runtime.file_access import FileAccess


class Failed(Exception):
    """An action failed; `failure` says how."""

    def __init__(self, failure: ActionFailure) -> None:
        super().__init__(f"{failure.kind}: {failure.message}")
        self.failure = failure


class Workbench:
    """A project folder, its capabilities and an executor. `call` gives an action's result or raises Failed."""

    def __init__(self, root: Path, declared: dict[str, Database] | None = None, clock: Clock | None = None) -> None:
        self.root = root
        self.registry = ActionRegistry(shipped_actions())
        self.files = FileAccess([root])
        self.databases = Databases(self.files, declared or {})
        self.clock = clock or SystemClock()
        self.executor = InlineExecutor()
        self._keys = itertools.count()

    def context(
        self, key: str | None = None, attempt: int = 1, kind: type[ActionContext] = ActionContext
    ) -> ActionContext:
        key = key or f"call-{next(self._keys)}"
        return kind("run-1", "0.1", key, attempt, self.files, self.databases, self.clock)

    def attempt(self, name: str, *arguments: Any, context: ActionContext | None = None, **keywords: Any) -> Attempt:
        spec = self.registry.lookup(name)
        given = {key: from_host(value) for key, value in keywords.items()}
        bound = bind(spec, [from_host(value) for value in arguments], given)
        asked_s = None if bound.timeout is None else bound.timeout / timedelta(seconds=1)
        payload = encode(from_host(bound.arguments))
        return Attempt(spec, payload, context or self.context(), attempt_timeout_s(spec, asked_s))

    def perform(self, attempt: Attempt) -> Any:
        outcomes: list[Outcome] = []
        self.executor.submit(attempt, lambda _attempt, outcome: outcomes.append(outcome))
        (outcome,) = outcomes
        if isinstance(outcome, Success):
            return to_host(decode(outcome.payload))
        raise Failed(outcome)

    def call(self, name: str, *arguments: Any, context: ActionContext | None = None, **keywords: Any) -> Any:
        return self.perform(self.attempt(name, *arguments, context=context, **keywords))

    def failure(
        self, name: str, *arguments: Any, context: ActionContext | None = None, **keywords: Any
    ) -> ActionFailure:
        try:
            result = self.call(name, *arguments, context=context, **keywords)
        except Failed as failed:
            return failed.failure
        raise AssertionError(f"{name} did not fail but gave {result!r}")

    def kind(self, name: str, *arguments: Any, **keywords: Any) -> str:
        return self.failure(name, *arguments, **keywords).kind

    def close(self) -> None:
        self.executor.close()
        self.databases.close()


@attrs.define
class FixedClock:
    """A clock that stands still."""

    time_ms: int

    def now_ms(self) -> int:
        return self.time_ms

    def monotonic_ms(self) -> int:
        return self.time_ms

    def wait(self, event: Any, until_ms: int) -> bool:
        raise AssertionError("nobody waits in these tests")
