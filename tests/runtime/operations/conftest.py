"""The fixture that makes projects to operate, on every store."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest
from operated_project import OperatedProject

from flowlang.runtime.journal.locate import MEMORY, open_journal
from flowlang.testing.clock import VirtualClock


@pytest.fixture(params=["memory", "sqlite", "postgres"])
def project(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[str], OperatedProject]]:
    """Makes the project of a script."""
    place = {"memory": lambda: MEMORY, "sqlite": lambda: str(tmp_path / "journal.db")}
    url = place.get(request.param, lambda: request.getfixturevalue("postgres_url"))()
    clock = VirtualClock()
    with ExitStack() as ends:

        def make(text: str) -> OperatedProject:
            journal = ends.enter_context(closing(open_journal(url, clock)))
            (tmp_path / "project").mkdir()
            return OperatedProject.make(tmp_path / "project", journal, clock, text)

        yield make
