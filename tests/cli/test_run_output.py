"""Which stream gets what, and what a run leaves of both."""

from __future__ import annotations

import json
import resource
import secrets
import subprocess

import pytest
from cli_world import COMMAND, environment

TALKS = """\
log = current_flow().actions.log
print("one", 1)
print("two\\nlines")
for level in ["debug", "info", "warning", "error"]:
    log("a " + level, level = level)
"""


def test_only_what_is_printed_is_on_stdout(world):
    world.write("main.flow", TALKS)
    result = world.command("run", "main.flow")
    assert result.stdout == "one 1\ntwo\nlines\n"
    assert [line for line in result.stderr.splitlines() if ": a " in line] == [
        "info: a info",
        "warning: a warning",
        "error: a error",
    ]


def test_verbose_shows_debug_lines(world):
    world.write("main.flow", TALKS)
    assert "debug: a debug" in world.command("run", "main.flow", "-v").stderr


def test_quiet_leaves_warnings_and_errors(world):
    world.write("main.flow", TALKS)
    result = world.command("run", "main.flow", "-q")
    assert result.stdout == "one 1\ntwo\nlines\n"
    assert result.stderr == "warning: a warning\nerror: a error\n"


def test_json_keeps_stdout_for_the_document(world):
    world.write("main.flow", TALKS)
    result = world.command("run", "main.flow", "-o", "json", "-q")
    assert result.document["status"] == "completed"
    assert result.stderr.startswith("one 1\ntwo\nlines\n")


@pytest.mark.parametrize("words", [("--output", "json"), ("--output=json",), ("-ojson",), ("-o", "json")])
def test_errors_of_the_command_line_are_documents_too(world, words):
    result = world.command("run", *words, "--nonsense")
    assert result.document["schema"] == "flowlang/error/1"
    assert result.document["exit_code"] == result.code == 2


def test_arguments_reach_the_flow(world):
    world.write(
        "main.flow",
        "def _sum(fctx):\n    return sum_of(fctx.args.rows) + fctx.args.more\n\n"
        "def sum_of(rows):\n    total = 0\n    for row in rows:\n        total += row\n    return total\n\n"
        'add = flow(implementation = _sum, args = {"rows": args.list(), "more": args.int()})\n',
    )
    result = world.command(
        "run", "main.flow:add", "--args", "-", "--arg", "more=4", "-o", "json", stdin='{"rows": [1, 2]}'
    )
    assert result.document["value"] == 7


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"a": 1, "a": 2}', "`a` occurs twice"),
        ('{"a": NaN}', "`NaN` is no value of JSON"),
        ('{"a": ' + "1" * 5000 + "}", "is not JSON"),
        ("[" * 100_000, "nested too deeply"),
        ("\udcff".encode("utf-8", "surrogatepass").decode("latin-1"), "is not JSON"),
    ],
)
def test_arguments_that_are_not_json(world, text, message):
    world.write("main.flow", "print(1)\n")
    result = world.command("run", "main.flow", "--args", "-", stdin=text)
    assert result.code == 2
    assert message in result.stderr


def test_reader_that_goes_away_does_not_end_the_run(world):
    """`| head -1`: the rest of the output is dropped, the run is not."""
    world.write(
        "main.flow",
        "for n in range(5000):\n    print('line', n)\ncurrent_flow().actions.files.write_text('end.txt', 'x')\n",
    )
    command = subprocess.Popen(
        [*COMMAND, "run", "main.flow"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment()
    )
    assert command.stdout.readline() == b"line 0\n"
    command.stdout.close()
    errors = command.stderr.read().decode()
    command.stderr.close()
    assert command.wait() == 0, errors
    assert "Broken pipe" not in errors
    assert (world.root / "end.txt").exists()


def test_output_that_cannot_be_written_is_said_and_counts(world):
    world.write("main.flow", "print('x')\n")
    with open("/dev/full", "w") as full:
        command = [*COMMAND, "run", "main.flow", "--id", "r1"]
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, env=environment(), check=False)
    assert done.returncode == 74
    assert "error[output-lost]: stdout cannot be written: no space left on device" in done.stderr
    assert json.loads(world.command("runs", "show", "r1", "-o", "json").stdout)["status"] == "completed"


def test_journal_that_fails_on_the_way(world):
    """A disk that is full: the run stops there, says so, and goes on when there is room again."""
    for number in range(8):
        world.write(f"big{number}.txt", secrets.token_hex(100_000))
    world.write(
        "main.flow",
        "for n in range(8):\n    current_flow().actions.files.read_text('big%d.txt' % n)\nprint('end')\n",
    )

    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (500_000, 500_000))

    command = [*COMMAND, "run", "main.flow", "--id", "r1"]
    done = subprocess.run(command, capture_output=True, text=True, env=environment(), check=False, preexec_fn=limit)
    assert done.returncode == 74, done.stderr
    assert done.stdout == ""
    assert "error[journal-unavailable]" in done.stderr
    assert "Traceback" not in done.stderr
    assert "nothing was started that is not recorded; `flowlang resume r1` goes on from there" in done.stderr
    result = world.command("resume", "r1")
    assert (result.code, result.stdout) == (0, "end\n")
