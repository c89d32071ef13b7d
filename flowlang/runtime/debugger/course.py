"""A course: one evaluation of a recorded run from its beginning, in a thread of its own, which pauses where it is told.

The thread is traced: the host calls back at each line of generated code. Nothing of that is in the code itself, so
runs that are not debugged pay nothing. While a course is paused its thread stands still in the middle of what the
script does, and the frames, values and fibers of that moment can be looked at from the thread that asked for it.

A course only goes forwards. To go back, another one is made that goes as far as wanted; up to a known answer it goes
untraced, which is fast (`Waypoint`).
"""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache, partial
from queue import SimpleQueue
from types import CodeType, FrameType
from typing import Any, Final, TypeAlias

import attrs
from greenlet import getcurrent

from flowlang.lang.eval.command import CANCEL_POSITION, Command, Note, Position
from flowlang.lang.eval.evaluation import Evaluation, Step, Waiter
from flowlang.lang.eval.fiber import Fiber
from flowlang.lang.eval.traceback import EARLY
from flowlang.lang.interpreter import Build
from flowlang.lang.values.fault import Stop
from flowlang.runtime.catalog import Catalog
from flowlang.runtime.debugger.stack import COMPREHENSION, LAMBDA, MODULE, FrameView, frames_outwards
from flowlang.runtime.debugger.timeline import Timeline
from flowlang.runtime.dry_replay import DryReplay, Recording
from flowlang.runtime.replay import Divergence

Trace: TypeAlias = Callable[[FrameType, str, Any], Any]
NEVER: Final = 1 << 62


class Abandoned(Stop):
    """Ends the evaluation of a course that nobody needs any more."""


@attrs.frozen(order=True)
class Moment:
    """A place in the history of a run: so many lines were begun; or, with `event`, the moment in the last of them at
    which that event became a fact."""

    lines: int
    event: int = 0


@attrs.frozen
class Waypoint:
    """A known place to go to untraced: before the answer of number `answer` (from 0) is delivered. By then so many
    lines were begun, and `event` was the last that had become a fact."""

    answer: int
    lines: int
    event: int


@attrs.define
class Target:
    """Where a course is to pause: at the line of number `lines`; when one of `events` becomes a fact; at one of
    `places` (module and line); in one of `frames`, or anywhere when `fiber`, which they belong to, has ended."""

    lines: int = NEVER
    events: frozenset[int] = frozenset()
    places: frozenset[tuple[str, int]] = frozenset()
    frames: frozenset[FrameType] | None = None
    fiber: Fiber | None = None
    trail: tuple[Position, int] | None = None
    """Notes the last line begun in the fiber of this path at most so many calls deep (`Course.trailed`)."""


@attrs.frozen
class Halt:
    """Where a course stands. `why`: `line`, `place`, `event`, or `end`; at the end, `step` is the last one of the
    evaluation, or `divergence` says where the code is not that of the recording."""

    why: str
    moment: Moment
    event: int
    fiber: Position
    step: Step | None = None
    divergence: Divergence | None = None


class _TracedEvaluation(Evaluation):
    """Tells its course what the script asks for, at the moment at which it does."""

    runs_whole_prelude = True  # expressions may refer to all of it

    def __init__(self, *arguments: Any, course: Course, **keywords: Any) -> None:
        super().__init__(*arguments, **keywords)
        self._course = course

    def enter_fiber(self) -> None:
        super().enter_fiber()
        self._course.enter_fiber()

    def put(self, command: Command, waiter: Waiter) -> None:
        """Puts a command."""
        asking = None if isinstance(getcurrent(), Fiber) else self._starter(command.position)
        self._course.reach(self._course.timeline.asked(command.position), asking)
        super().put(command, waiter)

    def tell(self, note: Note) -> None:
        """Puts a note."""
        self._course.reach(self._course.timeline.told(note))
        super().tell(note)

    def standing(self, position: Position) -> Fiber | None:
        """The fiber that waits for an answer, or has started what does."""
        waiter = self._waiting.get(position)
        return waiter if isinstance(waiter, Fiber) else self._starter(position)

    def _starter(self, position: Position) -> Fiber | None:
        """The fiber that something at that position belongs to: a task that is an action has none of its own."""
        near = [fiber for fiber in self.all_fibers() if position[: len(fiber.path)] == fiber.path]
        return max(near, key=lambda fiber: len(fiber.path), default=None)

    def all_fibers(self) -> list[Fiber]:
        """All fibers that have not ended."""
        return sorted((fiber for fiber in self._fibers if not fiber.dead), key=lambda fiber: fiber.path)


