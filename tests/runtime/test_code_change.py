"""Scripts that are edited while a run of them is unfinished."""

from __future__ import annotations

from pathlib import Path

import pytest
from run_project import PowerCut, RunProject, cut_power

from flowlang.errors import UsageError
from flowlang.lang.values.display import repr_value
from flowlang.runtime.journal.event import CodeChanged
from flowlang.runtime.journal.journal import RunStatus
from flowlang.runtime.outcome import RunOutcome
from flowlang.testing.crash import CrashingJournal

SCRIPT = """load("@std//files.flow", "exists", "write_text")

def _part_impl(fctx, number):
    write_text("inner.txt", "part %d" % number)
    return number

part = flow(implementation = _part_impl)

def _main_impl(fctx):
    print("begin")
    unwrap(part(1))
    write_text("first.txt", "one")
    there = exists("first.txt")
    fctx.actions.sleep(60)
    fctx.actions.wait(fctx.actions.run(exists, "inner.txt"))
    write_text("second.txt", "two")
    write_text("third.txt", "three")
    return there

main = flow(implementation = _main_impl)

if __name__ == "__flow__":
    main()
"""

CUT_AT = 7
"""The write before which the power goes: `second.txt` was written, and the journal does not know it yet."""


@pytest.fixture
def project(tmp_path: Path) -> RunProject:
    """A project whose run is cut off in the middle."""
    project = RunProject(tmp_path, SCRIPT)
    journal = CrashingJournal(project.journal(), CUT_AT, action=cut_power)
    engine = project.engine(journal)
    with pytest.raises(PowerCut):
        engine.start(engine.build_script(tmp_path / "main.flow"), run_id="run")
    engine.close()
    journal.close()
    return project


def places(outcome: RunOutcome) -> list[str]:
    assert outcome.stop is not None
    return [line.strip() for line in outcome.stop.detail]


def test_a_resumed_run_keeps_the_code_that_it_began_with(project: RunProject) -> None:
    project.write("this is no script at all")
    outcome = project.resume()
    assert (outcome.status, repr_value(outcome.result)) == (RunStatus.COMPLETED, "Ok(True)")
    assert [edited for _, _, edited in project.watching.resumptions] == [True]
    assert outcome.sources["main.flow"] == SCRIPT


def test_a_run_whose_file_is_as_it_was_is_not_called_edited(project: RunProject) -> None:
    project.resume()
    assert [edited for _, _, edited in project.watching.resumptions] == [False]


def test_a_run_goes_on_when_its_file_is_gone(project: RunProject) -> None:
    (project.root / "main.flow").unlink()
    assert project.resume().status is RunStatus.COMPLETED
    assert [edited for _, _, edited in project.watching.resumptions] == [True]


def test_starting_an_edited_script_with_the_same_id_goes_on_with_the_old_code(project: RunProject) -> None:
    project.write(SCRIPT.replace('"two"', '"2"'))
    assert project.start().status is RunStatus.COMPLETED
    assert (project.root / "second.txt").read_text() == "two"


COMPATIBLE = {
    "a comment": SCRIPT.replace("def _main_impl", "# Explained now.\ndef _main_impl"),
    "a local with another name": SCRIPT.replace("there", "found"),
    "another print": SCRIPT.replace('    write_text("first', '    print("so far")\n    write_text("first'),
    "a later action": SCRIPT.replace('"three"', '"3"'),
    "a longer sleep": SCRIPT.replace("sleep(60)", "sleep(61)"),
    "pure code": SCRIPT.replace('"one"', '"o" + "ne"'),
}


@pytest.mark.parametrize("edit", COMPATIBLE)
def test_a_run_moves_to_code_that_did_the_same_so_far(project: RunProject, edit: str) -> None:
    project.write(COMPATIBLE[edit])
    before = len(project.records())
    outcome = project.resume(code="current")
    assert (outcome.status, repr_value(outcome.result)) == (RunStatus.COMPLETED, "Ok(True)")
    assert outcome.sources["main.flow"] == COMPATIBLE[edit]
    assert (project.root / "third.txt").read_text() == ("3" if edit == "a later action" else "three")
    assert project.performed().count("files.write_text") == 5  # four, and one that was under way
    assert [type(record.event) for record in project.records()[before:]].index(CodeChanged) == 0
    journal = project.journal()
    assert journal.modules("run")["main.flow"] == COMPATIBLE[edit]
    journal.close()


