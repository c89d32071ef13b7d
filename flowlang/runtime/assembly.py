"""Making activations: from a script that is to begin, and from what a journal holds of a run.

Everything that runs of one project share is kept here: the actions, the programs of pinned code, the databases. Code
is pinned by digest, so what was built once serves every run that is pinned to it.
"""

from __future__ import annotations

import re
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import attrs

from flowlang.errors import ActionsMissing, RunError
from flowlang.lang.eval.evaluation import Chapter, Entry, Evaluation
from flowlang.lang.eval.linkage import Linkage
from flowlang.lang.interpreter import LANGUAGE_VERSION, UNIVERSE, Build
from flowlang.lang.values.canonical import decode, encode
from flowlang.lang.values.meter import Budget
from flowlang.runtime.action import ActionRegistry, ActionSpec
from flowlang.runtime.activation import Activation, Identity
from flowlang.runtime.catalog import Catalog
from flowlang.runtime.clock import Clock
from flowlang.runtime.executors.executor import Executor
from flowlang.runtime.gate_token import make_token
from flowlang.runtime.hooks import Hooks
from flowlang.runtime.journal.event import ChapterStarted, GateOpened, Record, position_text
from flowlang.runtime.journal.journal import Journal
from flowlang.runtime.journal.model import CodeManifest, Counters, NewChild, RunRecord
from flowlang.runtime.launch import PinnedCode, child_run, entry_of
from flowlang.runtime.performing import Done, Environment, Performing
from flowlang.runtime.project import Project
from flowlang.runtime.recorded_token import recorded_tokens
from flowlang.runtime.replay import Beginning, Replay

CODES_MAX: Final = 64
"""So many programs are kept for runs that are yet to come."""
SHOWN_MAX: Final = 5
LINKED_MAX: Final = 128
"""So many times the modules of ended runs are kept for runs that are yet to come, if they are small."""
LINKED_BYTES_MAX: Final = 1 << 16


@attrs.frozen
class Facts:
    """What is known of a run outside of its records."""

    run_id: str
    entry: str
    flow: str
    root: str
    correlation: str
    deadline_at_ms: int | None
    labels: Mapping[str, Any]

    @classmethod
    def of(cls, run: RunRecord, labels: Mapping[str, Any]) -> Facts:
        """The facts of a recorded run."""
        root = run.root or run.run_id
        return cls(run.run_id, run.entry, run.flow, root, run.correlation, run.deadline_at_ms, labels)


