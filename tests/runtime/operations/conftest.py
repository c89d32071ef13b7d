"""The fixture that makes projects to operate."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest
from operated_project import OperatedProject

from flowlang.runtime.journal.sql import SqlJournal
from flowlang.testing.clock import VirtualClock


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Callable[[str], OperatedProject]]:
    """Makes the project of a script."""
    clock = VirtualClock()
    with ExitStack() as ends:

        def make(text: str) -> OperatedProject:
            journal = ends.enter_context(closing(SqlJournal(tmp_path / "journal.db", clock=clock)))
            (tmp_path / "project").mkdir()
            return OperatedProject.make(tmp_path / "project", journal, clock, text)

        yield make
