"""The specification names every kind of event, every table and every column."""

from __future__ import annotations

import re
from pathlib import Path

from flowlang.runtime.journal import tables
from flowlang.runtime.journal.codec import known_kinds
from flowlang.runtime.journal.payload import PAYLOAD_BYTES_BLOB, PAYLOAD_BYTES_INLINE, PAYLOAD_BYTES_MAX

SPEC = (Path(__file__).parents[3] / "spec" / "journal.md").read_text(encoding="utf-8")


def table_rows(heading: str) -> dict[str, str]:
    """The rows of the table under a heading: first cell, without its quotes -> the rest of the line."""
    section = SPEC.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    return dict(re.findall(r"^\| `([a-z_-]+)` \|(.*)$", section, re.M))


def test_every_kind_of_event_is_described() -> None:
    assert set(table_rows("Events")) == {kind.partition("/")[0] for kind in known_kinds()}


def test_every_table_and_column_is_described() -> None:
    described = {
        name: set(re.findall(r"`([a-z_]+)`", rest.split("|")[1])) for name, rest in table_rows("The database").items()
    }
    assert described == {
        table.name: {column.name for column in table.columns} for table in tables.metadata.tables.values()
    }


def test_the_sizes_are_the_real_ones() -> None:
    assert f"up to {PAYLOAD_BYTES_INLINE // 1024} KiB is stored as it is" in SPEC
    assert f"more than {PAYLOAD_BYTES_BLOB // 1024} KiB" in SPEC
    assert f"more than {PAYLOAD_BYTES_MAX // 1024**2} MiB" in SPEC