class Assembly:
    """Makes activations of runs of one project. `executor` performs them; `report` is given what
    attempts came to, on any thread."""

    def __init__(
        self, root: Path, journal: Journal, *, actions: Sequence[ActionSpec[..., Any]], hooks: Hooks, clock: Clock,
        budget: Budget, executor: Executor, report: Callable[[Done], None],
    ) -> None:  # fmt: skip
        self.project = Project(root)
        self.journal = journal
        self.registry = ActionRegistry(actions)
        self.clock = clock
        self.budget = budget
        self._report = report
        self._codes: OrderedDict[str, tuple[Build, PinnedCode]] = OrderedDict()
        self._linked: defaultdict[tuple[str, str], list[Linkage]] = defaultdict(list)
        self._linked_count = 0
        files, databases = self.project.access()
        self.environment = Environment(Catalog(self.registry), executor, files, databases, clock, hooks, journal.home)

    def close(self) -> None:
        """Closes the databases that actions used, and lets go of modules."""
        self._end_linked()
        self.environment.databases.close()

    def pinned(self, run: RunRecord) -> tuple[Build, PinnedCode]:
        """The code that a run is pinned to. Raises RunError for a version of the language that is not known here, and
        ActionsMissing."""
        found = self._codes.get(run.code)
        if found is None:
            manifest = self.journal.manifest(run.run_id)
            _check_language(run.run_id, manifest)
            texts = self.journal.modules(run.run_id)
            _check_actions(run.run_id, manifest, texts, self.registry)
            build = self.project.build_pinned(run.entry, texts)
            found = self._codes[run.code] = build, PinnedCode(manifest, run.code, texts)
            if len(self._codes) > CODES_MAX:
                self._codes.popitem(last=False)
        elif found[0].entry != run.entry:  # a child: of the same code, but of another module
            found = self.project.build_pinned(run.entry, found[1].texts), found[1]
        return found

    def evaluation(self, build: Build, facts: Facts, entry: Entry, replay: Replay) -> Evaluation:
        """An evaluation at its beginning, with what the past has to say."""
        beginning = replay.beginning
        chapter = None
        if beginning is not None and beginning.number > 1:
            state = decode(beginning.payload).get("state")
            chapter = Chapter(beginning.number, None if state is None else encode(state))
        evaluation = Evaluation(
            build.programs, build.prelude, entry, universe=UNIVERSE, catalog=self.environment.catalog,
            budget=self.budget, run_id=facts.run_id, finished=replay.finished, chapter=chapter,
            versions=dict(replay.versions),
        )  # fmt: skip
        evaluation.correlation, evaluation.labels = facts.correlation, facts.labels
        evaluation.child_ids = replay.children
        if replay.is_resalted and beginning is not None:
            evaluation.child_tag = beginning.salt[:6]
        return evaluation

    def activation(
        self, build: Build, code: PinnedCode, facts: Facts, evaluation: Evaluation, replay: Replay,
        beginning: Beginning, counters: Counters, *, sequence: int, token: int,
    ) -> Activation:  # fmt: skip
        """An activation that has not been taken up yet."""

        def child(command: Any, position: str) -> NewChild:
            return child_run(command, position, facts.run_id, facts.root, code, self.clock.now_ms())

        identity = Identity(
            facts.run_id, beginning.salt, beginning.number, beginning.payload, facts.deadline_at_ms, child,
            self.journal.key,
        )  # fmt: skip
        performing = Performing(facts.run_id, self.environment, self._report, beginning.salt, token)
        return Activation(identity, evaluation, replay, performing, counters, sequence)

    def recorded(
        self, run: RunRecord, records: Sequence[Record], build: Build, code: PinnedCode, *, token: int,
        labels: Mapping[str, Any], is_whole: bool = False,
    ) -> Activation:  # fmt: skip
        """The activation of a recorded run. `records`: from the begin of its last chapter on. With `is_whole` the
        insides of finished flow calls are evaluated and compared, too."""
        facts = Facts.of(run, labels)
        token_of = recorded_tokens(run.run_id, records, self.token_of(run.run_id))
        replay = Replay(records, token_of=token_of, is_whole=is_whole)
        beginning = _beginning(run.run_id, replay)
        entry = entry_of(build.entry, run.flow, beginning)
        evaluation = self.evaluation(build, facts, entry, replay)
        if entry.flow and evaluation.chapter.state is None and not is_whole:
            self._lend_modules(build, code, evaluation)
        counters = Counters(run.steps, 0, run.actions_completed)
        return self.activation(
            build, code, facts, evaluation, replay, beginning, counters, sequence=run.sequence, token=token
        )

    def _lend_modules(self, build: Build, code: PinnedCode, evaluation: Evaluation) -> None:
        kept = self._linked.get((code.digest, build.entry))
        if kept:
            self._linked_count -= 1
            kept.pop().lend(evaluation)

    def keep_modules(self, build: Build, code: PinnedCode, evaluation: Evaluation) -> None:
        """Takes over the modules of a run that has completed: in most short runs they take longer than the flow."""
        if evaluation.linkage is None or evaluation.linkage.after.memory > LINKED_BYTES_MAX:
            return
        if self._linked_count >= LINKED_MAX:
            self._end_linked()
        linkage = evaluation.leave_linkage()
        if linkage is not None:
            self._linked[code.digest, build.entry].append(linkage)
            self._linked_count += 1

    def _end_linked(self) -> None:
        for kept in self._linked.values():
            for linkage in kept:
                linkage.end()
        self._linked.clear()
        self._linked_count = 0

    def next_chapter(self, old: Activation, record: Record, facts: Facts, build: Build, code: PinnedCode) -> Activation:
        """The activation of the chapter that `record` begins, of a run that was driven up to here."""
        assert isinstance(record.event, ChapterStarted)
        replay = Replay([record])
        beginning = _beginning(facts.run_id, replay)
        evaluation = self.evaluation(build, facts, entry_of(build.entry, facts.flow, beginning), replay)
        activation = self.activation(
            build, code, facts, evaluation, replay, beginning, old.counters, sequence=old.sequence,
            token=old.performing.lease_token,
        )  # fmt: skip
        activation.waiting.messages, activation.waiting.seen = old.waiting.messages, old.waiting.seen
        return activation

    def token_of(self, run_id: str) -> Callable[[GateOpened, str], str]:
        """What makes the tokens of a run's gates."""

        def make(event: GateOpened, salt: str) -> str:
            key_id, key = self.journal.key(event.key_id)
            return make_token(key_id, key, run_id, position_text(event.position), salt)

        return make


def _beginning(run_id: str, replay: Replay) -> Beginning:
    if replay.beginning is None:
        raise RunError(f"the records of run `{run_id}` have no beginning", run_id=run_id)
    return replay.beginning


def _check_actions(run_id: str, manifest: CodeManifest, texts: Mapping[str, str], registry: ActionRegistry) -> None:
    """A script whose host has actions of its own would only fail where they are not, so it is not evaluated there."""
    gone = [name for name in manifest.signatures if name not in registry]
    if not gone:
        return
    own = [text for module, text in texts.items() if not module.startswith("@")]
    missing = [name for name in gone if any(re.search(rf"\.{name.rpartition('.')[2]}\b", text) for text in own)]
    if missing:
        shown = ", ".join(f"`{name}`" for name in missing[:SHOWN_MAX])
        raise ActionsMissing(
            f"run `{run_id}` needs actions that are not here: {shown}",
            run_id=run_id,
            hint="start a worker that has them; if the run was set aside before, `flowlang runs retry` lets it go on",
        )


def _check_language(run_id: str, manifest: CodeManifest) -> None:
    if manifest.language != LANGUAGE_VERSION:
        raise RunError(
            f"run `{run_id}` is written in version {manifest.language} of the language, this is {LANGUAGE_VERSION}",
            run_id=run_id,
            hint="resume it with the flowlang that it was started with, or a newer one",
        )
