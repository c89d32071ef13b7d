"""What the debugger shows: where a session stands, code, frames, values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from flowlang.cli.document import event_kind, plain
from flowlang.cli.event_text import described
from flowlang.cli.terminal import one_line
from flowlang.lang.eval.evaluation import Completed, Continued, Stopped
from flowlang.lang.values.display import preview
from flowlang.runtime.debugger.stack import FrameView, presented
from flowlang.runtime.journal.event import Record, position_text

if TYPE_CHECKING:
    from flowlang.cli.option import Settings
    from flowlang.lang.source import SourceFile
    from flowlang.runtime.debugger.course import Halt
    from flowlang.runtime.debugger.session import Session
    from flowlang.runtime.journal.journal import Journal, RunRecord

VALUE_LENGTH_MAX: Final = 200
PRINTED_LENGTH_MAX: Final = 10_000
NAMES_SHOWN: Final = 100


def place_line(session: Session, frame: FrameView | None) -> str:
    """Where the session stands, on one line."""
    halt = session.halt
    where = f"{frame.module}:{frame.line} in {frame.function}" if frame is not None else "no code"
    fiber = f", task {position_text(halt.fiber)}" if halt.fiber else ""
    return f"step {halt.moment.lines}, event {halt.event}{fiber}: {where}"


def code_line(source: SourceFile | None, number: int, mark: str = " ", width: int = 4) -> str:
    """One line of a source with its number."""
    text = one_line(source.line(number)) if source is not None else ""
    return f"{mark} {number:>{width}} | {text}".rstrip()


def code_lines(session: Session, frame: FrameView, middle: int, around: int = 5) -> Iterator[str]:
    """Lines around one, `>` at that which the frame stands at and `*` at breakpoints."""
    source = session.sources.get(frame.module)
    if source is None:
        return
    marked = {each.line for each in session.breakpoints if each.module == frame.module}
    for number in range(max(1, middle - around), min(len(source.lines), middle + around) + 1):
        mark = ">" if number == frame.line else "*" if number in marked else " "
        yield code_line(source, number, mark)


def stack_lines(session: Session, frames: Sequence[FrameView], selected: int = -1) -> Iterator[str]:
    """Frames, innermost first, each with its line of code; `>` at the selected one."""
    for index, frame in enumerate(frames):
        mark = ">" if index == selected else " "
        source = session.sources.get(frame.module)
        text = one_line(source.line(frame.line).strip()) if source is not None else ""
        yield f"{mark} {index}  {frame.module}:{frame.line} in {frame.function}: {text}"


def value_lines(names: Mapping[str, Any]) -> Iterator[str]:
    """Names with their values, a line each, clipped."""
    for index, (name, value) in enumerate(sorted(names.items())):
        if index == NAMES_SHOWN:
            yield f"… and {len(names) - NAMES_SHOWN} more"
            return
        yield f"{name} = {value_text(value)}"


def value_text(value: Any, limit: int = VALUE_LENGTH_MAX) -> str:
    """A value as the language writes it, clipped."""
    return one_line(preview(presented(value), limit))


def end_lines(session: Session, halt: Halt) -> Iterator[str]:
    """What became of the run, at the end of what is recorded."""
    step = halt.step
    if halt.divergence is not None:
        found = halt.divergence
        yield f"the code diverges at event {found.sequence}"
        for title, side in (("recorded", found.recorded), ("asked for", found.asked)):
            place = "" if side.place is None else f"  at {side.place.module}:{side.place.line}:{side.place.column + 1}"
            yield f"  {title}: {one_line(side.call)}{place}"
    elif isinstance(step, Completed):
        yield f"the end: the run gave {value_text(step.result)}"
    elif isinstance(step, Continued):
        yield "the end of this chapter: the run goes on with other arguments"
    elif isinstance(step, Stopped):
        yield f"the end: the code was stopped ({getattr(step.cause, 'message', step.cause)})"
    else:
        yield "the end of what is recorded: the run waits"
        for path in session.fibers():
            frames = own_frames(session.stack(path))
            name = f"task {position_text(path)}" if path else "the root"
            if frames:
                yield f"  {name} at {frames[0].module}:{frames[0].line} in {frames[0].function}"


def own_frames(frames: Sequence[FrameView]) -> Sequence[FrameView]:
    """The frames from the first on that is not in a bundled module; all when every one is."""
    index = next((index for index, frame in enumerate(frames) if not frame.module.startswith("@")), 0)
    return frames[index:]


def record_line(record: Record, is_last: bool) -> str:
    """One event in a listing, `>` at the one that was the last to become a fact."""
    position = getattr(record.event, "position", ())
    mark = ">" if is_last else " "
    text = f"{mark} {record.sequence:>5}  {event_kind(record.event):<18} {position_text(position):<8}"
    return one_line(f"{text}  {described(record.event)}").rstrip()


def state_at(settings: Settings, journal: Journal, run: RunRecord, event: int) -> None:
    """Shows the stack and the locals of a run at the moment at which an event became a fact."""
    from flowlang.actions import shipped_actions
    from flowlang.errors import UsageError
    from flowlang.runtime.action import ActionRegistry
    from flowlang.runtime.debugger.session import Session
    from flowlang.runtime.debugger.timeline import chapter_at
    from flowlang.runtime.dry_replay import recording_of
    from flowlang.runtime.project import Project

    if not 1 <= event <= run.sequence:
        raise UsageError(f"run `{run.run_id}` has no event {event}", hint=f"it has events 1 to {run.sequence}")
    recording = recording_of(journal, run.run_id, is_whole=event < run.chapter_sequence)
    build = Project(settings.root).build_pinned(run.entry, recording.modules)
    chapter = chapter_at(recording.records, event)
    with Session(recording, build, ActionRegistry(shipped_actions()), chapter=chapter) as session:
        halt = session.goto_event(event)
        if settings.output.is_json:
            settings.output.document(_state_document(session, halt))
            return
        for line in _state_lines(session, halt):
            settings.output.data(line)


def _state_lines(session: Session, halt: Halt) -> Iterator[str]:
    frames = session.stack()
    own = own_frames(frames)
    yield place_line(session, own[0] if own else None)
    if halt.why == "end":
        yield from end_lines(session, halt)
    yield from stack_lines(session, frames)
    for frame in own:
        for line in value_lines(frame.locals()):
            yield f"  {frame.function}: {line}"


def _state_document(session: Session, halt: Halt) -> dict[str, Any]:
    """`flowlang/state/1`: the calls of the task that an event belongs to, innermost first."""
    return {
        "schema": "flowlang/state/1",
        "run_id": session.recording.run_id,
        "event": halt.event,
        "step": halt.moment.lines,
        "task": position_text(halt.fiber),
        "stack": [
            {
                "path": frame.module,
                "line": frame.line,
                "function": frame.function,
                "locals": {name: plain(presented(value)) for name, value in sorted(frame.locals().items())},
            }
            for frame in session.stack()
        ],
    }
