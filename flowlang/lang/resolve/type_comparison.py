"""`type(x) == int`: a comparison that Python means and that is never true here, for `type` gives the name of the type.

Nothing fails, the branch is only never taken, so people from Python look for the reason for long. The comparison is
found in its text, and reported when both names turn out to mean the language's own functions.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final

from flowlang.lang.diagnostics.diagnostic import Severity, replacement
from flowlang.lang.resolve.findings import Findings
from flowlang.lang.resolve.scope import BindingKind
from flowlang.lang.syntax.nodes import Binary, Call, Expr, ListExpr, Name, TupleExpr

TYPE_TEXTS: Final[Mapping[str, str]] = MappingProxyType(
    {"str": "string", **{name: name for name in ("bool", "bytes", "dict", "float", "int", "list", "set", "tuple")}}
)
"""What `type` gives, by the name of the function that people compare it with."""
_OUTCOMES: Final = MappingProxyType({"==": "so this is never true", "!=": "so this is always true"})


def is_suspect(test: Binary) -> bool:
    """Whether `test` reads like a comparison of a type with the function of its name."""
    return test.op in ("==", "!=", "in", "not in") and bool(_compared(test))


def report_type_comparisons(tests: Iterable[Binary], findings: Findings) -> None:
    """Warn of those of the suspects whose names all mean what the language gives them. Names have been resolved."""
    for test in tests:
        for call, name in _compared(test):
            if not (_is_universal(call.function) and _is_universal(name)):
                continue
            text = TYPE_TEXTS[name.name]
            findings.add(
                "type-comparison",
                f"`type(...)` is never `{name.name}`",
                name.span,
                _OUTCOMES.get(test.op, "this is a function, not the name of a type"),
                hint=f'`type` gives the name of the type: compare with `"{text}"`',
                severity=Severity.WARNING,
                fix=replacement(name.span, f'"{text}"'),
            )


def _compared(test: Binary) -> list[tuple[Call, Name]]:
    if test.op in ("in", "not in"):
        others = test.right.elements if isinstance(test.right, TupleExpr | ListExpr) else []
        pairs = [(test.left, other) for other in others]
    else:
        pairs = [(test.left, test.right), (test.right, test.left)]
    return [
        (call, name)
        for call, name in pairs
        if isinstance(call, Call) and isinstance(call.function, Name) and call.function.name == "type"
        if isinstance(name, Name) and name.name in TYPE_TEXTS
    ]


def _is_universal(name: Expr) -> bool:
    return isinstance(name, Name) and name.binding is not None and name.binding.kind is BindingKind.UNIVERSAL
