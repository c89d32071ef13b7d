"""A ledger of what really happened: every attempt of every action, written down outside of flowlang.

A journal that claims that nothing was done twice proves little by itself. The ledger is the other witness. It wraps
the actions that an engine is given, and writes a line when an attempt starts and one when its function has ended,
each appended to a file (`O_APPEND`) and flushed to the disk before anything else happens. Processes that die, and
those that take over from them, write to the same file, so it shows what all of them did, in order.

    ledger = Ledger(folder / "ledger")
    engine = Engine(root, journal, actions=ledger.wrap(shipped_actions()))
    ...
    assert violations(ledger.entries(), crashes=1) == []

The ledger lies beside the effects, not in them: a process can die between an effect and the line of its end. An
attempt with a start and no end may or may not have had its effect.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Collection, Iterable, Sequence
from pathlib import Path
from typing import Any, Literal

import attrs

from flowlang.runtime.action import ActionContext, ActionSpec


@attrs.frozen
class LedgerEntry:
    """One line: an attempt started, or its function ended (returned or raised)."""

    moment: Literal["start", "end"]
    run_id: str
    position: str
    action: str
    key: str
    attempt: int
    process: int


class Ledger:
    """The ledger in one file, which is made when it is first written to."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def wrap(self, specs: Iterable[ActionSpec[..., Any]]) -> list[ActionSpec[..., Any]]:
        """The same actions, which write down their attempts here."""
        return [attrs.evolve(spec, function=self._recorded(spec), takes_context=True) for spec in specs]

    def entries(self) -> list[LedgerEntry]:
        """What was written so far, in order."""
        if not self.path.exists():
            return []
        return [LedgerEntry(*json.loads(line)) for line in self.path.read_text(encoding="ascii").splitlines()]

    def _recorded(self, spec: ActionSpec[..., Any]) -> Callable[..., Any]:
        def perform(context: ActionContext, **arguments: Any) -> Any:
            self._write("start", spec.name, context)
            try:
                return spec.function(context, **arguments) if spec.takes_context else spec.function(**arguments)
            finally:
                self._write("end", spec.name, context)

        async def perform_async(context: ActionContext, **arguments: Any) -> Any:
            self._write("start", spec.name, context)
            try:
                return await (spec.function(context, **arguments) if spec.takes_context else spec.function(**arguments))
            finally:
                self._write("end", spec.name, context)

        return perform_async if spec.is_async else perform

    def _write(self, moment: Literal["start", "end"], action: str, context: ActionContext) -> None:
        entry = LedgerEntry(
            moment, context.run_id, context.position, action, context.idempotency_key, context.attempt, os.getpid()
        )
        line = json.dumps(attrs.astuple(entry)) + "\n"
        descriptor = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            # One write, so that lines of several threads and processes never mix.
            os.write(descriptor, line.encode("ascii"))
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def violations(entries: Sequence[LedgerEntry], crashes: int) -> list[str]:
    """What in a ledger must not be, in words. `crashes`: how many times a process died or lost its runs."""
    return [*_identity_violations(entries), *_attempt_violations(entries, crashes)]


def repeated(before: Sequence[LedgerEntry], after: Sequence[LedgerEntry], recorded: Collection[str]) -> list[str]:
    """Attempts that were started although the results of their calls had been recorded: `recorded` are the positions
    with a result in the journal when only the entries `before` had been written; `after` is the whole ledger."""
    return [
        f"`{entry.action}` at {entry.position} was started again, attempt {entry.attempt}"
        for entry in after[len(before) :]
        if entry.moment == "start" and entry.position in recorded
    ]


def _identity_violations(entries: Sequence[LedgerEntry]) -> list[str]:
    """One key belongs to one call and one call has one key, whichever attempt it is."""
    found: list[str] = []
    call_of_key: dict[str, tuple[str, str, str]] = {}
    key_of_call: dict[tuple[str, str], str] = {}
    for entry in entries:
        call = (entry.run_id, entry.position, entry.action)
        if call_of_key.setdefault(entry.key, call) != call:
            found.append(f"the key {entry.key} was given to {call_of_key[entry.key]} and to {call}")
        if key_of_call.setdefault(call[:2], entry.key) != entry.key:
            found.append(f"the call at {entry.position} of {entry.run_id} had two keys")
    return found


def _attempt_violations(entries: Sequence[LedgerEntry], crashes: int) -> list[str]:
    """Attempts of a call are numbered upwards and start once each; there are no more of them than crashes explain."""
    found: list[str] = []
    last: dict[str, int] = {}
    starts: dict[str, int] = {}
    for entry in entries:
        if entry.moment == "end":
            continue
        what = f"`{entry.action}` at {entry.position}"
        if entry.attempt <= last.get(entry.key, 0):
            found.append(f"{what}: attempt {entry.attempt} started after attempt {last[entry.key]}")
        last[entry.key] = entry.attempt
        starts[entry.key] = starts.get(entry.key, 0) + 1
        if starts[entry.key] == crashes + 2:
            found.append(f"{what} was started {crashes + 2} times, with {crashes} crashes")
        if entry.attempt > crashes + 1:
            found.append(f"{what}: attempt {entry.attempt}, with {crashes} crashes")
    return found
