"""Which findings of the resolver stand although parts of the module did not parse.

What a broken statement would have bound, opened or ended is not known. A finding that may only follow from that is
left out: it would send the author to a place where nothing is wrong.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

from flowlang.lang.diagnostics.diagnostic import Diagnostic, Severity
from flowlang.lang.source import SourceFile
from flowlang.lang.syntax.token import KIND_OF_TEXT

_OUT_OF_PLACE: Final = frozenset({"return-outside-function", "break-outside-loop", "continue-outside-loop"})


def sure_findings(
    findings: Sequence[Diagnostic], source: SourceFile, syntax_errors: Sequence[Diagnostic]
) -> Iterator[Diagnostic]:
    """The findings that do not depend on what the syntax errors hide."""
    broken = [found for found in syntax_errors if found.severity is Severity.ERROR]
    lines = {line for found in broken for line in _lines(found)}
    bodiless = [found.primary.span[0] for found in broken if found.slug == "expected-block" and found.primary]
    for finding in findings:
        if not broken or finding.primary is None or _stands(finding, source, lines, min(bodiless, default=None)):
            yield finding


def _lines(error: Diagnostic) -> Iterator[int]:
    """The lines of what did not parse."""
    lines = [label.span[0] for label in (error.primary, *error.labels) if label is not None]
    if error.slug == "unclosed-bracket" and len(lines) > 1:
        # The other label is where the next statement begins.
        lines = list(range(lines[0], max(lines[0] + 1, lines[1])))
    yield from lines


def _stands(finding: Diagnostic, source: SourceFile, lines: set[int], bodiless: int | None) -> bool:
    assert finding.primary is not None
    line, start, _, end = finding.primary.span
    if finding.slug == "top-level-control":
        # A stand-in for a broken header is an `if`, whose condition stands where the header begins.
        return line not in lines and source.line(line)[start:end] not in KIND_OF_TEXT
    if finding.slug in _OUT_OF_PLACE:
        # It may belong to the block that somebody forgot to indent.
        return bodiless is None or line <= bodiless
    if finding.slug != "undefined-name":
        return True
    # The name may be bound in a line that did not parse, or stand in for one.
    name = source.line(line)[start:end]
    stands_in = f"`{name}`" not in finding.message
    return not stands_in and not any(re.search(rf"\b{re.escape(name)}\b", source.line(number)) for number in lines)
