"""Drives one evaluation under a clock of its own, without a journal, and keeps a record from which it can be replayed.

`work(name, seconds)` and `trouble(kind, seconds)` are the actions: the one gives its name after that time, the other
fails. What falls due at the same moment is answered in an order that `seed` decides, so tests can try all orders.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import attrs

from flowlang.lang.eval.command import (
    CANCEL_POSITION,
    Answer,
    CallAction,
    Command,
    FinishedCall,
    FlowBegun,
    FlowEnded,
    LogLine,
    Note,
    Position,
    StartTimer,
    TaskBegun,
    Withdrawn,
)
from flowlang.lang.eval.evaluation import Completed, Entry, Evaluation, Step, Stopped, Suspended
from flowlang.lang.interpreter import UNIVERSE, Build, build
from flowlang.lang.values.canonical import decode, encode
from flowlang.lang.values.fault import Fault
from flowlang.lang.values.meter import Budget
from flowlang.library import prelude_modules
from flowlang.loaders import BundledLoader, ChainLoader, MappingLoader, source_reader

ENTRY = "main.flow"
BUDGET = Budget(steps=5_000_000)


class Memory(dict[str, bytes]):
    """Compiled programs of this process."""

    def put(self, key: str, data: bytes) -> None:
        self[key] = data


CACHE = Memory()


def built(text: str) -> Build:
    """A script with the prelude."""
    read = source_reader(ChainLoader(BundledLoader(), MappingLoader({ENTRY: text})))
    script = build(ENTRY, read, prelude_modules(), CACHE)
    assert not script.has_errors, script.diagnostics
    return script


class Catalog:
    """The actions `work` and `trouble`."""

    def has(self, name: str) -> bool:
        return name in ("work", "trouble")

    def names(self, prefix: str) -> Sequence[str]:
        return () if prefix else ("trouble", "work")

    def bind(
        self, name: str, positional: Sequence[Any], keywords: Mapping[str, Any]
    ) -> tuple[dict[str, Any], float | None]:
        if keywords or len(positional) != 2:
            raise Fault("action-argument", f"`{name}` takes a text and seconds")
        return dict(zip(("text", "seconds"), positional, strict=True)), None


@attrs.frozen
class Said:
    """The script said something."""

    item: Command | Note
    at_ms: int


@attrs.frozen
class Given:
    """A command was answered."""

    position: Position
    answer: Answer
    at_ms: int


Entered: TypeAlias = Said | Given


@attrs.define
class VirtualRun:
    """One run of a script. `cancel_at_ms`: when it is told to end. `collapses`: whether finished flow calls are left
    out of a replay."""

    script: Build
    seed: int = 0
    cancel_at_ms: int | None = None
    collapses: bool = True
    now_ms: int = 0
    record: list[Entered] = attrs.field(factory=list)
    lines: list[str] = attrs.field(factory=list)
    _open: dict[Position, tuple[int, Answer]] = attrs.field(factory=dict)

    def run(self) -> Completed | Stopped:
        """Runs it from its beginning to its end."""
        return self.resume(())

    def resume(self, past: Sequence[Entered]) -> Completed | Stopped:
        """Replays a recorded past, checks that the same is said, and goes on to the end."""
        finished = finished_calls(past) if self.collapses else {}
        evaluation = Evaluation(
            self.script.programs, self.script.prelude, Entry(ENTRY), universe=UNIVERSE, catalog=Catalog(),
            budget=BUDGET, run_id="run-1", finished=finished,
        )  # fmt: skip
        if self.cancel_at_ms is not None:
            fault = {"kind": "cancelled", "message": "the run was cancelled"}
            self._open[CANCEL_POSITION] = (self.cancel_at_ms, Answer(None, fault))
        if not past:
            evaluation.go_live()
        step = evaluation.start()
        if past:
            step = self._replay(evaluation, step, past, finished)
            evaluation.go_live()
        else:
            self._take(step.said)
        while isinstance(step, Suspended):
            position = min(self._open, key=lambda position: (self._open[position][0], self._rank(position)))
            self.now_ms, answer = self._open.pop(position)
            self.record.append(Given(position, answer, self.now_ms))
            step = evaluation.resume([(position, answer)])
            self._take(step.said)
        assert isinstance(step, (Completed, Stopped)), step
        evaluation.drop()
        return step

    def _rank(self, position: Position) -> bytes:
        return hashlib.sha256(f"{self.seed} {position}".encode()).digest() if self.seed else repr(position).encode()

    def _take(self, said: Sequence[Command | Note]) -> None:
        for item in said:
            self.record.append(Said(item, self.now_ms))
            self._note(item, self.now_ms)

    def _note(self, item: Command | Note, at_ms: int) -> None:
        match item:
            case StartTimer():
                due = at_ms + item.delay_ms if item.at_ms is None else max(item.at_ms, at_ms)
                self._open[item.position] = (due, Answer())
            case CallAction():
                given = decode(item.arguments)
                answer = Answer(encode(given["text"]))
                if item.action == "trouble":
                    answer = Answer(None, {"kind": given["text"], "message": "trouble", "retryable": True})
                self._open[item.position] = (at_ms + round(given["seconds"] * 1000), answer)
            case Withdrawn():
                assert self._open.pop(item.position, None) is not None, f"{item.position} is not open"
            case LogLine():
                self.lines.append(item.text)

    def _replay(
        self, evaluation: Evaluation, step: Step, past: Sequence[Entered], finished: Mapping[Position, FinishedCall]
    ) -> Step:
        said = list(step.said)
        for entered in past:
            if isinstance(entered, Given):
                assert isinstance(step, Suspended), step
                self.now_ms = entered.at_ms
                if entered.position in evaluation.waiting or entered.position == CANCEL_POSITION:
                    step = evaluation.resume([(entered.position, entered.answer)])
                    said += step.said
                else:
                    assert is_inside(entered.position, finished), f"nobody waits at {entered.position}"
                self._open.pop(entered.position, None)
            else:
                self._note(entered.item, entered.at_ms)
        recorded = [entered.item for entered in past if isinstance(entered, Said)]
        inside = [item for item in recorded if is_inside(item.position, finished)]
        expected = [item for item in recorded if item not in inside]
        missing = sorted(set(map(repr, expected)) - set(map(repr, said)))
        added = sorted(set(map(repr, said)) - set(map(repr, expected)))
        assert (missing, added) == ([], [])
        self.record += past
        return step


def check_replays(run: VirtualRun, end: Completed) -> None:
    """Whenever the machine dies, and whether or not the insides of finished calls are left out, the run goes on as if
    nothing had been: the same commands, notes, lines and result."""
    for collapses in (True, False):
        for cut in cuts(run.record):
            again = VirtualRun(run.script, run.seed, run.cancel_at_ms, collapses)
            other = again.resume(run.record[:cut])
            assert isinstance(other, Completed)
            assert (repr(other.result), other.cancelled) == (repr(end.result), end.cancelled)
            assert canonical(again.record) == canonical(run.record)


def finished_calls(past: Sequence[Entered]) -> dict[Position, FinishedCall]:
    """The flow calls that are recorded from begin to end and gave data."""
    begun: dict[Position, FlowBegun] = {}
    answers: dict[Position, Position | None] = {}
    finished = {}
    for entered in past:
        if isinstance(entered, Given):
            if entered.position != CANCEL_POSITION:
                answers = dict.fromkeys(answers, entered.position)
        elif isinstance(entered.item, FlowBegun):
            begun[entered.item.position] = entered.item
            answers[entered.item.position] = None
        elif isinstance(entered.item, FlowEnded):
            begin, last = begun.pop(entered.item.position), answers.pop(entered.item.position)
            if entered.item.payload is not None:
                finished[begin.position] = FinishedCall(begin.flow, begin.digest, entered.item.payload, last)
    return finished


def is_inside(position: Position, finished: Mapping[Position, FinishedCall]) -> bool:
    """Whether a position lies in a finished call. That of a line is named after the command that comes next."""
    if position and position[-1] < 0:
        position = position[:-2]
    return any(position[:length] in finished for length in range(1, len(position) + 1))


def cuts(record: Sequence[Entered]) -> list[int]:
    """Where a record can end when the machine dies: before each answer."""
    return [index for index, entered in enumerate(record) if isinstance(entered, Given)]


def canonical(record: Sequence[Entered]) -> list[tuple[Position, str, str]]:
    """What a run did, whatever the order in which answers of one moment came in."""
    found = []
    for entered in record:
        if isinstance(entered, Given):
            found.append((entered.position, "answer", repr(entered.answer)))
        elif isinstance(entered.item, (LogLine, TaskBegun, FlowBegun, FlowEnded, Withdrawn, CallAction, StartTimer)):
            found.append((entered.item.position, type(entered.item).__name__, repr(entered.item)))
    return sorted(found)
