"""Failures of runs as text: the calls that led there, the code, what went wrong, what to do.

    calls, outermost first:
      etl.flow:12:1 in <toplevel>
      etl.flow:7:12 in load_day
      @std//tables.flow: 2 calls
    error[file-not-found]: there is no file `flights.csv`
      --> etl.flow:7:12
       |
     7 |     rows = read_csv("flights.csv")
       |            ^^^^^^^^^^^^^^^^^^^^^^^
       |
    hint: …

The frame shows the innermost call of the author's own code, because that is what the author can change: a failure
inside of the prelude or the standard library is shown where these were called, and their calls are one line. The code
is the text that the run is pinned to, whatever the file says by now.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any, Final

import attrs

from flowlang.cli.terminal import one_line
from flowlang.lang.diagnostics.diagnostic import Diagnostic, Label
from flowlang.lang.diagnostics.frame import render
from flowlang.lang.source import SourceFile
from flowlang.lang.values.display import preview
from flowlang.lang.values.result import ERROR_KIND, Err, Failure
from flowlang.runtime.outcome import StopReport

CALLS_SHOWN: Final = 20
DATA_LENGTH_MAX: Final = 300


@attrs.frozen
class Call:
    """One frame of a failure's trace: lines and columns from 1."""

    path: str
    name: str
    line: int
    column: int
    end_line: int
    end_column: int

    @property
    def is_bundled(self) -> bool:
        """Whether it stands in the prelude or the standard library."""
        return self.path.startswith("@")


def render_failure(
    error: Err, sources: Mapping[str, str], *, notes: Sequence[str] = (), color: bool = False, verbose: bool = False
) -> str:
    """An Err that ended a run, as lines without a final line end. `sources`: the texts of the run's modules."""
    failure = error.failure
    calls = list(_calls(failure))
    lines = _traceback(calls, verbose)
    text = render(_diagnostic(failure, calls, sources, notes), color=color)
    # The kind of what a script made up itself says nothing.
    lines.append(text.replace(f"error[{ERROR_KIND}]", "error", 1) if failure.kind == ERROR_KIND else text)
    return "\n".join(lines)


def _diagnostic(failure: Failure, calls: list[Call], sources: Mapping[str, str], notes: Sequence[str]) -> Diagnostic:
    own = [call for call in calls if not call.is_bundled and call.path in sources]
    primary = None
    if own:
        call = own[-1]
        span = (call.line, call.column - 1, call.end_line, call.end_column - 1)
        inside = f"inside `{calls[-1].name}` of {calls[-1].path}" if calls[-1].is_bundled else ""
        primary = Label(SourceFile(call.path, sources[call.path]), span, inside)
    data = () if failure.data is None else (f"data: {preview(failure.data, DATA_LENGTH_MAX)}",)
    message = failure.message or "the error has no text"
    return Diagnostic(one_line(failure.kind), message, primary, notes=(*data, *notes), hint=failure.hint)


def _calls(failure: Failure) -> Iterator[Call]:
    """The frames of a trace. A script may have made up the failure, so nothing in it is taken for granted."""
    for frame in failure.trace:
        fields: Mapping[str, Any] = getattr(frame, "fields", {})
        line, column = _number(fields.get("line")), _number(fields.get("column"))
        path, name = fields.get("path"), fields.get("name")
        if isinstance(path, str) and isinstance(name, str) and line and column:
            end_line = _number(fields.get("end_line")) or line
            end_column = _number(fields.get("end_column")) or column + 1
            yield Call(path, name, line, column, end_line, end_column)


def _number(value: Any) -> int:
    return value if type(value) is int and value > 0 else 0


def _traceback(calls: list[Call], verbose: bool) -> list[str]:
    """The calls, when there is more to see than the code frame shows."""
    if len([call for call in calls if verbose or not call.is_bundled]) < 2:
        return []
    lines = []
    for is_bundled, group in groupby(calls, key=lambda call: call.is_bundled and not verbose):
        found = list(group)
        if is_bundled:
            count = f"{len(found)} calls" if len(found) > 1 else f"`{one_line(found[0].name)}`"
            lines.append(f"  {one_line(found[0].path)}: {count}")
        else:
            lines += [f"  {one_line(call.path)}:{call.line}:{call.column} in {one_line(call.name)}" for call in found]
    if len(lines) > CALLS_SHOWN and not verbose:
        half = CALLS_SHOWN // 2
        lines[half:-half] = [f"  ... {len(lines) - CALLS_SHOWN} more calls ..."]
    return ["calls, outermost first:", *lines]


def render_stop(stop: StopReport, *, notes: Sequence[str] = (), color: bool = False) -> str:
    """Why a run was stopped, as lines without a final line end."""
    text = render(Diagnostic(one_line(stop.slug), stop.message), color=color)
    detail = [f"  {one_line(line)}" for line in stop.detail]
    rest = render(Diagnostic("", "", hint=stop.hint, notes=tuple(notes)), color=color).split("\n")[1:]
    return "\n".join([text, *detail, *rest])
