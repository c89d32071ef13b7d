"""Retry, reset and fork: what is done again, what is kept, what is delivered again."""

from __future__ import annotations

import pytest

from flowlang.errors import RunError, UsageError
from flowlang.runtime.journal.event import ActionFailed, MessageReceived, RunReset
from flowlang.runtime.launch import code_of
from flowlang.runtime.operations.reset import retry_point

TWO_READS = """
def _both(fctx):
    first = fctx.actions.files.read_text("first.txt")
    second = fctx.actions.files.read_text("second.txt")
    return first + second

both = flow(implementation = _both)

def _wrong(fctx):
    fail("never mind")

wrong = flow(implementation = _wrong)
"""

SIGNALS = """
def _collect(fctx):
    got = [fctx.actions.receive("n")]
    got.append(fctx.actions.receive("n"))
    fctx.actions.files.write_text("done.txt", "x")
    return got

collect = flow(implementation = _collect)

def _ask(fctx):
    gate = fctx.actions.gate("first")
    first = fctx.actions.await_gate(gate)["by"]
    second = fctx.actions.await_gate(fctx.actions.gate("second"))["by"]
    return [first, second]

ask = flow(implementation = _ask)

def _part(fctx):
    return fctx.actions.receive("go")

part = flow(implementation = _part)

def _whole(fctx):
    one = fctx.actions.spawn(part, id = "one")
    first = unwrap(fctx.actions.wait(one))
    two = fctx.actions.spawn(part)
    return [first, unwrap(fctx.actions.wait(two))]

whole = flow(implementation = _whole)
"""


def test_retry_of_a_failed_run_repeats_only_what_failed(project):
    """The action that failed is attempted again under a new key; the one before it keeps its result."""
    made = project(TWO_READS)
    made.write("first.txt", "a")
    made.start("both", "r")
    made.work()
    assert made.status("r") == "failed"
    made.write("first.txt", "changed meanwhile")
    made.write("second.txt", "b")
    failed = next(each.sequence for each in made.journal.read("r") if isinstance(each.event, ActionFailed))
    assert made.operations.retry("r").to == failed - 1
    made.work()
    assert made.value("r") == "ab"
    first, failing, again = made.keys("files.read_text")
    assert len({first, failing, again}) == 3


def test_a_run_that_failed_by_itself_is_not_retried(project):
    """Without a failure from outside a retry would fail again; the refusal says what to do instead."""
    made = project(TWO_READS)
    made.start("wrong", "r")
    made.work()
    with pytest.raises(RunError, match="failed by itself") as caught:
        made.operations.retry("r")
    assert "runs fork r" in (caught.value.hint or "")


@pytest.mark.parametrize("end", ["cancel", "terminate"])
def test_retry_of_a_run_that_was_ended(project, end):
    """A cancelled or terminated run goes on where it was, and still gets the message that it waited for."""
    made = project(SIGNALS)
    made.start("collect", "r")
    made.operations.signal("r", "n", 1)
    made.work()
    if end == "cancel":
        assert made.operations.cancel("r", reason="wrong")
        assert not made.operations.cancel("r", reason="very wrong")
    else:
        made.operations.terminate("r", reason="wrong")
    made.work()
    assert made.status("r") == {"cancel": "cancelled", "terminate": "terminated"}[end]
    made.operations.retry("r")
    made.work()
    assert made.status("r") == "waiting"
    made.operations.signal("r", "n", 2)
    made.work()
    assert made.value("r") == [1, 2]


def test_what_did_not_end_or_ended_well_is_not_retried(project):
    """A completed run and one that goes on refuse, each with what to type."""
    made = project(SIGNALS)
    made.start("collect", "r")
    made.work()
    with pytest.raises(RunError, match="has not ended: it is waiting"):
        made.operations.retry("r")
    made.operations.signal("r", "n", 1)
    made.operations.signal("r", "n", 2)
    made.work()
    with pytest.raises(RunError, match="completed"):
        made.operations.retry("r")


def test_reset_delivers_again_what_came_from_outside(project):
    """Signals received after the event are received again in their order; the action after them is done anew."""
    made = project(SIGNALS)
    made.start("collect", "r")
    for number in (1, 2):
        made.operations.signal("r", "n", number)
    made.work()
    first = next(each.sequence for each in made.journal.read("r") if isinstance(each.event, MessageReceived))
    plan = made.operations.reset("r", first, reason="again", by="ann")
    assert len(plan.messages) == 1
    assert made.status("r") == "suspended"
    made.work()
    assert made.value("r") == [1, 2]
    assert len(set(made.keys("files.write_text"))) == 2
    made.operations.reset("r", 1)
    made.work()
    assert made.value("r") == [1, 2]


