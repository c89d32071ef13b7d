"""Limits: what is too deep or too large is refused, and long chains are not deep."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from flowlang.lang.source import SourceFile
from flowlang.lang.syntax import nodes
from flowlang.lang.syntax.parser import parse


def slugs_of(text: str) -> list[str]:
    return [diagnostic.slug for diagnostic in parse(SourceFile("test.flow", text))[1]]


def nested_blocks(count: int) -> str:
    return "".join("    " * depth + "if a:\n" for depth in range(count)) + "    " * count + "pass\n"


NESTS: dict[str, Callable[[int], str]] = {
    "brackets": lambda n: "(" * n + "a" + ")" * n,
    "lists": lambda n: "[" * n + "]" * n,
    "dicts": lambda n: "{1: " * n + "2" + "}" * n,
    "calls": lambda n: "f(" * n + ")" * n,
    "indexes": lambda n: "a[" * n + "0" + "]" * n,
    "minus": lambda n: "-" * n + "a",
    "not": lambda n: "not " * n + "a",
    "lambdas": lambda n: "lambda: " * n + "a",
    "dots": lambda n: "a" + ".b" * n,
    "called again": lambda n: "f" + "()" * n,
    "conditionals": lambda n: "a if b else " * n + "c",
    "right operands": lambda n: "a - (" * n + "b" + ")" * n,
}


@pytest.mark.parametrize("form", NESTS)
def test_deep_expressions_are_refused(form: str) -> None:
    make = NESTS[form]
    assert slugs_of(f"x = {make(40)}\n") == []
    assert slugs_of(f"y = {make(120)}\n") == ["too-deep"]
    assert slugs_of(f"def f(a = {make(20_000)}): pass\n") == ["too-deep"]


def test_errors_after_a_deep_expression_are_still_found() -> None:
    assert slugs_of(f"x = {'-' * 200}a\ny = )\n") == ["too-deep", "unmatched-bracket"]


@pytest.mark.parametrize("operator", ["+", "%", "|", "and", "or", "-", "*"])
def test_chains_of_operators_may_be_long(operator: str) -> None:
    count = 20_000 if operator.isalpha() else 8_000
    assert slugs_of("x = a" + f" {operator} a" * count + "\n") == []


def test_long_chains_of_branches_and_elements() -> None:
    file, diagnostics = parse(SourceFile("test.flow", "if a: b\n" + "elif a: b\n" * 5_000))
    assert diagnostics == []
    (statement,) = file.body
    assert isinstance(statement, nodes.If)
    assert len(statement.branches) == 5_001
    assert slugs_of("x = [" + "1, " * 20_000 + "]\n") == []
    assert slugs_of("x = " * 5_000 + "1\n") == []
    assert slugs_of("x; " * 5_000 + "\n") == []


def test_blocks() -> None:
    assert slugs_of(nested_blocks(16)) == []
    assert slugs_of(nested_blocks(17)) == ["too-deep"]
    assert slugs_of(nested_blocks(90)) == ["too-deep"]


def test_for_clauses() -> None:
    def clauses(count: int) -> str:
        return "[x" + "".join(f" for x{n} in y" for n in range(count)) + "]"

    def nested(count: int) -> str:
        return "[" * count + "x" + " for x in y]" * count

    assert slugs_of(clauses(8)) == []
    assert slugs_of(clauses(9)) == ["too-deep"]
    assert slugs_of(nested(8)) == []
    assert slugs_of(nested(9)) == ["too-deep"]
    assert slugs_of(f"x = [{', '.join([clauses(1)] * 12)}]\n") == []
    assert slugs_of("[x for x in y" + " if x" * 50 + "]") == []


def test_a_deep_statement_is_taken_out_of_the_tree() -> None:
    file, _ = parse(SourceFile("test.flow", f"def f():\n    return {'-' * 200}a\nx = 1\n"))
    function: Any = file.body[0]
    assert isinstance(function.body[0], nodes.Pass)
    assert isinstance(file.body[1], nodes.Assign)


def test_large_sources() -> None:
    assert slugs_of("#" + "x" * (4 << 20)) == ["source-too-large"]
    assert slugs_of("#" + "x" * ((4 << 20) - 1)) == []
    assert slugs_of("x,\n" * 300_000) == ["source-too-large"]
    assert slugs_of("λ" * (2 << 20)) == ["non-ascii-name"]


def test_half_a_surrogate_pair_is_no_text() -> None:
    (diagnostic,) = parse(SourceFile("test.flow", "x = 1\ny = '\ud800'\n"))[1]
    assert diagnostic.slug == "invalid-text"
    assert diagnostic.primary is not None
    assert diagnostic.primary.span == (2, 5, 2, 6)


def test_at_most_twenty_errors_are_reported() -> None:
    assert len(slugs_of("x = = 1\n" * 100)) == 20
    assert len(slugs_of("x = ?\n" * 100)) == 20
    assert len(slugs_of("x = '\\q'\n" * 100)) == 20


HOSTILE = {
    "open quotes": '"\\' * 100_000,
    "open triple quotes": '"""' + "'''\\" * 100_000,
    "quotes in triple quotes": '"""' + '""a' * 100_000,
    "blank lines": " \n" * 200_000,
    "comments": "#\n" * 200_000 + "\\",
    "backslashes": "\\" * 100_000,
    "open brackets": "([{" * 50_000,
    "closing brackets": ")" * 100_000,
    "digits": "1" * 300_000,
    "exponents": "1e" * 100_000,
    "dots": "." * 100_000,
    "stray characters": "?" * 100_000,
    "letters": "é" * 100_000,
    "steps": "".join(" " * n + "if a:\n" for n in range(300)),
    "unindents": "if a:\n" + "".join(" " * n + "a\n" for n in range(300, 0, -1)),
    "carriage returns": "\r" * 100_000,
}


@pytest.mark.parametrize("form", HOSTILE)
def test_hostile_texts_end_in_diagnostics(form: str) -> None:
    found = slugs_of(HOSTILE[form])
    assert len(found) <= 20
    assert bool(found) != (form in ("blank lines", "carriage returns"))
