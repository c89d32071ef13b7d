"""What parsing and compiling costs, cold and warm, beside CPython and the peers.

    python bench/compile.py [--rounds N] [--clock wall|thread] [--json FILE]

Three modules of 1,000 and of 10,000 lines each are made: `code` (the functions of the kernels, again and again under
new names), `data` (a configuration: nested dicts and lists) and `flows` (small functions with text, calls by keyword
and docstrings). Each is valid Python, too. In every round follow one another, each on the same text:

- flowlang cold: from the text to a program (read, parse, resolve, compile), without a cache (before the first round
  the same in a fresh process, `first`, where the grammar's table and the compiler's modules are loaded as well);
- CPython: `compile()`;
- flowlang warm: from the text to a program out of a cache in memory;
- starlark-go and starlark-rust: what their bindings offer, which is parsing, resolving and running the definitions (for
  rust also parsing alone). Both times contain the run of the module's top level, which is next to nothing for code.

The goal for 1,000 lines is 20 times CPython's time plus 40 ms cold (floor: 60 times), and 2 ms warm.
"""

from __future__ import annotations

import argparse
import gc
import json
import re
import statistics
import subprocess
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from engines import in_go, in_rust
from kernels import CLOCKS

from flowlang.lang.interpreter import build
from flowlang.loaders import MappingLoader, source_reader

FIRST = """
import sys
from time import {clock} as clock
from flowlang.lang.interpreter import build
from flowlang.loaders import MappingLoader, source_reader
text = sys.stdin.read()
started = clock()
build("module.flow", source_reader(MappingLoader({{"module.flow": text}})), ())
print((clock() - started) * 1000)
"""
KERNELS = Path(__file__).parent / "kernels"
LINES = (1_000, 10_000)
NAME = "module.flow"
NEWLINE = "\n"

ENTRY = """
SERVICE_{n} = {{
    "name": "service-{n}",
    "image": "registry/service:{n}",
    "replicas": {n} % 5 + 1,
    "ports": [8000 + {n}, 9000 + {n}],
    "limits": {{"cpu": 0.5, "memory": "512Mi", "burst": [1, 2, 4, 8]}},
    "environment": {{"MODE": "production", "LEVEL": "info", "SHARD": str({n})}},
    "owners": [("ada", "lead"), ("grace", "reviewer")],
}}
"""

FLOW = '''
def notify_{n}(order, recipients, *, subject = "order", urgent = False, **options):
    """Sends a message about an order to all recipients that want it."""
    sent = []
    for index, recipient in enumerate(recipients):
        if not recipient.get("active") or recipient["level"] < {n} % 7:
            continue
        text = "%s: %s (%d)" % (subject, order["id"], index)
        details = {{key: value for key, value in options.items() if value != None}}
        sent.append(dict(to = recipient["mail"], text = text.strip(), urgent = urgent or index == 0, **details))
    return sorted(sent, key = lambda message: (not message["urgent"], message["to"]))
'''


class MemoryCache:
    """A program cache that lives as long as the process."""

    def __init__(self) -> None:
        self._programs: dict[str, bytes] = {}

    def get(self, key: str) -> bytes | None:
        """The bytes under a key."""
        return self._programs.get(key)

    def put(self, key: str, data: bytes) -> None:
        """Keeps the bytes."""
        self._programs[key] = data


def code(lines: int) -> str:
    """The functions of the kernels under ever new names."""
    texts = [path.read_text() for path in sorted(KERNELS.glob("*.flow")) if path.stem != "json_round_trip"]
    parts: list[str] = []
    size = number = 0
    while size < lines:
        text = texts[number % len(texts)]
        for name in re.findall(r"^(?:def )?(\w+)(?:\(| = )", text, re.MULTILINE):
            text = re.sub(rf"\b{name}\b", f"{name}_{number}", text)
        parts.append(text)
        size += text.count("\n") + 1
        number += 1
    return "\n".join(parts)


def repeated(template: str) -> Callable[[int], str]:
    """A maker of modules out of numbered copies of a template."""

    def make(lines: int) -> str:
        count = lines // template.count("\n")
        return "".join(template.format(n=number) for number in range(count))

    return make


MODULES: dict[str, Callable[[int], str]] = {"code": code, "data": repeated(ENTRY), "flows": repeated(FLOW)}


def flowlang_compiler(text: str, cache: MemoryCache | None = None) -> Callable[[], object]:
    """Compiles the module with flowlang."""

    def compile_once() -> object:
        built = build(NAME, source_reader(MappingLoader({NAME: text})), (), cache)
        assert not built.has_errors, built.diagnostics
        return built

    return compile_once


def rust_parser(text: str) -> Callable[[], object]:
    """Only parses the module, with starlark-rust."""
    import starlark

    dialect = starlark.Dialect.extended()
    return lambda: starlark.parse(NAME, text, dialect)


def contestants(text: str) -> dict[str, Callable[[], object]]:
    """What is measured, by column."""
    result = {
        "cold": flowlang_compiler(text),
        "CPython": lambda: compile(text, NAME, "exec"),
        "warm": flowlang_compiler(text, MemoryCache()),
    }
    if find_spec("starlark_go") is not None:
        result["go"] = lambda: in_go(text)
    if find_spec("starlark") is not None:
        result["rust"] = lambda: in_rust(text)
        result["rust parse"] = rust_parser(text)
    return result


def first(text: str, clock: str) -> float:
    """Milliseconds of a cold compile in a fresh process, without importing the interpreter."""
    command = [sys.executable, "-c", FIRST.format(clock=clock)]
    return float(subprocess.run(command, input=text, check=True, capture_output=True, text=True).stdout)


def measure(text: str, rounds: int, clock: Callable[[], float]) -> dict[str, float]:
    """Best milliseconds by column, and the median ratio of cold over CPython."""
    compilers = contestants(text)
    taken: dict[str, list[float]] = {name: [] for name in compilers}
    for compiler in compilers.values():
        compiler()
    for _ in range(rounds):
        for name, compiler in compilers.items():
            gc.collect()
            started = clock()
            compiler()
            taken[name].append((clock() - started) * 1000)
    row = {name: min(times) for name, times in taken.items()}
    row["first"] = first(text, clock.__name__)
    row["ratio"] = statistics.median(mine / other for mine, other in zip(taken["cold"], taken["CPython"], strict=True))
    return row


def main() -> None:
    """Measures and prints the tables."""
    parser = argparse.ArgumentParser(description="Measures parsing and compiling.")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--clock", choices=CLOCKS, default="wall")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures to FILE, too")
    options = parser.parse_args()

    figures: dict[str, Any] = {}
    columns = [*contestants(""), "first"]
    print("best milliseconds; ratio: cold over CPython's compile(), median")
    print(f"{'module':14}{'lines':>7}" + "".join(f"{name:>11}" for name in columns) + f"{'ratio':>8}")
    for title, make in MODULES.items():
        for lines in LINES:
            text = make(lines)
            row = measure(text, options.rounds, CLOCKS[options.clock])
            figures[f"{title} {lines}"] = row
            cells = "".join(f"{row[name]:11.2f}" for name in columns)
            print(f"{title:14}{lines:7}{cells}{row['ratio']:8.1f}", flush=True)
            speeds = "".join(f"{text.count(NEWLINE) / row[name]:11.0f}" for name in columns)
            print(f"{'':9}lines per ms{speeds}", flush=True)
    if options.json is not None:
        options.json.write_text(json.dumps(figures, indent=1) + "\n")


if __name__ == "__main__":
    main()
