"""A run as people read it: what it is, why it does not go on, since when, and what would make it go on."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import attrs

from flowlang.cli.board import Board
from flowlang.cli.document import moment
from flowlang.cli.event_text import arguments_text, origin_text, stop_text
from flowlang.cli.option import Settings
from flowlang.cli.run_lookup import owner_text, status_text
from flowlang.errors import RunError
from flowlang.lang.values.display import preview
from flowlang.lang.values.result import Ok
from flowlang.runtime.journal.canonical_form import standing_records
from flowlang.runtime.journal.event import Record
from flowlang.runtime.journal.journal import (
    CRASHES_MAX,
    PRIORITY_DEFAULT,
    QUEUE_DEFAULT,
    AttributeValue,
    Journal,
    RunRecord,
    RunStatus,
)
from flowlang.runtime.operations.open_command import OpenCommand, open_commands
from flowlang.runtime.operations.reset import retry_point
from flowlang.runtime.operations.selection import select

VALUE_LENGTH_MAX: Final = 400
ROWS_MAX: Final = 50
REMEDIES_MAX: Final = 5
QUEUED_MAX: Final = 1000
ACTIONS_MISSING: Final = "actions-missing"


@attrs.frozen
class RunView:
    """One run with all that is shown of it."""

    settings: Settings
    journal: Journal
    run: RunRecord
    records: Sequence[Record]
    result: Any
    attributes: Mapping[str, AttributeValue]
    now_ms: int

    @property
    def status(self) -> str:
        """The status as people see it."""
        return status_text(self.journal, self.run)

    def fields(self) -> dict[str, str]:
        """What is known of the run, by name; empty texts are not shown."""
        run = self.run
        return {
            "run": run.run_id,
            "status": self.status,
            "script": f"{run.entry}:{run.flow}" if run.flow else run.entry,
            "arguments": arguments_text(self.records[0].event),
            "state": run.state,
            "progress": progress_text(run.progress),
            "attributes": ", ".join(f"{name} = {json.dumps(value)}" for name, value in self.attributes.items()),
            "started": moment(run.created_at_ms),
            "updated": moment(run.updated_at_ms),
            "due": self._due(),
            "deadline": "" if run.deadline_at_ms is None else moment(run.deadline_at_ms),
            "queue": run.queue if run.queue != QUEUE_DEFAULT else "",
            "priority": str(run.priority) if run.priority != PRIORITY_DEFAULT else "",
            "partition": run.partition,
            "parent": run.parent,
            "copy of": origin_text(self.records),
            "correlation": run.correlation,
            "events": str(run.sequence),
            "actions": f"{run.actions_completed} done",
            "crashes": f"{run.crashes} in a row" if run.crashes else "",
            "stopped by": (stop_text(self.records) or run.reason) if self._is_stopped else "",
            "driven by": owner_text(run.owner) if run.owner else "",
            "value": preview(self.result.value, VALUE_LENGTH_MAX) if isinstance(self.result, Ok) else "",
        }

    @property
    def _is_stopped(self) -> bool:
        return self.run.status in (RunStatus.STOPPED, RunStatus.TERMINATED, RunStatus.CANCELLED)

    def _due(self) -> str:
        run = self.run
        if run.due_at_ms is None or run.status is RunStatus.RUNNING or run.status.is_final:
            return ""
        return moment(run.due_at_ms) if run.due_at_ms > self.now_ms else "now"

    def open_rows(self) -> list[str]:
        """What a run that has not ended is doing, or would go on with: a tree, indented."""
        if self.run.status.is_final:
            return []
        board = Board()
        for record in standing_records(self.records):
            board.apply(record)
        return board.rows(self.now_ms if self.status == "running" else None, ROWS_MAX)

    def waits(self) -> list[OpenCommand]:
        """What the run waits for."""
        return [] if self.run.status.is_final else open_commands(self.records)

    def hints(self) -> Iterator[str]:
        """What to type to make the run go on, the most likely first."""
        run, run_id, command = self.run, self.run.run_id, self.settings.command
        match self.status:
            case "failed":
                try:
                    retry_point(run, self.records)
                    yield f"`{command(f'runs retry {run_id}')}` tries again from its last failure"
                except RunError as error:
                    yield error.hint or ""
            case "stopped" if run.reason == "quarantine":
                yield f"whoever drove it died {CRASHES_MAX} times in a row; see what its last event did"
                yield f"`{command(f'runs retry {run_id}')}` lets it go on all the same"
            case "stopped" if run.reason == ACTIONS_MISSING:
                yield "a worker took it up that does not have its actions; start one that has them"
                yield f"`{command(f'runs retry {run_id}')}` lets it go on then"
            case "stopped":
                yield f"`{command(f'runs retry {run_id}')}` lets it go on from where it was stopped"
            case "abandoned":
                yield f"the process that drove it is gone; `{command(f'resume {run_id}')}` goes on with it"
            case "running":
                for wait in self.waits()[:REMEDIES_MAX]:
                    if wait.kind in ("signal", "gate", "child"):
                        yield self._remedy(wait)
            case "suspended":
                yield self._begin_hint()
            case "waiting" if run.reason == ACTIONS_MISSING:
                yield "the workers that took it up do not have its actions; start one that has them"
            case "waiting" if run.due_at_ms is not None and run.due_at_ms <= self.now_ms:
                yield f"what it waited for is there: a worker goes on with it, or `{command(f'resume {run_id}')}`"
            case "waiting":
                waits = self.waits()
                for wait in waits[:REMEDIES_MAX]:
                    yield self._remedy(wait)
                if not waits:
                    yield f"`{command(f'resume {run_id}')}` goes on with it"

    def _begin_hint(self) -> str:
        """What makes a run go on that nobody drives and that waits for nothing of its own."""
        run, command = self.run, self.settings.command
        if run.due_at_ms is None and run.partition:
            older = select(f"partition = {json.dumps(run.partition)} and queue = {json.dumps(run.queue)}", self.now_ms)
            before = [
                each.run_id
                for each in older.runs(self.journal, QUEUED_MAX)
                if each.number < run.number and not each.status.is_final
            ]
            if before:
                return f"its turn in the partition comes after run {before[-1]}: `{command(f'runs show {before[-1]}')}`"
        if run.due_at_ms is not None and run.due_at_ms > self.now_ms:
            return f"not before {moment(run.due_at_ms)[:19]}Z; `{command(f'resume {run.run_id}')}` goes on with it now"
        queue = "" if run.queue == QUEUE_DEFAULT else f" --queue {run.queue}"
        return f"`{command('worker' + queue)}` goes on with it, or `{command(f'resume {run.run_id}')}`"

    def _remedy(self, wait: OpenCommand) -> str:
        command, run_id = self.settings.command, self.run.run_id
        until = "" if wait.until_ms is None else f" at {moment(wait.until_ms)[:19]}Z"
        match wait.kind:
            case "signal":
                name = wait.name or "NAME"
                return f"it waits for a signal: `{command(f'signal {run_id} {name} --payload JSON')}`"
            case "gate":
                return f"it waits for a decision: `{command(f'approve {run_id}:{wait.name} --by NAME')}`, or `reject`"
            case "child":
                return f"it waits for a run: `{command(f'runs show {wait.name}')}`"
            case "retry":
                return f"a worker tries `{wait.name}` again{until} (attempt {wait.attempt}; {wait.failure})"
            case "timer":
                return f"a worker goes on with it{until}: `{command('worker')}`"
        return f"`{command(f'resume {run_id}')}` performs `{wait.name}`"


def wait_text(wait: OpenCommand) -> str:
    """What a run waits for, on one line."""
    what = {
        "signal": f"signal `{wait.name}`" if wait.name else "any signal",
        "gate": f"gate `{wait.name}`",
        "child": f"run {wait.name}",
        "timer": "time",
        "retry": f"{wait.name}, attempt {wait.attempt} after {wait.failure}",
        "action": wait.name,
    }[wait.kind]
    until = "" if wait.until_ms is None else f", until {moment(wait.until_ms)[:19]}Z"
    place = "" if wait.place is None else f"  at {wait.place.module}:{wait.place.line}:{wait.place.column + 1}"
    return f"{what}, since {moment(wait.since_ms)[:19]}Z{until}{place}"


def progress_text(progress: str) -> str:
    """What a run said of how far it is: `30 of 100 (30 %): loading`."""
    if not progress:
        return ""
    told = json.loads(progress)
    done, total = told.get("done"), told.get("total")
    text = f"{done}" if not total else f"{done} of {total} ({100 * done / total:.0f} %)"
    return f"{text}: {told['message']}" if told.get("message") else text
