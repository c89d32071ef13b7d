"""Fixtures of the resolver's tests."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from resolve_world import analyse_source

from flowlang.lang.diagnostics.diagnostic import Diagnostic
from flowlang.lang.resolve.dialect import FLOW, Dialect
from flowlang.lang.source import SourceFile
from flowlang.lang.syntax.nodes import File


@pytest.fixture
def analyse() -> Callable[..., tuple[File, list[Diagnostic]]]:
    """`analyse(text, name="test.flow", dialect=FLOW)` gives the resolved tree and all diagnostics."""

    def run(text: str, name: str = "test.flow", dialect: Dialect = FLOW) -> tuple[File, list[Diagnostic]]:
        return analyse_source(SourceFile(name, text), dialect)

    return run
