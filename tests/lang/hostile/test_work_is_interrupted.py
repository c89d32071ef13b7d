"""Interruption from another thread: how soon each kind of long work notices it, and that nothing can catch it.

Every script below works for much longer than the test waits. Another thread interrupts it in the middle; the time until
the evaluation has ended is measured. What is reached is a few hundredths of a second; the bound is wide, because the
machine may be busy.
"""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Final

import pytest
from chunk_file import Chunk, read_chunks
from hostile_run import ENTRY, build_chunk

from flowlang.lang.eval.evaluation import Entry, Evaluation, Stopped
from flowlang.lang.interpreter import UNIVERSE
from flowlang.lang.values.fault import Interrupted
from flowlang.lang.values.meter import Budget
from flowlang.runtime.action import ActionRegistry
from flowlang.runtime.catalog import Catalog

LATENCY_MAX: Final = 0.5
POLL_SECONDS: Final = 0.01
WARM_TURNS: Final = 8
"""So many looks after the script has printed that its work begins, it is interrupted."""
MEMORY: Final = 1 << 30

WORK: Final = {chunk.name: chunk for chunk in read_chunks(Path(__file__).parent / "scripts" / "endless.flow")}


def latency(chunk: Chunk) -> tuple[object, float]:
    """How the script ended after an interruption, and how long that took."""
    built = build_chunk(chunk)
    assert not built.has_errors, built.diagnostics
    evaluation = Evaluation(
        built.programs, built.prelude, Entry(ENTRY), universe=UNIVERSE, catalog=Catalog(ActionRegistry(())),
        budget=Budget(steps=None, memory_bytes=MEMORY),
    )  # fmt: skip
    evaluation.go_live()
    interrupted: list[float] = []
    ended = threading.Event()

    def interrupt() -> None:
        turns = 0
        while turns < WARM_TURNS and not ended.wait(POLL_SECONDS):
            turns += evaluation.meter.output > 0
        interrupted.append(time.perf_counter())
        evaluation.interrupt()

    thread = threading.Thread(target=interrupt)
    thread.start()
    step = evaluation.start()
    stopped = time.perf_counter()
    ended.set()
    thread.join()
    return step, stopped - interrupted[0]


@pytest.mark.parametrize("name", WORK)
def test_an_interruption_is_noticed_soon_and_never_caught(name: str) -> None:
    step, seconds = latency(WORK[name])
    assert isinstance(step, Stopped), step
    assert isinstance(step.cause, Interrupted), step.cause
    assert seconds <= LATENCY_MAX
