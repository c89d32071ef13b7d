"""Reading and finding, in memory."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import islice

from flowlang.errors import FlowlangError
from flowlang.runtime.journal.chain import check_end, first_checksum, open_rows
from flowlang.runtime.journal.event import Record
from flowlang.runtime.journal.memory.store import MemoryRun, MemoryStore
from flowlang.runtime.journal.model import (
    SEARCHABLE_COLUMNS,
    AttributeValue,
    Claim,
    CodeManifest,
    Condition,
    Loaded,
    Message,
    RunFilter,
    RunRecord,
    RunStatus,
    WaitRecord,
)
from flowlang.runtime.journal.rules import check_condition, fulfils


class Asking:
    """Answers questions."""

    def __init__(self, store: MemoryStore) -> None:
        self._store = store

    def read(self, run_id: str, after: int = 0) -> list[Record]:
        """The records after sequence `after`, in order, checked."""
        with self._store.locked():
            run = self._store.find(run_id)
            record, checksum, rows = run.record, run.checksum, run.records[after:]
            inside = 0 < after <= len(run.records)
            previous = run.records[after - 1].checksum if inside else first_checksum(run.origin)
        if after > record.sequence:
            return []
        return check_end(record, checksum, after, rows, open_rows(run_id, previous, after, rows, self._store.blobs))

    def read_many(
        self, run_ids: Sequence[str], *, from_chapter: bool = False
    ) -> dict[str, list[Record] | FlowlangError]:
        """The records of many runs, or why they cannot be read."""
        results: dict[str, list[Record] | FlowlangError] = {}
        for run_id in run_ids:
            try:
                after = self.run(run_id).chapter_sequence - 1 if from_chapter else 0
                results[run_id] = self.read(run_id, after)
            except FlowlangError as error:
                results[run_id] = error
        return results

    def load_many(self, claims: Sequence[Claim]) -> list[Loaded | FlowlangError]:
        """What is needed to drive runs just claimed."""
        results: list[Loaded | FlowlangError] = []
        for claim in claims:
            run_id = claim.lease.run_id
            try:
                records = self.read(run_id, claim.run.chapter_sequence - 1)
                results.append(Loaded(records, self.attributes(run_id), self.open_messages(run_id)))
            except FlowlangError as error:
                results.append(error)
        return results

    def run(self, run_id: str) -> RunRecord:
        """The run's row."""
        with self._store.locked():
            return self._store.find(run_id).record

    def runs(
        self, *, status: RunStatus | None = None, prefix: str = "", entry: str | None = None, limit: int = 100
    ) -> list[RunRecord]:
        """The newest runs first."""
        which = RunFilter(status=() if status is None else (status,), prefix=prefix, entry=entry)
        return self.find(which, limit=limit)

    def find(self, which: RunFilter, *, limit: int = 100, before: int | None = None) -> list[RunRecord]:
        """The newest first, before the run of the number `before`."""
        with self._store.locked():
            chosen = self._chosen(which)
            older = (run for run in chosen if before is None or run.row["number"] < before)
            return [run.record for run in islice(older, limit)]

    def count(self, which: RunFilter) -> dict[RunStatus, int]:
        """How many runs of each status there are; those with none are left out."""
        counts: dict[RunStatus, int] = {}
        with self._store.locked():
            for run in self._chosen(which):
                counts[run.status] = counts.get(run.status, 0) + 1
        return counts

    def children(self, run_id: str) -> list[RunRecord]:
        """The runs that it spawned, oldest first."""
        with self._store.locked():
            return [self._store.runs[child].record for child in self._store.children.get(run_id, ())]

    def attributes(self, run_id: str) -> dict[str, AttributeValue]:
        """The run's attributes, by name."""
        with self._store.locked():
            return dict(sorted(self._store.find(run_id).attributes.items()))

    def stuck(self, older_than_ms: int = 0, limit: int = 100) -> list[RunRecord]:
        """Runs whose lease ended at least so long ago, the longest first."""
        with self._store.locked() as now_ms:
            held = [self._store.runs[run_id].record for run_id in self._store.held]
        over = [run for run in held if run.lease_expires_at_ms <= now_ms - older_than_ms]
        return sorted(over, key=lambda run: (run.lease_expires_at_ms, run.number))[:limit]

    def unreadable(self, limit: int = 100) -> list[str]:
        """None: nobody can edit this memory."""
        return []

    def open_messages(self, run_id: str, after: int = 0) -> list[Message]:
        """The messages in the inbox, oldest first."""
        with self._store.locked():
            return [message for number, message in self._store.find(run_id).messages.items() if number > after]

    def runs_with_messages(self, owner: str) -> list[str]:
        """Which runs that the owner drives have messages."""
        with self._store.locked():
            told = [self._store.runs[run_id].row for run_id in self._store.told]
            mine = sorted((row["number"], row["run_id"]) for row in told if row["owner"] == owner)
        return [run_id for _, run_id in mine]

    def waits(self, *, run_id: str | None = None, only_open: bool = True, limit: int = 100) -> list[WaitRecord]:
        """Gates, by expiry; those that never expire come last."""
        found: list[tuple[bool, int, int, WaitRecord]] = []
        with self._store.locked():
            runs = list(self._store.runs.values()) if run_id is None else [self._store.find(run_id)]
            for run in runs:
                for gate in run.gates.values():
                    if not (only_open and gate.decided_by):
                        expires = gate.expires_at_ms
                        found.append((expires is None, expires or 0, run.row["number"], gate))
        found.sort(key=lambda each: (*each[:3], each[3].position))
        return [gate for *_, gate in found[:limit]]

    def manifest(self, run_id: str) -> CodeManifest:
        """The code that the run is pinned to."""
        with self._store.locked():
            return self._store.find(run_id).manifest

    def manifests(self, run_ids: Sequence[str]) -> dict[str, CodeManifest]:
        """The manifests of those runs that exist."""
        with self._store.locked():
            runs = self._store.runs
            return {run_id: runs[run_id].manifest for run_id in run_ids if run_id in runs}

    def modules(self, run_id: str) -> dict[str, str]:
        """The texts of the run's pinned modules, by module name."""
        with self._store.locked():
            return dict(self._store.find(run_id).modules)

    def statistics(self) -> dict[str, int]:
        """Numbers about the store."""
        with self._store.locked() as now_ms:
            runs = list(self._store.runs.values())
            numbers = {f"runs.{status.value}": sum(run.status is status for run in runs) for status in RunStatus}
            numbers["events"] = sum(len(run.records) for run in runs)
            numbers["blobs"] = len(self._store.blobs)
            numbers["messages"] = sum(len(run.messages) for run in runs)
            numbers["gates"] = sum(not gate.decided_by for run in runs for gate in run.gates.values())
            numbers["gate_keys"] = len(self._store.keys)
            numbers["due"] = sum((run.row["due_at_ms"] or now_ms + 1) <= now_ms for run in runs)
            numbers["bytes"] = sum(len(row.payload or b"") for run in runs for row in run.records)
            return numbers

    def _chosen(self, which: RunFilter) -> Iterable[MemoryRun]:
        for condition in which.where:
            check_condition(condition)
        return (run for run in reversed(self._store.runs.values()) if _is_chosen(run, which))


def _is_chosen(run: MemoryRun, which: RunFilter) -> bool:
    row = run.row
    created_at_ms = row["created_at_ms"]
    equal = (which.entry, "entry"), (which.flow, "flow"), (which.queue, "queue"), (which.parent, "parent")
    return (
        (not which.status or row["status"] in which.status)
        and row["run_id"].startswith(which.prefix)
        and (not which.ids or row["run_id"] in which.ids)
        and all(wanted is None or row[name] == wanted for wanted, name in equal)
        and (which.correlation is None or row["correlation"] == which.correlation)
        and (which.root is None or which.root in (row["root"], row["run_id"]))
        and (which.created_after_ms is None or created_at_ms > which.created_after_ms)
        and (which.created_before_ms is None or created_at_ms < which.created_before_ms)
        and all(_holds(run, condition) for condition in which.where)
    )


def _holds(run: MemoryRun, condition: Condition) -> bool:
    is_column = condition.attribute in SEARCHABLE_COLUMNS
    value = run.row[condition.attribute] if is_column else run.attributes.get(condition.attribute)
    return fulfils(value, condition)
