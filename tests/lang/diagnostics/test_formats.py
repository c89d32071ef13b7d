"""The forms for other programs."""

from __future__ import annotations

import json

from flowlang.lang.diagnostics.diagnostic import Diagnostic, Edit, Fix, Label, Severity
from flowlang.lang.diagnostics.formats import concise, github, to_json
from flowlang.lang.source import SourceFile

SOURCE = SourceFile("flows/a.flow", "x = 1\ny = = 2\n")
FULL = Diagnostic(
    "expected-expression",
    "expected an expression after `=`, found `=`",
    Label(SOURCE, (2, 4, 2, 5), "here"),
    labels=(Label(SOURCE, (1, 0, 1, 5)),),
    notes=("a note",),
    hint="write a value",
    fix=Fix("remove the `=`", (Edit((2, 4, 2, 6), ""),), is_safe=False),
)
BARE = Diagnostic("a-b", "100%\nwrong", severity=Severity.WARNING)


def test_concise() -> None:
    assert concise(FULL) == "flows/a.flow:2:5: error[expected-expression] expected an expression after `=`, found `=`"
    assert concise(BARE) == "warning[a-b] 100%\\nwrong"


def test_json() -> None:
    assert to_json(FULL) == {
        "slug": "expected-expression",
        "severity": "error",
        "message": "expected an expression after `=`, found `=`",
        "place": {
            "path": "flows/a.flow",
            "line": 2,
            "column": 5,
            "end_line": 2,
            "end_column": 6,
            "text": "here",
        },
        "labels": [{"path": "flows/a.flow", "line": 1, "column": 1, "end_line": 1, "end_column": 6, "text": ""}],
        "hint": "write a value",
        "notes": ["a note"],
        "fix": {
            "title": "remove the `=`",
            "is_safe": False,
            "edits": [{"line": 2, "column": 5, "end_line": 2, "end_column": 7, "text": ""}],
        },
    }
    assert to_json(BARE)["place"] is None
    assert to_json(BARE)["fix"] is None
    assert json.loads(json.dumps(to_json(FULL))) == to_json(FULL)


def test_github() -> None:
    assert github(FULL) == (
        "::error title=expected-expression,file=flows/a.flow,line=2,endLine=2,col=5,endColumn=5"
        "::expected an expression after `=`, found `=`%0Ahint: write a value"
    )
    assert github(BARE) == "::warning title=a-b::100%25%0Awrong"
    odd = Diagnostic("a-b", "m", Label(SourceFile("a,b:c.flow", "x\ny"), (1, 0, 2, 1)))
    assert github(odd) == "::error title=a-b,file=a%2Cb%3Ac.flow,line=1,endLine=2::m"
