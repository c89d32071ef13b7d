"""Driving many runs on one thread, in rounds.

    what came in (outcomes, messages, time)  ─▶  every run that it concerns is evaluated on
      ─▶  all appends of the round in one transaction  ─▶  the effects of those that were accepted start

So runs that have something to do at the same time share a commit, however different they are, and a lone run commits
and performs inline without a second thread. The order within a round is the order in which runs became ready; nothing
here looks at a clock but the one it was given, or waits.
"""

from __future__ import annotations

import contextlib
import heapq
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final

from flowlang.errors import (
    ActionsMissing,
    FlowlangError,
    JournalUnavailable,
    LeaseLost,
    PayloadTooLarge,
    WaitDecided,
)
from flowlang.lang.eval.evaluation import Continued, Step
from flowlang.runtime.assembly import Assembly, Facts
from flowlang.runtime.clock import Reading, read_clock
from flowlang.runtime.driven import Driven, Ending, counters_of, defect_of
from flowlang.runtime.joint_outcome import perform_next
from flowlang.runtime.journal.event import Event, Record
from flowlang.runtime.journal.model import Append, Claim, Counters, Effects, Lease, Loaded, RunStatus
from flowlang.runtime.missing_actions import MissingActions
from flowlang.runtime.performing import Done
from flowlang.runtime.replay import Divergence

SLICE_MS: Final = 50
"""A script that computes for longer lets the other runs of its worker go on in between."""
LINGER_MS: Final = 1_000
"""A run that waits for a message stays in memory for so long; one that sleeps for longer leaves at once."""


