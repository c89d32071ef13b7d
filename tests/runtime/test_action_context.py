"""The life of an attempt: running, then committing or cancelled."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from flowlang.runtime.action_context import ActionCancelled, ActionContext
from flowlang.runtime.clock import SystemClock
from flowlang.runtime.database import Databases
from flowlang.runtime.file_access import FileAccess


@pytest.fixture
def context(tmp_path: Path) -> ActionContext:
    files = FileAccess([tmp_path])
    return ActionContext("run", "0", "key", 1, files, Databases(files), SystemClock())


def test_cancelling_calls_hooks_once(context: ActionContext) -> None:
    called: list[str] = []
    context.on_cancel(lambda: called.append("a"))
    take_back = context.on_cancel(lambda: called.append("b"))
    take_back()
    take_back()
    assert context.cancel() is True
    assert context.cancel() is True
    assert called == ["a"]
    assert context.cancelled
    with pytest.raises(ActionCancelled):
        context.check()
    with pytest.raises(ActionCancelled):
        context.commit()


def test_a_hook_that_comes_late_is_called_at_once(context: ActionContext) -> None:
    called: list[str] = []
    context.cancel()
    context.on_cancel(lambda: called.append("late"))
    assert called == ["late"]


def test_a_commit_cannot_be_cancelled(context: ActionContext) -> None:
    called: list[str] = []
    context.on_cancel(lambda: called.append("a"))
    context.commit()
    assert context.cancel() is False
    assert not context.cancelled
    assert called == []
    context.check()
    context.commit()


def test_remaining_time(context: ActionContext) -> None:
    assert context.remaining_s() is None
    context.deadline_s = 0.0
    assert context.remaining_s() == 0.0


def test_commit_and_cancel_have_one_winner(context: ActionContext, tmp_path: Path) -> None:
    for _ in range(50):
        files = FileAccess([tmp_path])
        raced = ActionContext("run", "0", "key", 1, files, Databases(files), SystemClock())
        results: list[bool] = []
        gate = threading.Barrier(2)

        def cancel(raced: ActionContext = raced, gate: threading.Barrier = gate, results: list[bool] = results) -> None:
            gate.wait()
            results.append(raced.cancel())

        thread = threading.Thread(target=cancel)
        thread.start()
        gate.wait()
        try:
            raced.commit()
            committed = True
        except ActionCancelled:
            committed = False
        thread.join()
        assert results == [not committed]
