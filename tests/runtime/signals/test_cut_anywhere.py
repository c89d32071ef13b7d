"""What scripts do with the outside gives the same journal wherever the run is suspended and resumed."""

from __future__ import annotations

from pathlib import Path

import attrs
import pytest
from cut_run import CutRun

from flowlang.runtime.journal.event import MessageReceived
from flowlang.runtime.journal.journal import RunStatus

MESSAGES = """
actions = current_flow().actions
print(actions.receive("order"), actions.receive("order"))
print(actions.try_receive("late", timeout = 5).failure.kind)
actions.send(current_flow().run_id, "note", {"to": "myself"}, key = "n")
actions.send(current_flow().run_id, "note", {"to": "myself"}, key = "n")
print(actions.receive(), actions.try_receive(timeout = 0).is_err())
"""

GATES = """
actions = current_flow().actions
gate = actions.gate("deploy", data = {"v": 2}, timeout = 100)
other = actions.gate("never", timeout = 50)
print(actions.await_gate(gate)["payload"])
print(actions.try_await_gate(other, timeout = 10).failure.kind)
print(actions.try_await_gate(other).failure.kind, actions.now("unix"))
print(actions.await_gate(gate)["by"])
"""

STATE = """
actions = current_flow().actions
actions.set_status("one")
sleep(1)
actions.progress(1, total = 3)
print(actions.version("tax", 3))
sleep(1)
actions.set_attributes({"region": "eu", "rows": 3})
print(actions.version("tax", 4), actions.version("vat", 2))
"""

CHAPTERS = """
def count_impl(fctx, n = 0):
    fctx.actions.on_exit(lambda: print("bye", n))
    print(n, fctx.actions.receive("go"))
    sleep(1)
    if n < 2:
        fctx.actions.continue_as(n + 1)
    return n
count = flow(count_impl)
if __name__ == "__flow__":
    count()
"""

SERVICE = """
print("loading")
def impl(fctx):
    event = fctx.args.event
    fctx.args.seen.append(event.payload)
    sleep(1)
    if event.payload == 0:
        fail("zero")
    print(event.name, fctx.args.seen, fctx.args.by)
    if event.name == "stop":
        return Stop(len(fctx.args.seen))
serve = flow(impl, args = {"event": args.event(), "seen": args.state(initial = []), "by": args.int(default = 3)})
if __name__ == "__flow__":
    serve()
"""

CHILDREN = """
def work_impl(fctx, n):
    sleep(n)
    print("work", n)
    return n * 10
work = flow(work_impl)
def starts(fctx):
    fctx.actions.spawn(work, 4, id = "left", on_parent_close = "abandon")
    fctx.actions.spawn(work, 1, id = "waited", on_parent_close = "wait")
    fctx.actions.spawn(work, 500, id = "cancelled")
def main_impl(fctx):
    children = [fctx.actions.spawn(work, n) for n in [2, 1]]
    print(fctx.actions.wait(children))
    print(flow(starts)())
    sleep(10)
    return children[1].run_id
main = flow(main_impl)
if __name__ == "__flow__":
    main()
"""


@attrs.frozen
class Case:
    """A script with its outside. `others` are ids of further runs that it makes."""

    script: str
    signals: tuple[tuple[str, object], ...] = ()
    decisions: dict[str, object] = attrs.field(factory=dict)
    others: tuple[str, ...] = ()


CASES = {
    "messages": Case(MESSAGES, (("order", 1), ("order", 2))),
    "gates": Case(GATES, (), {"deploy": "yes"}),
    "state": Case(STATE),
    "chapters": Case(CHAPTERS, (("go", "a"), ("go", "b"), ("go", "c"))),
    "service": Case(SERVICE, (("add", 1), ("add", 0), ("add", 2), ("stop", 3))),
    "children": Case(CHILDREN, others=("run:0.0", "run:0.1", "left", "waited")),
}


@pytest.mark.parametrize("name", CASES)
def test_a_run_goes_on_from_wherever_it_was_suspended(name: str, tmp_path: Path) -> None:
    case = CASES[name]
    whole = CutRun(tmp_path / "whole", case.script, case.signals, case.decisions)
    expected = whole.to_the_end()
    assert expected.status is RunStatus.COMPLETED, expected
    for cut in range(1, len(whole.records()) + 1, 2):
        again = CutRun(tmp_path / str(cut), case.script, case.signals, case.decisions)
        outcome = again.drive(cut)
        if outcome.status is RunStatus.SUSPENDED:
            outcome = again.to_the_end()
        assert (outcome.status, repr(outcome.result)) == (expected.status, repr(expected.result)), cut
        assert again.canonical() == whole.canonical(), cut
        for run_id in case.others:
            assert again.finish(run_id) is RunStatus.COMPLETED
            assert again.canonical(run_id) == whole.canonical(run_id), (cut, run_id)
        if case.others:
            assert again.finish("cancelled") is RunStatus.CANCELLED
        else:
            assert again.lines == whole.lines, cut


@pytest.mark.parametrize("name", ["messages", "gates", "chapters", "service"])
def test_a_run_that_is_suspended_again_and_again_comes_to_its_end(name: str, tmp_path: Path) -> None:
    """Every drive gets three records further; each message is received once in all."""
    case = CASES[name]
    whole = CutRun(tmp_path / "whole", case.script, case.signals, case.decisions)
    expected = whole.to_the_end()
    again = CutRun(tmp_path / "again", case.script, case.signals, case.decisions)
    outcome = again.to_the_end(cut=3)
    assert repr(outcome.result) == repr(expected.result)
    assert again.drives > 3
    assert again.lines == whole.lines

    def received(run: CutRun) -> list[bytes]:
        return [record.event.payload for record in run.records() if isinstance(record.event, MessageReceived)]

    assert len(received(again)) == len(received(whole))
