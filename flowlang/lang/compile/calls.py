"""Lowering of calls: a Python call with the depth as hidden first argument.

`x.method(…)` is one fused step: the table of all methods with that name, indexed by the exact type of `x`. A type
without the method is a missing key of that table, which the traceback recognises by its key being a type.
"""

from __future__ import annotations

import ast

from flowlang.lang.compile import tree
from flowlang.lang.compile.formats import lower_format
from flowlang.lang.compile.guards import SMALL_TYPES, flowing_operands, is_certain, is_unnoticed, operands
from flowlang.lang.compile.inference import STRING_METHODS
from flowlang.lang.compile.inflow import is_setdefault
from flowlang.lang.compile.naming import clone_name, direct_name, python_name
from flowlang.lang.compile.operation import SHORT_BYTES, SHORT_TEXT
from flowlang.lang.compile.targets import LONG_KEY, NEW_ENTRY_BYTES, plain_key
from flowlang.lang.compile.tree import Place
from flowlang.lang.compile.unit import LEAF_BYTES_MAX, Unit, is_plain, is_simple, lowers, universal_name
from flowlang.lang.compile.versions import KnownFunction
from flowlang.lang.syntax import nodes

APPEND_BYTES, APPEND_NUMBER_BYTES = 80, 40
EXTREME_MAX = 4
STRIPS = frozenset({"strip", "lstrip", "rstrip"})
QUESTIONS = {"isdigit": "isdecimal", "isalpha": "isalpha", "islower": "islower", "isupper": "isupper"}
"""Methods that ask for kinds of characters, and those of Python that mean the same."""
PURE = frozenset([
    "abs", "bool", "bytes", "chr", "dict", "enumerate", "float", "getattr", "hasattr", "hash", "int", "len", "list",
    "ord", "range", "repr", "reversed", "set", "str", "struct", "tuple", "type", "zip",
])  # fmt: skip
"""Universal functions that never call a function of a script."""


@lowers(nodes.Call)
def lower_call(unit: Unit, node: nodes.Call) -> ast.expr:
    code = _lower_call(unit, node)
    is_made_here = not isinstance(node.function, nodes.Dot) and unit.inference.clone_of(node) is None
    if is_made_here and unit.inference.is_plain(node):
        return tree.operator("plain", [code], tree.place(node.span))
    return code


def _lower_call(unit: Unit, node: nodes.Call) -> ast.expr:
    at = tree.place(node.span)
    if isinstance(node.function, nodes.Dot):
        return _method_call(unit, node, node.function, at)
    universal = universal_name(node.function)
    if universal == "len" and _is_one_positional(node):
        return _length(unit, node.arguments[0].value, at)
    if universal == "type" and _is_one_positional(node):
        return _type_name(unit, node.arguments[0].value, at)
    if universal in ("min", "max") and len(node.arguments) > 1:
        chosen = _extreme(unit, node, universal, at)
        if chosen is not None:
            return chosen
    if universal == "str" and _is_one_positional(node) and unit.type_of(node.arguments[0].value).is_bounded:
        unit.spend_memory(SHORT_BYTES)
        return tree.call(tree.name("$str", at), [unit.expression(node.arguments[0].value)], at)
    if unit.inference.clone_of(node) is not None and isinstance(node.function, nodes.Name):
        values = flowing_operands(unit, [argument.value for argument in node.arguments])
        return tree.call(tree.name(clone_name(node.function.name), at), [unit.depth(at), *values], at)
    function = unit.expression(node.function)
    known = unit.known.get(node.function)
    if known is not None and node is not unit.entry_call:
        arguments = _in_order(unit, known, node)
        if arguments is not None:
            if id(node) in unit.inference.flow.direct:
                function = tree.name(direct_name(known.definition.name.name), at)
            return tree.call(function, [unit.depth(at), *operands(unit, arguments)], at)
    if node is unit.entry_call:
        function = tree.operator("entry", [function], at)
    if not isinstance(node.function, nodes.Name) and not all(is_plain(part.value) for part in node.arguments):
        function = tree.walrus(unit.temporary(), function, at)
    positional, keywords = lower_arguments(unit, node.arguments)
    depth = unit.depth(at, is_pure=universal in PURE)
    return tree.call(function, [depth, *positional], at, keywords)


