"""How syntax errors look: `golden/*.golden` holds programs and what their authors are shown.

A case is a program, a line of `=` and the rendered diagnostics; cases are separated by a line of `~`.
`UPDATE_GOLDEN=1` writes what follows the `=` anew.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from flowlang.lang.diagnostics.frame import render
from flowlang.lang.source import SourceFile
from flowlang.lang.syntax.parser import parse

GOLDEN = Path(__file__).parent / "golden"
BAR = "=" * 20 + "\n"
NEXT = "~" * 40 + "\n"


def shown(program: str) -> str:
    _file, diagnostics = parse(SourceFile("etl.flow", program))
    return "\n".join(render(diagnostic) + "\n" for diagnostic in diagnostics)


@pytest.mark.parametrize("path", sorted(GOLDEN.glob("*.golden")), ids=lambda path: path.stem)
def test_golden(path: Path) -> None:
    text = path.read_bytes().decode()
    programs = [case.partition(BAR)[0] for case in text.split(NEXT)]
    rendered = NEXT.join(program + BAR + shown(program) for program in programs)
    assert all(shown(program) for program in programs), "a case without an error"
    if os.environ.get("UPDATE_GOLDEN"):
        path.write_bytes(rendered.encode())
    else:
        assert rendered == text
