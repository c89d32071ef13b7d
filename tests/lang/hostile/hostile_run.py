"""Runs hostile scripts, each in a process of its own, and tells what became of them.

    python tests/lang/hostile/hostile_run.py [--full] FILE [NAME ...]

The processes are forks of this one, which has everything loaded, so they start at once and what each adds to its
memory is the script's doing. For every chunk of the file there is a line of JSON. With `--full` the budgets are those
of `flowlang eval` with 10 million steps and 200 MB, whatever the chunk says, and a script that is stopped otherwise
may take a while. Timers and actions are answered at once with None; nothing else of a runtime is there.
"""

from __future__ import annotations

import gc
import json
import os
import resource
import select
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs
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
ADDRESS_SPACE = 2 << 30
WALL_SECONDS = 60
FULL_WALL_SECONDS = 240
FULL_STEPS = 10_000_000
FULL_MEMORY = 200 << 20
SHOWN_LINES = 200


class Cache(dict[str, bytes]):
    """Compiled modules; it has the prelude before the first fork, so that no child compiles that again."""

    def put(self, key: str, data: bytes) -> None:
        self[key] = data


CACHE = Cache()


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
    return build(ENTRY, read, prelude_modules(), CACHE)


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
        call_depth=chunk.number("depth", 200), output_bytes=chunk.number("output", 1 << 20),
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
    reset_peak()
    before, started = resident("VmRSS"), time.process_time()
    try:
        found = run_chunk(chunk)
    except Exception as error:
        found = {"end": "host-exception", "texts": [f"{type(error).__name__}: {error}"]}
    found["seconds"] = time.process_time() - started
    found["growth"] = resident("VmHWM") - before
    return found


def in_child(chunk: Chunk, wall_seconds: float) -> dict[str, Any]:
    """As `measured`, in a fork under limits of the operating system; a child that dies or hangs has an end too."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE, ADDRESS_SPACE))
        with os.fdopen(writing, "w") as pipe:
            pipe.write(json.dumps(measured(chunk)))
        os._exit(0)
    os.close(writing)
    told = _read_all(reading, wall_seconds)
    if told is None:
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    if told:
        found: dict[str, Any] = json.loads(told)
        return found
    end = "hung" if told is None else f"died of {os.waitstatus_to_exitcode(status)}"
    return {"end": end, "texts": [], "seconds": wall_seconds, "growth": 0}


def _read_all(descriptor: int, seconds: float) -> bytes | None:
    """What comes out of a pipe until it is closed; None when that takes too long."""
    parts = []
    deadline = time.monotonic() + seconds
    with os.fdopen(descriptor, "rb", buffering=0) as pipe:
        while select.select([pipe], [], [], max(0.0, deadline - time.monotonic()))[0]:
            part = pipe.read(1 << 16)
            if not part:
                return b"".join(parts)
            parts.append(part)
    return None


def at_full(chunk: Chunk) -> Chunk:
    """The chunk under the budgets of the command line."""
    return attrs.evolve(chunk, settings={**chunk.settings, "steps": FULL_STEPS, "memory": FULL_MEMORY})


def main(arguments: list[str]) -> None:
    """Runs the chunks of a file: all, or those named."""
    is_full = arguments[:1] == ["--full"]
    path, *names = arguments[is_full:]
    run_text("x = [y for y in range(3)]")
    gc.collect()
    gc.freeze()
    for chunk in read_chunks(Path(path)):
        if not names or chunk.name in names:
            found = in_child(at_full(chunk), FULL_WALL_SECONDS) if is_full else in_child(chunk, WALL_SECONDS)
            print(json.dumps({"name": chunk.name, **found}), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