class Course:
    """One evaluation of `recording` with the code of `build`. `library`: whether lines of bundled modules count.
    `waypoint`: go there untraced first. Its methods are for one thread, which is not that of the evaluation."""

    def __init__(
        self, recording: Recording, build: Build, catalog: Catalog, timeline: Timeline, *, library: bool = False,
        waypoint: Waypoint | None = None,
    ) -> None:  # fmt: skip
        self.timeline = timeline
        self.waypoints: list[Waypoint] = []
        self.trailed: int | None = None
        self.failure: BaseException | None = None
        self.traced_lines = 0
        self._library = library
        self._waypoint = waypoint
        self._is_tracing = waypoint is None
        self._is_abandoned = False
        self._lines = 0
        self._event = timeline.first
        self._target = Target()
        self._stop_lines: frozenset[int] = frozenset()
        self._halt: Halt | None = None
        self._frame: FrameType | None = None
        self._paused: SimpleQueue[None] = SimpleQueue()
        self._goes_on: SimpleQueue[None] = SimpleQueue()
        self._make = partial(DryReplay, recording, build, catalog, make=partial(_TracedEvaluation, course=self))
        self._dry: DryReplay | None = None
        self._thread = threading.Thread(target=self._run, name="flowlang-debugger", daemon=True)
        self._thread.start()

    def go(self, target: Target) -> Halt:
        """Goes on to the next place where `target` pauses, or to the end of the recorded past. An interruption of this
        thread (Ctrl-C) ends the evaluation where it is."""
        if self._halt is not None and self._halt.why == "end":
            return self._halt
        self._target = target
        self._stop_lines = frozenset(line for _, line in target.places)
        with _interrupting(self._interrupt):
            self._goes_on.put(None)
            self._paused.get()
        if self.failure is not None:
            raise self.failure
        assert self._halt is not None
        return self._halt

    def _interrupt(self) -> None:
        if self._dry is not None:
            self._dry.evaluation.interrupt()

    def close(self) -> None:
        """Ends the thread."""
        self._is_abandoned = True
        self._goes_on.put(None)
        self._thread.join()

    @property
    def is_paused(self) -> bool:
        """Whether it was told to go anywhere yet."""
        return self._halt is not None

    @property
    def evaluation(self) -> _TracedEvaluation:
        """The evaluation, to be looked at while the course is paused."""
        assert self._dry is not None
        evaluation = self._dry.evaluation
        assert isinstance(evaluation, _TracedEvaluation)
        return evaluation

    def fibers(self) -> list[tuple[Position, Fiber]]:
        """The fibers that have not ended, by their paths."""
        return [(fiber.path, fiber) for fiber in self.evaluation.all_fibers()]

    def fiber(self, path: Position) -> Fiber | None:
        """The fiber of a path, unless it has ended."""
        return next((fiber for known, fiber in self.fibers() if known == path), None)

    def stands_in(self, frames: frozenset[FrameType]) -> bool:
        """Whether it is one of these frames in which the course is paused."""
        return self._frame in frames

    def stack(self, path: Position) -> list[FrameView]:
        """The frames of a fiber, innermost first."""
        halt = self._halt
        if halt is not None and path == halt.fiber and self._frame is not None:
            return frames_outwards(self._frame, at_line=halt.why in ("line", "place"))
        fiber = self.fiber(path)
        return frames_outwards(fiber.gr_frame, at_line=False) if fiber is not None else []

    # For the evaluation

    def enter_fiber(self) -> None:
        """Called first in each fiber."""
        sys.settrace(self._trace)

    def reach(self, event: int | None, fiber: Fiber | None = None) -> None:
        """An event becomes a fact, in the running fiber or in one that waits."""
        if event is None:
            return
        self._event = max(event, self._event)
        if event in self._target.events:
            frame = sys._getframe(2) if fiber is None else fiber.gr_frame
            self._pause("event", frame, fiber, Moment(self._lines, event))

    # In the thread of the evaluation

    def _run(self) -> None:
        self._goes_on.get()
        step: Step | None = None
        divergence: Divergence | None = None
        try:
            if not self._is_abandoned:
                self._dry = self._make()
                sys.settrace(self._trace)
                step = self._replay(self._dry)
        except Divergence as found:
            divergence = found
        except Abandoned:
            pass
        except BaseException as error:
            self.failure = error
        finally:
            sys.settrace(None)
        if not self._is_abandoned:
            self._is_tracing = False
            self._event = self._event if divergence is not None else self.timeline.last
            moment = Moment(self._lines + 1)
            path = self._path_at_end(divergence)
            self._halt, self._frame = Halt("end", moment, self._event, path, step, divergence), None
            self._paused.put(None)
            self._goes_on.get()
        if self._dry is not None:
            self._dry.close()

    def _path_at_end(self, divergence: Divergence | None) -> Position:
        """The fiber to look at: that which asked for something else, or the first that waits."""
        paths = [path for path, _ in self.fibers()] if self._dry is not None else []
        if divergence is not None:
            asking = [path for path in paths if divergence.position[: len(path)] == path]
            return max(asking, key=len, default=())
        return paths[0] if paths else ()

    def _replay(self, dry: DryReplay) -> Step:
        step = dry.start()
        number = 0
        while (answer := dry.next_answer()) is not None:
            self._before_answer(number)
            position = answer[0]
            waiting = self.evaluation.standing(position) if position != CANCEL_POSITION else None
            self.reach(self.timeline.answered(position), waiting)
            step = dry.deliver(answer)
            number += 1
        dry.check_complete()
        return step

    def _before_answer(self, number: int) -> None:
        if self._is_abandoned:
            raise Abandoned
        if self._is_tracing:
            self.waypoints.append(Waypoint(number, self._lines, self._event))
        elif self._waypoint is not None and number == self._waypoint.answer:
            self._lines, self._event = self._waypoint.lines, self._waypoint.event
            self._is_tracing = True
            for fiber in self.evaluation.all_fibers():
                self._trace_waiting(fiber.gr_frame)

    def _trace_waiting(self, frame: FrameType | None) -> None:
        """Lets the host call back for the lines of a fiber that began untraced."""
        while frame is not None:
            frame.f_trace = self._trace(frame, "call", None)
            frame = frame.f_back

    def _trace(self, frame: FrameType, event: str, argument: Any) -> Trace | None:
        """Called by the host for each call: which of them are to be called back for each line."""
        if not self._is_tracing:
            return None
        module = frame.f_globals.get("$module")
        if module is None or (module.name[0] == "@" and not self._library) or frame.f_code.co_name == EARLY:
            return None
        return self._header_skipper(frame) if _has_header(frame.f_code) else self._trace_line

    def _header_skipper(self, frame: FrameType) -> Trace:
        """The line of a `def` has code that looks at the arguments. It is not one of the body."""
        header = frame.f_code.co_firstlineno

        def trace_line(frame: FrameType, event: str, argument: Any) -> Any:
            if event == "line" and frame.f_lineno != header:
                self._begin_line(frame)
            return trace_line

        return trace_line

    def _trace_line(self, frame: FrameType, event: str, argument: Any) -> Any:
        if event == "line":
            self._begin_line(frame)
        return self._trace_line

    def _begin_line(self, frame: FrameType) -> None:
        self._lines += 1
        self.traced_lines += 1
        target = self._target
        why = None
        if self._lines >= target.lines:
            why = "line"
        elif frame.f_lineno in self._stop_lines and (frame.f_globals["$module"].name, frame.f_lineno) in target.places:
            why = "place"
        elif target.frames is not None and (frame in target.frames or target.fiber is None or target.fiber.dead):
            why = "line"
        if target.trail is not None and self._lines < target.lines:
            self._leave_trail(frame, target.trail)
        if why is not None:
            self._pause(why, frame, None, Moment(self._lines))

    def _leave_trail(self, frame: FrameType, trail: tuple[Position, int]) -> None:
        path, depth = trail
        fiber = getcurrent()
        if type(fiber) is Fiber and fiber.path == path and len(frames_outwards(frame, at_line=True)) <= depth:
            self.trailed = self._lines

    def _pause(self, why: str, frame: FrameType | None, fiber: Fiber | None, moment: Moment) -> None:
        if self._is_abandoned:
            raise Abandoned
        if not self._is_tracing:
            return
        current = fiber if fiber is not None else getcurrent()
        path = current.path if isinstance(current, Fiber) else ()
        self._halt, self._frame = Halt(why, moment, self._event, path), frame
        self._paused.put(None)
        self._goes_on.get()
        self._frame = None
        if self._is_abandoned:
            raise Abandoned


@contextmanager
def _interrupting(interrupt: Callable[[], None]) -> Iterator[None]:
    """Lets Ctrl-C call `interrupt` and raise nothing: an exception between telling a thread to go on and waiting for it
    would leave nobody to wait. Elsewhere than in the main thread there is no Ctrl-C."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, lambda number, frame: interrupt())
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


@lru_cache(maxsize=4096)
def _has_header(code: CodeType) -> bool:
    """Whether the first line of a function is not one of its body."""
    if code.co_name.startswith((MODULE, LAMBDA, COMPREHENSION)):
        return False
    lines = {line for _, _, line in code.co_lines() if line is not None}
    return len(lines) > 1
