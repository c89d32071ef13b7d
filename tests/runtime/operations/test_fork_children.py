"""Forks of runs with children: ended ones are past, open ones are spawned anew, and what cannot be is refused."""

from __future__ import annotations

import pytest

from flowlang.errors import RunError
from flowlang.runtime.journal.event import ChildEnded, ChildStarted
from flowlang.runtime.journal.verify import verify

SCRIPT = """
def _part(fctx, number):
    return number * fctx.actions.receive("go")
part = flow(implementation = _part)

def _whole(fctx):
    children = [fctx.actions.spawn(part, number) for number in (1, 2, 3)]
    return [unwrap(result) for result in fctx.actions.wait(children)]
whole = flow(implementation = _whole)

def _named(fctx):
    return unwrap(fctx.actions.wait(fctx.actions.spawn(part, 1, id = "mine")))
named = flow(implementation = _named)

def _told(fctx):
    child = fctx.actions.spawn(part, 1)
    fctx.actions.files.write_text("child.txt", child.run_id)
    return unwrap(fctx.actions.wait(child))
told = flow(implementation = _told)

def _sent(fctx):
    child = fctx.actions.spawn(part, 1)
    child.inbox.send("note", 5)
    return unwrap(fctx.actions.wait(child))
sent = flow(implementation = _sent)
"""


def started(made, run_id, place=0):
    """Where in a run's journal its child was started, and the child's id."""
    found = [each for each in made.journal.read(run_id) if isinstance(each.event, ChildStarted)]
    return found[place].sequence, found[place].event.run_id


def children(made, run_id):
    """The ids of the runs that a run has spawned."""
    return [child.run_id for child in made.journal.children(run_id)]


def test_open_children_are_spawned_anew(project):
    """Of three children the first had ended at the event, the second has since: the fork has their results. The third
    goes on: the fork has a child of its own in its place, and neither run hears of the other's."""
    made = project(SCRIPT)
    made.start("whole", "w")
    made.work()
    first, second, third = (started(made, "w", place)[1] for place in range(3))
    made.operations.signal(first, "go", 10)
    made.work()
    at = next(each.sequence for each in made.journal.read("w") if isinstance(each.event, ChildEnded))
    made.operations.signal(second, "go", 10)
    made.work()
    forked = made.operations.fork("w", at, new_id="f")
    made.work()
    (own,) = children(made, forked)
    assert own == third.replace("w:", "f:")
    assert sorted(children(made, "w")) == sorted([first, second, third])
    made.operations.signal(own, "go", 100)
    made.work()
    assert made.value("f") == [10, 20, 300]
    assert made.status("w") == "waiting"
    made.operations.signal(third, "go", 1)
    made.work()
    assert made.value("w") == [10, 20, 3]
    for run_id in ("w", "f", own, third):
        assert verify(made.journal, run_id) == []


def test_a_fork_of_a_fork_has_children_too(project):
    """The open child of a fork is spawned anew once more; a fork that is taken up again spawns nothing twice."""
    made = project(SCRIPT)
    made.start("whole", "w")
    made.work()
    made.operations.fork("w", made.journal.run("w").sequence, new_id="f")
    made.work()
    made.operations.signal("f", "unheard")
    made.work()
    assert len(children(made, "f")) == 3
    made.operations.fork("f", made.journal.run("f").sequence, new_id="g")
    made.work()
    for child in children(made, "g"):
        made.operations.signal(child, "go", 7)
    made.work()
    assert made.value("g") == [7, 14, 21]
    assert len(children(made, "g")) == 3


def test_a_fork_that_is_cancelled_takes_its_own_children_along(project):
    """They are its own; those of the other run go on."""
    made = project(SCRIPT)
    made.start("whole", "w")
    made.work()
    made.operations.fork("w", made.journal.run("w").sequence, new_id="f")
    made.work()
    made.operations.cancel("f")
    made.work()
    made.work()
    assert {made.status(child) for child in children(made, "f")} == {"cancelled"}
    assert {made.status(child) for child in children(made, "w")} == {"waiting"}


@pytest.mark.parametrize(
    ("flow", "why"),
    [
        ("named", "its script gave that its id"),
        ("told", "its id stands in event"),
        ("sent", "its id stands in event"),
    ],
)
def test_a_child_that_cannot_be_another_is_refused(project, flow, why):
    """A child whose id the script gave, or whose id the run has used since, has no double; the hint names the nearest
    event at which the run can be forked."""
    made = project(SCRIPT)
    made.start(flow, "r")
    made.work()
    sequence, child = started(made, "r")
    with pytest.raises(RunError, match=why) as refusal:
        made.operations.fork("r", made.journal.run("r").sequence)
    assert f"fork at event {sequence - 1} or before" in str(refusal.value.hint)
    assert f"`{child}`" in str(refusal.value)
    made.operations.fork("r", sequence - 1, new_id="f")
    made.work()
    assert made.status("f") == ("failed" if flow == "named" else made.status("r"))
