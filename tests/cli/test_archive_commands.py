"""`runs export` and `runs import`: files and streams, with and without a codec."""

from __future__ import annotations

import json
import subprocess

import pytest
from cli_world import COMMAND, environment

SECRET = "s3cr3t"
SCRIPT = """
def _main(fctx):
    print("got " + fctx.args.text)
    return fctx.actions.receive("go")

main = flow(implementation = _main, args = {"text": args.string()})
"""
CODEC = """
class Turned:
    def __init__(self, name):
        self.name = name

    def encode(self, payload):
        return bytes(byte ^ 0x5A for byte in payload)

    decode = encode

TURNED, OTHER = Turned("turned"), Turned("other")
"""


def run(world, *arguments, code=0, stdin=""):
    """What a command writes, which must end with a code."""
    result = world.command(*arguments, stdin=stdin)
    assert result.code == code, result.stderr
    return result


@pytest.fixture
def desk(world):
    """A project with two runs, `a` and `b`, that wait."""
    world.write("main.flow", SCRIPT)
    for run_id in ("a", "b"):
        run(world, "run", "main.flow:main", "--arg", f"text={SECRET}", "--id", run_id, "--detach")
    run(world, "worker", "--once")
    return world


@pytest.fixture
def sealed(world, monkeypatch):
    """As `desk`, in a journal whose values a codec encodes."""
    world.write("turned_codec.py", CODEC)
    monkeypatch.syspath_prepend(str(world.root))
    monkeypatch.setenv("FLOWLANG_CODEC", "turned_codec:TURNED")
    world.write("main.flow", SCRIPT)
    run(world, "run", "main.flow:main", "--arg", f"text={SECRET}", "--id", "a", "--detach")
    run(world, "worker", "--once")
    return world


def test_runs_go_through_a_stream(desk):
    """`--to -` writes runs to stdout, one after the other, and `import -` reads as many from stdin."""
    stream = run(desk, "runs", "export", "--status", "waiting", "--to", "-", "--yes").stdout
    assert stream.count('"schema"') == 2
    imported = run(desk, "runs", "import", "-", "--db", "other.db", "-o", "json", stdin=stream).document
    assert [(each["run_id"], each["status"]) for each in imported["runs"]] == [("a", "stopped"), ("b", "stopped")]
    again = run(desk, "runs", "import", "-", "--db", "other.db", code=1, stdin=stream)
    assert again.stderr.count("error[run-exists]") == 2
    assert "`--id` names one run" in run(desk, "runs", "import", "-", "--id", "c", code=1, stdin=stream).stderr


def test_a_pipe_of_two_processes(desk):
    """`flowlang runs export ID --to - | flowlang runs import - --id COPY`, as a shell runs it."""
    export = subprocess.Popen([*COMMAND, "runs", "export", "a", "--to", "-", "-q"], stdout=subprocess.PIPE,
                              env=environment())  # fmt: skip
    with export:
        done = subprocess.run([*COMMAND, "runs", "import", "-", "--id", "copy"], stdin=export.stdout, env=environment(),
                              capture_output=True, text=True, check=False)  # fmt: skip
    assert (export.returncode, done.returncode) == (0, 0), done.stderr
    run(desk, "runs", "retry", "copy")
    run(desk, "signal", "copy", "go", "--payload", "5")
    run(desk, "worker", "--once")
    assert run(desk, "runs", "result", "copy", "-o", "json").document["value"] == 5


def test_a_stream_that_breaks_off(desk):
    """What came whole is imported; the run that was cut off is refused, with its line."""
    stream = run(desk, "runs", "export", "--status", "waiting", "--to", "-", "--yes").stdout
    lines = stream.splitlines(keepends=True)
    broken = run(desk, "runs", "import", "-", "--db", "other.db", code=1, stdin="".join(lines[:-2]))
    assert f"stdin is damaged at line {len(lines) - 2}: the file is cut off" in broken.stderr
    assert "run a:" in broken.stderr
    assert "stdin is no exported run" in run(desk, "runs", "import", "-", code=2).stderr


