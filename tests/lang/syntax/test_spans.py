"""Trees and spans against an oracle: where a program means the same in Python, CPython's own parser must agree.

CPython gives every node the places that `nodes.py` promises, so both trees are turned into nested tuples of
(kind, span, parts) and compared as a whole.
"""

from __future__ import annotations

import ast
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowlang.lang.source import SourceFile
from flowlang.lang.syntax import nodes
from flowlang.lang.syntax.parser import parse

OPERATORS = {
    ast.Add: "+",
    ast.Sub: "-",
    ast.Mult: "*",
    ast.Div: "/",
    ast.FloorDiv: "//",
    ast.Mod: "%",
    ast.BitOr: "|",
    ast.BitXor: "^",
    ast.BitAnd: "&",
    ast.LShift: "<<",
    ast.RShift: ">>",
    ast.And: "and",
    ast.Or: "or",
    ast.Not: "not",
    ast.UAdd: "+",
    ast.USub: "-",
    ast.Invert: "~",
    ast.Eq: "==",
    ast.NotEq: "!=",
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
    ast.In: "in",
    ast.NotIn: "not in",
}


def python_span(node: Any) -> tuple[int, int, int, int]:
    return (node.lineno, node.col_offset, node.end_lineno, node.end_col_offset)


def from_python(node: Any) -> Any:
    """A Python tree as nested tuples."""
    if isinstance(node, list):
        return [from_python(item) for item in node]
    if node is None:
        return None
    parts: list[Any]
    match node:
        case ast.Name(id=name):
            parts = [name]
        case ast.Constant(value=bool() | None as value):
            return ("Name", python_span(node), [str(value)])
        case ast.Constant(value=value):
            parts = [value]
        case ast.List(elts=elements):
            parts = [from_python(elements)]
        case ast.Tuple(elts=elements):
            parts = [from_python(elements)]
        case ast.Dict(keys=keys, values=values):
            parts = [[(from_python(key), from_python(value)) for key, value in zip(keys, values, strict=True)]]
        case ast.UnaryOp(op=op, operand=operand):
            return ("Unary", python_span(node), [OPERATORS[type(op)], from_python(operand)])
        case ast.BinOp(left=left, op=op, right=right):
            return ("Binary", python_span(node), [OPERATORS[type(op)], from_python(left), from_python(right)])
        case ast.Compare(left=left, ops=[op], comparators=[right]):
            return ("Binary", python_span(node), [OPERATORS[type(op)], from_python(left), from_python(right)])
        case ast.BoolOp(op=op, values=values):
            parts = [OPERATORS[type(op)], from_python(values)]
        case ast.IfExp(test=test, body=body, orelse=orelse):
            return ("Conditional", python_span(node), [from_python(test), from_python(body), from_python(orelse)])
        case ast.Call(func=function, args=args, keywords=keywords):
            arguments = sorted(
                [
                    *(
                        (python_span(arg)[:2], None, from_python(getattr(arg, "value", arg)))
                        for arg in args
                        if isinstance(arg, ast.Starred)
                    ),
                    *(
                        (python_span(arg)[:2], None, from_python(arg))
                        for arg in args
                        if not isinstance(arg, ast.Starred)
                    ),
                    *((python_span(word)[:2], word.arg, from_python(word.value)) for word in keywords),
                ],
                key=lambda argument: argument[0],
            )
            parts = [from_python(function), [(name, value) for _place, name, value in arguments]]
        case ast.Attribute(value=value, attr=name):
            return ("Dot", python_span(node), [from_python(value), name])
        case ast.Subscript(value=value, slice=ast.Slice(lower=start, upper=stop, step=step)):
            return ("Slice", python_span(node), [from_python(part) for part in (value, start, stop, step)])
        case ast.Subscript(value=value, slice=index):
            return ("Index", python_span(node), [from_python(value), from_python(index)])
        case ast.ListComp(elt=element, generators=generators):
            return ("Comprehension", python_span(node), [None, from_python(element), python_clauses(generators)])
        case ast.DictComp(key=key, value=value, generators=generators):
            return (
                "Comprehension",
                python_span(node),
                [from_python(key), from_python(value), python_clauses(generators)],
            )
        case ast.Lambda(args=args, body=body):
            return ("Lambda", python_span(node), [python_parameters(args), from_python(body)])
        case _:
            return statement_from_python(node)
    kinds = {"List": "ListExpr", "Dict": "DictExpr", "Tuple": "TupleExpr"}
    name = type(node).__name__
    return (kinds.get(name, name), python_span(node), parts)


