"""Failures of runs as text: the calls that led there, the code, what went wrong, what to do.

The code is the text that the run is pinned to, whatever the file says by now.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import attrs

from flowlang.cli.terminal import one_line
from flowlang.lang.diagnostics import trace_text
from flowlang.lang.diagnostics.diagnostic import Diagnostic
from flowlang.lang.diagnostics.frame import render
from flowlang.lang.eval.failure_report import failure_diagnostic, trace_frames
from flowlang.lang.source import SourceFile
from flowlang.lang.values.result import Err
from flowlang.runtime.outcome import StopReport


def render_failure(
    error: Err, sources: Mapping[str, str], *, notes: Sequence[str] = (), color: bool = False, verbose: bool = False
) -> str:
    """An Err that ended a run, as lines without a final line end. `sources`: the texts of the run's modules."""
    frames = trace_frames(error.failure)
    shown = {
        frame.module: SourceFile(frame.module, sources[frame.module]) for frame in frames if frame.module in sources
    }
    diagnostic = failure_diagnostic(error.failure, frames, shown, notes)
    diagnostic = attrs.evolve(diagnostic, slug=one_line(diagnostic.slug))
    return trace_text.render_failure(diagnostic, frames, color, is_verbose=verbose)


def render_stop(stop: StopReport, *, notes: Sequence[str] = (), color: bool = False) -> str:
    """Why a run was stopped, as lines without a final line end."""
    text = render(Diagnostic(one_line(stop.slug), stop.message), color=color)
    detail = [f"  {one_line(line)}" for line in stop.detail]
    rest = render(Diagnostic("", "", hint=stop.hint, notes=tuple(notes)), color=color).split("\n")[1:]
    return "\n".join([text, *detail, *rest])
