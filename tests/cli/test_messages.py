"""What authors are shown when they write what they know from elsewhere: `messages/*.golden`.

A case is a script, a line of `=` and all that is rendered: the findings before it runs, or the failure that ends it.
Cases are separated by a line of `~`. A script whose first line is `# dialect: standard` is of that dialect; after a
line `--- name` follows another module, which it may load. `UPDATE_GOLDEN=1` writes what follows the `=` anew.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from flowlang.cli.render import render_failure
from flowlang.lang.diagnostics.frame import render
from flowlang.lang.eval.evaluation import Completed, Entry, Evaluation, Stopped
from flowlang.lang.eval.failure import fault_result, trace_struct
from flowlang.lang.interpreter import UNIVERSE, build
from flowlang.lang.resolve.dialect import FLOW, STANDARD
from flowlang.lang.values.fault import BudgetExceeded, Fault
from flowlang.lang.values.meter import Budget
from flowlang.lang.values.result import Err
from flowlang.library import prelude_modules
from flowlang.loaders import BundledLoader, ChainLoader, MappingLoader, source_reader
from flowlang.runtime.action import ActionRegistry
from flowlang.runtime.catalog import Catalog

GOLDEN = Path(__file__).parent / "messages"
BAR = "=" * 20 + "\n"
NEXT = "~" * 40 + "\n"
SCRIPT = "main.flow"
BUDGET = Budget(steps=100_000)


class Cache(dict[str, bytes]):
    """Compiled modules, so that the prelude is compiled once."""

    def put(self, key: str, data: bytes) -> None:
        """Keeps a module."""
        self[key] = data


CACHE = Cache()
CATALOG = Catalog(ActionRegistry(()))


def shown(program: str) -> str:
    """Everything that the author of `program` sees."""
    text, *parts = re.split(r"^--- (.+)\n", program, flags=re.MULTILINE)
    modules = {SCRIPT: text, **dict(zip(parts[::2], parts[1::2], strict=True))}
    read = source_reader(ChainLoader(BundledLoader(), MappingLoader(modules)))
    dialect = STANDARD if text.startswith("# dialect: standard\n") else FLOW
    built = build(SCRIPT, read, prelude_modules() if dialect is FLOW else (), CACHE, dialect=dialect)
    lines = [render(diagnostic) + "\n" for diagnostic in built.diagnostics]
    if not built.has_errors:
        evaluation = Evaluation(
            built.programs, built.prelude, Entry(SCRIPT), universe=UNIVERSE, catalog=CATALOG, budget=BUDGET
        )
        error = ended(evaluation)
        if error is not None:
            sources = {name: source.text for name, source in built.sources.items()}
            lines.append(render_failure(error, sources) + "\n")
    return "\n".join(lines)


def ended(evaluation: Evaluation) -> Err | None:
    """The error that the evaluation ends with."""
    evaluation.go_live()
    step = evaluation.start()
    if isinstance(step, Stopped):
        assert isinstance(step.cause, BudgetExceeded)
        fault = Fault("budget-exceeded", step.cause.message, data={"limit": step.cause.limit})
        return fault_result(fault, [trace_struct(frame) for frame in step.frames])
    assert isinstance(step, Completed)
    return step.result if isinstance(step.result, Err) else None


@pytest.mark.parametrize("path", sorted(GOLDEN.glob("*.golden")), ids=lambda path: path.stem)
def test_messages(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    programs = [case.partition(BAR)[0] for case in text.split(NEXT)]
    rendered = NEXT.join(program + BAR + shown(program) for program in programs)
    if os.environ.get("UPDATE_GOLDEN"):
        path.write_text(rendered, encoding="utf-8")
    else:
        assert rendered == text
