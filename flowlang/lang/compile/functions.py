"""Lowering of functions: `def`, lambda and comprehensions, which all become Python functions.

Each function takes the call depth as its first, positional-only parameter. Its prologue charges one step (more for
long straight code), and refuses to go deeper than the budget allows:

    def f(%d, /, a, b=…):
        for %t in $m.calls: break
        else: $m.refill()
        if %d > $depth: $too_deep()
        %n = %d + 1

`$m.calls` counts down in C; a `for` that takes one and leaves is the cheapest way there is to count a call.
A small function that calls nothing needs neither (`LEAF_NODES_MAX`), and statements that only end a recursion come
before the prologue. A comprehension is a function of its first iterable, called where it stands; its clauses become
loops.
"""

from __future__ import annotations

import ast
from typing import Any

from flowlang.lang.compile import tree
from flowlang.lang.compile.dataflow import Dataflow
from flowlang.lang.compile.expressions import DICT_BYTES, LIST_BYTES
from flowlang.lang.compile.guards import SMALL_TYPES, operands
from flowlang.lang.compile.inference import Inference
from flowlang.lang.compile.inflow import always_returns
from flowlang.lang.compile.loops import lower_loop
from flowlang.lang.compile.naming import python_name
from flowlang.lang.compile.quiet import is_quiet, is_quiet_clauses
from flowlang.lang.compile.static_type import Type
from flowlang.lang.compile.targets import NEW_ENTRY_BYTES, assign_to, is_plain_key, plain_key
from flowlang.lang.compile.tree import Place
from flowlang.lang.compile.unit import DEEPER, DEPTH, LEAF_BYTES_MAX, METER, NODES_PER_STEP, Unit, lowers
from flowlang.lang.compile.versions import version_for
from flowlang.lang.resolve.scope import Binding
from flowlang.lang.syntax import nodes

COMPREHENSION_ITEM_BYTES, COMPREHENSION_NUMBER_BYTES = 80, 40
FUNCTION_BYTES = 320
"""A function with a few captured variables."""
LEADING_MAX = 2
TRIPLE_SIZE_MAX = 40
"""Larger functions that have a direct version are not made in two others besides."""
VERSIONS_MAX = 2
"""So deep may functions in two versions be nested: each doubles the code of those inside."""
FREE_NODES = 64
"""So many nodes of straight code are part of the step that a call costs."""
FREE_BYTES = 256
"""Small values of a call that are part of what its callers pay."""
LEAF_NODES_MAX = 64
"""A function that calls nothing and is no larger has no prologue: whoever calls it has paid."""


def prologue(unit: Unit, at: Place) -> list[ast.stmt]:
    """The charge and the depth check at the start of a function whose body is lowered already."""
    if unit.is_leaf and unit.charge.nodes <= LEAF_NODES_MAX and unit.charge.memory <= LEAF_BYTES_MAX:
        return [tree.assign(DEEPER, tree.name(DEPTH, at), at)] if unit.uses_depth else []
    meter = tree.name(METER, at)
    refill = tree.call(tree.attribute(meter, "refill", at), [], at)
    count = ast.For(
        tree.store("%t", at), tree.attribute(meter, "calls", at), [ast.Break(**at)], [tree.expression(refill, at)],
        None, **at,
    )  # fmt: skip
    result: list[ast.stmt] = [count]
    more = (unit.charge.nodes - FREE_NODES) // NODES_PER_STEP
    if more > 0:
        result.append(tree.add_to_attribute(METER, "steps", more, at))
    if unit.charge.memory > FREE_BYTES:
        result.append(tree.add_to_attribute(METER, "memory", unit.charge.memory, at))
    if unit.uses_depth:
        depth = tree.name(DEPTH, at)
        too_deep = tree.compare(depth, [ast.Gt()], [tree.name("$depth", at)], at)
        result.append(ast.If(too_deep, [tree.expression(tree.operator("too_deep", [], at), at)], [], **at))
        result.append(tree.assign(DEEPER, ast.BinOp(depth, ast.Add(), tree.constant(1, at), **at), at))
    return result


