"""Whatever tasks, timers, timeouts and cancellations a script is made of, its course follows from its answers alone."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings, strategies
from schedule_program import scripts
from virtual_run import VirtualRun, built, canonical, check_replays

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
