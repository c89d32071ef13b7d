"""Tables in CSV files: read whole or page by page, written in one step or appended exactly once.

Everything that an action gives is kept in the run's journal, so a large table is read in pages: each page is one
action, and its cursor (where the next page begins) is data that the script hands to the next call. A cursor is only
good for the file that it was made from; a file of another size or time is refused, because rows would be lost or
repeated silently.

Appending is made repeatable by the same means: the script says at which offset its rows belong. Whatever stands
behind that offset is what an earlier, interrupted attempt left, and is cut off first.
"""

from __future__ import annotations

import os
from itertools import islice
from typing import Any, BinaryIO, Final, Literal, TypeAlias

from flowlang.actions.csv_format import CsvFormat, CsvReader, columns_of, csv_bytes
from flowlang.lang.values.quote import clip
from flowlang.runtime.action import ActionContext, ActionError, action

READ_BYTES_MAX: Final = 16 << 20
ROWS_MAX: Final = 250_000
PAGE_ROWS_MAX: Final = 100_000
CURSOR_KEYS: Final = frozenset({"offset", "line", "size", "modified"})
CellType: TypeAlias = Literal["int", "float", "bool", "string"]
Encoding: TypeAlias = Literal["utf-8", "latin-1", "cp1252", "ascii"]


@action(name="tables.read_csv")
def read_csv(
    context: ActionContext,
    path: str,
    types: dict[str, CellType] | None = None,
    *,
    delimiter: str = ",",
    missing: str | list[str] | None = None,
    limit: int | None = None,
    encoding: Encoding = "utf-8",
) -> list[dict[str, Any]]:
    """The rows of a CSV file whose first line names the columns, as dicts of strings. `types` converts columns; in
    those, empty cells and the texts in `missing` are None. `limit`: the number of rows after which to stop."""
    format = _format(types, delimiter, missing, encoding)
    with context.files.open_read(path) as file:
        reader = CsvReader(file, path, format)
        return _take(context, reader, limit)


@action(name="tables.read_csv_page")
def read_csv_page(
    context: ActionContext,
    path: str,
    cursor: dict[str, int] | None = None,
    rows: int = 5000,
    types: dict[str, CellType] | None = None,
    *,
    delimiter: str = ",",
    missing: str | list[str] | None = None,
    encoding: Encoding = "utf-8",
) -> dict[str, Any]:
    """The next `rows` rows, as `{"rows": [...], "cursor": ...}`. The first page is the one without a cursor; the
    cursor of the last one is None. Fails with `file-changed` when the file is not the one of the page before."""
    if not 1 <= rows <= PAGE_ROWS_MAX:
        raise ActionError("action-argument", f"`rows` must be from 1 to {PAGE_ROWS_MAX}, not {rows}")
    if cursor is not None and cursor.keys() != CURSOR_KEYS:
        raise ActionError(
            "action-argument", "`cursor` is not one", hint="pass on the `cursor` of the page before as it is"
        )
    with context.files.open_read(path) as file:
        status = os.fstat(file.fileno())
        place = {"size": status.st_size, "modified": status.st_mtime_ns}
        if cursor is not None and any(cursor[key] != place[key] for key in place):
            raise ActionError(
                "file-changed",
                f"{clip(path, 200)} changed since the page before was read",
                data={"path": path},
                hint="read from a file that nobody writes to; write new files under new names",
            )
        reader = CsvReader(file, path, _format(types, delimiter, missing, encoding))
        if cursor is not None:
            reader.seek(cursor["offset"], cursor["line"])
        page = _take(context, reader, rows)
        done = reader.offset >= status.st_size
    return {"rows": page, "cursor": None if done else {"offset": reader.offset, "line": reader.line, **place}}


