"""A module that is compiled in pieces means the same as one that is compiled whole."""

from __future__ import annotations

from typing import Any

import pytest
from hostile_run import run_text

from flowlang.lang.compile.piece import PIECE_STATEMENTS_MAX, WHOLE_CHARACTERS_MAX, cut
from flowlang.lang.source import SourceFile
from flowlang.lang.syntax.parser import parse

PADDING = "#" * WHOLE_CHARACTERS_MAX + "\n"
FILLER = "filler = 0\n" * PIECE_STATEMENTS_MAX
PROGRAMS = {
    "globals": "x = 1\n{}x += 1\nprint(x)\n",
    "functions before their def": "print(f(2))\n{}def f(a): return a + g(a)\n{}def g(a): return a * 3\n",
    "defaults where the def stands": "x = [1]\n{}x.append(2)\ndef f(a = len(x)): return a\n{}print(f())\n",
    "a call before the defaults": "r = flow(implementation = lambda fctx: f())()\nprint(r)\n{}def f(a = 1): return a\n",
    "closures": "def make(n):\n    return lambda: n + x\n{}x = 5\n{}print(make(2)())\n",
    "lambdas": "fs = [lambda: x, lambda: y]\n{}x = 1\n{}y = 2\nprint([f() for f in fs])\n",
    "comprehensions": "x = 2\n{}y = [x * i for i in range(3)]\n{}print(y)\n",
    "branches and loops": "x = 0\nfor i in range(3):\n    x += i\n{}if x == 3: y = x\nelse: y = 0\n{}print(x, y)\n",
    "unbound": "def f(): return later\n{}f()\n{}later = 1\n",
    "unbound at the top": "print(1)\nif False:\n    x = 1\n{}print(x)\n",
    "an error": "def f(a):\n    return 1 // a\nprint(f(1))\n{}print(f(0))\n",
    "an error in a comprehension": "x = 0\n{}y = [1 // x for _ in range(2)]\n",
    "iteration locks": "x = [1, 2]\n{}for y in x:\n    x.append(y)\n",
    "chained and nested targets": "a = b = [1, 2]\n{}(c, [d, e]) = (1, (2, 3))\nb[0] = 5\n{}print(a, c, d, e)\n",
    "names like the host's": "__builtins__ = 1\n{}__debug__ = 2\n{}print(__builtins__, __debug__)\n",
}


def outcome(text: str) -> tuple[Any, ...]:
    found = run_text(text, steps=1_000_000)
    return found["end"], found["texts"], found.get("lines")


@pytest.mark.parametrize("name", PROGRAMS)
def test_pieces_mean_the_same(name: str) -> None:
    program = PROGRAMS[name]
    whole = outcome(program.replace("{}", ""))
    assert whole[0] in ("ok", "used-before-assignment", "division-by-zero", "mutated-during-iteration")
    assert outcome(PADDING + program.replace("{}", FILLER)) == whole


def test_large_modules_are_cut() -> None:
    def pieces(text: str) -> int:
        return len(cut(parse(SourceFile("//piece.flow", text))[0], len(text), frozenset({"f"})))

    program = "def f(): pass\n" + FILLER + FILLER + "f()\n"
    assert pieces(program) == 1
    # One makes the function, three run the statements.
    assert pieces(PADDING + program) == 4
