"""CSV: from bytes to rows and back, with places that errors can name.

The host's `csv` module splits records; it is fast, and it knows quoting. What it lacks is a sense of place: it asks
for lines one at a time, so a source that counts the bytes of the lines it has handed out knows, after each record,
the exact offset at which the next one begins, quoted line ends included. That offset is what pages are made of.

A cell is text. A column that was given a type is converted strictly: no digits of other alphabets, no underscores,
nothing that the host's `int` would let pass and another reader would not. An empty cell of a typed column, or one
that holds a text declared as missing, is None.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, BinaryIO, Final

import attrs

from flowlang.actions.files import decode_text
from flowlang.lang.diagnostics.suggest import nearest
from flowlang.lang.values.quote import clip
from flowlang.lang.values.wording import article
from flowlang.runtime.action import ActionError

BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"
LINE_BYTES_MAX: Final = 1 << 20
QUOTE_HINT: Final = "a cell that holds the delimiter, a quote or a line end must stand in double quotes"
TRUE_TEXTS: Final = frozenset({"true", "yes", "1"})
FALSE_TEXTS: Final = frozenset({"false", "no", "0"})


@attrs.frozen
class CsvFormat:
    """How a file is to be read. `types`: column name to `int`, `float`, `bool` or `string`. `missing`: texts that
    stand for None in typed columns, beside the empty one."""

    delimiter: str = ","
    encoding: str = "utf-8"
    types: Mapping[str, str] = attrs.field(factory=dict)
    missing: frozenset[str] = frozenset()


class CsvReader:
    """Reads the records of an open file one after the other. After each, `offset` is where the next one begins and
    `line` the number of its first line, both of the whole file."""

    def __init__(self, file: BinaryIO, path: str, format: CsvFormat) -> None:
        self.path = path
        self.format = format
        self.offset = 0
        self.line = 1
        self._file = file
        self.columns = self._header()
        self._converters = self._column_converters()
        self.header_end = self.offset

    def seek(self, offset: int, line: int) -> None:
        """Goes on at a place where a record begins."""
        self._file.seek(offset)
        self.offset = offset
        self.line = line

    def rows(self) -> Iterator[dict[str, Any]]:
        """The rows from here on, as dicts in the order of the columns. Empty lines are skipped."""
        columns, converters, width = self.columns, self._converters, len(self.columns)
        for line, cells in self._records():
            if len(cells) != width:
                raise self.malformed(
                    line,
                    f"has {len(cells)} cell{'' if len(cells) == 1 else 's'}, the header has {width}",
                    QUOTE_HINT,
                )
            row: dict[str, Any] = dict(zip(columns, cells, strict=True))
            for column, convert in converters:
                text = row[column]
                try:
                    row[column] = convert(text)
                except ValueError:
                    raise self._bad_cell(line, column, text) from None
            yield row

    def malformed(self, line: int, problem: str, hint: str | None = None) -> ActionError:
        """The error for a file that is not the CSV that was expected."""
        data = {"path": self.path, "line": line}
        return ActionError("csv-malformed", f"{clip(self.path, 200)}, line {line} {problem}", data=data, hint=hint)

    def _records(self) -> Iterator[tuple[int, list[str]]]:
        """The records that are not empty, with the number of their first line."""
        reader = csv.reader(self._lines(), delimiter=self.format.delimiter, strict=True)
        start = self.line
        lines_before = 0
        while True:
            try:
                cells = next(reader)
            except StopIteration:
                return
            except csv.Error as problem:
                raise self.malformed(start, f"begins a broken record: {problem}", QUOTE_HINT) from None
            self.line = start + reader.line_num - lines_before
            if cells:
                yield start, cells
            lines_before = reader.line_num
            start = self.line

    def _lines(self) -> Iterator[str]:
        """Lines of the file, counted as they are handed out."""
        encoding = self.format.encoding
        while line := self._file.readline(LINE_BYTES_MAX):
            if len(line) == LINE_BYTES_MAX:
                raise self.malformed(self.line, f"is longer than {LINE_BYTES_MAX >> 20} MiB")
            self.offset += len(line)
            if self.offset == len(line):
                line = line.removeprefix(BYTE_ORDER_MARK)
            try:
                yield line.decode(encoding)
            except UnicodeDecodeError:
                yield decode_text(line, self.path, encoding, self.offset - len(line))

    def _header(self) -> tuple[str, ...]:
        for _, cells in self._records():
            for index, column in enumerate(cells):
                if column in cells[:index]:
                    raise self.malformed(1, f"names the column {clip(column)} twice", "give each column its own name")
            return tuple(cells)
        raise self.malformed(1, "should name the columns, but the file is empty")

    def _column_converters(self) -> list[tuple[str, Callable[[str], Any]]]:
        converters = []
        for column, type_name in self.format.types.items():
            if column not in self.columns:
                close = nearest(column, self.columns)
                known = ", ".join(clip(each) for each in self.columns[:20])
                raise ActionError(
                    "action-argument",
                    f"`types` names the column {clip(column)}, which {clip(self.path, 200)} does not have",
                    hint=f"did you mean {clip(close)}?" if close else f"its columns are {known}",
                    data={"path": self.path, "column": column},
                )
            converters.append((column, _converter(type_name, self.format.missing)))
        return converters

    def _bad_cell(self, line: int, column: str, text: str) -> ActionError:
        wanted = self.format.types[column]
        return ActionError(
            "csv-cell",
            f"{clip(self.path, 200)}, line {line}, column {clip(column)}: {clip(text)} is not {article(wanted)}",
            data={"path": self.path, "line": line, "column": column, "text": text[:1000]},
            hint=f"if that text stands for no value, say so: `missing = {clip(text)}`",
        )


def csv_bytes(rows: Iterable[Any], columns: Sequence[str], *, header: bool, delimiter: str = ",") -> Iterator[bytes]:
    """The bytes of rows (dicts, or lists in the order of the columns), in pieces. Lines end with a line feed."""
    sink = _Sink()
    plain = csv.writer(sink, delimiter=delimiter, lineterminator="\n")
    quoted = csv.writer(sink, delimiter=delimiter, lineterminator="\n", quoting=csv.QUOTE_ALL)

    def write(cells: Sequence[str]) -> None:
        # The host's writer leaves a lone carriage return bare, and its reader then refuses it.
        (quoted if "\r" in "".join(cells) else plain).writerow(cells)

    if header:
        write(columns)
    known = frozenset(columns)
    for number, row in enumerate(rows, start=1):
        cells = _cells(row, columns, known, number)
        for index, cell in enumerate(cells):
            if type(cell) is not str:
                cells[index] = _cell_text(cell, number, columns[index])
        write(cells)
        if sink.size > 1 << 20:
            yield sink.take()
    yield sink.take()


def columns_of(rows: Sequence[Any], columns: Sequence[str] | None) -> list[str]:
    """The columns to write: those given, else the keys of the first row."""
    if columns is None:
        if not rows:
            return []
        if not isinstance(rows[0], dict):
            raise ActionError(
                "action-argument", "rows that are lists have no column names", hint="give them: `columns = [...]`"
            )
        columns = list(rows[0])
    for index, column in enumerate(columns):
        if column in columns[:index]:
            raise ActionError("action-argument", f"`columns` names {clip(column)} twice")
    return list(columns)


class _Sink:
    """Collects what a csv writer writes."""

    def __init__(self) -> None:
        self.pieces: list[str] = []
        self.size = 0

    def write(self, text: str) -> None:
        self.pieces.append(text)
        self.size += len(text)

    def take(self) -> bytes:
        data = "".join(self.pieces).encode()
        self.pieces.clear()
        self.size = 0
        return data


def _cells(row: Any, columns: Sequence[str], known: frozenset[str], number: int) -> list[Any]:
    """The cells of one row in the order of the columns. Missing keys are as empty as None."""
    if isinstance(row, dict):
        if not row.keys() <= known:
            extra = next(key for key in row if key not in known)
            close = nearest(str(extra), columns)
            raise ActionError(
                "csv-cell",
                f"row {number} has {clip(str(extra))}, which is none of the columns",
                hint=f"did you mean {clip(close)}?" if close else "name all columns: `columns = [...]`",
                data={"row": number, "column": str(extra)},
            )
        return [row.get(column) for column in columns]
    if isinstance(row, (list, tuple)):
        if len(row) != len(columns):
            raise ActionError(
                "csv-cell", f"row {number} has {len(row)} cells for {len(columns)} columns", data={"row": number}
            )
        return list(row)
    raise ActionError("csv-cell", f"row {number} is neither a dict nor a list", data={"row": number})


def _cell_text(cell: Any, number: int, column: str) -> str:
    if cell is None:
        return ""
    if cell is True or cell is False:
        return "true" if cell else "false"
    if isinstance(cell, (int, float)):
        return repr(cell)
    raise ActionError(
        "csv-cell",
        f"row {number}, column {clip(column)}: a {type(cell).__name__} does not fit into a cell",
        hint="turn it into text first: `str(...)` or `json.encode(...)`",
        data={"row": number, "column": column},
    )


def _converter(type_name: str, missing: frozenset[str]) -> Callable[[str], Any]:
    """What turns a cell into a value of the type. Raises ValueError for a cell that does not fit."""
    parse = PARSERS[type_name]

    def convert(text: str) -> Any:
        if not text or text in missing:
            return None
        return parse(text)

    return convert


def _parse_int(text: str) -> int:
    if "_" in text or not text.isascii():
        raise ValueError(text)
    return int(text)


def _parse_float(text: str) -> float:
    if "_" in text or not text.isascii():
        raise ValueError(text)
    return float(text)


def _parse_bool(text: str) -> bool:
    lowered = text.strip().lower()
    if lowered in TRUE_TEXTS:
        return True
    if lowered in FALSE_TEXTS:
        return False
    raise ValueError(text)


PARSERS: Final[Mapping[str, Callable[[str], Any]]] = {
    "int": _parse_int,
    "float": _parse_float,
    "bool": _parse_bool,
    "string": str,
}
