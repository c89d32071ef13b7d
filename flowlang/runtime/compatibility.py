"""Does this code still agree with that journal? Recorded runs against code that is not (yet) theirs.

A run is pinned to its code, so an edited script changes nothing for runs that are open; that is safe, and sometimes
not what is wanted. Here the question is asked of one run or of thousands: each is replayed whole, with the insides of
finished flow calls, against the code; nothing is performed, nothing is written, no lease is taken.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, Final, TypeAlias

import attrs

from flowlang.errors import FlowlangError, JournalCorrupt
from flowlang.lang.eval.command import FlowEnded, LogLine, StateNote, VersionNote, Withdrawn
from flowlang.lang.eval.evaluation import Completed, EntryMismatch, Stopped
from flowlang.lang.interpreter import LANGUAGE_VERSION, Build
from flowlang.lang.values.canonical import decode, encode
from flowlang.lang.values.compare import equal
from flowlang.lang.values.display import preview
from flowlang.lang.values.fault import BudgetExceeded
from flowlang.lang.values.meter import Budget
from flowlang.lang.values.result import Ok
from flowlang.runtime.action import ActionRegistry
from flowlang.runtime.call_text import Side, asked_side
from flowlang.runtime.collector import patient_collector
from flowlang.runtime.dry_replay import TURN_BUDGET, DryReplay, LinkedLibrary, RecordedCatalog, Recording
from flowlang.runtime.journal.event import Position, Record, RunCompleted
from flowlang.runtime.journal.journal import CodeManifest, Journal, RunRecord
from flowlang.runtime.launch import manifest_of
from flowlang.runtime.replay import Divergence
from flowlang.runtime.report import drift

PAGE: Final = 500
SILENT: Final = (LogLine, StateNote, VersionNote, Withdrawn, FlowEnded)
"""What code says beyond the past without asking for anything."""


@attrs.frozen
class Compatible:
    """The code asks for everything that the run did, and gives what the run gave. `events`: how many were compared."""

    run_id: str
    events: int
    changes: Sequence[str] = ()


@attrs.frozen
class Diverges:
    """At event `sequence` the code asks for something else, or gives something else, than is recorded."""

    run_id: str
    sequence: int
    position: Position
    recorded: Side
    asked: Side
    changes: Sequence[str] = ()


@attrs.frozen
class Unchecked:
    """The question cannot be answered: the journal is damaged, the run's arguments do not fit the code, a budget was
    spent. Kind, message and hint as in a diagnostic."""

    run_id: str
    kind: str
    message: str
    hint: str | None = None
    changes: Sequence[str] = ()


Verdict: TypeAlias = Compatible | Diverges | Unchecked


def check_run(recording: Recording, build: Build, registry: ActionRegistry, *, budget: Budget = TURN_BUDGET) -> Verdict:
    """Replays a recorded run against the code of `build`, which has no errors. Performs and writes nothing."""
    changes = tuple(changes_since(recording.manifest, build, registry))
    return _verdict(recording, build, RecordedCatalog(registry, recording.records), budget, changes)


def _verdict(
    recording: Recording, build: Build, catalog: RecordedCatalog, budget: Budget, changes: Sequence[str],
    library: LinkedLibrary | None = None,
) -> Verdict:  # fmt: skip
    run_id = recording.run_id
    if recording.manifest.language != LANGUAGE_VERSION:
        message = f"the run is written in version {recording.manifest.language} of the language, not {LANGUAGE_VERSION}"
        return Unchecked(run_id, "language-version", message, "replay it with the flowlang that it was started with")
    try:
        dry = DryReplay(recording, build, catalog, budget=budget, library=library)
    except JournalCorrupt as error:
        return Unchecked(run_id, "journal-corrupt", error.message, error.hint)
    try:
        step = dry.run()
        if isinstance(step, Stopped):
            return _unchecked(run_id, dry, step, changes)
        _compare_ending(recording, dry)
    except Divergence as divergence:
        return Diverges(
            run_id, divergence.sequence, divergence.position, divergence.recorded, divergence.asked, changes
        )
    finally:
        dry.close()
    return Compatible(run_id, len(recording.records), changes)


def _unchecked(run_id: str, dry: DryReplay, step: Stopped, changes: Sequence[str]) -> Verdict:
    """The verdict on code that was stopped. In the turn after the past a budget may stop what is agreed on so far."""
    cause = step.cause
    if isinstance(cause, EntryMismatch):
        return Unchecked(run_id, "wrong-argument", cause.message, cause.hint, changes)
    if isinstance(cause, BudgetExceeded):
        if dry.replay.is_last_answer_given:
            dry.replay.check_complete()
            return Compatible(run_id, len(dry.records), changes)
        return Unchecked(run_id, "budget-exceeded", cause.message, "the recorded code needed less", changes)
    return Unchecked(run_id, "internal-error", f"a bug of flowlang: {cause}", None, changes)


def _compare_ending(recording: Recording, dry: DryReplay) -> None:
    """Raises Divergence when the run ended, and the code goes on or ends otherwise."""
    last = recording.records[-1]
    event = last.event
    if not isinstance(event, RunCompleted):
        return
    if not isinstance(dry.step, Completed):
        asking: Any = next((item for item in dry.beyond if not isinstance(item, SILENT)), None)
        raise Divergence(
            last.sequence, (), _ending(event.payload), Side("nothing", None) if asking is None else asked_side(asking)
        )
    payload = dry.step.payload
    if payload is None:
        payload = encode(Ok(None)) if type(dry.step.result) is Ok else encode(dry.step.result)
    if payload != event.payload and not equal(decode(payload), decode(event.payload)):
        raise Divergence(last.sequence, (), _ending(event.payload), _ending(payload))


def _ending(payload: bytes) -> Side:
    return Side(f"the end with {preview(decode(payload))}", None)


def changes_since(pinned: CodeManifest, build: Build, registry: ActionRegistry) -> Iterator[str]:
    """What else is not as it was when the run was pinned, a line each: signatures of actions, Python, the language."""
    return drift(pinned, manifest_of(build, registry))


def check_runs(
    journal: Journal, runs: Iterable[RunRecord], build_of: Callable[[RunRecord], Build], registry: ActionRegistry, *,
    budget: Budget = TURN_BUDGET,
) -> Iterator[Verdict]:  # fmt: skip
    """Asks the question of many runs, in their order. `build_of` gives the code to compare a run with; runs of the same
    code may share it. A run that cannot be read is `Unchecked`; others go on."""
    with patient_collector():
        yield from _check_runs(journal, runs, build_of, _Shared(registry), budget)


def _check_runs(
    journal: Journal, runs: Iterable[RunRecord], build_of: Callable[[RunRecord], Build], shared: _Shared, budget: Budget
) -> Iterator[Verdict]:
    waiting = iter(runs)
    while page := list(islice(waiting, PAGE)):
        ids = [run.run_id for run in page]
        histories, manifests = journal.read_many(ids, from_chapter=True), journal.manifests(ids)
        for run in page:
            records = histories[run.run_id]
            if isinstance(records, FlowlangError):
                yield Unchecked(run.run_id, "journal-corrupt", records.message, records.hint)
                continue
            build, manifest = build_of(run), manifests[run.run_id]
            recording = Recording(run.run_id, run.entry, run.flow, run.status, manifest, {}, records)
            catalog = shared.catalog if shared.knows_all(manifest) else shared.catalog_with(records)
            changes = shared.changes(run.code, manifest, build)
            yield _verdict(recording, build, catalog, budget, changes, shared.library)


class _Shared:
    """What runs of the same code have in common, worked out once."""

    def __init__(self, registry: ActionRegistry) -> None:
        self._registry = registry
        self._changes: dict[tuple[str, int], tuple[Build, tuple[str, ...]]] = {}
        self._known: dict[int, tuple[CodeManifest, bool]] = {}
        self.catalog = RecordedCatalog(registry)
        self.library = LinkedLibrary()

    def changes(self, code: str, manifest: CodeManifest, build: Build) -> tuple[str, ...]:
        """What changed since runs of this code were pinned, beside their code."""
        found = self._changes.get((code, id(build)))
        if found is None:  # the build is kept beside, so that its id stays its own
            found = self._changes[code, id(build)] = build, tuple(changes_since(manifest, build, self._registry))
        return found[1]

    def catalog_with(self, records: Sequence[Record]) -> RecordedCatalog:
        """The actions that are here, and those that these records name."""
        return RecordedCatalog(self._registry, records)

    def knows_all(self, manifest: CodeManifest) -> bool:
        """Whether all actions that runs of this code can have called are here."""
        found = self._known.get(id(manifest))
        if found is None:
            knows = all(name in self._registry for name in manifest.signatures)
            found = self._known[id(manifest)] = manifest, knows
        return found[1]


@attrs.define
class Group:
    """Runs that diverge in the same place, or cannot be checked for the same reason. `example` is one of them."""

    example: Diverges | Unchecked
    run_ids: list[str]


@attrs.define
class Summary:
    """What became of a check of many runs; groups by size."""

    compatible: int
    groups: list[Group]

    @property
    def total(self) -> int:
        return self.compatible + sum(len(group.run_ids) for group in self.groups)


def summarise(verdicts: Iterable[Verdict]) -> Summary:
    """Counts the runs that agree, and puts the others together by the place where they do not."""
    compatible = 0
    groups: dict[tuple[Any, ...], Group] = {}
    for verdict in verdicts:
        if isinstance(verdict, Compatible):
            compatible += 1
            continue
        group = groups.setdefault(_place_of(verdict), Group(verdict, []))
        group.run_ids.append(verdict.run_id)
    return Summary(compatible, sorted(groups.values(), key=lambda group: -len(group.run_ids)))


def _place_of(verdict: Diverges | Unchecked) -> tuple[Any, ...]:
    if isinstance(verdict, Unchecked):
        return (verdict.kind, verdict.message if verdict.kind != "journal-corrupt" else "")
    sides = (verdict.recorded, verdict.asked)
    return tuple((side.place, side.call.partition("(")[0]) for side in sides)
