"""The world in which the resolver is tested: a universe, a host, and the way from text to a resolved tree."""

from __future__ import annotations

from flowlang.lang.diagnostics.diagnostic import Diagnostic
from flowlang.lang.resolve.dialect import FLOW, Dialect
from flowlang.lang.resolve.resolver import resolve
from flowlang.lang.source import SourceFile
from flowlang.lang.syntax.nodes import File
from flowlang.lang.syntax.parser import parse

_UNIVERSE = """
None True False abs all any bool bytes chr dict dir enumerate fail float getattr hasattr hash int len list
max min ord print range repr reversed set sorted str struct tuple type zip
"""
_PREDECLARED = "flow FlowContext current_flow args Ok Err Result is_ok unwrap retry sleep poll forever"
UNIVERSE = frozenset(_UNIVERSE.split())
PREDECLARED = frozenset(_PREDECLARED.split())


def analyse_source(source: SourceFile, dialect: Dialect = FLOW) -> tuple[File, list[Diagnostic]]:
    """Parse and resolve, as an interpreter would."""
    file, diagnostics = parse(source)
    found = resolve(
        file,
        source,
        is_universal=UNIVERSE.__contains__,
        is_predeclared=PREDECLARED.__contains__,
        candidates=lambda: sorted(PREDECLARED) + sorted(UNIVERSE),
        dialect=dialect,
    )
    return file, diagnostics + found
