"""What operations charge grows with their work, and is charged before the work is done."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from value_calls import call, cost_of, make_dict, make_set

from flowlang.lang.eval import operators
from flowlang.lang.values.container import List
from flowlang.lang.values.fault import BudgetExceeded
from flowlang.lang.values.freeze import freeze
from flowlang.lang.values.meter import METER, Budget, Meter

SMALL, LARGE = 1_000, 100_000

PER_ELEMENT: dict[str, Callable[[int], Callable[[], Any]]] = {
    "list + list": lambda n: _run(operators.add, _list(n), _list(n)),
    "list * int": lambda n: _run(operators.multiply, List([0]), n),
    "list += range": lambda n: _run(operators.add_in_place, List(), range(n)),
    "list.extend": lambda n: _run(call, List(), "extend", _list(n)),
    "list.index": lambda n: _run(call, List([*range(n), "x"]), "index", "x"),
    "list.remove": lambda n: _run(call, List([*range(n), None]), "remove", None),
    "x in list": lambda n: _run(operators.contains, 1.5, _list(n)),
    "x in tuple": lambda n: _run(operators.contains, -1, tuple(range(n))),
    "list == list": lambda n: _run(operators.equal, _list(n), _list(n)),
    "list < list": lambda n: _run(operators.less, _list(n), _list(n)),
    "list[:]": lambda n: _run(operators.slice_value, _list(n), None, None, None),
    "tuple + tuple": lambda n: _run(operators.add, tuple(range(n)), (1,)),
    "tuple * int": lambda n: _run(operators.multiply, n, (1,)),
    "tuple[::-1]": lambda n: _run(operators.slice_value, tuple(range(n)), None, None, -1),
    "tuple as key": lambda n: _run(operators.contains, tuple(range(n)), make_dict()),
    "dict.keys": lambda n: _run(call, _dict(n), "keys"),
    "dict.values": lambda n: _run(call, _dict(n), "values"),
    "dict.items": lambda n: _run(call, _dict(n), "items"),
    "dict.update": lambda n: _run(call, make_dict(), "update", _dict(n)),
    "dict | dict": lambda n: _run(operators.bit_or, _dict(n), make_dict()),
    "dict |= dict": lambda n: _run(operators.or_in_place, make_dict(), _dict(n)),
    "dict == dict": lambda n: _run(operators.equal, _dict(n), _dict(n)),
    "set | set": lambda n: _run(operators.bit_or, _set(n), make_set()),
    "set & set": lambda n: _run(operators.bit_and, _set(n), make_set()),
    "set - set": lambda n: _run(operators.subtract, _set(n), make_set()),
    "set ^ set": lambda n: _run(operators.bit_xor, make_set(), _set(n)),
    "set <= set": lambda n: _run(operators.less_equal, _set(n), _set(n)),
    "set.union": lambda n: _run(call, make_set(), "union", range(n)),
    "set.issubset": lambda n: _run(call, _set(n), "issubset", _set(n)),
    "set.isdisjoint": lambda n: _run(call, make_set(-1), "isdisjoint", _list(n)),
    "freeze": lambda n: _run(freeze, List([List([0]) for _ in range(n)])),
}
PER_CHARACTER: dict[str, Callable[[int], Callable[[], Any]]] = {
    "string + string": lambda n: _run(operators.add, "a" * n, "b"),
    "string * int": lambda n: _run(operators.multiply, "ab", n),
    "bytes * int": lambda n: _run(operators.multiply, n, b"a"),
    "string == string": lambda n: _run(operators.equal, "a" * n, "a" * (n - 1) + "b"),
    "string as key": lambda n: _run(operators.contains, "a" * n, make_dict()),
}


def _run(function: Callable[..., Any], *arguments: Any) -> Callable[[], Any]:
    return lambda: function(*arguments)


def _list(count: int) -> List:
    return List(range(count))


def _dict(count: int) -> Any:
    return make_dict(*((place, place) for place in range(count)))


def _set(count: int) -> Any:
    return make_set(*range(count))


@pytest.mark.parametrize("case", PER_ELEMENT.values(), ids=PER_ELEMENT.keys())
def test_steps_grow_with_the_elements(case: Callable[[int], Callable[[], Any]]) -> None:
    small, large = cost_of(case(SMALL))[0], cost_of(case(LARGE))[0]
    assert large >= LARGE // 8
    assert 50 * small <= large <= 150 * small


@pytest.mark.parametrize("case", PER_CHARACTER.values(), ids=PER_CHARACTER.keys())
def test_steps_grow_with_the_characters(case: Callable[[int], Callable[[], Any]]) -> None:
    assert cost_of(case(1_000_000))[0] >= 1_000_000 // 256


def test_work_on_large_ints_grows_with_the_square() -> None:
    def steps(operation: Callable[[int, int], Any], bits: int) -> int:
        return cost_of(lambda: operation((1 << 2 * bits) - 1, (1 << bits) - 1))[0]

    for operation in (operators.floor_divide, operators.modulo):
        assert steps(operation, 40_000) >= 3 * steps(operation, 20_000) > 0
    assert cost_of(lambda: operators.multiply((1 << 60_000) - 1, (1 << 60_000) - 1))[0] >= 10_000


HUGE: dict[str, Callable[[], Any]] = {
    "string": lambda: operators.multiply("a", 1 << 50),
    "bytes": lambda: operators.multiply(1 << 70, b"a"),
    "list": lambda: operators.multiply(List([0]), 1 << 50),
    "tuple": lambda: operators.multiply((0,), 1 << 70),
    "extend": lambda: operators.add_in_place(List(), range(1 << 50)),
    "update": lambda: call(make_set(), "update", range(1 << 50)),
}


@pytest.mark.parametrize("case", HUGE.values(), ids=HUGE.keys())
def test_what_does_not_fit_is_refused_before_it_is_made(case: Callable[[], Any]) -> None:
    token = METER.set(Meter(Budget(memory_bytes=1 << 20)))
    try:
        with pytest.raises(BudgetExceeded) as caught:
            case()
    finally:
        METER.reset(token)
    assert caught.value.limit == "memory"


def test_growth_by_single_elements_is_charged() -> None:
    def grow(count: int) -> None:
        value, table = List(), make_set()
        for place in range(count):
            call(value, "append", place)
            call(table, "add", place)

    assert cost_of(lambda: grow(LARGE))[1] >= LARGE * (8 + 48)
