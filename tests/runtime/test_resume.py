"""Taking up runs: with the same id from several sides, with other actions, from damaged journals."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from run_project import PowerCut, RunProject, cut_power

from flowlang.errors import ActionsMissing, JournalCorrupt, RunError, RunNotFound, UsageError
from flowlang.lang.values.display import repr_value
from flowlang.runtime import launch as launch_module
from flowlang.runtime.action import action
from flowlang.runtime.journal.event import RunCompleted
from flowlang.runtime.journal.journal import RunStatus
from flowlang.runtime.outcome import Attachment
from flowlang.testing.crash import CrashingJournal
from flowlang.testing.fork import in_clean_process
from flowlang.testing.ledger import violations

SCRIPT = """
load("@std//files.flow", "exists", "write_text")
for number in range(3):
    write_text("step-%d" % number, "")
    print("step", number)
print(exists("step-2"))
"""


def cut(project: RunProject, cut_at: int, run_id: str = "run") -> None:
    with closing(project.journal()) as journal:
        engine = project.engine(CrashingJournal(journal, cut_at, action=cut_power))
        with pytest.raises(PowerCut):
            engine.start(engine.build_script(project.root / "main.flow"), run_id=run_id)
        engine.close()


def test_a_finished_run_gives_its_outcome_again(tmp_path: Path) -> None:
    project = RunProject(tmp_path, "unwrap(Ok(1))\nx = flow(implementation = lambda c: [1])()\nfail({'a': x.value})\n")
    first = project.start()
    again, resumed = project.start(), project.resume()
    assert (first.attachment, again.attachment, resumed.attachment) == (
        Attachment.NEW,
        Attachment.FINISHED,
        Attachment.FINISHED,
    )
    assert repr_value(first.result) == repr_value(again.result) == repr_value(resumed.result) == 'Err({"a": [1]})'
    assert project.watching.lines == []
    assert sum(isinstance(record.event, RunCompleted) for record in project.records()) == 1


def test_an_unknown_run_cannot_be_resumed(tmp_path: Path) -> None:
    with pytest.raises(RunNotFound):
        RunProject(tmp_path, SCRIPT).resume("other")


ARGUMENTS = """
def _main_impl(fctx):
    print(fctx.args.n)
main = flow(implementation = _main_impl, args = {"n": args.int(default = 1)})
if __name__ == "__flow__":
    main()
