"""The one model of everything that flowlang tells an author: errors, warnings, hints.

A diagnostic is data. Renderers (`frame.py`, `formats.py`) turn it into text; the parser, the resolver, the
runtime and the host boundary only make it. The slug is its only identifier; `catalog.py` explains each slug.
"""

from __future__ import annotations

from enum import Enum

import attrs

from flowlang.lang.source import SourceFile, Span


class Severity(Enum):
    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


@attrs.frozen
class Label:
    """A place in a source and what is to be said of it; `text` may be empty."""

    source: SourceFile = attrs.field(repr=lambda source: source.name)
    span: Span
    text: str = ""


@attrs.frozen
class Edit:
    """Replaces the text at `span` by `text`. An empty span inserts; an empty text removes. Line ends in `text` are
    `\\n`, whatever the source has."""

    span: Span
    text: str


@attrs.frozen
class Fix:
    """A correction by machine. `edits` change the source of the primary label and do not overlap; all of them are
    made or none. `title` says what they do, as a hint would. A fix is safe when its author can have meant nothing
    else; others are good guesses, which somebody has to look at."""

    title: str
    edits: tuple[Edit, ...]
    is_safe: bool = True


@attrs.frozen
class Diagnostic:
    """`message`: lower case, no full stop, code in backticks, makes sense alone. `primary` says where and why,
    `hint` what to do. `notes` are further facts, one sentence each. `fix` does by machine what the hint says."""

    slug: str
    message: str
    primary: Label | None = None
    severity: Severity = Severity.ERROR
    labels: tuple[Label, ...] = ()
    notes: tuple[str, ...] = ()
    hint: str | None = None
    fix: Fix | None = None

    def render(self, *, color: bool = False) -> str:
        """The diagnostic as text for people, with a code frame."""
        from flowlang.lang.diagnostics.frame import render

        return render(self, color=color)


def replacement(span: Span, text: str, *, is_safe: bool = True) -> Fix:
    """The fix that writes `text` in place of what stands at `span`."""
    return Fix(f"write `{text}`", (Edit(span, text),), is_safe)
