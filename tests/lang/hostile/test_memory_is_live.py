"""Memory that scripts take, measured: the resident memory of the process against the budget.

Each shape is a way to fill memory. Every one must end at the budget, and the process must not have grown by more than
half as much again, and a little for the program, when it does: what is charged has to be near what the host needs,
also while containers grow and while results are made.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import pytest
from chunk_file import read_chunks
from hostile_run import run_text

FOLDER = Path(__file__).parent
MEMORY = 8 << 20
GROWTH_MAX = 18 << 20
WALL_SECONDS = 400
BATCH = 12

KEPT: Final = {
    "ints": "i * 1000003",
    "floats": "i * 1.5",
    "texts": "str(i) + 'x'",
    "texts of other alphabets": "'λ' + str(i)",
    "texts of two characters": "'%d' % (i % 100) + 'a'",
    "long texts": "'x' * (i % 5000)",
    "slices of a text": "text[i % 100:]",
    "slices of bytes": "b'abcdefghijklmnopqrstuvwxyz'[i % 10:]",
    "characters": "[c for c in 'hello world'.elems()]",
    "code points": "text.elem_ords()",
    "tuples": "(i, i + 1, None)",
    "single tuples": "(i,)",
    "nested tuples": "((i,), (i, (i,)))",
    "empty lists": "[]",
    "lists of one": "[i]",
    "lists of five": "[1, 2, 3, 4, 5]",
    "nested lists": "[[i], [i, [i]]]",
    "copies": "list(template)",
    "slices of a list": "template[1:]",
    "sums of lists": "template + [i]",
    "repeated lists": "[i] * 5",
    "tuples of lists": "tuple(template)",
    "dicts of one": "{i: i}",
    "dicts of texts": "{'a': i}",
    "dicts of six": "{1: 1, 2: 2, 3: 3, 4: 4, 5: 5, 6: i}",
    "dicts of dicts": "{'a': {'b': i}}",
    "dicts by call": "dict(a = i, b = i)",
    "dicts by pairs": "dict([(i, i), (i + 1, i)])",
    "copies of dicts": "dict(table)",
    "empty dicts": "{}",
    "sets": "set([i, i + 1])",
    "sets of many": "set(range(i, i + 20))",
    "unions": "members | set([i])",
    "intersections": "members & members",
    "structs": "struct(a = i, b = i)",
    "closures": "lambda: i",
    "closures over copies": "(lambda y: lambda: y)(i)",
    "defaults": "lambda y = i: y",
    "bound methods": "[].append",
    "ranges": "range(i, i + 10)",
    "parts of a text": "'a,b,c,d,e,f,g'.split(',')",
    "words": "'the quick brown fox jumps'.split()",
    "lines": "'one\\ntwo\\nthree'.splitlines()",
    "partition": "'key=value'.partition('=')",
    "bytes": "bytes([i % 256, 1, 2])",
    "bytes of a text": "bytes('abc' + str(i))",
    "large ints": "1 << (i % 500)",
    "very large ints": "big + i",
    "enumerations": "enumerate(template)",
    "zips": "zip(template, template)",
    "reversed": "reversed(template)",
    "sorted": "sorted(template)",
    "sorted by key": "sorted(template, key = lambda v: -v)",
    "items": "table.items()",
    "keys": "table.keys()",
    "json decoded": 'json.decode(\'{"a": [1, 2.5, "x"], "b": {"c": null}}\')',
    "json encoded": "json.encode({'a': i, 'b': [i]})",
    "formats": "'{} and {}'.format(i, i)",
    "reprs": "repr([i, 'a', None])",
    "replaced": "'a-b-c'.replace('-', '+-+')",
    "upper": "('abc' + str(i)).upper()",
    "stripped": "(' ' + str(i) + ' ').strip()",
    "joined": "', '.join(['a', 'b', str(i)])",
    "results": "Ok(i)",
    "errors": "Err(i)",
    "flows": "flow(implementation = lambda fctx: i)",
    "streams": "stream(lambda cursor: None)",
}
"""Expressions whose values are kept in a list, one after another, without end."""
PROLOGUE = """
text = "abcdefghij" * 20
template = [5, 3, 1, 4]
table = {"a": 1, "b": 2, "c": 3}
members = set([1, 2, 3])
big = (1 << 511) * (1 << 511) * (1 << 511) * (1 << 511)
keep = []
def fill():
    for i in range(1 << 40):
        keep.append(%s)
fill()
"""
WHOLE = {chunk.name: chunk.text for chunk in read_chunks(FOLDER / "scripts" / "filling.flow")}
"""Scripts that make one large thing."""
SCRIPTS = {**{name: PROLOGUE % expression for name, expression in KEPT.items()}, **WHOLE}


def batched(scripts: dict[str, str]) -> list[list[str]]:
    """The names of scripts, as many together as are worth a start of the interpreter."""
    names = list(scripts)
    return [names[first : first + BATCH] for first in range(0, len(names), BATCH)]


def run_all(scripts: dict[str, str], seed: str) -> dict[str, dict[str, Any]]:
    """What became of scripts, each in a process of its own."""
    environment = {"PYTHONPATH": str(FOLDER.parents[2]), "PATH": os.environ["PATH"], "PYTHONHASHSEED": seed}
    done = subprocess.run(
        [sys.executable, str(FOLDER / "growth_run.py")], input=json.dumps({"memory": MEMORY, "scripts": scripts}),
        capture_output=True, text=True, timeout=WALL_SECONDS, check=True, env=environment,
    )  # fmt: skip
    return {found["name"]: found for found in map(json.loads, done.stdout.splitlines())}


@pytest.mark.parametrize("names", batched(SCRIPTS), ids=lambda names: f"{names[0]} and more")
def test_memory_ends_at_the_budget(names: list[str]) -> None:
    found = run_all({name: SCRIPTS[name] for name in names}, "0")
    assert {name: found[name]["end"] for name in names} == dict.fromkeys(names, "memory")
    grown = {name: f"{found[name]['growth'] >> 20} MB" for name in names if found[name]["growth"] > GROWTH_MAX}
    assert grown == {}


HOLDING: Final = """
def f():
    keep = [[i] for i in range(%d)]
    for i in range(300000):
        garbage = [i, i + 1, i + 2]
    return len(keep)
f()
"""


def test_a_script_that_keeps_nearly_all_it_may_goes_on() -> None:
    much, little = (run_text(HOLDING % count, steps=1 << 40, memory=MEMORY) for count in (50_000, 500))
    assert much["end"] == little["end"] == "ok"
    # Making the lists takes steps, too; what is left is what the censuses took.
    assert much["steps"] <= 3 * little["steps"]


def test_what_is_alive_is_counted_the_same_under_every_hash() -> None:
    names = ["dicts of texts", "sets", "one set of tuples", "one dict of texts", "structs", "one repr"]
    seen = [
        [(found["end"], found["steps"]) for found in run_all({name: SCRIPTS[name] for name in names}, seed).values()]
        for seed in ("1", "2")
    ]
    assert seen[0] == seen[1]
