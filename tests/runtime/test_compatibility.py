"""One recorded run, or many, against other code: what is said, and what is moved."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import attrs
import pytest
from recorded_run import RecordedRun

from flowlang.lang.eval.command import LogLine
from flowlang.lang.values.meter import Budget
from flowlang.runtime.action import ActionRegistry, action
from flowlang.runtime.compatibility import Compatible, Diverges, Unchecked, check_run, check_runs, summarise
from flowlang.runtime.dry_replay import DryReplay, LinkedLibrary, RecordedCatalog
from flowlang.runtime.journal.event import CodeChanged
from flowlang.runtime.journal.journal import RunFilter, RunStatus
from flowlang.runtime.journal.sql import SqlJournal
from flowlang.runtime.migration import MOVED, REFUSED, UNCHANGED, WOULD_MOVE, migrate_run
from flowlang.runtime.project import Project

SCRIPT = """def _main(fctx):
    price = fctx.actions.shop.price("apple", 2)
    fctx.actions.shop.order("apple", price)
    return price
main = flow(implementation = _main)
if __name__ == "__flow__":
    main()
"""
WAITING = SCRIPT.replace("    return price", '    fctx.actions.receive("go")\n    return price')


@pytest.fixture
def run(tmp_path: Path) -> Iterator[RecordedRun]:
    """Three finished runs of a script."""
    run = RecordedRun(tmp_path, SCRIPT)
    with closing(SqlJournal(tmp_path / "journal.db", clock=run.clock)) as journal:
        run.journal = journal
        for name in ("a", "b", "c"):
            run.start(name)
        yield run


@pytest.fixture
def waiting(tmp_path: Path) -> Iterator[RecordedRun]:
    """A run that was created and that nobody has driven yet but to its first wait."""
    run = RecordedRun(tmp_path, WAITING)
    with closing(SqlJournal(tmp_path / "journal.db", clock=run.clock)) as journal:
        run.journal = journal
        run.suspend("a")
        yield run


def test_a_run_agrees_with_its_own_code(run: RecordedRun) -> None:
    assert run.check(run_id="a") == Compatible("a", len(run.recording("a").records))


ENDINGS = {
    "another result": (("return price", "return price + 1"), "gives Ok(51)", "gives Ok(52)"),
    "a failure": (("return price", "fail(str(price))"), "gives Ok(51)", "gives Err"),
    "going on": (("return price", "fctx.actions.shop.stock(1)"), "the end with Ok(51)", "shop.stock(item = 1)"),
}


@pytest.mark.parametrize("name", ENDINGS)
def test_a_finished_run_must_end_as_it_did(run: RecordedRun, name: str) -> None:
    edit, recorded, asked = ENDINGS[name]
    found = run.check(SCRIPT.replace(*edit), "a")
    assert isinstance(found, Diverges)
    assert recorded in found.recorded.call
    assert asked in found.asked.call


def test_code_that_never_ends_is_not_waited_for(run: RecordedRun) -> None:
    run.write(SCRIPT.replace("    price =", "    for x in range(1000000000):\n        pass\n    price ="))
    found = check_run(run.recording("a"), run.build(), run.registry, budget=Budget(steps=10_000))
    assert isinstance(found, Unchecked)
    assert found.kind == "budget-exceeded"


@pytest.mark.parametrize("flow", ["", "main"])
def test_the_budget_holds_for_each_of_many_runs(tmp_path: Path, flow: str) -> None:
    """They share modules and a meter, which must be the one that the script's own code counts on."""
    run = RecordedRun(tmp_path, SCRIPT)
    for name in ("a", "b", "c"):
        run.start(name, flow=flow)
    run.write(SCRIPT.replace("    price =", "    for x in range(100000):\n        pass\n    price ="))
    build, runs = run.build(), run.journal.find(RunFilter())
    verdicts = list(check_runs(run.journal, runs, lambda _: build, run.registry, budget=Budget(steps=10_000)))
    assert [type(verdict) for verdict in verdicts] == [Unchecked] * 3


