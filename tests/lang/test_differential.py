"""The compiler against a second implementation (`reference/`), and against CPython where both mean the same.

Programs are generated; the same ones in every run, unless FLOWLANG_EXAMPLES says how many to try for each property
and FLOWLANG_SEED which ones. `reference/corners` holds what was hard to get right, by hand.
"""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import CodeType

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from reference.agreement import assert_agreement, assert_cpython_agrees
from reference.claim import ClaimChecker, recorded
from reference.containers import Containers
from reference.kernel import Kernels
from reference.observation import BUDGET, MODULE, OutOfBudget, compiled, observe_compiled, observe_reference
from reference.passing import Passing
from reference.program import Programs, programs
from reference.steps import CORNERS, step_counts
from reference.vocabulary import FULL, SHARED, STANDARD, Vocabulary

from flowlang.lang.compile.lowering import ALLOWED_ATTRIBUTES, check_tree, compile_module
from flowlang.lang.source import SourceFile
from flowlang.lang.syntax.nodes import File
from flowlang.lang.values.meter import Budget

EXAMPLES = int(os.environ.get("FLOWLANG_EXAMPLES", "120"))
SEED = int(os.environ.get("FLOWLANG_SEED", "0"))
PARTS = range(4)
"""Each property is checked in several tests with seeds of their own, which can run at the same time."""


def check_generated(
    check: Callable[[str], object], part: int, vocabulary: Vocabulary, maker: type[Programs] = Programs
) -> None:
    """Checks a property of generated programs."""
    tried = settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        phases=(Phase.generate, Phase.shrink),
    )

    @tried
    @given(programs(vocabulary, maker))
    def checked(text: str) -> None:
        check(text)

    seed(SEED + part)(checked)()


@pytest.mark.parametrize("part", PARTS)
def test_compiled_programs_do_what_the_reference_does(part: int) -> None:
    check_generated(assert_agreement, part, FULL)


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("vocabulary", [FULL, STANDARD], ids=["flow", "standard"])
def test_compiled_kernels_do_what_the_reference_does(part: int, vocabulary: Vocabulary) -> None:
    check_generated(assert_agreement, 200 + part, vocabulary, Kernels)


@pytest.mark.parametrize("part", PARTS)
def test_compiled_code_shares_containers_as_the_reference_does(part: int) -> None:
    check_generated(assert_agreement, 300 + part, FULL, Containers)


@pytest.mark.parametrize("part", PARTS)
def test_compiled_functions_pass_containers_as_those_of_the_reference_do(part: int) -> None:
    check_generated(assert_agreement, 400 + part, FULL, Passing)


@pytest.mark.parametrize("maker", [Programs, Kernels, Containers, Passing])
def test_what_type_inference_claims_is_true(maker: type[Programs]) -> None:
    checked = 0

    def check(text: str) -> None:
        nonlocal checked
        try:
            observe_compiled(text)
        except OutOfBudget:
            return
        checkers: list[ClaimChecker] = []

        def checker_for(file: File) -> ClaimChecker:
            # The tree that is evaluated is the one that claims are made about.
            with recorded() as claims:
                compile_module(file, SourceFile(MODULE, text), str)
            checkers.append(ClaimChecker(BUDGET.call_depth, claims))
            return checkers[0]

        observe_reference(text, checker_for)
        checked += checkers[0].checked

    check_generated(check, 100, FULL, maker)
    assert checked > EXAMPLES


@pytest.mark.parametrize("maker", [Programs, Kernels])
@pytest.mark.parametrize("part", PARTS[:2])
def test_shared_programs_do_what_cpython_does(part: int, maker: type[Programs]) -> None:
    compared = 0

    def check(text: str) -> None:
        nonlocal compared
        compared += assert_cpython_agrees(text)

    check_generated(check, part, SHARED, maker)
    assert compared > EXAMPLES // 3


@pytest.mark.parametrize("position", range(len(CORNERS)))
def test_corner_cases_agree(position: int) -> None:
    assert_agreement(CORNERS[position])


def nested(opening: str, inside: str, closing: str, depth: int) -> str:
    """Text within so many layers."""
    return opening * depth + inside + closing * depth


@pytest.mark.parametrize(
    "expression",
    [
        " + ".join(["x"] * 1200),
        " + ".join(str(number) for number in range(500)) + " + x",
        " and ".join(["x"] * 1000) + " and 7",
        " or ".join(["0"] * 1000) + " or x",
        " - ".join(["(x * 2)"] * 300),
        " + ".join(["'s'"] * 300),
        "1 + " + nested("(x + ", "x", ")", 90),
        nested("(", "x" + " + x" * 20, " + x" * 20 + ")", 50),
        nested("[", "x", "]", 90),
        nested("f(", "x", ")", 45),
        nested("(lambda x: ", "x", ")(x)", 20),
        nested("-(", "x", ")", 45),
        nested("(x if x else ", "x", ")", 45),
        nested("[y for y in [", "x", "]][0]", 8),
        "[" + ", ".join(["x"] * 2000) + "][-1]",
        "{" + ", ".join(f"{number}: x" for number in range(1000)) + "}",
        "sum(" + ", ".join(f"a{number} = x" for number in range(300)) + ")",
        "[x" + "".join(f" for y{number} in [x, {number}]" for number in range(8)) + "]",
    ],
)  # fmt: skip
def test_large_expressions_agree(expression: str) -> None:
    function = "def f(x):\n    return x\ndef sum(**all):\n    return len(all)\n"
    assert_agreement(f"{function}def g(x):\n    return {expression}\nx = 2\nresult = [g(1), {expression}]\n")


