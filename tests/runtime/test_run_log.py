"""The log of runs: what it says of every kind of event, and that no value of a script is in it."""

from __future__ import annotations

import contextlib
import logging
import threading
from pathlib import Path
from typing import Any

import pytest

from flowlang.runtime.action import ActionContext, ActionError, ActionRegistry, Retry, action
from flowlang.runtime.driver import RunDriver
from flowlang.runtime.journal.codec import kind_of, known_kinds
from flowlang.runtime.journal.event import AttemptHeartbeat, Record
from flowlang.runtime.journal.journal import RunFilter
from flowlang.runtime.journal.memory import MemoryJournal
from flowlang.runtime.migration import MOVED, migrate_run
from flowlang.runtime.operations.operations import Operations
from flowlang.runtime.project import Project
from flowlang.runtime.run_log import RunLog
from flowlang.runtime.worker import Worker
from flowlang.testing.clock import VirtualClock

SECRET = "s3cr3t"
SCRIPT = """
def _job(fctx, secret):
    sleep(1)
    return secret
job = flow(implementation = _job)

def _inner(fctx, secret):
    return fctx.actions.busy(secret)
inner = flow(implementation = _inner)

def _wrong(fctx, secret):
    return fctx.actions.refuse(secret)
wrong = flow(implementation = _wrong)

def _main(fctx):
    secret = fctx.args.secret
    print(secret)
    if fctx.args.again:
        return fctx.actions.receive("last")
    inner(secret)
    wrong(secret)
    fctx.actions.wait(fctx.actions.spawn(job, secret))
    fctx.actions.cancel(fctx.actions.run(lambda: sleep(100)))
    fctx.actions.try_receive("never", timeout = 1)
    received = fctx.actions.receive("go")
    fctx.actions.send("other", "note", secret)
    opened = fctx.actions.gate("release", data = {"secret": secret})
    fctx.actions.await_gate(opened)
    fctx.actions.set_status(secret)
    fctx.actions.set_attributes({"secret": secret})
    fctx.actions.progress(1, 2, secret)
    fctx.actions.version("change", 2)
    fctx.actions.continue_as(secret = secret, again = True)
main = flow(implementation = _main, args = {"secret": args.string(), "again": args.bool(default = False)})

def _other(fctx):
    return fctx.actions.receive("never")
other = flow(implementation = _other, args = {"secret": args.string()})
"""


CLOCK = VirtualClock()
HEARD = threading.Event()
"""A heartbeat was recorded."""


class Listening(RunLog):
    """The log, and an ear for heartbeats."""

    def recorded(self, run_id: str, record: Record) -> None:
        super().recorded(run_id, record)
        if isinstance(record.event, AttemptHeartbeat):
            HEARD.set()


@action(retry=Retry(attempts=2, backoff="none"))
def busy(context: ActionContext, text: str) -> str:
    """Fails once, after a while, with its argument in all that it says."""
    context.progress(1, 2, text)
    for _ in range(10_000):
        context.heartbeat({"text": text})
        CLOCK.advance(1_000)
        if HEARD.wait(0.002):
            break
    if context.attempt == 1:
        raise ActionError("busy", f"busy with {text}", data={"text": text}, retryable=True)
    return text


@action
def refuse(text: str) -> str:
    """Fails for good."""
    raise ValueError(f"no {text}")


ACTIONS = [busy, refuse]


@pytest.fixture
def logged(caplog: pytest.LogCaptureFixture, tmp_path: Path) -> Any:
    """Everything that was logged while workers drove runs through every kind of event, and those kinds."""
    caplog.set_level(logging.DEBUG, "flowlang")
    (tmp_path / "main.flow").write_text(SCRIPT)
    clock = CLOCK  # actions have it, too
    HEARD.clear()
    with contextlib.closing(MemoryJournal(clock, lease_ms=86_400_000)) as journal:
        operations = Operations(journal, clock)
        with contextlib.closing(RunDriver(tmp_path, journal, clock=clock, actions=ACTIONS)) as driver:
            script = driver.build_script(tmp_path / "main.flow")
            for flow in ("other", "main"):
                driver.submit(script, flow=flow, run_id=flow, arguments={"secret": SECRET})

        def work() -> None:
            worker = Worker(tmp_path, journal, actions=ACTIONS, hooks=Listening(), clock=clock)
            with contextlib.closing(worker):
                for _ in range(5):
                    worker.run_until_idle()
                    clock.advance(2_000)

        work()
        operations.signal("main", "go", SECRET, key="k")
        work()
        operations.approve("main:release", by="ann", reason=SECRET, payload=SECRET)
        work()
        operations.fork("main", 2, new_id="copy")
        (tmp_path / "main.flow").write_text(SCRIPT + "# changed\n")
        build = Project(tmp_path).build(tmp_path / "main.flow")
        assert migrate_run(journal, journal.run("main"), build, ActionRegistry(ACTIONS)).outcome == MOVED
        work()
        operations.cancel("main", reason=SECRET)
        work()
        operations.reset("main", journal.run("main").sequence - 2, reason=SECRET)
        work()
        operations.terminate("other", reason=SECRET)
        runs = [run.run_id for run in journal.find(RunFilter(), limit=100)]
        kinds = {kind_of(record.event).partition("/")[0] for run_id in runs for record in journal.read(run_id)}
    return caplog.records, kinds


def test_no_value_is_in_the_log(logged: Any) -> None:
    """Of runs whose arguments, results, messages, failures, reasons and attributes all hold a secret, nothing but the
    lines that a script prints shows it, at any level; and what was driven was every kind of event there is."""
    records, kinds = logged
    assert {kind.partition("/")[0] for kind in known_kinds()} - kinds == {"activation-started"}  # a worker needs none
    shown = [record for record in records if SECRET in repr(vars(record)) or SECRET in record.getMessage()]
    assert {record.name for record in shown} == {"flowlang.script"}


def test_each_event_says_what_and_where_it_is(logged: Any) -> None:
    """At the level DEBUG every event that was recorded has a line, with the run, its number, kind and position."""
    records, _ = logged
    events = [record for record in records if hasattr(record, "event")]
    assert all(record.levelno == logging.DEBUG for record in events)
    scheduled = [record for record in events if record.kind == "action-scheduled"]
    assert {(record.run_id, record.action) for record in scheduled} == {
        ("main", "busy"), ("main", "refuse"), ("copy", "busy"), ("copy", "refuse"),
    }  # fmt: skip
    assert all(record.position for record in scheduled)
