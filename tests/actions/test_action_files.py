"""The actions on files: what they give, and how they fail."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from workbench import Workbench


def test_text_comes_back_as_it_was_written(bench: Workbench) -> None:
    text = "first\r\nsecond\tÄ 😿\n"
    assert bench.call("files.write_text", "deep/er/note.txt", text) == len(text.encode())
    assert bench.call("files.read_text", "deep/er/note.txt") == text
    assert (bench.root / "deep/er/note.txt").read_bytes() == text.encode()


def test_writing_replaces_and_leaves_nothing_beside(bench: Workbench) -> None:
    bench.call("files.write_text", "note.txt", "a long first text")
    bench.call("files.write_text", "note.txt", "short")
    assert bench.call("files.read_text", "note.txt") == "short"
    assert os.listdir(bench.root) == ["note.txt"]


def test_writing_keeps_the_permissions_of_the_file(bench: Workbench) -> None:
    target = bench.root / "run.sh"
    target.write_text("old")
    target.chmod(0o767)
    bench.call("files.write_text", "run.sh", "new")
    assert target.read_text() == "new"
    assert target.stat().st_mode & 0o777 == 0o767


def test_list_sorts_marks_folders_and_filters(bench: Workbench) -> None:
    for name in ("b.csv", "a.csv", "note.txt", "sub/c.csv", ".flowlang/flowlang.db", ".flowlang-write-1"):
        (bench.root / name).parent.mkdir(exist_ok=True)
        (bench.root / name).touch()
    assert bench.call("files.list") == ["a.csv", "b.csv", "note.txt", "sub/"]
    assert bench.call("files.list", pattern="*.csv") == ["a.csv", "b.csv"]
    assert bench.call("files.list", "sub") == ["c.csv"]
    assert bench.kind("files.list", "a.csv") == "not-a-file"
    assert bench.kind("files.list", "nowhere") == "file-not-found"


def test_exists_and_stat(bench: Workbench) -> None:
    (bench.root / "sub").mkdir()
    (bench.root / "a.txt").write_text("abc")
    os.utime(bench.root / "a.txt", ns=(0, 1_769_860_800_007_999_999))
    assert bench.call("files.exists", "a.txt") is True
    assert bench.call("files.exists", "sub") is True
    assert bench.call("files.exists", ".") is True
    assert bench.call("files.exists", "b.txt") is False
    assert bench.call("files.exists", "no/such/b.txt") is False
    assert bench.call("files.stat", "a.txt") == {"kind": "file", "size": 3, "modified": "2026-01-31T12:00:00.007Z"}
    assert bench.call("files.stat", "sub")["kind"] == "folder"
    assert bench.kind("files.stat", "b.txt") == "file-not-found"


def test_remove(bench: Workbench) -> None:
    (bench.root / "a.txt").touch()
    (bench.root / "sub").mkdir()
    assert bench.call("files.remove", "a.txt") is True
    assert not (bench.root / "a.txt").exists()
    assert bench.kind("files.remove", "a.txt") == "file-not-found"
    assert bench.call("files.remove", "a.txt", missing_ok=True) is False
    assert bench.call("files.remove", "no/such/a.txt", missing_ok=True) is False
    assert bench.kind("files.remove", "sub") == "not-a-file"


def test_a_repeated_attempt_to_remove_finds_its_work_done(bench: Workbench) -> None:
    assert bench.call("files.remove", "a.txt", context=bench.context(attempt=2)) is False


def test_a_missing_file_suggests_its_neighbour(bench: Workbench) -> None:
    (bench.root / "config.txt").touch()
    failure = bench.failure("files.read_text", "confg.txt")
    assert failure.kind == "file-not-found"
    assert failure.message == '"confg.txt" is not there'
    assert failure.hint == "did you mean `config.txt`?"
    assert failure.data == {"path": "confg.txt"}


def test_bytes_that_are_not_utf_8_are_named(bench: Workbench) -> None:
    (bench.root / "k.txt").write_bytes("Käse".encode("cp1252"))
    failure = bench.failure("files.read_text", "k.txt")
    assert failure.kind == "not-utf-8"
    assert failure.message == '"k.txt" is not UTF-8: byte 0xe4 at offset 1'
    assert failure.data == {"path": "k.txt", "offset": 1}
    assert bench.call("files.read_text", "k.txt", encoding="cp1252") == "Käse"
    assert bench.kind("files.read_text", "k.txt", encoding="ascii") == "wrong-encoding"


def test_a_huge_file_is_refused_before_it_is_decoded(bench: Workbench) -> None:
    with open(bench.root / "huge.txt", "wb") as file:
        file.truncate(17 << 20)
    assert bench.kind("files.read_text", "huge.txt") == "result-too-large"


def test_text_with_nul_is_refused_at_the_gate(bench: Workbench) -> None:
    (bench.root / "nul.txt").write_bytes(b"a\0b")
    failure = bench.failure("files.read_text", "nul.txt")
    assert failure.kind == "result-not-data"
    assert "NUL" in failure.message


@pytest.mark.parametrize("path", ["sub", "pipe", "."])
def test_only_regular_files_are_opened(bench: Workbench, path: str) -> None:
    (bench.root / "sub").mkdir()
    os.mkfifo(bench.root / "pipe")
    assert bench.kind("files.read_text", path) == "not-a-file"
    assert bench.kind("files.write_text", path, "x") == "not-a-file"


def test_a_file_in_the_place_of_a_folder(bench: Workbench) -> None:
    (bench.root / "a.txt").touch()
    assert bench.kind("files.read_text", "a.txt/b.txt") == "not-a-file"
    assert bench.kind("files.write_text", "a.txt/b.txt", "x") == "not-a-file"


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("../secret.txt", "path-outside-root"),
        ("sub/../../secret.txt", "path-outside-root"),
        ("/etc/passwd", "path-outside-root"),
        ("out", "path-outside-root"),
        ("away/secret.txt", "path-outside-root"),
        ("loop", "path-outside-root"),
        ("", "path-outside-root"),
        ("a\0b", "path-outside-root"),
        ("x" * 5000, "path-outside-root"),
        (".flowlang/flowlang.db", "permission-denied"),
        ("sub/.FlowLang/x", "permission-denied"),
        ("journal", "permission-denied"),
    ],
)
def test_paths_that_lead_astray(bench: Workbench, path: str, kind: str) -> None:
    (bench.root.parent / "secret.txt").write_text("secret")
    (bench.root / "sub").mkdir()
    (bench.root / ".flowlang").mkdir()
    (bench.root / ".flowlang/flowlang.db").touch()
    (bench.root / "out").symlink_to(bench.root.parent / "secret.txt")
    (bench.root / "away").symlink_to("..")
    (bench.root / "loop").symlink_to("loop")
    (bench.root / "journal").symlink_to(".flowlang/flowlang.db")
    assert bench.kind("files.read_text", path) == kind
    assert bench.kind("files.write_text", path, "x") == kind
    assert (bench.root.parent / "secret.txt").read_text() == "secret"


def test_links_that_stay_inside_are_followed(bench: Workbench) -> None:
    (bench.root / "data/v1").mkdir(parents=True)
    (bench.root / "data/v1/a.txt").write_text("one")
    (bench.root / "latest").symlink_to("data/v1")
    (bench.root / "data/absolute").symlink_to(bench.root / "latest/a.txt")
    assert bench.call("files.read_text", "latest/a.txt") == "one"
    assert bench.call("files.read_text", "data/absolute") == "one"
    bench.call("files.write_text", "data/absolute", "two")
    assert (bench.root / "data/v1/a.txt").read_text() == "two"
    assert (bench.root / "data/absolute").is_symlink()
    assert bench.call("files.remove", "data/absolute") is True
    assert (bench.root / "data/v1/a.txt").exists()


def test_absolute_paths_inside_are_fine(bench: Workbench) -> None:
    bench.call("files.write_text", str(bench.root / "a/b.txt"), "text")
    assert bench.call("files.read_text", "a/b.txt") == "text"


FULL_DISK = """
import resource, signal, sys
sys.path.insert(0, sys.argv[2])
from pathlib import Path
from workbench import Workbench
bench = Workbench(Path(sys.argv[1]))
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
failure = bench.failure("files.write_text", "a.txt", "new" * 10_000)
print(failure.kind, failure.retryable)
failure = bench.failure("tables.write_csv", "a.txt", [{"a": "x" * 5000}])
print(failure.kind, failure.retryable)
"""


def test_a_full_disk_leaves_the_old_file(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("old")
    command = [sys.executable, "-c", FULL_DISK, str(tmp_path), str(Path(__file__).parent)]
    child = subprocess.run(command, capture_output=True, text=True, check=True)
    assert child.stdout.splitlines() == ["disk-full True", "disk-full True"]
    assert os.listdir(tmp_path) == ["a.txt"]
    assert (tmp_path / "a.txt").read_text() == "old"


def test_a_cancelled_write_changes_nothing(bench: Workbench) -> None:
    (bench.root / "a.txt").write_text("old")
    context = bench.context()
    context.cancel()
    assert bench.failure("files.write_text", "a.txt", "new", context=context).kind == "cancelled"
    assert os.listdir(bench.root) == ["a.txt"]
    assert (bench.root / "a.txt").read_text() == "old"
