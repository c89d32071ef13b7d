"""Types from elsewhere: with a codec they are data."""

from __future__ import annotations

from typing import Any

import pytest
from value_calls import make_dict

from flowlang.lang.values.canonical import copy_by_value, decode, encode, register_codec
from flowlang.lang.values.container import List
from flowlang.lang.values.convert import from_host, to_host
from flowlang.lang.values.protocol import VALUE_TYPES, ValueType, register


class Temperature:
    """A type of values that a host brings."""

    def __init__(self, degrees: Any) -> None:
        self.degrees = degrees


if Temperature not in VALUE_TYPES:
    register(Temperature, ValueType("temperature"))
    register_codec(
        "temperature",
        Temperature,
        lambda value: List([value.degrees]),
        lambda data: Temperature(data[0]),
    )


def test_a_codec_stores_a_tag_and_data() -> None:
    value = make_dict(("low", Temperature((1, 2))), ("high", Temperature(30)))
    data = encode(value)
    assert data == b'{"low":{"$temperature":[{"$tuple":[1,2]}]},"high":{"$temperature":[30]}}'
    for back in (decode(data), copy_by_value(value)):
        assert [type(child) for child in back.values()] == [Temperature, Temperature]
        assert [child.degrees for child in back.values()] == [(1, 2), 30]


def test_values_with_a_codec_pass_the_gate() -> None:
    value = Temperature(5)
    assert from_host([value])[0] is value
    assert to_host(List([value])) == [value]


@pytest.mark.parametrize(("tag", "kind"), [("tuple", int), ("temperature", int), ("other", Temperature)])
def test_a_tag_or_type_has_one_codec(tag: str, kind: type) -> None:
    with pytest.raises(ValueError, match="exists already"):
        register_codec(tag, kind, lambda value: value, lambda data: data)
