"""Lowered code against CPython: each kernel is one text that means the same in both languages.

    python bench/kernels.py [NAME ...]

For every kernel the two run in turn, several times; the figure is the median of the paired ratios, flowlang / CPython.
"""

from __future__ import annotations

import math
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from flowlang.lang.eval.evaluation import Completed, Entry, Evaluation
from flowlang.lang.interpreter import UNIVERSE, build
from flowlang.lang.source import SourceFile
from flowlang.lang.values.convert import to_host
from flowlang.lang.values.meter import METER
from flowlang.loaders import MappingLoader, source_reader
from flowlang.runtime.action import ActionRegistry
from flowlang.runtime.catalog import Catalog

FOLDER = Path(__file__).parent / "kernels"
SIZES = {
    "calls": 22, "closures": 20_000, "comprehensions": 2_000, "counting": 15_000, "floats": 200_000, "loops": 2_000,
    "matrix": 60, "records": 50_000, "sieve": 300_000, "sorting": 20_000, "strings": 60_000,
}  # fmt: skip
PAIRS = 7


def in_flowlang(text: str) -> Callable[[int], Any]:
    """The kernel's `run`, compiled by flowlang."""
    read = source_reader(MappingLoader({"kernel.flow": text}))
    built = build("kernel.flow", read, ())
    assert not built.has_errors, built.diagnostics
    catalog = Catalog(ActionRegistry(()))
    evaluation = Evaluation(built.programs, (), Entry("kernel.flow"), universe=UNIVERSE, catalog=catalog)
    assert isinstance(evaluation.start(), Completed)
    METER.set(evaluation.meter)
    run = evaluation.modules["kernel.flow"].exports()["run"]
    return lambda size: run(0, size)


def in_python(text: str) -> Callable[[int], Any]:
    """The kernel's `run`, compiled by CPython."""
    names: dict[str, Any] = {}
    exec(compile(text, "kernel", "exec"), names)
    run: Callable[[int], Any] = names["run"]
    return run


def seconds(run: Callable[[int], Any], size: int) -> float:
    """One timed call."""
    started = time.perf_counter()
    run(size)
    return time.perf_counter() - started


def main(chosen: list[str]) -> None:
    """Measures and prints the table."""
    ratios = []
    print(f"CPython {sys.version.split()[0]}; ratio = flowlang / CPython, median of {PAIRS} pairs")
    for path in sorted(FOLDER.glob("*.flow")):
        if chosen and path.stem not in chosen:
            continue
        size = SIZES[path.stem]
        text = SourceFile(path.name, path.read_text()).text
        ours, theirs = in_flowlang(text), in_python(text)
        assert to_host(ours(10)) == theirs(10), path.stem
        pairs = [(seconds(ours, size), seconds(theirs, size)) for _ in range(PAIRS)]
        ratio = statistics.median(mine / other for mine, other in pairs)
        ratios.append(ratio)
        print(f"{path.stem:16} {ratio:5.2f}   ({min(mine for mine, _ in pairs) * 1000:7.1f} ms)")
    print(f"{'geometric mean':16} {math.exp(statistics.fmean(map(math.log, ratios))):5.2f}")


if __name__ == "__main__":
    main(sys.argv[1:])
