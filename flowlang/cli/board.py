"""What a run is doing at this moment, kept up to date from its events.

The board is a set of open things by position: actions from their intent to their result, timers, flow calls. A flow
or task contains what lies below its position, which makes a tree of them. Tasks have no event for their end, so a
task is shown only while something below it is open. Pure state: the display asks for rows when it draws.
"""

from __future__ import annotations

from typing import Final

import attrs

from flowlang.cli.document import moment
from flowlang.runtime.journal.event import (
    ActionCompleted,
    ActionFailed,
    ActionScheduled,
    AttemptFailed,
    AttemptStarted,
    ChapterStarted,
    ChildEnded,
    ChildStarted,
    CommandWithdrawn,
    FlowCompleted,
    FlowStarted,
    GateOpened,
    MessageReceived,
    Position,
    ReceiveStarted,
    ReceiveTimedOut,
    Record,
    TaskStarted,
    TimerFired,
    TimerStarted,
    position_text,
)

NAMES_MAX: Final = 10_000
"""Tasks that are remembered; older ones lose their names first."""


@attrs.define
class Item:
    """Something open; `attempt` counts from 1, and is 0 as long as none was said to start."""

    name: str
    since_ms: int
    attempt: int = 0
    wake_at_ms: int | None = None


@attrs.define(eq=False)
class Board:
    """The open things of one run. `replayed` counts the actions that an earlier process performed."""

    done: int = 0
    failed: int = 0
    replayed: int = 0
    _open: dict[Position, Item] = attrs.field(factory=dict)
    _groups: dict[Position, Item] = attrs.field(factory=dict)
    _gates: dict[str, str] = attrs.field(factory=dict)

    def apply(self, record: Record) -> None:
        """Takes in an event."""
        event, now_ms = record.event, record.recorded_at_ms
        match event:
            case ActionScheduled():
                self._open[event.position] = Item(event.action, now_ms)
            case AttemptStarted():
                item = self._open.setdefault(event.position, Item("action", now_ms))
                item.attempt, item.since_ms, item.wake_at_ms = event.attempt, now_ms, None
            case ActionCompleted():
                self._open.pop(event.position, None)
                self.done += 1
            case ActionFailed():
                self._open.pop(event.position, None)
                self.failed += 1
            case TimerStarted():
                self.wait(event.position, event.wake_at_ms, now_ms)
            case AttemptFailed():
                item = self._open.setdefault(event.position, Item("action", now_ms))
                item.attempt, item.wake_at_ms = event.attempt + 1, event.retry_at_ms
            case (
                TimerFired() | MessageReceived() | ReceiveTimedOut() | ChildEnded() | CommandWithdrawn()
            ):  # fmt: skip
                self._open.pop(event.position, None)
            case ReceiveStarted() | ChildStarted() | GateOpened():
                self._await(event, now_ms)
            case ChapterStarted():
                self._open.clear()
                self._groups.clear()
            case TaskStarted():
                self._group(event.position, f"task {event.name}", now_ms)
            case FlowStarted():
                task = self._groups.get(event.position[:-1])
                if task is not None and task.name == f"task {event.flow}":
                    # A task that runs one flow need not be shown twice.
                    del self._groups[event.position[:-1]]
                self._group(event.position, event.flow, now_ms)
            case FlowCompleted():
                self._close_below(event.position)

    def attempt(self, position: Position, action: str, number: int, now_ms: int) -> None:
        """An attempt of an action starts."""
        self._open[position] = Item(action, now_ms, attempt=number)

    def wait(self, position: Position, wake_at_ms: int, now_ms: int) -> None:
        """A timer runs."""
        self._open[position] = Item("sleep", now_ms, wake_at_ms=wake_at_ms)

    def _await(self, event: ReceiveStarted | ChildStarted | GateOpened, now_ms: int) -> None:
        """The script waits for somebody else, or says that it will."""
        if isinstance(event, GateOpened):
            self._gates[position_text(event.position)] = event.name
        elif isinstance(event, ChildStarted):
            self._open[event.position] = Item(f"run {event.run_id}", now_ms)
        else:
            name = self._gates.get(event.name, event.name) if event.channel == "gate" else event.name
            self._open[event.position] = Item(f"{event.channel} {name}".strip(), now_ms, wake_at_ms=event.wake_at_ms)

    def _group(self, position: Position, name: str, now_ms: int) -> None:
        self._groups[position] = Item(name, now_ms)
        if len(self._groups) > NAMES_MAX:
            del self._groups[next(iter(self._groups))]

    def _close_below(self, position: Position) -> None:
        self._groups.pop(position, None)
        parent = position[:-1]
        if position[:-1] in self._groups and not any(other[: len(parent)] == parent for other in self._open):
            # The last thing that ran in a task, as far as events tell.
            self._groups.pop(parent)

    def rows(self, now_ms: int | None, limit: int) -> list[str]:
        """The tree as lines, parents before what they contain; at most `limit`, the last one counting the rest.
        Without `now_ms`, of a run that stands still, they say nothing of how long."""
        shown: dict[Position, Item] = {}
        for position in sorted(self._open):
            for length in range(1, len(position)):
                group = self._groups.get(position[:length])
                if group is not None:
                    shown[position[:length]] = group
            shown[position] = self._open[position]
        rows = []
        for position in sorted(shown):
            depth = sum(position[:length] in shown for length in range(1, len(position)))
            rows.append("  " * depth + _row(shown[position], now_ms))
        if len(rows) > limit:
            rows[limit - 1 :] = [f"... and {len(rows) - limit + 1} more"]
        return rows

    def summary(self) -> str:
        """Counts, on one line."""
        parts = [f"{self.done} done"]
        if self.failed:
            parts.append(f"{self.failed} failed")
        if self.replayed:
            parts.append(f"{self.replayed} replayed")
        return ", ".join(parts)


def _row(item: Item, now_ms: int | None) -> str:
    attempt = f" attempt {item.attempt}" if item.attempt > 1 else ""
    if item.wake_at_ms is not None:
        left = "" if now_ms is None else f", {duration(max(0, item.wake_at_ms - now_ms))} left"
        word = "at" if attempt else "until"
        return f"{item.name}{attempt} {word} {moment(item.wake_at_ms)[:19]}Z{left}"
    elapsed = "" if now_ms is None else f"  {duration(max(0, now_ms - item.since_ms))}"
    return f"{item.name}{attempt}{elapsed}"


def duration(milliseconds: int) -> str:
    """`0.4 s`, `12 s`, `3 min 20 s`, `5 h 02 min`, `2 d 3 h`."""
    seconds = milliseconds // 1000
    if seconds < 10:
        return f"{milliseconds / 1000:.1f} s"
    if seconds < 60:
        return f"{seconds} s"
    if seconds < 3600:
        return f"{seconds // 60} min {seconds % 60:02d} s"
    if seconds < 86_400:
        return f"{seconds // 3600} h {seconds % 3600 // 60:02d} min"
    return f"{seconds // 86_400} d {seconds % 86_400 // 3600} h"
