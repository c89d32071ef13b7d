"""A diagnostic for other programs: one line, JSON, GitHub annotations. SARIF has a module of its own.

Lines and columns count from 1 here, as editors and these formats do; an end column is the one after the last
character. The forms are a promise to whoever reads them: fields are added, never changed.
"""

from __future__ import annotations

from typing import Any

from flowlang.lang.diagnostics.diagnostic import Diagnostic, Fix, Label, Severity
from flowlang.lang.source import Span


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
        "fix": None if diagnostic.fix is None else _fix(diagnostic.fix),
    }


def _label(label: Label) -> dict[str, Any]:
    return {"path": label.source.name, **_place(label.span), "text": label.text}


def _fix(fix: Fix) -> dict[str, Any]:
    edits = [{**_place(edit.span), "text": edit.text} for edit in fix.edits]
    return {"title": fix.title, "is_safe": fix.is_safe, "edits": edits}


def _place(span: Span) -> dict[str, int]:
    line, column, end_line, end_column = span
    return {"line": line, "column": column + 1, "end_line": end_line, "end_column": end_column + 1}


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
