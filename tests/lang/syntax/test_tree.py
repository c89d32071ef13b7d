"""What the comparison with Python's trees cannot show: our own nodes, and fields that Python does not have."""

from __future__ import annotations

from typing import Any

from flowlang.lang.source import SourceFile
from flowlang.lang.syntax import nodes
from flowlang.lang.syntax.parser import parse


def body_of(text: str) -> list[Any]:
    file, diagnostics = parse(SourceFile("test.flow", text))
    assert diagnostics == []
    return list(file.body)


def value_of(text: str) -> Any:
    (statement,) = body_of(text)
    assert isinstance(statement, nodes.ExprStatement)
    return statement.value


def test_load() -> None:
    (load,) = body_of('load("a.flow", "x", y = "z",)\n')
    assert (load.span, load.source, load.source_span) == ((1, 0, 1, 29), "a.flow", (1, 5, 1, 13))
    found = [(b.span, b.local.span, b.local.name, b.original, b.original_span) for b in load.bindings]
    assert found == [
        ((1, 15, 1, 18), (1, 15, 1, 18), "x", "x", (1, 15, 1, 18)),
        ((1, 20, 1, 27), (1, 20, 1, 21), "y", "z", (1, 24, 1, 27)),
    ]


def test_chain_of_branches_is_flat() -> None:
    (statement,) = body_of("if a:\n    1\nelif b:\n    2\nelif c: 3\nelse:\n    4\n")
    assert [branch.test.name for branch in statement.branches] == ["a", "b", "c"]
    assert [branch.span for branch in statement.branches] == [(1, 0, 2, 5), (3, 0, 4, 5), (5, 0, 5, 9)]
    assert [inner.value.value for inner in statement.orelse] == [4]


def test_chains_of_and_and_or_are_flat_but_parentheses_count() -> None:
    chain = value_of("a or b or c and d and e\n")
    assert (chain.op, len(chain.operands)) == ("or", 3)
    assert (chain.operands[2].op, len(chain.operands[2].operands)) == ("and", 3)
    assert len(value_of("(a and b) and c\n").operands) == 2


def test_operators_have_places() -> None:
    assert value_of("a  //  b\n").op_span == (1, 3, 1, 5)
    found = value_of("a not  in b\n")
    assert (found.op, found.op_span) == ("not in", (1, 2, 1, 9))


def test_names_after_dots_and_of_arguments_have_places() -> None:
    call = value_of("a.b(c = 1, *d, **e)\n")
    assert (call.function.name, call.function.name_span) == ("b", (1, 2, 1, 3))
    found = [(a.kind, a.name, a.name_span, a.span) for a in call.arguments]
    assert found == [
        ("keyword", "c", (1, 4, 1, 5), (1, 4, 1, 9)),
        ("star", None, None, (1, 11, 1, 13)),
        ("double_star", None, None, (1, 15, 1, 18)),
    ]


def test_parameters() -> None:
    (function,) = body_of("def f(a, b: int = 1, *, c = (2), **d: T): pass\n")
    found = [(p.kind, p.name.name if p.name else None, p.span) for p in function.parameters]
    assert found == [
        ("plain", "a", (1, 6, 1, 7)),
        ("plain", "b", (1, 9, 1, 19)),
        ("star", None, (1, 21, 1, 22)),
        ("plain", "c", (1, 24, 1, 31)),
        ("double_star", "d", (1, 33, 1, 39)),
    ]


def test_headers_reach_to_the_colon() -> None:
    function, loop, other = body_of("def f(\n  a) -> T:\n  pass\nfor x in y : pass\nwhile z: pass\n")
    assert function.header_span == (1, 0, 2, 10)
    assert loop.header_span == (4, 0, 4, 12)
    assert other.header_span == (5, 0, 5, 8)


def test_docstrings() -> None:
    file, _ = parse(
        SourceFile("test.flow", '"""The module."""\ndef f():\n    "The function."\n\ndef g():\n    b"no"\n')
    )
    assert file.docstring == "The module."
    assert [getattr(statement, "docstring", None) for statement in file.body] == [None, "The function.", None]
    assert isinstance(file.body[0], nodes.ExprStatement)


def test_tuples_know_their_parentheses() -> None:
    assert value_of("(a, b)\n").parenthesised
    assert not value_of("a, b\n").parenthesised
    (loop,) = body_of("for a, b in c: pass\n")
    assert not loop.target.parenthesised


def test_clauses_have_places() -> None:
    found = value_of("[a for b in (c) if (d)]\n")
    assert [clause.span for clause in found.clauses] == [(1, 3, 1, 15), (1, 16, 1, 22)]


def test_statements_on_one_line() -> None:
    assert [type(s).__name__ for s in body_of("a = 1; pass; b\nc;\n")] == [
        "Assign",
        "Pass",
        "ExprStatement",
        "ExprStatement",
    ]
    (function,) = body_of("def f(): a = 1; return a;\n")
    assert [type(s).__name__ for s in function.body] == ["Assign", "Return"]


def test_while_is_parsed_so_that_a_later_stage_can_speak_about_it() -> None:
    (loop,) = body_of("while True:\n    break\n")
    assert isinstance(loop, nodes.While)


def test_the_tree_after_errors_keeps_the_rest() -> None:
    file, diagnostics = parse(
        SourceFile("test.flow", "a = 1\nb = = 2\ndef f(x y):\n    c = 3\n    d = )\nif :\n    e\nelse:\n    g\n")
    )
    assert len(diagnostics) == 4
    first, second, function, branches = file.body
    assert isinstance(first, nodes.Assign)
    assert isinstance(second, nodes.Pass)
    assert second.span[0] == 2
    assert isinstance(function, nodes.Def)
    assert function.name.name == "f"
    assert [type(s).__name__ for s in function.body] == ["Assign", "Pass"]
    assert isinstance(branches, nodes.If)
    assert len(branches.orelse) == 1
