"""Instances: modules that have run in one evaluation, ready to be called into.

An instance keeps its evaluation: the modules' values are bound to its meter. Each call is one evaluation in the sense
of budgets: the meter starts anew, with the memory of the modules' values on it. One call at a time: `pool.py` sees to
that.

Whatever the script calls runs in a fiber, as in a run, so flows and tasks work. Actions fail with `no-run`, for only a
run can perform them. Waiting works on a clock that is the evaluation's own: it stands still while code runs, and when
all fibers wait it is put to the moment at which the first of them wakes. So tasks wake in the order in which they would
in a run, nothing depends on the machine, and a call always comes to its end, at once, on the thread that made it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from heapq import heappop, heappush
from types import FunctionType
from typing import Any, Final, Protocol

import attrs
from greenlet import getcurrent

from flowlang.embedding.absent_action import NO_RUN_HINT, AbsentActions
from flowlang.embedding.ongoing import Ongoing
from flowlang.embedding.usage import Usage, Watch
from flowlang.lang.compile.naming import is_script_name, python_name, script_name
from flowlang.lang.eval.callback import IN_CALLBACK
from flowlang.lang.eval.command import Answer, Command, Note, Position, StartTimer
from flowlang.lang.eval.evaluation import LINE_CHARACTERS_MAX, Completed, Entry, Evaluation, Step, Suspended, Waiter
from flowlang.lang.eval.fiber import Fiber, Scope
from flowlang.lang.interpreter import UNIVERSE, Build
from flowlang.lang.values.display import str_value
from flowlang.lang.values.fault import Fault, Stop
from flowlang.lang.values.meter import Budget
from flowlang.lang.values.result import Err, Ok
from flowlang.lang.values.struct import Struct

NO_ENTRY: Final = Entry("")
"""Every module is only loaded: none is the root flow."""
TIMER_STEPS: Final = 8
"""What waiting costs: two changes of the fiber."""
GARBAGE_MIN: Final = 1 << 20
"""A module that was charged fewer bytes while it ran is not looked through for what it keeps of them."""


class HostStop(Stop):
    """A function of the host ended the evaluation by `problem`, which goes back to the host: the handler for printed
    lines failed, or time was over in another evaluation, which no script may see."""

    def __init__(self, problem: Exception) -> None:
        super().__init__("the host ended it")
        self.problem = problem


@attrs.frozen
class Setting:
    """What all instances of a program share. `watches` see every evaluation of them."""

    build: Build
    budget: Budget
    predeclared: Mapping[str, Any]
    on_print: Callable[[str], None]
    watches: tuple[Watch, ...]


class HostedEvaluation(Evaluation):
    """An evaluation in which a host calls functions, one after the other. Nothing is recorded of it."""

    def __init__(self, setting: Setting) -> None:
        super().__init__(
            setting.build.programs, setting.build.prelude, NO_ENTRY, universe=UNIVERSE, catalog=AbsentActions(),
            budget=setting.budget, predeclared=setting.predeclared,
        )  # fmt: skip
        self.is_live = True
        self.ongoing: Ongoing | None = None
        self.gate: Gate | None = None
        self.prints = True
        self._entry_module = setting.build.entry
        self.host_error: Exception | None = None
        self._on_print = setting.on_print
        self._now_ms = 0
        self._timers: list[tuple[int, int, Position]] = []
        self._timers_begun = 0

    def begin(self, name: str, body: Callable[[Fiber], Any]) -> Step:
        """Runs `body` as a root flow of that name to its end, passing over the time that it waits."""
        step = super().begin(name, body)
        while isinstance(step, Suspended) and self._timers:
            now_ms, _, position = heappop(self._timers)
            if position in self.waiting:
                self._now_ms = now_ms
                step = self.resume([(position, Answer())])
        return step

    def drop(self) -> None:
        """Gives up what waits, and turns the clock back."""
        super().drop()
        self._timers.clear()
        self._now_ms = self._timers_begun = 0

    def load(self) -> Step:
        """Runs all modules."""
        return self.begin("load", self._load)

    def _load(self, fiber: Fiber) -> None:
        self.run_modules(fiber)
        meter = self.meter
        if meter.memory > GARBAGE_MIN and meter.census is not None:
            # What the modules keep is charged to every call, what they only used while they ran is not.
            meter.memory = min(meter.memory, meter.census())

    def may_act_in(self, module: str) -> bool:
        """The module that the host asked for may: nothing that it calls can act."""
        return module == self._entry_module

    def final(self, result: Ok | Err) -> tuple[Ok | Err, bytes | None]:
        """Nothing is recorded, and what a call gives has left already, so only its failure is looked at."""
        return result, None

    def enter_fiber(self) -> None:
        """The context of the host was copied, which may be one of a function that a script calls."""
        super().enter_fiber()
        IN_CALLBACK.set(None)

    def put(self, command: Command, waiter: Waiter) -> None:
        """Starts a timer on the clock. Timers that end in the same millisecond do so in the order in which they began.
        Other commands fail, and so does the wait for a moment of the calendar, of which this clock knows nothing."""
        if not isinstance(command, StartTimer) or command.at_ms is not None:
            raise Fault("no-run", "this is only possible in a run", hint=NO_RUN_HINT)
        self.meter.charge(TIMER_STEPS)
        heappush(self._timers, (self._now_ms + command.delay_ms, self._timers_begun, command.position))
        self._timers_begun += 1
        self._waiting[command.position] = waiter

    def tell(self, note: Note) -> None:
        """Forgets what a run would record."""
        self.meter.charge(1)

    def write_line(self, level: str, message: Any) -> None:
        """Hands a line to the host, at once."""
        text = message if type(message) is str else str_value(message)
        self.meter.print(text)
        self.meter.charge((len(text) >> 8) + 1)
        if len(text) > LINE_CHARACTERS_MAX:
            text = f"{text[:LINE_CHARACTERS_MAX]}… ({len(text):,} characters)"
        if self.prints:
            try:
                self._on_print(text)
            except Exception as error:
                raise HostStop(error) from error


class Gate(Protocol):
    """Conversions between the host and one instance (`gate.py`)."""

    def enter(self, object: Any, name: str) -> Any:
        """The value of the script for an object of the host. Raises Fault."""
        ...

    def leave(self, value: Any, name: str) -> Any:
        """The object of the host for a value of the script. Raises Fault."""
        ...


def hosted_evaluation() -> HostedEvaluation | None:
    """The evaluation that the running code is part of; None outside."""
    current = getcurrent()
    if type(current) is Fiber and isinstance(current.evaluation, HostedEvaluation):
        return current.evaluation
    return None


@attrs.frozen
class Ended:
    """What came of an evaluation: the step that it ended with, why it was stopped if it was, and what it used.
    `host_error` is the last unexpected exception of a function of the host."""

    step: Step
    reason: str | None
    host_error: Exception | None
    usage: Usage

    @property
    def is_success(self) -> bool:
        """Whether it came to its own end."""
        return isinstance(self.step, Completed) and type(self.step.result) is not Err


class Instance:
    """The modules of a program, with values. `load` comes first and once; `is_taken` belongs to the pool."""

    def __init__(self, setting: Setting) -> None:
        self.setting = setting
        self.evaluation = HostedEvaluation(setting)
        self.is_taken = True
        self._memory = 0
        self._places: dict[int, tuple[str, str]] | None = None

    @property
    def ongoing(self) -> Ongoing | None:
        """The call that it serves now."""
        return self.evaluation.ongoing

    def load(self, *, is_repeated: bool) -> Ended:
        """Runs the modules. What they print is only told the first time that a program is loaded."""
        self.evaluation.prints = not is_repeated
        ended = self._evaluate(lambda ongoing: self.evaluation.load())
        self.evaluation.prints = True
        self._memory = ended.usage.memory_bytes
        return ended

    def run(self, name: str, body: Callable[[int], Any]) -> Ended:
        """Evaluates `body`, which is given the depth of calls, as a root flow of that name."""
        return self._evaluate(lambda ongoing: self.evaluation.begin(name, lambda fiber: body(ongoing.depth)))

    def enter(self, body: Callable[[], Any]) -> Any:
        """Runs `body` as a part of the call that this instance serves, on whose thread another instance is called by
        now. In a fiber of its own, for whatever runs belongs to the instance of its fiber. It cannot suspend."""
        assert self.ongoing is not None

        def run() -> Any:
            self.evaluation.enter_fiber()
            IN_CALLBACK.set("the host")
            return body()

        fiber = Fiber(self.evaluation, Scope((), None, "callback", Struct({})), run)
        fiber.parent = getcurrent()
        return fiber.switch()

    def _evaluate(self, drive: Callable[[Ongoing], Step]) -> Ended:
        calling = hosted_evaluation()
        outer = None if calling is None else calling.ongoing
        ongoing = Ongoing(self.evaluation.meter, self.setting.budget, outer, self.setting.watches)
        self.evaluation.ongoing = ongoing
        self.evaluation.host_error = None
        ongoing.begin(self._memory)
        try:
            step = drive(ongoing)
        finally:
            # Fibers that did not come to their end belong to this thread, so they end here.
            self.evaluation.drop()
            self.evaluation.ongoing = None
            usage = ongoing.end()
        ongoing.charge_outer()
        return Ended(step, ongoing.reason, self.evaluation.host_error, usage)

    def value_at(self, place: tuple[str, str]) -> Any:
        """The value of a name of a module, both given as by `place_of`."""
        module, name = place
        return self.evaluation.modules[module].globals[python_name(name)]

    def place_of(self, value: Any) -> tuple[str, str] | None:
        """The module and the name under which each instance of the program has this value of its own."""
        if self._places is None:
            self._places = {
                id(bound): (module.name, script_name(name))
                for module in self.evaluation.modules.values()
                for name, bound in module.globals.items()
                if is_script_name(name) and name != "__builtins__"
                if type(bound) is not FunctionType or bound.__globals__ is module.globals
            }
        return self._places.get(id(value))
