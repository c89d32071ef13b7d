"""Dry runs foresee what a command would do to each run, its refusals included, and change nothing."""

from __future__ import annotations

import pytest

SCRIPT = """
def _paid(fctx):
    return fctx.actions.receive("paid")

paid = flow(implementation = _paid)

def _read(fctx):
    return fctx.actions.files.read_text("in.txt")

read = flow(implementation = _read)

def _broken(fctx):
    fail("by itself")

broken = flow(implementation = _broken)

def _quick(fctx):
    return 1

quick = flow(implementation = _quick)
"""


def run(world, *arguments, code=0):
    """What a command writes, which must end with a code."""
    result = world.command(*arguments)
    assert result.code == code, result.stderr
    return result


@pytest.fixture
def shop(world):
    """Runs in every state: `waits`, `ended`, `failed` for want of a file, `broken` by itself, and `stopped`."""
    world.write("main.flow", SCRIPT)
    for run_id, name in (("waits", "paid"), ("ended", "quick"), ("failed", "read"), ("broken", "broken")):
        run(world, "run", f"main.flow:{name}", "--id", run_id, "--detach")
    run(world, "worker", "--once")
    run(world, "runs", "export", "waits", "--to", "waits.jsonl")
    run(world, "runs", "import", "waits.jsonl", "--id", "stopped")
    return world


def listed(world):
    """Every run with its status and the number of its events."""
    runs = run(world, "runs", "list", "-o", "json").document["runs"]
    return {each["run_id"]: (each["status"], each["events"]) for each in runs}


COMMANDS = [
    (("cancel",), {"ended", "failed", "broken", "stopped"}),
    (("terminate",), {"ended", "failed", "broken"}),
    (("retry",), {"waits", "ended", "broken"}),
    (("reset", "--to", "4"), {"waits", "ended", "broken", "stopped"}),
    (("delete",), {"waits"}),
]


@pytest.mark.parametrize(("command", "refusing"), COMMANDS, ids=lambda each: each[0] if type(each) is tuple else None)
def test_a_dry_run_says_what_will_be(shop, command, refusing):
    """The same runs refuse, for the same reasons, when it is done in earnest; before that nothing was changed."""
    before = listed(shop)
    chosen = ("runs", *command, "--where", "events > 0")
    planned = run(shop, *chosen, "--dry-run", "-o", "json", code=1).document
    assert {each["run_id"] for each in planned["runs"] if "error" in each} == refusing
    assert listed(shop) == before
    for run_id in refusing:
        alone = shop.command("runs", *command, run_id, "--dry-run")
        assert alone.code != 0
        assert alone.stderr.startswith("error[")
    done = run(shop, *chosen, "--yes", "-o", "json", code=1).document
    assert [each.get("error") for each in done["runs"]] == [each.get("error") for each in planned["runs"]]
    assert [each.get("to") for each in done["runs"]] == [each.get("to") for each in planned["runs"]]


def test_a_dry_run_of_signals(shop):
    """Runs that ended refuse; a key that waits with another message is a conflict, with the same one nothing new."""
    chosen = ("signal", "paid", "--where", "events > 0", "--dry-run")
    planned = run(shop, *chosen, "-o", "json", code=1).document
    assert {each["run_id"] for each in planned["runs"] if "error" in each} == {"ended", "failed", "broken"}
    run(shop, "signal", "waits", "paid", "--payload", "1", "--key", "k")
    for payload, code, word in (("1", 0, "has the signal with the key `k` already"), ("2", 1, "message-conflict")):
        again = ("signal", "paid", "--payload", payload, "--key", "k", "--where", 'id = "waits"', "--dry-run")
        assert word in run(shop, *again, code=code).stderr


def test_a_dry_run_knows_that_a_run_is_driven(shop):
    """What a living worker drives can be asked to end and ended, but not set back, deleted or moved."""
    with shop.journal() as journal:
        journal.claim("stopped", journal.new_owner())
        for command in (("delete",), ("reset", "--to", "2"), ("migrate", "--to", "main.flow")):
            shop.write("main.flow", SCRIPT + "# changed\n")
            refused = shop.command("runs", *command, "stopped", "--dry-run")
            assert refused.code != 0
            assert "driven by" in refused.stderr + refused.stdout
        assert run(shop, "runs", "terminate", "stopped", "--dry-run").stderr.startswith("would terminate")