def _extreme(unit: Unit, node: nodes.Call, name: str, at: Place) -> ast.expr | None:
    """`min(a, b, …)` or `max(a, b, …)` of ints: the first of the smallest or largest."""
    values = [argument.value for argument in node.arguments]
    if len(values) > EXTREME_MAX or any(argument.kind != "positional" for argument in node.arguments):
        return None
    if any(unit.type_of(value).name != "int" for value in values):
        return None
    op: ast.cmpop = ast.LtE() if name == "min" else ast.GtE()
    names = [unit.temporary() for _ in values]
    codes = [tree.walrus(name, unit.expression(value), at) for name, value in zip(names, values, strict=True)]
    result: ast.expr = tree.name(names[0], at)
    test: ast.expr = tree.compare(codes[0], [op], [codes[1]], at)
    result = tree.if_expression(test, result, tree.name(names[1], at), at)
    for variable, code in zip(names[2:], codes[2:], strict=True):
        best = unit.temporary()
        test = tree.compare(tree.walrus(best, result, at), [op], [code], at)
        result = tree.if_expression(test, tree.name(best, at), tree.name(variable, at), at)
    return result


def _in_order(unit: Unit, known: KnownFunction, node: nodes.Call) -> list[nodes.Expr] | None:
    """The arguments of a call of a known function as positional ones, which CPython calls much faster; defaults that
    are constants are filled in. None if that would change the order of evaluation, or what a default is."""
    given = known.arguments(node)
    if given is None:
        return None
    order = [argument.value for argument in node.arguments]
    result: list[nodes.Expr] = []
    for value, parameter in zip(given, known.definition.parameters, strict=True):
        found = value if value is not None else parameter.default
        if value is None and not is_literal(found):
            return None
        assert found is not None
        result.append(found)
    in_order = [value for value in given if value is not None] == order
    return result if in_order or all(is_unnoticed(unit, value) for value in order) else None


def lower_arguments(unit: Unit, arguments: list[nodes.Argument]) -> tuple[list[ast.expr], list[ast.keyword]]:
    """The arguments of a call, in order; `*` and `**` arguments are checked to be what the language allows."""
    positional: list[ast.expr] = []
    keywords: list[ast.keyword] = []
    values = operands(unit, [argument.value for argument in arguments])
    for argument, value in zip(arguments, values, strict=True):
        at = tree.place(argument.span)
        if argument.kind == "positional":
            positional.append(value)
        elif argument.kind == "keyword":
            keywords.append(ast.keyword(python_name(argument.name or ""), value, **at))
        elif argument.kind == "star":
            spread = _after_keywords(unit, keywords, tree.operator("spread", [value], at), at)
            positional.append(ast.Starred(spread, tree.LOAD, **at))
        else:
            keywords.append(ast.keyword(None, tree.operator("keywords", [value], at), **at))
    return positional, keywords


def _after_keywords(unit: Unit, keywords: list[ast.keyword], spread: ast.expr, at: Place) -> ast.expr:
    """CPython evaluates a `*` argument before the keywords that stand before it; so their values are bound first."""
    bound: list[ast.expr] = []
    for keyword in keywords:
        if not isinstance(keyword.value, (ast.Constant, ast.Name)):
            temporary = unit.temporary()
            bound.append(tree.walrus(temporary, keyword.value, at))
            keyword.value = tree.name(temporary, at)
    if not bound:
        return spread
    return tree.subscript(ast.Tuple([*bound, spread], tree.LOAD, **at), tree.constant(-1, at), at)


def is_literal(node: nodes.Expr | None) -> bool:
    """Whether the node is a number, a string or one of the three names for values."""
    if isinstance(node, nodes.Unary):
        return node.op == "-" and isinstance(node.operand, nodes.Constant)
    return isinstance(node, nodes.Constant) or (node is not None and universal_name(node) in ("None", "True", "False"))


def _is_one_positional(node: nodes.Call) -> bool:
    return len(node.arguments) == 1 and node.arguments[0].kind == "positional"


def _type_name(unit: Unit, argument: nodes.Expr, at: Place) -> ast.expr:
    """`type(x)`: the names of the commonest types are looked up in place."""
    if is_simple(argument) and is_certain(unit, argument) and unit.inference.is_plain(argument):
        return tree.constant(unit.type_of(argument).name, at)
    value = unit.expression(argument)
    use = value
    if not is_plain(argument):
        temporary = unit.temporary()
        value, use = tree.walrus(temporary, value, at), tree.name(temporary, at)
    known = tree.call(tree.attribute(tree.name("$names", at), "get", at), [tree.type_of(value, at)], at)
    slow = tree.call(unit.universal("type", at), [unit.depth(at, is_pure=True), use], at)
    return ast.BoolOp(ast.Or(), [known, slow], **at)