@action(name="tables.write_csv")
def write_csv(
    context: ActionContext,
    path: str,
    rows: list[Any],
    columns: list[str] | None = None,
    *,
    delimiter: str = ",",
) -> int:
    """Writes a CSV file in one step: a header line, then the rows (dicts, or lists in the order of `columns`). The
    columns are the keys of the first row unless given; None and missing keys are empty cells. Gives the number of
    rows."""
    names = columns_of(rows, columns)
    pieces = csv_bytes(rows, names, header=bool(names), delimiter=_checked_delimiter(delimiter))
    context.files.write(path, pieces, context.commit)
    return len(rows)


@action(name="tables.append_csv")
def append_csv(
    context: ActionContext,
    path: str,
    rows: list[Any],
    columns: list[str] | None = None,
    *,
    at: int | None = None,
    delimiter: str = ",",
) -> int:
    """Appends rows to a CSV file and gives the offset of its new end. `at`, the offset given by the call before (0 to
    begin the file anew), makes a repetition harmless: what stands behind it is cut off first. Without `at` the rows
    go to the end, and twice if the machine dies at the wrong moment. A file that begins gets a header line."""
    delimiter = _checked_delimiter(delimiter)
    with context.files.open_update(path) as file:
        size = file.seek(0, os.SEEK_END)
        start = size if at is None else at
        if not 0 <= start <= size:
            raise ActionError(
                "file-changed",
                f"{clip(path, 200)} ends at offset {size}, before the offset {start} to append at",
                data={"path": path, "size": size, "at": start},
                hint="`at` is what the call before gave; 0 begins the file anew",
            )
        names = columns_of(rows, columns) if start == 0 else _columns_of_file(file, path, columns, delimiter)
        data = b"".join(csv_bytes(rows, names, header=start == 0 and bool(names), delimiter=delimiter))
        if start and not _ends_line(file, start):
            data = b"\n" + data
        context.commit()
        file.truncate(start)
        file.seek(start)
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    return start + len(data)


def _ends_line(file: BinaryIO, offset: int) -> bool:
    """Whether a line ends right before the offset."""
    file.seek(offset - 1)
    return file.read(1) == b"\n"


def _columns_of_file(file: BinaryIO, path: str, columns: list[str] | None, delimiter: str) -> list[str]:
    """The columns that the file's header names; those given must be the same."""
    file.seek(0)
    names = list(CsvReader(file, path, CsvFormat(delimiter)).columns)
    if columns is not None and columns != names:
        raise ActionError(
            "action-argument",
            f"`columns` are not those of {clip(path, 200)}",
            hint=f"it has {', '.join(clip(name) for name in names[:20])}",
        )
    return names


def _take(context: ActionContext, reader: CsvReader, rows_max: int | None) -> list[dict[str, Any]]:
    """The next rows. A table that a journal will refuse is not read to its end first."""
    start = reader.offset
    taken: list[dict[str, Any]] = []
    rows = reader.rows()
    while rows_max is None or len(taken) < rows_max:
        chunk = list(islice(rows, 1000 if rows_max is None else min(1000, rows_max - len(taken))))
        if not chunk:
            break
        taken += chunk
        context.check()
        if reader.offset - start > READ_BYTES_MAX or len(taken) > ROWS_MAX:
            raise ActionError(
                "result-too-large",
                f"{clip(reader.path, 200)} holds more than {READ_BYTES_MAX >> 20} MiB or {ROWS_MAX} rows",
                hint='read it page by page: `load("@std//tables.flow", "each_page")`',
                data={"path": reader.path},
            )
    return taken


def _format(
    types: dict[str, CellType] | None, delimiter: str, missing: str | list[str] | None, encoding: str
) -> CsvFormat:
    texts = [missing] if isinstance(missing, str) else missing or []
    return CsvFormat(_checked_delimiter(delimiter), encoding, dict(types or {}), frozenset(texts))


def _checked_delimiter(delimiter: str) -> str:
    if len(delimiter) != 1 or not delimiter.isascii() or delimiter in '"\r\n\0':
        raise ActionError(
            "action-argument",
            f"{clip(delimiter)} cannot be a delimiter",
            hint='use one character, like "," or ";" or "\\t"',
        )
    return delimiter
