"""Budgets end a script wherever it is: inside of flows that would catch an error, callbacks, streams and tasks."""

from __future__ import annotations

from typing import Final

import pytest
from hostile_run import run_text

STEPS: Final = 20_000
WORK: Final = {
    "steps": "    for i in range(1 << 50): pass\n",
    "memory": "    keep = []\n    for i in range(1 << 50): keep.append([i])\n",
    "depth": "    return f(x)\n",
}
PLACES: Final = {
    "a flow": "g = flow(implementation = lambda fctx: f(0))\nr = g()\nprint(is_err(r))\n",
    "a flow in a flow": (
        "g = flow(implementation = lambda fctx: f(0))\nh = flow(implementation = lambda fctx: g())\n"
        "[h() for i in range(3)]\n"
    ),
    "a key function": "sorted([2, 1], key = f)\n",
    "a key function in a flow": "flow(implementation = lambda fctx: max([2, 1], key = f))()\n",
    "a stream": "[x for x in stream(f)]\n",
    "a drained stream": "list(stream(f))\n",
    "a task": (
        "t = flow(implementation = lambda fctx: f(0))\n"
        "flow(implementation = lambda fctx: fctx.actions.wait([fctx.actions.run(t)]))()\n"
    ),
    "a default": "def g(x = f(0)): return x\n",
}
RECURSION: Final = {
    "through itself": "def f(x): return f(x)\nf(0)\n",
    "through a key function": "def f(x): return sorted([1, 2], key = f)\nf(0)\n",
    "through a lambda": "def f(x): return max([1, 2], key = lambda y: f(y))\nf(0)\n",
    "through a stream": "def f(c):\n    for x in s: pass\ns = stream(f)\nf(0)\n",
    "through a drained stream": "def f(c): return list(s)\ns = stream(f)\nf(0)\n",
    "through a stream in a key function": (
        "def f(c):\n    def k(v): return any(s)\n    return sorted([1, 2], key = k)\ns = stream(f)\nany(s)\n"
    ),
    "through a comprehension": "def f(x): return [f(y) for y in [x]]\nf(0)\n",
    "through flows": "def f(fctx): return g()\ng = flow(implementation = f)\ng()\n",
    "through a bound method": "s = struct(f = lambda x: s2[0].f(x))\ns2 = [s]\ns.f(0)\n",
}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("end", WORK)
def test_a_budget_passes_through(place: str, end: str) -> None:
    steps = STEPS if end == "steps" else 1 << 40
    found = run_text(f"def f(x):\n{WORK[end]}{PLACES[place]}", steps=steps, memory=8 << 20)
    assert found["end"] == end, found


@pytest.mark.parametrize("way", RECURSION)
def test_recursion_ends_at_the_budget_of_depth(way: str) -> None:
    found = run_text(RECURSION[way], steps=1_000_000)
    assert found["end"] == "depth", found


def test_deep_calls_end_before_the_host_gives_up() -> None:
    """Only the budget of depth ends them: the host's own limit would be another on every version."""
    for way in RECURSION:
        found = run_text(RECURSION[way], steps=1_000_000, depth=60)
        assert found["texts"] == ["calls are nested more than 60 deep"], (way, found)
