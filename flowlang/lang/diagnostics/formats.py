"""A diagnostic for other programs: one line, JSON, GitHub annotations, SARIF.

Lines and columns count from 1 here, as editors and these formats do; an end column is the one after the last
character. The forms are a promise to whoever reads them: fields are added, never changed.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from flowlang.lang.diagnostics.catalog import entry
from flowlang.lang.diagnostics.diagnostic import Diagnostic, Label, Severity


def concise(diagnostic: Diagnostic) -> str:
    """One line: `path:line:column: severity[slug] message`."""
    place = ""
    if diagnostic.primary is not None:
        line, column = diagnostic.primary.span[:2]
        place = f"{_one_line(diagnostic.primary.source.name)}:{line}:{column + 1}: "
    return f"{place}{diagnostic.severity.value}[{diagnostic.slug}] {_one_line(diagnostic.message)}"


def _one_line(text: str) -> str:
    return "".join(character if character.isprintable() else _escape(character) for character in text)


def _escape(character: str) -> str:
    return character.encode("unicode_escape").decode()


def to_json(diagnostic: Diagnostic) -> dict[str, Any]:
    """The diagnostic as plain data."""
    return {
        "slug": diagnostic.slug,
        "severity": diagnostic.severity.value,
        "message": diagnostic.message,
        "place": None if diagnostic.primary is None else _label(diagnostic.primary),
        "labels": [_label(label) for label in diagnostic.labels],
        "hint": diagnostic.hint,
        "notes": list(diagnostic.notes),
    }


def _label(label: Label) -> dict[str, Any]:
    line, column, end_line, end_column = label.span
    return {
        "path": label.source.name,
        "line": line,
        "column": column + 1,
        "end_line": end_line,
        "end_column": end_column + 1,
        "text": label.text,
    }


def github(diagnostic: Diagnostic) -> str:
    """A workflow command that GitHub shows as an annotation of the line."""
    level = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.NOTE: "notice"}[diagnostic.severity]
    properties = {"title": diagnostic.slug}
    if diagnostic.primary is not None:
        line, column, end_line, end_column = diagnostic.primary.span
        properties |= {"file": diagnostic.primary.source.name, "line": str(line), "endLine": str(end_line)}
        if line == end_line:
            properties |= {"col": str(column + 1), "endColumn": str(max(end_column, column + 1))}
    listed = ",".join(f"{key}={_github_property(value)}" for key, value in properties.items())
    message = diagnostic.message if diagnostic.hint is None else f"{diagnostic.message}\nhint: {diagnostic.hint}"
    return f"::{level} {listed}::{_github_data(message)}"


def _github_data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _github_property(text: str) -> str:
    return _github_data(text).replace(":", "%3A").replace(",", "%2C")


def sarif(diagnostics: Iterable[Diagnostic], *, version: str) -> dict[str, Any]:
    """All diagnostics as one SARIF 2.1.0 log; `version` is flowlang's."""
    results = [_sarif_result(diagnostic) for diagnostic in diagnostics]
    slugs = sorted({result["ruleId"] for result in results})
    driver = {
        "name": "flowlang",
        "version": version,
        "rules": [_sarif_rule(slug) for slug in slugs],
    }
    return {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": results}],
    }


def _sarif_rule(slug: str) -> dict[str, Any]:
    known = entry(slug)
    if known is None:
        return {"id": slug}
    return {"id": slug, "shortDescription": {"text": known.title}, "fullDescription": {"text": known.explanation}}


def _sarif_result(diagnostic: Diagnostic) -> dict[str, Any]:
    message = diagnostic.message if diagnostic.hint is None else f"{diagnostic.message}; {diagnostic.hint}"
    result: dict[str, Any] = {
        "ruleId": diagnostic.slug,
        "level": diagnostic.severity.value,
        "message": {"text": message},
    }
    if diagnostic.primary is not None:
        result["locations"] = [_sarif_location(diagnostic.primary)]
    if diagnostic.labels:
        result["relatedLocations"] = [
            {**_sarif_location(label), **({"message": {"text": label.text}} if label.text else {})}
            for label in diagnostic.labels
        ]
    return result


def _sarif_location(label: Label) -> dict[str, Any]:
    line, column, end_line, end_column = label.span
    region = {"startLine": line, "startColumn": column + 1, "endLine": end_line, "endColumn": end_column + 1}
    return {"physicalLocation": {"artifactLocation": {"uri": label.source.name}, "region": region}}
