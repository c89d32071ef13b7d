"""The weight of a tree is an upper bound of what the lowering makes of it, and not a wild one."""

from __future__ import annotations

import ast
import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from flowlang.lang.compile.lowering import lower_piece, unit_of
from flowlang.lang.compile.piece import cut
from flowlang.lang.interpreter import UNIVERSE
from flowlang.lang.resolve.dialect import FLOW
from flowlang.lang.resolve.resolver import resolve
from flowlang.lang.resolve.scope import ModuleScope
from flowlang.lang.source import SourceFile
from flowlang.lang.syntax.lexer import tokenize
from flowlang.lang.syntax.limit import MODULE_WEIGHT_MAX, STATEMENT_WEIGHT_MAX, WEIGHT_PER_TOKEN_MAX
from flowlang.lang.syntax.parser import parse
from flowlang.lang.syntax.weight import VERSIONS, has_versions, weight_of

ROOT = Path(__file__).parents[3]
PROLOGUE_NODES = 90
HONEST_RATIO_MAX = 6.0


def worst_forms() -> ModuleType:
    """The forms of `bench/compile_worst.py`."""
    spec = importlib.util.spec_from_file_location("compile_worst", ROOT / "bench" / "compile_worst.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


FORMS = worst_forms().FORMS


def weights(text: str) -> tuple[int, int, int] | None:
    """The weight of a module, the nodes that are made of it, and its tokens; None when it is wrong."""
    source = SourceFile("//weight.flow", text)
    file, problems = parse(source)
    problems += resolve(
        file, source, is_universal=UNIVERSE.__contains__, is_predeclared={"__name__"}.__contains__,
        candidates=list, dialect=FLOW,
    )  # fmt: skip
    if problems:
        return None
    weight = sum(weight_of(statement, VERSIONS if has_versions(file) else 1) for statement in file.body)
    assert isinstance(file.scope, ModuleScope)
    whole = unit_of(file, len(text))
    made = 0
    for piece in cut(file, len(text), frozenset(file.scope.hoisted)):
        made += sum(1 for _ in ast.walk(lower_piece(whole, piece, may_recurse=True)))
    return weight, made, len(tokenize(source, text).kinds)


@pytest.mark.parametrize("form", FORMS)
def test_nothing_weighs_less_than_what_is_made_of_it(form: str) -> None:
    found = weights(FORMS[form](400))
    if found is not None:
        weight, made, tokens = found
        assert made <= weight + PROLOGUE_NODES
        assert weight <= WEIGHT_PER_TOKEN_MAX * tokens


def test_what_people_write_is_far_from_the_limits() -> None:
    lines = total = made = 0
    for path in [*(ROOT / "bench" / "kernels").glob("*.flow"), *(ROOT / "stdlib").glob("*.flow")]:
        text = path.read_text()
        found = weights(text)
        if found is not None:
            lines += text.count("\n")
            total += found[0]
            made += found[1]
    assert total <= HONEST_RATIO_MAX * made
    assert 20_000 * total / lines < MODULE_WEIGHT_MAX
    assert 5_000 * total / lines < STATEMENT_WEIGHT_MAX


def slugs_of(text: str) -> list[str]:
    return [diagnostic.slug for diagnostic in parse(SourceFile("test.flow", text))[1]]


def test_too_heavy_sources_are_refused() -> None:
    line = "    x = x + y + z\n"
    function = "def f{}(x, y, z):\n" + line * 3_000
    assert slugs_of(function.format("")) == []
    assert slugs_of("def f(x, y, z):\n" + line * 7_000) == ["source-too-large"]
    assert slugs_of("x = [" + "lambda: 1, " * 10_000 + "]\n") == ["source-too-large"]
    assert slugs_of("".join(function.format(number) for number in range(9))) == ["source-too-large"]
    assert slugs_of("x = [" + "(1, 'a', {'b': 2.5}), " * 35_000 + "]\n") == []


def test_the_message_says_what_is_too_large() -> None:
    text = "x = 1\ndef f(x, y, z):\n" + "    x = x + y + z\n" * 7_000
    (found,) = parse(SourceFile("test.flow", text))[1]
    assert found.message == "this function is 1.3 times as large as the compiler takes"
    assert found.hint == "split it into several functions"
    assert found.primary is not None
    assert found.primary.span == (2, 0, 2, 15)
