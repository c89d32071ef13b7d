"""An evaluation: a script being run in memory, driven from outside.

`start` and `resume` run fibers until every one of them waits for the outside, and give back a step: what the script
told and asked meanwhile, and, at its end, its outcome. An evaluation owns its fibers, which are greenlets and therefore
belong to the thread that started them.

Answers are delivered in the order given, each followed by all that can run because of it, in the order of positions.
The driver gives them in journal order, live and in a replay. While a fiber runs, no other one that is ready has a lower
position; so a flow call runs on alone until it ends or waits, and may be left out of a replay.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from functools import partial
from heapq import heappop, heappush
from typing import Any, Final

from greenlet import GreenletExit, getcurrent, greenlet

from flowlang.lang.compile.naming import python_name
from flowlang.lang.compile.program import Program
from flowlang.lang.diagnostics.suggest import nearest
from flowlang.lang.eval.census import note_size, take_census
from flowlang.lang.eval.cleanup import run_scope
from flowlang.lang.eval.command import (
    CANCEL_POSITION,
    Answer,
    Command,
    FinishedCall,
    LogLine,
    Note,
    Position,
    Waiter,
    Withdrawn,
    check_command,
)
from flowlang.lang.eval.context import ActionCatalog, Actions
from flowlang.lang.eval.crossing import result_by_value
from flowlang.lang.eval.entry import Entry, EntryMismatch, entry_keywords, entry_name
from flowlang.lang.eval.event_flow import dispatch_events
from flowlang.lang.eval.failure import Defect, fault_of
from flowlang.lang.eval.fiber import Fiber, Scope, Strand
from flowlang.lang.eval.flow import Flow
from flowlang.lang.eval.interruption import Ending, Interruption, interrupt
from flowlang.lang.eval.linkage import Linkage
from flowlang.lang.eval.module import Module, needed_programs, plain_statement, root_statement
from flowlang.lang.eval.services import evaluation_services, method_table
from flowlang.lang.eval.step import Chapter, Completed, Continued, Step, Stopped, Suspended
from flowlang.lang.eval.task import tasks_wait_for_each_other
from flowlang.lang.eval.traceback import frames_of, stop_of
from flowlang.lang.resolve.load_source import library_of
from flowlang.lang.values.canonical import decode
from flowlang.lang.values.display import str_value
from flowlang.lang.values.fault import Fault, Stop
from flowlang.lang.values.meter import METER, Budget, Meter, of_the_past
from flowlang.lang.values.result import Err, Ok
from flowlang.lang.values.struct import Struct

__all__ = [
    "Chapter",
    "Completed",
    "Continued",
    "Entry",
    "EntryMismatch",
    "Evaluation",
    "Step",
    "Stopped",
    "Suspended",
    "Waiter",
]

MAIN: Final = "__flow__"
LINE_CHARACTERS_MAX: Final = 1 << 20
"""A longer line of the log is clipped."""


class Evaluation:
    """One script run. When `may_flush`, the next line after somebody set `is_flush_due` ends a step. `programs`: all
    modules, each after those it loads; those in `prelude` come first and give their public names to all others.
    `finished`: flow calls that need not run again. `predeclared`: the host's own values. `versions`: what `version(…)`
    has given in this run, by change."""

    runs_whole_prelude = False  # also those of its modules that no script refers to

    def __init__(
        self, programs: Sequence[Program], prelude: Iterable[str], entry: Entry, *, universe: Mapping[str, Any],
        catalog: ActionCatalog, budget: Budget | None = None, run_id: str = "",
        finished: Mapping[Position, FinishedCall] | None = None, predeclared: Mapping[str, Any] | None = None,
        chapter: Chapter | None = None, versions: Mapping[str, int] | None = None,
    ) -> None:  # fmt: skip
        self.programs = programs
        self.prelude = frozenset(prelude)
        self.entry = entry
        self.universe = universe
        self.predeclared = predeclared or {}
        self.run_id = run_id
        self.chapter = chapter or Chapter()
        self.versions = dict(versions or {})
        self.is_live = False
        self.is_repeating = self.chapter.state is not None
        self.entry_flow: Flow | None = None
        self.correlation = ""
        self.labels: Mapping[str, Any] = {}
        self.child_ids: Mapping[Position, str] = {}
        self.child_tag = ""
        self.actions = Actions(catalog)
        self._budget = budget or Budget()
        self._steps_before = 0
        self.meter = Meter(of_the_past(self._budget))
        self.depth_limit = self._budget.call_depth
        self.finished = finished or {}
        self.hub: greenlet = getcurrent()
        self.modules: dict[str, Module] = {}
        self.linked: Mapping[str, Module] = {}
        """Modules that ran in an earlier evaluation with the same meter, and need not run again."""
        self.linkage: Linkage | None = None
        self.seal = object()
        self.recall: Callable[[Sequence[Command | Note], Command], Answer | None] | None = None
        """Gives the answer to a command, if it is recorded and comes next, and all that was said before it is recorded,
        too: then the fiber that asks need not be suspended. Else None, and the command is put as always."""
        self._said: list[Command | Note] = []
        self._ready: list[tuple[Position, Strand]] = []
        self._flushing: Fiber | None = None
        self._waiting: dict[Position, Waiter] = {}
        self._fibers: set[Fiber] = set()
        self._root: Fiber | None = None
        self._ends = 0
        self._outcome: Callable[[Sequence[Command | Note]], Step] | None = None
        self._entry_result: Ok | Err | None = None
        self._stop: Stop | None = None
        self.may_flush = False
        self.is_flush_due = False
        self.meter.census = self._census

    def start(self) -> Step:
        """Runs to the first suspension."""
        return self.begin(entry_name(self.entry), self.run_modules)

    def begin(self, name: str, body: Callable[[Fiber], Any]) -> Step:
        """Runs `body` to the first suspension, as a root flow called `name`. Hosts use this to call functions of
        modules that have run; what an earlier root flow left behind is dropped."""
        self.drop()
        self.hub = getcurrent()
        self._root = Fiber(self, Scope((), None, name, Struct({})), partial(self._run_root, body))
        self.make_ready(self._root)
        return self._advance()

    def drop(self) -> None:
        """Gives up what waits. Fibers end on the thread that this is called on, which must be their own."""
        self._said, self._outcome, self._stop, self._root, self._flushing = [], None, None, None, None
        self._waiting.clear()
        self._ready.clear()
        fibers, self._fibers = self._fibers, set()
        for fiber in fibers:
            # A suspended fiber refers to itself, and no garbage collector looks into it: nothing would ever free it.
            if fiber and fiber is not getcurrent():
                fiber.parent = getcurrent()
                fiber.throw(GreenletExit)

    def end(self) -> None:
        """Gives up everything, for good. A function refers to its module and a meter to its evaluation, so what ended
        runs leave behind would otherwise wait for the garbage collector."""
        self.drop()
        self.meter.census = self.meter.pause = None
        for name in self.modules.keys() - self.linked.keys():
            self.modules[name].globals.clear()

    def leave_linkage(self) -> Linkage | None:
        """The modules as their top levels left them, for another evaluation of the same programs. This one, which has
        come to its end, does not have them any more. None when they said something, or are still at work."""
        linkage = self.linkage
        if linkage is None or self._fibers or self._stop is not None:
            return None
        self.linkage, self.modules = None, {}
        return linkage

    def resume(self, answers: Iterable[tuple[Position, Answer]]) -> Step:
        """Delivers answers, in order, and runs to the next suspension. An answer to a command that was withdrawn is
        dropped; one at CANCEL_POSITION ends the run."""
        for position, answer in answers:
            while self.is_ready and self._stop is None:
                self._run_ready()
            try:
                if position == CANCEL_POSITION:
                    self._cancel(answer)
                elif (waiter := self._waiting.pop(position, None)) is not None:
                    waiter.answered(answer)
            except Stop as stop:
                self._stop = stop
        return self._advance()

    def _cancel(self, answer: Answer) -> None:
        if self._root is not None and not self._root.dead:
            root = self._root.scope
            while root.parent is not None:
                root = root.parent
            interrupt(self._root, Interruption(root, fault_of(answer.failure or {})))

    def interrupt(self) -> None:
        """Makes the evaluation stop soon, from a signal handler or another thread."""
        self.meter.interrupt()

    def go_live(self, steps: int = 0) -> None:
        """The recorded past has ended, or there is none: from here on steps and memory are limited. `steps`: what the
        run had used by then. Replayed evaluation is not counted: it was when it was live."""
        self.is_live = True
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
        return bool(self._ready) or self._flushing is not None

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
        answer = None if self.recall is None else self._recalled(fiber, command)
        if answer is None:
            self.put(command, fiber)
            fiber.asked = command.position
            answer = fiber.suspend()
        if answer.failure is not None:
            raise fault_of(answer.failure)
        return decode(answer.payload) if answer.payload is not None else None

    def _recalled(self, fiber: Fiber, command: Command) -> Answer | None:
        if self._ready or fiber.interruption is not None or self.recall is None:
            return None  # something else would happen before the answer is delivered
        answer = self.recall(self._said, command)
        if answer is not None:
            self._said.clear()
        return answer

    def put(self, command: Command, waiter: Waiter) -> None:
        """Puts a command. Its answer goes to `waiter`, while no fiber runs."""
        check_command(command)
        self._said.append(command)
        self._waiting[command.position] = waiter

    def withdraw(self, position: Position) -> None:
        """The answer to a command is not wanted any more, if it has none yet."""
        if self._waiting.pop(position, None) is not None:
            self.tell(Withdrawn(position))

    def await_answer(self, fiber: Fiber, position: Position) -> None:
        """Suspends the fiber until the answer to somebody else's command, which is recorded, is delivered."""
        self._waiting[position] = fiber
        self.hub.switch()

    def count_end(self) -> int:
        """The number of a task that ends now."""
        self._ends += 1
        return self._ends

    def tell(self, note: Note) -> None:
        """Puts a note. What modules said when an earlier chapter began is not said again."""
        if self.is_repeating:
            return
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
            self._give_way(lambda: True)

    def slice(self, is_over: Callable[[], bool]) -> None:
        """Lets a step end early, at some checkpoint, when `is_over()`. The script cannot tell."""
        self.meter.pause = partial(self._give_way, is_over)

    def _give_way(self, is_due: Callable[[], bool]) -> None:
        fiber = getcurrent()
        if is_due() and type(fiber) is Fiber and fiber.evaluation is self:
            self._flushing = fiber
            self.hub.switch()

    def make_ready(self, fiber: Fiber, answer: Answer | None = None) -> None:
        """Lets a fiber run, with an answer if it asked for one, as soon as it is its turn."""
        self._fibers.add(fiber)
        fiber.answer = answer
        self.queue(fiber.path, fiber)

    def queue(self, position: Position, strand: Strand) -> None:
        """Lets something at that position go on as soon as it is its turn."""
        strand.is_ready = True
        heappush(self._ready, (position, strand))

    def yield_to_lower(self, fiber: Fiber) -> None:
        """Lets fibers with lower positions run first, after the running fiber has made some ready."""
        if self._ready and self._ready[0][0] < fiber.path:
            self.make_ready(fiber)
            fiber.suspend()

    def final(self, result: Ok | Err) -> tuple[Ok | Err, bytes | None]:
        """The root's Result as it leaves the evaluation, with its bytes if it is data."""
        return result_by_value(result)

    def enter_fiber(self) -> None:
        """Called first in each fiber: builtins find the meter through the context."""
        METER.set(self.meter)

    # The loop

    def _run_ready(self) -> None:
        self.hub = getcurrent()
        strand: Strand | None
        strand, self._flushing = self._flushing, None
        while self._stop is None and self._flushing is None:
            if strand is None:
                if not self._ready:
                    break
                strand = heappop(self._ready)[1]
            try:
                strand.go_on()
            except Stop as stop:
                self._stop = stop
            except Exception as error:
                # Between two flows, where nothing is left that could turn it into an Err.
                self._stop = stop_of(error) or Defect(error)
            if type(strand) is Fiber and strand.dead:
                self._fibers.discard(strand)
            strand = None

    def _advance(self) -> Step:
        self._run_ready()
        while not self._waiting and self._outcome is None and self._stop is None and self._break_circle():
            self._run_ready()
        said, self._said = self._said, []
        if self._stop is not None:
            return Stopped(said, self._stop, tuple(frames_of(self._stop.__traceback__)))
        if self._outcome is not None:
            return self._outcome(said)
        return Suspended(said)

    def _break_circle(self) -> bool:
        """When every fiber waits for tasks, and nothing else can happen, ends the innermost flow call of the last one
        that can be ended. Most circles are refused before they close; this is for waits for any of several tasks."""
        if self.is_ready:
            return False
        for fiber in sorted(self._fibers, key=lambda fiber: fiber.path, reverse=True):
            if fiber.wait is not None and not fiber.scope.is_closing:
                interrupt(fiber, Interruption(fiber.scope, tasks_wait_for_each_other()))
                return self.is_ready
        return False

    # The root fiber

    def _run_root(self, body: Callable[[Fiber], Any]) -> None:
        self.enter_fiber()
        fiber = getcurrent()
        assert type(fiber) is Fiber
        scope = fiber.scope
        try:
            result, payload = self.final(run_scope(fiber, scope, lambda: body(fiber)))
        except Ending as ending:
            self._outcome = partial(Continued, payload=ending.payload)
            return
        cancelled = "" if scope.interruption is None else scope.interruption.fault.slug
        self._outcome = partial(Completed, result=result, payload=payload, cancelled=cancelled)

    def run_modules(self, fiber: Fiber) -> Any:
        """Runs all modules, and the entry, in the root fiber."""
        if self.linkage is None or not self.linkage.resume(self):
            before, said = self.meter.mark(), self._said
            self._run_top_levels(fiber)
            # Where a slice ended meanwhile, nothing tells whether modules said something.
            is_silent = self._said is said and all(each.is_silent for each in self.modules.values())
            self.linkage = Linkage(self.meter, before, self.meter.mark(), self.modules) if is_silent else None
        if self.entry.flow:
            return self._call_entry_flow()
        return self._entry_result if self._entry_result is not None else Ok(None)

    def _run_top_levels(self, fiber: Fiber) -> None:
        predeclared: dict[str, Any] = {}
        for program in self.programs if self.runs_whole_prelude else needed_programs(self.programs, self.prelude):
            if program.name in self.linked:
                module = self.modules[program.name] = self.linked[program.name]
                if program.name in self.prelude:
                    predeclared.update(module.exports())
                continue
            is_script = program.name == self.entry.module and not self.entry.flow
            module = self._link(program, predeclared, MAIN if is_script else program.name)
            self.modules[program.name] = module
            fiber.scope.may_act = is_script or self.may_act_in(program.name)
            lines = len(self._said)
            try:
                module.run()
            except Exception:
                module.finish()
                fiber.scope.may_act = True
                raise
            # A Stop ends everything, and to freeze would be charged to a budget that may be spent.
            module.finish()
            module.is_silent = len(self._said) == lines and not (is_script or self.is_repeating)
            fiber.scope.may_act = True
            if program.name in self.prelude:
                predeclared.update(module.exports())

    def may_act_in(self, module: str) -> bool:
        """Whether the top level of a module that is not the script may call flows."""
        return False

    def _link(self, program: Program, predeclared: Mapping[str, Any], role: str) -> Module:
        names = evaluation_services(self.meter, self.depth_limit)
        names["$statement"] = root_statement if role == MAIN else plain_statement
        names["$entry"] = self._entry_call if role == MAIN else plain_statement
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
            if self.entry.call is not None:
                given, named = self.entry.call
                positional = tuple(given)
                keywords = {python_name(name): value for name, value in named.items()}
            else:
                keywords = {**keywords, **entry_keywords(self.entry, function, positional, keywords)}
            self.entry_flow = function if type(function) is Flow else None
            if self.entry_flow is not None and self.entry_flow.events is not None:
                result = dispatch_events(self.entry_flow, depth, positional, keywords)
            else:
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
