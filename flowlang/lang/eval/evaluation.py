"""An evaluation: a script being run in memory, driven from outside.

`start` and `resume` run fibers until every one of them waits for the outside, and give back a step: what the script
told and asked meanwhile, and, at its end, its outcome. Nothing is called back: suspension is a returned value. An
evaluation owns its fibers, which are greenlets and therefore belong to the thread that started them.

Answers are delivered in the order given, each followed by all that can run because of it. The driver gives them in
journal order, live and in a replay, so both take the same course.
"""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from functools import partial
from typing import Any, Final, TypeAlias

import attrs
from greenlet import getcurrent, greenlet

from flowlang.lang.compile.naming import python_name
from flowlang.lang.compile.program import Program
from flowlang.lang.diagnostics.suggest import nearest
from flowlang.lang.eval.census import note_size, take_census
from flowlang.lang.eval.command import Answer, CallAction, Command, FinishedCall, LogLine, Note, Position, check_size
from flowlang.lang.eval.context import ActionCatalog, Actions
from flowlang.lang.eval.failure import Defect
from flowlang.lang.eval.fiber import Fiber, Scope
from flowlang.lang.eval.flow import Flow, result_by_value, run_scope
from flowlang.lang.eval.module import Module
from flowlang.lang.eval.pattern import ArgPattern, bind_declared
from flowlang.lang.eval.services import evaluation_services, method_table
from flowlang.lang.eval.traceback import Frame, frames_of, stop_of
from flowlang.lang.resolve.load_source import library_of
from flowlang.lang.values.canonical import decode
from flowlang.lang.values.display import str_value
from flowlang.lang.values.fault import FailSignal, Fault, Stop
from flowlang.lang.values.meter import METER, Budget, Meter
from flowlang.lang.values.result import Err, Ok
from flowlang.lang.values.struct import Struct

MAIN: Final = "__flow__"
LINE_CHARACTERS_MAX: Final = 1 << 20
"""A longer line of the log is clipped."""


@attrs.frozen
class Suspended:
    """All fibers wait. `said`: notes and commands in the order in which they came up; at least one command of this
    or an earlier step is unanswered."""

    said: Sequence[Command | Note]


@attrs.frozen
class Completed:
    """The script ended. `result` is its outcome, `payload` the same as canonical bytes (None: not data)."""

    said: Sequence[Command | Note]
    result: Ok | Err
    payload: bytes | None


@attrs.frozen
class Stopped:
    """The evaluation was ended by a budget, an interruption or a defect (`cause`), at the innermost of `frames`."""

    said: Sequence[Command | Note]
    cause: Stop
    frames: tuple[Frame, ...] = ()


Step: TypeAlias = Suspended | Completed | Stopped