def test_modules_that_say_something_run_for_each_of_many_runs(tmp_path: Path) -> None:
    """What a loaded module prints is recorded of every run, so each check must find it said, and in its place."""
    (tmp_path / "library.flow").write_text('print("loaded")\nNAME = "apple"\n')
    run = RecordedRun(tmp_path, 'load("//library.flow", "NAME")\n' + SCRIPT.replace('"apple"', "NAME"))
    for name in ("a", "b"):
        run.start(name, flow="main")
    build, runs = run.build(), run.journal.find(RunFilter())
    assert summarise(check_runs(run.journal, runs, lambda _: build, run.registry)).compatible == 2
    beyond = [DryReplay(run.recording(name), build, RecordedCatalog(run.registry), library=None) for name in "ab"]
    library = LinkedLibrary()
    shared = [DryReplay(run.recording(name), build, RecordedCatalog(run.registry), library=library) for name in "ab"]
    for alone, together in zip(beyond, shared, strict=True):
        lines = [[item for item in dry.start().said if isinstance(item, LogLine)] for dry in (alone, together)]
        assert lines[0] == lines[1]
        assert [line.text for line in lines[0]] == ["loaded"]
        alone.close()
        together.close()


def test_arguments_that_do_not_fit_are_told(tmp_path: Path) -> None:
    script = SCRIPT.replace("implementation = _main", 'implementation = _main, args = {"day": args.string()}')
    run = RecordedRun(tmp_path, script)
    run.start(arguments={"day": "monday"})
    found = run.check(script.replace('"day"', '"date"'))
    assert isinstance(found, Unchecked)
    assert "day" in found.message


def test_a_change_of_a_loaded_module_is_found_there(tmp_path: Path) -> None:
    run = RecordedRun(
        tmp_path, 'load("//library.flow", "sell")\n' + SCRIPT.replace("fctx.actions.shop.order(", "sell(")
    )
    library = "def sell(item, count):\n    current_flow().actions.shop.order(item, count)\n"
    (tmp_path / "library.flow").write_text(library)
    run.start()
    assert isinstance(run.check(), Compatible)
    (tmp_path / "library.flow").write_text(
        "\n" + library.replace("count)\n", "count + 1)\n").replace("count + 1):", "count):")
    )
    found = run.check()
    assert isinstance(found, Diverges)
    assert found.recorded.place is not None
    assert found.asked.place is not None
    assert (found.recorded.place.module, found.recorded.place.line) == ("library.flow", 2)
    assert (found.asked.place.module, found.asked.place.line) == ("library.flow", 3)


def test_what_else_changed_is_told(run: RecordedRun) -> None:
    @action(name="shop.price", inline=True)
    def price(item: str, count: str = "1") -> int:
        return 1

    manifest = attrs.evolve(run.recording("a").manifest, python="3.1", tzdata="1999z")
    recording = attrs.evolve(run.recording("a"), manifest=manifest)
    found = check_run(recording, run.build(), run.registry.replaced([price]))
    assert any("shop.price" in change for change in found.changes)
    assert any("Python was 3.1" in change for change in found.changes)
    assert any("time zones were of 1999z" in change for change in found.changes)


def test_actions_that_are_not_here_are_known_from_the_records(run: RecordedRun) -> None:
    """An embedding host has actions of its own; its runs can be looked at on a machine that has none of them."""
    nothing = ActionRegistry(())
    assert isinstance(check_run(run.recording("a"), run.build(), nothing), Compatible)
    run.write(SCRIPT.replace('"apple", 2', '"pear", 2'))
    found = check_run(run.recording("a"), run.build(), nothing)
    assert isinstance(found, Diverges)
    assert "pear" in found.asked.call


