"""`flowlang check`: fixing files, stdin, folders, and what is left alone."""

from __future__ import annotations

import os
import stat
import subprocess

import pytest
from cli_world import COMMAND, environment

from flowlang.cli.checker import ROUNDS_MAX, Checker, Script, write_changes
from flowlang.errors import UsageError
from flowlang.lang.resolve.dialect import FLOW


def test_fixes_keep_what_they_do_not_change(world):
    path = world.root / "main.flow"
    path.write_bytes(b"\xef\xbb\xbfx = 1 # \xc3\xa9\r\ny = x is None\r\n\r\nz = [\r\n  null]")
    path.chmod(0o640)
    result = world.command("check", "--fix", "main.flow")
    assert (result.code, result.stdout) == (0, "")
    assert path.read_bytes() == b"\xef\xbb\xbfx = 1 # \xc3\xa9\r\ny = x == None\r\n\r\nz = [\r\n  None]"
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert [found.name for found in world.root.iterdir() if found.name != ".flowlang"] == ["main.flow"]


def test_files_without_a_fix_are_not_written(world):
    world.write("main.flow", "x = 1\ny = missing_name\n")
    before = (world.root / "main.flow").stat()
    assert world.command("check", "--fix").code == 1
    after = (world.root / "main.flow").stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_only_what_was_named_is_changed(world):
    world.write("lib.flow", "def f(x):\n    return x is None\n")
    world.write("main.flow", 'load("./lib.flow", "f")\nx = null\n')
    result = world.command("check", "--fix", "main.flow")
    assert (world.root / "main.flow").read_text() == 'load("./lib.flow", "f")\nx = None\n'
    assert "is None" in (world.root / "lib.flow").read_text()
    assert (result.code, "error[is-operator]" in result.stdout) == (1, True)


def test_a_fix_in_one_file_uncovers_what_another_one_needs(world):
    world.write("lib.flow", "def clean(x)\n    return x\n")
    world.write("main.flow", 'load("./lib.flow", "claen")\nx = claen(1)\n')
    assert world.command("check", "--unsafe-fixes").code == 0
    assert (world.root / "main.flow").read_text() == 'load("./lib.flow", "clean")\nx = clean(1)\n'


def test_links_are_never_followed(world, tmp_path):
    target = tmp_path / "target.flow"
    target.write_text("x = null\n")
    (world.root / "link.flow").symlink_to(target)
    result = world.command("check", "--fix")
    assert (result.code, "error[load-link]" in result.stdout) == (1, True)
    assert target.read_text() == "x = null\n"


def test_a_file_that_changes_meanwhile_is_not_overwritten(world):
    world.write("main.flow", "x = null\n")
    script = Script("main.flow", world.root, world.root / "main.flow")
    changes = Checker(FLOW).fix([script], is_unsafe=False)
    world.write("main.flow", "x = 2\n")
    with pytest.raises(UsageError, match="changed meanwhile"):
        write_changes(changes)
    assert (world.root / "main.flow").read_text() == "x = 2\n"


def test_a_folder_that_cannot_be_written_is_said(world):
    world.write("sub/main.flow", "x = null\n")
    script = Script("sub/main.flow", world.root, world.root / "sub" / "main.flow")
    changes = Checker(FLOW).fix([script], is_unsafe=False)
    (world.root / "sub" / f".main.flow.{os.getpid()}.tmp").mkdir()
    with pytest.raises(UsageError, match="cannot be written"):
        write_changes(changes)
    assert (world.root / "sub" / "main.flow").read_text() == "x = null\n"


def test_rounds_are_bounded(world):
    # Each round joins the names of one more comma, so there would be more rounds than are made.
    names = ", ".join(f"n{number}" for number in range(3 * ROUNDS_MAX))
    world.write("main.flow", f'load("./lib.flow", {names})\n')
    world.write("lib.flow", "".join(f"n{number} = 1\n" for number in range(3 * ROUNDS_MAX)))
    script = Script("main.flow", world.root, world.root / "main.flow")
    (change,) = Checker(FLOW).fix([script], is_unsafe=False)
    assert change.count == ROUNDS_MAX


def on_stdin(world, text, *arguments):
    return subprocess.run(
        [*COMMAND, "check", "-", *arguments],
        input=text, capture_output=True, text=True, env=environment(), check=False, cwd=world.root,
    )  # fmt: skip


def test_stdin(world):
    world.write("lib.flow", "def f(x):\n    return x\n")
    done = on_stdin(world, 'load("./lib.flow", "f")\nx = f(null)\n')
    assert (done.returncode, "<stdin>:2:7" in done.stdout) == (1, True)
    done = on_stdin(world, 'load("./lib.flow", "f")\nx = f(null)\ny = nothing_like_it\n', "--fix")
    assert (done.returncode, done.stdout) == (1, 'load("./lib.flow", "f")\nx = f(None)\ny = nothing_like_it\n')
    assert "error[undefined-name]" in done.stderr
    done = on_stdin(world, "x = 1\n", "--fix", "-q")
    assert (done.returncode, done.stdout, done.stderr) == (0, "x = 1\n", "")
    assert on_stdin(world, "x = 1\n", "lib.flow").returncode == 2
    assert on_stdin(world, "x = null\n", "--fix", "-o", "json").returncode == 2


def test_a_diff_writes_nothing(world):
    world.write("main.flow", "x = null\n")
    result = world.command("check", "--fix", "--diff")
    assert result.stdout == "--- a/main.flow\n+++ b/main.flow\n@@ -1 +1 @@\n-x = null\n+x = None\n"
    assert (result.code, (world.root / "main.flow").read_text()) == (1, "x = null\n")
    world.write("main.flow", "x = None")
    assert world.command("check", "--diff").code == 0


def test_files_of_the_standard_dialect(world):
    world.write("a.star", "def f():\n    return f\nx = 1\nx = 2\n")
    world.write("b.flow", "while True: pass\n")
    assert world.command("check").stdout.count("error[") == 1
    result = world.command("check", "--dialect", "standard", "--output", "concise")
    assert [line.partition(" ")[0] for line in result.stdout.splitlines()] == ["a.star:4:1:", "b.flow:1:1:"]
    assert world.command("check", "a.star", "--dialect", "standard", "--allow", "globalreassign").code == 0


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is forbidden to root")
def test_a_file_that_may_not_be_read(world):
    world.write("main.flow", "x = 1\n")
    (world.root / "main.flow").chmod(0)
    result = world.command("check")
    assert (result.code, "error[load-forbidden]" in result.stdout) == (1, True)


def test_findings_about_a_whole_file_have_it_as_place(world):
    (world.root / "main.flow").write_bytes(b"\xff")
    assert world.command("check", "-o", "concise").stdout.startswith("main.flow:1:1: error[load-not-utf-8]")
    place = world.command("check", "-o", "json").document["findings"][0]["place"]
    assert (place["path"], place["line"]) == ("main.flow", 1)
