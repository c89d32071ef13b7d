"""Replay: a run's recorded past, and the check that code asks for the same again.

Every command that the code puts is compared with what the journal holds at its position: kind, name and digest of
the arguments. The first difference is a `Divergence`, found before anything is performed. Recorded answers are
delivered one by one in journal order. When none is left, everything recorded must have been asked for again; what is
asked for beyond is new.
"""

from __future__ import annotations

import json
from collections.abc import Sequence, Set
from typing import Any, TypeAlias

import attrs

from flowlang.lang.eval.command import (
    Answer,
    CallAction,
    Command,
    FinishedCall,
    FlowBegun,
    FlowEnded,
    LogLine,
    Note,
    StartTimer,
    TaskBegun,
)
from flowlang.lang.eval.traceback import Frame
from flowlang.lang.values.canonical import decode
from flowlang.lang.values.compare import equal
from flowlang.lang.values.display import preview
from flowlang.runtime.journal.event import (
    ActionCompleted,
    ActionFailed,
    ActionScheduled,
    AttemptStarted,
    FlowCompleted,
    FlowStarted,
    LogWritten,
    Place,
    Position,
    Record,
    TaskStarted,
    TimerFired,
    TimerStarted,
)

Asked: TypeAlias = ActionScheduled | TimerStarted | TaskStarted | FlowStarted
Asking: TypeAlias = CallAction | StartTimer | TaskBegun | FlowBegun


@attrs.frozen
class Side:
    """One side of a divergence: what was asked for (`call`), and where. `place` is None when nothing was."""

    call: str
    place: Place | None


class Divergence(Exception):
    """The code asks for something else than the journal recorded at `position`. `sequence` is the event's number."""

    def __init__(self, sequence: int, position: Position, recorded: Side, asked: Side) -> None:
        super().__init__(f"at event {sequence} the journal has {recorded.call}, the code asks for {asked.call}")
        self.sequence = sequence
        self.position = position
        self.recorded = recorded
        self.asked = asked


@attrs.define(eq=False)
class Open:
    """A recorded command without an answer. `attempts` of an action were started so far; `asking` is the command as
    the code asked for it again."""

    record: Record
    attempts: int = 1
    asking: Asking | None = None


