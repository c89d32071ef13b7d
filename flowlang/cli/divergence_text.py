"""Where code and journal differ, as people and programs are told: both calls, each in its own source.

The recorded call stands in the code that the run is pinned to, the other one in the code that was tried. Often these
are two texts of the same file.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from flowlang.lang.diagnostics.diagnostic import Diagnostic, Label
from flowlang.lang.diagnostics.frame import render
from flowlang.lang.source import SourceFile, Span
from flowlang.runtime.call_text import Side
from flowlang.runtime.compatibility import Compatible, Diverges, Unchecked, Verdict
from flowlang.runtime.journal.event import Place, position_text

SLUG: Final = "replay-mismatch"


def render_divergence(
    found: Diverges, old: Mapping[str, str], new: Mapping[str, str], *, hint: str | None = None, color: bool = False
) -> str:
    """Both sides with their source lines, as lines without a final line end. `old` and `new`: texts of modules."""
    labels = [
        label
        for side, texts, text in ((found.asked, new, "the code asks for this"), (found.recorded, old, "recorded"))
        if (label := _label(side, texts, text)) is not None
    ]
    diagnostic = Diagnostic(
        SLUG, divergence_message(found), labels[0] if labels else None, labels=tuple(labels[1:]), hint=hint,
        notes=tuple(found.changes),
    )  # fmt: skip
    return render(diagnostic, color=color)


def divergence_message(found: Diverges) -> str:
    """What differs, on one line."""
    where = f"run `{found.run_id}` diverges at event {found.sequence}"
    asked = "nothing" if found.asked.call == "nothing" else f"`{found.asked.call}`"
    return f"{where}: recorded is `{found.recorded.call}`, the code asks for {asked}"


def render_unchecked(found: Unchecked, *, verb: str = "compared", color: bool = False) -> str:
    """Why a run could not be compared, or moved, as lines without a final line end."""
    message = f"run `{found.run_id}` cannot be {verb}: {found.message}"
    return render(Diagnostic(found.kind, message, hint=found.hint, notes=tuple(found.changes)), color=color)


def verdict_document(found: Verdict, old: Mapping[str, str], new: Mapping[str, str]) -> dict[str, Any]:
    """One run of `flowlang/replay/1`."""
    document: dict[str, Any] = {"run_id": found.run_id}
    match found:
        case Compatible():
            document |= {"verdict": "compatible", "events": found.events}
        case Diverges():
            document |= {
                "verdict": "diverges",
                "event": found.sequence,
                "position": position_text(found.position),
                "recorded": _side_document(found.recorded, old),
                "asked": _side_document(found.asked, new),
            }
        case Unchecked():
            document |= {"verdict": "unchecked", "kind": found.kind, "message": found.message, "hint": found.hint}
    return document | {"changes": list(found.changes)}


def _side_document(side: Side, texts: Mapping[str, str]) -> dict[str, Any]:
    place = None
    if side.place is not None:
        source = _source(side.place, texts)
        place = {
            "path": side.place.module,
            "line": side.place.line,
            "column": side.place.column + 1,
            "text": source.line(side.place.line),
        }
    return {"call": side.call, "place": place}


def _label(side: Side, texts: Mapping[str, str], text: str) -> Label | None:
    if side.place is None:
        return None
    source = _source(side.place, texts)
    return Label(source, call_span(source, side.place), text)


def _source(place: Place, texts: Mapping[str, str]) -> SourceFile:
    return SourceFile(place.module, texts.get(place.module, ""))


def call_span(source: SourceFile, place: Place) -> Span:
    """The span of the call that begins at a place: to the bracket that closes it, if that is on the same line."""
    line = source.line(place.line)
    depth = 0
    for column in range(place.column, len(line)):
        if line[column] in "([{":
            depth += 1
        elif line[column] in ")]}":
            depth -= 1
            if depth <= 0:
                return (place.line, place.column, place.line, column + (1 if depth == 0 else 0))
    end = max(len(line.rstrip()), place.column + 1)
    return (place.line, place.column, place.line, end)


def listed(ids: Sequence[str], shown: int = 5) -> str:
    """Ids in a sentence: the first ones, and how many more."""
    more = f" and {len(ids) - shown} more" if len(ids) > shown else ""
    return ", ".join(ids[:shown]) + more
