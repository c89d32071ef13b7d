"""Replay: a run's recorded past, and the check that code asks for the same again.

Every command that the code puts is compared with what the journal holds at its position: kind, name and digest of
the arguments. The first difference is a `Divergence`, found before anything is performed. Recorded answers are
delivered one by one in journal order. When none is left, everything recorded must have been asked for again; what is
asked for beyond is new.

A past begins with the last chapter of the run, and leaves out what an operator set back (`standing_records`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence, Set
from typing import Any

import attrs

from flowlang.errors import JournalCorrupt
from flowlang.lang.eval.command import (
    CANCEL_POSITION,
    Answer,
    CallAction,
    ChapterNote,
    Command,
    FinishedCall,
    FlowEnded,
    LogLine,
    Note,
    StateNote,
    VersionNote,
    Withdrawn,
)
from flowlang.lang.values.canonical import decode, encode
from flowlang.lang.values.display import preview
from flowlang.runtime.agreement import AGREEMENTS, give_alike, is_same_call
from flowlang.runtime.call_text import Asking, Side, asked_side, recorded_side
from flowlang.runtime.collector import PAUSED_FROM, paused_collector
from flowlang.runtime.journal.canonical_form import standing_records
from flowlang.runtime.journal.codec import kind_of
from flowlang.runtime.journal.event import (
    ActionCompleted,
    ActionFailed,
    ActionScheduled,
    AttemptFailed,
    AttemptHeartbeat,
    AttemptStarted,
    CancelRequested,
    ChapterStarted,
    ChildEnded,
    ChildStarted,
    CommandWithdrawn,
    FlowCompleted,
    FlowStarted,
    GateOpened,
    LogWritten,
    MessageReceived,
    MessageSent,
    Position,
    ReceiveStarted,
    ReceiveTimedOut,
    Record,
    RunForked,
    RunReset,
    RunStarted,
    StateSet,
    TaskStarted,
    TimerFired,
    TimerStarted,
    VersionMarked,
)


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
    """A recorded command without an answer. Of an action: `attempts` were started so far, the last of which failed and
    is to be followed at `retry_at_ms` (None: it was under way), with `failure`, what it failed with; `heartbeat` are
    the details that were recorded since then. `asking` is the command as the code asked for it again."""

    record: Record
    attempts: int = 1
    retry_at_ms: int | None = None
    failure: bytes | None = None
    heartbeat: bytes | None = None
    asking: Asking | None = None


@attrs.frozen
class Beginning:
    """What a chapter begins with. `number` counts from 1, `payload` holds the arguments, `salt` makes keys of actions
    differ from those of other chapters and runs."""

    number: int
    payload: bytes
    salt: str


class Replay:
    """The past of one run, from a chapter's begin on. `open` holds the commands that had no answer when the past ended,
    `children` the ids of the runs that were spawned, `finished` the flow calls whose insides need not be evaluated
    again, `gates` when the opened gates expire and `decisions` what was decided of them. With `is_whole` nothing is
    left out: everything is evaluated and compared, also what flows gave.

    `token_of` makes the token of a gate, which no record holds."""

    def __init__(
        self, records: Sequence[Record], *, is_whole: bool = False,
        token_of: Callable[[GateOpened, str], str] | None = None,
    ) -> None:  # fmt: skip
        self._is_whole = is_whole
        self._token_of = token_of
        self.asked: dict[Position, Record] = {}
        self.finished: dict[Position, FinishedCall] = {}
        self._unanswered: dict[Position, Record] = {}
        self._tried: dict[Position, Open] = {}
        """Those of the unanswered of which anything is known but that they were asked for."""
        self.children: dict[Position, str] = {}
        self.gates: dict[str, int | None] = {}
        self.decisions: dict[str, bytes] = {}
        self.versions: dict[str, int] = {}
        self.beginning: Beginning | None = None
        self.is_cancelled = False
        self.is_resalted = False
        """Whether the salt is not the one that the run was created with."""
        self.forked_at = 0
        """The record that says that the run began as a copy of another, if there is one."""
        self._lines: set[Position] = set()
        self._ended: dict[Position, Record] = {}
        self._answers: list[tuple[int, Position, Answer]] = []
        self._sent: dict[Position, int] = {}
        self._last_inside: dict[Position, Position | None] = {}
        """The flow calls that have not ended, with the last answer to one of their commands."""
        self._next = 0
        self._matched: set[Position] = set()
        self._withdrawn: set[Position] = set()
        self._recorded_withdrawals: set[Position] = set()
        if len(records) < PAUSED_FROM:
            self._read(records)
        else:
            with paused_collector():
                self._read(records)
        self.open = {
            position: self._tried.get(position) or Open(record) for position, record in self._unanswered.items()
        }
        self._last = self._last_delivered()

    def _last_delivered(self) -> int:
        """The index of the last answer that will be delivered: of those inside of finished calls only the ones at
        which such a call ends."""
        ends = {
            call.last_answer
            for position, call in self.finished.items()
            if call.last_answer is not None and not self._is_inside_finished(position[:-1])
        }
        last = len(self._answers) - 1
        while last >= 0:
            position = self._answers[last][1]
            if position in ends or not self._is_inside_finished(position):
                break
            last -= 1
        return last

    @property
    def is_last_answer_given(self) -> bool:
        """Whether `next_answer` has no more to give."""
        return self._next > self._last

    @property
    def is_blank(self) -> bool:
        """Whether nothing is recorded but the beginning."""
        return not (self._answers or self.asked or self._lines or self.versions)

    @property
    def has_unmatched(self) -> bool:
        """Whether something is recorded that the code has not asked for yet."""
        return any(position not in self._matched and not self._is_inside_finished(position) for position in self.asked)

    # Reading the past

    def _read(self, records: Sequence[Record]) -> None:
        readers = _READERS
        for record in standing_records(records):
            read = readers.get(type(record.event))
            if read is not None:
                try:
                    read(self, record, record.event)
                except (LookupError, TypeError, ValueError, AttributeError, AssertionError) as error:
                    raise _out_of_place(record) from error

    def _read_started(self, record: Record, event: RunStarted) -> None:
        self.beginning = Beginning(1, event.payload, event.salt)

    def _read_chapter(self, record: Record, event: ChapterStarted) -> None:
        # What came before is not needed: in a log that holds more than the last chapter, it is dropped here.
        self.__init__((), is_whole=self._is_whole, token_of=self._token_of)  # type: ignore[misc]
        self.beginning = Beginning(event.number, event.payload, event.salt)
        self.is_resalted = True

    def _read_salt(self, record: Record, event: RunReset | RunForked) -> None:
        if type(event) is RunForked:
            self.forked_at = record.sequence
        if self.beginning is not None:
            self.beginning = attrs.evolve(self.beginning, salt=event.salt)
            self.is_resalted = True

    def _read_asked(
        self, record: Record, event: ActionScheduled | TimerStarted | ReceiveStarted | ChildStarted
    ) -> None:
        self.asked[event.position] = record
        self._unanswered[event.position] = record
        if type(event) is ChildStarted:
            self.children[event.position] = event.run_id

    def _read_begun(self, record: Record, event: TaskStarted | FlowStarted) -> None:
        self.asked[event.position] = record
        if type(event) is FlowStarted:
            self._last_inside[event.position] = None

    def _add_answer(self, record: Record, position: Position, answer: Answer) -> None:
        self._answers.append((record.sequence, position, answer))
        if self._last_inside:
            for length in range(1, len(position)):
                if position[:length] in self._last_inside:
                    self._last_inside[position[:length]] = position

    def _read_gate(self, record: Record, event: GateOpened) -> None:
        self.asked[event.position] = record
        self.gates[".".join(map(str, event.position))] = event.expires_at_ms
        token = "" if self._token_of is None or self.beginning is None else self._token_of(event, self.beginning.salt)
        self._add_answer(record, event.position, Answer(encode(token)))

    def _read_sent(self, record: Record, event: MessageSent) -> None:
        self.asked[event.position] = record
        self._sent[event.position] = len(self._answers)
        self._add_answer(record, event.position, Answer())

    def _tried_at(self, position: Position) -> Open:
        return self._tried.setdefault(position, Open(self._unanswered[position]))

    def _read_attempt(self, record: Record, event: AttemptStarted) -> None:
        opened = self._tried_at(event.position)
        opened.attempts, opened.retry_at_ms = event.attempt, None

    def _read_failed_attempt(self, record: Record, event: AttemptFailed) -> None:
        opened = self._tried_at(event.position)
        opened.attempts, opened.retry_at_ms, opened.failure = event.attempt, event.retry_at_ms, event.payload
        opened.heartbeat = None

    def _read_heartbeat(self, record: Record, event: AttemptHeartbeat) -> None:
        self._tried_at(event.position).heartbeat = event.payload

    def _read_payload(self, record: Record, event: ActionCompleted | ChildEnded) -> None:
        self._add_answer(record, event.position, Answer(event.payload))
        del self._unanswered[event.position]

    def _read_message(self, record: Record, event: MessageReceived) -> None:
        self._add_answer(record, event.position, Answer(event.payload))
        asked = self._unanswered.pop(event.position).event
        if type(asked) is ReceiveStarted and asked.channel == "gate":
            self.decisions[asked.name] = event.payload

    def _read_failure(self, record: Record, event: ActionFailed) -> None:
        answer = Answer(None, decode(event.payload))
        sent = self._sent.get(event.position)
        if sent is not None:  # what could not be delivered fails instead of being answered at once
            self._answers[sent] = (self._answers[sent][0], event.position, answer)
            return
        self._add_answer(record, event.position, answer)
        del self._unanswered[event.position]

    def _read_fired(self, record: Record, event: TimerFired) -> None:
        self._add_answer(record, event.position, Answer())
        del self._unanswered[event.position]

    def _read_time_out(self, record: Record, event: ReceiveTimedOut) -> None:
        asked = self._unanswered.pop(event.position).event
        assert isinstance(asked, ReceiveStarted)
        self._add_answer(record, event.position, receive_timeout(asked.channel, asked.name))

    def _read_withdrawal(self, record: Record, event: CommandWithdrawn) -> None:
        self._unanswered.pop(event.position, None)
        self._recorded_withdrawals.add(event.position)

    def _read_cancellation(self, record: Record, event: CancelRequested) -> None:
        self.is_cancelled = True
        self._answers.append((record.sequence, CANCEL_POSITION, cancel_answer(event)))

    def _read_flow(self, record: Record, event: FlowCompleted) -> None:
        position = event.position
        self._ended[position] = record
        begun = self.asked[position].event
        last = self._last_inside.pop(position, None)
        if event.payload is not None and type(begun) is FlowStarted and not self._is_whole:
            self.finished[position] = FinishedCall(begun.flow, begun.digest, event.payload, last)

    def _read_line(self, record: Record, event: LogWritten | StateSet) -> None:
        self._lines.add(event.position)

    def _read_version(self, record: Record, event: VersionMarked) -> None:
        self.versions[event.change] = event.version

    # Comparing the present

    def new_of(self, said: Sequence[Command | Note]) -> list[Command | Note]:
        """What of the script's notes and commands is not in the journal. Raises Divergence."""
        return [item for item in said if not self._is_recorded(item)]

    def _is_recorded(self, item: Command | Note) -> bool:
        match item:
            case LogLine() | StateNote():
                return item.position in self._lines
            case FlowEnded():
                return item.position in self._ended and self._has_ended_alike(item)
            case Withdrawn():
                self._withdrawn.add(item.position)
                return item.position in self._recorded_withdrawals
            case VersionNote():
                return item.change in self.versions
            case ChapterNote():
                return False
        record = self.asked.get(item.position)
        if record is None:
            return False
        event: Any = record.event
        if not AGREEMENTS[type(event)](event, item):
            raise Divergence(record.sequence, item.position, recorded_side(event), asked_side(item))
        self._matched.add(item.position)
        opened = self.open.get(item.position)
        if opened is not None:
            opened.asking = item
        return True

    def _has_ended_alike(self, item: FlowEnded) -> bool:
        """True. Raises Divergence when the flow gave something else than is recorded."""
        record, begun = self._ended[item.position], self.asked[item.position].event
        assert isinstance(record.event, FlowCompleted)
        assert isinstance(begun, FlowStarted)
        if self._is_whole and not give_alike(record.event.payload, item.payload):
            recorded = Side(f"{begun.flow} that gives {_shown(record.event.payload)}", begun.place)
            raise Divergence(
                record.sequence, item.position, recorded, Side(f"{begun.flow} that gives {_shown(item.payload)}", None)
            )
        return True

    def next_answer(self, waiting: Set[Position]) -> tuple[Position, Answer] | None:
        """The next recorded answer, in journal order. Raises Divergence when the code does not wait for it."""
        while self._next < len(self._answers):
            _, position, answer = self._answers[self._next]
            self._next += 1
            if position in waiting or position == CANCEL_POSITION:
                return position, answer
            # An answer may come in together with what makes it unwanted.
            if position not in self._withdrawn and not self._is_inside_finished(position):
                asked = self.asked[position]
                event: Any = asked.event
                raise Divergence(asked.sequence, position, recorded_side(event), Side("nothing", None))
        return None

    def recall(self, said: Sequence[Command | Note], command: Command, *, is_last_too: bool = False) -> Answer | None:
        """The recorded answer to a command that was put after `said`, when all of it is recorded as it is and the
        answer is the next one. The last one only with `is_last_too`: from that one on the run is live. Else None; what
        differs is found when the command is put."""
        if self._next >= self._last + is_last_too:
            return None
        _, position, answer = self._answers[self._next]
        if position != command.position:
            return None
        event = self.asked[position].event
        try:
            if said and self.new_of(said):
                return None
            if type(event) is ActionScheduled and type(command) is CallAction and is_same_call(event, command):
                self._matched.add(position)  # what `_is_recorded` comes to, for nearly all that is recorded
            elif not self._is_recorded(command):
                return None
        except Divergence:
            return None
        self._next += 1
        return answer

    def check_complete(self) -> None:
        """At the end of the past: everything recorded was asked for again. Raises Divergence."""
        if len(self._matched) == len(self.asked):
            return
        for position, record in self.asked.items():
            if position not in self._matched and not self._is_inside_finished(position):
                event: Any = record.event
                raise Divergence(record.sequence, position, recorded_side(event), Side("nothing", None))

    def _is_inside_finished(self, position: Position) -> bool:
        finished = self.finished
        return bool(finished) and any(position[:length] in finished for length in range(1, len(position) + 1))


