"""`flowlang eval`: what it prints and gives, in processes of its own where that matters."""

from __future__ import annotations

import resource
import signal
import subprocess
import sys

import pytest
from cli_world import COMMAND, environment

from flowlang.cli.safety_net import GRACE_S, TimeOver, limited_memory, limited_time

SPIN = "def spin():\n    for _ in range(1 << 60):\n        pass\nprint('here')\nspin()\n"


def in_process(*arguments, text=None, **options):
    """What a command in a process of its own gives."""
    return subprocess.run(
        [*COMMAND, "eval", *arguments], input=text, capture_output=True, env=environment(), check=False, text=True,
        timeout=120, **options,
    )  # fmt: skip


def test_stdin_is_evaluated(world):
    done = in_process("-", "-o", "json", text="x = [n * n for n in range(4)]\nprint('said')\n", cwd=world.root)
    assert (done.returncode, done.stdout, done.stderr) == (0, '{\n  "x": [0, 1, 4, 9]\n}\n', "said\n")


def test_text_mode_prints_what_the_script_prints_and_nothing_else(world):
    world.write("main.flow", "print('a', 1)\nprint('b')\nx = 1\n")
    result = world.command("eval", "main.flow")
    assert (result.code, result.stdout, result.stderr) == (0, "a 1\nb\n", "")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_evaluation_says_so(world, number):
    world.write("main.flow", SPIN)
    # What is printed beside a document is written at once, so the line tells that the script runs.
    command = [*COMMAND, "eval", "main.flow", "--max-steps", "900T", "-o", "json"]
    with subprocess.Popen(
        command, cwd=world.root, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        assert process.stderr.readline() == "here\n"
        process.send_signal(number)
        stdout, stderr = process.communicate(timeout=60)
    assert (process.returncode, stdout, stderr) == (130, "", "interrupted\n")


def test_a_deadline_ends_it(world):
    world.write("main.flow", SPIN)
    result = world.command("eval", "main.flow", "--timeout", "0.2", "--max-steps", "900T")
    assert result.code == 1
    assert "error[deadline-exceeded]" in result.stderr


def test_the_same_script_stops_at_the_same_step(world):
    world.write("main.flow", "def f(n):\n    return [i for i in range(n)]\nfor i in range(100): f(i)\n")
    limits = range(5000, 6000, 200)
    first = [world.command("eval", "main.flow", "--max-steps", str(limit)).code for limit in limits]
    again = [
        in_process("main.flow", "--max-steps", str(limit), cwd=world.root).returncode
        for limit in (limits[0], limits[-1])
    ]
    assert [first[0], first[-1]] == again


def test_a_reader_that_goes_away_is_no_failure(world):
    world.write("main.flow", "for n in range(100000): print(n)\n")
    with subprocess.Popen(
        [*COMMAND, "eval", "main.flow"], cwd=world.root, env=environment(), stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline() == "0\n"
        process.stdout.close()
        assert process.stderr.read() == ""
    assert process.returncode == 0


@pytest.mark.parametrize(
    ("text", "slug"),
    [
        ("x = 1\nx.__class__\n", "unknown-attribute"),
        ('"{0.__class__}".format(1)\n', "bad-format"),
        ("x = [0] * (1 << 40)\n", "budget-memory"),
        ('x = "a" * (1 << 40)\n', "string-too-large|budget-memory|text-too-long|too-large"),
        ("x = 1 << (1 << 40)\n", "invalid-shift"),
        ("x = " + "(" * 5000 + ")" * 5000 + "\n", "too-deep"),
        ("x = " + "-" * 5000 + "1\n", "too-deep"),
        ("def f(): return f()\nf()\n", "budget-depth"),
        ("x = []\nx.append(x)\ny = {}\ny[x] = 1\n", "unhashable"),
        ("x = [1]\nfor y in x: x.append(y)\n", "mutated-during-iteration"),
        ("\0", "stray-character"),
        ("import os\n", "import-statement"),
        ("load('//../../etc/passwd.flow', 'x')\n", "load-parent-path"),
        ("print('x' * 1000000)\n" * 20, "budget-output"),
    ],
)
def test_hostile_scripts_end_with_a_diagnostic(world, text, slug):
    world.write("main.flow", text)
    result = world.command("eval", "main.flow", "--max-steps", "10M", "--max-memory", "200MB")
    assert result.code == 1
    assert any(f"error[{name}]" in result.stderr for name in slug.split("|")), result.stderr
    assert "Traceback" not in result.stderr


def test_bytes_that_are_no_text(world):
    (world.root / "main.flow").write_bytes(b"x = 1\ny = '\xff'\n")
    result = world.command("eval", "main.flow", "--output", "json")
    assert (result.code, result.document["error"]["kind"]) == (1, "load-not-utf-8")
    (world.root / "main.flow").write_bytes(b"# " + b"x" * (5 << 20))
    result = world.command("eval", "main.flow", "--output", "json")
    assert (result.code, result.document["error"]["kind"]) == (1, "load-too-large")


def test_a_byte_order_mark_and_carriage_returns(world):
    (world.root / "main.flow").write_bytes(b"\xef\xbb\xbfx = 1\r\ny = [\r\n  x]\r\n")
    assert world.command("eval", "main.flow", "-o", "json").document == {"x": 1, "y": [1]}


def test_other_files_than_scripts(world):
    assert world.command("eval", "/dev/null", "-o", "json").document == {}
    assert world.command("eval", "/dev/zero").code == 1
    assert world.command("eval", ".").code == 2
    world.write("odd name!.txt", "x = 1\n")
    assert world.command("eval", "odd name!.txt", "-o", "json").document == {"x": 1}


def test_modules_are_confined_to_the_project(world, tmp_path):
    (tmp_path / "lib.flow").write_text("KEY = 1\n")
    (tmp_path / "main.flow").write_text('load("./lib.flow", "KEY")\nx = KEY\n')
    world.write("lib.flow", "OTHER = 1\n")
    # A script outside of the project has its own folder as root.
    assert world.command("eval", str(tmp_path / "main.flow"), "-o", "json").document == {"x": 1}
    (world.root / "link.flow").symlink_to(tmp_path / "lib.flow")
    world.write("main.flow", 'load("./link.flow", "KEY")\n')
    result = world.command("eval", "main.flow")
    assert (result.code, "error[load-link]" in result.stderr) == (1, True)


def test_it_loads_nothing_heavy(world):
    world.write("main.flow", "x = {'a': [1, 2]}\n")
    program = (
        "import sys\nfrom flowlang.cli.main import run\ncode = run(sys.argv[1:])\n"
        "print('\\n'.join(sys.modules), file=sys.stderr)\nsys.exit(code)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, "eval", "main.flow", "-o", "json"], capture_output=True, text=True,
        env=environment(), check=False, cwd=world.root,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert not set(done.stderr.split()).intersection({"sqlalchemy", "rich", "lark", "asyncio", "hypothesis"})


def test_the_net_below_the_budget():
    before = resource.getrlimit(resource.RLIMIT_AS)
    with limited_memory(1 << 34):
        inside = resource.getrlimit(resource.RLIMIT_AS)
        assert inside[0] != resource.RLIM_INFINITY
        assert inside[0] > 1 << 34
    assert resource.getrlimit(resource.RLIMIT_AS) == before


@pytest.mark.parametrize("error", [ValueError, OSError, MemoryError])
def test_the_net_lets_errors_through(error):
    before = resource.getrlimit(resource.RLIMIT_AS)
    with pytest.raises(error), limited_memory(1 << 34):
        raise error
    assert resource.getrlimit(resource.RLIMIT_AS) == before


def test_file_names_that_are_no_text(world):
    name = b"odd \xff\x1b.flow".decode("utf-8", "surrogateescape")
    (world.root / name).write_text("x = missing_name\n")
    assert "odd \\xff\\x1b.flow:1:5" in world.command("eval", name).stderr
    result = world.command("check", name, "-o", "concise")
    assert (result.code, result.stdout.endswith("error[undefined-name] name `missing_name` is not defined\n")) == (
        1,
        True,
    )
    (world.root / name).write_text("x = null\n")
    assert world.command("check", "--fix").code == 0
    assert (world.root / name).read_text() == "x = None\n"


def endless():
    while True:
        pass


def test_an_alarm_ends_what_takes_too_long():
    before = signal.getsignal(signal.SIGALRM)
    with pytest.raises(TimeOver), limited_time(0.05 - GRACE_S):
        endless()
    with limited_time(1000.0), limited_time(None):
        pass
    assert signal.getsignal(signal.SIGALRM) == before
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


def test_a_text_that_takes_too_long_to_compile(world):
    lines = "".join(
        f"def f{number}(a, b = {number}):\n    return [a + x for x in [b, a, b * a]]\n" for number in range(2_000)
    )
    world.write("main.flow", lines)
    result = world.command("eval", "main.flow", "--timeout", "0")
    assert (result.code, "error[deadline-exceeded]" in result.stderr) == (1, True)
