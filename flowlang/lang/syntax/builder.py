"""From a production of the grammar to a node: one method for each name that `grammar.lark` gives.

The parser calls a method with the values of the production's symbols, in order: nodes for what has been reduced,
the lexer's values for tokens (their span, unless they are names or literals), None for an optional part that is not
there. Nothing here recurses: the operands are finished nodes, and a node's span follows from its first and last
symbol.

Parentheses around an expression leave no node, and the node inside keeps its own exact span. Whatever begins or ends
with the parentheses must cover them all the same, so their spans are kept in `groups` by the identity of the node
until the statement is complete; the dict is empty almost always, which makes the check cheap.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from flowlang.lang.source import Span
from flowlang.lang.syntax import nodes
from flowlang.lang.syntax.grammar import TableRule
from flowlang.lang.syntax.nodes import Expr, Statement


class Builder:
    """Makes the nodes of one parse."""

    def __init__(self) -> None:
        self.groups: dict[int, Span] = {}

    def methods(self, rules: tuple[TableRule, ...]) -> list[Callable[..., Any]]:
        """The method of each production, so that it can be called with the values of its symbols."""
        return [self._method(rule) for rule in rules]

    def _method(self, rule: TableRule) -> Callable[..., Any]:
        if rule.builder is None:
            return self.same
        method: Callable[..., Any] = getattr(self, rule.builder)
        if rule.builder in ("binary", "augmented_assign", "bool_chain", "unary"):
            method = partial(method, rule.operator)
        places = rule.places
        if places is None:
            return method
        return lambda *values: method(*[None if place < 0 else values[place] for place in places])

    def _outer(self, node: Expr) -> Span:
        """The node's span with the parentheses around it."""
        return self.groups.get(id(node), node.span) if self.groups else node.span

    def _cover(self, first: Expr, last: Expr) -> Span:
        """The span from the beginning of `first` to the end of `last`, parentheses included."""
        start, end = first.span, last.span
        if self.groups:
            start, end = self.groups.get(id(first), start), self.groups.get(id(last), end)
        return (start[0], start[1], end[2], end[3])

    # Lists

    def first(self, item: Any, *_rest: Any) -> list[Any]:
        return [item]

    def same(self, item: Any, *_rest: Any) -> Any:
        return item

    def pair(self, left: Any, _comma: Span, right: Any) -> list[Any]:
        return [left, right]

    def append(self, items: list[Any], item: Any, _newline: Span | None = None) -> list[Any]:
        items.append(item)
        return items

    def append_item(self, items: list[Any], _comma: Span, item: Any) -> list[Any]:
        items.append(item)
        return items

    def extend(self, items: list[Any], more: list[Any], _newline: Span) -> list[Any]:
        items.extend(more)
        return items

    # Statements

    def file(self, body: list[Statement]) -> nodes.File:
        """The span is the parser's to write, since only it knows where the text ends."""
        return nodes.File((1, 0, 1, 0), body, _docstring(body))

    def block(self, _newline: Span, _indent: Span, body: list[Statement], _dedent: Span) -> list[Statement]:
        return body

    def expression_statement(self, value: Expr) -> nodes.ExprStatement:
        span = self._outer(value)
        self.groups.clear()
        return nodes.ExprStatement(span, value)

    def assign(self, parts: list[Expr]) -> nodes.Assign:
        value = parts.pop()
        span = self._cover(parts[0], value)
        self.groups.clear()
        return nodes.Assign(span, parts, value)

    def annotated_assign(
        self, target: Expr, _colon: Span, annotation: Expr, _equals: Span, value: Expr
    ) -> nodes.Assign:
        return nodes.Assign(self._cover(target, value), [target], value, annotation)

    def augmented_assign(self, op: str, target: Expr, _op_span: Span, value: Expr) -> nodes.AugmentedAssign:
        return nodes.AugmentedAssign(self._cover(target, value), target, op, value)

    def return_statement(self, keyword: Span, value: Expr | None) -> nodes.Return:
        return nodes.Return(keyword if value is None else _join(keyword, self._outer(value)), value)

    def break_statement(self, keyword: Span) -> nodes.Break:
        return nodes.Break(keyword)

    def continue_statement(self, keyword: Span) -> nodes.Continue:
        return nodes.Continue(keyword)

    def pass_statement(self, keyword: Span) -> nodes.Pass:
        return nodes.Pass(keyword)

    def load(
        self,
        keyword: Span,
        _open: Span,
        source: nodes.Constant,
        _comma: Span,
        bindings: list[nodes.LoadBinding],
        _last_comma: Span | None,
        close: Span,
    ) -> nodes.Load:
        return nodes.Load(_join(keyword, close), str(source.value), source.span, bindings)

    def load_same_name(self, name: nodes.Constant) -> nodes.LoadBinding:
        """The bound name has the place of the string, quotes included."""
        text = str(name.value)
        return nodes.LoadBinding(name.span, nodes.Name(name.span, text), text, name.span)

    def load_renamed(self, local: nodes.Name, _equals: Span, name: nodes.Constant) -> nodes.LoadBinding:
        return nodes.LoadBinding(_join(local.span, name.span), local, str(name.value), name.span)

    def if_branch(self, keyword: Span, test: Expr, _colon: Span, body: list[Statement]) -> list[nodes.IfBranch]:
        return [nodes.IfBranch(_to_end(keyword, body), test, body)]

    def elif_branch(
        self, branches: list[nodes.IfBranch], keyword: Span, test: Expr, _colon: Span, body: list[Statement]
    ) -> list[nodes.IfBranch]:
        branches.append(nodes.IfBranch(_to_end(keyword, body), test, body))
        return branches

    def if_statement(self, branches: list[nodes.IfBranch]) -> nodes.If:
        return nodes.If(_join(branches[0].span, branches[-1].span), branches, [])

    def if_else_statement(
        self, branches: list[nodes.IfBranch], _else: Span, _colon: Span, orelse: list[Statement]
    ) -> nodes.If:
        return nodes.If(_to_end(branches[0].span, orelse), branches, orelse)

    def for_statement(
        self, keyword: Span, target: Expr, _in: Span, iterable: Expr, colon: Span, body: list[Statement]
    ) -> nodes.For:
        return nodes.For(_to_end(keyword, body), target, iterable, body, _join(keyword, colon))

    def while_statement(self, keyword: Span, test: Expr, colon: Span, body: list[Statement]) -> nodes.While:
        return nodes.While(_to_end(keyword, body), test, body, _join(keyword, colon))

    def def_statement(
        self,
        keyword: Span,
        name: nodes.Name,
        _open: Span,
        parameters: list[nodes.Parameter] | None,
        _comma: Span | None,
        _close: Span,
        _arrow: Span | None,
        returns: Expr | None,
        colon: Span,
        body: list[Statement],
    ) -> nodes.Def:
        header = _join(keyword, colon)
        return nodes.Def(_to_end(keyword, body), name, parameters or [], returns, body, header, _docstring(body))

    # Parameters

    def plain_parameter(
        self, name: nodes.Name, _colon: Span | None, annotation: Expr | None, _equals: Span | None, default: Expr | None
    ) -> nodes.Parameter:
        last = default or annotation
        span = name.span if last is None else self._cover(name, last)
        return nodes.Parameter(span, "plain", name, default, annotation)

    def star_parameter(
        self, star: Span, name: nodes.Name | None, _colon: Span | None = None, annotation: Expr | None = None
    ) -> nodes.Parameter:
        return self._starred("star", star, name, annotation)

    def double_star_parameter(
        self, star: Span, name: nodes.Name, _colon: Span | None = None, annotation: Expr | None = None
    ) -> nodes.Parameter:
        return self._starred("double_star", star, name, annotation)

    def _starred(self, kind: str, star: Span, name: nodes.Name | None, annotation: Expr | None) -> nodes.Parameter:
        last = annotation or name
        span = star if last is None else _join(star, self._outer(last))
        return nodes.Parameter(span, kind, name, None, annotation)

    def lambda_plain_parameter(self, name: nodes.Name, equals: Span | None, default: Expr | None) -> nodes.Parameter:
        return self.plain_parameter(name, None, None, equals, default)

    def lambda_star_parameter(self, star: Span, name: nodes.Name | None) -> nodes.Parameter:
        return self._starred("star", star, name, None)

    def lambda_double_star_parameter(self, star: Span, name: nodes.Name) -> nodes.Parameter:
        return self._starred("double_star", star, name, None)

    # Operators

    def bare_tuple(self, elements: list[Expr]) -> nodes.TupleExpr:
        return nodes.TupleExpr(self._cover(elements[0], elements[-1]), elements, False)

    def conditional(self, then: Expr, _if: Span, test: Expr, _else: Span, orelse: Expr) -> nodes.Conditional:
        return nodes.Conditional(self._cover(then, orelse), test, then, orelse)

    def lambda_expression(
        self,
        keyword: Span,
        parameters: list[nodes.Parameter] | None,
        _comma: Span | None,
        _colon: Span,
        body: Expr,
    ) -> nodes.Lambda:
        return nodes.Lambda(_join(keyword, self._outer(body)), parameters or [], body)

    def bool_chain(self, op: str, left: Expr, _op_span: Span, right: Expr) -> nodes.BoolOp:
        return nodes.BoolOp(self._cover(left, right), op, [left, right])

    def longer_bool_chain(self, chain: nodes.BoolOp, _op_span: Span, right: Expr) -> nodes.BoolOp:
        chain.operands.append(right)
        chain.span = self._cover(chain, right)
        return chain

    def unary(self, op: str, op_span: Span, operand: Expr) -> nodes.Unary:
        return nodes.Unary(_join(op_span, self._outer(operand)), op, operand)

    def binary(self, op: str, left: Expr, op_span: Span, right: Expr) -> nodes.Binary:
        return nodes.Binary(self._cover(left, right), op, left, right, op_span)

    def not_in(self, left: Expr, not_span: Span, in_span: Span, right: Expr) -> nodes.Binary:
        return nodes.Binary(self._cover(left, right), "not in", left, right, _join(not_span, in_span))

    # What follows an operand

    def dot(self, value: Expr, _dot: Span, name: nodes.Name) -> nodes.Dot:
        return nodes.Dot(self._cover(value, name), value, name.name, name.span)

    def call(
        self,
        function: Expr,
        _open: Span,
        arguments: list[nodes.Argument] | None,
        _comma: Span | None,
        close: Span,
    ) -> nodes.Call:
        return nodes.Call(_join(self._outer(function), close), function, arguments or [])

    def positional_argument(self, value: Expr) -> nodes.Argument:
        return nodes.Argument(self._outer(value), "positional", value)

    def keyword_argument(self, name: nodes.Name, _equals: Span, value: Expr) -> nodes.Argument:
        return nodes.Argument(self._cover(name, value), "keyword", value, name.name, name.span)

    def star_argument(self, star: Span, value: Expr) -> nodes.Argument:
        return nodes.Argument(_join(star, self._outer(value)), "star", value)

    def double_star_argument(self, star: Span, value: Expr) -> nodes.Argument:
        return nodes.Argument(_join(star, self._outer(value)), "double_star", value)

    def index(self, value: Expr, _open: Span, index: Expr, close: Span) -> nodes.Index:
        return nodes.Index(_join(self._outer(value), close), value, index)

    def slice(
        self,
        value: Expr,
        _open: Span,
        start: Expr | None,
        _colon: Span,
        stop: Expr | None,
        _second_colon: Span | None,
        step: Expr | None,
        close: Span,
    ) -> nodes.Slice:
        return nodes.Slice(_join(self._outer(value), close), value, start, stop, step)

    # Brackets

    def group(self, open_span: Span, value: Expr, close: Span) -> Expr:
        self.groups[id(value)] = _join(open_span, close)
        return value

    def empty_tuple(self, open_span: Span, close: Span) -> nodes.TupleExpr:
        return nodes.TupleExpr(_join(open_span, close), [], True)

    def single_tuple(self, open_span: Span, element: Expr, _comma: Span, close: Span) -> nodes.TupleExpr:
        return nodes.TupleExpr(_join(open_span, close), [element], True)

    def tuple_display(self, open_span: Span, elements: list[Expr], _comma: Span | None, close: Span) -> nodes.TupleExpr:
        return nodes.TupleExpr(_join(open_span, close), elements, True)

    def empty_list(self, open_span: Span, close: Span) -> nodes.ListExpr:
        return nodes.ListExpr(_join(open_span, close), [])

    def list_display(self, open_span: Span, elements: list[Expr], _comma: Span | None, close: Span) -> nodes.ListExpr:
        return nodes.ListExpr(_join(open_span, close), elements)

    def empty_dict(self, open_span: Span, close: Span) -> nodes.DictExpr:
        return nodes.DictExpr(_join(open_span, close), [])

    def dict_display(
        self, open_span: Span, entries: list[nodes.DictEntry], _comma: Span | None, close: Span
    ) -> nodes.DictExpr:
        return nodes.DictExpr(_join(open_span, close), entries)

    def entry(self, key: Expr, _colon: Span, value: Expr) -> nodes.DictEntry:
        return nodes.DictEntry(self._cover(key, value), key, value)

    def list_comprehension(
        self, open_span: Span, element: Expr, clauses: list[nodes.ForClause | nodes.IfClause], close: Span
    ) -> nodes.Comprehension:
        return nodes.Comprehension(_join(open_span, close), "list", None, element, clauses)

    def dict_comprehension(
        self,
        open_span: Span,
        entry: nodes.DictEntry,
        clauses: list[nodes.ForClause | nodes.IfClause],
        close: Span,
    ) -> nodes.Comprehension:
        return nodes.Comprehension(_join(open_span, close), "dict", entry.key, entry.value, clauses)

    def for_clause(self, keyword: Span, target: Expr, _in: Span, iterable: Expr) -> nodes.ForClause:
        return nodes.ForClause(_join(keyword, self._outer(iterable)), target, iterable)

    def if_clause(self, keyword: Span, test: Expr) -> nodes.IfClause:
        return nodes.IfClause(_join(keyword, self._outer(test)), test)

    def bare_single_tuple(self, element: Expr, comma: Span) -> nodes.TupleExpr:
        return nodes.TupleExpr(_join(self._outer(element), comma), [element], False)

    def loop_tuple(self, elements: list[Expr], comma: Span | None) -> nodes.TupleExpr:
        span = self._cover(elements[0], elements[-1])
        return nodes.TupleExpr(span if comma is None else _join(span, comma), elements, False)


def _join(first: Span, last: Span) -> Span:
    return (first[0], first[1], last[2], last[3])


def _to_end(first: Span, body: list[Statement]) -> Span:
    """The span from `first` to the end of the last statement of `body`."""
    return _join(first, body[-1].span)


def _docstring(body: list[Statement]) -> str | None:
    match body[0]:
        case nodes.ExprStatement(value=nodes.Constant(value=str() as text)):
            return text
    return None
