"""Diagnostics as a SARIF 2.1.0 log, for code scanning services and editors.

A log names each rule that has results once, with the catalog's explanation as its help, and each result refers to its
rule by id and index. Columns count code points, which the log says, and paths are relative URIs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from flowlang.lang.diagnostics.catalog import entry
from flowlang.lang.diagnostics.diagnostic import Diagnostic, Fix, Label
from flowlang.lang.source import SourceFile, Span

_URI_CHARACTERS = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~/@!$&'()*+,;=")


def sarif(diagnostics: Iterable[Diagnostic], *, version: str) -> dict[str, Any]:
    """All diagnostics as one log; `version` is flowlang's."""
    found = list(diagnostics)
    slugs = sorted({diagnostic.slug for diagnostic in found})
    numbers = {slug: number for number, slug in enumerate(slugs)}
    driver = {"name": "flowlang", "version": version, "rules": [_rule(slug) for slug in slugs]}
    return {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [
            {
                "tool": {"driver": driver},
                "columnKind": "unicodeCodePoints",
                "results": [_result(diagnostic, numbers) for diagnostic in found],
            }
        ],
    }


def _rule(slug: str) -> dict[str, Any]:
    known = entry(slug)
    if known is None:
        return {"id": slug}
    markdown = f"{known.explanation}\n\nWrong:\n\n{_fenced(known.wrong)}\n\nRight:\n\n{_fenced(known.right)}\n"
    text = f"{known.explanation}\n\nWrong:\n\n{known.wrong}\nRight:\n\n{known.right}"
    return {
        "id": slug,
        "shortDescription": {"text": known.title},
        "fullDescription": {"text": known.explanation},
        "help": {"text": text, "markdown": markdown},
    }


def _fenced(code: str) -> str:
    return f"```python\n{code.rstrip()}\n```"


def _result(diagnostic: Diagnostic, numbers: Mapping[str, int]) -> dict[str, Any]:
    parts = [diagnostic.message, *([diagnostic.hint] if diagnostic.hint is not None else []), *diagnostic.notes]
    result: dict[str, Any] = {
        "ruleId": diagnostic.slug,
        "ruleIndex": numbers[diagnostic.slug],
        "level": diagnostic.severity.value,
        "message": {"text": "; ".join(parts)},
    }
    if diagnostic.primary is not None:
        result["locations"] = [_location(diagnostic.primary)]
        if diagnostic.fix is not None:
            result["fixes"] = [_fix(diagnostic.fix, diagnostic.primary.source)]
    if diagnostic.labels:
        result["relatedLocations"] = [
            {**_location(label), **({"message": {"text": label.text}} if label.text else {})}
            for label in diagnostic.labels
        ]
    return result


def _location(label: Label) -> dict[str, Any]:
    return {"physicalLocation": {"artifactLocation": {"uri": _uri(label.source.name)}, "region": _region(label.span)}}


def _region(span: Span) -> dict[str, int]:
    line, column, end_line, end_column = span
    return {"startLine": line, "startColumn": column + 1, "endLine": end_line, "endColumn": end_column + 1}


def _fix(fix: Fix, source: SourceFile) -> dict[str, Any]:
    replacements = [{"deletedRegion": _region(edit.span), "insertedContent": {"text": edit.text}} for edit in fix.edits]
    change = {"artifactLocation": {"uri": _uri(source.name)}, "replacements": replacements}
    return {"description": {"text": fix.title}, "artifactChanges": [change]}


def _uri(name: str) -> str:
    """A module's name as a relative reference: what a URI cannot hold is written as `%` and hexadecimal digits."""
    data = name.encode("utf-8", "surrogatepass")
    return "".join(chr(byte) if byte in _URI_CHARACTERS else f"%{byte:02X}" for byte in data)