def _length(unit: Unit, argument: nodes.Expr, at: Place) -> ast.expr:
    value = unit.flowing(argument)
    kind = unit.type_of(argument).name
    if kind in ("list", "dict", "str", "tuple", "sequence"):
        return tree.call(tree.name("$len", at), [value], at)
    use = value
    if not is_plain(argument):
        temporary = unit.temporary()
        value, use = tree.walrus(temporary, value, at), tree.name(temporary, at)
    direct = tree.call(tree.name("$len", at), [use], at)
    slow: ast.expr = tree.call(unit.universal("len", at), [unit.depth(at, is_pure=True), use], at)
    slow = tree.if_expression(tree.is_instance(use, "AnyList", at), direct, slow, at)
    for type_name in ("Dict", "str"):
        slow = tree.if_expression(tree.is_type(use, type_name, at), direct, slow, at)
    return tree.if_expression(tree.is_type(value, "List", at), direct, slow, at)


def _method_call(unit: Unit, node: nodes.Call, dot: nodes.Dot, at: Place) -> ast.expr:
    receiver = unit.flowing(dot.value)
    place = tree.place(dot.span)
    if unit.inference.is_plain(dot.value):
        return _of_plain(unit, node, dot, receiver, at)
    use = receiver
    if not is_simple(dot.value):
        temporary = unit.temporary()
        receiver, use = tree.walrus(temporary, receiver, place), tree.name(temporary, place)
    if dot.name == "append" and _is_one_positional(node):
        argument = node.arguments[0].value
        is_quick = is_plain(argument) or _calls_nothing(argument)
        if is_quick or is_simple(dot.value):
            return _append(unit, argument, receiver, use, at, is_quick=is_quick)
    if dot.name in ("get", "setdefault") and is_simple(dot.value) and len(node.arguments) in (1, 2):
        quick = _of_dict(unit, node, dot, use, at)
        if quick is not None:
            return quick
    if unit.type_of(dot.value).name == "str" and dot.name in STRING_METHODS:
        if (quick := _of_string(unit, node, dot.name, receiver, use, at)) is not None:
            return quick
        unit.methods.add("str." + dot.name)
        keywords: list[ast.keyword] = []
        if dot.name == "join" and _is_plain_list(unit, node.arguments):
            positional = [unit.flowing(node.arguments[0].value)]
        else:
            positional, keywords = lower_arguments(unit, node.arguments)
        unit.spend_memory(LEAF_BYTES_MAX)
        function = tree.name(".str." + dot.name, place)
        code = tree.call(function, [unit.depth(at, is_pure=True), receiver, *positional], at, keywords)
        if dot.name == "format" and isinstance(dot.value, nodes.Constant):
            return lower_format(unit, str(dot.value.value), node, code, at)
        return code
    unit.methods.add(dot.name)
    table: ast.expr = tree.subscript(tree.name("." + dot.name, place), tree.type_of(receiver, place), place)
    may_be_struct = unit.type_of(dot.value).name == "?"
    if may_be_struct and not all(is_plain(argument.value) for argument in node.arguments):
        # A struct is asked for its field before the arguments are evaluated.
        field = tree.operator("field_call", [use, tree.constant(dot.name, place)], place)
        ordinary = tree.subscript(tree.name("." + dot.name, place), tree.type_of(use, place), place)
        table = tree.if_expression(tree.is_type(receiver, "Struct", place), field, ordinary, place)
    positional, keywords = lower_arguments(unit, node.arguments)
    return tree.call(table, [unit.depth(at), use, *positional], at, keywords)


def _is_plain_list(unit: Unit, arguments: list[nodes.Argument]) -> bool:
    """Whether the only argument is a plain list."""
    if len(arguments) != 1 or arguments[0].kind != "positional":
        return False
    value = arguments[0].value
    return unit.inference.is_plain(value) and unit.type_of(value).name == "list"


def _of_string(
    unit: Unit, node: nodes.Call, name: str, receiver: ast.expr, use: ast.expr, at: Place
) -> ast.expr | None:
    """Methods of strings that mean the same in Python, where they need no charge: the prefix is a literal, or the
    string is short."""
    arguments = [argument.value for argument in node.arguments]
    literal = [argument.value for argument in arguments if isinstance(argument, nodes.Constant)]
    is_literal = len(arguments) == len(literal) == 1 and type(literal[0]) is str and node.arguments[0].name is None
    codes = [tree.constant(value, at) for value in literal]
    if name in ("startswith", "endswith") and is_literal:
        return tree.call(tree.attribute(receiver, name, at), codes, at)
    is_case = (name in ("lower", "upper") or name in QUESTIONS) and not arguments
    if not is_case and not (name in STRIPS and is_literal and literal[0]):
        return None
    unit.spend_memory(0 if name in QUESTIONS else SHORT_BYTES)
    unit.methods.add("str." + name)
    length = tree.call(tree.name("$len", at), [receiver], at)
    is_short = tree.compare(length, [ast.Lt()], [tree.constant(SHORT_TEXT, at)], at)
    direct = tree.call(tree.attribute(use, QUESTIONS.get(name, name), at), codes, at)
    slow = tree.call(tree.name(".str." + name, at), [unit.depth(at, is_pure=True), use, *codes], at)
    return tree.if_expression(is_short, direct, slow, at)


