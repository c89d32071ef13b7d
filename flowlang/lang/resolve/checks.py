"""Rules about the shape of one construct, whatever its names mean: parameters, arguments, targets, loads.

The grammar accepts these mistakes on purpose, so that they get a message of their own and the rest of the module is
checked as well. Each rule reports at most one finding for one mistake: what follows from it is not said again.
"""

from __future__ import annotations

from typing import Final

from flowlang.lang.resolve.constant import CONSTANTS, refuse_constant
from flowlang.lang.resolve.findings import Findings
from flowlang.lang.source import Span
from flowlang.lang.syntax.nodes import (
    Argument,
    AugmentedAssign,
    Binary,
    BoolOp,
    Call,
    Comprehension,
    Conditional,
    Constant,
    DictExpr,
    Dot,
    Expr,
    Index,
    Lambda,
    ListExpr,
    Load,
    LoadBinding,
    Name,
    Parameter,
    Slice,
    TupleExpr,
    Unary,
)

_TARGET_HINT: Final = "assign to a name, an element `x[i]` or a field `x.f`"
_NOUNS: Final[dict[type, str]] = {
    Binary: "an operation",
    BoolOp: "an operation",
    Unary: "an operation",
    Call: "the result of a call",
    Comprehension: "a comprehension",
    Conditional: "a conditional expression",
    Constant: "a literal",
    DictExpr: "a dict",
    Lambda: "a lambda",
    ListExpr: "a list",
    Slice: "a slice",
    TupleExpr: "a tuple",
}


def check_target(target: Expr, findings: Findings) -> list[Expr]:
    """Refuse what cannot be assigned to. Gives the parts of `target` that are read and not bound: of `x[i]`
    these are `x` and `i`."""
    reads: list[Expr] = []
    pending = [target]
    while pending:
        node = pending.pop()
        if isinstance(node, Index):
            reads += [node.value, node.index]
        elif isinstance(node, Dot):
            reads.append(node.value)
        elif isinstance(node, ListExpr | TupleExpr):
            pending.extend(node.elements)
        elif not isinstance(node, Name):
            _refuse_target(node, "assign to", findings)
            reads.append(node)
    return reads


def check_augmented_target(statement: AugmentedAssign, findings: Findings) -> list[Expr]:
    """As `check_target`, for `+=` and the like, which take one name, element or field."""
    target = statement.target
    if isinstance(target, ListExpr | TupleExpr):
        _refuse_target(target, f"use `{statement.op}` on", findings)
        return []
    return check_target(target, findings)


def _refuse_target(node: Expr, verb: str, findings: Findings) -> None:
    comparison = isinstance(node, Binary) and node.op == "=="
    findings.add(
        "invalid-target",
        f"cannot {verb} {_NOUNS[type(node)]}",
        node.span,
        "not a place that can hold a value",
        hint="one `=` assigns and `==` compares; this line has both" if comparison else _TARGET_HINT,
    )


def check_parameters(parameters: list[Parameter], findings: Findings) -> None:
    """Order of parameters: required, optional, `*args` or `*`, keyword-only, `**kwargs`; no name twice."""
    _check_parameter_names(parameters, findings)
    star: Parameter | None = None
    double_star: Parameter | None = None
    optional: Parameter | None = None
    for position, parameter in enumerate(parameters):
        if double_star is not None:
            _refuse_parameter(parameter, double_star, "nothing may follow `**`", "move it to the end", findings)
            return
        if parameter.kind == "double_star":
            double_star = parameter
        elif parameter.kind == "star":
            if star is not None:
                hint = "keep one `*`; it takes all further positional arguments"
                _refuse_parameter(parameter, star, "only one `*` is allowed", hint, findings)
                return
            star = parameter
            following = parameters[position + 1] if position + 1 < len(parameters) else None
            if parameter.name is None and (following is None or following.kind != "plain"):
                findings.add(
                    "parameter-order",
                    "a bare `*` must be followed by a keyword parameter",
                    parameter.span,
                    "nothing to separate",
                    hint="drop the `*`, name it `*args`, or add parameters that are only given by keyword",
                )
                return
        elif parameter.default is not None:
            optional = parameter
        elif optional is not None and star is None:
            rule = "a required one may not follow an optional one"
            hint = "move it before the parameters with defaults, or give it a default"
            _refuse_parameter(parameter, optional, rule, hint, findings)
            return


