"""What lists, dicts and sets of a million elements weigh, beside CPython's own.

    python bench/memory.py [--count N] [--json FILE]

Each script runs in a process of its own, as flowlang and as CPython, and each twice: once under `tracemalloc`, whose
peak is what Python allocates at most, and once bare, where the high-water mark of the resident set is what the system
gives (reset just before the script runs, through `/proc/self/clear_refs`, so this needs Linux). Both are printed in
bytes per element over what the process held before.
The goal is at most 1.3 times CPython for a list and a dict.
"""

from __future__ import annotations

import argparse
import gc
import json
import re
import subprocess
import sys
import tracemalloc
from pathlib import Path

from engines import in_flowlang, in_python

SCRIPTS = {
    "list comprehension": "[i for i in range(n)]",
    "list repeated": "[None] * n",
    "list of a range": "list(range(n))",
    "list by append": "by_append(n)",
    "list sorted": "sorted([n - i for i in range(n)])",
    "list of lists": "[[i] for i in range(n)]",
    "list of tuples": "[(i, i) for i in range(n)]",
    "list of dicts": "[{'a': i} for i in range(n)]",
    "list of strings": "[str(i) for i in range(n)]",
    "dict comprehension": "{i: i for i in range(n)}",
    "dict by insertion": "by_insertion(n)",
    "dict of strings": "{str(i): i for i in range(n)}",
    "dict of tuples": "{(i, i): i for i in range(n)}",
    "dict of floats": "{i + 0.5: i for i in range(n)}",
    "set": "set(range(n))",
}
TEXT = """
def by_append(n):
    found = []
    for i in range(n):
        found.append(i)
    return found

def by_insertion(n):
    found = {{}}
    for i in range(n):
        found[i] = i
    return found

def run(n):
    return len({expression})
"""
ENGINES = {"flowlang": in_flowlang, "CPython": in_python}
METERS = ("allocated", "resident")


def resident_kilobytes(field: str) -> int:
    """The process's resident set (`VmRSS`) or its high-water mark (`VmHWM`)."""
    found = re.search(rf"{field}:\s*(\d+) kB", Path("/proc/self/status").read_text())
    assert found is not None
    return int(found[1])


def measure_here(engine: str, script: str, meter: str, count: int) -> float:
    """Peak bytes per element of one script, in this process."""
    run = ENGINES[engine](TEXT.format(expression=SCRIPTS[script]))
    run(10)
    gc.collect()
    if meter == "allocated":
        tracemalloc.start()
        run(count)
        return tracemalloc.get_traced_memory()[1] / count
    Path("/proc/self/clear_refs").write_text("5")
    before = resident_kilobytes("VmRSS")
    run(count)
    return (resident_kilobytes("VmHWM") - before) * 1024 / count


def measure(engine: str, script: str, meter: str, count: int) -> float:
    """The same in a fresh process."""
    command = [sys.executable, __file__, "--one", engine, script, meter, "--count", str(count)]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def main() -> None:
    """Measures and prints the table."""
    parser = argparse.ArgumentParser(description="Measures the memory of large values.")
    parser.add_argument("--count", type=int, default=1_000_000)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures to FILE, too")
    parser.add_argument("--one", nargs=3, metavar=("ENGINE", "SCRIPT", "METER"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        engine, script, meter = options.one
        print(measure_here(engine, script, meter, options.count))
        return

    print(f"peak bytes per element of {options.count:,}: flowlang, CPython, ratio")
    print(f"{'':20}" + "".join(f"{meter:>27}" for meter in METERS))
    figures: dict[str, dict[str, list[float]]] = {}
    for script in SCRIPTS:
        cells = ""
        for meter in METERS:
            ours, theirs = (measure(engine, script, meter, options.count) for engine in ENGINES)
            figures.setdefault(script, {})[meter] = [ours, theirs, ours / theirs]
            cells += f"{ours:10.1f}{theirs:9.1f}{ours / theirs:8.2f}"
        print(f"{script:20}{cells}", flush=True)
    if options.json is not None:
        options.json.write_text(json.dumps(figures, indent=1) + "\n")


if __name__ == "__main__":
    main()
