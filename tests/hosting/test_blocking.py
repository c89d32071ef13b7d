"""The engine without an event loop, and one script run to its end."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from engine_world import World, add

import flowlang
from flowlang.errors import RunNotFound, SourceError, UsageError
from flowlang.lang.values.result import Err, Ok
from flowlang.runtime.journal.model import RunStatus
from flowlang.testing.clock import VirtualClock


def test_the_same_without_an_event_loop(world: World) -> None:
    with world.engine().blocking() as engine:
        run = engine.start("wait.flow:wait", id="w", returns=int)
        with pytest.raises(TimeoutError):
            run.value(timeout_s=0.01)
        assert run.signal("go", 7)
        assert run.value() == 7
        assert run.status() is RunStatus.COMPLETED
        assert run.record().run_id == "w"
        assert len(run.events()) > 2
        assert engine.get("w").result().value == 7  # type: ignore[union-attr]
        assert [each.run_id for each in engine.list()] == ["w"]
        other = engine.start("wait.flow:wait")
        counts = engine.count()
        assert counts[RunStatus.COMPLETED] == 1
        assert sum(counts.values()) == 2
        other.cancel()
        assert isinstance(other.result(), Err)
        assert engine.gates() == []
        with pytest.raises(RunNotFound):
            engine.get("nobody")
    with pytest.raises(UsageError, match="not open"):
        engine.list()


def test_running_a_script(tmp_path: Path) -> None:
    script = tmp_path / "a.flow"
    script.write_text(
        "def _main(fctx):\n    fctx.actions.sleep(86400)\n    return fctx.actions.add(fctx.args.n, 1)\n\n"
        'main = flow(implementation = _main, args = {"n": args.int()})\n'
    )
    clock = VirtualClock()
    database = str(tmp_path / "runs.db")
    for _ in range(2):  # the second time it is finished already
        result = flowlang.run(f"{script}:main", {"n": 4}, actions=[add], journal=database, id="r", clock=clock)
        assert isinstance(result, Ok)
        assert result.value == 5


def test_running_what_cannot_run(tmp_path: Path) -> None:
    script = tmp_path / "a.flow"
    script.write_text("x = (\n")
    with pytest.raises(SourceError):
        flowlang.run(script)
    script.write_text("fail('no')\n")
    assert isinstance(flowlang.run(script), Err)
    script.write_text(
        "def _day(fctx):\n    return fctx.args.day\n\n"
        "day = flow(implementation = _day, args = {'day': args.string()})\n"
    )
    assert flowlang.run(f"{script}:day", {"day": date(2026, 1, 2)}).value == "2026-01-02"  # type: ignore[union-attr]
