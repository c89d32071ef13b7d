"""Twenty-eight small programs on flowlang, CPython, starlark-go and starlark-rust, in turn, in one process.

    python bench/kernels.py [NAME ...] [--rounds N] [--clock wall|thread] [--json FILE]

Every kernel is one text that means the same to all four; its results are compared before anything is measured. Only
the call of the kernel's `run` is timed, not reading, compiling or starting. In each round every engine runs the
kernel once, one after the other, so that whatever disturbs the machine disturbs all. A table shows the best
time of each engine, and three ratios, each the median over the rounds of the ratio within one round:

- `/CPython`: flowlang's time over CPython's (raw CPython is the bound of what flowlang can reach);
- `x go`, `x rust`: how many times as fast as the peer flowlang is.

The clock is wall time. On a busy machine `--clock thread` measures the time of the calling thread instead; that
leaves out the background threads of Go's garbage collector, in the peer's favour.

The peers are optional (`pip install flowlang[bench]`). To measure another checkout, name it in PYTHONPATH.
"""

from __future__ import annotations

import argparse
import gc
import json
import math
import statistics
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from engines import ENGINES, Engine, Run, Unsupported, available, canonical

FOLDER = Path(__file__).parent / "kernels"
CHECKED_SIZE = 10
CLOCKS: dict[str, Callable[[], float]] = {"wall": time.perf_counter, "thread": time.thread_time}
US, PYTHON, GO, RUST = ENGINES
HEADINGS = {PYTHON: "/CPython", GO: "x go", RUST: "x rust"}

Row = dict[str, float]


def kernel_paths(chosen: Iterable[str]) -> list[Path]:
    """The kernels, or those that are named."""
    names = set(chosen)
    paths = [path for path in sorted(FOLDER.glob("*.flow")) if not names or path.stem in names]
    unknown = names - {path.stem for path in paths}
    if unknown:
        raise SystemExit(f"no such kernel: {', '.join(sorted(unknown))}")
    return paths


def size_of(text: str) -> int:
    """The size that a kernel declares in its line `SIZE = …`."""
    line = next(line for line in text.splitlines() if line.startswith("SIZE = "))
    return int(line.removeprefix("SIZE = "))


def prepare(text: str, engines: dict[str, Engine]) -> dict[str, Run]:
    """The kernel on every engine that can run it. All agree on the result."""
    runs: dict[str, Run] = {}
    for name, engine in engines.items():
        try:
            runs[name] = engine(text)
        except Unsupported:
            continue
    for size in (CHECKED_SIZE, size_of(text)):
        results = {name: canonical(run(size)) for name, run in runs.items()}
        assert all(result == results[PYTHON] for result in results.values()), results
    return runs


def measure(runs: dict[str, Run], size: int, rounds: int, clock: Callable[[], float]) -> Row:
    """Best times in milliseconds by engine, and the median ratios by heading."""
    taken: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(rounds):
        for name, run in runs.items():
            gc.collect()
            started = clock()
            run(size)
            taken[name].append(clock() - started)
    row = {name: min(times) * 1000 for name, times in taken.items()}
    for name, heading in HEADINGS.items():
        if name in taken:
            pairs = zip(taken[US], taken[name], strict=True)
            ratios = [mine / other if name == PYTHON else other / mine for mine, other in pairs]
            row[heading] = statistics.median(ratios)
    return row


def summary(rows: dict[str, Row], heading: str, figure: Callable[[list[float]], float]) -> float | None:
    """A figure over the kernels that have this ratio."""
    values = [row[heading] for row in rows.values() if heading in row]
    return figure(values) if values else None


def geometric_mean(values: list[float]) -> float:
    """The mean of ratios."""
    return math.exp(statistics.fmean(map(math.log, values)))


def line(title: str, milliseconds: Iterable[float | None], ratios: Iterable[float | None]) -> str:
    """One line of the table."""
    cells = [f"{value:10.1f}" if value is not None else " " * 9 + "-" for value in milliseconds]
    cells += [f"{value:9.2f}" if value is not None else " " * 8 + "-" for value in ratios]
    return f"{title:16}" + "".join(cells)


def main() -> None:
    """Measures and prints the table."""
    parser = argparse.ArgumentParser(description="Measures the kernels.")
    parser.add_argument("kernels", nargs="*", metavar="NAME")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--clock", choices=CLOCKS, default="wall")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures to FILE, too")
    options = parser.parse_args()

    engines = available()
    for name in ENGINES.keys() - engines.keys():
        print(f"{name} is not installed: left out")
    print(f"CPython {sys.version.split()[0]}, {options.rounds} rounds, {options.clock} time; ms are the best, ratios")
    print("the median of the rounds; `/CPython`: flowlang's time over CPython's; `x`: times as fast as the peer")
    print(f"{'':16}" + "".join(f"{name.removeprefix('starlark-'):>10}" for name in ENGINES), end="")
    print("".join(f"{heading:>9}" for heading in HEADINGS.values()))
    rows: dict[str, Row] = {}
    for path in kernel_paths(options.kernels):
        text = path.read_text()
        row = measure(prepare(text, engines), size_of(text), options.rounds, CLOCKS[options.clock])
        rows[path.stem] = row
        print(line(path.stem, map(row.get, ENGINES), map(row.get, HEADINGS.values())), flush=True)

    totals: dict[str, dict[str, float | None]] = {}
    for title, figure in (("geometric mean", geometric_mean), ("minimum", min), ("maximum", max)):
        totals[title] = {heading: summary(rows, heading, figure) for heading in HEADINGS.values()}
        print(line(title, [None] * len(ENGINES), totals[title].values()))
    if options.json is not None:
        figures: dict[str, Any] = {"python": sys.version, "clock": options.clock, "kernels": rows, "summary": totals}
        options.json.write_text(json.dumps(figures, indent=1) + "\n")


if __name__ == "__main__":
    main()
