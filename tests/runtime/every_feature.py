"""Small scripts that use everything a script can do, and runs of them that were recorded to their end."""

from __future__ import annotations

from pathlib import Path

from recorded_run import RecordedRun

from flowlang.lang.values.canonical import encode
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
    "children": """def _work(fctx, seconds):
    sleep(seconds)
    return seconds
work = flow(implementation = _work)
def _main(fctx):
    child = fctx.actions.spawn(work, 1000, id = "job-1")
    fctx.actions.cancel(child)
    return (fctx.actions.wait(child).is_ok(), fctx.actions.shop.stock(child.run_id))
""",
    "service": """def _main(fctx):
    fctx.args.total += 1
    fctx.actions.shop.stock(fctx.args.event.payload)
    if fctx.args.total == 4:
        fctx.stop(fctx.args.total)
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
        if isinstance(event, ReceiveStarted) and event.channel == "signal" and event.name != "never":
            self.journal.post(NewMessage(run_id, "signal", event.name or "tick", "", encode("now")))
        elif isinstance(event, GateOpened):
            position = ".".join(map(str, event.position))
            decide(self.journal, run_id, position)


def decide(journal: Journal, run_id: str, position: str) -> None:
    journal.decide(decision_message(run_id, position, payload=encode(None), by="ann", reason="", at_ms=0))


def recorded(root: Path, name: str, script: str | None = None) -> RecordedRun:
    """The run of one of SCRIPTS, or of a variant of it, at its end."""
    head = HEAD
    if name == "service":
        head = head.replace("_main)", '_main, args = {"event": args.event(), "total": args.state(initial = 0)})')
    run = Answering(root, script or SCRIPTS[name] + head)
    run.start()
    assert isinstance(run.recording().records[-1].event, RunCompleted)
    return run