_READERS: Mapping[type, Callable[[Replay, Record, Any], None]] = {
    RunStarted: Replay._read_started,
    ChapterStarted: Replay._read_chapter,
    RunReset: Replay._read_salt,
    RunForked: Replay._read_salt,
    ActionScheduled: Replay._read_asked,
    TimerStarted: Replay._read_asked,
    ReceiveStarted: Replay._read_asked,
    ChildStarted: Replay._read_asked,
    TaskStarted: Replay._read_begun,
    FlowStarted: Replay._read_begun,
    GateOpened: Replay._read_gate,
    MessageSent: Replay._read_sent,
    AttemptStarted: Replay._read_attempt,
    AttemptHeartbeat: Replay._read_heartbeat,
    AttemptFailed: Replay._read_failed_attempt,
    ActionCompleted: Replay._read_payload,
    MessageReceived: Replay._read_message,
    ChildEnded: Replay._read_payload,
    ActionFailed: Replay._read_failure,
    TimerFired: Replay._read_fired,
    ReceiveTimedOut: Replay._read_time_out,
    CommandWithdrawn: Replay._read_withdrawal,
    CancelRequested: Replay._read_cancellation,
    FlowCompleted: Replay._read_flow,
    LogWritten: Replay._read_line,
    StateSet: Replay._read_line,
    VersionMarked: Replay._read_version,
}


def _out_of_place(record: Record) -> JournalCorrupt:
    kind = kind_of(record.event)
    return JournalCorrupt(
        f"record {record.sequence} (`{kind}`) does not belong after those before it",
        hint="`flowlang db check` says what is wrong; restore the database from a backup",
    )


def receive_timeout(channel: str, name: str) -> Answer:
    """The answer of a wait for a message that timed out."""
    what = "a decision" if channel == "gate" else f"the signal `{name}`" if name else "a signal"
    return Answer(None, {"kind": "timeout", "message": f"{what} did not come in time", "retryable": False})


def cancel_answer(event: CancelRequested) -> Answer:
    """What ends a run from outside, as its script receives it."""
    given = decode(event.payload)
    message = str(given.get("reason") or ("the run's time is over" if event.kind == "timeout" else "cancelled"))
    return Answer(None, {"kind": event.kind, "message": message, "data": given, "retryable": False})


def _shown(payload: bytes | None) -> str:
    return "a value that is not data" if payload is None else preview(decode(payload))
