"""`flowlang run` names the children that go on without their parent, and says who drives them."""

from __future__ import annotations

SCRIPT = """
def _part(fctx):
    return fctx.actions.receive("go")
part = flow(implementation = _part)

def _whole(fctx):
    for number in range(fctx.args.count):
        fctx.actions.spawn(part, id = "part-%d" % number, on_parent_close = "abandon", queue = fctx.args.queue)
whole = flow(implementation = _whole, args = {"count": args.int(), "queue": args.string(default = "default")})
"""


def run(world, *arguments):
    """What `flowlang run` writes about a flow that leaves children."""
    world.write("main.flow", SCRIPT)
    result = world.command("run", "main.flow:whole", "--id", "w", *arguments)
    assert result.code == 0, result.stderr
    return result.stderr


def test_one_child_is_resumed(world):
    """The command that is shown drives it."""
    said = run(world, "--arg", "count=1")
    assert "hint: part-0, spawned by run w, has not ended; `flowlang resume part-0` goes on" in said
    assert world.command("signal", "part-0", "go", "--payload", "3").code == 0
    assert world.command("resume", "part-0").code == 0
    assert world.command("runs", "result", "part-0", "-o", "json").document["value"] == 3
    assert "hint" not in run(world, "--arg", "count=1")


def test_many_children_need_a_worker(world):
    """Of their queue; some of them are named."""
    said = run(world, "--arg", "count=7", "--arg", "queue=slow")
    assert "part-0, part-1, part-2, part-3, part-4 and 2 more, spawned by run w, have not ended" in said
    assert "`flowlang worker --queue slow` goes on" in said


def test_nothing_is_said_without_children_or_when_quiet(world):
    """No hint without a reason."""
    assert "spawned" not in run(world, "--arg", "count=0")
    assert world.command("runs", "delete", "w", "--yes").code == 0
    assert run(world, "--arg", "count=2", "-q") == ""
