"""Everything that a script can do is replayed dry: by the check of code, and by the debugger, line by line and back."""

from __future__ import annotations

from pathlib import Path

import pytest
from recorded_run import RecordedRun

from flowlang.lang.eval.evaluation import Completed
from flowlang.lang.values.canonical import encode
from flowlang.runtime.compatibility import Compatible, Diverges
from flowlang.runtime.debugger.session import Session
from flowlang.runtime.journal.event import GateOpened, ReceiveStarted, Record, RunCompleted
from flowlang.runtime.journal.journal import Journal, NewMessage
from flowlang.runtime.message import decision_message

HEAD = """main = flow(implementation = _main)
if __name__ == "__flow__":
    main()
"""
SCRIPTS = {
    "waits": """def _job(fctx, number):
    sleep(number)
    return fctx.actions.shop.stock(number)
job = flow(implementation = _job)
def _main(fctx):
    tasks = [fctx.actions.run(job, number) for number in (5, 1, 30)]
    index, first = fctx.actions.wait_any(tasks)
    fctx.actions.cancel(tasks[2])
    rest = fctx.actions.wait_all(tasks)
    return (index, [result.is_ok() for result in rest])
""",
    "timeouts": """def _slow(fctx):
    sleep(100)
    return fctx.actions.shop.stock("late")
slow = flow(implementation = _slow)
def _main(fctx):
    late = with_timeout(10, slow)
    task = fctx.actions.run(slow)
    waited = fctx.actions.wait(task, timeout = 5)
    fctx.actions.cancel(task)
    return (late.is_ok(), waited.is_ok(), fctx.actions.shop.price("x"))
""",
    "parallel map": """def _one(fctx, item):
    return fctx.actions.shop.price(item, 1)
one = flow(implementation = _one)
def _main(fctx):
    return [result for result in fctx.actions.parallel_map(range(6), one, max_concurrency = 2)]
""",
    "cleanup": """def _undo(fctx, what):
    fctx.actions.shop.order(what, 0)
undo = flow(implementation = _undo)
def _part(fctx):
    fctx.actions.on_exit(undo, "a")
    fctx.actions.on_exit(undo, "b")
    fctx.actions.shop.refuse("this")
part = flow(implementation = _part)
def _main(fctx):
    return part().is_ok()
""",
    "signals": """def _main(fctx):
    first = fctx.actions.receive("go")
    second = fctx.actions.try_receive("never", timeout = 3)
    return (first, second.is_ok(), fctx.actions.shop.stock(first))
""",
    "gates": """def _main(fctx):
    opened = fctx.actions.gate("release", data = {"day": 1})
    fctx.actions.shop.order(opened.token, 1)
    decision = fctx.actions.await_gate(opened)
    return decision["by"]
""",
    "state": """def _main(fctx):
    fctx.actions.set_status("begun")
    fctx.actions.set_attributes({"region": "eu"})
    fctx.actions.progress(1, 2)
    kind = fctx.actions.version("new-shop", 2)
    return (kind, fctx.actions.shop.stock(kind))
""",
    "chapters": """def _main(fctx, number = 0):
    fctx.actions.shop.stock(number)
    if number < 3:
        fctx.actions.continue_as(number + 1)
    return number
""",
    "library": """def _flaky(fctx):
    return fctx.actions.shop.refuse("x")
flaky = flow(implementation = _flaky)
def _main(fctx):
    return retry(flaky, 3).is_ok()
""",
}


class Answering(RecordedRun):
    """Sends the signal and decides the gate that the script waits for."""

    def recorded(self, run_id: str, record: Record) -> None:
        event = record.event
        if isinstance(event, ReceiveStarted) and event.name == "go":
            self.journal.post(NewMessage(run_id, "signal", "go", "", encode("now")))
        elif isinstance(event, GateOpened):
            position = ".".join(map(str, event.position))
            decide(self.journal, run_id, position)


def decide(journal: Journal, run_id: str, position: str) -> None:
    journal.decide(decision_message(run_id, position, payload=encode(None), by="ann", reason="", at_ms=0))


def recorded(root: Path, name: str) -> RecordedRun:
    run = Answering(root, SCRIPTS[name] + HEAD)
    run.start()
    assert isinstance(run.recording().records[-1].event, RunCompleted)
    return run


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_run_agrees_with_its_code_from_the_journal_and_from_its_records_alone(tmp_path: Path, name: str) -> None:
    run = recorded(tmp_path, name)
    performed = list(run.shop.performed)
    assert isinstance(run.check(), Compatible)
    assert isinstance(run.check_copy(), Compatible)  # with neither the journal nor its keys
    assert run.shop.performed == performed


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
    for chapter in (1, 2, 3, 4):
        with Session(run.recording(), run.build(), run.registry, chapter=chapter) as session:
            session.break_at("main.flow", 2)
            session.resume()
            assert session.evaluate("number", session.stack()[0]).value == chapter - 1
            assert session.resume().why == "end"
