"""A failure of a script as its author is to see it: the calls that led there, and a diagnostic with a place.

The place is the innermost call in the author's own code, because that is what the author can change: a failure inside
of the prelude or the standard library is shown where these were called. A script may have made up a failure, trace
included, so nothing in it is taken for granted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from flowlang.errors import TraceFrame
from flowlang.lang.diagnostics.diagnostic import Diagnostic, Label
from flowlang.lang.source import SourceFile
from flowlang.lang.values.display import preview
from flowlang.lang.values.result import Failure

DATA_LENGTH_MAX: Final = 300


def trace_frames(failure: Failure) -> tuple[TraceFrame, ...]:
    """The calls, outermost first."""
    frames = []
    for frame in failure.trace:
        fields: Mapping[str, Any] = getattr(frame, "fields", {})
        path, name = fields.get("path"), fields.get("name")
        line, column = _number(fields.get("line")), _number(fields.get("column"))
        if isinstance(path, str) and isinstance(name, str) and line and column:
            end_line = _number(fields.get("end_line")) or line
            end_column = _number(fields.get("end_column")) or column + 1
            frames.append(TraceFrame(path, name, line, column, end_line, end_column))
    return tuple(frames)


def _number(value: Any) -> int:
    return value if type(value) is int and value > 0 else 0


def failure_diagnostic(
    failure: Failure, frames: Sequence[TraceFrame], sources: Mapping[str, SourceFile], notes: Sequence[str] = ()
) -> Diagnostic:
    """The diagnostic. `sources` are the modules whose code can be shown."""
    data = () if failure.data is None else (f"data: {preview(failure.data, DATA_LENGTH_MAX)}",)
    message = failure.message or "the error has no text"
    return Diagnostic(failure.kind, message, _place(frames, sources), notes=(*data, *notes), hint=failure.hint)


def _place(frames: Sequence[TraceFrame], sources: Mapping[str, SourceFile]) -> Label | None:
    own = [frame for frame in frames if not frame.is_bundled and frame.module in sources]
    if not own:
        return None
    frame, innermost = own[-1], frames[-1]
    inside = f"inside `{innermost.function}` of {innermost.module}" if innermost.is_bundled else ""
    span = (frame.line, frame.column - 1, frame.end_line, frame.end_column - 1)
    return Label(sources[frame.module], span, inside)