def statement_from_python(node: Any) -> Any:
    parts: list[Any]
    match node:
        case ast.Expr(value=value):
            return ("ExprStatement", python_span(node), [from_python(value)])
        case ast.Assign(targets=targets, value=value):
            return ("Assign", python_span(node), [from_python(targets), from_python(value), None])
        case ast.AnnAssign(target=target, annotation=annotation, value=value):
            parts = [[from_python(target)], from_python(value), from_python(annotation)]
            return ("Assign", python_span(node), parts)
        case ast.AugAssign(target=target, op=op, value=value):
            parts = [from_python(target), OPERATORS[type(op)] + "=", from_python(value)]
            return ("AugmentedAssign", python_span(node), parts)
        case ast.For(target=target, iter=iterable, body=body):
            return ("For", python_span(node), [from_python(target), from_python(iterable), from_python(body)])
        case ast.While(test=test, body=body):
            return ("While", python_span(node), [from_python(test), from_python(body)])
        case ast.FunctionDef(name=name, args=args, body=body, returns=returns):
            parts = [name, python_parameters(args), from_python(returns), from_python(body)]
            return ("Def", python_span(node), parts)
        case ast.If(test=test, body=body, orelse=orelse):
            return ("If", python_span(node), [from_python(test), from_python(body), from_python(orelse)])
        case ast.Return(value=value):
            parts = [from_python(value)]
        case ast.Pass() | ast.Break() | ast.Continue():
            parts = []
        case _:
            raise TypeError(node)
    return (type(node).__name__, python_span(node), parts)


def python_clauses(generators: list[ast.comprehension]) -> list[Any]:
    clauses: list[Any] = []
    for generator in generators:
        clauses.append((from_python(generator.target), from_python(generator.iter)))
        clauses.extend(from_python(test) for test in generator.ifs)
    return clauses


def python_parameters(args: ast.arguments) -> list[Any]:
    """(name, default, annotation) with the names of star parameters marked."""
    defaults: list[Any] = [None] * (len(args.args) - len(args.defaults)) + list(args.defaults)
    found = [(arg.arg, default, arg.annotation) for arg, default in zip(args.args, defaults, strict=True)]
    if args.vararg is not None:
        found.append(("*" + args.vararg.arg, None, args.vararg.annotation))
    elif args.kwonlyargs:
        found.append(("*", None, None))
    found += [(a.arg, default, a.annotation) for a, default in zip(args.kwonlyargs, args.kw_defaults, strict=True)]
    if args.kwarg is not None:
        found.append(("**" + args.kwarg.arg, None, args.kwarg.annotation))
    return [(name, from_python(default), from_python(annotation)) for name, default, annotation in found]


