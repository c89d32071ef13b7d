"""Runs scripts that fill their memory, each in a process of its own, and tells how far the process grew.

Started as a child by `test_memory_is_live.py`, with a JSON object of scripts by name on its standard input. It loads
the interpreter once and forks for every script, so that one script's memory says nothing about another's. For each it
writes a line of JSON: the end, the steps, the charged memory, and the growth of the resident memory at its highest.
"""

from __future__ import annotations

import gc
import json
import os
import sys
from typing import Any

from chunk_file import Chunk
from hostile_run import reset_peak, resident, run_chunk

STEPS = 40_000_000
OUTPUT = 1 << 40


def grown(name: str, text: str, memory: int) -> dict[str, Any]:
    """Runs a script and measures."""
    gc.collect()
    reset_peak()
    before = resident("VmRSS")
    found = run_chunk(Chunk(name, (), {"steps": STEPS, "memory": memory, "output": OUTPUT}, text))
    return {"name": name, "growth": resident("VmHWM") - before, **found}


def main() -> None:
    """Runs all scripts of the standard input."""
    given = json.load(sys.stdin)
    run_chunk(Chunk("warm", (), {}, "x = [str(i) for i in range(10)]\n"))
    for name, text in given["scripts"].items():
        child = os.fork()
        if not child:
            print(json.dumps(grown(name, text, given["memory"])), flush=True)
            os._exit(0)
        os.waitpid(child, 0)


if __name__ == "__main__":
    main()
