"""Which recorded event belongs to what a script does: events by number, and by what was asked for where."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from typing import Final, TypeAlias

from flowlang.lang.eval.command import FlowBegun as FlowBegunNote
from flowlang.lang.eval.command import FlowEnded, LogLine, Note, Position, StateNote, TaskBegun, Withdrawn
from flowlang.runtime.journal.canonical_form import standing_records
from flowlang.runtime.journal.event import (
    BEGINNINGS,
    COMMANDS,
    DELIVERED,
    ChapterStarted,
    CommandWithdrawn,
    FlowCompleted,
    LogWritten,
    Record,
    RunStarted,
    StateSet,
)

ASKED: Final = "asked"
TOLD: Final = "told"
ENDED: Final = "ended"
WITHDRAWN: Final = "withdrawn"
ANSWERED: Final = "answered"
Key: TypeAlias = tuple[str, Position]

_GROUPS: Final[dict[type, str]] = {
    **dict.fromkeys((*COMMANDS, *BEGINNINGS), ASKED), **dict.fromkeys(DELIVERED, ANSWERED),
    FlowCompleted: ENDED, LogWritten: TOLD, StateSet: TOLD, CommandWithdrawn: WITHDRAWN,
}  # fmt: skip
_NOTES: Final[dict[type, str]] = {
    FlowBegunNote: ASKED,
    TaskBegun: ASKED,
    FlowEnded: ENDED,
    LogLine: TOLD,
    StateNote: TOLD,
    Withdrawn: WITHDRAWN,
}


class Timeline:
    """The records of one chapter of a run. `records`: those that count, in order."""

    def __init__(self, records: Sequence[Record]) -> None:
        self.records: list[Record] = []
        self._numbers: dict[Key, int] = {}
        for record in standing_records(records):
            event = record.event
            if type(event) is ChapterStarted:
                self.records, self._numbers = [], {}
            self.records.append(record)
            group = _GROUPS.get(type(event))
            if group is not None:
                self._numbers[group, getattr(event, "position", ())] = record.sequence
        self._reachable = sorted(self._numbers.values())

    @property
    def first(self) -> int:
        """The number of the first event."""
        return self.records[0].sequence

    @property
    def last(self) -> int:
        """The number of the last event."""
        return self.records[-1].sequence

    def asked(self, position: Position) -> int | None:
        """The event of a command."""
        return self._numbers.get((ASKED, position))

    def told(self, note: Note) -> int | None:
        """The event of a note."""
        group = _NOTES.get(type(note))
        return None if group is None else self._numbers.get((group, getattr(note, "position", ())))

    def answered(self, position: Position) -> int | None:
        """The event that answers a command. What is its own answer has none."""
        return self._numbers.get((ANSWERED, position))

    def reachable(self, number: int) -> int | None:
        """The first event from `number` on that belongs to something that the script does; None when there is none."""
        index = bisect_left(self._reachable, number)
        return self._reachable[index] if index < len(self._reachable) else None

    def around(self, number: int, before: int, after: int) -> list[Record]:
        """Records around an event."""
        index = bisect_left([record.sequence for record in self.records], number)
        return self.records[max(0, index - before) : index + after + 1]


def chapter_records(records: Sequence[Record], chapter: int | None) -> Sequence[Record]:
    """The records up to the end of a chapter; all of them for None. Raises ValueError when there is no such chapter."""
    if chapter is None:
        return records
    begins = _begins(records)
    if chapter not in begins:
        raise ValueError(f"there is no chapter {chapter}")
    return records[: begins.get(chapter + 1, len(records))]


def chapter_at(records: Sequence[Record], event: int) -> int:
    """The chapter that an event belongs to."""
    begins = _begins(records)
    return max((number for number, index in begins.items() if records[index].sequence <= event), default=min(begins))


def _begins(records: Sequence[Record]) -> dict[int, int]:
    """Where each chapter begins: its number, and the index of its first record."""
    begins = {1: 0} if isinstance(records[0].event, RunStarted) else {}
    return begins | {r.event.number: index for index, r in enumerate(records) if isinstance(r.event, ChapterStarted)}
