"""Everything that a script can do is replayed dry: by the check of code, and by the debugger, line by line and back."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import attrs
import pytest
from every_feature import HEAD, SCRIPTS, recorded

from flowlang.errors import FlowlangError
from flowlang.lang.eval.evaluation import Completed
from flowlang.runtime.compatibility import Compatible, Diverges, check_run
from flowlang.runtime.debugger.session import Session
from flowlang.runtime.debugger.timeline import chapter_at
from flowlang.runtime.dry_replay import DryReplay, RecordedCatalog, recording_of
from flowlang.runtime.gate_token import make_token
from flowlang.runtime.journal.event import ChapterStarted, GateOpened, RunCompleted
from flowlang.runtime.operations.operations import Operations
from flowlang.runtime.recorded_token import recorded_tokens


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_run_agrees_with_its_code_from_the_journal_and_from_its_records_alone(tmp_path: Path, name: str) -> None:
    run = recorded(tmp_path, name)
    performed = list(run.shop.performed)
    assert isinstance(run.check(), Compatible)
    assert isinstance(run.check_copy(), Compatible)  # with neither the journal nor its keys
    assert run.shop.performed == performed


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_run_agrees_with_its_code_however_far_it_came(tmp_path: Path, name: str) -> None:
    """Also where a record of an append is missing: a dry replay asks for no more than was recorded."""
    run = recorded(tmp_path, name)
    recording, build = run.recording(), run.build()
    for count in range(1, len(recording.records)):
        cut = attrs.evolve(recording, records=recording.records[:count])
        assert isinstance(check_run(cut, build, run.registry), Compatible), recording.records[count - 1]


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_run_takes_the_same_course_answer_by_answer(tmp_path: Path, name: str) -> None:
    """Answers that come next are given without suspending the fiber; that must not be seen anywhere."""
    run = recorded(tmp_path, name)
    recording, build, catalog = run.recording(), run.build(), RecordedCatalog(run.registry)
    for count in range(1, len(recording.records) + 1):
        cut = attrs.evolve(recording, records=recording.records[:count])
        at_once, one_by_one = DryReplay(cut, build, catalog), DryReplay(cut, build, catalog)
        at_once.run()
        one_by_one.start()
        while (answer := one_by_one.next_answer()) is not None:
            one_by_one.deliver(answer)
        one_by_one.check_complete()
        assert type(at_once.step) is type(one_by_one.step)
        assert [(type(item), getattr(item, "position", None)) for item in at_once.beyond] == [
            (type(item), getattr(item, "position", None)) for item in one_by_one.beyond
        ]
        assert at_once.evaluation.waiting == one_by_one.evaluation.waiting
        at_once.close()
        one_by_one.close()


@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
@pytest.mark.parametrize("name", SCRIPTS)
def test_runs_that_were_set_back_or_forked_agree_with_their_code(tmp_path: Path, name: str, share: float) -> None:
    """Also where a script passed on what belongs to the run that it was forked from: its gate's token."""
    run = recorded(tmp_path, name)
    operations = Operations(run.journal, run.clock)
    event = max(2, int(run.journal.run("run").sequence * share))
    with suppress(FlowlangError):  # what cannot be forked there is refused
        operations.fork("run", event, new_id="copy")
        assert isinstance(run.check(run_id="copy"), Compatible)
    with suppress(FlowlangError):
        operations.reset("run", event)
        assert isinstance(run.check(), Compatible)


def test_tokens_of_other_gates_are_not_taken_for_own_ones(tmp_path: Path) -> None:
    foreign = make_token("key", b"secret", "other", "0.0", "salt")
    mangled = "flg1.k.!!!!.0-0." + "x" * 43
    script = SCRIPTS["gates"].replace("opened.token, 1", f'"{foreign} {mangled}", 1') + HEAD
    records = recorded(tmp_path, "gates", script).recording().records
    opened = next(record.event for record in records if isinstance(record.event, GateOpened))
    assert recorded_tokens("run", records, lambda event, salt: "made")(opened, "salt") == "made"
    assert recorded_tokens("other", records)(opened, "salt") == foreign


@pytest.mark.parametrize("name", SCRIPTS)
def test_every_line_can_be_stepped_over_and_back(tmp_path: Path, name: str) -> None:
    run = recorded(tmp_path, name)
    last = run.recording().records[-1].event
    assert isinstance(last, RunCompleted)
    with Session(run.recording(), run.build(), run.registry) as session:
        forwards = [session.halt.moment]
        while (halt := session.step()).why != "end":
            forwards.append(halt.moment)
        assert isinstance(halt.step, Completed)
        assert halt.step.payload == last.payload
        assert forwards == sorted(set(forwards))
        backwards = []
        while session.halt.moment.lines > 1:
            backwards.append(session.step_back().moment)
        assert backwards == forwards[::-1]
        for record in session.timeline.records:
            assert session.goto_event(record.sequence).why in ("event", "line", "end")


@pytest.mark.parametrize("name", SCRIPTS)
def test_an_action_more_at_the_begin_is_found(tmp_path: Path, name: str) -> None:
    run = recorded(tmp_path, name)
    text = run.script.replace("def _main(fctx):\n", 'def _main(fctx):\n    fctx.actions.shop.price("extra")\n')
    text = text.replace("number = 0):\n", 'number = 0):\n    fctx.actions.shop.price("extra")\n')
    found = run.check(text)
    assert isinstance(found, Diverges)
    assert "extra" in found.asked.call


def test_each_chapter_can_be_debugged(tmp_path: Path) -> None:
    run = recorded(tmp_path, "chapters")
    whole = recording_of(run.journal, "run", is_whole=True)
    for chapter in (1, 2, 3, 4):
        with Session(whole, run.build(), run.registry, chapter=chapter) as session:
            session.break_at("main.flow", 2)
            session.resume()
            assert session.evaluate("number", session.stack()[0]).value == chapter - 1
            assert session.resume().why == "end"
            assert {chapter_at(whole.records, record.sequence) for record in session.timeline.records} == {chapter}


def test_only_the_last_chapter_is_read(tmp_path: Path) -> None:
    """What a service did before costs nothing when it is checked."""
    run = recorded(tmp_path, "service")
    whole = recording_of(run.journal, "run", is_whole=True)
    assert isinstance(run.recording().records[0].event, ChapterStarted)
    assert len(run.recording().records) < len(whole.records) / 2
    assert isinstance(check_run(whole, run.build(), run.registry), Compatible)
