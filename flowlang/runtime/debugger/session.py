"""A debugging session over one recorded run: go anywhere in its history, forwards and backwards, and look around.

Every place in a run's history is reached by evaluating its code from the beginning with the recorded answers, so each
shows exactly what was, at any time and on any machine. Nothing is performed and nothing is written.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from types import TracebackType
from typing import Any, Final

import attrs

from flowlang.errors import UsageError
from flowlang.lang.eval.command import Position
from flowlang.lang.interpreter import LANGUAGE_VERSION, Build
from flowlang.lang.source import SourceFile
from flowlang.runtime.action import ActionRegistry
from flowlang.runtime.debugger.course import NEVER, Course, Halt, Moment, Target, Waypoint
from flowlang.runtime.debugger.expression import Evaluated, evaluate
from flowlang.runtime.debugger.stack import FrameView, bound_names
from flowlang.runtime.debugger.timeline import Timeline, chapter_records
from flowlang.runtime.dry_replay import RecordedCatalog, Recording
from flowlang.runtime.journal.event import Record

BEGIN: Final = Moment(1)


@attrs.frozen
class Breakpoint:
    """Pauses at a line of a module, if `condition` (an expression) holds there, or when an event becomes a fact."""

    number: int
    module: str = ""
    line: int = 0
    condition: str = ""
    event: int = 0

    def __str__(self) -> str:
        if self.event:
            return f"event {self.event}"
        return f"{self.module}:{self.line}" + (f" if {self.condition}" if self.condition else "")


class Session:
    """Debugs `recording` with the code of `build`: its own, or other code, up to where that diverges. `chapter`: of a
    run with several; by default the last. `library`: whether to stop in bundled modules, too. `halt` is where the
    session stands; `problem` says why a breakpoint's condition could not be evaluated there."""

    def __init__(
        self, recording: Recording, build: Build, registry: ActionRegistry, *, chapter: int | None = None,
        library: bool = False,
    ) -> None:  # fmt: skip
        if recording.manifest.language != LANGUAGE_VERSION:
            raise UsageError(
                f"the run is written in version {recording.manifest.language} of the language, not {LANGUAGE_VERSION}",
                hint="debug it with the flowlang that it was started with",
            )
        try:
            records = chapter_records(recording.records, chapter)
        except ValueError as problem:
            raise UsageError(str(problem), hint="leave it out for the last one") from None
        self.recording = attrs.evolve(recording, records=records)
        self.sources: Mapping[str, SourceFile] = build.sources
        self.timeline = Timeline(records)
        self.breakpoints: list[Breakpoint] = []
        self.problem: Evaluated | None = None
        self._build = build
        self._catalog = RecordedCatalog(registry, records)
        self._library = library
        self._waypoints: list[Waypoint] = []
        self._numbers = 0
        self._is_spoilt = False
        self._course = self._new_course(None)
        self.halt = self._course.go(Target(BEGIN.lines))

    def __enter__(self) -> Session:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Ends the session."""
        self._course.close()

    @property
    def traced_lines(self) -> int:
        """How many lines the present course had to be called back for."""
        return self._course.traced_lines

    # Going

    def step(self, count: int = 1) -> Halt:
        """To the next line, wherever it is; or that many lines on."""
        return self._go(Target(self._lines_done() + count))

    def next(self) -> Halt:
        """To the next line of this function, or of one that it returns to; what it calls is done at once, unless there
        is a breakpoint in it."""
        return self._go_within(self.stack())

    def out(self) -> Halt:
        """To the next line of the function that called this one."""
        return self._go_within(self.stack()[1:])

    def resume(self) -> Halt:
        """On to the next breakpoint, or to the end of what is recorded."""
        self._restore()
        for halt in self._hits(self._course):
            return self._stand(halt)
        return self._stand(self._course.go(Target()))

    def step_back(self, count: int = 1) -> Halt:
        """To the line before, wherever it was; or that many lines back. Within a line, to its begin."""
        moment = self.halt.moment
        count -= 1 if moment.event else 0
        return self.goto(Moment(max(BEGIN.lines, moment.lines - count)))

    def next_back(self) -> Halt:
        """To the line before in this function, or in one that called it; what was called between is passed over."""
        here, depth = self.halt, len(self.stack())
        course = self._new_course(None)
        try:
            course.go(Target(max(here.moment.lines, BEGIN.lines), trail=(here.fiber, depth)))
            found = course.trailed
        finally:
            self._learn(course)
            course.close()
        return self.goto(BEGIN if found is None else Moment(found))

    def resume_back(self) -> Halt:
        """Back to the breakpoint that was passed last, or to the begin."""
        here = self.halt.moment
        found = BEGIN
        course = self._new_course(None)
        try:
            for halt in self._hits(course):
                if halt.moment >= here:
                    break
                found = halt.moment
        finally:
            self._learn(course)
            course.close()
        return self.goto(found)

    def goto(self, moment: Moment) -> Halt:
        """To a moment, before or after this one."""
        if self._is_spoilt or moment < self.halt.moment or self.halt.why == "end":
            self._start_over(self._waypoint_before(moment.lines))
        return self._arrive(moment)

    def goto_event(self, number: int) -> Halt:
        """To where an event became a fact, or the first one after it that the script had to do with."""
        reachable = self.timeline.reachable(number)
        if number <= self.timeline.first:
            return self.goto(BEGIN)
        if reachable is None:
            return self.goto_end()
        is_ahead = self.halt.why != "end" and self.halt.event < reachable
        if self._is_spoilt or not is_ahead:
            before = bisect_left(self._waypoints, reachable, key=lambda waypoint: waypoint.event)
            self._start_over(self._waypoints[before - 1] if before else None)
        return self._stand(self._course.go(Target(events=frozenset((reachable,)))))

    def goto_end(self) -> Halt:
        """To the end of what is recorded, or to where the code diverges."""
        return self._go(Target())

    # Breakpoints

    def break_at(self, module: str, line: int, condition: str = "") -> Breakpoint:
        """Adds a breakpoint at a line. Raises UsageError when no code is there."""
        source = self.sources.get(module)
        if source is None:
            own = ", ".join(name for name in self.sources if not name.startswith("@"))
            raise UsageError(f"the run has no module `{module}`", hint=f"its modules are {own}")
        if line not in self._code_lines(module):
            following = next((at for at in sorted(self._code_lines(module)) if at > line), None)
            hint = f"the next line with code is {following}" if following else f"it has {len(source.lines)} lines"
            raise UsageError(f"there is no code at {module}:{line}", hint=hint)
        return self._add(Breakpoint(self._numbers + 1, module, line, condition))

    def break_on(self, event: int) -> Breakpoint:
        """Adds a breakpoint on an event."""
        reachable = self.timeline.reachable(event)
        if reachable is None:
            raise UsageError(f"the script has nothing to do with event {event}, nor with a later one")
        return self._add(Breakpoint(self._numbers + 1, event=reachable))

    def remove(self, number: int) -> None:
        """Removes a breakpoint."""
        left = [each for each in self.breakpoints if each.number != number]
        if len(left) == len(self.breakpoints):
            raise UsageError(f"there is no breakpoint {number}")
        self.breakpoints = left

    # Looking

    def stack(self, fiber: Position | None = None) -> list[FrameView]:
        """The frames of a fiber, innermost first; by default of the one that the session stands in."""
        self._restore()
        return self._course.stack(self.halt.fiber if fiber is None else fiber)

    def fibers(self) -> list[Position]:
        """The fibers that have not ended, by the positions of their tasks; the root's is empty."""
        self._restore()
        return [path for path, _ in self._course.fibers()]

    def evaluate(self, text: str, frame: FrameView | None) -> Evaluated:
        """An expression of the language in the scope of a frame, without effects. None: with the language's names."""
        found = evaluate(text, self.names(frame), self._catalog)
        self._is_spoilt = self._is_spoilt or found.may_have_changed
        return found

    def names(self, frame: FrameView | None) -> dict[str, Any]:
        """What an expression in a frame can refer to: names of the prelude, of the module, and locals."""
        self._restore()
        names: dict[str, Any] = {}
        evaluation = self._course.evaluation
        for module in self._build.prelude:
            if module in evaluation.modules:
                names |= evaluation.modules[module].exports()
        return names | self.module_names(frame) | (frame.locals() if frame is not None else {})

    def module_names(self, frame: FrameView | None) -> dict[str, Any]:
        """The names that the module of a frame has bound so far; without a frame, the script."""
        self._restore()
        if frame is not None:
            return frame.globals()
        module = self._course.evaluation.modules.get(self._build.entry)
        return {} if module is None else bound_names(module.globals)

    def around(self, before: int = 3, after: int = 3) -> list[Record]:
        """The records around the last event that is a fact here."""
        return self.timeline.around(self.halt.event, before, after)

    # Inside

    def _go(self, target: Target) -> Halt:
        self._restore()
        return self._stand(self._course.go(target))

    def _stand(self, halt: Halt) -> Halt:
        self._learn(self._course)
        self.halt = halt
        return halt

    def _arrive(self, moment: Moment) -> Halt:
        if moment.event:
            return self._stand(self._course.go(Target(events=frozenset((moment.event,)))))
        if self.halt.moment == moment and self._course.is_paused:
            return self.halt
        return self._stand(self._course.go(Target(moment.lines)))

    def _restore(self) -> None:
        """Goes to the same moment by a new course, when an expression may have changed what this one holds."""
        if self._is_spoilt:
            self.goto(self.halt.moment)

    def _start_over(self, waypoint: Waypoint | None) -> None:
        self._course.close()
        self._course = self._new_course(waypoint)
        self._is_spoilt = False

    def _new_course(self, waypoint: Waypoint | None) -> Course:
        return Course(
            self.recording, self._build, self._catalog, self.timeline, library=self._library, waypoint=waypoint
        )

    def _learn(self, course: Course) -> None:
        """Keeps the waypoints of a course that went further than any before."""
        known = len(self._waypoints)
        self._waypoints += [each for each in course.waypoints if each.answer >= known]
        course.waypoints.clear()

    def _waypoint_before(self, lines: int) -> Waypoint | None:
        index = bisect_left(self._waypoints, lines, key=lambda waypoint: waypoint.lines)
        return self._waypoints[index - 1] if index else None

    def _lines_done(self) -> int:
        return self.halt.moment.lines

    def _go_within(self, frames: Sequence[FrameView]) -> Halt:
        """Goes on until one of these frames is at a line, or their fiber has ended, or a breakpoint is there."""
        found = frozenset(frame for view in frames for frame in (view.frame, *view.inner))
        fiber = self._course.fiber(self.halt.fiber)
        target = Target(frames=found, fiber=fiber, **self._break_target())
        halt = self._course.go(target)
        while halt.why == "place" and not self._course.stands_in(found) and not self._holds(self._course, halt):
            halt = self._course.go(target)
        return self._stand(halt)

    def _break_target(self) -> dict[str, Any]:
        return {
            "places": frozenset((each.module, each.line) for each in self.breakpoints if each.module),
            "events": frozenset(each.event for each in self.breakpoints if each.event),
        }

    def _hits(self, course: Course) -> Iterator[Halt]:
        """Where a course comes to breakpoints whose conditions hold, until it ends."""
        target = Target(NEVER, **self._break_target())
        while (halt := course.go(target)).why != "end":
            if self._holds(course, halt):
                yield halt

    def _holds(self, course: Course, halt: Halt) -> bool:
        self.problem = None
        if halt.why != "place":
            return True
        frame = course.stack(halt.fiber)[0]
        for each in self.breakpoints:
            if (each.module, each.line) == (frame.module, frame.line):
                if not each.condition:
                    return True
                found = evaluate(
                    each.condition, {**frame.globals(), **frame.locals()}, self._catalog, is_condition=True
                )
                if found.problem is not None:
                    self.problem = found
                if found.problem is not None or found.value is True:
                    return True
        return False

    def _add(self, breakpoint: Breakpoint) -> Breakpoint:
        self._numbers += 1
        self.breakpoints.append(breakpoint)
        return breakpoint

    def _code_lines(self, module: str) -> set[int]:
        program = next((each for each in self._build.programs if each.name == module), None)
        lines: set[int] = set()
        waiting = list(program.codes) if program is not None else []
        while waiting:
            code = waiting.pop()
            lines |= {line for _, _, line in code.co_lines() if line is not None}
            waiting += [constant for constant in code.co_consts if hasattr(constant, "co_lines")]
        return lines
