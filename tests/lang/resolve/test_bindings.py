"""What the resolver writes into the tree."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import attrs

from flowlang.lang.resolve.dialect import STANDARD
from flowlang.lang.resolve.scope import BindingKind, ModuleScope
from flowlang.lang.resolve.undefined_name import UNBOUND_HINT
from flowlang.lang.syntax.nodes import Def, Name


def nodes(tree: Any) -> Iterator[Any]:
    """Every node of a tree, in no order that matters."""
    pending = [tree]
    while pending:
        node = pending.pop()
        if isinstance(node, list):
            pending.extend(node)
        elif attrs.has(type(node)):
            yield node
            pending.extend(
                getattr(node, field.name)
                for field in attrs.fields(type(node))
                if field.name not in ("scope", "binding")
            )


def names(tree: Any, text: str) -> list[Name]:
    """All occurrences of a name by place."""
    return sorted((node for node in nodes(tree) if isinstance(node, Name) and node.name == text), key=lambda n: n.span)


def kinds(tree: Any, text: str) -> list[BindingKind]:
    return [name.binding.kind for name in names(tree, text)]


def function(tree: Any, name: str) -> Def:
    return next(node for node in nodes(tree) if isinstance(node, Def) and node.name.name == name)


def test_every_name_is_bound(analyse):
    file, diagnostics = analyse(
        'load("./lib.flow", "load_rows", other = "second")\n'
        "limit: int = 10\n"
        "def main(ctx: FlowContext, *rest, flag = limit, **named) -> Result:\n"
        "    rows = [clean(row) for row in load_rows(flag) if row]\n"
        "    for i, (a, b) in enumerate(rows):\n"
        "        rows[i] = {a: b, limit: lambda x = a, *y: (x, y, b, __name__)}\n"
        "    return Ok(rest[1:limit:2] or named.get('x', -1) if not flag else other(key = rows, *rest, **named))\n"
        "def clean(row):\n"
        "    return row\n"
    )
    assert diagnostics == []
    assert [name for name in nodes(file) if isinstance(name, Name) and name.binding is None] == []


def test_kinds(analyse):
    file, _ = analyse(
        'load("./lib.flow", "loaded")\n'
        "bound = 1\n"
        "def f(p):\n"
        "    q = p\n"
        "    return [q, bound, loaded, flow, len, __name__]\n"
    )
    assert kinds(file, "loaded") == [BindingKind.LOADED] * 2
    assert kinds(file, "bound") == [BindingKind.GLOBAL] * 2
    assert kinds(file, "p") == kinds(file, "q") == [BindingKind.LOCAL] * 2
    assert kinds(file, "flow") == kinds(file, "__name__") == [BindingKind.PREDECLARED]
    assert kinds(file, "len") == [BindingKind.UNIVERSAL]


def test_occurrences_share_one_binding(analyse):
    file, _ = analyse("x = 1\ndef f():\n    return x + x\nx = 2\nprint(len([]), len([]))\n")
    assert len({id(name.binding) for name in names(file, "x")}) == 1
    assert len({id(name.binding) for name in names(file, "len")}) == 1
    binding = file.scope.names["x"]
    assert binding.is_rebound
    assert binding.first == (1, 0, 1, 1)


def test_predeclared_goes_before_universal(analyse):
    file, _ = analyse("fail('x')\nsleep(1)\n")
    assert kinds(file, "fail") == [BindingKind.UNIVERSAL]
    assert kinds(file, "sleep") == [BindingKind.PREDECLARED]


def test_a_global_hides_the_name_of_the_language(analyse):
    file, _ = analyse("print(len)\nlen = 3\n")
    assert kinds(file, "len") == [BindingKind.GLOBAL] * 2


def test_hoisted_functions(analyse):
    text = "x = f\ndef f():\n    pass\ndef g():\n    pass\nif x:\n    def h():\n        pass\n"
    file, diagnostics = analyse(text)
    assert diagnostics == []
    assert isinstance(file.scope, ModuleScope)
    assert file.scope.hoisted == ["f", "g"]
    flags = {name: binding.is_function for name, binding in file.scope.names.items()}
    assert flags == {"x": False, "f": True, "g": True, "h": False}


def test_a_function_bound_twice_is_not_hoisted(analyse):
    file, _ = analyse("f = 1\ndef f():\n    pass\n")
    assert file.scope.hoisted == []


def test_the_standard_dialect_hoists_nothing(analyse):
    file, _ = analyse("def f():\n    pass\n", dialect=STANDARD)
    assert file.scope.hoisted == []
    assert not file.scope.names["f"].is_function


def test_captured(analyse):
    file, _ = analyse(
        "def f(a, b, c, d, e):\n"
        "    def g(x = b):\n"
        "        return a + x\n"
        "    x = [c + y for y in d]\n"
        "    return lambda: e, x, g\n"
    )
    scope = function(file, "f").scope
    captured = {name for name, binding in scope.names.items() if binding.is_captured}
    # `b` is read by a default and `d` by a first iterable: both belong to the scope around.
    assert captured == {"a", "c", "e"}
    assert not file.scope.names["f"].is_captured


def test_scopes_and_their_parents(analyse):
    file, _ = analyse("def f(a):\n    return [lambda b: [c for c in b] for d in a]\n")
    outer = function(file, "f").scope
    assert outer.parent is file.scope
    by_names = {tuple(node.scope.names): node.scope for node in nodes(file) if getattr(node, "scope", None) is not None}
    assert by_names[("d",)].parent is outer
    assert by_names[("b",)].parent is by_names[("d",)]
    assert by_names[("c",)].parent is by_names[("b",)]


def test_comprehension_is_one_block(analyse):
    file, diagnostics = analyse("x = [1]\ny = [x for x in x for x in x]\n")
    assert diagnostics == []
    bindings = [name.binding for name in names(file, "x")]
    in_order = [binding.kind for binding in bindings]
    # Target, element, first target, first iterable (the global), second target and second iterable (the block's).
    assert in_order == [BindingKind.GLOBAL] + [BindingKind.LOCAL] * 2 + [BindingKind.GLOBAL] + [BindingKind.LOCAL] * 2
    assert len({id(binding) for binding in bindings}) == 2


def test_loads_are_kept_in_order(analyse):
    file, _ = analyse('load("./a.flow", "a")\nload("./b.flow", "b")\n')
    assert [load.source for load in file.scope.loads] == ["./a.flow", "./b.flow"]


def test_main_guard(analyse):
    file, _ = analyse('def main():\n    pass\nif __name__ == "__flow__":\n    main()\n')
    guard = file.scope.guard
    assert guard.flow == "main"
    assert guard.call.function.name == "main"
    assert guard.span[0] == 3


def test_main_guard_the_other_way_round(analyse):
    file, _ = analyse('load("./lib.flow", "main")\nif "__flow__" == __name__:\n    main(1)\n')
    assert file.scope.guard.flow == "main"


def test_main_guard_with_more_than_one_call(analyse):
    file, _ = analyse('def f():\n    pass\nif __name__ == "__flow__":\n    f()\n    f()\n')
    assert file.scope.guard is not None
    assert file.scope.guard.flow is None


def test_main_guard_that_calls_no_global(analyse):
    file, _ = analyse('if __name__ == "__flow__":\n    print(1)\n')
    assert file.scope.guard.flow is None


def test_no_main_guard(analyse):
    for text in (
        "x = 1\n",
        'def f():\n    if __name__ == "__flow__":\n        f()\n',
        'if __name__ != "__flow__":\n    pass\n',
    ):
        file, _ = analyse(text)
        assert file.scope.guard is None


def test_hidden_name_makes_no_guard(analyse):
    file, _ = analyse('__name__ = "x"\nif __name__ == "__flow__":\n    pass\n')
    assert file.scope.guard is None


def test_long_chains_need_no_depth(analyse):
    terms = 5000
    for operator in (" + ", " and ", " if x else "):
        count = terms if operator != " if x else " else 50
        file, diagnostics = analyse("x = 1\ny = " + operator.join(["x"] * count) + "\n")
        assert diagnostics == []
        assert len(names(file, "x")) >= count


def test_findings_are_bounded(analyse):
    _, diagnostics = analyse("unknown\n" * 3000)
    assert len(diagnostics) == 1000


def test_seed_resolves(analyse):
    file, diagnostics = analyse(
        'load("pkg.flowmetal.io/v1/prelude", "args", "flow", "FlowContext", "current_flow", "Ok", "Err", "Result",'
        ' "fail", "unwrap")\n'
        "analyze = flow(implementation = _analyze_impl)\n"
        "def _analyze_impl(fctx: FlowContext) -> str:\n"
        "    return 'some results'\n"
        "check = save = cleanup = analyze\n"
        "def _etl_impl(fctx: FlowContext) -> Result:\n"
        "    check_results = check(unwrap(analyze()))\n"
        "    if is_ok(check_results):\n"
        "        tasks = [fctx.actions.run(save, 1), fcxt.actions.run(save, 2)]\n"
        "        [unwrap(it) for it in fctx.actions.wait(tasks)]\n"
        "        return Ok(None)\n"
        "    else:\n"
        "        cleanup()\n"
        "        return check_results\n"
        "etl = flow(implementation = _etl_impl, args = {'x': args.string(default='y')})\n"
        'if __name__ == "__flow___":\n'
        "    etl()\n"
    )
    assert [diagnostic.slug for diagnostic in diagnostics] == ["undefined-name", "main-guard-typo"]
    assert diagnostics[0].hint == "did you mean `fctx`?"
    assert "_analyze_impl" in file.scope.hoisted


def test_no_wild_guess_for_a_single_letter(analyse):
    _, diagnostics = analyse("f = 1\nY = 2\nprint(x, y)\n")
    assert [diagnostic.hint for diagnostic in diagnostics] == [UNBOUND_HINT, "did you mean `Y`?"]