class EntryMismatch(Stop):
    """The arguments or the flow given from outside do not fit the script. Nothing has been asked for yet."""

    def __init__(self, message: str, hint: str | None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


@attrs.frozen
class Entry:
    """What to run: the module `module`, and in it the flow `flow`, or its top level as the root flow when `flow` is
    empty. `arguments` and `texts` are given to the flow, or to the one call in the main guard; `texts` are read by
    the flow's argument patterns."""

    module: str
    flow: str = ""
    arguments: Mapping[str, Any] = attrs.field(factory=dict)
    texts: Mapping[str, str] = attrs.field(factory=dict)


class Evaluation:
    """One script run. A step may end early to give out lines: when `may_flush`, the next line after somebody set
    `is_flush_due` ends it. `programs`: all modules, each after those it loads; those in `prelude` come first and give
    their public names to all others. `finished`: flow calls that need not run again. `predeclared`: the host's own
    values, for all modules but the bundled ones."""

    def __init__(
        self, programs: Sequence[Program], prelude: Iterable[str], entry: Entry, *, universe: Mapping[str, Any],
        catalog: ActionCatalog, budget: Budget | None = None, run_id: str = "",
        finished: Mapping[Position, FinishedCall] | None = None, predeclared: Mapping[str, Any] | None = None,
    ) -> None:  # fmt: skip
        self.programs = programs
        self.prelude = frozenset(prelude)
        self.entry = entry
        self.universe = universe
        self.predeclared = predeclared or {}
        self.run_id = run_id
        self.actions = Actions(catalog)
        self._budget = budget or Budget()
        self._steps_before = 0
        self.meter = Meter(attrs.evolve(self._budget, steps=None, memory_bytes=1 << 62))
        self.depth_limit = self._budget.call_depth
        self.finished = finished or {}
        self.hub: greenlet = getcurrent()
        self.modules: dict[str, Module] = {}
        self._said: list[Command | Note] = []
        self._ready: deque[tuple[Fiber, Answer | None]] = deque()
        self._waiting: dict[Position, Fiber] = {}
        self._fibers: set[Fiber] = set()
        self._outcome: tuple[Ok | Err, bytes | None] | None = None
        self._entry_result: Ok | Err | None = None

        self._stop: Stop | None = None
        self._is_flushing = False
        self.may_flush = False
        self.is_flush_due = False
        self.meter.census = self._census

    def start(self) -> Step:
        """Runs to the first suspension."""
        return self.begin(_entry_name(self.entry), self.run_modules)

    def begin(self, name: str, body: Callable[[Fiber], Any]) -> Step:
        """Runs `body` to the first suspension, as a root flow called `name`. Hosts use this to call functions of
        modules that have run; what an earlier root flow left behind is dropped."""
        self.drop()
        self.hub = getcurrent()
        self._ready.append((Fiber(self, Scope((), None, name, Struct({})), partial(self._run_root, body)), None))
        return self._advance()

    def drop(self) -> None:
        """Gives up what waits. Fibers end on the thread that this is called on, which must be their own."""
        self._said, self._outcome, self._stop = [], None, None
        self._waiting.clear()
        self._ready.clear()
        self._fibers.clear()

    def resume(self, answers: Iterable[tuple[Position, Answer]]) -> Step:
        """Delivers answers, in order, and runs to the next suspension."""
        for position, answer in answers:
            while self._ready and self._stop is None:
                self._run_ready()
            self._ready.append((self._waiting.pop(position), answer))
        return self._advance()

    def interrupt(self) -> None:
        """Makes the evaluation stop soon, from a signal handler or another thread."""
        self.meter.interrupt()

    def go_live(self, steps: int = 0) -> None:
        """The recorded past has ended, or there is none: from here on steps and memory are limited. `steps`: what the
        run had used by then. Replayed evaluation is not counted: it was when it was live."""
        self.meter.budget = self._budget
        self.meter.memory_limit = self._budget.memory_bytes
        self._steps_before = steps
        self.meter.drop_calls()
        self.meter.steps = 0
        self.meter.limit = -1 if self.meter.interrupted else 0

    def begin_turn(self) -> None:
        """The limit of steps holds for each turn, which is what runs between two suspensions."""
        self._steps_before = self.total_steps
        self.meter.drop_calls()
        self.meter.steps = 0
        self.meter.limit = -1 if self.meter.interrupted else 0

    @property
    def is_ready(self) -> bool:
        """Whether a step ended only to give out lines: the script can go on without an answer."""
        return bool(self._ready)

    @property
    def total_steps(self) -> int:
        """Steps of the whole run."""
        return self._steps_before + self.meter.steps_so_far

    @property
    def waiting(self) -> Set[Position]:
        """The positions of commands that have no answer, as a view."""
        return self._waiting.keys()

    # For fibers

    def ask(self, fiber: Fiber, command: Command) -> Any:
        """Puts a command and suspends the fiber until its answer is there: a value, or a Fault."""
        if isinstance(command, CallAction):
            check_size(command.arguments, f"the call of `{command.action}`")
        self._said.append(command)
        self._waiting[command.position] = fiber
        answer: Answer = fiber.suspend()
        if answer.failure is not None:
            failure = answer.failure
            data = failure.get("data")
            raise Fault(
                failure["kind"], failure["message"], hint=failure.get("hint"), data=data,
                retryable=bool(failure.get("retryable")),
            )  # fmt: skip
        return decode(answer.payload) if answer.payload is not None else None

    def tell(self, note: Note) -> None:
        """Puts a note."""
        self.meter.charge(1, note_size(note))
        self._said.append(note)

    def write_line(self, level: str, message: Any) -> None:
        """Puts a log line, and counts it against the output budget."""
        text = message if type(message) is str else str_value(message)
        fiber = getcurrent()
        assert type(fiber) is Fiber
        self.meter.print(text)
        if len(text) > LINE_CHARACTERS_MAX:
            text = f"{text[:LINE_CHARACTERS_MAX]}… ({len(text):,} characters)"
        self.tell(LogLine(fiber.scope.line_position(), level, text))
        if self.is_flush_due and self.may_flush:
            self.is_flush_due = False
            self._is_flushing = True
            self._ready.appendleft((fiber, None))
            fiber.suspend()

    def make_ready(self, fiber: Fiber) -> None:
        """Lets a fiber run as soon as it is its turn."""
        self._fibers.add(fiber)
        self._ready.append((fiber, None))

    def final(self, result: Ok | Err) -> tuple[Ok | Err, bytes | None]:
        """The root's Result as it leaves the evaluation, with its bytes if it is data."""
        return result_by_value(result)

    def enter_fiber(self) -> None:
        """Called first in each fiber: builtins find the meter through the context."""
        METER.set(self.meter)

    # The loop

    def _run_ready(self) -> None:
        self.hub = getcurrent()
        self._is_flushing = False
        while self._ready and self._stop is None and not self._is_flushing:
            fiber, answer = self._ready.popleft()
            self._fibers.add(fiber)
            try:
                fiber.switch(answer) if fiber else fiber.switch()
            except Stop as stop:
                self._stop = stop
            except Exception as error:
                # Between two flows, where nothing is left that could turn it into an Err.
                self._stop = stop_of(error) or Defect(error)
            if fiber.dead:
                self._fibers.discard(fiber)

    def _advance(self) -> Step:
        self._run_ready()
        said, self._said = self._said, []
        if self._stop is not None:
            return Stopped(said, self._stop, tuple(frames_of(self._stop.__traceback__)))
        if self._outcome is not None:
            return Completed(said, *self._outcome)
        return Suspended(said)

    # The root fiber

    def _run_root(self, body: Callable[[Fiber], Any]) -> None:
        self.enter_fiber()
        fiber = getcurrent()
        assert type(fiber) is Fiber
        self._outcome = self.final(run_scope(fiber, fiber.scope, lambda: body(fiber)))

    def run_modules(self, fiber: Fiber) -> Any:
        """Runs all modules, and the entry, in the root fiber."""
        predeclared: dict[str, Any] = {}
        for program in self.programs:
            is_script = program.name == self.entry.module and not self.entry.flow
            module = self._link(program, predeclared, MAIN if is_script else program.name)
            self.modules[program.name] = module
            fiber.scope.may_act = is_script or self.may_act_in(program.name)
            try:
                module.run()
            except Exception:
                module.finish()
                fiber.scope.may_act = True
                raise
            # A Stop ends everything, and to freeze would be charged to a budget that may be spent.
            module.finish()
            fiber.scope.may_act = True
            if program.name in self.prelude:
                predeclared.update(module.exports())
        if self.entry.flow:
            return self._call_entry_flow()
        return self._entry_result if self._entry_result is not None else Ok(None)

    def may_act_in(self, module: str) -> bool:
        """Whether the top level of a module that is not the script may call flows."""
        return False

    def _link(self, program: Program, predeclared: Mapping[str, Any], role: str) -> Module:
        names: dict[str, Any] = evaluation_services(self.meter, self.depth_limit)
        names["$statement"] = _root_statement if role == MAIN else _plain_statement
        names["$entry"] = self._entry_call if role == MAIN else _plain_statement
        names["&__name__"] = role
        for name in program.universals:
            names["@" + name] = self.universe[name]
        for name in program.methods:
            names["." + name] = method_table(name)
        visible = predeclared if library_of(program.name) else {**predeclared, **self.predeclared}
        for name in program.predeclared:
            if name in visible:
                names["&" + name] = visible[name]
        for load in program.loads:
            names[python_name(load.local)] = self._loaded(load.module, load.original, predeclared)
        return Module(program, names)

    def _loaded(self, module: str, name: str, predeclared: Mapping[str, Any]) -> Any:
        if module in self.modules:
            exports = self.modules[module].exports()
            if name in exports:
                return exports[name]
        elif name in predeclared:
            return predeclared[name]
        elif name in self.universe:
            return self.universe[name]
        raise Fault("missing-load-name", f"`{name}` was not bound when `{module}` was loaded")

    def _call_entry_flow(self) -> Any:
        exports = self.modules[self.entry.module].exports()
        flow = exports.get(self.entry.flow)
        if type(flow) is not Flow:
            flows = [name for name, value in exports.items() if type(value) is Flow]
            similar = nearest(self.entry.flow, flows)
            hint = f"did you mean `{similar}`?" if similar else f"flows in it: {', '.join(flows) or 'none'}"
            raise EntryMismatch(f"{self.entry.module} has no flow `{self.entry.flow}`", hint)
        return self._entry_call(flow)(0)

    def _entry_call(self, function: Any) -> Any:
        """The callee of the main guard's one call, with the arguments from outside, and its result kept."""

        def call(depth: int, /, *positional: Any, **keywords: Any) -> Any:
            keywords = {**keywords, **entry_keywords(self.entry, function, positional, keywords)}
            result = function(depth, *positional, **keywords)
            if type(result) is Ok or type(result) is Err:
                self._entry_result = result
            return result

        return call

    def _census(self) -> int:
        running = sys._getframe(1) if type(getcurrent()) is Fiber else None
        total, steps = take_census(self.modules.values(), self._fibers, running, self._said, self.meter.heed)
        self.meter.steps += steps
        return total


def _entry_name(entry: Entry) -> str:
    return entry.flow or entry.module.rpartition("/")[2].removesuffix(".flow")


def entry_keywords(
    entry: Entry, function: Any, positional: Sequence[Any], keywords: Mapping[str, Any]
) -> dict[str, Any]:
    """The arguments from outside, read and checked against what the flow declares. Raises EntryMismatch."""
    given: dict[str, Any] = {**entry.arguments, **entry.texts}
    if type(function) is Flow and function.patterns is not None:
        for name, text in entry.texts.items():
            pattern = function.patterns.get(name)
            if pattern is not None:
                given[name] = _read(function.name, name, pattern, text)
        try:
            bind_declared(function.name, function.patterns, positional, {**keywords, **given})
        except Fault as fault:
            raise EntryMismatch(fault.message, fault.hint) from None
    elif given and type(function) is Flow:
        names = ", ".join(given)
        hint = 'declare them: `flow(implementation = …, args = {"name": args.string()})`'
        raise EntryMismatch(f"flow `{function.name}` declares no arguments, {names} given", hint)
    return {python_name(name): value for name, value in given.items()}


def _read(flow: str, name: str, pattern: ArgPattern, text: str) -> Any:
    try:
        return pattern.read(text)
    except ValueError:
        shown = text if len(text) <= 60 else text[:59] + "…"
        message = f"argument `{name}` of flow `{flow}` takes {pattern.expects()}, not `{shown}`"
        raise EntryMismatch(message, pattern.documentation or None) from None


def _plain_statement(value: Any) -> Any:
    return value


def _root_statement(value: Any) -> Any:
    """A statement at the top level of the root flow: an Err that nobody looks at ends the run with it."""
    if type(value) is Err:
        raise FailSignal(value.error, value.failure)
    return value
