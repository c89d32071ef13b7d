"""Runs hostile scripts in this process, one after another, and tells what became of each.

Started as a child by `test_hostile.py`, under limits of the operating system. For every chunk of the file given it
writes the name before it starts (so the parent knows which script killed the process) and a line of JSON afterwards.
Timers and actions are answered at once with None; nothing else of a runtime is there.
"""

from __future__ import annotations

import gc
import json
import resource
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from chunk_file import Chunk, read_chunks

from flowlang.lang.diagnostics.diagnostic import Severity
from flowlang.lang.eval.command import Answer, CallAction, LogLine, StartTimer
from flowlang.lang.eval.evaluation import Completed, Entry, Evaluation, Stopped, Suspended
from flowlang.lang.interpreter import UNIVERSE, Build, build
from flowlang.lang.values.canonical import encode
from flowlang.lang.values.fault import BudgetExceeded
from flowlang.lang.values.meter import Budget
from flowlang.lang.values.result import Err
from flowlang.library import prelude_modules
from flowlang.loaders import BundledLoader, ChainLoader, MappingLoader, source_reader
from flowlang.runtime.action import ActionRegistry
from flowlang.runtime.catalog import Catalog

ENTRY = "main.flow"
ADDRESS_SPACE = 1 << 30
CPU_SECONDS = 240
SHOWN_LINES = 200


def resident(field: str) -> int:
    """The resident memory of this process in bytes: `VmRSS` now, `VmHWM` at its highest."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(field):
            return int(line.split()[1]) << 10
    raise AssertionError(f"no {field}")


def reset_peak() -> None:
    """Lets the highest resident memory begin anew."""
    Path("/proc/self/clear_refs").write_text("5")


def build_chunk(chunk: Chunk) -> Build:
    """The chunk's modules with the prelude."""
    read = source_reader(ChainLoader(MappingLoader(chunk.modules(ENTRY)), BundledLoader()))
    return build(ENTRY, read, prelude_modules())


def steps_of(evaluation: Evaluation) -> Iterator[Any]:
    """The steps of an evaluation whose commands are all answered with None."""
    step = evaluation.start()
    yield step
    while isinstance(step, Suspended):
        commands = [said for said in step.said if isinstance(said, (CallAction, StartTimer))]
        step = evaluation.resume([(command.position, Answer(encode(None))) for command in commands])
        yield step


def run_chunk(chunk: Chunk) -> dict[str, Any]:
    """Builds and runs a chunk; what became of it, as JSON data."""
    built = build_chunk(chunk)
    problems = [found for found in built.diagnostics if found.severity is Severity.ERROR]
    if problems:
        return {
            "end": problems[0].slug,
            "texts": [text for found in problems for text in (found.message, found.hint or "")],
        }
    budget = Budget(
        steps=chunk.number("steps", 1_000_000), memory_bytes=chunk.number("memory", 100 << 20),
        call_depth=chunk.number("depth", 200), output_characters=chunk.number("output", 1 << 20),
    )  # fmt: skip
    evaluation = Evaluation(
        built.programs, built.prelude, Entry(ENTRY), universe=UNIVERSE, catalog=Catalog(ActionRegistry(())),
        budget=budget,
    )  # fmt: skip
    evaluation.go_live()
    lines: list[str] = []
    step: Any = None
    for step in steps_of(evaluation):
        lines += [said.text for said in step.said if isinstance(said, LogLine)][: SHOWN_LINES - len(lines)]
    found = {"end": "ok", "texts": [], "lines": [line[:SHOWN_LINES] for line in lines], "steps": evaluation.total_steps}
    if isinstance(step, Stopped):
        cause = step.cause
        if isinstance(cause, BudgetExceeded):
            return found | {"end": cause.limit, "texts": [cause.message]}
        return found | {"end": "defect", "texts": [f"{type(cause).__name__}: {cause}"]}
    assert isinstance(step, Completed)
    if isinstance(step.result, Err):
        failure = step.result.failure
        places = [str(frame.fields["name"]) for frame in failure.trace]
        return found | {"end": failure.kind, "texts": [failure.message, failure.hint or "", *places]}
    return found


def run_text(text: str, **settings: int) -> dict[str, Any]:
    """Builds and runs a script."""
    return run_chunk(Chunk("text", (), settings, text))


def measured(chunk: Chunk) -> dict[str, Any]:
    """As `run_chunk`, with the time and the memory that it took."""
    gc.collect()
    reset_peak()
    before, started = resident("VmRSS"), time.process_time()
    try:
        found = run_chunk(chunk)
    except Exception as error:
        found = {"end": "host-exception", "texts": [f"{type(error).__name__}: {error}"]}
    found["seconds"] = time.process_time() - started
    found["growth"] = resident("VmHWM") - before
    return found


def main(path: str, names: list[str]) -> None:
    """Runs the chunks of a file: all, or those named."""
    resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE, ADDRESS_SPACE))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    for chunk in read_chunks(Path(path)):
        if not names or chunk.name in names:
            print(json.dumps({"name": chunk.name}), flush=True)
            print(json.dumps(measured(chunk)), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
