"""What a service needs in order to go on does not grow with its age; chapters carry messages over."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest
from cut_run import CutRun

from flowlang.errors import GateNotFound
from flowlang.lang.values.canonical import encode
from flowlang.runtime.gate_token import decide_gate
from flowlang.runtime.journal.event import ChapterStarted, LogWritten, ReceiveStarted
from flowlang.runtime.journal.journal import RunStatus
from flowlang.runtime.message import signal_message

SERVICE = """
print("loading")
def impl(fctx):
    fctx.args.total += fctx.args.event.payload
    if fctx.args.event.name == "stop":
        return Stop(fctx.args.total)
    version("tax", 1)
serve = flow(impl, args = {"event": args.event(), "total": args.state(initial = 0), "by": args.int(default = 1)})
"""

CHAPTERS = """
def main_impl(fctx, n = 0):
    door = gate("door")
    print(door.token)
    if n == 0:
        continue_as(1)
    print(await_gate(door)["payload"])
    return receive("early")
main = flow(main_impl)
if __name__ == "__flow__":
    main()
"""


@pytest.mark.parametrize("age", [3, 60])
def test_a_resume_reads_and_repeats_only_the_open_event(age: int, tmp_path: Path) -> None:
    service = CutRun(tmp_path, SERVICE, [("add", 1)] * age)
    assert service.drive(cut=2 + 4 * age, flow="serve").status is RunStatus.SUSPENDED
    with closing(service.journal()) as journal:
        row = journal.run("run")
        needed = [type(record.event) for record in journal.read("run", row.chapter_sequence - 1)]
        assert needed == [ChapterStarted, ReceiveStarted]
        journal.post(signal_message("run", "stop", encode(0)))
    outcome = service.to_the_end(flow="serve")
    assert repr(outcome.result) == f"Ok({age})"
    lines = [record.event.text for record in service.records() if isinstance(record.event, LogWritten)]
    assert lines == ["loading"]


def test_the_next_chapter_has_the_messages_but_not_the_gates(tmp_path: Path) -> None:
    run = CutRun(tmp_path, CHAPTERS, [("early", "bird")])
    run.drive(cut=9)
    first, second = run.lines
    assert first != second
    with closing(run.journal()) as journal:
        with pytest.raises(GateNotFound):
            decide_gate(journal, first, clock=run.clock)
        decide_gate(journal, second, encode("come in"), clock=run.clock)
    assert repr(run.to_the_end().result) == "Ok('bird')"
    assert run.lines[-1] == "come in"
