"""Annotations that name more than plain data: what fits them, what is made of it, and what the messages say."""

from __future__ import annotations

import dataclasses
from datetime import UTC, date, datetime, timedelta, timezone
from enum import Enum, IntEnum
from typing import Any, NotRequired, TypedDict

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowlang.lang.values.canonical import decode, encode
from flowlang.lang.values.convert import from_host
from flowlang.lang.values.fault import Fault
from flowlang.lang.values.struct import Struct
from flowlang.runtime.action import action, bind, signature_text
from flowlang.runtime.typed import adopt, annotated_type, build, is_plain


class Size(IntEnum):
    SMALL = 1
    LARGE = 2


class State(Enum):
    OPEN = "open"
    DONE = "done"


@attrs.frozen
class Line:
    sku: str
    size: Size = Size.SMALL


@dataclasses.dataclass
class Address:
    city: str
    since: date | None = None


class Order(TypedDict):
    lines: list[Line]
    address: Address
    state: State
    at: NotRequired[datetime]


@attrs.define
class Tree:
    children: list[Tree]


def through(kind: Any, value: Any) -> Any:
    """What a host gets of a value of its own that went through a journal."""
    read = annotated_type(kind)
    stored = decode(encode(from_host(value, adopt=adopt)))
    assert read.mismatch(stored) is None, read.mismatch(stored)
    return build(read, stored)


MOMENT = datetime(2026, 3, 4, 5, 6, 7, 89, tzinfo=timezone(timedelta(hours=1)))


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (Line, Line("a", Size.LARGE)),
        (Address, Address("Rome", date(2020, 2, 29))),
        (Order, {"lines": [Line("a")], "address": Address("x"), "state": State.DONE, "at": MOMENT}),
        (Order, {"lines": [], "address": Address("x"), "state": State.OPEN}),
        (list[Line | None], [Line("a"), None]),
        (dict[str, State], {"a": State.OPEN}),
        (tuple[date, timedelta], (date(2026, 1, 1), timedelta(days=-1, microseconds=1))),
        (tuple[State, ...], (State.OPEN, State.DONE)),
        (set[Size], {Size.SMALL}),
        (Line | Address, Address("x")),
        (datetime, datetime(1, 1, 1, tzinfo=UTC)),
        (datetime, datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC)),
        (list[Any], [1, "a", [None]]),
    ],
)
def test_what_the_host_gives_it_gets_back(kind: Any, value: Any) -> None:
    assert through(kind, value) == value


@given(st.datetimes(timezones=st.just(UTC)), st.timedeltas(timedelta(days=-9999), timedelta(days=9999)))
def test_times_are_exact(moment: datetime, span: timedelta) -> None:
    assert through(tuple[datetime, timedelta], (moment, span)) == (moment, span)


def test_scripts_may_give_structs_text_and_seconds() -> None:
    line = annotated_type(Line)
    assert build(line, Struct({"sku": "a", "size": 2})) == Line("a", Size.LARGE)
    assert build(annotated_type(datetime), "2026-01-02T03:04:05Z") == datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    assert build(annotated_type(timedelta), 1.5) == timedelta(seconds=1.5)


@pytest.mark.parametrize(
    ("kind", "value", "message"),
    [
        (list[Line], [{"sku": "a"}, {"sku": 3}], "[1].sku: string, not int"),
        (Order, {"lines": [{"sku": "a", "size": 3}]}, ".lines[0].size: 1 or 2, not 3"),
        (Line, {"size": 1}, ": Line with the field `sku`, not one without it"),
        (Line, {"sku": "a", "colour": 1}, ': Line (which has no field "colour"), not one with it'),
        (Line, [1], ": Line, not list"),
        (State, "closed", ': "open" or "done", not "closed"'),
        (datetime, "2026-01-02T03:04:05", ': time, not "2026-01-02T03:04:05"'),
        (datetime, 5, ": time, not int"),
        (date, "2026-02-30", ': date, not "2026-02-30"'),
        (timedelta, "1h", ': duration, not "1h"'),
        (Line | Address, {"city": 3}, ".city: string, not int"),
        (Line | Size, True, ": Line{sku: string, size?: 1 or 2} or 1 or 2, not bool"),
    ],
)
def test_messages_lead_to_what_is_wrong(kind: Any, value: Any, message: str) -> None:
    found = annotated_type(kind).mismatch(from_host(value))
    assert found is not None
    assert f"{found.path}: {found.expected}, not {found.given}" == message


@pytest.mark.parametrize("kind", [Tree, complex, Enum("Empty", {}), Enum("Odd", {"A": 1.5})])
def test_what_cannot_be_data(kind: Any) -> None:
    with pytest.raises(TypeError):
        annotated_type(kind)


def test_moments_without_a_zone_are_refused() -> None:
    with pytest.raises(Fault) as caught:
        from_host([datetime(2026, 1, 1)], adopt=adopt)
    assert caught.value.slug == "not-data"


def test_calls_are_checked_before_anything_happens() -> None:
    @action(name="shop.order")
    def order(lines: list[Line], state: State = State.OPEN) -> Order: ...  # type: ignore[empty-body]

    assert signature_text(order).startswith('shop.order(lines: list[Line{sku: string, size?: 1 or 2}], state: "open"')
    assert order.gives_typed
    with pytest.raises(Fault) as caught:
        bind(order, [from_host([{"sku": "a"}, {"sku": None}])], {})
    assert caught.value.message == "`shop.order` needs string for `lines[1].sku`, not NoneType"


def test_plain_annotations_cost_nothing() -> None:
    @action
    def plain(rows: list[dict[str, int]], name: str | None = None) -> list[int]:
        return []

    assert plain.typed == {}
    assert plain.adopt is None
    assert is_plain(annotated_type(dict[str, list[int | None]]))
