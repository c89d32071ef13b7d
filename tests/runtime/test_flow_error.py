"""What goes wrong in an action becomes the Err of the flow that called it, and attempts are numbered."""

from __future__ import annotations

import threading
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from run_project import PowerCut, RunProject, cut_power

from flowlang.lang.values.display import repr_value
from flowlang.runtime.action import ActionContext, ActionError, action
from flowlang.runtime.journal.event import ActionCompleted, ActionFailed, AttemptStarted
from flowlang.runtime.journal.journal import RunStatus
from flowlang.testing.crash import CrashingJournal
from flowlang.testing.ledger import violations


@action(name="shop.order")
def order(count: int) -> int:
    if count > 10:
        raise ActionError("sold-out", f"there are no {count} left", data={"left": 10}, retryable=True)
    if count < 0:
        raise ValueError("nought")
    return count


SHOP = """
def _order_impl(fctx, count):
    return fctx.actions.shop.order(count)

order = flow(implementation = _order_impl)
for count in (1, 11, -1):
    result = order(count)
    print(is_ok(result))
    if is_err(result):
        failure = result.failure
        print(failure.kind, "|", failure.message, "|", failure.data, "|", failure.retryable)
        print([(frame.name, frame.line, frame.column) for frame in failure.trace])
result = order("1")
print(result.failure.kind)
result = flow(implementation = lambda fctx: fctx.actions.shop.buy(1))()
print(result.failure.kind)
"""


def test_a_failed_action_fails_the_flow_that_called_it(tmp_path: Path) -> None:
    project = RunProject(tmp_path, SHOP, [order])
    assert project.start().status is RunStatus.COMPLETED
    assert project.watching.lines == [
        "True",
        "False",
        'sold-out | there are no 11 left | {"left": 10} | True',
        '[("_order_impl", 3, 12)]',
        "False",
        'action-failed | `shop.order` failed with ValueError: nought | {"exception": "ValueError"} | False',
        '[("_order_impl", 3, 12)]',
        "action-argument",
        "unknown-action",
    ]
    failed = [record.event for record in project.records() if isinstance(record.event, ActionFailed)]
    assert len(failed) == 2
    assert b"Traceback" not in b"".join(event.payload for event in failed)


def test_failures_are_the_same_in_a_replay(tmp_path: Path) -> None:
    expected = RunProject(tmp_path, SHOP, [order])
    expected.start("expected")
    for cut_at in range(1, 5):
        project = RunProject(tmp_path, SHOP, [order])
        cut(project, cut_at, f"cut-{cut_at}")
        project.start(f"cut-{cut_at}")
        assert project.canonical(f"cut-{cut_at}") == expected.canonical("expected")


def cut(project: RunProject, cut_at: int, run_id: str = "run") -> None:
    """Drives the run until just before a write."""
    with closing(project.journal()) as journal:
        engine = project.engine(CrashingJournal(journal, cut_at, action=cut_power))
        with pytest.raises(PowerCut):
            engine.start(engine.build_script(project.root / "main.flow"), run_id=run_id)
        engine.close()


def test_an_error_of_the_root_flow_ends_the_run(tmp_path: Path) -> None:
    project = RunProject(tmp_path, "print(1)\nunwrap(Err('bad'))\nprint(2)\n")
    outcome = project.start()
    assert (outcome.status, repr_value(outcome.result)) == (RunStatus.FAILED, 'Err("bad")')
    again = project.start()
    assert (again.status, repr_value(again.result)) == (RunStatus.FAILED, 'Err("bad")')
    assert project.watching.lines == []


def test_an_action_that_takes_too_long_fails_and_its_thread_is_left(tmp_path: Path) -> None:
    may_end, ended = threading.Event(), threading.Event()

    @action(name="slow.step", timeout=timedelta(milliseconds=20))
    def slow_step(number: int) -> int:
        if number:
            may_end.wait(60)
            ended.set()
        return number

    script = """
step = flow(implementation = lambda fctx, number: fctx.actions.slow.step(number))
result = step(1)
print(result.failure.kind, result.failure.retryable)
print(step(0))
"""
    project = RunProject(tmp_path, script, [slow_step])
    assert project.start().status is RunStatus.COMPLETED
    assert project.watching.lines == ["timeout True", "Ok(0)"]
    may_end.set()
    assert ended.wait(60)
    assert [type(record.event) for record in project.records()].count(ActionFailed) == 1


