"""Where the rules of the resolver put what they find: diagnostics of one source, bounded and sorted at the end."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import attrs

from flowlang.lang.diagnostics.diagnostic import Diagnostic, Fix, Label, Severity
from flowlang.lang.source import SourceFile, Span

FINDINGS_MAX: Final = 1000
"""A hostile source can hold a million mistakes; nobody reads more than the first few."""


@attrs.define
class Findings:
    """The diagnostics of `source` so far."""

    source: SourceFile
    diagnostics: list[Diagnostic] = attrs.field(factory=list)

    def add(
        self,
        slug: str,
        message: str,
        span: Span,
        label: str = "",
        *,
        hint: str | None = None,
        others: Sequence[tuple[Span, str]] = (),
        notes: Sequence[str] = (),
        severity: Severity = Severity.ERROR,
        fix: Fix | None = None,
    ) -> None:
        """Note one finding at `span`; `others` are further places of the same source with their texts."""
        if len(self.diagnostics) >= FINDINGS_MAX:
            return
        self.diagnostics.append(
            Diagnostic(
                slug=slug,
                message=message,
                primary=Label(self.source, span, label),
                severity=severity,
                labels=tuple(Label(self.source, place, text) for place, text in others),
                notes=tuple(notes),
                hint=hint,
                fix=fix,
            )
        )

    def sorted(self) -> list[Diagnostic]:
        """All findings by place; equal places keep the order in which they were found."""
        return sorted(self.diagnostics, key=_place)


def _place(diagnostic: Diagnostic) -> tuple[int, int]:
    assert diagnostic.primary is not None, "every finding has a place"
    return diagnostic.primary.span[:2]