def _of_plain(unit: Unit, node: nodes.Call, dot: nodes.Dot, receiver: ast.expr, at: Place) -> ast.expr:
    """The methods of plain lists and dicts that `dataflow.py` lets pass."""
    arguments = [argument.value for argument in node.arguments]
    if dot.name == "append":
        unit.spend_memory(_append_bytes(unit, arguments[0]))
        return tree.call(tree.attribute(receiver, "append", at), [unit.flowing(arguments[0])], at)
    if dot.name == "pop" and unit.type_of(dot.value).name == "list":
        return tree.call(tree.attribute(receiver, "pop", at), [], at)
    is_ordinary = len(arguments) in (1, 2) and all(argument.kind == "positional" for argument in node.arguments)
    if dot.name == "get" and is_ordinary and unit.type_of(dot.value).name == "dict":
        key, *others = operands(unit, arguments)
        return tree.call(tree.attribute(receiver, "get", at), [plain_key(unit, arguments[0], key, at), *others], at)
    if is_setdefault(node) and unit.type_of(dot.value).name == "dict":
        unit.spend_memory(NEW_ENTRY_BYTES)
        key, default = flowing_operands(unit, arguments)
        return tree.call(
            tree.attribute(receiver, "setdefault", at), [plain_key(unit, arguments[0], key, at), default], at
        )
    unit.methods.add(dot.name)
    copy = unit.temporary()
    bound = tree.walrus(copy, tree.operator("listed", [receiver], at), at)
    receiver = tree.name(copy, at)
    table = tree.subscript(tree.name("." + dot.name, at), tree.type_of(bound, at), at)
    positional, keywords = lower_arguments(unit, node.arguments)
    return tree.call(table, [unit.depth(at), receiver, *positional], at, keywords)


def _of_dict(unit: Unit, node: nodes.Call, dot: nodes.Dot, use: ast.expr, at: Place) -> ast.expr | None:
    """`x.get(key)`, `x.get(key, default)` and `x.setdefault(key, new)`, where nobody notices what is evaluated first:
    whether `x` has the method, the key or the default."""
    if any(argument.kind != "positional" for argument in node.arguments):
        return None
    key, *defaults = (argument.value for argument in node.arguments)
    is_known = unit.type_of(dot.value).name == "dict" and is_certain(unit, dot.value)
    is_quick = is_plain(key) or _calls_nothing(key)
    if dot.name == "get" and defaults:
        return _get(unit, dot.value, use, key, defaults[0], at) if is_quick and is_plain(defaults[0]) else None
    if not (is_known and is_quick) and not (is_simple(key) and is_certain(unit, key)):
        return None
    if dot.name == "get":
        return _get(unit, dot.value, use, key, None, at)
    return _setdefault(unit, use, key, defaults[0], at) if defaults and _is_new(defaults[0]) else None


def _is_new(node: nodes.Expr) -> bool:
    """Whether the node is a literal or an empty container."""
    return is_literal(node) or _is_empty(node)


def _is_empty(node: nodes.Expr) -> bool:
    if isinstance(node, nodes.ListExpr):
        return not node.elements
    return isinstance(node, nodes.DictExpr) and not node.entries


def _setdefault(unit: Unit, use: ast.expr, key: nodes.Expr, default: nodes.Expr, at: Place) -> ast.expr:
    """`x.setdefault(key, new)`: what a free dict has under a string is found in place."""
    unit.methods.add("setdefault")
    code = unit.expression(key)
    key_use = code
    if not is_plain(key):
        temporary = unit.temporary()
        code, key_use = tree.walrus(temporary, code, at), tree.name(temporary, at)
    found = unit.temporary()
    got = tree.walrus(found, tree.call(tree.attribute(use, "get", at), [key_use], at), at)
    has_value = tree.compare(got, [ast.IsNot()], [tree.constant(None, at)], at)
    table = tree.subscript(tree.name(".setdefault", at), tree.type_of(use, at), at)
    slow = tree.call(table, [unit.depth(at), use, key_use, unit.flowing(default)], at)
    is_free = tree.is_type(use, "Dict", at)
    is_text: ast.expr = tree.is_type(code, "str", at)
    if code is not key_use:
        # The key is evaluated in any case.
        is_text = tree.compare(is_free, [ast.Is(), ast.Is()], [is_text, tree.constant(True, at)], at)
    else:
        is_text = tree.both(is_free, is_text, at)
    is_found = ast.BoolOp(ast.And(), [is_text, _is_cheap_key(key_use, at), has_value], **at)
    return tree.if_expression(is_found, tree.name(found, at), slow, at)


