"""Bugs that engines of this kind have had, to be planted into this one. Each is a function that makes the runtime of
this process wrong; the experiments have to notice."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs

from flowlang.errors import JournalUnavailable
from flowlang.runtime.journal import memory
from flowlang.runtime.journal.memory import MemoryJournal
from flowlang.runtime.journal.model import RunStatus
from flowlang.testing.faults import FaultyJournal

Patch = Callable[[Any, str, Any], None]


def acknowledge_before_commit(patch: Patch) -> None:
    """An append is acknowledged at once and written with the next one, so a worker that dies takes it along."""
    around = FaultyJournal.around

    def held(self: Any, method: str, call: Any, arguments: Any) -> Any:
        waiting = self.__dict__.setdefault("_held", [])
        appends = arguments[0][0] if method == "append_many" else ()
        is_plain = all(not each.effects.taken and not each.effects.children for each in appends)
        if appends and is_plain and all(each.status is RunStatus.RUNNING for each in appends):
            while waiting:
                waiting.pop(0)()
            waiting.append(lambda: around(self, method, call, arguments))
            return [each.expected_sequence + len(each.events) for each in appends]
        while waiting:
            waiting.pop(0)()
        return around(self, method, call, arguments)

    patch(FaultyJournal, "around", held)


def do_not_check_the_fence(patch: Patch) -> None:
    """An append is accepted from whoever comes, wherever the records end."""
    patch(memory, "check_append", lambda *arguments, **named: None)


def trust_the_own_clock_for_leases(patch: Patch) -> None:
    """A worker whose clock is ahead takes runs whose leases are good."""
    claim_due = MemoryJournal.claim_due

    def hasty(self: Any, owner: str, **named: Any) -> Any:
        clock = self._clock

        class Ahead:
            def now_ms(self) -> int:
                return int(clock.now_ms()) + 3_600_000

        self._clock = Ahead()
        try:
            return claim_due(self, owner, **named)
        finally:
            self._clock = clock

    patch(MemoryJournal, "claim_due", hasty)


def swallow_an_error_while_recovering(patch: Patch) -> None:
    """When a run cannot be read while it is taken up, it is put down and forgotten."""
    from flowlang.runtime.rounds import Rounds

    take_up = Rounds.take_up

    def careless(self: Any, claim: Any) -> Any:
        try:
            return take_up(self, claim)
        except JournalUnavailable:
            run = claim.run
            inner = self._assembly.journal.inner
            return inner.append(claim.lease, run.sequence, [], memory.Counters(), RunStatus.WAITING)

    patch(Rounds, "take_up", careless)


def retry_an_ambiguous_commit_blindly(patch: Patch) -> None:
    """An append whose answer was lost is made again, after the records that it finds."""
    around = FaultyJournal.around

    def blind(self: Any, method: str, call: Any, arguments: Any) -> Any:
        try:
            return around(self, method, call, arguments)
        except JournalUnavailable:
            if method != "append_many":
                raise
            again = [
                attrs.evolve(each, expected_sequence=self.inner.run(each.lease.run_id).sequence)
                for each in arguments[0][0]
            ]
            return self.inner.append_many(again)

    patch(FaultyJournal, "around", blind)


def deduplicate_in_memory_only(patch: Patch) -> None:
    """The keys of messages are known to the process that took them in, and to nobody else."""
    post = MemoryJournal.post

    def forgetful(self: Any, message: Any) -> Any:
        return post(self, attrs.evolve(message, key=""))

    patch(MemoryJournal, "post", forgetful)


def reuse_the_key(patch: Patch) -> None:
    """All calls of a run have one idempotency key."""
    from flowlang.runtime import action_context

    made = action_context.ActionContext.__init__

    def same(self: Any, run_id: str, position: str, key: str, *rest: Any, **named: Any) -> None:
        made(self, run_id, position, key.rpartition("/")[0], *rest, **named)

    patch(action_context.ActionContext, "__init__", same)


def fire_timers_on_start_only(patch: Patch) -> None:
    """Runs that wait are only looked at when nothing is known of them yet."""
    claim_due = MemoryJournal.claim_due

    def blind(self: Any, owner: str, **named: Any) -> Any:
        claims = claim_due(self, owner, **named)
        for claim in [each for each in claims if each.run.status is RunStatus.WAITING]:
            self.append(claim.lease, claim.run.sequence, [], memory.Counters(), RunStatus.WAITING)
        return [each for each in claims if each.run.status is not RunStatus.WAITING]

    patch(MemoryJournal, "claim_due", blind)


def read_without_order(patch: Patch) -> None:
    """The records of a run come in some order."""
    read = MemoryJournal.read

    def shuffled(self: Any, run_id: str, after: int = 0) -> Any:
        records = read(self, run_id, after)
        return [*records[:1], *sorted(records[1:-1], key=lambda each: each.sequence * 7919 % 13), *records[1:][-1:]]

    patch(MemoryJournal, "read", shuffled)


def lose_completions(patch: Patch) -> None:
    """Every other attempt is never performed, and nobody notices."""
    from flowlang.testing.simulation import SimulatedExecutor

    submit = SimulatedExecutor.submit
    count = [0]

    def lossy(self: Any, attempt: Any, done: Any) -> None:
        count[0] += 1
        if count[0] % 2:
            submit(self, attempt, done)

    patch(SimulatedExecutor, "submit", lossy)


PLANTS: dict[Callable[[Patch], None], tuple[str, str]] = {
    acknowledge_before_commit: ("transfers", ""),
    do_not_check_the_fence: ("straight", ""),
    trust_the_own_clock_for_leases: ("straight", "I5"),
    swallow_an_error_while_recovering: ("straight", ""),
    retry_an_ambiguous_commit_blindly: ("straight", ""),
    deduplicate_in_memory_only: ("signals", ""),
    reuse_the_key: ("straight", "I6"),
    fire_timers_on_start_only: ("timers", "I8"),
    read_without_order: ("transfers", ""),
    lose_completions: ("straight", "I8"),
}
"""The workload that shows it, and the invariant that it must break (any, when empty)."""