def parameters_of(
    parameters: list[nodes.Parameter], defaults: list[ast.expr], keyword_defaults: list[ast.expr | None], at: Place
) -> ast.arguments:
    """The Python parameters; the defaults are given lowered, in order."""
    positional: list[ast.arg] = []
    keyword_only: list[ast.arg] = []
    rest: ast.arg | None = None
    keywords: ast.arg | None = None
    has_star = False
    for parameter in parameters:
        place = tree.place(parameter.span)
        argument = ast.arg(python_name(parameter.name.name), **place) if parameter.name is not None else None
        if parameter.kind == "star":
            has_star, rest = True, argument
        elif parameter.kind == "double_star":
            keywords = argument
        elif argument is not None:
            (keyword_only if has_star else positional).append(argument)
    return ast.arguments(
        posonlyargs=[ast.arg(DEPTH, **at)], args=positional, vararg=rest, kwonlyargs=keyword_only,
        kw_defaults=keyword_defaults, kwarg=keywords, defaults=defaults,
    )  # fmt: skip


def split_defaults(parameters: list[nodes.Parameter]) -> tuple[list[nodes.Expr], list[nodes.Expr | None]]:
    """The defaults of positional parameters, and one entry for each keyword-only parameter."""
    positional: list[nodes.Expr] = []
    keyword_only: list[nodes.Expr | None] = []
    has_star = False
    for parameter in parameters:
        if parameter.kind == "star":
            has_star = True
        elif parameter.kind == "plain" and has_star:
            keyword_only.append(parameter.default)
        elif parameter.kind == "plain" and parameter.default is not None:
            positional.append(parameter.default)
    return positional, keyword_only


def function_body(unit: Unit, node: nodes.Def, at: Place) -> list[ast.stmt]:
    """The body of a `def` with its prologue, in one version or in two (`versions.py`)."""
    given, typed, plain = _versions(unit, node)
    code = _version(unit, plain, node, at)
    if typed is not None:
        code = [ast.If(_matches(given, at), _version(unit, typed, node, at), code, **at)]
    return _keyword_setup(node.parameters, at) + code


def _keyword_setup(parameters: list[nodes.Parameter], at: Place) -> list[ast.stmt]:
    """Makes the value of a `**kwargs` parameter one of the language."""
    setup: list[ast.stmt] = []
    for parameter in parameters:
        if parameter.kind == "double_star" and parameter.name is not None:
            variable = python_name(parameter.name.name)
            setup.append(tree.assign(variable, tree.operator("keyword_dict", [tree.name(variable, at)], at), at))
    return setup


def _versions(unit: Unit, node: nodes.Def) -> tuple[dict[Binding, Type], Inference | None, Inference]:
    """The types to test for, and the inference of the version for them, if there is one, and of that for all others."""
    known = unit.known.get(node.name)
    if known is not None and known.definition is node:
        is_small = known.direct is None or known.plain.size <= TRIPLE_SIZE_MAX
        typed = known.typed.inference if known.given and is_small else None
        return known.given, typed, known.plain.inference
    own = None if unit.inference.is_module else node.scope.names.values()
    outer = None if unit.inference.is_module else unit.inference
    flow = Dataflow(own)
    flow.function(node.parameters, node.body, {})
    plain = Inference(flow, unit.known, outer)
    found = version_for(node.parameters, node.body, flow, plain, own, outer) if unit.versions < VERSIONS_MAX else None
    if found is None:
        return {}, None, plain
    return found[0], Inference(found[1], unit.known, outer), plain


def _version(unit: Unit, inference: Inference, node: nodes.Def, at: Place) -> list[ast.stmt]:
    """One version of a body, with its own charge."""
    body = node.body
    parameters = {parameter.name.binding for parameter in node.parameters if parameter.name is not None}
    inner = unit.version(inference)
    added = inner.assign(parameters)
    code = inner.statements(body)
    inner.assigned.difference_update(added)
    first = _leading_exits(body, code)
    return [*code[:first], *prologue(inner, at), *code[first:]] or [ast.Pass(**at)]


def _leading_exits(body: list[nodes.Statement], code: list[ast.stmt]) -> int:
    """How many statements at the start of a function do no more than return early, such as the end of a recursion:
    whoever calls the function has paid for them. They come before the charge."""
    count = 0
    while count < min(LEADING_MAX, len(body)):
        statement = body[count]
        if not isinstance(statement, nodes.If) or not isinstance(code[count], ast.If) or statement.orelse:
            break
        if not all(len(branch.body) == 1 and always_returns(branch.body) for branch in statement.branches):
            break
        if any(isinstance(part, ast.Name) and part.id == DEEPER for part in ast.walk(code[count])):
            break
        count += 1
    return count