def from_flow(node: Any) -> Any:
    """A tree of ours as the same nested tuples."""
    if isinstance(node, list):
        return [from_flow(item) for item in node]
    if node is None:
        return None
    parts: list[Any]
    match node:
        case nodes.Name(name=name):
            parts = [name]
        case nodes.Constant(value=value):
            parts = [value]
        case nodes.ListExpr(elements=elements) | nodes.TupleExpr(elements=elements):
            parts = [from_flow(elements)]
        case nodes.DictExpr(entries=entries):
            parts = [[(from_flow(entry.key), from_flow(entry.value)) for entry in entries]]
        case nodes.Unary(op=op, operand=operand):
            parts = [op, from_flow(operand)]
        case nodes.Binary(op=op, left=left, right=right):
            parts = [op, from_flow(left), from_flow(right)]
        case nodes.BoolOp(op=op, operands=operands):
            parts = [op, from_flow(operands)]
        case nodes.Conditional(test=test, then=then, orelse=orelse):
            parts = [from_flow(test), from_flow(then), from_flow(orelse)]
        case nodes.Call(function=function, arguments=arguments):
            parts = [from_flow(function), [(argument.name, from_flow(argument.value)) for argument in arguments]]
        case nodes.Dot(value=value, name=name):
            parts = [from_flow(value), name]
        case nodes.Index(value=value, index=index):
            parts = [from_flow(value), from_flow(index)]
        case nodes.Slice(value=value, start=start, stop=stop, step=step):
            parts = [from_flow(part) for part in (value, start, stop, step)]
        case nodes.Comprehension(key=key, element=element, clauses=clauses):
            parts = [from_flow(key), from_flow(element), [flow_clause(clause) for clause in clauses]]
        case nodes.Lambda(parameters=parameters, body=body):
            parts = [flow_parameters(parameters), from_flow(body)]
        case nodes.ExprStatement(value=value) | nodes.Return(value=value):
            parts = [from_flow(value)]
        case nodes.Assign(targets=targets, value=value, annotation=annotation):
            parts = [from_flow(targets), from_flow(value), from_flow(annotation)]
        case nodes.AugmentedAssign(target=target, op=op, value=value):
            parts = [from_flow(target), op, from_flow(value)]
        case nodes.For(target=target, iterable=iterable, body=body):
            parts = [from_flow(target), from_flow(iterable), from_flow(body)]
        case nodes.While(test=test, body=body):
            parts = [from_flow(test), from_flow(body)]
        case nodes.Def(name=name, parameters=parameters, returns=returns, body=body):
            parts = [name.name, flow_parameters(parameters), from_flow(returns), from_flow(body)]
        case nodes.If():
            return flow_if(node)
        case nodes.Pass() | nodes.Break() | nodes.Continue():
            parts = []
        case _:
            raise TypeError(node)
    return (type(node).__name__, node.span, parts)


def flow_clause(clause: nodes.ForClause | nodes.IfClause) -> Any:
    if isinstance(clause, nodes.ForClause):
        return (from_flow(clause.target), from_flow(clause.iterable))
    return from_flow(clause.test)


def flow_if(node: nodes.If) -> Any:
    """Our flat chain as Python nests it: an `elif` is an `if` from there to the end."""
    found: Any = from_flow(node.orelse)
    for branch in reversed(node.branches):
        span = (*branch.span[:2], *node.span[2:])
        found = [("If", span, [from_flow(branch.test), from_flow(branch.body), found])]
    return found[0]


def flow_parameters(parameters: list[nodes.Parameter]) -> list[Any]:
    stars = {"plain": "", "star": "*", "double_star": "**"}
    return [
        (
            stars[parameter.kind] + (parameter.name.name if parameter.name is not None else ""),
            from_flow(parameter.default),
            from_flow(parameter.annotation),
        )
        for parameter in parameters
    ]


def assert_same_as_python(text: str) -> None:
    file, diagnostics = parse(SourceFile("test.flow", text))
    assert diagnostics == []
    assert from_flow(file.body) == from_python(ast.parse(text).body)


