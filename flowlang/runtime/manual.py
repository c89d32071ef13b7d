"""Driving runs by hand: for hosts that have code of their own for what a run does, and want the journal's guarantees.

Such a run has no script. It is created with a kind and arguments, waits in a queue that no worker serves, and is
claimed, kept, and ended by whoever asks for it:

    driver = ManualDriver(journal)
    for claim in driver.claim_due(queues=["billing"]):
        driver.complete(claim, charge(driver.arguments(claim)))

The rules are those of all runs. Every command proves its claim by the fencing token, in the transaction that writes;
a claim that was taken over meanwhile is refused with LeaseLost. A command whose answer was lost may be given again:
the same one with the same claim succeeds and writes nothing, another one is refused. An expired claim still counts for
as long as nobody has taken the run over.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, Final

import attrs

from flowlang.errors import LeaseHeld, LeaseLost, RunAlreadyExists, RunEnded, RunError, UsageError
from flowlang.lang.interpreter import LANGUAGE_VERSION
from flowlang.lang.values.canonical import decode, digest, encode
from flowlang.lang.values.convert import from_host, to_host
from flowlang.lang.values.result import Err, Failure, Ok
from flowlang.runtime.clock import Clock, SystemClock
from flowlang.runtime.journal.canonical_form import standing_records
from flowlang.runtime.journal.codec import manifest_digest
from flowlang.runtime.journal.event import Event, FlowCompleted, FlowStarted, Position, RunCompleted, RunStarted
from flowlang.runtime.journal.journal import Journal
from flowlang.runtime.journal.model import (
    AttributeValue,
    Claim,
    CodeManifest,
    Counters,
    Effects,
    NewChild,
    NewRun,
    Placement,
    RunRecord,
    RunStatus,
)
from flowlang.runtime.launch import new_salt
from flowlang.runtime.operations.operations import Operations

ENTRY: Final = "manual"
"""What stands in place of a script. The kind of the run stands in place of the flow."""
NO_CODE: Final = CodeManifest({}, LANGUAGE_VERSION, "", "", {})


class ManualDriver:
    """See the module. It counts as alive until `close` or the end of the process; then its claims are free at once."""

    def __init__(self, journal: Journal, clock: Clock | None = None) -> None:
        self.journal = journal
        self._clock = clock or SystemClock()
        self.owner = journal.new_owner()

    def create(
        self, run_id: str, kind: str, arguments: Any = None, *, queue: str, placement: Placement | None = None,
        attributes: Mapping[str, AttributeValue] | None = None, correlation: str = "", idempotent: bool = False,
    ) -> bool:  # fmt: skip
        """Creates a run. With `idempotent` a run of that id, kind and arguments is no error: then False. Raises
        RunAlreadyExists."""
        new = _new_run(run_id, kind, arguments, placement or Placement(queue=queue), attributes, correlation)
        if new.run.placement.queue != queue:
            raise UsageError(f"the placement names the queue `{new.run.placement.queue}`, not `{queue}`")
        try:
            self.journal.create_many([new])
        except RunAlreadyExists:
            known, run = self.journal.run(run_id), new.run
            same = (known.entry, known.flow, known.arguments_digest) == (run.entry, run.flow, run.arguments_digest)
            if not idempotent or not same:
                raise
            return False
        return True

    def start_and_claim(
        self, run_id: str, kind: str, arguments: Any = None, *, queue: str,
        attributes: Mapping[str, AttributeValue] | None = None, correlation: str = "",
    ) -> Claim:  # fmt: skip
        """Creates a run that is claimed from the beginning, in one transaction. Raises RunAlreadyExists."""
        new = _new_run(run_id, kind, arguments, Placement(queue=queue), attributes, correlation)
        lease = self.journal.create(new.run, self.owner, new.events, Counters(), RunStatus.RUNNING)
        return Claim(lease, self.journal.run(run_id))

    def arguments(self, claim: Claim) -> Any:
        """What the run was created with."""
        (first, *_) = self.journal.read(claim.run.run_id)
        assert isinstance(first.event, RunStarted)
        return to_host(decode(first.event.payload))["arguments"]

    # Claiming

    def claim_due(self, *, queues: Sequence[str], limit: int = 1) -> list[Claim]:
        """Claims runs that are due, expired ones included: those of higher priority first, then by due time. Each
        claim has a new fencing token."""
        return self.journal.claim_due(self.owner, limit=limit, queues=queues)

    def reclaim(self, *, queues: Sequence[str], limit: int = 1) -> list[Claim]:
        """Claims only runs whose owner let the lease end, the longest ago first."""
        claims = []
        for run in self.stuck(limit=limit):
            if run.queue in queues:
                try:
                    lease = self.journal.claim(run.run_id, self.owner)
                except (LeaseHeld, RunError):
                    continue  # somebody else was quicker
                claims.append(Claim(lease, self.journal.run(run.run_id)))
        return claims

    def stuck(self, *, older_than: timedelta = timedelta(), limit: int = 100) -> list[RunRecord]:
        """Runs whose lease ended at least so long ago, and that nobody has claimed since."""
        return self.journal.stuck(round(older_than.total_seconds() * 1000), limit)

    def extend(self, claim: Claim) -> None:
        """Keeps a claim for another while. Raises LeaseLost when it was taken over, or the run has ended."""
        self.journal.renew(claim.lease)

    def hand_back(self, claim: Claim, *, delay: timedelta = timedelta()) -> None:
        """Gives the run back, due again after `delay`. Raises LeaseLost."""
        wake_at_ms = self._clock.now_ms() + round(delay.total_seconds() * 1000)
        status = RunStatus.WAITING if delay else RunStatus.SUSPENDED
        effects = Effects(wake_at_ms=wake_at_ms) if delay else Effects()
        self.journal.append(claim.lease, claim.run.sequence, [], _counters(claim.run), status, effects)

    # Going on

    def record_step(self, claim: Claim, name: str, value: Any = None) -> Claim:
        """Records that a step is done, with what it gave, and gives the claim as it is then. Whoever claims the run
        later finds it in `steps`. Given again with the same claim, the same step is recorded once. Raises LeaseLost."""
        payload, sequence = encode(from_host(value)), claim.run.sequence
        position = (sequence,)
        begun = FlowStarted(position, name, digest(payload), "", None)
        done = FlowCompleted(position, True, encode(Ok(decode(payload))))
        try:
            after = self.journal.append(claim.lease, sequence, [begun, done], _counters(claim.run))
        except LeaseLost:
            written = [(each.token, each.event) for each in self.journal.read(claim.run.run_id, sequence)[:2]]
            if written != [(claim.lease.token, begun), (claim.lease.token, done)]:
                raise
            after = sequence + 2
        return attrs.evolve(claim, run=attrs.evolve(claim.run, sequence=after))

    def steps(self, run_id: str) -> list[tuple[str, Any]]:
        """The steps that count, with what they gave, in order."""
        names: dict[Position, str] = {}
        found = []
        for record in standing_records(self.journal.read(run_id)):
            event = record.event
            if isinstance(event, FlowStarted):
                names[event.position] = event.flow
            elif isinstance(event, FlowCompleted) and event.payload is not None:
                found.append((names[event.position], to_host(decode(event.payload)).value))
        return found

    # Ending

    def complete(self, claim: Claim, value: Any = None) -> None:
        """Ends the run with `Ok(value)`. Raises LeaseLost for a claim that was taken over, RunEnded when the run has
        ended otherwise."""
        self._end(claim, Ok(from_host(value)), RunStatus.COMPLETED)

    def fail(self, claim: Claim, kind: str, message: str, *, data: Any = None) -> None:
        """Ends the run with an `Err` of that kind. Raises as `complete` does."""
        failure = Failure(kind, message, from_host(data), False, [])
        self._end(claim, Err(failure, failure), RunStatus.FAILED)

    def rewind(
        self, run_id: str, to: int, *, expected: RunStatus | None = None, reason: str = "", by: str = ""
    ) -> None:
        """Sets a run back to after its record `to`; the records stay, and count no more. Whoever had it is fenced off.
        Works for ended runs as well. Raises LeaseHeld while somebody has it, RunError when it is not as expected."""
        run = self.journal.run(run_id)
        if expected is not None and run.status is not expected:
            raise RunError(f"run `{run_id}` is {run.status.value}, not {expected.value}", run_id=run_id)
        Operations(self.journal, self._clock).reset(run_id, to, reason=reason, by=by)

    def close(self) -> None:
        """Gives up all claims. The journal stays open."""
        self.journal.drop_owner(self.owner)

    def _end(self, claim: Claim, result: Ok | Err, status: RunStatus) -> None:
        payload = encode(result)
        event = RunCompleted(status is RunStatus.COMPLETED, payload)
        effects = Effects(outcome=payload)
        try:
            self.journal.append(claim.lease, claim.run.sequence, [event], _counters(claim.run), status, effects)
        except (LeaseLost, RunEnded):
            if not self._was_done(claim, event):
                raise

    def _was_done(self, claim: Claim, event: Event) -> bool:
        """Whether this very command was carried out before. Raises RunEnded when another one was, with this claim."""
        run = self.journal.run(claim.run.run_id)
        if not run.status.is_final:
            return False
        last = self.journal.read(run.run_id, run.sequence - 1)[-1]
        if last.token != claim.lease.token:
            return False
        if last.event == event:
            return True
        raise RunEnded(f"run `{run.run_id}` has ended already, otherwise", run_id=run.run_id, hint="rewind it")


def _new_run(
    run_id: str, kind: str, arguments: Any, placement: Placement, attributes: Mapping[str, AttributeValue] | None,
    correlation: str,
) -> NewChild:  # fmt: skip
    payload = encode(from_host({"arguments": arguments}))
    run = NewRun(run_id, ENTRY, kind, digest(payload), NO_CODE, {}, placement, None, attributes or {}, correlation)
    return NewChild(run, [RunStarted(ENTRY, kind, manifest_digest(NO_CODE), payload, new_salt())])


def _counters(run: RunRecord) -> Counters:
    return Counters(run.steps, run.memory, run.actions_completed)
