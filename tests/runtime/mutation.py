"""Mutants of scripts: each changes one command that the script asks for, and says on which line.

Places are found in the syntax tree, so every call is changed in every way that fits it. What a mutant must be caught
at follows from how it was made: the recorded command that first stands on the changed line. A line that the recorded
run never came to has none, and then the mutant does what the script did.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import attrs

from flowlang.lang.source import SourceFile
from flowlang.lang.syntax import nodes
from flowlang.lang.syntax.parser import parse

ACTING = ("fctx.actions.", "part(", "whole(")
OTHER_NAME = {
    "fctx.actions.shop.price": "fctx.actions.shop.stock",
    "fctx.actions.shop.stock": "fctx.actions.shop.price",
    "fctx.actions.shop.order": "fctx.actions.shop.stock",
    "fctx.actions.shop.refuse": "fctx.actions.shop.order",
}
EXTRA = 'fctx.actions.shop.price("extra")'


@attrs.frozen
class Mutant:
    """A changed script. `line`: of the command in the script as it was; `asked_line`: where the mutant asks for
    something else, None where it need not ask for anything."""

    kind: str
    text: str
    line: int
    asked_line: int | None


def mutants(script: str) -> Iterator[Mutant]:
    """Every mutant of a script."""
    file, problems = parse(SourceFile("main.flow", script))
    assert not problems
    calls = [node for node in _walk(file) if isinstance(node, nodes.Call) and _acts(script, node)]
    for call in calls:
        yield from _of_call(script, call)
    yield from _of_statements(script)


def _of_call(script: str, call: Any) -> Iterator[Mutant]:
    line = call.span[0]
    callee = _text(script, call.function.span)
    if callee in OTHER_NAME:
        yield Mutant("name", _replaced(script, call.function.span, OTHER_NAME[callee]), line, line)
    if callee == "fctx.actions.sleep":
        yield Mutant("timer", _replaced(script, call.span, EXTRA), line, line)
        return  # how long it sleeps is not compared: the moment of waking is recorded
    if callee in OTHER_NAME:
        yield Mutant("timer", _replaced(script, call.span, "fctx.actions.sleep(1)"), line, line)
    for node in _walk(call):
        if isinstance(node, nodes.Constant):
            for kind, text in _other_values(node.value):
                yield Mutant(kind, _replaced(script, node.span, text), line, line)


def _other_values(value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield "argument", repr(value + "!")
        yield "type", f"[{value!r}]"
        yield "type", f"b{value!r}"
    elif isinstance(value, bool):
        yield "argument", str(not value)
        yield "type", str(int(value))
    elif isinstance(value, int):
        yield "argument", str(value + 1)
        yield "type", f"{value}.0"
        yield "type", f'"{value}"'


def _of_statements(script: str) -> Iterator[Mutant]:
    """Statements of one line that act: another one before, without it, in the other order."""
    lines = script.splitlines()
    for index, text in enumerate(lines):
        stripped = text.strip()
        if not _is_statement(stripped):
            continue
        number, indent = index + 1, text[: len(text) - len(text.lstrip())]
        yield Mutant("added", _joined([*lines[:index], indent + EXTRA, *lines[index:]]), number, number)
        if stripped.startswith("fctx.actions."):
            yield Mutant("removed", _joined([*lines[:index], f"{indent}pass", *lines[index + 1 :]]), number, None)
        following = lines[index + 1] if index + 1 < len(lines) else ""
        if _is_alone(stripped) and _is_alone(following.strip()) and following.startswith(indent + following.strip()[0]):
            swapped = [*lines[:index], following, text, *lines[index + 2 :]]
            yield Mutant("order", _joined(swapped), number, number)


def _is_statement(text: str) -> bool:
    starts = ("if ", "for ", "def ", "return ", "#")
    return any(word in text for word in ACTING) and not text.startswith(starts) and ".wait(" not in text


def _is_alone(text: str) -> bool:
    return text.startswith("fctx.actions.")


def _acts(script: str, call: Any) -> bool:
    text = _text(script, call.span)
    return text.startswith(ACTING) and not text.startswith(("fctx.actions.wait", "fctx.actions.log"))


def _walk(node: Any) -> Iterator[Any]:
    yield node
    for field in attrs.fields(type(node)):
        value = getattr(node, field.name)
        for child in value if isinstance(value, list | tuple) else (value,):
            if attrs.has(type(child)) and hasattr(child, "span"):
                yield from _walk(child)


def _text(script: str, span: Any) -> str:
    line, column, end_line, end = span
    assert line == end_line, "calls that act stand on one line here"
    text = script.splitlines()[line - 1]
    part: str = text[column:end]
    return part


def _replaced(script: str, span: Any, text: str) -> str:
    lines = script.splitlines()
    line, column, _, end = span
    lines[line - 1] = lines[line - 1][:column] + text + lines[line - 1][end:]
    return _joined(lines)


def _joined(lines: list[str]) -> str:
    return "\n".join(lines) + "\n"
