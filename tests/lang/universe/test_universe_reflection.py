"""Builtins that ask what a value is and has."""

from __future__ import annotations

from typing import Any

import pytest
from universe_call import fault_of, run, seen, slug_of, value

from flowlang.lang.universe.core import UNIVERSE
from flowlang.lang.values.container import List
from flowlang.lang.values.fault import Fault
from flowlang.lang.values.result import Ok
from flowlang.lang.values.struct import Struct


@pytest.mark.parametrize(
    ("given", "name"),
    [
        (None, "NoneType"),
        (True, "bool"),
        (1, "int"),
        (1.0, "float"),
        ("", "string"),
        (b"", "bytes"),
        (List(), "list"),
        ((), "tuple"),
        (value({}), "dict"),
        (value({1}), "set"),
        (range(1), "range"),
        (Struct({}), "struct"),
        (Ok(1), "Result"),
        (lambda depth: None, "function"),
        (UNIVERSE["len"], "builtin_function_or_method"),
        (run("getattr", "", "upper"), "builtin_function_or_method"),
        (run("getattr", "", "elems")(0), "string.elems"),
        (run("getattr", "", "codepoints")(0), "string.codepoints"),
        (run("getattr", b"", "elems")(0), "bytes.elems"),
    ],
)
def test_type(given: Any, name: str) -> None:
    assert run("type", given) == name


def test_dir_is_sorted_and_shows_what_a_dot_reaches() -> None:
    assert seen(run("dir", b"")) == seen(List(["elems"]))
    assert seen(run("dir", run("struct", b=1, a=2))) == seen(List(["a", "b"]))
    assert seen(run("dir", 1)) == seen(List())
    for given in ("", List(), value({}), value({1}), Ok(1)):
        names = list(run("dir", given))
        assert names == sorted(names)
        assert names
        assert all(run("hasattr", given, name) for name in names)


@pytest.mark.parametrize(
    "name", ["__class__", "__len__", "encode", "translate", "fields", "state", "copy", "format_map", "_", ""]
)
def test_nothing_of_the_host_is_reached(name: str) -> None:
    for given in ("", b"", 1, 1.0, None, True, List(), (), value({}), value({1}), range(1), UNIVERSE["len"], Ok(1)):
        assert not run("hasattr", given, name)
        assert run("getattr", given, name, "default") == "default"
        with pytest.raises(Fault) as caught:
            run("getattr", given, name)
        assert caught.value.slug == "unknown-attribute"


def test_getattr() -> None:
    assert run("getattr", Struct({"a": 5}), "a") == 5
    assert run("getattr", Struct({"a": 5}), "a", None) == 5
    assert run("getattr", Struct({"a": 5}), "b", None) is None
    assert run("getattr", "abc", "upper")(0) == "ABC"
    assert slug_of("getattr", "abc", 1) == "type-mismatch"
    assert slug_of("hasattr", "abc", None) == "type-mismatch"
    assert fault_of("hasattr", "abc", None).message == "`hasattr` needs a string for `name`, not `None`"


def test_struct() -> None:
    made = run("struct", b=1, a=List([2]), depth=3)
    assert run("repr", made) == "struct(a = [2], b = 1, depth = 3)"
    with pytest.raises(TypeError, match=r"^struct\(\)"):
        run("struct", 1)
