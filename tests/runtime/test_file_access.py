"""Confinement of paths, against random trees with links in them."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowlang.lang.values.fault import Fault
from flowlang.runtime.file_access import FileAccess

NAMES = ("a", "b", "deep", "link")
SLUGS = {"file-not-found", "path-outside-root", "not-a-file", "permission-denied"}
parts = st.lists(st.sampled_from((*NAMES, "..", ".", "")), min_size=1, max_size=6)
paths = st.builds("/".join, parts)
targets = st.one_of(paths, st.sampled_from(["/", "..", "../secret", "../../secret", ".flowlang", "a/../../secret"]))


@st.composite
def trees(draw: st.DrawFn) -> list[tuple[str, str | None]]:
    """Places and, for links, where they lead; files otherwise."""
    places = draw(st.lists(st.lists(st.sampled_from(NAMES), min_size=1, max_size=3), max_size=6, unique_by=tuple))
    return [("/".join(place), draw(st.one_of(st.none(), targets))) for place in places]


def build(root: Path, tree: list[tuple[str, str | None]]) -> None:
    (root.parent / "secret").write_text("secret")
    (root / ".flowlang").mkdir()
    (root / ".flowlang/journal").write_text("secret")
    for place, target in tree:
        path = root / place
        try:
            if not Path(os.path.realpath(path.parent)).is_relative_to(root):
                continue
            path.parent.mkdir(parents=True, exist_ok=True)
            if target is None:
                path.write_text("inside")
            else:
                path.symlink_to(target)
        except OSError:
            continue  # a name that another place of the tree has taken


@contextmanager
def refusals() -> Iterator[None]:
    """Only failures that a script can understand may come."""
    try:
        yield
    except Fault as fault:
        if fault.slug not in SLUGS:
            raise


@settings(max_examples=60, deadline=None)
@given(trees(), st.lists(paths, min_size=1, max_size=4))
def test_nothing_outside_is_ever_read_or_written(tree: list[tuple[str, str | None]], wanted: list[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(os.path.realpath(folder)) / "project"
        root.mkdir()
        build(root, tree)
        files = FileAccess([root])
        for path in wanted:
            with refusals(), files.open_read(path) as file:
                assert file.read() in (b"inside", b"new")
            with refusals():
                files.write(path, [b"new"])
                with files.open_read(path) as file:
                    assert file.read() == b"new"
            with refusals():
                assert files.real_path(path).is_relative_to(root)
        assert (root.parent / "secret").read_text() == "secret"
        assert (root / ".flowlang/journal").read_text() == "secret"
        assert sorted(os.listdir(root.parent)) == ["project", "secret"]


@settings(max_examples=150, deadline=None)
@given(trees(), paths)
def test_what_the_kernel_finds_inside_is_found(tree: list[tuple[str, str | None]], path: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(os.path.realpath(folder)) / "project"
        root.mkdir()
        build(root, tree)
        real = Path(os.path.realpath(root / path))
        plain = ".." not in path and not any(target and ".." in target for _, target in tree)
        if plain and real.is_file() and real.is_relative_to(root) and ".flowlang" not in real.parts:
            with FileAccess([root]).open_read(path) as file:
                assert file.read() == real.read_bytes()


def test_several_roots(tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    (tmp_path / "two/b").write_text("b")
    (tmp_path / "one/link").symlink_to(tmp_path / "two/b")
    files = FileAccess([tmp_path / "one", tmp_path / "two"])
    for path in ("link", str(tmp_path / "two/b")):
        with files.open_read(path) as file:
            assert file.read() == b"b"
    with pytest.raises(Fault) as caught, files.open_read("b"):
        pass
    assert caught.value.slug == "file-not-found"


def test_a_root_that_is_itself_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real/a").write_text("a")
    (tmp_path / "project").symlink_to("real")
    files = FileAccess([tmp_path / "project"])
    for path in ("a", str(tmp_path / "project/a"), str(tmp_path / "real/a")):
        with files.open_read(path) as file:
            assert file.read() == b"a"


def test_a_folder_swapped_for_a_link_is_not_followed(tmp_path: Path) -> None:
    """The handle that was checked is the one that is used, whatever happens to the name meanwhile."""
    (tmp_path / "project/sub").mkdir(parents=True)
    (tmp_path / "outside").mkdir()

    def swap() -> None:
        (tmp_path / "project/sub").rename(tmp_path / "project/moved")
        (tmp_path / "project/sub").symlink_to(tmp_path / "outside")

    FileAccess([tmp_path / "project"]).write("sub/a", [b"x"], commit=swap)
    assert (tmp_path / "project/moved/a").read_bytes() == b"x"
    assert os.listdir(tmp_path / "outside") == []


def test_a_write_that_fails_in_the_middle_leaves_nothing(tmp_path: Path) -> None:
    def pieces() -> object:
        yield b"x" * 100_000
        raise Fault("broken", "the source broke")

    with pytest.raises(Fault, match="the source broke"):
        FileAccess([tmp_path]).write("a", pieces())  # type: ignore[arg-type]
    assert os.listdir(tmp_path) == []


def test_no_roots_no_access() -> None:
    with pytest.raises(ValueError, match="root"):
        FileAccess([])
