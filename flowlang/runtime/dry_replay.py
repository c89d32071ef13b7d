"""Dry replay: the recorded past of a run, evaluated with some code, while nothing is performed and nothing written.

A check of new code and the debugger both stand on this. The evaluation gets the recorded answers one by one, in
journal order, and whatever it asks for is compared with the journal. It goes as far as the recorded past does, and
through the next turn; what that turn would begin is looked at by nobody.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, TypeAlias

import attrs

from flowlang.lang.compile.program import Program
from flowlang.lang.eval.command import Answer, Command, Note, Position
from flowlang.lang.eval.context import Actions
from flowlang.lang.eval.evaluation import Chapter, Evaluation, Step, Stopped, Suspended
from flowlang.lang.eval.module import Module
from flowlang.lang.interpreter import UNIVERSE, Build
from flowlang.lang.statically_frozen import statically_frozen
from flowlang.lang.values.canonical import decode, encode
from flowlang.lang.values.fault import Fault
from flowlang.lang.values.meter import Budget, Meter
from flowlang.runtime.action import ActionRegistry
from flowlang.runtime.archive import Archive
from flowlang.runtime.catalog import Catalog
from flowlang.runtime.gate_token import make_token
from flowlang.runtime.journal.event import ActionScheduled, GateOpened, Record, position_text
from flowlang.runtime.journal.journal import AttributeValue, CodeManifest, Journal, RunStatus
from flowlang.runtime.launch import entry_of
from flowlang.runtime.recorded_token import TokenMaker, recorded_tokens
from flowlang.runtime.replay import Replay

TURN_SLACK: Final = 1_000_000
"""So many steps of earlier turns may be counted to one that begins without a pause."""
TURN_BUDGET: Final = Budget(steps=1_000_000_000 + TURN_SLACK)
"""Code that is only being tried may run forever where the recorded code did not."""
_Digests: TypeAlias = tuple[tuple[str, str], ...]
EvaluationMaker: TypeAlias = Callable[..., Evaluation]


@statically_frozen
class Recording:
    """A recorded run, wherever it comes from: a journal, or the file of an exported one. `modules`: the texts that it
    is pinned to. `records`: from the first, or from the begin of its last chapter. `token_of` makes the tokens of its
    gates, where the records do not tell them."""

    run_id: str
    entry: str
    flow: str
    status: RunStatus
    manifest: CodeManifest
    modules: Mapping[str, str] = attrs.field(repr=False)
    records: Sequence[Record] = attrs.field(repr=False)
    correlation: str = ""
    labels: Mapping[str, AttributeValue] = attrs.field(factory=dict)
    token_of: TokenMaker | None = attrs.field(default=None, repr=False)


def recording_of(journal: Journal, run_id: str, *, is_whole: bool = False) -> Recording:
    """A run with the records of its last chapter, which are all that a replay needs; with `is_whole`, with all. Raises
    RunNotFound, JournalCorrupt."""
    run = journal.run(run_id)
    return Recording(
        run_id, run.entry, run.flow, run.status, journal.manifest(run_id), journal.modules(run_id),
        journal.read(run_id, after=0 if is_whole else run.chapter_sequence - 1), run.correlation,
        journal.attributes(run_id), token_maker(journal, run_id),
    )  # fmt: skip


def archived_recording(archive: Archive) -> Recording:
    """The run of an archive."""
    return Recording(
        archive.run_id, archive.entry, archive.flow, archive.status, archive.manifest, archive.modules,
        archive.records, archive.correlation, archive.attributes,
    )  # fmt: skip


def token_maker(journal: Journal, run_id: str) -> TokenMaker:
    """What makes the tokens of a run's gates, with the keys of its journal."""

    def make(event: GateOpened, salt: str) -> str:
        key_id, key = journal.key(event.key_id)
        return make_token(key_id, key, run_id, position_text(event.position), salt)

    return make


