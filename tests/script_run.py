"""Runs scripts for tests, through the real engine, in a folder of their own and under a virtual clock.

`assert` is a name that every script sees here (`ASSERT`, a module like those of the prelude), so tests of the
language can be written in the language.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import attrs
from outside_world import OutsideWorld

from flowlang.actions import shipped_actions
from flowlang.lang.diagnostics.diagnostic import Diagnostic
from flowlang.lang.interpreter import Build, build
from flowlang.lang.values.meter import Budget
from flowlang.lang.values.result import Err, Failure
from flowlang.library import prelude_modules
from flowlang.loaders import BundledLoader, ChainLoader, MappingLoader, source_reader
from flowlang.runtime.driver import RunDriver
from flowlang.runtime.executors.dispatcher import Dispatcher
from flowlang.runtime.executors.executor import Attempt, Done, Outcome
from flowlang.runtime.hooks import Hooks
from flowlang.runtime.journal.memory import MemoryJournal
from flowlang.runtime.outcome import RunOutcome
from flowlang.testing.clock import VirtualClock

ASSERT_NAME = "@prelude//zz_assert.flow"
ASSERT = """
def _eq(given, expected):
    if given != expected or repr(given) != repr(expected):
        fail("%r is not %r" % (given, expected))

def _true(given):
    if not given:
        fail("%r is not true" % (given,))

def _fails(f, kind, text = ""):
    result = flow(implementation = lambda fctx: f(), name = "assert")()
    if is_ok(result):
        fail("gave %r, should fail with %s" % (result.value, kind))
    if result.failure.kind != kind or text not in result.failure.message:
        fail("failed with %s (%s), not %s (%s)" % (result.failure.kind, result.failure.message, kind, text))

assert = struct(eq = _eq, true = _true, fails = _fails)
"""


@attrs.frozen
class ScriptRun:
    """What became of a script. `modules` are those that were read; `outcome` is None when it did not get as far as
    running."""

    modules: Sequence[str]
    diagnostics: Sequence[Diagnostic]
    outcome: RunOutcome | None
    lines: Sequence[str]

    @property
    def failure(self) -> Failure | None:
        """The failure that ended the run."""
        result = self.outcome.result if self.outcome is not None else None
        return result.failure if isinstance(result, Err) else None

    def failed_line(self, entry: str) -> int:
        """The innermost line of the script itself that led to the failure."""
        assert self.failure is not None
        return [frame.fields["line"] for frame in self.failure.trace if frame.fields["path"] == entry][-1]


class TimelessExecutor:
    """Performs actions while the clock stands, so that they take no time and no timer overtakes them."""

    def __init__(self, clock: VirtualClock) -> None:
        self.clock = clock
        self.dispatcher = Dispatcher()

    def submit(self, attempt: Attempt, done: Done) -> None:
        """Holds the clock until the attempt is done, and is known to be."""
        hold = self.clock.busy()
        hold.__enter__()

        def report(ended: Attempt, outcome: Outcome) -> None:
            done(ended, outcome)
            hold.__exit__(None, None, None)

        self.dispatcher.submit(attempt, report)

    def close(self) -> None:
        """Closes what performs them."""
        self.dispatcher.close()


@attrs.define
class ScriptRunner:
    """Runs scripts in the project folder `root`."""

    root: Path
    budget: Budget | None = None

    def build(self, modules: Mapping[str, str], entry: str) -> Build:
        """Builds the module `entry` of `modules`."""
        mine = MappingLoader({**modules, ASSERT_NAME: ASSERT})
        read = source_reader(ChainLoader(mine, BundledLoader()))
        return build(entry, read, [*prelude_modules(), ASSERT_NAME])

    def run(
        self, modules: Mapping[str, str], entry: str = "main.flow", texts: Mapping[str, str] | None = None,
        outside: OutsideWorld | None = None,
    ) -> ScriptRun:  # fmt: skip
        """Builds and runs the module `entry` of `modules` to its end. `outside` sends signals and decides gates."""
        script = self.build(modules, entry)
        if script.has_errors:
            return ScriptRun(list(script.sources), script.diagnostics, None, ())
        outside = outside or OutsideWorld()
        with self.engine(outside) as engine:
            outside.journal, outside.clock = engine.journal, engine.clock
            outcome = engine.start(script, texts=texts)
        return ScriptRun(list(script.sources), script.diagnostics, outcome, outside.lines)

    @contextmanager
    def engine(self, hooks: Hooks) -> Iterator[RunDriver]:
        """An engine with a journal of its own."""
        clock = VirtualClock()
        engine = RunDriver(
            self.root, MemoryJournal(clock), hooks=hooks, clock=clock, budget=self.budget, actions=shipped_actions(),
            executor=TimelessExecutor(clock),
        )  # fmt: skip
        try:
            yield engine
        finally:
            engine.close()
