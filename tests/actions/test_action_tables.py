"""The actions on CSV files."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from workbench import Workbench

FLIGHTS = "id,delay,speed,late,note\n1,12,1.5,true,a\n2,,,no,\n3,NA,-2e3,1,NA\n"
TYPES = {"delay": "int", "speed": "float", "late": "bool", "note": "string"}


@pytest.fixture
def flights(bench: Workbench) -> Workbench:
    (bench.root / "flights.csv").write_text(FLIGHTS)
    return bench


def test_rows_are_dicts_of_strings(flights: Workbench) -> None:
    rows = flights.call("tables.read_csv", "flights.csv")
    assert rows[0] == {"id": "1", "delay": "12", "speed": "1.5", "late": "true", "note": "a"}
    assert rows[2]["delay"] == "NA"
    assert list(rows[0]) == ["id", "delay", "speed", "late", "note"]


def test_types_convert_and_missing_is_none(flights: Workbench) -> None:
    rows = flights.call("tables.read_csv", "flights.csv", TYPES, missing="NA")
    assert rows == [
        {"id": "1", "delay": 12, "speed": 1.5, "late": True, "note": "a"},
        {"id": "2", "delay": None, "speed": None, "late": False, "note": None},
        {"id": "3", "delay": None, "speed": -2000.0, "late": True, "note": None},
    ]
    assert rows == flights.call("tables.read_csv", "flights.csv", TYPES, missing=["NA", "?"])


def test_limit_stops_early(flights: Workbench) -> None:
    assert [row["id"] for row in flights.call("tables.read_csv", "flights.csv", limit=2)] == ["1", "2"]
    assert flights.call("tables.read_csv", "flights.csv", limit=0) == []


def test_a_bad_cell_names_line_column_and_text(flights: Workbench) -> None:
    failure = flights.failure("tables.read_csv", "flights.csv", {"delay": "int"})
    assert failure.kind == "csv-cell"
    assert failure.message == '"flights.csv", line 4, column "delay": "NA" is not an int'
    assert failure.data == {"path": "flights.csv", "line": 4, "column": "delay", "text": "NA"}
    assert failure.hint == 'if that text stands for no value, say so: `missing = "NA"`'


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("int", "1_000"),
        ("int", "٣"),
        ("int", "1.0"),
        ("int", "0x10"),
        ("float", "1_0.5"),
        ("float", "1,5"),
        ("float", "٣"),
        ("bool", "maybe"),
    ],
)
def test_conversion_is_strict(bench: Workbench, kind: str, text: str) -> None:
    (bench.root / "a.csv").write_text(f'x\n"{text}"\n')
    assert bench.kind("tables.read_csv", "a.csv", {"x": kind}) == "csv-cell"


def test_types_of_unknown_columns_and_unknown_types(flights: Workbench) -> None:
    failure = flights.failure("tables.read_csv", "flights.csv", {"dealy": "int"})
    assert failure.kind == "action-argument"
    assert failure.hint == 'did you mean "delay"?'


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "should name the columns, but the file is empty"),
        ("a,b\n1\n", "line 2 has 1 cell, the header has 2"),
        ("a,b\n1,2\n\n1,2,3\n", "line 4 has 3 cells, the header has 2"),
        ('a,b\n"x\ny",2\n3\n', "line 4 has 1 cell, the header has 2"),
        ("a,a\n", 'line 1 names the column "a" twice'),
        ('a\n1\n"open\nmore\n', "line 3 begins a broken record"),
        ('a\n"x"y\n', "line 2 begins a broken record"),
        ("a\n" + "x" * (1 << 20), "line 2 is longer than 1 MiB"),
    ],
)
def test_malformed_files_are_refused_with_the_line(bench: Workbench, text: str, message: str) -> None:
    (bench.root / "a.csv").write_text(text)
    failure = bench.failure("tables.read_csv", "a.csv")
    assert failure.kind == "csv-malformed"
    assert message in failure.message


def test_byte_order_mark_crlf_blank_lines_and_missing_last_line_end(bench: Workbench) -> None:
    (bench.root / "a.csv").write_bytes(b"\xef\xbb\xbfa,b\r\n\r\n1,2\r\n3,4")
    assert bench.call("tables.read_csv", "a.csv") == [{"a": "1", "b": "2"}, {"a": "3", "b": "4"}]


def test_encodings_and_delimiters(bench: Workbench) -> None:
    (bench.root / "a.csv").write_bytes("Name;Ort\nJörg;Köln\n".encode("cp1252"))
    failure = bench.failure("tables.read_csv", "a.csv", delimiter=";")
    assert (failure.kind, failure.data) == ("not-utf-8", {"path": "a.csv", "offset": 10})
    rows = bench.call("tables.read_csv", "a.csv", delimiter=";", encoding="cp1252")
    assert rows == [{"Name": "Jörg", "Ort": "Köln"}]
    assert bench.kind("tables.read_csv", "a.csv", delimiter=";;") == "action-argument"
    assert bench.kind("tables.read_csv", "a.csv", delimiter='"') == "action-argument"


def pages(bench: Workbench, path: str, rows: int, **keywords: Any) -> list[list[dict[str, Any]]]:
    found, cursor = [], None
    while True:
        page = bench.call("tables.read_csv_page", path, cursor, rows, **keywords)
        found.append(page["rows"])
        cursor = page["cursor"]
        if cursor is None:
            return found


def joined(bench: Workbench, path: str, rows: int, **keywords: Any) -> list[dict[str, Any]]:
    return [row for page in pages(bench, path, rows, **keywords) for row in page]


def test_pages_join_to_the_whole(bench: Workbench) -> None:
    rows = [{"id": str(i), "text": f'line {i}\nand "more", {i}' if i % 3 else "é" * i} for i in range(25)]
    bench.call("tables.write_csv", "a.csv", rows)
    assert [len(page) for page in pages(bench, "a.csv", 10)] == [10, 10, 5]
    assert [len(page) for page in pages(bench, "a.csv", 5)] == [5] * 5
    assert joined(bench, "a.csv", 7) == rows
    typed = joined(bench, "a.csv", 4, types={"id": "int"})
    assert [row["id"] for row in typed] == list(range(25))


def test_errors_on_later_pages_have_the_line_of_the_file(bench: Workbench) -> None:
    (bench.root / "a.csv").write_text('x\n"1\n2"\n3\n\n4\nbad\n')
    page = bench.call("tables.read_csv_page", "a.csv", rows=2)
    failure = bench.failure("tables.read_csv_page", "a.csv", page["cursor"], types={"x": "int"})
    assert failure.data == {"path": "a.csv", "line": 7, "column": "x", "text": "bad"}


def test_an_empty_table_is_one_empty_page(bench: Workbench) -> None:
    (bench.root / "a.csv").write_text("x\n")
    assert bench.call("tables.read_csv_page", "a.csv") == {"rows": [], "cursor": None}


def test_a_file_that_changed_between_pages_is_refused(flights: Workbench) -> None:
    path = flights.root / "flights.csv"
    cursor = flights.call("tables.read_csv_page", "flights.csv", rows=1)["cursor"]
    status = path.stat()
    path.write_text(FLIGHTS.replace("12", "13"))
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns + 1))
    assert flights.kind("tables.read_csv_page", "flights.csv", cursor) == "file-changed"
    with open(path, "a") as file:
        file.write("4,1,1,1,1\n")
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert flights.kind("tables.read_csv_page", "flights.csv", cursor) == "file-changed"


def test_what_is_no_cursor(flights: Workbench) -> None:
    assert flights.kind("tables.read_csv_page", "flights.csv", {"offset": 3}) == "action-argument"
    assert flights.kind("tables.read_csv_page", "flights.csv", rows=0) == "action-argument"


def test_a_table_too_large_for_a_journal_is_refused_with_advice(bench: Workbench) -> None:
    with open(bench.root / "big.csv", "w") as file:
        file.write("x\n")
        for _ in range(18):
            file.write(f'"{"y" * 100_000}"\n' * 10)
    failure = bench.failure("tables.read_csv", "big.csv")
    assert failure.kind == "result-too-large"
    assert "each_page" in (failure.hint or "")


def test_writing(bench: Workbench) -> None:
    rows = [{"a": 1, "b": "x,y"}, {"b": None, "a": 2.5}, {"a": True}]
    assert bench.call("tables.write_csv", "deep/a.csv", rows) == 3
    assert (bench.root / "deep/a.csv").read_text() == 'a,b\n1,"x,y"\n2.5,\ntrue,\n'
    assert bench.call("tables.write_csv", "b.csv", [[1, 2], [3, 4]], ["x", "y"], delimiter="\t") == 2
    assert (bench.root / "b.csv").read_text() == "x\ty\n1\t2\n3\t4\n"
    assert bench.call("tables.write_csv", "c.csv", [], ["x"]) == 0
    assert (bench.root / "c.csv").read_text() == "x\n"
    bench.call("tables.write_csv", "d.csv", [])
    assert (bench.root / "d.csv").read_text() == ""


@pytest.mark.parametrize(
    ("rows", "columns", "kind"),
    [
        ([{"a": [1]}], None, "csv-cell"),
        ([{"a": 1}, {"b": 2}], None, "csv-cell"),
        ([[1, 2]], ["a"], "csv-cell"),
        ([[1]], None, "action-argument"),
        ([1], ["a"], "csv-cell"),
        ([], ["a", "a"], "action-argument"),
    ],
)
def test_rows_that_do_not_fit_write_nothing(bench: Workbench, rows: Any, columns: Any, kind: str) -> None:
    assert bench.kind("tables.write_csv", "a.csv", rows, columns) == kind
    assert os.listdir(bench.root) == []


def test_appending_at_an_offset_can_be_repeated(bench: Workbench) -> None:
    first = bench.call("tables.append_csv", "a.csv", [{"x": 1, "y": "ä"}], at=0)
    second = bench.call("tables.append_csv", "a.csv", [{"y": "b", "x": 2}], at=first)
    again = bench.call("tables.append_csv", "a.csv", [{"y": "b", "x": 2}], at=first)
    assert (bench.root / "a.csv").read_text() == "x,y\n1,ä\n2,b\n"
    assert second == again == len("x,y\n1,ä\n2,b\n".encode())
    assert bench.call("tables.append_csv", "a.csv", [{"x": 9}], at=0) == len("x\n9\n")
    assert (bench.root / "a.csv").read_text() == "x\n9\n"


def test_appending_to_the_end(bench: Workbench) -> None:
    (bench.root / "a.csv").write_text("x,y\n1,2")
    bench.call("tables.append_csv", "a.csv", [[3, 4]])
    assert (bench.root / "a.csv").read_text() == "x,y\n1,2\n3,4\n"
    assert bench.kind("tables.append_csv", "a.csv", [{"z": 1}]) == "csv-cell"
    assert bench.kind("tables.append_csv", "a.csv", [[1]], ["x"]) == "action-argument"
    assert bench.kind("tables.append_csv", "a.csv", [[5, 6]], at=1000) == "file-changed"
    assert (bench.root / "a.csv").read_text() == "x,y\n1,2\n3,4\n"


cells = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12)
names = st.lists(cells, min_size=1, max_size=4, unique=True).filter(lambda found: found[0].strip("\ufeff") == found[0])
delimiters = st.sampled_from(",;\t|x")


@st.composite
def tables(draw: st.DrawFn) -> list[dict[str, str]]:
    columns = draw(names)
    width = len(columns)
    rows = draw(st.lists(st.lists(cells, min_size=width, max_size=width), min_size=1, max_size=8))
    return [dict(zip(columns, row, strict=True)) for row in rows]


@settings(max_examples=150, deadline=None)
@given(tables(), delimiters, st.integers(1, 3))
def test_any_table_of_strings_comes_back(rows: list[dict[str, str]], delimiter: str, page_rows: int) -> None:
    with tempfile.TemporaryDirectory() as root:
        bench = Workbench(Path(root))
        bench.call("tables.write_csv", "a.csv", rows, delimiter=delimiter)
        assert bench.call("tables.read_csv", "a.csv", delimiter=delimiter) == rows
        assert joined(bench, "a.csv", page_rows, delimiter=delimiter) == rows
        end = 0
        for row in rows:
            end = bench.call("tables.append_csv", "b.csv", [row], at=end, delimiter=delimiter)
        assert (Path(root) / "b.csv").read_bytes() == (Path(root) / "a.csv").read_bytes()
        bench.close()


numbers = st.one_of(st.none(), st.integers(), st.booleans(), st.floats(allow_nan=False))


@settings(max_examples=100, deadline=None)
@given(st.lists(numbers, min_size=1, max_size=8))
def test_numbers_come_back_through_their_types(values: list[Any]) -> None:
    names = {type(None): "string", int: "int", bool: "bool", float: "float"}
    with tempfile.TemporaryDirectory() as root:
        bench = Workbench(Path(root))
        row = {f"c{index}": value for index, value in enumerate(values)}
        bench.call("tables.write_csv", "a.csv", [row | {"last": "x"}])
        types = {column: names[type(value)] for column, value in row.items()}
        (back,) = bench.call("tables.read_csv", "a.csv", types)
        assert back == row | {"last": "x"}
        assert [type(back[column]) for column in row] == [type(value) for value in values]
        bench.close()
