"""Names of the language that always mean their values: nothing may bind them, be it a target, parameter or keyword."""

from __future__ import annotations

from typing import Final

from flowlang.lang.resolve.findings import Findings
from flowlang.lang.source import Span

CONSTANTS: Final = frozenset({"None", "True", "False"})


def refuse_constant(name: str, span: Span, findings: Findings) -> None:
    """Note that `name`, one of the constants, is bound at `span`."""
    findings.add(
        "invalid-target", f"cannot bind `{name}`", span, "a constant of the language", hint="choose another name"
    )