def _is_cheap_key(key: ast.expr, at: Place) -> ast.expr:
    """Whether a text is so short that hashing it is not charged."""
    length = tree.call(tree.name("$len", at), [key], at)
    return tree.compare(length, [ast.LtE()], [tree.constant(LONG_KEY, at)], at)


def _get(
    unit: Unit, node: nodes.Expr, use: ast.expr, key: nodes.Expr, default: nodes.Expr | None, at: Place
) -> ast.expr:
    """`x.get(key)` and `x.get(key, default)` of free dicts by int and by a string that is not long, and of any dict by
    one that is certain to be short."""
    unit.methods.add("get")
    static, is_dict = unit.type_of(key), unit.type_of(node).name == "dict"
    code = unit.expression(key)
    fallback = [] if default is None else [unit.expression(default)]
    if static.is_short and is_dict:
        return tree.call(tree.attribute(use, "get", at), [code, *fallback], at)
    key_use = code
    if not is_plain(key):
        temporary = unit.temporary()
        code, key_use = tree.walrus(temporary, code, at), tree.name(temporary, at)
    direct = tree.call(tree.attribute(use, "get", at), [key_use, *fallback], at)
    table = tree.subscript(tree.name(".get", at), tree.type_of(use, at), at)
    slow: ast.expr = tree.call(table, [unit.depth(at), use, key_use, *fallback], at)
    is_free = tree.is_type(use, "Dict", at)
    is_cheap = _is_cheap_key(key_use, at)
    if static.name in ("int", "str") and code is key_use:
        test = is_free if static.name == "int" else tree.both(is_free, is_cheap, at)
        return tree.if_expression(test, direct, slow, at)
    by_int = tree.both(tree.is_type(key_use, "int", at), is_free, at)
    by_text = ast.BoolOp(ast.And(), [tree.is_type(code, "str", at), is_free, is_cheap], **at)
    return tree.if_expression(by_text, direct, tree.if_expression(by_int, direct, slow, at), at)


def _append(
    unit: Unit, argument: nodes.Expr, receiver: ast.expr, use: ast.expr, at: Place, *, is_quick: bool
) -> ast.expr:
    """`x.append(y)` on a list that may be changed is Python's own append. A call in `y` may freeze the list, so
    then it is looked at afterwards; but the method is looked up before."""
    unit.methods.add("append")
    unit.spend_memory(_append_bytes(unit, argument))
    value = unit.flowing(argument)
    is_list = tree.is_type(receiver, "List", at)
    table = tree.subscript(tree.name(".append", at), tree.type_of(use, at), at)
    append = tree.attribute(use, "append", at)
    depth = unit.depth(at)
    if is_quick:
        return tree.if_expression(
            is_list, tree.call(append, [value], at), tree.call(table, [depth, use, value], at), at
        )
    method, bound = unit.temporary(), unit.temporary()
    direct = tree.call(append, [tree.name(bound, at)], at)
    slow = tree.call(tree.name(method, at), [depth, use, tree.name(bound, at)], at)
    parts: list[ast.expr] = [
        tree.walrus(method, table, at), tree.walrus(bound, value, at), tree.if_expression(is_list, direct, slow, at),
    ]  # fmt: skip
    return tree.subscript(ast.Tuple(parts, tree.LOAD, **at), tree.constant(-1, at), at)


def _append_bytes(unit: Unit, argument: nodes.Expr) -> int:
    return APPEND_NUMBER_BYTES if unit.type_of(argument).name in SMALL_TYPES else APPEND_BYTES


def _calls_nothing(node: nodes.Expr) -> bool:
    """Whether it is plain to see that evaluating the node calls no function of a script."""
    match node:
        case nodes.Binary(left=left, right=right):
            return is_plain(left) and is_plain(right)
        case nodes.Index(value=value, index=index):
            return is_plain(value) and is_plain(index)
        case nodes.ListExpr(elements=elements) | nodes.TupleExpr(elements=elements):
            return all(map(is_plain, elements))
    return False
