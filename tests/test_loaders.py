"""Loaders: what they read, and what they keep out."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flowlang.lang.resolve.load_source import LoadProblem
from flowlang.library import bundled_modules
from flowlang.loaders import (
    FILE_BYTES_MAX,
    BundledLoader,
    ChainLoader,
    FileLoader,
    MappingLoader,
    source_reader,
)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A project, with a secret beside it."""
    (tmp_path / "secret.flow").write_text("secret = 1\n")
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "deep.flow").write_text("secret = 2\n")
    project = tmp_path / "project"
    (project / "lib").mkdir(parents=True)
    (project / "main.flow").write_text("main = 1\n")
    (project / "lib" / "api.flow").write_text("api = 'ü'\n", encoding="utf-8")
    (project / "lib" / "data.csv").write_text("a,b\n")
    return project


def problem(loader, name: str) -> LoadProblem:
    with pytest.raises(LoadProblem) as caught:
        loader.read(name)
    return caught.value


def test_reads_files(root):
    loader = FileLoader(root)
    assert loader.read("main.flow") == "main = 1\n"
    assert loader.read("lib/api.flow") == "api = 'ü'\n"


def test_missing_file_with_suggestion(root):
    found = problem(FileLoader(root), "lib/apy.flow")
    assert found.slug == "load-not-found"
    assert found.hint == "did you mean `//lib/api.flow`?"


def test_missing_file_that_is_in_the_root(root):
    found = problem(FileLoader(root), "lib/main.flow")
    assert found.hint == "did you mean `//main.flow`, at the project's root?"


def test_missing_folder(root):
    found = problem(FileLoader(root), "nowhere/x.flow")
    assert (found.slug, found.hint) == ("load-not-found", None)


def test_file_in_place_of_a_folder(root):
    assert problem(FileLoader(root), "main.flow/x.flow").slug == "load-not-found"


@pytest.mark.parametrize(
    "name",
    [
        "../secret.flow",
        "lib/../../secret.flow",
        "/etc/passwd.flow",
        "./main.flow",
        "lib//api.flow",
        "lib/data.csv",
        "",
        ".",
    ],
)
def test_what_is_no_canonical_name_is_not_opened(root, name):
    assert problem(FileLoader(root), name).slug != "load-not-found"


def test_bundled_names_are_not_looked_for_in_the_project(root):
    (root / "@std").mkdir()
    (root / "@std" / "x.flow").write_text("fake = 1\n")
    assert problem(FileLoader(root), "@std//x.flow").slug == "load-not-found"


def test_links_are_refused(root):
    (root / "link.flow").symlink_to(root.parent / "secret.flow")
    (root / "inside.flow").symlink_to(root / "main.flow")
    (root / "folder").symlink_to(root.parent / "outside", target_is_directory=True)
    (root / "lib" / "up").symlink_to("..", target_is_directory=True)
    (root / "dangling.flow").symlink_to(root / "nothing.flow")
    loader = FileLoader(root)
    for name in ("link.flow", "inside.flow", "folder/deep.flow", "lib/up/main.flow", "dangling.flow"):
        found = problem(loader, name)
        assert found.slug == "load-link"
        assert found.hint


def test_the_root_may_be_a_link(root):
    link = root.parent / "alias"
    link.symlink_to(root, target_is_directory=True)
    assert FileLoader(link).read("main.flow") == "main = 1\n"


def test_a_folder_is_no_module(root):
    (root / "folder.flow").mkdir()
    assert problem(FileLoader(root), "folder.flow").slug == "load-not-a-file"


def test_a_pipe_does_not_hang(root):
    os.mkfifo(root / "pipe.flow")
    assert problem(FileLoader(root), "pipe.flow").slug == "load-not-a-file"


def test_a_socket_is_no_module(root, monkeypatch):
    monkeypatch.chdir(root)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("socket.flow")
        assert problem(FileLoader(root), "socket.flow").slug in ("load-not-a-file", "load-unreadable")


