"""Operating runs: ending, retrying, setting back, copying, telling and deciding, one run at a time.

Everything goes through the journal. What changes a run that somebody drives is a message to its driver (`cancel`,
`signal`, `decide`); what rewrites its course (`retry`, `reset`) is refused while it is driven; `terminate` fences its
driver off. Every refusal says what to do instead.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import attrs

from flowlang.errors import GateClosed, GateNotFound, MessageConflict, RunError, UsageError
from flowlang.lang.values.canonical import encode
from flowlang.lang.values.convert import from_host
from flowlang.runtime.archive import Archive, collect, read_archive, write_archive
from flowlang.runtime.clock import Clock, SystemClock
from flowlang.runtime.gate_token import VERSION as TOKEN_VERSION
from flowlang.runtime.gate_token import decide_position, verified_address
from flowlang.runtime.journal.event import RunReset, RunStopped
from flowlang.runtime.journal.journal import (
    Journal,
    NewMessage,
    RunFilter,
    RunRecord,
    RunStatus,
    WaitRecord,
)
from flowlang.runtime.journal.rules import check_deletable, check_not_driven, message_conflict, run_ended
from flowlang.runtime.launch import PinnedCode
from flowlang.runtime.message import signal_message
from flowlang.runtime.operations.copying import check_fork_point, fork_run, import_run
from flowlang.runtime.operations.open_command import OpenCommand, open_commands
from flowlang.runtime.operations.reset import ResetPlan, plan_reset, retry_point
from flowlang.runtime.operations.selection import Selection, select
from flowlang.runtime.outcome import recorded_result
from flowlang.runtime.payload_codec import codec_of

REASON_LENGTH_MAX = 2000
GATES_MAX = 10_000


@attrs.frozen
class Retried:
    """What a retry did: the event that the run was set back to, None when it just goes on."""

    run_id: str
    to: int | None


@attrs.frozen
class Branch:
    """A run with the runs that it spawned. `children` is empty where `is_cut`: there is more below."""

    run: RunRecord
    children: Sequence[Branch] = ()
    is_cut: bool = False


@attrs.frozen
class Operations:
    """What operators do with the runs of one journal. Every method takes whole ids and may raise RunNotFound and
    JournalError."""

    journal: Journal
    clock: Clock = attrs.field(factory=SystemClock)

    # Looking

    def select(self, where: str = "", base: RunFilter | None = None) -> Selection:
        """The runs that an expression selects, such as `status = "failed" and region = "eu"`."""
        return select(where, self.clock.now_ms(), base)

    def open_commands(self, run_id: str) -> list[OpenCommand]:
        """What the run waits for. Nothing when it has ended."""
        run = self.journal.run(run_id)
        if run.status.is_final:
            return []
        return open_commands(self.journal.read(run_id, after=run.chapter_sequence - 1))

    def result(self, run_id: str) -> Any:
        """What the run gave, an Ok or Err, also when it was ended from outside; None when it has not ended."""
        run = self.journal.run(run_id)
        return recorded_result(self.journal.read(run_id, after=run.sequence - 1)) if run.status.is_final else None

    def tree(self, run_id: str, *, depth: int = 20, limit: int = 1000) -> Branch:
        """The run and the runs below it, down to `depth`, at most about `limit` runs."""
        left = [limit]

        def grow(run: RunRecord, depth: int) -> Branch:
            children = self.journal.children(run.run_id)
            left[0] -= len(children)
            if children and (depth == 0 or left[0] < 0):
                return Branch(run, (), is_cut=True)
            return Branch(run, tuple(grow(child, depth - 1) for child in children))

        return grow(self.journal.run(run_id), depth)

    def gates(self, run_id: str | None = None, limit: int = 100) -> list[WaitRecord]:
        """The gates that wait for a decision, those that expire first before the others."""
        return self.journal.waits(run_id=run_id, limit=limit)

    # Ending

    def cancel(self, run_id: str, *, reason: str = "", by: str = "") -> bool:
        """Asks a run to end, after its `on_exit` handlers. Whoever drives it does so; a run that nobody drives waits
        for a worker. False: it was asked before. Raises RunEnded."""
        run = self._listening(run_id)
        payload = encode(from_host({"reason": _short(reason), "by": _short(by)}))
        try:
            return self.journal.post(NewMessage(run_id, "cancel", "", f"cancel-{run.token}", payload))
        except MessageConflict:  # for another reason
            return False

    def terminate(self, run_id: str, *, reason: str = "", by: str = "") -> None:
        """Ends a run at once: its driver is fenced off, no handler runs. Raises RunEnded."""
        text = f": {_short(reason)}" if reason else ""
        failure = {
            "kind": "terminated", "message": f"the run was terminated{text}",
            "data": {"reason": _short(reason), "by": _short(by)}, "retryable": False,
        }  # fmt: skip
        self.journal.terminate(run_id, [RunStopped("terminated", encode(from_host(failure)))])

    def delete(self, run_id: str) -> None:
        """Removes a run that ended or was stopped, with everything that only it refers to."""
        self.journal.delete(run_id)

    # Going on

    def retry(self, run_id: str, *, reason: str = "", by: str = "") -> Retried:
        """Lets a run go on that ended badly or was stopped; `retry_point` says from where. Raises RunError when that
        would not help, LeaseHeld."""
        plan = self.plan_retry(run_id)
        if plan.to is None:
            self.journal.reopen(run_id, events=())
        else:
            self.reset(run_id, plan.to, reason=reason or "retry", by=by)
        return plan

    def plan_reset(self, run_id: str, to: int) -> ResetPlan:
        """What `reset` would do; changes nothing, and raises as it does."""
        return plan_reset(self._undriven(run_id), self.journal.read(run_id), to)

    def reset(self, run_id: str, to: int, *, reason: str = "", by: str = "") -> ResetPlan:
        """Sets a run back to its event `to`: what came after does not count, and it goes on from there. Raises
        UsageError for an event that cannot be, LeaseHeld while it is driven."""
        plan = self.plan_reset(run_id, to)
        payload = encode(from_host({"reason": _short(reason), "by": _short(by)}))
        event = RunReset(to, secrets.token_hex(8), payload)
        self.journal.reopen(run_id, events=[event], chapter=plan.chapter, messages=plan.messages)
        for child in plan.children:
            self._cancel_child(child, run_id)
        return plan

    def _cancel_child(self, child: str, parent: str) -> None:
        try:
            self.cancel(child, reason=f"its parent {parent} was set back")
        except RunError:
            return  # it ended, or is gone: there is nothing to end

    # Foreseeing: what the methods of these names would do. Nothing is changed; a refusal is raised as they raise it.

    def plan_cancel(self, run_id: str) -> bool:
        """Whether the run is asked for the first time. Raises RunEnded, RunError."""
        run = self._listening(run_id)
        if run.status.is_final:
            raise run_ended(run)
        return all(message.channel != "cancel" for message in self.journal.open_messages(run_id))

    def plan_terminate(self, run_id: str) -> RunRecord:
        """The run that would be ended. Raises RunEnded."""
        run = self.journal.run(run_id)
        if run.status.is_final:
            raise run_ended(run)
        return run

    def plan_delete(self, run_id: str) -> RunRecord:
        """The run that would be gone. Raises RunError, LeaseHeld."""
        run = self.journal.run(run_id)
        check_deletable(run, self.clock.now_ms(), self.journal.is_owner_alive)
        return run

    def plan_retry(self, run_id: str) -> Retried:
        """Where the run would go on from. Raises RunError, LeaseHeld."""
        run = self.journal.run(run_id)
        to = None if run.status is RunStatus.STOPPED else retry_point(run, self.journal.read(run_id))
        self._undriven(run_id)
        return Retried(run_id, to)

    def plan_signal(self, run_id: str, name: str, payload: Any = None, *, key: str = "") -> bool:
        """Whether the signal would be new, as far as those are concerned that wait to be received. Raises RunEnded,
        MessageConflict."""
        run, message = self.journal.run(run_id), signal_message(run_id, name, encode(from_host(payload)), key)
        if run.status.is_final:
            raise run_ended(run)
        for each in self.journal.open_messages(run_id) if key else ():
            if (each.channel, each.name, each.key) == (message.channel, name, key):
                if each.payload != message.payload:
                    raise message_conflict(message)
                return False
        return True

    def _listening(self, run_id: str) -> RunRecord:
        """The run, which must read what it is asked, sooner or later."""
        run = self.journal.run(run_id)
        if run.status is RunStatus.STOPPED:
            raise RunError(
                f"run `{run_id}` is stopped, so nobody reads what it is asked",
                run_id=run_id,
                hint=f"`flowlang runs terminate {run_id}` ends it at once, without its `on_exit` handlers",
            )
        return run

    def _undriven(self, run_id: str) -> RunRecord:
        """The run, which nobody must drive."""
        run = self.journal.run(run_id)
        check_not_driven(run, self.clock.now_ms(), self.journal.is_owner_alive)
        return run

    # Copying

    def fork(
        self, run_id: str, at: int, *, new_id: str | None = None, code: PinnedCode | None = None,
        entry: str | None = None,
    ) -> str:  # fmt: skip
        """Starts a new run from the first `at` events of another, optionally with other code of the script `entry`
        (which the caller has checked against them). Gives its id. Raises UsageError, RunError, RunAlreadyExists."""
        run = self.journal.run(run_id)
        records = self.journal.read(run_id)
        check_fork_point(run, records, at)
        new_id = new_id or f"{run_id}-fork-{secrets.token_hex(3)}"
        fork_run(self.journal, run, records, at, new_id, code, entry or run.entry, self.clock.now_ms())
        return new_id

    def archive(self, run_id: str, *, is_decoded: bool = False) -> Archive:
        """Everything about a run, its values as the journal holds them: encoded where it has a codec, unless
        `is_decoded`."""
        return collect(self.journal, run_id, is_decoded=is_decoded)

    def export(self, run_id: str, path: Path, *, is_decoded: bool = False) -> Archive:
        """Writes a run into a new file that needs nothing else but the codec of its values. Raises UsageError when
        the file exists."""
        archive = self.archive(run_id, is_decoded=is_decoded)
        write_archive(archive, path, exported_at_ms=self.clock.now_ms())
        return archive

    def import_archive(self, archive: Archive | Path, *, run_id: str | None = None) -> str:
        """Brings an exported run in, under its own id or another; gives the id. One that had not ended comes in
        stopped, so that nothing is done twice while it goes on elsewhere: `retry` lets it go on here. Values that a
        codec encoded are decoded by the journal's own. Raises RunAlreadyExists, JournalCorrupt, CodecMissing,
        SchemaMismatch."""
        if isinstance(archive, Path):
            archive = read_archive(archive, codec_of(self.journal))
        return import_run(self.journal, archive, run_id)

    # Telling and deciding

    def signal(self, run_id: str, name: str, payload: Any = None, *, key: str = "") -> bool:
        """Sends a run a signal; it is kept until the run receives it. False: one with this key was sent before.
        Raises RunEnded, MessageConflict."""
        return self.journal.post(signal_message(run_id, name, encode(from_host(payload)), key))

    def approve(self, gate: str, *, by: str, reason: str = "", payload: Any = None) -> WaitRecord:
        """Decides a gate: yes. `gate` is its token, or `RUN:NAME`. Raises GateNotFound, GateClosed."""
        return self._decide(gate, "approve", by, reason, payload)

    def reject(self, gate: str, *, by: str, reason: str = "", payload: Any = None) -> WaitRecord:
        """Decides a gate: no."""
        return self._decide(gate, "reject", by, reason, payload)

    def _decide(self, gate: str, decision: str, by: str, reason: str, payload: Any) -> WaitRecord:
        if gate.startswith(f"{TOKEN_VERSION}."):
            address = verified_address(self.journal, gate)
            run_id, position = address.run_id, address.position
            found = next((wait for wait in self.gates(run_id, GATES_MAX) if wait.position == position), None)
        else:
            run_id, _, name = gate.rpartition(":")
            found = self.find_gate(run_id, name)
            position = found.position
        given = encode(from_host({"decision": decision, "payload": payload}))
        decide_position(self.journal, run_id, position, given, by=by, reason=reason, clock=self.clock)
        return found or self._decided(run_id, position)

    def _decided(self, run_id: str, position: str) -> WaitRecord:
        waits = self.journal.waits(run_id=run_id, only_open=False, limit=GATES_MAX)
        return next(wait for wait in waits if wait.position == position)

    def find_gate(self, run_id: str, name: str) -> WaitRecord:
        """The open gate of a run by its name. Raises GateNotFound with the names that there are, GateClosed."""
        self.journal.run(run_id)
        found = self.journal.waits(run_id=run_id, limit=GATES_MAX)
        named = [wait for wait in found if wait.name == name]
        if len(named) == 1:
            return named[0]
        if named:
            raise UsageError(
                f"run `{run_id}` has {len(named)} open gates named `{name}`", hint="decide one by its token"
            )
        for wait in self.journal.waits(run_id=run_id, only_open=False, limit=GATES_MAX):
            if wait.name == name:
                raise _closed(wait)
        names = ", ".join(sorted({f"`{wait.name}`" for wait in found}))
        hint = f"it waits at {names}" if names else f"`flowlang runs show {run_id}` says what it waits for"
        raise GateNotFound(f"run `{run_id}` has no open gate `{name}`", run_id=run_id, hint=hint)


def _closed(wait: WaitRecord) -> GateClosed:
    """The error for a gate that is not open any more."""
    why = {
        "signal": "was decided before",
        "timeout": "was not decided in time",
        "closed": "is closed: its run ended or went on without it",
    }.get(wait.decided_by, f"is closed: {wait.decided_by}")
    return GateClosed(
        f"the gate `{wait.name}` of run `{wait.run_id}` {why}",
        run_id=wait.run_id,
        decided_by=wait.decided_by,
        hint=f"`flowlang runs journal {wait.run_id} --event message-received` shows what was decided",
    )


def _short(text: str) -> str:
    if len(text) > REASON_LENGTH_MAX:
        raise UsageError(f"a text of {len(text)} characters is too long here", hint=f"give up to {REASON_LENGTH_MAX}")
    return text
