"""What compiled code does without calling an operator or a method is charged as those charge it."""

from __future__ import annotations

import pytest

from flowlang import Budget, EvaluationError, Interpreter, MappingLoader, Watch

SIZE = 4_000
ROUNDS = 400

SCRIPTS = {
    "slice": "ys = xs[1:]",
    "slice with a step": "ys = xs[::-1]",
    "sum of slices": "ys = xs[:3] + xs[3:]",
    "sum with a display": "ys = [1] + xs",
    "sum of three": "ys = xs[:1] + [2] + xs[2:]",
    "slice that is a value": "kept = [xs[1:]]\n        keep(kept)",
    "sum that is a value": "kept = [[1] + xs]\n        keep(kept)",
}
TEXT = """
def keep(value):
    pass

def run(size, rounds):
    xs = list(range(size))
    for _ in range(rounds):
        {statement}
    return len(xs)
"""
KEYS = """
def run(d, length, rounds):
    key = "k" * length
    keys = [key]
    get = d.get
    for _ in range(rounds):
        {lookup}
"""


def steps(statement: str, size: int, budget: Budget | None = None) -> int:
    """The steps that a script takes which performs a statement on a list of `size`, again and again."""
    loader = MappingLoader({"module.flow": TEXT.format(statement=statement)})
    module = Interpreter(loader=loader, budget=budget or Budget()).load("module.flow")
    with Watch() as watch:
        assert module.call("run", size, ROUNDS) == size
    return watch.usage.steps


@pytest.mark.parametrize("statement", SCRIPTS.values(), ids=SCRIPTS)
def test_copies_cost_a_step_for_eight_elements(statement: str) -> None:
    """The steps of a copy grow with its length: a step for 8 elements, as `spec/costs.md` says."""
    grown = steps(statement, SIZE) - steps(statement, 8)
    assert grown >= ROUNDS * (SIZE - 16) // 8


@pytest.mark.parametrize("statement", SCRIPTS.values(), ids=SCRIPTS)
def test_copies_respect_the_budget_of_memory(statement: str) -> None:
    """A copy that does not fit into the budget of memory is refused."""
    with pytest.raises(EvaluationError, match="memory"):
        steps(statement, 100_000, Budget(memory_bytes=4_500_000))


@pytest.mark.parametrize(
    "lookup",
    ["d.get(key)", "d.get(key, 0)", "d.get(keys[0])", "d.setdefault(key, 0)", "d.setdefault(keys[0], [])", "get(key)"],
)
def test_methods_of_dicts_charge_for_long_keys(lookup: str) -> None:
    """A look-up by a long text costs a step for 256 characters, and one by a short text does not."""
    text = KEYS.format(lookup=lookup)
    module = Interpreter(loader=MappingLoader({"module.flow": text})).load("module.flow")

    def taken(length: int) -> int:
        with Watch() as watch:
            module.call("run", {"k" * length: 1}, length, ROUNDS)
        return watch.usage.steps

    assert taken(1_000) - taken(10) < ROUNDS
    assert taken(60_000) - taken(10) >= ROUNDS * (60_000 // 256)
