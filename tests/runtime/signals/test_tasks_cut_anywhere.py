"""Runs of tasks, deadlines, cancellations and handlers go on in another process as if nothing had been, wherever their
journal ends."""

from __future__ import annotations

from pathlib import Path

import pytest
from cut_run import CutRun

SCRIPTS = {
    "races": """
def quick(fctx, seconds):
    sleep(seconds)
    return seconds
def main_impl(fctx):
    tasks = [run(flow(quick), n) for n in [5, 2, 9]]
    print(wait_any(tasks))
    print(wait(tasks[0], timeout = 1).is_ok())
    cancel(tasks[2])
    print([result.is_ok() for result in wait(tasks)])
    print(parallel_map(range(4), lambda n: quick(fctx, n), max_concurrency = 2))
""",
    "deadlines and cleaning up": """
def body(fctx, name):
    on_exit(lambda: [sleep(3), print("closed", name)])
    on_failure(print, "undone", name)
    run(lambda: sleep(50))
    sleep(20)
def main_impl(fctx):
    print(with_timeout(5, flow(body), "late").failure.kind)
    task = run(flow(body), "cancelled")
    sleep(1)
    cancel(task)
    print(wait(task).failure.kind)
""",
    "attempts": """
def flaky(fctx, start):
    passed = fctx.actions.now("unix") - start
    print("attempt after %d" % passed)
    return passed if passed >= 7 else fail("too early")
def main_impl(fctx):
    policy = retry_policy(attempts = 5, backoff = [2, 3, 5], jitter = 0, max_elapsed = 60)
    print(flow(flaky, retry = policy)(fctx.actions.now("unix")))
""",
}


@pytest.mark.parametrize("cut", [3, 6])
@pytest.mark.parametrize("name", SCRIPTS)
def test_they_take_the_same_course(name: str, cut: int, tmp_path: Path) -> None:
    """What each process leaves behind is enough for the next one: the same lines, each of them once."""
    script = SCRIPTS[name] + 'main = flow(main_impl)\nif __name__ == "__flow__":\n    main()\n'
    whole, parts = CutRun(tmp_path / "whole", script), CutRun(tmp_path / "parts", script)
    assert repr(parts.to_the_end(cut).result) == repr(whole.to_the_end().result) == "Ok(None)"
    assert parts.lines == whole.lines
    assert parts.drives > 1