class RecordedCatalog(Catalog):
    """The actions of a registry, and those that the records name beside: a host's own, which the machine that replays
    need not have. Their calls are not checked; what a positional argument is called is taken from the records."""

    def __init__(self, registry: ActionRegistry, records: Iterable[Record] = ()) -> None:
        super().__init__(registry)
        self._known = registry
        self._calls: dict[str, set[tuple[str, ...]]] = {}
        for record in records:
            event = record.event
            if type(event) is ActionScheduled and event.action not in registry:
                self._calls.setdefault(event.action, set()).add(tuple(json.loads(event.payload)))

    def bind(
        self, name: str, positional: Sequence[Any], keywords: Mapping[str, Any]
    ) -> tuple[dict[str, Any], float | None]:
        """The given arguments by name, and the call's own timeout in seconds."""
        calls = self._calls.get(name)
        if calls is None:
            return super().bind(name, positional, keywords)
        named = {key: value for key, value in keywords.items() if key != "timeout"}
        for call in sorted(calls, key=lambda names: (abs(len(names) - len(positional) - len(named)), names)):
            free = [parameter for parameter in call if parameter not in named]
            if len(free) >= len(positional):
                given = {**dict(zip(free, positional, strict=False)), **named}
                order = {parameter: index for index, parameter in enumerate(call)}
                return dict(sorted(given.items(), key=lambda item: order.get(item[0], len(order)))), None
        raise Fault("action-argument", f"`{name}` was never called with {len(positional)} positional arguments")

    def has(self, name: str) -> bool:
        """Whether there is such an action, here or in the records."""
        return name in self._calls or super().has(name)

    def names(self, prefix: str) -> Sequence[str]:
        """What is directly below a prefix that is empty or ends in a dot."""
        recorded = {name.removeprefix(prefix).partition(".")[0] for name in self._calls if name.startswith(prefix)}
        return [*super().names(prefix), *sorted(recorded)]


class LinkedLibrary:
    """The modules of scripts, run once for many evaluations that come one after the other: the prelude and the bundled
    ones for all, a script's own for those of the same code that follow each other. They are frozen and keep nothing of
    an evaluation but its meter, which is therefore handed on. Only modules that said nothing when they ran are kept."""

    def __init__(self) -> None:
        self._meter: Meter | None = None
        self._actions: Actions | None = None
        self._programs: Sequence[Program] = ()
        self._linked: dict[str, Module] = {}
        self._bundled: dict[_Digests, dict[str, Module]] = {}
        self._own: tuple[_Digests, dict[str, Module]] = (), {}

    def lend(self, evaluation: Evaluation) -> None:
        """Gives an evaluation that has not started what earlier ones linked."""
        if self._meter is None:
            self._meter = evaluation.meter
        self._meter.census = evaluation.meter.census
        evaluation.meter = self._meter
        if self._actions is None or self._actions.catalog is not evaluation.actions.catalog:
            self._actions = evaluation.actions
        evaluation.actions = self._actions  # they know the actions that were asked for
        if evaluation.programs is not self._programs:
            programs = _digests(evaluation)
            linked = self._bundled.get(_only_bundled(programs), {})
            self._linked = linked | self._own[1] if self._own[0] == programs else linked
            self._programs = evaluation.programs
        evaluation.linked = self._linked

    def keep(self, evaluation: Evaluation) -> None:
        """Takes over what an evaluation linked, once it has started."""
        if len(evaluation.linked) == len(evaluation.modules):
            return
        programs = _digests(evaluation)
        kept = {name: module for name, module in evaluation.modules.items() if module.is_finished and module.is_silent}
        self._own = programs, {name: module for name, module in kept.items() if not name.startswith("@")}
        bundled = self._bundled.setdefault(_only_bundled(programs), {})
        bundled.update({name: module for name, module in kept.items() if name.startswith("@")})
        self._programs = ()


def _digests(evaluation: Evaluation) -> _Digests:
    return tuple([(program.name, program.digest) for program in evaluation.programs])


def _only_bundled(programs: _Digests) -> _Digests:
    return tuple([program for program in programs if program[0].startswith("@")])


