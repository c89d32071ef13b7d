"""Work is charged: every builtin, method, operator and module function, at growing sizes.

Three things are asked of each call in `work_cases.py`. The steps that it charges grow with n. The time that it takes is
in proportion to the steps charged. And what it charges as memory is near to what the host's allocator gave it at the
highest. The tables of the language are walked, so a function that nobody wrote a case for fails the test.
"""

from __future__ import annotations

import gc
import time
import tracemalloc
from collections.abc import Iterator
from typing import Final

import pytest
from work_cases import CONSTANT, METHODS, OPERATORS, UNIVERSAL, Call, Maker

from flowlang.lang.interpreter import UNIVERSE
from flowlang.lang.universe.native_module import NativeModule
from flowlang.lang.values.meter import METER, Budget, Meter
from flowlang.lang.values.operation import OPERATIONS
from flowlang.lang.values.protocol import VALUE_TYPES, builtin_info

SIZE: Final = 5_000
GROWTH: Final = 4
STEPS_GROWTH_MIN: Final = 2.5
STEP_SECONDS: Final = 3e-6
"""Several times what a step stands for, for machines that are slow or busy."""
BASE_SECONDS: Final = 3e-3
ATTEMPTS: Final = 2
MEMORY_RATIO: Final = 1.4
BASE_BYTES: Final = 300_000
FREE_TYPES: Final = frozenset({"int", "float", "time.duration", "time.time"})
"""Types whose values have a bounded size, or whose operators are handled apart (`int`)."""

CASES: Final = {**UNIVERSAL, **METHODS, **OPERATORS}
GROWING: Final = [
    pytest.param(maker, id=f"{name} {place}") for name, makers in CASES.items() for place, maker in enumerate(makers)
]
MOVED: Final = frozenset({"list.insert 0", "json.encode 8"})
"""The host moves a list that was charged when it was made; and looking for a culprit takes memory, up to a bound."""
ALLOCATING: Final = [parameter for parameter in GROWING if parameter.id not in MOVED]


@pytest.fixture(autouse=True, scope="module")
def _no_collections() -> Iterator[None]:
    """What the collector does has nothing to do with the call that is measured."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def charged(call: Call) -> Meter:
    """What a call is charged."""
    meter = Meter(Budget(steps=None, memory_bytes=1 << 50, output_bytes=1 << 50))
    token = METER.set(meter)
    try:
        call()
    finally:
        METER.reset(token)
    return meter


def seconds(maker: Maker, size: int) -> float:
    """The processor time of a call, at best."""
    times = []
    for _ in range(ATTEMPTS):
        call = maker(size)
        started = time.process_time()
        charged(call)
        times.append(time.process_time() - started)
    return min(times)


@pytest.mark.parametrize("maker", GROWING)
def test_steps_grow_with_the_work(maker: Maker) -> None:
    few, many = charged(maker(SIZE)).steps, charged(maker(GROWTH * SIZE)).steps
    assert many >= STEPS_GROWTH_MIN * few > 0


@pytest.mark.parametrize("maker", GROWING)
def test_time_is_in_proportion_to_the_steps(maker: Maker) -> None:
    size = GROWTH * SIZE
    allowed = BASE_SECONDS + STEP_SECONDS * charged(maker(size)).steps
    assert seconds(maker, size) <= allowed


@pytest.mark.parametrize("maker", CONSTANT.values(), ids=CONSTANT.keys())
def test_what_is_not_charged_takes_no_time(maker: Maker) -> None:
    assert seconds(maker, GROWTH * SIZE) <= BASE_SECONDS


@pytest.mark.parametrize("maker", ALLOCATING)
def test_memory_is_charged_at_its_highest(maker: Maker) -> None:
    call = maker(SIZE)
    charged(maker(1000))
    tracemalloc.start()
    try:
        memory = charged(call).memory
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak <= MEMORY_RATIO * memory + BASE_BYTES, (peak, memory)


def callables() -> Iterator[str]:
    """The names of all that a script can call."""
    for name, value in UNIVERSE.items():
        if builtin_info(value) is not None:
            yield name
        elif type(value) is NativeModule:
            yield from (f"{name}.{member}" for member, of in value.members.items() if builtin_info(of) is not None)
    for found in VALUE_TYPES.values():
        yield from (f"{found.name}.{method}" for method in found.methods)


def operations() -> Iterator[str]:
    """The names of all operators on values of growing size."""
    for symbol, table in OPERATIONS.items():
        for left, right in table:
            names = VALUE_TYPES[left].name, VALUE_TYPES[right].name
            if not FREE_TYPES.issuperset(names):
                yield f"{names[0]} {symbol} {names[1]}"
    for found in VALUE_TYPES.values():
        if found.slice is not None:
            yield f"{found.name}[:]"
        if found.contains is not None:
            yield f"any in {found.name}"
        if found.length is not None and found.equal is not None:
            yield f"{found.name} == {found.name}"


BOUNDED: Final = ("math.", "args.", "time.")
"""Functions of arguments that have a bounded size."""


def test_nothing_is_forgotten() -> None:
    known = {*CASES, *CONSTANT}
    missing = [name for name in {*callables(), *operations()} if name not in known and not name.startswith(BOUNDED)]
    assert sorted(missing) == []