def test_many_runs_are_counted_and_put_together_by_place(run: RecordedRun) -> None:
    run.write(SCRIPT.replace('order("apple"', 'order("pear"'))
    build, old = run.build(), Project(run.root).build_pinned("main.flow", run.journal.modules("a"))
    runs = run.journal.find(RunFilter())
    verdicts = check_runs(run.journal, runs, lambda each: old if each.run_id == "b" else build, run.registry)
    summary = summarise(verdicts)
    assert (summary.total, summary.compatible) == (3, 1)
    assert [group.run_ids for group in summary.groups] == [["c", "a"]]
    example = summary.groups[0].example
    assert isinstance(example, Diverges)
    assert example.asked.place is not None
    assert example.asked.place.line == 3


def test_a_check_changes_nothing(run: RecordedRun) -> None:
    before = [(run.journal.run(name), run.journal.read(name)) for name in ("a", "b", "c")]
    performed = list(run.shop.performed)
    list(check_runs(run.journal, run.journal.find(RunFilter()), lambda _: run.build(), run.registry))
    assert [(run.journal.run(name), run.journal.read(name)) for name in ("a", "b", "c")] == before
    assert run.shop.performed == performed


def test_a_branch_for_old_runs_agrees_with_them(waiting: RecordedRun) -> None:
    old = '    fctx.actions.shop.order("apple", price)\n'
    new = (
        '    if fctx.actions.version("pears", 1) == 1:\n        fctx.actions.shop.order("pear", price)\n    else:\n    '
    )
    assert isinstance(waiting.check(WAITING.replace(old, new + old), "a"), Compatible)
    assert isinstance(waiting.check(WAITING.replace(old, old.replace("apple", "pear")), "a"), Diverges)


def test_an_open_run_moves_to_code_that_agrees(waiting: RecordedRun) -> None:
    waiting.write(WAITING.replace("return price", "return price + 100"))
    build, before = waiting.build(), waiting.recording("a").records
    dry = migrate_run(waiting.journal, waiting.journal.run("a"), build, waiting.registry, is_dry_run=True)
    assert dry.outcome == WOULD_MOVE
    assert waiting.recording("a").records == before
    assert migrate_run(waiting.journal, waiting.journal.run("a"), build, waiting.registry).outcome == MOVED
    assert isinstance(waiting.recording("a").records[-1].event, CodeChanged)
    assert waiting.journal.modules("a")["main.flow"] == (waiting.root / "main.flow").read_text()
    assert waiting.journal.run("a").status is RunStatus.SUSPENDED
    assert migrate_run(waiting.journal, waiting.journal.run("a"), build, waiting.registry).outcome == UNCHANGED


def test_an_open_run_does_not_move_to_code_that_diverges(waiting: RecordedRun) -> None:
    waiting.write(WAITING.replace('"apple", 2', '"apple", 3'))
    before = waiting.journal.run("a"), waiting.recording("a")
    found = migrate_run(waiting.journal, waiting.journal.run("a"), waiting.build(), waiting.registry)
    assert found.outcome == REFUSED
    assert isinstance(found.verdict, Diverges)
    assert attrs.evolve(waiting.recording("a"), token_of=None) == attrs.evolve(before[1], token_of=None)
    assert waiting.journal.run("a") == before[0]


def test_runs_that_ended_or_are_driven_or_are_of_another_script_do_not_move(waiting: RecordedRun) -> None:
    waiting.write(WAITING + "# edited\n")
    build = waiting.build()
    owner = waiting.journal.new_owner()
    lease = waiting.journal.claim("a", owner)
    held = migrate_run(waiting.journal, waiting.journal.run("a"), build, waiting.registry)
    waiting.journal.release(lease, RunStatus.SUSPENDED)
    other = migrate_run(
        waiting.journal, waiting.journal.run("a"), attrs.evolve(build, entry="b.flow"), waiting.registry
    )
    waiting.write(SCRIPT)
    waiting.start("done")
    ended = migrate_run(waiting.journal, waiting.journal.run("done"), build, waiting.registry)
    for found, kind in ((held, "lease-held"), (other, "run-refused"), (ended, "run-refused")):
        assert found.outcome == REFUSED
        assert isinstance(found.verdict, Unchecked)
        assert found.verdict.kind == kind
        assert found.verdict.hint
