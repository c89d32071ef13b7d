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
import time
from collections.abc import Callable, Collection, Iterable, Sequence
from pathlib import Path
from typing import Any, Literal

import attrs

from flowlang.runtime.action import ActionContext, ActionSpec


@attrs.frozen
class LedgerEntry:
    """One line: an attempt started, or its function ended (returned or raised). `token`: of the lease under which it
    was started. `monotonic_ns`: a clock that all processes of the machine share and nobody sets."""

    moment: Literal["start", "end"]
    run_id: str
    position: str
    action: str
    key: str
    attempt: int
    process: int
    token: int = 0
    monotonic_ns: int = 0


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

    def write(self, entry: LedgerEntry) -> None:
        """Makes an entry durable."""
        line = json.dumps(attrs.astuple(entry)) + "\n"
        descriptor = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            # One write, so that lines of several threads and processes never mix.
            os.write(descriptor, line.encode("ascii"))
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

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
        self.write(
            LedgerEntry(
                moment, context.run_id, context.position, action, context.idempotency_key, context.attempt, os.getpid(),
                context.lease_token, time.monotonic_ns(),
            )
        )  # fmt: skip


class MemoryLedger(Ledger):
    """A ledger of a simulation, in which all that die and take over are in one process."""

    def __init__(self) -> None:
        super().__init__(Path(os.devnull))
        self._entries: list[LedgerEntry] = []

    def entries(self) -> list[LedgerEntry]:
        """What was written so far, in order."""
        return list(self._entries)

    def write(self, entry: LedgerEntry) -> None:
        """Keeps an entry."""
        self._entries.append(entry)


def violations(entries: Sequence[LedgerEntry], crashes: int, retries: int = 0) -> list[str]:
    """What in a ledger must not be, in words. `crashes`: how many times a process died or lost its runs. `retries`: how
    many more attempts the retry policies of the calls allow."""
    return [*_identity_violations(entries), *_attempt_violations(entries, crashes, retries)]


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


def _attempt_violations(entries: Sequence[LedgerEntry], crashes: int, retries: int) -> list[str]:
    """Attempts of a call are numbered upwards and start once each; there are no more of them than crashes explain."""
    found: list[str] = []
    last: dict[str, int] = {}
    starts: dict[str, int] = {}
    most = crashes + retries + 1
    because = f"with {crashes} crashes" + (f" and {retries} retries" if retries else "")
    for entry in entries:
        if entry.moment == "end":
            continue
        what = f"`{entry.action}` at {entry.position}"
        if entry.attempt <= last.get(entry.key, 0):
            found.append(f"{what}: attempt {entry.attempt} started after attempt {last[entry.key]}")
        last[entry.key] = entry.attempt
        starts[entry.key] = starts.get(entry.key, 0) + 1
        if starts[entry.key] == most + 1:
            found.append(f"{what} was started {most + 1} times, {because}")
        if entry.attempt > most:
            found.append(f"{what}: attempt {entry.attempt}, {because}")
    return found
