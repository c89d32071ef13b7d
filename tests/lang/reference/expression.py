"""What each expression gives, by walking the tree.

Operands are evaluated from left to right, each once, and the operators are those of `lang.eval.operators`, always the
general ones: the compiled code's shortcuts for common types are compared with them. Chains are walked in a loop,
because a sum of thousands of terms is a tree thousands of levels deep.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flowlang.lang.compile.naming import keyword_name
from flowlang.lang.eval import operators
from flowlang.lang.eval.wrong_call import explain_type_error
from flowlang.lang.source import Span
from flowlang.lang.syntax import nodes
from flowlang.lang.values.container import FREE, HELD, ITERATION, AnyDict, Dict, List, hold, release
from flowlang.lang.values.display import preview
from flowlang.lang.values.fault import FailSignal, Fault, Stop
from flowlang.lang.values.key import dict_has, dict_items, dict_set
from flowlang.lang.values.protocol import VALUE_TYPES, BoundMethod, type_name
from reference import function
from reference.environment import Environment

BINARY = {
    "+": operators.add, "-": operators.subtract, "*": operators.multiply, "/": operators.divide,
    "//": operators.floor_divide, "%": operators.modulo, "&": operators.bit_and, "|": operators.bit_or,
    "^": operators.bit_xor, "<<": operators.shift_left, ">>": operators.shift_right, "==": operators.equal,
    "!=": operators.not_equal, "<": operators.less, "<=": operators.less_equal, ">": operators.greater,
    ">=": operators.greater_equal, "in": operators.contains, "not in": operators.not_contains,
}  # fmt: skip
UNARY: dict[str, Callable[[Any], Any]] = {
    "-": operators.negate,
    "+": operators.positive,
    "~": operators.invert,
    "not": lambda operand: not operand,
}


class Walker:
    """The state of one evaluation: `failed_at` is the innermost place that an error came through, `running` the bodies
    of functions that have been entered and not left, which a dialect without recursion does not enter again, `calling`
    the call that is about to enter one."""

    def __init__(self, depth_limit: int, *, may_recurse: bool = True) -> None:
        self.depth_limit = depth_limit
        self.may_recurse = may_recurse
        self.running: list[object] = []
        self.failed_at: Span | None = None
        self.calling: tuple[nodes.Call, Environment] | None = None

    def evaluate(self, node: nodes.Expr, environment: Environment) -> Any:
        """The value of an expression."""
        try:
            return self._evaluate(node, environment)
        except (Fault, FailSignal, Stop):
            self.failed_at = self.failed_at or node.span
            raise

    def _evaluate(self, node: nodes.Expr, environment: Environment) -> Any:
        match node:
            case nodes.Name():
                return environment.read(node)
            case nodes.Constant():
                return node.value
            case nodes.ListExpr():
                return List([self.evaluate(element, environment) for element in node.elements])
            case nodes.TupleExpr():
                return tuple([self.evaluate(element, environment) for element in node.elements])
            case nodes.DictExpr():
                return self._dict(node, environment)
            case nodes.Unary():
                return UNARY[node.op](self.evaluate(node.operand, environment))
            case nodes.Binary():
                return self._binary(node, environment)
            case nodes.BoolOp():
                return self._bool_op(node, environment)
            case nodes.Conditional():
                chosen = node.then if self.evaluate(node.test, environment) else node.orelse
                return self.evaluate(chosen, environment)
            case nodes.Call():
                return self._call(node, environment)
            case nodes.Dot():
                return operators.attribute(self.evaluate(node.value, environment), node.name)
            case nodes.Index():
                value = self.evaluate(node.value, environment)
                return operators.index(value, self.evaluate(node.index, environment))
            case nodes.Slice():
                value = self.evaluate(node.value, environment)
                parts = [
                    None if part is None else self.evaluate(part, environment)
                    for part in (node.start, node.stop, node.step)
                ]
                return operators.slice_value(value, *parts)
            case nodes.Comprehension():
                return self._comprehension(node, environment)
            case nodes.Lambda():
                defaults = function.evaluate_defaults(self, node.parameters, environment)
                body: list[nodes.Statement] = [nodes.Return(node.body.span, node.body)]
                return function.make_function(self, "lambda", node.parameters, body, node.scope, environment, defaults)
        raise AssertionError(node)

    def _dict(self, node: nodes.DictExpr, environment: Environment) -> Dict:
        """All keys and values are evaluated before the first is entered."""
        pairs = [
            (self.evaluate(entry.key, environment), self.evaluate(entry.value, environment)) for entry in node.entries
        ]
        result = Dict()
        for key, value in pairs:
            if dict_has(result, key):
                raise Fault("duplicate-key", f"key {preview(key)} occurs twice in the dict")
            dict_set(result, key, value)
        return result

    def _binary(self, node: nodes.Binary, environment: Environment) -> Any:
        chain = [node]
        while isinstance(chain[-1].left, nodes.Binary):
            chain.append(chain[-1].left)
        result = self.evaluate(chain[-1].left, environment)
        for operation in reversed(chain):
            right = self.evaluate(operation.right, environment)
            try:
                result = BINARY[operation.op](result, right)
            except (Fault, FailSignal, Stop):
                self.failed_at = self.failed_at or operation.span
                raise
        return result

    def _bool_op(self, node: nodes.BoolOp, environment: Environment) -> Any:
        """The first operand that decides, or the last."""
        value: Any = None
        for operand in node.operands:
            value = self.evaluate(operand, environment)
            if bool(value) == (node.op == "or"):
                break
        return value

    def _call(self, node: nodes.Call, environment: Environment) -> Any:
        called = self.evaluate(node.function, environment)
        positional: list[Any] = []
        keywords: dict[str, Any] = {}
        repeated: list[str] = []
        for argument in node.arguments:
            value = self.evaluate(argument.value, environment)
            if argument.kind == "positional":
                positional.append(value)
            elif argument.kind == "keyword":
                keywords[argument.name or ""] = value
            elif argument.kind == "star":
                positional.extend(operators.iterate(value))
            else:
                named = keyword_arguments(value)
                repeated += [name for name in named if name in keywords]
                keywords = {**keywords, **named}
        if not is_callable(called):
            raise Fault("not-callable", f"a value of type {type_name(called)} cannot be called")
        if repeated:
            raise Fault("wrong-arguments", f"more than one value for the parameter `{repeated[0]}`")
        self.calling = (node, environment)
        return call(called, environment.depth + 1, positional, keywords)

    def _comprehension(self, node: nodes.Comprehension, environment: Environment) -> List | Dict:
        """All clauses share one scope; only the first iterable is evaluated outside of it."""
        first = node.clauses[0]
        assert isinstance(first, nodes.ForClause)
        source = self.evaluate(first.iterable, environment)
        inner = environment.inside(node.scope, environment.depth)
        elements: list[Any] = []
        entries = Dict()

        def run(position: int) -> None:
            if position == len(node.clauses):
                if node.key is None:
                    elements.append(self.evaluate(node.element, inner))
                else:
                    key, value = self.evaluate(node.key, inner), self.evaluate(node.element, inner)
                    dict_set(entries, key, value)
                return
            clause = node.clauses[position]
            if isinstance(clause, nodes.IfClause):
                if self.evaluate(clause.test, inner):
                    run(position + 1)
                return
            iterated = source if position == 0 else self.evaluate(clause.iterable, inner)
            with held(iterated):
                for item in operators.iterate(iterated):
                    self.assign(clause.target, item, inner)
                    run(position + 1)

        run(0)
        return List(elements) if node.kind == "list" else entries

    def assign(self, target: nodes.Expr, value: Any, environment: Environment) -> None:
        """Assigns to a target; its parts are served from left to right."""
        match target:
            case nodes.Name():
                environment.assign(target, value)
            case nodes.TupleExpr() | nodes.ListExpr():
                parts = operators.unpack(value, len(target.elements))
                for element, part in zip(target.elements, parts, strict=True):
                    self.assign(element, part, environment)
            case nodes.Index():
                container = self.evaluate(target.value, environment)
                index = self.evaluate(target.index, environment)
                operators.set_index(container, index, value)
            case nodes.Dot():
                operators.set_attribute(self.evaluate(target.value, environment), target.name, value)


class held:
    """Keeps a container from being changed while it is iterated."""

    def __init__(self, value: Any) -> None:
        self.value = value if type(value) in HELD or type(value) in FREE else None

    def __enter__(self) -> None:
        if self.value is not None:
            hold(self.value, ITERATION)

    def __exit__(self, *_: object) -> None:
        if self.value is not None:
            release(self.value)


def keyword_arguments(value: Any) -> dict[str, Any]:
    """The keywords of a `**` argument."""
    if not isinstance(value, AnyDict):
        raise Fault("type-mismatch", f"the argument after `**` must be a dict, not {type_name(value)}")
    for name, _ in dict_items(value):
        if type(name) is not str:
            raise Fault("type-mismatch", f"keywords given by `**` must be strings, not {type_name(name)}")
    return dict(dict_items(value))


def is_callable(value: Any) -> bool:
    """Whether a script may call a value."""
    found = VALUE_TYPES.get(type(value))
    return found is not None and found.callable


def call(called: Any, depth: int, positional: list[Any], keywords: dict[str, Any]) -> Any:
    """Calls a function; a builtin that refuses its arguments does so in CPython's words, which are translated."""
    if type(called) is BoundMethod:
        positional = [called.receiver, *positional]
        called = called.function
    if "reference_defaults" not in called.__dict__:
        # Builtins take keywords under the names that compiled code gives them.
        keywords = {keyword_name(name): value for name, value in keywords.items()}
    try:
        return called(depth, *positional, **keywords)
    except TypeError as error:
        is_refusal = error.__traceback__ is not None and error.__traceback__.tb_next is None
        fault = explain_type_error(str(error)) if is_refusal else None
        if fault is None:
            raise
        raise fault from None