# Attempts


@pytest.mark.parametrize("crashes", [1, 2, 5])
def test_an_action_in_flight_is_attempted_again_with_its_key(tmp_path: Path, crashes: int) -> None:
    seen: list[tuple[str, int]] = []

    @action(name="see.attempt")
    def see_attempt(context: ActionContext) -> int:
        seen.append((context.idempotency_key, context.attempt))
        return context.attempt

    project = RunProject(tmp_path, "print(current_flow().actions.see.attempt())\n", [see_attempt])
    for crash in range(crashes):
        cut(project, 3 if crash else 2)  # the write with the result; a claim is one, too
    assert project.start().status is RunStatus.COMPLETED
    attempts = list(range(1, crashes + 2))
    assert [attempt for _, attempt in seen] == attempts
    assert len({key for key, _ in seen}) == 1
    assert project.attempts() == attempts[1:]
    assert project.watching.lines == [str(crashes + 1)]
    assert violations(project.ledger.entries(), crashes) == []


def test_attempts_are_recorded_before_they_start(tmp_path: Path) -> None:
    project = RunProject(tmp_path, "print(current_flow().actions.test.attempt())\n")
    cut(project, 2)
    cut(project, 1)  # before the second attempt is recorded
    assert len(project.performed()) == 1
    project.start()
    assert project.watching.lines == ["2"]
    events = [record.event for record in project.records()]
    repeated = [index for index, event in enumerate(events) if isinstance(event, AttemptStarted)]
    assert len(repeated) == 1
    assert isinstance(events[repeated[0] + 1], ActionCompleted)


def test_runs_have_keys_of_their_own(tmp_path: Path) -> None:
    project = RunProject(tmp_path, "print(current_flow().actions.test.attempt())\n")
    project.start("one")
    project.start("two")
    (tmp_path / ".flowlang").rename(tmp_path / "lost")
    project.start("one")
    keys = [entry.key for entry in project.ledger.entries() if entry.moment == "start"]
    assert len(set(keys)) == 3


# What is too large for a journal


TOO_LARGE: dict[str, Any] = {
    "an argument": 'fctx.actions.shop.length("y" * (17 << 20))',
    "the result of an action": "len(fctx.actions.shop.text(17 << 20))",
    "the result of a flow": '"y" * (17 << 20)',
    "the argument of a flow": 'unwrap(inner("y" * (17 << 20)))',
    "an error": 'fail("y" * (17 << 20))',
}


@action(name="shop.length", inline=True)
def length(text: str) -> int:
    return len(text)


@action(name="shop.text", inline=True)
def text(size: int) -> str:
    return "y" * size


@pytest.mark.parametrize("what", TOO_LARGE)
def test_a_value_that_is_too_large_fails_its_flow_and_not_the_journal(tmp_path: Path, what: str) -> None:
    script = f"""
inner = flow(implementation = lambda fctx, text: len(text))
result = flow(implementation = lambda fctx: {TOO_LARGE[what]})()
print(is_ok(result), result.failure.kind if is_err(result) else len(str(result.value)))
"""
    project = RunProject(tmp_path, script, [length, text])
    assert project.start().status is RunStatus.COMPLETED
    fits = what == "the argument of a flow"  # of which only a digest is kept
    expected = "True 8" if fits else "False result-too-large" if "of an action" in what else "False value-too-large"
    assert project.watching.lines == [expected]


def test_a_line_that_is_too_long_is_clipped(tmp_path: Path) -> None:
    project = RunProject(tmp_path, 'print("y" * (17 << 20))\nprint(1)\n')
    assert project.start().status is RunStatus.COMPLETED
    assert project.watching.lines[1] == "1"
    assert project.watching.lines[0].startswith("yyy")
    assert len(project.watching.lines[0]) < 1 << 21
