"""What people are told of a divergence: both calls, with the lines that make them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from flowlang.runtime.call_text import Side
from flowlang.runtime.journal.event import Place, position_text
from flowlang.runtime.journal.journal import CodeManifest
from flowlang.runtime.outcome import StopReport
from flowlang.runtime.replay import Divergence


def divergence_report(
    run_id: str, divergence: Divergence, old: Mapping[str, str], new: Mapping[str, str],
    pinned: CodeManifest, current: CodeManifest,
) -> StopReport:  # fmt: skip
    """The report on a divergence; `old` and `new` are the module texts of the two sides. With the same code on both
    sides the cause lies elsewhere, so what differs between `pinned` and `current` is named."""
    detail = (
        f"event {divergence.sequence}, position {position_text(divergence.position)}",
        *_side("recorded", divergence.recorded, old),
        *_side("asked for", divergence.asked, new),
        *drift(pinned, current),
    )
    if old == new:
        hint = "nothing was performed; resume the run where its actions and its Python are what they were"
    else:
        hint = f"nothing was performed; `flowlang resume {run_id}` goes on with the code that the run began with"
    return StopReport(
        "divergence",
        "replay-mismatch",
        f"at event {divergence.sequence} the journal has `{divergence.recorded.call}`, "
        f"the code asks for {_quoted(divergence.asked)}",
        hint,
        detail,
    )


def drift(pinned: CodeManifest, current: CodeManifest) -> Iterator[str]:
    """What is not as it was when the run was pinned, apart from its code."""
    if pinned.python != current.python:
        yield f"changed since: Python was {pinned.python} and is {current.python}"
    if pinned.platform != current.platform:
        yield f"changed since: the platform was {pinned.platform} and is {current.platform}"
    if pinned.tzdata and pinned.tzdata != current.tzdata:
        yield f"changed since: the time zones were of {pinned.tzdata} and are of {current.tzdata}"
    for name, signature in pinned.signatures.items():
        if name not in current.signatures:
            yield f"changed since: the action `{name}` is not there any more"
        elif current.signatures[name] != signature:
            yield f"changed since: the action `{name}` takes or gives something else"


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
