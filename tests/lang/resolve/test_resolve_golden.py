"""How the findings look: `golden/*.golden` holds a program and what its author is shown.

A golden file is the program, a line of `=`, and the rendered diagnostics. `UPDATE_GOLDEN=1` writes the second half
anew. Modules of a program are separated by lines `--- name`; the first is the entry.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from resolve_world import PREDECLARED, analyse_source

from flowlang.lang.diagnostics.frame import render
from flowlang.lang.resolve.load_graph import load_modules
from flowlang.loaders import MappingLoader, source_reader

GOLDEN = Path(__file__).parent / "golden"
BAR = "=" * 20 + "\n"


def shown(program: str) -> str:
    parts = re.split(r"^--- (.+)\n", program, flags=re.MULTILINE)
    modules = dict(zip(parts[1::2], parts[2::2], strict=True))
    graph = load_modules(
        next(iter(modules)), source_reader(MappingLoader(modules)), analyse_source, prelude_exports=PREDECLARED
    )
    return "\n".join(render(diagnostic).rstrip() + "\n" for diagnostic in graph.diagnostics)


@pytest.mark.parametrize("path", sorted(GOLDEN.glob("*.golden")), ids=lambda path: path.stem)
def test_golden(path):
    program, _, expected = path.read_text(encoding="utf-8").partition(BAR)
    rendered = shown(program)
    if os.environ.get("UPDATE_GOLDEN"):
        path.write_text(program + BAR + rendered, encoding="utf-8")
    else:
        assert rendered == expected