class Rounds:
    """The runs that one thread drives for one owner. With `parks`, a run that only waits is put down, so that it
    takes no memory. `spawned` is told the ids of children that were created."""

    def __init__(
        self, assembly: Assembly, owner: str, *, parks: bool, spawned: Callable[[Sequence[str]], None] | None = None
    ) -> None:
        self.assembly = assembly
        self.journal = assembly.journal
        self.clock = assembly.clock
        self.owner = owner
        self.driven: dict[str, Driven] = {}
        self.done: deque[Done] = deque()
        self.missing = MissingActions()
        self._parks = parks
        self._spawned = spawned
        self._ready: dict[str, None] = {}
        self._due: list[tuple[int, int, str]] = []
        self._count = 0
        self._endings: list[Ending] = []
        self._slice_end_ms = 0

    # Beginning and ending

    def adopt(self, driven: Driven, step: Step, first: Sequence[Event]) -> None:
        """Goes on with a run from `step`, where its replay ended. `first`: events before everything new."""
        self.driven[driven.run_id] = driven
        if driven.lease is not None:
            driven.activation.performing.lease_token = driven.lease.token
            if driven.safe_until is None:
                driven.safe_until = self._safe_until(read_clock(self.clock))
        driven.activation.open(step, first, self.clock.now_ms())
        self._ready[driven.run_id] = None

    def take_up(self, claims: Sequence[Claim]) -> None:
        """Loads claimed runs, all at once, and goes on with them. What goes wrong with one becomes its ending. Raises
        JournalUnavailable."""
        for claim in claims:
            held = self.driven.get(claim.run.run_id)
            if held is not None:  # its lease ran out, and it was claimed anew
                self._end(held, RunStatus.RUNNING, LeaseLost(f"run `{claim.run.run_id}` was claimed again"))
        for claim, loaded in zip(claims, self.journal.load_many(claims), strict=True):
            if isinstance(loaded, (JournalUnavailable, LeaseLost)):
                raise loaded
            try:
                if isinstance(loaded, FlowlangError):
                    raise loaded
                driven = self._driven(claim, loaded)
                activation = driven.activation
                self._begin_slice(driven)
                step = activation.take_up()
            except JournalUnavailable:
                raise
            except ActionsMissing as error:
                assert isinstance(loaded, Loaded)
                self._give_back(claim, loaded, error)
                continue
            except FlowlangError as error:
                self._set_aside(claim.lease, claim.run.sequence, counters_of(claim.run), "unreadable", error)
                continue
            except Divergence as divergence:
                self.driven[driven.run_id] = driven
                activation.stop("divergence", "replay-mismatch", str(divergence), {"event": divergence.sequence})
                self._ready[driven.run_id] = None
                continue
            except Exception as error:  # one run that nobody foresaw must not take the others with it
                self._set_aside(claim.lease, claim.run.sequence, counters_of(claim.run), "defect", defect_of(error))
                continue
            try:
                self.adopt(driven, step, [])
            except FlowlangError as error:  # the key of a gate could not be read
                self._end(driven, RunStatus.RUNNING, error)
            except Exception as error:  # an action that is not here, say
                self._fail(driven, error)

    def _driven(self, claim: Claim, loaded: Loaded) -> Driven:
        run = claim.run
        build, code = self.assembly.pinned(run)
        activation = self.assembly.recorded(
            run, loaded.records, build, code, token=claim.lease.token, labels=loaded.attributes
        )
        activation.waiting.add(loaded.messages)
        return Driven(Facts.of(run, loaded.attributes), build, code, activation, claim.lease)

    def _give_back(self, claim: Claim, loaded: Loaded, error: ActionsMissing) -> None:
        """A run whose actions are not here is left to workers that have them, and set aside when none takes it."""
        lease, sequence, counters = claim.lease, claim.run.sequence, counters_of(claim.run)
        delay_ms = self.missing.delay_ms(lease.run_id, sequence, self.clock.monotonic_ms())
        if delay_ms is None:
            self._set_aside(lease, sequence, counters, "actions-missing", error)
            return
        # What is in the inbox is no reason to be claimed again at once.
        seen = loaded.messages[-1].number if loaded.messages else 0
        later = Effects(reason="actions-missing", wake_at_ms=self.clock.now_ms() + delay_ms, seen=seen)
        try:
            self.journal.append(lease, sequence, [], counters, RunStatus.WAITING, later)
        except JournalUnavailable:
            raise
        except FlowlangError as refusal:
            self._endings.append(Ending(lease.run_id, RunStatus.RUNNING, None, refusal))
        else:
            self._endings.append(Ending(lease.run_id, RunStatus.WAITING, None, error))

    def _set_aside(self, lease: Lease, sequence: int, counters: Counters, reason: str, error: FlowlangError) -> None:
        """A run that cannot be driven waits for an operator, so that it is not claimed again and again. If not even
        that can be written, its lease runs out, and it is put into quarantine after a few times."""
        try:
            self.journal.append(lease, sequence, [], counters, RunStatus.STOPPED, Effects(reason=reason))
        except JournalUnavailable:
            raise
        except FlowlangError as refusal:
            error = error if isinstance(refusal, LeaseLost) else refusal
            self._endings.append(Ending(lease.run_id, RunStatus.RUNNING, None, error))
        else:
            self._endings.append(Ending(lease.run_id, RunStatus.STOPPED, None, error))

    def _begin_slice(self, driven: Driven) -> None:
        if self._parks:
            self._slice_end_ms = self.clock.monotonic_ms() + SLICE_MS
            evaluation = driven.activation.evaluation
            if evaluation.meter.pause is None:
                evaluation.slice(self._is_slice_over)

    def _is_slice_over(self) -> bool:
        return self.clock.monotonic_ms() >= self._slice_end_ms

    def take_endings(self) -> list[Ending]:
        """The runs that are not driven any more, since this was asked last."""
        endings, self._endings = self._endings, []
        return endings

    def _end(self, driven: Driven, status: RunStatus, error: FlowlangError | None = None) -> None:
        self.driven.pop(driven.run_id, None)
        if error is not None:
            driven.activation.performing.abandon()
        if status is RunStatus.COMPLETED and error is None:
            self.assembly.keep_modules(driven.build, driven.code, driven.activation.evaluation)
        driven.activation.evaluation.end()
        self._endings.append(Ending(driven.run_id, status, driven, error))

    # Rounds

    @property
    def has_work(self) -> bool:
        """Whether a round has something to do now."""
        if self._ready or self.done:
            return True
        return bool(self._due) and self._due[0][0] <= self.clock.now_ms()

    def next_due_ms(self) -> int | None:
        """When the next run here has something to do by itself."""
        while self._due:
            at_ms, _, run_id = self._due[0]
            driven = self.driven.get(run_id)
            if driven is not None and driven.activation.next_due_ms() == at_ms:
                return at_ms
            heapq.heappop(self._due)
            if driven is not None:
                self._note_due(driven)
        return None

    def deliver(self, run_id: str) -> bool:
        """Looks into the inbox of a run. Whether it is driven here and has new messages."""
        driven = self.driven.get(run_id)
        if driven is None:
            return False
        messages = self.journal.open_messages(run_id, driven.activation.waiting.seen)
        driven.activation.waiting.add(messages)
        if messages:
            self._ready[run_id] = None
        return bool(messages)

    def round(self) -> bool:
        """One round. Whether anything was done."""
        now_ms = self.clock.now_ms()
        self.take_outcomes()
        while self._due and self._due[0][0] <= now_ms:
            self._ready[heapq.heappop(self._due)[2]] = None
        if not self._ready:
            return False
        ready, self._ready = self._ready, {}
        drafts: list[Driven] = []
        for run_id in ready:
            driven = self.driven.get(run_id)
            if driven is not None:
                try:
                    self._advance(driven, now_ms, drafts)
                except FlowlangError as error:  # of a read
                    self._end(driven, RunStatus.RUNNING, error)
                except Exception as error:  # one run that nobody foresaw must not take the others with it
                    self._fail(driven, error)
        if drafts:
            self._append(drafts)
        return True

    def _fail(self, driven: Driven, error: Exception) -> None:
        """Something about a run that nobody foresaw. Where it is the only one, whoever drives it is told."""
        if not self._parks or driven.lease is None:
            raise error
        activation = driven.activation
        self._set_aside(driven.lease, activation.sequence, activation.counters, "defect", defect_of(error))
        self.driven.pop(driven.run_id, None)
        activation.performing.abandon()
        activation.evaluation.end()

    def take_outcomes(self) -> None:
        """Hands what attempts came to to the runs that wait for it."""
        while self.done:
            performing, position, call, number, outcome = self.done.popleft()
            driven = self.driven.get(performing.run_id)
            if driven is not None and driven.activation.performing is performing:
                driven.activation.put_outcome(position, call, number, outcome)
                self._ready[performing.run_id] = None

    def _advance(self, driven: Driven, now_ms: int, drafts: list[Driven]) -> None:
        activation = driven.activation
        if driven.lease is not None and activation.waiting.is_reception_due(now_ms):
            # A message that was there before the time was over wins.
            activation.waiting.add(self.journal.open_messages(driven.run_id, activation.waiting.seen))
            activation.waiting.end_receptions(now_ms)
        self._begin_slice(driven)
        perform_next(self.journal, driven.lease, activation)
        if activation.advance(now_ms) or (activation.status is not RunStatus.RUNNING):
            drafts.append(driven)
            driven.idle_since_ms = None
        elif activation.is_ready:
            self._ready[driven.run_id] = None
        else:
            self._rest(driven, now_ms)

    def _rest(self, driven: Driven, now_ms: int) -> None:
        """There is nothing to do for the run until something comes in."""
        activation = driven.activation
        if driven.idle_since_ms is None and not activation.performing.running:
            driven.idle_since_ms = now_ms
        if activation.has_times:
            self._note_due(driven)

    def _note_due(self, driven: Driven) -> None:
        at_ms = driven.activation.next_due_ms()
        if at_ms is not None:
            self._count += 1
            heapq.heappush(self._due, (at_ms, self._count, driven.run_id))

    # Appending

    def _safe_until(self, asked_at: Reading | None) -> Reading | None:
        """How long a lease is safe that was asked for then, with a margin; a lone run trusts its owner's lock."""
        return asked_at.later(self.journal.lease_ms * 2 // 3) if asked_at is not None and self._parks else None

    def _append(self, drafts: Sequence[Driven]) -> None:
        appends: list[tuple[Driven, Append]] = []
        asked_at = read_clock(self.clock) if self._parks else None
        for driven in drafts:
            parks = self._may_park(driven)
            if driven.lease is None:
                self._create(driven)
            else:
                appends.append((driven, driven.activation.append(driven.lease, parks=parks)))
        if len(appends) == 1:
            driven, append = appends[0]
            try:
                self.journal.append(
                    append.lease, append.expected_sequence, append.events, append.counters, append.status,
                    append.effects,
                )  # fmt: skip
            except FlowlangError as error:
                self._refuse(driven, error)
            else:
                self._accept(driven, append, asked_at)
        elif appends:
            results: Sequence[int | FlowlangError]
            try:
                results = self.journal.append_many([append for _, append in appends])
            except FlowlangError as error:
                results = [error] * len(appends)
            for (driven, append), result in zip(appends, results, strict=True):
                if isinstance(result, FlowlangError):
                    self._refuse(driven, result)
                else:
                    self._accept(driven, append, asked_at)

    def _may_park(self, driven: Driven) -> bool:
        """Whether the run leaves memory with this append, should it only wait: for a message it lingers."""
        if not self._parks:
            return False
        activation = driven.activation
        due_ms = activation.next_due_ms()
        if activation.waiting.receptions or activation.waiting.children:
            return False
        return due_ms is not None and due_ms - self.clock.now_ms() > LINGER_MS

    def _create(self, driven: Driven) -> None:
        new, activation = driven.new, driven.activation
        assert new is not None
        asked_at = read_clock(self.clock) if self._parks else None
        append = activation.append(Lease(new.run_id, self.owner, 1))
        try:
            driven.lease = self.journal.create(
                new, self.owner, append.events, append.counters, append.status, append.effects
            )
        except FlowlangError as error:
            if not activation.refused(error):
                self._end(driven, activation.status, error)
            else:
                self._ready[driven.run_id] = None
            return
        driven.new = None
        activation.performing.lease_token = driven.lease.token
        self._accept(driven, append, asked_at)

    def _accept(self, driven: Driven, append: Append, asked_at: Reading | None) -> None:
        """What a run appended is durable. Its effects start, unless the answer came so late that somebody else may
        drive the run by now."""
        activation = driven.activation
        driven.safe_until = self._safe_until(asked_at)
        if not activation.performing.is_held() and append.status is RunStatus.RUNNING:
            self._end(driven, RunStatus.RUNNING, LeaseLost(f"the lease of run `{driven.run_id}` may have run out"))
            return
        now_ms = self.clock.now_ms()
        try:
            activation.settle(now_ms)
        except FlowlangError as error:  # the key of a gate could not be read
            self._end(driven, RunStatus.RUNNING, error)
            return
        if append.status is not RunStatus.RUNNING:
            self._end(driven, append.status)
        elif isinstance(activation.step, Continued):
            self._begin_chapter(driven, append.events, append.expected_sequence + 1)
        elif activation.is_ready:
            self._ready[driven.run_id] = None
        else:
            self._rest(driven, now_ms)
        if append.effects.children and self._spawned is not None:
            self._spawned([child.run.run_id for child in append.effects.children])
        if append.effects.sent:
            with contextlib.suppress(FlowlangError):  # they would be told of it as well
                for message in append.effects.sent:
                    self.deliver(message.run_id)

    def _refuse(self, driven: Driven, error: FlowlangError) -> None:
        """Nothing of what a run wanted to append was written."""
        activation = driven.activation
        if activation.refused(error):
            self._ready[driven.run_id] = None
        elif isinstance(error, WaitDecided):
            try:
                self._reload(driven)
            except FlowlangError as failed:
                self._endings.append(Ending(driven.run_id, RunStatus.RUNNING, driven, failed))
        elif isinstance(error, PayloadTooLarge) and activation.status is RunStatus.RUNNING:
            activation.stop("payload", "value-too-large", error.message)
            self._ready[driven.run_id] = None
        else:
            self._end(driven, activation.status, error)

    def _reload(self, driven: Driven) -> None:
        """The run is taken up anew from its journal: its evaluation went on with an answer that was refused."""
        assert driven.lease is not None
        driven.activation.performing.abandon()
        driven.activation.evaluation.end()
        del self.driven[driven.run_id]
        self.take_up([Claim(driven.lease, self.journal.run(driven.run_id))])

    def _begin_chapter(self, driven: Driven, events: Sequence[Event], first: int) -> None:
        old, now_ms = driven.activation, self.clock.now_ms()
        record = Record(first + len(events) - 1, now_ms, old.performing.lease_token, events[-1])
        old.evaluation.end()
        safe_until = driven.safe_until
        driven.activation = self.assembly.next_chapter(old, record, driven.facts, driven.build, driven.code)
        driven.safe_until = safe_until
        self.adopt(driven, driven.activation.take_up(), [])

    # Putting runs down

    def park_idle(self, now_ms: int, *, all_of_them: bool = False) -> None:
        """Puts down runs that have only waited for a while."""
        idle = [
            driven
            for driven in self.driven.values()
            if driven.idle_since_ms is not None
            and (all_of_them or now_ms - driven.idle_since_ms >= LINGER_MS)
            and driven.activation.is_parkable
            and driven.lease is not None
        ]
        appends = [driven.activation.append(driven.lease, parks=True) for driven in idle if driven.lease is not None]
        if not appends:
            return
        for driven, result in zip(idle, self.journal.append_many(appends), strict=True):
            if isinstance(result, FlowlangError):
                self._refuse(driven, result)
            else:
                self._end(driven, RunStatus.WAITING)

    def suspend(self, run_ids: Sequence[str]) -> None:
        """Gives runs back: what was performed is recorded, the script goes on in a later activation. What is still
        being performed is told to stop."""
        chosen = [self.driven[run_id] for run_id in run_ids if run_id in self.driven]
        self.take_outcomes()
        for driven in chosen:
            if driven.lease is None:
                self._end(driven, RunStatus.SUSPENDED)
                continue
            driven.activation.give_up(self.clock.now_ms())
        held = [driven for driven in chosen if driven.lease is not None]
        appends = [driven.activation.append(driven.lease) for driven in held if driven.lease is not None]
        if appends:
            for driven, result in zip(held, self.journal.append_many(appends), strict=True):
                error = result if isinstance(result, FlowlangError) else None
                if error is None:
                    driven.activation.settle(self.clock.now_ms())
                self._end(driven, RunStatus.SUSPENDED, error)

    def leases(self) -> list[Lease]:
        """The leases that are held."""
        return [driven.lease for driven in list(self.driven.values()) if driven.lease is not None]

    def renewed(self, leases: Sequence[Lease], asked_at: Reading) -> None:
        """These leases were extended; may be called from another thread."""
        for lease in leases:
            driven = self.driven.get(lease.run_id)
            if driven is not None and driven.lease == lease:
                driven.safe_until = self._safe_until(asked_at)

    def lose_unsafe(self) -> None:
        """Runs whose leases could not be extended for long may have been claimed by others: nothing more of them
        starts here."""
        for driven in [each for each in self.driven.values() if each.lease is not None]:
            if not driven.activation.performing.is_held():
                self._end(driven, RunStatus.RUNNING, LeaseLost(f"the lease of run `{driven.run_id}` may have run out"))

    def lose(self, lease: Lease, error: FlowlangError | None = None) -> None:
        """Somebody else drives the run."""
        driven = self.driven.get(lease.run_id)
        if driven is not None and driven.lease == lease:
            self._end(driven, RunStatus.RUNNING, error or LeaseLost(f"run `{lease.run_id}` was taken over"))
