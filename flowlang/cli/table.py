"""Rows under their headings, in columns as wide as what stands in them, and the choice of columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from flowlang.cli.terminal import one_line
from flowlang.errors import UsageError
from flowlang.lang.diagnostics.suggest import nearest

_FIELD_OF_COLUMN: Final = {
    "id": "run_id", "script": "entry", "created": "created_at", "updated": "updated_at", "due": "due_at",
    "deadline": "deadline_at", "actions": "actions_completed",
}  # fmt: skip
"""The names that `--where` has for fields; `--fields` takes them as well."""


def table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """The rows as lines."""
    cells = [list(headings), *([one_line(cell) for cell in row] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in cells
    )


def parse_fields(text: str | None, known: Sequence[str]) -> list[str] | None:
    """The names in `a,b,attribute.c`; None when nothing is given. Raises UsageError for one that is not known."""
    if text is None:
        return None
    names = [_FIELD_OF_COLUMN.get(name.strip(), name.strip()) for name in text.split(",") if name.strip()]
    for name in names:
        if name not in known and not name.startswith("attribute."):
            near = nearest(name, known)
            hint = f"did you mean `{near}`?" if near is not None else "the fields are " + ", ".join(known)
            raise UsageError(f"`--fields`: there is no field `{name}`", hint=hint)
    if not names:
        raise UsageError("`--fields` is empty", hint="such as `--fields run_id,status`")
    return names


def picked(document: Mapping[str, Any], names: Sequence[str] | None) -> dict[str, Any]:
    """The fields of a document that were asked for."""
    return dict(document) if names is None else {name: document.get(name) for name in names}


def cell(value: Any) -> str:
    """A value in a table."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
