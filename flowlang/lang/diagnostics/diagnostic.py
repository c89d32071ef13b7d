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
class Diagnostic:
    """`message`: lower case, no full stop, code in backticks, makes sense alone. `primary` says where and why,
    `hint` what to do. `notes` are further facts, one sentence each."""

    slug: str
    message: str
    primary: Label | None = None
    severity: Severity = Severity.ERROR
    labels: tuple[Label, ...] = ()
    notes: tuple[str, ...] = ()
    hint: str | None = None