PROGRAMS = [
    "x = 1\ny = x, 2\n",
    "a = b = c\n",
    "x: int = 3\n",
    "x[1] += 2; y.z //= 3;\n",
    "(a + b) * (c - d)\n",
    "((a))\n(((a))).b\n",
    "(a and b) and c and (d or e) or f\n",
    "a + b + c - d\n",
    "not -a ** 1\n".replace(" ** 1", ""),
    "a not in b\n",
    "a if (b) else (c)\n",
    "f(a, (b), *c, k = (d), **e)\n",
    "f(\n    a,\n    b,\n)\n",
    "x[1:2], x[:], x[::], x[a:], x[:b:c], x[(1)], x[1, 2]\n",
    "x = (1,)\ny = ()\nz = (1, 2,)\n",
    "[] + [1] + [1, 2,]\n",
    "{}\n{'a': 1}\n{'a': 1, 'b': (2),}\n",
    "[x for x in y]\n",
    "[(x, y) for x, y in z if x if y for w in (v)]\n",
    "{k: v for k, v in items}\n",
    "[a for a.b in c for d[0] in e]\n",
    "lambda: 1\nlambda x, *, y = 2: x\nlambda *a, **k: (a)\n",
    "def f(): pass\n",
    "def f(a, b = 1, *args, c, d = (2), **kwargs):\n    return a\n",
    "def f(a: int, b: str = 'x', *c: list, d, **e: dict) -> list:\n    '''doc'''\n    return\n",
    "def f(\n    a,\n):\n    x = 1\n\n    # comment\n    return x\n\ny = 2\n",
    "for x in y: break\n",
    "for x, y in a, b:\n    continue\n",
    "for x, in y:\n    pass\n",
    "for (x, [y, z]) in w:\n    pass\n",
    "while x:\n    pass\n",
    "if a:\n    b\nelif c:\n    d\nelif e: f\nelse:\n    g\nh\n",
    "if a:\n    if b:\n        c\n    else:\n        d\n",
    "def f():\n\tif x:\n\t\treturn 1\n\treturn 2\n",
    "'''a\nb'''.c\n",
    "x = \\\n    1\n",
    "'a' 'b'\n".replace(" 'b'", ""),
    "# only a comment\n\nx # and here\n",
    "True, False, None\n",
    "0x1f + 0o17 + 0b11 + 00 + 1.5 + .5 + 1. + 1e3 + 1.e-3\n",
    "b'a', rb'\\x', r'\\n', br'x'\n",
    "x=[\n1,\n   2]#c\ny=3",
]


@pytest.mark.parametrize("text", PROGRAMS)
def test_tree_and_spans_are_those_of_python(text: str) -> None:
    assert_same_as_python(text)


NAMES = st.sampled_from(["a", "b", "foo", "x1", "_y"])
ATOMS = st.one_of(NAMES, st.sampled_from(["1", "2.5", "'s'", '"""t\nu"""', "()", "[]", "{}", "None"]))
BLANK = st.sampled_from(["", " ", "  "])


def combine(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    def build(template: str) -> st.SearchStrategy[str]:
        return st.tuples(inner, inner, inner, NAMES, BLANK).map(
            lambda parts: template.format(a=parts[0], b=parts[1], c=parts[2], n=parts[3], s=parts[4])
        )

    return st.sampled_from(
        [
            "({a})",
            "(\n{s}{a}\n)",
            "({a}) {s}+{s} ({b})",
            "({a}){s}*{s}({b})",
            "({a}) == ({b})",
            "({a}) not{s} in ({b})",
            "not{s} ({a})",
            "-({a})",
            "({a}) and{s} ({b}) and ({c})",
            "({a}) or ({b})",
            "({a}).{n}",
            "{n}({s}{a}, {n}={b}, *{c})",
            "{n}[{a}]",
            "{n}[{a}:{s}{b}]",
            "{n}[{a}::({b})]",
            "({a} ,{s}{b})",
            "[{a},\n{s}{b}, {c},]",
            "{{{a}:{s}{b}}}",
            "[{a} for {n} in ({b}) if ({c})]",
            "{{({a}): ({b}) for {n} in ({c})}}",
            "(({a}) if ({b}) else{s} ({c}))",
            "(lambda {n}: {a})",
        ]
    ).flatmap(build)


EXPRESSIONS = st.recursive(ATOMS, combine, max_leaves=8)


@settings(deadline=None)
@given(
    st.lists(EXPRESSIONS, min_size=1, max_size=4),
    st.sampled_from(["{}", "x = {}", "if {}:\n  y", "def f():\n  return {}"]),
)
def test_random_expressions_have_the_tree_and_spans_of_python(expressions: list[str], form: str) -> None:
    assert_same_as_python("".join(form.format(expression) + "\n" for expression in expressions))
