"""Runs that travel: an export is the run, wherever it is imported, and every store finds it whole."""

from __future__ import annotations

from contextlib import closing

import pytest
from operated_project import OperatedProject
from test_going_on import SIGNALS, TWO_READS

from flowlang.errors import RunAlreadyExists
from flowlang.runtime.archive import read_archive
from flowlang.runtime.journal.canonical_form import canonical_form
from flowlang.runtime.journal.locate import MEMORY, open_journal
from flowlang.runtime.journal.verify import verify
from flowlang.runtime.operations.operations import Operations

PASSES_TOKEN = """
def _order(fctx):
    refund = gate("refund")
    fctx.actions.files.write_text("token.txt", refund.token)
    by = await_gate(refund)["by"]
    fctx.actions.files.write_text("by.txt", by)
    return by

order = flow(implementation = _order)
"""


def test_a_round_trip_changes_nothing(project, tmp_path):
    """The copy of a finished run has the same canonical journal, code, outcome and attributes, and verifies."""
    made = project(TWO_READS)
    made.write("first.txt", "a")
    made.start("both", "r", attributes={"region": "eu", "n": 1.5})
    made.work()
    made.operations.export("r", tmp_path / "r.jsonl")
    assert made.operations.import_archive(tmp_path / "r.jsonl", run_id="copy") == "copy"
    before, after = made.journal.run("r"), made.journal.run("copy")
    assert canonical_form(made.journal.read("copy")) == canonical_form(made.journal.read("r"))
    assert made.journal.read("copy") == made.journal.read("r")
    assert made.journal.modules("copy") == made.journal.modules("r")
    assert made.journal.manifest("copy") == made.journal.manifest("r")
    assert made.journal.attributes("copy") == {"region": "eu", "n": 1.5}
    assert (after.status, after.created_at_ms, after.steps) == (before.status, before.created_at_ms, before.steps)
    assert verify(made.journal, "copy") == []
    made.operations.export("copy", tmp_path / "copy.jsonl")
    first, second = read_archive(tmp_path / "r.jsonl"), read_archive(tmp_path / "copy.jsonl")
    assert (first.records, first.modules) == (second.records, second.modules)


def test_an_imported_run_goes_on_when_it_is_let(project, tmp_path):
    """A run that waits at a gate, with a signal that it has not taken, comes in stopped; let go on, it takes the signal
    and its own gate decides."""
    made = project(SIGNALS)
    made.start("ask", "r")
    made.work()
    made.operations.signal("r", "later", 1)
    made.operations.export("r", tmp_path / "r.jsonl")
    made.operations.import_archive(tmp_path / "r.jsonl", run_id="copy")
    assert made.status("copy") == "stopped"
    made.work()
    assert made.status("copy") == "stopped"
    assert [message.name for message in made.journal.open_messages("copy")] == ["later"]
    made.operations.retry("copy")
    made.work()
    made.operations.approve("copy:first", by="ann")
    made.work()
    made.operations.approve("copy:second", by="bob")
    made.work()
    assert made.value("copy") == ["ann", "bob"]
    assert [gate.run_id for gate in made.operations.gates()] == ["r"]
    assert verify(made.journal, "copy") == []


def test_a_copy_knows_the_tokens_that_the_other_gave_out(project, tmp_path):
    """A script that passed the token of its gate on goes on under another id without a divergence, and what it does
    then is told from what the other does."""
    made = project(PASSES_TOKEN)
    made.start("order", "r")
    made.work()
    made.operations.export("r", tmp_path / "r.jsonl")
    made.operations.import_archive(tmp_path / "r.jsonl", run_id="copy")
    made.operations.retry("copy")
    for run_id in ("r", "copy"):
        made.operations.approve(f"{run_id}:refund", by=run_id)
        made.work()
        assert made.value(run_id) == run_id
    assert len(set(made.keys("files.write_text"))) == len(made.keys("files.write_text")) == 3


def test_a_family_moves_together(project, tmp_path):
    """A parent and its child that are exported and imported under their own ids are parent and child again."""
    made = project(SIGNALS)
    made.start("whole", "r")
    made.work()
    for run_id in ("r", "one"):
        made.operations.export(run_id, tmp_path / f"{run_id}.jsonl")
    with closing(open_journal(MEMORY, made.clock)) as journal:
        there = OperatedProject(made.root, journal, made.clock, Operations(journal, made.clock))
        for run_id in ("r", "one"):
            there.operations.import_archive(tmp_path / f"{run_id}.jsonl")
            there.operations.retry(run_id)
        assert [child.run_id for child in journal.children("r")] == ["one"]
        there.work()
        there.operations.signal("one", "go", 1)
        there.work()
        assert [command.name for command in there.operations.open_commands("r")] == ["r:0.1"]


def test_an_id_that_exists_is_kept(project, tmp_path):
    """An import never touches a run that is there."""
    made = project(SIGNALS)
    made.start("ask", "r")
    made.operations.export("r", tmp_path / "r.jsonl")
    made.work()
    before = made.journal.read("r")
    with pytest.raises(RunAlreadyExists):
        made.operations.import_archive(tmp_path / "r.jsonl")
    assert made.journal.read("r") == before


def test_forks_and_resets_verify(project):
    """What a fork and a reset leave behind is a journal in which everything holds that must."""
    made = project(SIGNALS)
    made.start("collect", "r")
    made.operations.signal("r", "n", 1)
    made.operations.signal("r", "n", 2)
    made.work()
    made.operations.reset("r", 2)
    forked = made.operations.fork("r", 3)
    made.work()
    made.operations.signal(forked, "n", 5)
    made.operations.signal(forked, "n", 6)
    made.work()
    assert made.value("r") == [1, 2]
    assert made.value(forked) == [5, 6]
    assert verify(made.journal, "r") == []
    assert verify(made.journal, forked) == []