def test_size_is_bounded(root):
    (root / "large.flow").write_bytes(b"#" * (FILE_BYTES_MAX + 1))
    (root / "fits.flow").write_bytes(b"#" * FILE_BYTES_MAX)
    loader = FileLoader(root)
    assert problem(loader, "large.flow").slug == "load-too-large"
    assert len(loader.read("fits.flow")) == FILE_BYTES_MAX


def test_wrong_encoding_names_the_place(root):
    (root / "latin.flow").write_bytes("x = 1\ny = 'ü".encode() + "é".encode("latin-1") + b"'\n")
    found = problem(FileLoader(root), "latin.flow")
    assert found.slug == "load-not-utf-8"
    assert found.message == "`latin.flow` is not UTF-8: byte 0xe9 at line 2, column 7"


def test_no_handle_stays_open(root):
    loader = FileLoader(root)
    loader.read("lib/api.flow")
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(20):
        loader.read("lib/api.flow")
        for name in ("lib/none.flow", "main.flow/x.flow", "nowhere/x.flow"):
            problem(loader, name)
    assert len(os.listdir("/proc/self/fd")) == before


def test_candidates(root):
    loader = FileLoader(root)
    assert list(loader.candidates("lib/x.flow")) == ["lib/api.flow"]
    assert list(loader.candidates("lib/main.flow")) == ["lib/api.flow", "main.flow"]
    assert list(loader.candidates("nowhere/x.flow")) == []


def test_name_of(root, monkeypatch):
    loader = FileLoader(root)
    assert loader.name_of(root / "lib" / "api.flow") == "lib/api.flow"
    monkeypatch.chdir(root / "lib")
    assert loader.name_of(Path("api.flow")) == "lib/api.flow"
    assert loader.name_of(Path("../main.flow")) == "main.flow"
    alias = root.parent / "alias"
    alias.symlink_to(root, target_is_directory=True)
    assert loader.name_of(alias / "main.flow") == "main.flow"


def test_name_of_outside(root):
    for path, slug in (
        (root.parent / "secret.flow", "load-outside-root"),
        (root / "lib" / "data.csv", "load-not-flow"),
    ):
        with pytest.raises(LoadProblem) as caught:
            FileLoader(root).name_of(path)
        assert caught.value.slug == slug


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=st.text(alphabet="./ab\\~@\0", max_size=12).map(lambda text: text + "secret.flow"))
def test_no_name_leads_to_the_secret(root, name):
    try:
        text = FileLoader(root).read(name)
    except LoadProblem:
        return
    assert "secret" not in text


def test_mapping_loader():
    loader = MappingLoader({"lib/api.flow": "api = 1\n"})
    assert loader.read("lib/api.flow") == "api = 1\n"
    found = problem(loader, "lib/ap.flow")
    assert (found.slug, found.hint) == ("load-not-found", "did you mean `//lib/api.flow`?")


def test_bundled_loader():
    loader = BundledLoader()
    for name in bundled_modules("@prelude") + bundled_modules("@std"):
        assert loader.read(name)
    assert problem(loader, "@std//no_such.flow").slug == "load-not-found"
    assert problem(loader, "main.flow").slug == "load-not-found"


def test_chain_loader(root):
    loader = ChainLoader(FileLoader(root), MappingLoader({"main.flow": "hidden", "extra.flow": "extra = 1\n"}))
    assert loader.read("main.flow") == "main = 1\n"
    assert loader.read("extra.flow") == "extra = 1\n"
    found = problem(loader, "extr.flow")
    assert (found.slug, found.hint) == ("load-not-found", "did you mean `//extra.flow`?")
    assert set(loader.candidates("x.flow")) == {"main.flow", "extra.flow"}


def test_chain_does_not_go_on_after_a_refusal(root):
    (root / "link.flow").symlink_to(root / "main.flow")
    loader = ChainLoader(FileLoader(root), MappingLoader({"link.flow": "other"}))
    assert problem(loader, "link.flow").slug == "load-link"


def test_empty_chain():
    assert problem(ChainLoader(), "x.flow").slug == "load-not-found"


def test_source_reader(root):
    source = source_reader(FileLoader(root))("lib/api.flow")
    assert (source.name, source.text) == ("lib/api.flow", "api = 'ü'\n")
