"""The fixture that runs a test against every store."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from journal_store import STORES, SqliteStore

from flowlang.runtime.journal.journal import Journal


@pytest.fixture(params=STORES)
def store(request: pytest.FixtureRequest) -> Iterator[Any]:
    place = "postgres_url" if request.param == "postgres" else "tmp_path"
    made = STORES[request.param](request.getfixturevalue(place))
    yield made
    made.close()


@pytest.fixture
def journal(store: Any) -> Journal:
    opened: Journal = store.open()
    return opened


@pytest.fixture
def sqlite_store(tmp_path: Path) -> Iterator[SqliteStore]:
    made = SqliteStore(tmp_path)
    yield made
    made.close()
