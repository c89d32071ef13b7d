"""Prints what can be observed of every chunk of `cases/` and of the specification, as JSON: outputs, errors with their
texts and places, values, steps and memory. `test_determinism.py` runs it in processes that differ in all that a script
must not see.

Each chunk is evaluated alone, in its dialect, twice: with a large budget, and with one of so little memory that many
are stopped by a census. What needs a runtime ends with the same static error everywhere, which is compared as well.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bare_run import ASSERT

from flowlang.lang.eval.command import LogLine
from flowlang.lang.eval.evaluation import Completed, Entry, Evaluation, Stopped
from flowlang.lang.interpreter import UNIVERSE, build
from flowlang.lang.resolve.dialect import FLOW, STANDARD, Dialect
from flowlang.lang.values.display import preview
from flowlang.lang.values.fault import BudgetExceeded
from flowlang.lang.values.meter import Budget
from flowlang.lang.values.result import Err
from flowlang.loaders import MappingLoader, source_reader
from flowlang.runtime.action import ActionRegistry
from flowlang.runtime.catalog import Catalog

HERE = Path(__file__).parent
SPEC = HERE.parent.parent / "spec"
ENTRY = "main.flow"
BUDGETS = (
    Budget(steps=2_000_000, memory_bytes=100 << 20),
    Budget(steps=50_000, memory_bytes=8_000, call_depth=30, output_bytes=2_000),
)
CATALOG = Catalog(ActionRegistry(()))
DIALECT = re.compile(r"\s*# dialect: (.+)\n")
MODULE = re.compile(r"^=== (\S+)\n", re.M)
FENCE = re.compile(r"^```flow\n(.*?)^```$", re.M | re.S)


def texts() -> Iterator[tuple[str, str]]:
    """All chunks by their names."""
    for folder in ("cases", "reference/corners"):
        for path in sorted((HERE / folder).rglob("*.flow")):
            for number, text in enumerate(path.read_text(encoding="utf-8").split("---\n")):
                yield f"{path.relative_to(HERE)}:{number}", text
    for path in sorted(SPEC.glob("*.md")):
        for number, fence in enumerate(FENCE.finditer(path.read_text(encoding="utf-8"))):
            yield f"{path.name}:{number}", fence[1]


def dialect_of(text: str) -> Dialect:
    """The dialect that a chunk names, the flow dialect if none."""
    found = DIALECT.match(text)
    if found is None:
        return FLOW
    return STANDARD if found[1] == "both" else Dialect.named(found[1])


def observe(text: str, budget: Budget) -> dict[str, Any]:
    """What can be seen of a chunk under a budget."""
    parts = MODULE.split(text)
    modules = {ENTRY: parts[0], **dict(zip(parts[1::2], parts[2::2], strict=True))}
    read = source_reader(MappingLoader(modules))
    script = build(ENTRY, read, (), dialect=dialect_of(text), predeclared=["assert"])
    found: dict[str, Any] = {
        "diagnostics": [
            (each.slug, each.message, each.hint, each.primary and each.primary.span) for each in script.diagnostics
        ]
    }
    if script.has_errors:
        return found
    evaluation = Evaluation(
        script.programs, script.prelude, Entry(ENTRY), universe=UNIVERSE, catalog=CATALOG, budget=budget,
        predeclared={"assert": ASSERT},
    )  # fmt: skip
    evaluation.go_live()
    step = evaluation.start()
    found["lines"] = [note.text for note in step.said if isinstance(note, LogLine)]
    found["used"] = [evaluation.total_steps, evaluation.meter.memory, evaluation.meter.output]
    if isinstance(step, Stopped):
        found["stopped"] = str(step.cause)
        assert isinstance(step.cause, BudgetExceeded), step.cause
    elif isinstance(step, Completed) and isinstance(step.result, Err):
        failure = step.result.failure
        places = [dict(frame.fields) for frame in failure.trace]
        found["failure"] = [failure.kind, failure.message, failure.hint, places]
    for name, module in evaluation.modules.items():
        found[name] = {each: preview(value) for each, value in sorted(module.globals.items())}
    return found


def main(order: str) -> None:
    """Prints a JSON object: for each chunk what was seen, in the order in which they ran."""
    chunks = list(texts())
    if order == "backwards":
        chunks.reverse()
    seen = {name: [observe(text, budget) for budget in BUDGETS] for name, text in chunks}
    print(json.dumps(seen))


if __name__ == "__main__":
    main(sys.argv[1])
