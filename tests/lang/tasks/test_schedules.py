"""Whatever tasks, timers, timeouts and cancellations a script is made of, its course follows from its answers alone."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings, strategies
from schedule_program import ACTIONS, WRAPPED, scripts
from virtual_run import Entered, Given, VirtualRun, built, canonical, check_replays

from flowlang.lang.eval.command import Position
from flowlang.lang.eval.evaluation import Completed

SETTINGS = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@SETTINGS
@given(scripts(is_racy=True), strategies.integers(1, 1000), strategies.none() | strategies.integers(0, 40))
def test_a_replay_from_anywhere_takes_the_same_course(text: str, seed: int, cancel_at: int | None) -> None:
    """Wherever a run is cut off, it can be taken up."""
    script = built(text)
    run = VirtualRun(script, seed, None if cancel_at is None else cancel_at * 1000)
    end = run.run()
    assert isinstance(end, Completed), end
    check_replays(run, end)


@SETTINGS
@given(scripts(is_racy=False), strategies.integers(1, 1000))
def test_the_order_of_one_moment_does_not_matter_without_races(text: str, seed: int) -> None:
    """A script that only starts tasks and waits for all of them does the same, whatever order answers that are due at
    the same time come in."""
    script = built(text)
    first, second = VirtualRun(script), VirtualRun(script, seed=seed)
    assert repr(first.run().result) == repr(second.run().result)
    assert canonical(first.record) == canonical(second.record)


@SETTINGS
@given(scripts(is_racy=True), strategies.integers(1, 1000), strategies.none() | strategies.integers(0, 40))
def test_an_action_as_a_task_takes_the_course_of_a_fiber(text: str, seed: int, cancel_at: int | None) -> None:
    """No fiber stands behind a task that is an action. It asks, is cancelled and ends when one that calls the action
    would, and at the same positions."""
    cancel_at_ms = None if cancel_at is None else cancel_at * 1000
    plain = VirtualRun(built(text), seed, cancel_at_ms)
    in_fibers = VirtualRun(built(text.replace(ACTIONS, WRAPPED)), seed, cancel_at_ms)
    ends = [run.run() for run in (plain, in_fibers)]
    assert [type(end) for end in ends] == [Completed, Completed]
    assert plain.now_ms == in_fibers.now_ms
    assert [_shape(entered) for entered in plain.record] == [_shape(entered) for entered in in_fibers.record]
    assert _lines(plain) == _lines(in_fibers)


def _shape(entered: Entered) -> tuple[Position, str, int]:
    if isinstance(entered, Given):
        return entered.position, "answer", entered.at_ms
    return entered.item.position, type(entered.item).__name__, entered.at_ms


def _lines(run: VirtualRun) -> list[str]:
    """What was printed; a task is shown by the name of what it calls, and so is it where it was cancelled."""
    return [line.replace("`lambda`", "`action`").replace("`work`", "`action`").replace("`trouble`", "`action`")
            for line in run.lines]  # fmt: skip
