"""The modules that come with flowlang, in a checkout and in a wheel."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import flowlang
from flowlang.lang.resolve.load_source import LoadProblem
from flowlang.library import bundled_modules, library_folder, prelude_modules, read_bundled

CHECKOUT = Path(flowlang.__file__).parent.parent


def copied_package(target: Path) -> Path:
    """A package folder with only what the library needs: as if installed there."""
    package = target / "flowlang"
    shutil.copytree(
        CHECKOUT / "flowlang", package, ignore=shutil.ignore_patterns("__pycache__", "runtime", "bundled", "cli")
    )
    return package


def in_copy(target: Path, expression: str) -> str:
    """What `expression` prints in a fresh Python that sees only the copy."""
    program = f"import flowlang.library as library; print({expression})"
    done = subprocess.run(
        [sys.executable, "-P", "-c", program],
        cwd=target,
        check=False,
        env={"PYTHONPATH": str(target)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def module(folder: Path, name: str, text: str) -> None:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def test_checkout_folders():
    assert library_folder("@prelude").name == "prelude"
    assert library_folder("@std").name == "stdlib"


def test_prelude_modules_can_all_be_read():
    names = prelude_modules()
    assert names == sorted(names)
    for name in names:
        assert name.startswith("@prelude//")
        assert read_bundled(name)


def test_sibling_folders_of_a_checkout(tmp_path):
    copied_package(tmp_path)
    module(tmp_path / "prelude", "b.flow", "b = 1\n")
    module(tmp_path / "prelude", "a.flow", "a = 1\n")
    module(tmp_path / "prelude", "a_test.flow", "")
    module(tmp_path / "stdlib", "deep/c.flow", "c = 'ü'\n")
    assert in_copy(tmp_path, "library.prelude_modules()") == "['@prelude//a.flow', '@prelude//b.flow']"
    assert in_copy(tmp_path, "library.bundled_modules('@std')") == "['@std//deep/c.flow']"
    assert in_copy(tmp_path, "ascii(library.read_bundled('@std//deep/c.flow'))") == repr("c = '\\xfc'\\n").replace(
        "\\\\", "\\"
    )


def test_bundled_goes_first(tmp_path):
    package = copied_package(tmp_path)
    module(tmp_path / "prelude", "a.flow", "outside = 1\n")
    module(package / "bundled" / "prelude", "a.flow", "inside = 1\n")
    assert in_copy(tmp_path, "library.read_bundled('@prelude//a.flow').strip()") == "inside = 1"


def test_nothing_there_at_all(tmp_path):
    copied_package(tmp_path)
    assert in_copy(tmp_path, "library.prelude_modules() + library.bundled_modules('@std')") == "[]"


@pytest.mark.parametrize("name", ["@std//no_such_module.flow", "@prelude//no/such.flow", "lib.flow"])
def test_missing(name):
    with pytest.raises(LoadProblem) as caught:
        read_bundled(name)
    assert caught.value.slug == "load-not-found"


@pytest.mark.parametrize("name", ["@std//../pyproject.flow", "@std///etc/passwd.flow", "@std//a.py", "@other//a.flow"])
def test_refused(name):
    with pytest.raises(LoadProblem) as caught:
        read_bundled(name)
    assert caught.value.slug != "load-not-found"


def test_bundled_modules_lists_tests_too(tmp_path):
    copied_package(tmp_path)
    module(tmp_path / "stdlib", "a_test.flow", "")
    assert in_copy(tmp_path, "library.bundled_modules('@std')") == "['@std//a_test.flow']"
    assert bundled_modules("@std") == sorted(bundled_modules("@std"))
