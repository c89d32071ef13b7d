"""SARIF logs have the shape that the standard asks for."""

from __future__ import annotations

import json

from flowlang.lang.diagnostics.diagnostic import Diagnostic, Edit, Fix, Label, Severity
from flowlang.lang.diagnostics.sarif import sarif
from flowlang.lang.source import SourceFile

SOURCE = SourceFile("flows/ä b%.flow", "x = 1\ny = = 2\n")
FULL = Diagnostic(
    "expected-expression",
    "expected an expression after `=`, found `=`",
    Label(SOURCE, (2, 4, 2, 5), "here"),
    labels=(Label(SOURCE, (1, 0, 1, 5)), Label(SOURCE, (1, 4, 1, 5), "the one")),
    hint="write a value",
    notes=("a note",),
    fix=Fix("remove the `=`", (Edit((2, 4, 2, 6), ""),)),
)
BARE = Diagnostic("a-b", "100%\nwrong", severity=Severity.WARNING)


def test_the_log_names_its_tool_and_rules():
    log = sarif([FULL, BARE, FULL], version="1.2.3")
    assert json.loads(json.dumps(log)) == log
    assert log["version"] == "2.1.0"
    (run,) = log["runs"]
    driver = run["tool"]["driver"]
    assert (driver["name"], driver["version"]) == ("flowlang", "1.2.3")
    assert run["columnKind"] == "unicodeCodePoints"
    assert [rule["id"] for rule in driver["rules"]] == ["a-b", "expected-expression"]
    assert driver["rules"][0] == {"id": "a-b"}
    rule = driver["rules"][1]
    assert rule["shortDescription"]["text"] == "a value is missing"
    assert "Wrong:" in rule["help"]["text"]
    assert "```" in rule["help"]["markdown"]
    assert [result["ruleIndex"] for result in run["results"]] == [1, 0, 1]


def test_results_have_a_place():
    first, second = sarif([FULL, BARE], version="1")["runs"][0]["results"]
    assert (first["ruleId"], first["level"]) == ("expected-expression", "error")
    assert first["message"]["text"] == "expected an expression after `=`, found `=`; write a value; a note"
    location = first["locations"][0]["physicalLocation"]
    assert location["artifactLocation"] == {"uri": "flows/%C3%A4%20b%25.flow"}
    assert location["region"] == {"startLine": 2, "startColumn": 5, "endLine": 2, "endColumn": 6}
    assert [related.get("message") for related in first["relatedLocations"]] == [None, {"text": "the one"}]
    assert second == {"ruleId": "a-b", "ruleIndex": 0, "level": "warning", "message": {"text": "100%\nwrong"}}


def test_fixes_are_replacements():
    (result,) = sarif([FULL], version="1")["runs"][0]["results"]
    assert result["fixes"] == [
        {
            "description": {"text": "remove the `=`"},
            "artifactChanges": [
                {
                    "artifactLocation": {"uri": "flows/%C3%A4%20b%25.flow"},
                    "replacements": [
                        {
                            "deletedRegion": {"startLine": 2, "startColumn": 5, "endLine": 2, "endColumn": 7},
                            "insertedContent": {"text": ""},
                        }
                    ],
                }
            ],
        }
    ]