def test_large_statements_agree() -> None:
    branches = "".join(f"    elif x == {number}: return {number * 2}\n" for number in range(1, 400))
    assert_agreement(
        f"def f(x):\n    if x == 0: return 0\n{branches}    else: return -1\n"
        f"result = [f(x) for x in [0, 1, 29, 30, 31, 61, 399, 400, True]]\n"
    )
    loops = "".join(f"{'    ' * depth}for i{depth} in range({1 + depth % 2}):\n" for depth in range(1, 13))
    inside = "    " * 13
    assert_agreement(
        f"def f():\n    total = 0\n{loops}{inside}total += i12\n{inside}if total == 5: return total\n"
        f"{inside}if i12: break\n    return total\nresult = f()\n"
    )
    many = "".join(f"x{number} = x{number - 1} + {number}\n" for number in range(1, 500))
    assert_agreement(f"x0 = 0\n{many}")


def test_sums_of_lists_within_one_another_take_no_longer_than_others() -> None:
    # Each is lowered once; twice would be 2**30 times for the innermost.
    total = nested("[f(", "xs", ")] + xs", 30)
    assert_agreement(f"def f(x): return len(x)\ndef g():\n    xs = [1]\n    return {total}\nresult = g()\n")


def test_types_found_last_to_first_are_not_searched_for_ever() -> None:
    chain = "".join(f"        x{number} = x{number + 1}\n" for number in range(2000))
    assert_agreement(f"def f():\n    x2000 = 1\n    for i in []:\n{chain}    return x2000 + 1\nresult = f()\n")


def test_recursion_without_end_meets_the_budget_in_both() -> None:
    for text in ("def f(n): return f(n + 1)\nf(0)\n", "def f(n): return [f(i) for i in [n]]\nf(0)\n"):
        with pytest.raises(OutOfBudget, match="depth"):
            observe_compiled(text)
        with pytest.raises(OutOfBudget, match="depth"):
            observe_reference(text)


def test_steps_do_not_depend_on_the_evaluation_or_on_hashes() -> None:
    counts = step_counts()
    assert counts == step_counts()
    assert all(count is None or count > 0 for count in counts)
    here = Path(__file__).parent
    for hash_seed in ("1", "4242"):
        environment = {**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": f"{here}:{here.parent.parent}"}
        output = subprocess.run(
            [sys.executable, "-m", "reference.steps"], env=environment, capture_output=True, text=True, check=True
        ).stdout
        assert json.loads(output) == counts


def test_the_budget_of_steps_ends_a_program_where_it_was_counted() -> None:
    text = "def f(n):\n    for i in range(n):\n        for j in range(n): pass\nf(90)\n"
    steps = observe_compiled(text).steps
    assert observe_compiled(text, Budget(steps=steps)).failure is None
    with pytest.raises(OutOfBudget, match="steps"):
        observe_compiled(text, Budget(steps=steps - 1))


def test_an_early_exit_gives_back_the_turns_that_did_not_happen() -> None:
    counts = []
    for size in (10, 1000, 100_000):
        text = (
            f"def f():\n    for i in range({size}):\n        for j in [0, 1, 2, 3, 4, 5, 6, 7, 8]:\n"
            f"            if i == 5: return j\n            if j == i: break\nf()\n"
        )
        counts.append(observe_compiled(text).steps)
    assert counts[0] == counts[1] == counts[2]


def codes_in(code: CodeType) -> Iterator[CodeType]:
    """A code object and those inside it."""
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from codes_in(constant)


def test_generated_code_names_nothing_of_the_host() -> None:
    for text in CORNERS:
        allowed = {*re.findall(r"[A-Za-z_]\w*", text), *ALLOWED_ATTRIBUTES}
        for code in (inner for whole in compiled(text).codes for inner in codes_in(whole)):
            for name in (*code.co_names, *code.co_varnames, *code.co_freevars, *code.co_cellvars):
                assert name[0] in "$@&.%!" or (name in allowed and not name.startswith("__")), (name, text)
            for constant in code.co_consts:
                assert type(constant) in (type(None), bool, int, float, str, bytes, tuple, CodeType), constant


@pytest.mark.parametrize(
    "text",
    [
        "import os",
        "from os import path",
        "x.__class__",
        "x.mro",
        "x.format",
        "x.steps.real",
        "__import__('os')",
        "__builtins__",
        "lambda: 1",
        "[y for y in x]",
        "(y for y in x)",
        "f'{x}'",
        "try:\n    pass\nexcept x:\n    pass",
        "with x: pass",
        "class x: pass",
        "del x",
        "raise x",
        "assert x",
        "def f(x): yield x",
        "async def f(x): await x",
        "def f(x): nonlocal y",
        "def __f(): pass",
        "def f(__x): pass",
        "def f(*__x): pass",
        "f(__x = 1)",
        "global __x",
        "{1, 2}",
        "1j",
        "...",
        "x @ y",
        "x ** y",
        "@x\ndef f(): pass",
        "x: int = 1",
        "def f(x: int): pass",
    ],
)
def test_the_last_wall_refuses_what_the_lowering_never_makes(text: str) -> None:
    with pytest.raises(AssertionError, match="the lowering made"):
        check_tree(ast.parse(text))
    check_tree(ast.parse("def f(x): return x"))