class Replay:
    """The past of one run. `open` holds the commands that had no answer when the past ended, `finished` the flow calls
    whose insides need not be evaluated again. With `is_whole` there are none of these: everything is evaluated and
    compared, also what flows gave."""

    def __init__(self, records: Sequence[Record], *, is_whole: bool = False) -> None:
        self._is_whole = is_whole
        self.asked: dict[Position, Record] = {}
        self.finished: dict[Position, FinishedCall] = {}
        self.open: dict[Position, Open] = {}
        self._lines: set[Position] = set()
        self._ended: dict[Position, Record] = {}
        self._answers: list[tuple[int, Position, Answer]] = []
        self._next = 0
        self._matched: set[Position] = set()
        for record in records:
            self._read(record)
        self._last = max(
            (index for index, (_, position, _) in enumerate(self._answers) if not self._is_inside_finished(position)),
            default=-1,
        )

    @property
    def is_last_answer_given(self) -> bool:
        """Whether `next_answer` has no more to give."""
        return self._next > self._last

    def _read(self, record: Record) -> None:
        match record.event:
            case ActionScheduled(position=position) | TimerStarted(position=position):
                self.asked[position] = record
                self.open[position] = Open(record)
            case TaskStarted(position=position) | FlowStarted(position=position):
                self.asked[position] = record
            case AttemptStarted(position=position, attempt=attempt):
                self.open[position].attempts = attempt
            case ActionCompleted(position=position, payload=payload):
                self._answer(record, position, Answer(payload))
            case ActionFailed(position=position, payload=payload):
                self._answer(record, position, Answer(None, decode(payload)))
            case TimerFired(position=position):
                self._answer(record, position, Answer())
            case FlowCompleted(position=position, payload=payload):
                self._ended[position] = record
                begun = self.asked[position].event
                if payload is not None and isinstance(begun, FlowStarted) and not self._is_whole:
                    self.finished[position] = FinishedCall(begun.flow, begun.digest, payload)
            case LogWritten(position=position):
                self._lines.add(position)

    def _answer(self, record: Record, position: Position, answer: Answer) -> None:
        self._answers.append((record.sequence, position, answer))
        del self.open[position]

    def new_of(self, said: Sequence[Command | Note]) -> list[Command | Note]:
        """What of the script's notes and commands is not in the journal. Raises Divergence."""
        return [item for item in said if not self._is_recorded(item)]

    def _is_recorded(self, item: Command | Note) -> bool:
        match item:
            case LogLine():
                return item.position in self._lines
            case FlowEnded():
                return item.position in self._ended and self._has_ended_alike(item)
        record = self.asked.get(item.position)
        if record is None:
            return False
        assert isinstance(record.event, Asked)
        if not _agree(record.event, item):
            raise Divergence(record.sequence, item.position, _recorded_side(record.event), _asked_side(item))
        self._matched.add(item.position)
        if item.position in self.open:
            self.open[item.position].asking = item
        return True

    def _has_ended_alike(self, item: FlowEnded) -> bool:
        """True. Raises Divergence when the flow gave something else than is recorded."""
        record, begun = self._ended[item.position], self.asked[item.position].event
        assert isinstance(record.event, FlowCompleted)
        assert isinstance(begun, FlowStarted)
        if self._is_whole and not _give_alike(record.event.payload, item.payload):
            recorded = Side(f"{begun.flow} that gives {_shown(record.event.payload)}", begun.place)
            raise Divergence(
                record.sequence, item.position, recorded, Side(f"{begun.flow} that gives {_shown(item.payload)}", None)
            )
        return True

    def next_answer(self, waiting: Set[Position]) -> tuple[Position, Answer] | None:
        """The next recorded answer, in journal order. Raises Divergence when the code does not wait for it."""
        while self._next < len(self._answers):
            sequence, position, answer = self._answers[self._next]
            self._next += 1
            if position in waiting:
                return position, answer
            if not self._is_inside_finished(position):
                recorded = self.asked[position]
                assert isinstance(recorded.event, Asked)
                raise Divergence(sequence, position, _recorded_side(recorded.event), Side("nothing", None))
        return None

    def check_complete(self) -> None:
        """At the end of the past: everything recorded was asked for again. Raises Divergence."""
        for position, record in self.asked.items():
            if position not in self._matched and not self._is_inside_finished(position):
                assert isinstance(record.event, Asked)
                raise Divergence(record.sequence, position, _recorded_side(record.event), Side("nothing", None))

    def _is_inside_finished(self, position: Position) -> bool:
        return any(position[:length] in self.finished for length in range(1, len(position) + 1))


def _agree(recorded: Asked, asked: Asking) -> bool:
    match recorded, asked:
        case ActionScheduled(), CallAction():
            return recorded.action == asked.action and recorded.digest == asked.digest
        case TimerStarted(), StartTimer():
            return True
        case TaskStarted(), TaskBegun():
            return recorded.name == asked.name and recorded.digest == asked.digest
        case FlowStarted(), FlowBegun():
            return recorded.flow == asked.flow and recorded.digest == asked.digest
    return False


def _give_alike(recorded: bytes | None, given: bytes | None) -> bool:
    if recorded is None or given is None:
        return recorded is given
    return recorded == given or equal(decode(recorded), decode(given))  # errors are equal wherever they come from


def _shown(payload: bytes | None) -> str:
    return "a value that is not data" if payload is None else preview(decode(payload))


def _recorded_side(event: Asked) -> Side:
    match event:
        case ActionScheduled():
            return Side(call_text(event.action, event.payload), event.place)
        case TimerStarted():
            return Side("sleep", event.place)
        case TaskStarted():
            return Side(f"run({event.name})", event.place)
        case FlowStarted():
            return Side(f"{event.flow}({event.preview})", event.place)


def _asked_side(asking: Asking) -> Side:
    place = place_of(asking.frame)
    match asking:
        case CallAction():
            return Side(call_text(asking.action, asking.arguments), place)
        case StartTimer():
            return Side("sleep", place)
        case TaskBegun():
            return Side(f"run({asking.name})", place)
        case FlowBegun():
            return Side(f"{asking.flow}({asking.preview})", place)


def call_text(action: str, payload: bytes) -> str:
    """An action call as people write it, clipped."""
    arguments: dict[str, Any] = json.loads(payload)
    parts = []
    for name, value in arguments.items():
        text = json.dumps(value, ensure_ascii=False)
        parts.append(f"{name} = {text if len(text) <= 80 else text[:79] + '…'}")
    return f"{action}({', '.join(parts)})"


def place_of(frame: Frame | None) -> Place | None:
    """Where a command was asked for."""
    return Place(frame.module, frame.span[0], frame.span[1]) if frame is not None else None