def _check_parameter_names(parameters: list[Parameter], findings: Findings) -> None:
    seen: dict[str, Name] = {}
    for parameter in parameters:
        name = parameter.name
        if name is None:
            continue
        first = seen.setdefault(name.name, name)
        if first is not name:
            findings.add(
                "duplicate-parameter",
                f"two parameters are called `{name.name}`",
                name.span,
                "again here",
                hint="rename one of them",
                others=[(first.span, "first here")],
            )


def _refuse_parameter(parameter: Parameter, earlier: Parameter, rule: str, hint: str, findings: Findings) -> None:
    text = "*" if parameter.name is None else parameter.name.name
    findings.add(
        "parameter-order",
        f"parameter `{text}` is out of order: {rule}",
        parameter.span,
        "out of order",
        hint=hint,
        others=[(earlier.span, "this comes before it")],
    )


_KINDS: Final = {
    "positional": "a positional argument",
    "keyword": "a keyword argument",
    "star": "`*args`",
    "double_star": "`**kwargs`",
}
_RANKS: Final = {"positional": 0, "keyword": 1, "star": 2, "double_star": 3}


def check_arguments(arguments: list[Argument], findings: Findings) -> None:
    """Order of arguments: positional, keyword, `*args`, `**kwargs`, one of each star; no keyword twice."""
    if len(arguments) < 2 and not (arguments and arguments[0].name):
        # Most calls: nothing can be wrong.
        return
    seen: dict[str, Span] = {}
    latest: Argument | None = None
    ordered = True
    for argument in arguments:
        if argument.kind == "keyword" and argument.name is not None:
            span = argument.name_span or argument.span
            if argument.name in CONSTANTS:
                refuse_constant(argument.name, span, findings)
            first = seen.setdefault(argument.name, span)
            if first is not span:
                findings.add(
                    "repeated-argument",
                    f"the argument `{argument.name}` is given twice",
                    span,
                    "again here",
                    hint="keep one of the two",
                    others=[(first, "first here")],
                )
        if latest is not None and ordered:
            rank, rank_before = _RANKS[argument.kind], _RANKS[latest.kind]
            if rank < rank_before or (rank == rank_before and rank >= _RANKS["star"]):
                ordered = False
                _refuse_argument(argument, latest, findings)
        latest = argument


def _refuse_argument(argument: Argument, earlier: Argument, findings: Findings) -> None:
    kind, kind_before = _KINDS[argument.kind], _KINDS[earlier.kind]
    if argument.kind == earlier.kind:
        message = f"only one {kind} is allowed in a call"
        hint = "join the two before the call: `a + b` for lists, `a | b` for dicts"
    else:
        message = f"{kind} may not follow {kind_before}"
        hint = "the order is: positional, keyword, `*args`, `**kwargs`"
    findings.add(
        "argument-order",
        message,
        argument.span,
        "out of order",
        hint=hint,
        others=[(earlier.span, "this comes before it")],
    )


def check_load(statement: Load, findings: Findings) -> None:
    """The names of a load: none of them private, all of them names. That there is one is the grammar's rule."""
    for binding in statement.bindings:
        _check_load_name(binding, findings)


def _check_load_name(binding: LoadBinding, findings: Findings) -> None:
    original = binding.original
    if not original:
        findings.add(
            "invalid-load-name",
            "a `load` cannot load an empty name",
            binding.original_span,
            "empty",
            hint="write the name of a function or value of that module",
        )
    elif original == "*":
        findings.add(
            "invalid-load-name",
            "a `load` cannot load everything",
            binding.original_span,
            "not a name",
            hint='list the names: `load("lib.flow", "first", "second")`',
        )
    elif not (original.isascii() and original.isidentifier()):
        findings.add(
            "invalid-load-name",
            "a `load` can only load names",
            binding.original_span,
            "not a name",
            hint='each name stands in quotes of its own: `load("lib.flow", "first", "second")`',
        )
    elif original.startswith("_"):
        findings.add(
            "private-load-name",
            f"`{original}` is private to its module",
            binding.original_span,
            "begins with an underscore",
            hint=f"rename it to `{original.lstrip('_') or 'name'}` in its module if others are to use it",
        )