def _matches(given: dict[Binding, Type], at: Place) -> ast.expr:
    """Whether the parameters have the types in `given`."""
    tests: list[ast.expr] = []
    for binding, kind in given.items():
        value = tree.name(python_name(binding.name), at)
        if kind.name == "sequence":
            sequences = tree.name("$SEQUENCES", at)
            tests.append(tree.compare(tree.type_of(value, at), [ast.In()], [sequences], at))
        else:
            tests.append(tree.is_type(value, kind.name, at))
            if kind.is_small:
                bound = 1 << kind.bits
                tests.append(tree.compare(value, [ast.Lt()], [tree.constant(bound - 1, at)], at))
                tests.append(tree.compare(value, [ast.Gt()], [tree.constant(1 - bound, at)], at))
    return tests[0] if len(tests) == 1 else ast.BoolOp(ast.And(), tests, **at)


def define(
    unit: Unit, node: nodes.Def, name: str, at: Place,
    defaults: list[ast.expr], keyword_defaults: list[ast.expr | None],
) -> ast.FunctionDef:  # fmt: skip
    """The generated function of a `def`, named `name`, defined inside `unit`."""
    code = function_body(unit.nested(), node, at)
    return _function(name, parameters_of(node.parameters, defaults, keyword_defaults, at), code, at)


def define_version(unit: Unit, node: nodes.Def, flow: Dataflow, at: Place) -> ast.FunctionDef:
    """A clone or the direct version of a top-level function, named as the function itself."""
    code = _version(unit.nested(), flow.inference, node, at)
    return _function(python_name(node.name.name), parameters_of(node.parameters, [], [], at), code, at)


def _function(name: str, arguments: ast.arguments, body: list[ast.stmt], at: Place) -> ast.FunctionDef:
    extra: dict[str, Any] = {"type_params": []}
    return ast.FunctionDef(name=name, args=arguments, body=body, decorator_list=[], **extra, **at)


@lowers(nodes.Lambda)
def lower_lambda(unit: Unit, node: nodes.Lambda) -> ast.expr:
    at = tree.place(node.span)
    label = unit.label("lambda")
    unit.spend_memory(FUNCTION_BYTES)
    inner = unit.nested()
    body: list[ast.stmt] = [ast.Return(inner.expression(node.body), **at)]
    body = prologue(inner, at) + _keyword_setup(node.parameters, at) + inner.hoisted + body
    arguments = parameters_of(node.parameters, *placeholders(node.parameters, at), at)
    unit.hoisted.append(_function(label, arguments, body, at))
    function = tree.name(label, at)
    parts = default_parts(unit, node.parameters, at)
    return tree.operator("with_defaults", [function, *parts], at) if parts else function


def default_parts(unit: Unit, parameters: list[nodes.Parameter], at: Place) -> list[ast.expr]:
    """The defaults, evaluated where they stand: a tuple for positional parameters and one of (name, value) pairs
    for keyword-only ones. Empty when there are none."""
    has_star = False
    positional: list[ast.expr] = []
    pairs: list[ast.expr] = []
    values = operands(unit, [parameter.default for parameter in parameters if parameter.default is not None])
    for parameter in parameters:
        has_star = has_star or parameter.kind == "star"
        if parameter.default is None or parameter.name is None:
            continue
        value = values.pop(0)
        if has_star:
            pair: list[ast.expr] = [tree.constant(python_name(parameter.name.name), at), value]
            pairs.append(ast.Tuple(pair, tree.LOAD, **at))
        else:
            positional.append(value)
    if not positional and not pairs:
        return []
    return [ast.Tuple(positional, tree.LOAD, **at), ast.Tuple(pairs, tree.LOAD, **at)]


def placeholders(parameters: list[nodes.Parameter], at: Place) -> tuple[list[ast.expr], list[ast.expr | None]]:
    """None for every default, for a function whose defaults are set after it was made."""
    positional, keyword_only = split_defaults(parameters)
    nothing = tree.constant(None, at)
    return [nothing for _ in positional], [None if default is None else nothing for default in keyword_only]