"""


def test_the_same_id_with_other_arguments_is_refused(tmp_path: Path) -> None:
    project = RunProject(tmp_path, ARGUMENTS)
    with closing(project.journal()) as journal:
        engine = project.engine(journal)
        script = engine.build_script(tmp_path / "main.flow")
        assert engine.start(script, run_id="run", texts={"n": "2"}).status is RunStatus.COMPLETED
        assert engine.start(script, run_id="run", texts={"n": "2"}).attachment is Attachment.FINISHED
        for other in ({"n": "3"}, {}):
            with pytest.raises(UsageError, match="other arguments"):
                engine.start(script, run_id="run", texts=other)
        with pytest.raises(UsageError, match="exists and runs"):
            engine.start(script, run_id="run", flow="main", texts={"n": "2"})
        engine.close()
    assert project.watching.lines == ["2"]


def start_at_once(project: RunProject, go: int) -> list[str]:
    with closing(project.journal()) as journal:
        engine = project.engine(journal)
        script = engine.build_script(project.root / "main.flow")
        os.read(go, 1)
        try:
            outcome = engine.start(script, run_id="run")
        except Exception as error:
            return [type(error).__name__]
        finally:
            engine.close()
    return [outcome.status.value]


def start_several(root: Path) -> list[Any]:
    """Starts the same run in four processes at the same time. Gives what each of them says."""
    project = RunProject(root, SCRIPT)
    project.journal().close()
    go, gate = os.pipe()
    results = []
    for _ in range(4):
        reading, writing = os.pipe()
        if os.fork() == 0:
            with os.fdopen(writing, "w") as pipe:
                pipe.write(str(start_at_once(project, go)))
            os._exit(0)
        os.close(writing)
        results.append(reading)
    os.write(gate, bytes(4))
    said = [os.fdopen(reading).read() for reading in results]
    for _ in results:
        os.wait()
    return said


def test_one_of_several_that_start_the_same_run_at_once_gets_it(tmp_path: Path) -> None:
    said = in_clean_process(start_several, tmp_path)
    assert set(said) <= {"['LeaseHeld']", "['completed']"}
    assert "['completed']" in said
    project = RunProject(tmp_path, SCRIPT)
    assert violations(project.ledger.entries(), crashes=0) == []
    assert len(project.performed()) == 4
    assert project.resume().attachment is Attachment.FINISHED


# Surroundings that changed


def test_a_run_of_another_language_is_refused_before_anything(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project = RunProject(tmp_path, SCRIPT)
    monkeypatch.setattr(launch_module, "LANGUAGE_VERSION", "999")
    cut(project, 3)
    monkeypatch.undo()
    records, performed = project.records(), project.performed()
    with pytest.raises(RunError, match="version 999 of the language"):
        project.resume()
    assert (project.records(), project.performed()) == (records, performed)


@action(name="shop.order")
def order(count: int) -> int:
    return count


@action(name="shop.order")
def order_by_name(name: str) -> str:
    return name


def test_an_action_that_is_gone_is_named(tmp_path: Path) -> None:
    project = RunProject(tmp_path, "print(current_flow().actions.shop.order(1))\n", [order])
    cut(project, 2)
    project.actions = []
    records, performed = project.records(), project.performed()
    with pytest.raises(ActionsMissing, match=r"needs actions that are not here: `shop\.order`"):
        project.resume()
    assert (project.records(), project.performed()) == (records, performed)
    project.actions = [order]
    assert project.resume().status is RunStatus.COMPLETED


def test_an_action_that_is_not_what_it_was_is_named(tmp_path: Path) -> None:
    named = "changed since: the action `shop.order` takes or gives something else"
    project = RunProject(tmp_path, "print(current_flow().actions.shop.order(1))\n", [order])
    cut(project, 2)
    project.actions = [order_by_name]
    records, performed = project.records(), project.performed()
    outcome = project.resume()
    assert (outcome.status, outcome.stop.reason) == (RunStatus.SUSPENDED, "divergence")
    assert named in outcome.stop.detail
    assert outcome.stop.hint.startswith("nothing was performed; resume the run where its actions")
    assert (project.records(), project.performed()) == (records, performed)
    project.actions = [order]
    assert project.resume().status is RunStatus.COMPLETED
    assert project.watching.lines == ["1"]


@pytest.mark.parametrize("column", ["payload", "detail", "position", "checksum", "sequence"])
def test_a_damaged_journal_stops_its_run_and_no_other(tmp_path: Path, column: str) -> None:
    project = RunProject(tmp_path, SCRIPT)
    cut(project, 3, "damaged")
    cut(project, 3, "whole")
    with closing(sqlite3.connect(tmp_path / ".flowlang" / "flowlang.db")) as database, database:
        value = "99" if column == "sequence" else "'9'" if column == "position" else "x'00'"
        database.execute(
            f"UPDATE event SET {column} = {value} WHERE sequence = 4"
            " AND run = (SELECT number FROM run WHERE run_id = 'damaged')"
        )
    performed = project.performed()
    for _ in range(2):
        with pytest.raises(JournalCorrupt, match="record 4 of run `damaged`"):
            project.resume("damaged")
    assert project.performed() == performed
    assert project.resume("whole").status is RunStatus.COMPLETED


# Values that cannot be in a journal


FUNCTIONS = """
load("@std//files.flow", "write_text")

def _make_impl(fctx, step):
    write_text("made-%d" % step, "")
    seen = []
    def add(number):
        return number + step + len(seen)
    return add

make = flow(implementation = _make_impl)

def _apply_impl(fctx, function, numbers):
    numbers.append(100)
    write_text("applied", str(len(numbers)))
    return [function(number) for number in numbers]

apply = flow(implementation = _apply_impl)
numbers = [1, 2]
first = unwrap(make(10))
print(apply(first, numbers), numbers)
second = unwrap(make(20))
write_text("end", str(second(1)))
print(apply(second, numbers), numbers)
"""


def test_functions_that_flows_give_are_made_again(tmp_path: Path) -> None:
    expected = RunProject(tmp_path, FUNCTIONS)
    expected.start("expected")
    assert expected.watching.lines == ["Ok([11, 12, 110]) [1, 2]", "Ok([21, 22, 120]) [1, 2]"]
    for cut_at in range(1, 7):
        project = RunProject(tmp_path, FUNCTIONS)
        cut(project, cut_at, f"cut-{cut_at}")
        assert project.start(f"cut-{cut_at}").status is RunStatus.COMPLETED
        assert project.canonical(f"cut-{cut_at}") == expected.canonical("expected")


FAN_OUT = """
tasks = [current_flow().actions.run(current_flow().actions.test.double, number) for number in range(300)]
print(len([unwrap(result) for result in current_flow().actions.wait(tasks)]))
sleep(1)
print("end")
"""


def test_what_ran_side_by_side_is_delivered_as_recorded(tmp_path: Path) -> None:
    project = RunProject(tmp_path, FAN_OUT)
    cut(project, 3)
    assert len(project.performed()) == 300
    assert project.resume().status is RunStatus.COMPLETED
    assert project.watching.lines == ["end"]
    assert len(project.performed()) == 300