def test_reset_keeps_decisions_of_gates_that_stay_open(project):
    """A gate opened before the event keeps its decision; one opened after it must be decided again."""
    made = project(SIGNALS)
    made.start("ask", "r")
    made.work()
    made.operations.approve("r:first", by="ann")
    made.work()
    made.operations.approve("r:second", by="bob")
    made.work()
    assert made.value("r") == ["ann", "bob"]
    received = next(each.sequence for each in made.journal.read("r") if isinstance(each.event, MessageReceived))
    made.operations.reset("r", received - 1)
    made.work()
    assert made.status("r") == "waiting"
    assert [gate.name for gate in made.operations.gates("r")] == ["second"]
    made.operations.reject("r:second", by="eve")
    made.work()
    assert made.value("r") == ["ann", "eve"]


def test_reset_asks_later_children_to_end_and_keeps_results_of_earlier_ones(project):
    """The result of a child that was spawned before the event is delivered again; a child spawned after it is
    cancelled, and the call that spawned it makes another."""
    made = project(SIGNALS)
    made.start("whole", "r")
    made.work()
    made.operations.signal("one", "go", 1)
    made.work()
    later = made.journal.children("r")[-1].run_id
    started = [each.sequence for each in made.journal.read("r") if type(each.event).__name__ == "ChildStarted"]
    plan = made.operations.reset("r", started[0])
    assert plan.children == [later]
    made.work()
    assert made.status(later) == "cancelled"
    [other] = [child.run_id for child in made.journal.children("r") if child.status.value == "waiting"]
    made.operations.signal(other, "go", 2)
    made.work()
    assert made.value("r") == [1, 2]


def test_where_a_run_cannot_be_set_back_to(project):
    """Numbers that are no events, and events that an earlier reset undid, are refused."""
    made = project(SIGNALS)
    made.start("collect", "r")
    made.operations.signal("r", "n", 1)
    made.work()
    last = made.journal.run("r").sequence
    for number in (0, last, last + 1):
        with pytest.raises(UsageError, match="cannot be set back"):
            made.operations.reset("r", number)
    made.operations.reset("r", 2)
    with pytest.raises(UsageError, match="undone by an earlier reset"):
        made.operations.reset("r", 3)


def test_retry_point_counts_only_what_counts(project):
    """A failure that a reset undid is not the one that a retry goes back to."""
    made = project(TWO_READS)
    made.start("both", "r")
    made.work()
    made.operations.retry("r")
    made.work()
    records = made.journal.read("r")
    failures = [each.sequence for each in records if isinstance(each.event, ActionFailed)]
    assert len(failures) == 2
    assert any(isinstance(each.event, RunReset) for each in records)
    assert retry_point(made.journal.run("r"), records) == failures[1] - 1


def test_fork_goes_on_by_itself(project):
    """A fork has what was done up to the event, does the rest under keys of its own, and leaves the other as it is."""
    made = project(TWO_READS)
    made.write("first.txt", "a")
    made.start("both", "r")
    made.work()
    before = made.journal.read("r")
    made.write("second.txt", "b")
    failed = next(each.sequence for each in before if isinstance(each.event, ActionFailed))
    forked = made.operations.fork("r", failed - 1)
    made.work()
    assert made.value(forked) == "ab"
    assert made.journal.read("r") == before
    assert len(set(made.keys("files.read_text"))) == 3


def test_fork_with_other_code(project):
    """A fork that was given other code goes on with it."""
    made = project(TWO_READS)
    made.write("first.txt", "a")
    made.start("both", "r")
    made.work()
    failed = next(each.sequence for each in made.journal.read("r") if isinstance(each.event, ActionFailed))
    made.write("main.flow", TWO_READS.replace("return first + second", "return second + first").replace(
        'read_text("second.txt")', 'read_text("other.txt")'))  # fmt: skip
    made.write("other.txt", "o")
    driver = made._driver()
    script = driver.build_script(made.root / "main.flow")
    forked = made.operations.fork("r", failed - 2, new_id="f", code=code_of(script, driver._assembly.registry))
    driver.close()
    made.work()
    assert made.value(forked) == "oa"


def test_fork_opens_gates_of_its_own_and_knows_how_children_ended(project):
    """A fork waits at its own gate, whatever happens to the other's; a child that ended has its result in the fork,
    one that has not ended keeps the run from being forked there."""
    made = project(SIGNALS)
    made.start("ask", "r")
    made.work()
    forked = made.operations.fork("r", made.journal.run("r").sequence, new_id="f")
    made.operations.approve("r:first", by="ann")
    made.work()
    assert [gate.run_id for gate in made.operations.gates(forked)] == ["f"]
    made.operations.approve("f:first", by="fay")
    made.work()
    assert [gate.name for gate in made.operations.gates(forked)] == ["second"]

    made.start("whole", "w")
    made.work()
    at = made.journal.run("w").sequence
    with pytest.raises(RunError, match="waits for its child `one`"):
        made.operations.fork("w", at)
    made.operations.signal("one", "go", 1)
    made.work()
    copy = made.operations.fork("w", at)
    made.work()
    assert made.status(copy) == "waiting"
    assert [command.kind for command in made.operations.open_commands(copy)] == ["child"]