def test_a_moved_run_that_dies_goes_on_with_its_new_code(project: RunProject) -> None:
    project.write(COMPATIBLE["a later action"])
    for cut_at in (2, 3):
        journal = CrashingJournal(project.journal(), cut_at, action=cut_power)
        engine = project.engine(journal)
        with pytest.raises(PowerCut):
            engine.resume("run", code="current")
        engine.close()
        journal.close()
    project.write("no script")
    assert project.resume().status is RunStatus.COMPLETED
    assert (project.root / "third.txt").read_text() == "3"
    assert sum(isinstance(record.event, CodeChanged) for record in project.records()) == 1


def test_a_run_moves_only_when_the_code_differs(project: RunProject) -> None:
    assert project.resume(code="current").status is RunStatus.COMPLETED
    assert not any(isinstance(record.event, CodeChanged) for record in project.records())


# What was edited, what the journal has, what the code asks for, and the lines of both.
DIVERGING = {
    "the name of an action": (
        ('exists("first.txt")', 'fctx.actions.files.stat("first.txt")'),
        ("files.exists(", 13, "files.stat(", 13),
    ),
    "an argument": (
        ('"one"', '"eins"'),
        ('files.write_text(path = "first.txt", text = "one")', 12, 'text = "eins")', 12),
    ),
    "the type of an argument": (
        ('exists("first.txt")', 'exists(b"first.txt" and "first.tx")'),
        ('path = "first.txt")', 13, 'path = "first.tx")', 13),
    ),
    "the order of two actions": (
        (
            '    write_text("first.txt", "one")\n    there = exists("first.txt")\n',
            '    there = exists("first.txt")\n    write_text("first.txt", "one")\n',
        ),
        ("files.write_text(", 12, "files.exists(", 12),
    ),
    "an action more": (
        ('    write_text("first.txt"', '    exists("x")\n    write_text("first.txt"'),
        ("files.write_text(", 12, 'files.exists(path = "x")', 12),
    ),
    "an action less": (
        ('    write_text("first.txt", "one")\n', ""),
        ("files.write_text(", 12, "files.exists(", 12),
    ),
    "the last action so far": (('"two"', '"2"'), ('text = "two")', 16, 'text = "2")', 16)),
    "no more actions": (
        ('    write_text("second.txt", "two")\n    write_text("third.txt", "three")\n', ""),
        ('text = "two")', 16, "nothing", None),
    ),
    "a timer less": (("    fctx.actions.sleep(60)\n", ""), ("sleep", 14, "run(exists)", 14)),
    "a timer in the place of an action": (
        ('write_text("first.txt", "one")', "fctx.actions.sleep(1)"),
        ("files.write_text(", 12, "sleep", 12),
    ),
    "the argument of a flow": (("part(1)", "part(2)"), ("part(1)", 11, "part(2)", 11)),
    "the name of a flow": (("part = flow(", 'part = flow(name = "piece", '), ("part(1)", 11, "piece(1)", 11)),
    "the argument of a task": (('exists, "inner', 'exists, "outer'), ("run(exists)", 15, "run(exists)", 15)),
    "an action inside a finished flow": (
        ('"part %d"', '"piece %d"'),
        ('text = "part 1")', 4, 'text = "piece 1")', 4),
    ),
    "what a finished flow gives": (("return number", "return -number"), ("gives Ok(1)", 11, "gives Ok(-1)", None)),
}


@pytest.mark.parametrize("edit", DIVERGING)
def test_a_run_does_not_move_to_code_that_did_something_else(project: RunProject, edit: str) -> None:
    (old, new), (recorded, recorded_line, asked, asked_line) = DIVERGING[edit]
    assert old in SCRIPT
    project.write(SCRIPT.replace(old, new))
    records, performed = project.records(), project.performed()
    outcome = project.resume(code="current")
    assert outcome.status is RunStatus.SUSPENDED
    assert outcome.stop is not None
    assert (outcome.stop.reason, outcome.stop.slug) == ("divergence", "replay-mismatch")
    shown = places(outcome)
    event, recorded_call, *rest = shown
    assert event.startswith("event ")
    assert recorded_call.startswith("recorded: ")
    assert recorded in recorded_call
    assert f"main.flow:{recorded_line}:" in rest[0]
    asked_call = next(line for line in rest if line.startswith("asked for: "))
    assert asked in asked_call
    assert asked_line is None or f"main.flow:{asked_line}:" in rest[rest.index(asked_call) + 1]
    assert project.records() == records
    assert project.performed() == performed
    # The run is as good as before.
    project.write(SCRIPT)
    assert project.resume().status is RunStatus.COMPLETED


def test_code_with_errors_is_refused_before_anything(project: RunProject) -> None:
    project.write("x = (\n")
    records = project.records()
    with pytest.raises(UsageError, match="errors"):
        project.resume(code="current")
    assert project.records() == records
    assert project.resume().status is RunStatus.COMPLETED