@lowers(nodes.Comprehension)
def lower_comprehension(unit: Unit, node: nodes.Comprehension) -> ast.expr:
    """A list is filled as it is; what inference makes a plain list of is one from the start."""
    at = tree.place(node.span)
    first = node.clauses[0]
    assert isinstance(first, nodes.ForClause)
    iterable = unit.flowing(first.iterable)
    unit.spend_memory(LIST_BYTES if node.kind == "list" else DICT_BYTES)
    label = unit.label("comprehension")
    inner = unit.nested()
    result = "%result"
    loop = _clauses(inner, node, 0, result)
    made: ast.expr = tree.operator("List" if node.kind == "list" else "Dict", [], at)
    if unit.inference.is_plain(node):
        made = ast.List([], tree.LOAD, **at) if node.kind == "list" else ast.Dict([], [], **at)
    body: list[ast.stmt] = [tree.assign(result, made, at), *loop, ast.Return(tree.name(result, at), **at)]
    positional_only = [ast.arg(DEPTH, **at), ast.arg("%first", **at)]
    arguments = ast.arguments(
        posonlyargs=positional_only, args=[], vararg=None, kwonlyargs=[], kw_defaults=[], kwarg=None, defaults=[]
    )
    unit.hoisted.append(_function(label, arguments, _comprehension_prologue(inner, at) + body, at))
    return tree.call(tree.name(label, at), [unit.depth(at), iterable], at)


def _comprehension_prologue(unit: Unit, at: Place) -> list[ast.stmt]:
    unit.charge.settle(at)
    return [tree.assign(DEEPER, tree.name(DEPTH, at), at)] if unit.uses_depth else []


def _clauses(unit: Unit, node: nodes.Comprehension, index: int, result: str) -> list[ast.stmt]:
    """The loops and tests from clause `index` on. Hoisted functions stay inside the innermost loop, next to the
    expression that needs them, so that they capture that turn's variables."""
    outer_hoisted, unit.hoisted = unit.hoisted, []
    if index == len(node.clauses):
        code = _element(unit, node, result)
    else:
        clause = node.clauses[index]
        at = tree.place(clause.span)
        if isinstance(clause, nodes.IfClause):
            test = unit.flowing(clause.test)
            tests = unit.hoisted
            unit.hoisted = []
            code = [*tests, ast.If(test, _clauses(unit, node, index + 1, result), [], **at)]
        else:
            source = tree.name("%first", at) if index == 0 else unit.flowing(clause.iterable)
            code = lower_loop(
                unit, clause.iterable, source, at,
                lambda value: assign_to(unit, clause.target, value, at),
                lambda: _clauses(unit, node, index + 1, result), target=clause.target,
                is_quiet=is_quiet_clauses(unit, node.clauses[index + 1 :]) and _makes_quietly(unit, node),
            )  # fmt: skip
    code = unit.hoisted + code
    unit.hoisted = outer_hoisted
    return code


def _makes_quietly(unit: Unit, node: nodes.Comprehension) -> bool:
    return is_quiet(unit, node.element) and (node.key is None or is_quiet(unit, node.key))


def _element(unit: Unit, node: nodes.Comprehension, result: str) -> list[ast.stmt]:
    at = tree.place(node.element.span)
    is_number = unit.type_of(node.element).name in SMALL_TYPES
    item_bytes = COMPREHENSION_NUMBER_BYTES if is_number else COMPREHENSION_ITEM_BYTES
    unit.spend_memory(item_bytes if node.kind == "list" else NEW_ENTRY_BYTES)
    if node.kind == "list":
        append = tree.attribute(tree.name(result, at), "append", at)
        return [tree.expression(tree.call(append, [unit.flowing(node.element)], at), at)]
    assert node.key is not None
    key, value = unit.expression(node.key), unit.flowing(node.element)
    if unit.inference.is_plain(node):
        target = ast.Subscript(tree.name(result, at), plain_key(unit, node.key, key, at), tree.STORE, **at)
        return [tree.assign("%value", value, at), ast.Assign([target], tree.name("%value", at), **at)]
    setup: list[ast.stmt] = [tree.assign("%key", key, at), tree.assign("%value", value, at)]
    names = tree.name("%key", at), tree.name("%value", at)
    direct = ast.Assign([ast.Subscript(tree.name(result, at), names[0], tree.STORE, **at)], names[1], **at)
    slow = tree.expression(tree.operator("set_index", [tree.name(result, at), *names], at), at)
    is_plain = is_plain_key(names[0], unit.type_of(node.key), at)
    return [*setup, direct] if is_plain is None else [*setup, ast.If(is_plain, [direct], [slow], **at)]
