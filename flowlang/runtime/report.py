"""What people are told of a divergence: both calls, with the lines that make them."""

from __future__ import annotations

from collections.abc import Mapping

from flowlang.runtime.journal.event import Place, position_text
from flowlang.runtime.outcome import StopReport
from flowlang.runtime.replay import Divergence, Side


def divergence_report(
    run_id: str, divergence: Divergence, old: Mapping[str, str], new: Mapping[str, str]
) -> StopReport:
    """The report on a divergence; `old` and `new` are the module texts of the two sides."""
    detail = (
        f"event {divergence.sequence}, position {position_text(divergence.position)}",
        *_side("recorded", divergence.recorded, old),
        *_side("asked for", divergence.asked, new),
    )
    return StopReport(
        "divergence",
        "replay-mismatch",
        f"at event {divergence.sequence} the journal has `{divergence.recorded.call}`, "
        f"the code asks for {_quoted(divergence.asked)}",
        f"nothing was performed; `flowlang resume {run_id}` goes on with the code that the run began with",
        detail,
    )


def _quoted(side: Side) -> str:
    return side.call if side.place is None and side.call == "nothing" else f"`{side.call}`"


def _side(title: str, side: Side, sources: Mapping[str, str]) -> list[str]:
    lines = [f"{title}: {side.call}"]
    if side.place is not None:
        lines += _source_line(side.place, sources)
    return lines


def _source_line(place: Place, sources: Mapping[str, str]) -> list[str]:
    found = [f"  --> {place.module}:{place.line}:{place.column + 1}"]
    text = sources.get(place.module)
    if text is not None:
        lines = text.splitlines()
        if place.line <= len(lines):
            found.append(f"   {place.line} | {lines[place.line - 1]}")
    return found