def test_a_stream_is_not_mixed_with_a_document(desk):
    """Both would go to stdout."""
    assert "writes the runs to stdout" in run(desk, "runs", "export", "a", "--to", "-", "-o", "json", code=2).stderr


def test_a_dry_run_foresees_what_is_in_the_way(desk):
    """It names the file that each run would go to, and refuses where one exists; nothing is written."""
    desk.write("a.jsonl", "mine")
    planned = run(desk, "runs", "export", "--status", "waiting", "--dry-run", "-o", "json", code=1).document
    assert [each.get("file") for each in planned["runs"]] == [None, "b.jsonl"]
    assert "the file `a.jsonl` exists" in planned["runs"][0]["error"]["message"]
    assert not (desk.root / "b.jsonl").exists()


def test_encoded_values_stay_encoded(sealed, monkeypatch):
    """An archive holds what the store holds and names the codec; it is imported with the codec, and encoded there."""
    run(sealed, "runs", "export", "a", "--to", "a.jsonl")
    text = (sealed.root / "a.jsonl").read_text()
    assert SECRET not in text
    assert json.loads(text.splitlines()[0])["codecs"] == ["turned"]
    run(sealed, "runs", "import", "a.jsonl", "--id", "copy")
    assert f"got {SECRET}" in run(sealed, "runs", "logs", "copy").stdout
    assert SECRET.encode() not in b"".join(
        each.read_bytes() for each in (sealed.root / ".flowlang").glob("flowlang.db*") if each.is_file()
    )
    run(sealed, "replay", "a.jsonl")
    for codec, why in (("", "there is no codec here"), ("turned_codec:OTHER", "the codec here is `other`")):
        monkeypatch.setenv("FLOWLANG_CODEC", codec)
        for command in (("runs", "import", "a.jsonl", "--db", "plain.db"), ("replay", "a.jsonl")):
            refused = run(sealed, *command, code=74)
            assert refused.stderr.startswith("error[codec-missing]")
            assert "`turned`" in refused.stderr
            assert why in refused.stderr


def test_values_are_decoded_when_that_is_asked_for(sealed, monkeypatch):
    """`--decoded` writes what anybody can read and import; without the codec it is refused and writes nothing."""
    run(sealed, "runs", "export", "a", "--to", "a.jsonl", "--decoded")
    text = (sealed.root / "a.jsonl").read_text()
    assert SECRET in text
    assert json.loads(text.splitlines()[0])["codecs"] == []
    monkeypatch.setenv("FLOWLANG_CODEC", "")
    run(sealed, "runs", "import", "a.jsonl", "--db", "plain.db")
    refused = run(sealed, "runs", "export", "a", "--to", "b.jsonl", "--decoded", code=74)
    assert refused.stderr.startswith("error[codec-missing]")
    assert not (sealed.root / "b.jsonl").exists()
    run(sealed, "runs", "export", "a", "--to", "b.jsonl")


@pytest.mark.parametrize(
    "command",
    [("runs", "show", "a"), ("runs", "journal", "a"), ("runs", "logs", "a"), ("runs", "result", "a"), ("resume", "a"),
     ("replay", "a"), ("runs", "reset", "a", "--to", "1"), ("runs", "fork", "a", "--at", "3"), ("gates",)],
)  # fmt: skip
def test_reading_without_the_codec_is_no_bug(sealed, monkeypatch, command):
    """A command that needs values says that it cannot read them; none fails as a bug or a damaged journal."""
    monkeypatch.setenv("FLOWLANG_CODEC", "")
    result = sealed.command(*command)
    assert result.code in (0, 3, 74), result.stderr
    assert "internal-error" not in result.stderr
    assert "journal-corrupt" not in result.stderr
