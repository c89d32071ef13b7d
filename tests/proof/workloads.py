"""The workloads of the proof: flows in `flows/`, the actions that they call, and what they need from outside.

Every action that changes something puts its effect into a *sink* under its idempotency key. A sink keeps one effect
per key, as a payment service would, so its contents say what really happened in the end, however often it was tried.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs

from flowlang.runtime.action import ActionContext, ActionError, ActionSpec, action

FLOWS = Path(__file__).parent / "flows"
ACCOUNTS = 100


@attrs.frozen
class Workload:
    """A flow of `flows/`. `short` and `full`: its arguments. `signals`: names and payloads that somebody sends, once
    each, at any time. `decides`: somebody decides its gates. `cancels`: somebody cancels it, so that where it ends
    depends on chance. `retries`: how many attempts more than one its policies allow."""

    name: str
    short: Mapping[str, Any]
    full: Mapping[str, Any]
    signals: Sequence[tuple[str, Any]] = ()
    decides: bool = False
    cancels: bool = False
    retries: int = 0

    @property
    def script(self) -> str:
        return (FLOWS / f"{self.name}.flow").read_text()


TEN = [("number", number) for number in range(10)]

WORKLOADS = {
    each.name: each
    for each in (
        Workload("straight", {"calls": 4}, {"calls": 20}),
        Workload("loop", {"calls": 6}, {"calls": 1000}),
        Workload("fan_out", {"tasks": 6}, {"tasks": 200}),
        Workload("transfers", {"transfers": 6}, {"transfers": 100}),
        Workload("saga", {"orders": 2}, {"orders": 4}),
        Workload("timers", {"tasks": 2}, {"tasks": 4}),
        Workload("signals", {"signals": 4}, {"signals": 10}, signals=TEN),
        Workload("approval", {"orders": 2}, {"orders": 3}, decides=True),
        Workload("children", {"depth": 3}, {"depth": 5}),
        Workload("cancelled", {"parts": 2}, {"parts": 4}, cancels=True),
        Workload("payloads", {"sizes": [10, 1100, 70_000]}, {"sizes": [10, 1100, 70_000, 1 << 20, 15 << 20]}),
        Workload("retries", {"calls": 3}, {"calls": 10}, retries=2),
    )
}


class Sink:
    """Effects by key, in a file that many processes append to; or in memory without a path."""

    def __init__(self, path: Path | None = None) -> None:
        self.path = path
        self._lines: list[str] = []

    def put(self, key: str, what: Sequence[Any]) -> None:
        """Has an effect, once for each key however often it is asked for."""
        line = json.dumps([key, *what])
        if self.path is None:
            self._lines.append(line)
            return
        descriptor = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            os.write(descriptor, (line + "\n").encode())
        finally:
            os.close(descriptor)

    def size(self) -> int:
        """How often an effect was asked for, in a file."""
        return self.path.read_bytes().count(b"\n") if self.path is not None and self.path.exists() else 0

    def effects(self) -> dict[str, list[Any]]:
        """What happened, by key. Raises AssertionError when a key stands for two different effects."""
        if self.path is not None:
            self._lines = self.path.read_text().splitlines() if self.path.exists() else []
        found: dict[str, list[Any]] = {}
        for line in self._lines:
            key, *what = json.loads(line)
            assert found.setdefault(key, what) == what, f"the key {key} stands for {found[key]} and for {what}"
        return found

    def of_run(self, run_id: str) -> list[list[Any]]:
        """The effects of one run in an order that says nothing, without what differs from run to run."""
        return sorted(what for key, what in self.effects().items() if key.split("/")[0] == run_id)


def proof_actions(sink: Sink) -> list[ActionSpec[..., Any]]:
    """The actions of the workloads, with their effects in this sink."""

    @action(name="proof.double", inline=True)
    def double(context: ActionContext, number: int) -> int:
        sink.put(context.idempotency_key, ["double", number])
        return 2 * number

    @action(name="proof.put")
    def put(context: ActionContext, name: str, value: object) -> None:
        sink.put(context.idempotency_key, ["put", name, value])

    @action(name="proof.move")
    def move(context: ActionContext, account: str, amount: int) -> int:
        sink.put(context.idempotency_key, ["move", account, amount])
        return amount

    @action(name="proof.refuse")
    def refuse(number: int) -> int:
        if number % 2:
            raise ActionError("refused", f"{number} is odd")
        return number

    @action(name="proof.flaky")
    def flaky(context: ActionContext, number: int, failures: int) -> int:
        if context.attempt <= failures:
            raise ActionError("flaky", f"attempt {context.attempt} of {number} failed", retryable=True)
        sink.put(context.idempotency_key, ["flaky", number])
        return number

    @action(name="proof.text")
    def text(size: int) -> str:
        return "flow" * (size // 4)

    @action(name="proof.length")
    def length(text: str) -> int:
        return len(text)

    return [double, put, move, refuse, flaky, text, length]