class DryReplay:
    """One evaluation that is driven by a recorded past. `step` is the last one, None before `start`; `beyond`: what
    it asked for and told that is not recorded. `library`: what it shares with dry replays before and after it, none at
    the same time. Everything may raise Divergence."""

    def __init__(
        self, recording: Recording, build: Build, catalog: Catalog, *, budget: Budget = TURN_BUDGET,
        make: EvaluationMaker = Evaluation, library: LinkedLibrary | None = None,
    ) -> None:  # fmt: skip
        self.records = recording.records
        token_of = recorded_tokens(recording.run_id, recording.records, recording.token_of)
        self.replay = Replay(recording.records, is_whole=True, token_of=token_of)
        self.evaluation = recorded_evaluation(recording, build, self.replay, catalog, budget, make)
        self._budget = budget
        self._library = library
        self.step: Step | None = None
        self.beyond: Sequence[Command | Note] = ()

    def start(self) -> Step:
        """Evaluates to the first suspension. Every turn has a budget of steps, since other code may never end one."""
        if self._library is not None:
            self._library.lend(self.evaluation)
        self.evaluation.meter.restart(self._budget)
        self._go_live()
        step = self.evaluation.start()
        if self._library is not None:
            self._library.keep(self.evaluation)
        return self._compare(step)

    def next_answer(self) -> tuple[Position, Answer] | None:
        """The answer to be delivered next; None when the past ends here. Each is given once."""
        if not isinstance(self.step, Suspended):
            return None
        return self.replay.next_answer(self.evaluation.waiting)

    def deliver(self, answer: tuple[Position, Answer]) -> Step:
        """Delivers an answer and evaluates on."""
        self._go_live()
        self.evaluation.begin_turn()
        return self._compare(self.evaluation.resume([answer]))

    def run(self) -> Step:
        """The whole past. Everything recorded was asked for again when this returns anything but Stopped."""
        self.evaluation.recall = self._recall
        step = self.start()
        while (answer := self.next_answer()) is not None:
            step = self.deliver(answer)
        self.check_complete()
        return step

    def _recall(self, said: Sequence[Command | Note], command: Command) -> Answer | None:
        """Answers at once what needs no new turn: the budget of one is far larger than what many of them use."""
        if self.evaluation.meter.steps > TURN_SLACK:
            return None
        answer = self.replay.recall(said, command, is_last_too=True)
        if answer is not None:
            self._go_live()
        return answer

    def check_complete(self) -> None:
        """At the end of the past: everything recorded was asked for again, unless the evaluation was stopped."""
        if not isinstance(self.step, Stopped):
            self.replay.check_complete()

    def close(self) -> None:
        """Gives up the fibers that wait, on the thread that made them."""
        self.evaluation.recall = None  # which refers to this dry replay
        self.evaluation.drop()

    def _go_live(self) -> None:
        """After the last answer the script is past its past; but a turn with recorded commands still belongs to it."""
        if self.replay.is_last_answer_given:
            self.evaluation.go_live()
            self.evaluation.is_live = not self.replay.has_unmatched

    def _compare(self, step: Step) -> Step:
        self.step = step
        self.beyond = self.replay.new_of(step.said)
        return step


def recorded_evaluation(
    recording: Recording, build: Build, replay: Replay, catalog: Catalog, budget: Budget,
    make: EvaluationMaker = Evaluation,
) -> Evaluation:  # fmt: skip
    """An evaluation at the begin of the recorded chapter, with what the past has to say. `make` is the class of it."""
    beginning = replay.beginning
    assert beginning is not None
    chapter = None
    if beginning.number > 1:
        state = decode(beginning.payload).get("state")
        chapter = Chapter(beginning.number, None if state is None else encode(state))
    evaluation = make(
        build.programs, build.prelude, entry_of(build.entry, recording.flow, beginning), universe=UNIVERSE,
        catalog=catalog, budget=budget, run_id=recording.run_id, finished=replay.finished, chapter=chapter,
        versions=dict(replay.versions),
    )  # fmt: skip
    evaluation.correlation, evaluation.labels = recording.correlation, recording.labels
    evaluation.child_ids = replay.children
    if replay.is_resalted:
        evaluation.child_tag = beginning.salt[:6]
    return evaluation
