"""Calls whose work grows, for every builtin, method, operator and module function of the language.

`CASES` holds, under the name of each, makers: `maker(n)` gives a call without arguments whose work grows in proportion
to n at least. `CONSTANT` holds calls whose work must not grow, however large what they are given.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from flowlang.lang.eval import operators
from flowlang.lang.eval.context import FlowContext
from flowlang.lang.eval.inbox_ref import InboxRef
from flowlang.lang.interpreter import UNIVERSE
from flowlang.lang.values.container import Dict, List, Set
from flowlang.lang.values.freeze import freeze
from flowlang.lang.values.key import dict_set
from flowlang.lang.values.protocol import VALUE_TYPES
from flowlang.lang.values.result import Err, Ok
from flowlang.lang.values.struct import Struct

Call = Callable[[], Any]
Maker = Callable[[int], Call]

CHARACTERS = 64
"""Texts have so many characters for each unit of n."""


def ints(n: int) -> List:
    return List(range(n))


def text(n: int) -> str:
    return "ab, " * (n * CHARACTERS >> 2)


def wide_text(n: int) -> str:
    return "λβ, " * (n * CHARACTERS >> 2)


def data(n: int) -> bytes:
    return b"ab, " * (n * CHARACTERS >> 2)


def texts(n: int) -> List:
    return List(f"text {place}" for place in range(n))


def table(n: int) -> Dict:
    return Dict((place, place) for place in range(n))


def named(n: int) -> dict[str, Any]:
    return {f"a{place}": place for place in range(n)}


def members(n: int, first: int = 0) -> Set:
    return Set((place, None) for place in range(first, first + n))


def exotic(n: int) -> Set:
    result = Set()
    for place in range(n):
        dict_set(result, (place, 1.5), None)
    return result


def rows(n: int) -> List:
    return List(List((place,)) for place in range(n))


def mixed(n: int) -> List:
    """What the host cannot sort as the language does."""
    return List((place if place & 1 else place + 0.5, List()) for place in range(n))


def alike(n: int, length: int = 2000) -> List:
    """Texts that differ at their ends only."""
    return List("x" * length + str(place) for place in range(n))


def large(n: int) -> int:
    """An int with bits in proportion to n."""
    return (1 << n) - 1


def wide(n: int) -> int:
    """An int that is long enough to be charged."""
    return large(n << 2)


def large_ints(n: int) -> List:
    """Ints of many bits that differ in the last ones only."""
    return List((1 << 100_000) + place for place in range(n >> 6))


def shared(n: int) -> List:
    """A list that is n long as text, and short in memory."""
    result = List((1,))
    while n > 1:
        result = List((result, result))
        n >>= 1
    return result


def nested_json(n: int) -> str:
    return "[" + '{"a":[1,2.5,"x"]},' * n + "1]"


def function(name: str, *arguments: Any, **keywords: Any) -> Call:
    """A call of a function of the universe or of a module."""
    module, _, member = name.rpartition(".")
    found = operators.attribute(UNIVERSE[module], member) if module else UNIVERSE[name]
    return partial(found, 0, *arguments, **keywords)


def method(value: Any, name: str, *arguments: Any, **keywords: Any) -> Call:
    """A call of a method."""
    return partial(operators.attribute(value, name), 0, *arguments, **keywords)


def identity(depth: int, value: Any, /) -> Any:
    return value


def refused(call: Call) -> Call:
    """A call that ends in an error."""

    def attempt() -> None:
        try:
            call()
        except Exception:
            return
        raise AssertionError("no error")

    return attempt


UNIVERSAL: dict[str, list[Maker]] = {
    "abs": [lambda n: function("abs", -large(n))],
    "all": [lambda n: function("all", List([1] * n)), lambda n: function("all", List([Ok(1)] * n))],
    "any": [lambda n: function("any", List([0] * n)), lambda n: function("any", List([()] * n))],
    "bytes": [lambda n: function("bytes", text(n)), lambda n: function("bytes", List([7] * n))],
    "dict": [
        lambda n: function("dict", table(n)),
        lambda n: function("dict", List((place, place) for place in range(n))),
        lambda n: function("dict", **named(n)),
    ],
    "dir": [lambda n: function("dir", Struct(named(n)))],
    "enumerate": [lambda n: function("enumerate", ints(n)), lambda n: function("enumerate", range(n))],
    "fail": [lambda n: refused(function("fail", text(n), text(n))), lambda n: refused(function("fail", "x", ints(n)))],
    "hash": [lambda n: function("hash", text(n >> 4)), lambda n: function("hash", data(n >> 4))],
    "int": [lambda n: function("int", "7" * (n >> 2)), lambda n: function("int", "f" * (n >> 2), base=16)],
    "list": [lambda n: function("list", ints(n)), lambda n: function("list", range(n)),
             lambda n: function("list", table(n)), lambda n: function("list", method(wide_text(n >> 5), "elems")())],
    "max": [lambda n: function("max", ints(n)), lambda n: function("max", mixed(n)),
            lambda n: function("max", ints(n), key=identity), lambda n: function("max", alike(n >> 4)),
            lambda n: function("max", large_ints(n)), lambda n: function("max", *alike(20, n)),
            lambda n: function("max", rows(n))],
    "min": [lambda n: function("min", texts(n)), lambda n: function("min", method(text(n >> 5), "elem_ords")()),
            lambda n: function("min", ints(n), key=identity), lambda n: function("min", large_ints(n))],
    "repr": [lambda n: function("repr", ints(n)), lambda n: function("repr", wide_text(n >> 5)),
             lambda n: function("repr", text(n >> 5)), lambda n: function("repr", data(n >> 5)),
             lambda n: function("repr", b"\xff\x00" * n), lambda n: function("repr", "\x00" * n),
             lambda n: function("repr", shared(n)), lambda n: function("repr", exotic(n)),
             lambda n: function("repr", Struct(named(n))), lambda n: function("repr", large(n << 2)),
             lambda n: function("repr", List([1.5e300] * n)), lambda n: function("repr", Ok(ints(n)))],
    "reversed": [lambda n: function("reversed", ints(n)), lambda n: function("reversed", range(n))],
    "set": [lambda n: function("set", ints(n)), lambda n: function("set", texts(n)),
            lambda n: function("set", members(n)), lambda n: function("set", List((n, 1.5) for n in range(n))),
            lambda n: function("set", List(place << 70 for place in range(n)))],
    "sorted": [lambda n: function("sorted", List(place * 7919 % n for place in range(n))),
               lambda n: function("sorted", mixed(n >> 2)), lambda n: function("sorted", List(alike(n >> 5)[::-1])),
               lambda n: function("sorted", texts(n), key=identity, reverse=True),
               lambda n: function("sorted", List(large_ints(n)[::-1])), lambda n: function("sorted", rows(n >> 2)),
               lambda n: function("sorted", List((place % 9, str(place)) for place in range(n))),],
    "str": [lambda n: function("str", ints(n)), lambda n: function("str", data(n)),
            lambda n: function("str", large(n << 2)), lambda n: function("str", table(n))],
    "struct": [lambda n: function("struct", **named(n))],
    "tuple": [lambda n: function("tuple", ints(n)), lambda n: function("tuple", range(n))],
    "zip": [lambda n: function("zip", ints(n), ints(n)), lambda n: function("zip", *[(1,)] * n)],
    "json.decode": [lambda n: function("json.decode", nested_json(n)),
                    lambda n: function("json.decode", "[" + "1," * n + "1]"),
                    lambda n: function("json.decode", '"' + "x" * (n * CHARACTERS) + '"'),
                    lambda n: function("json.decode", '"' + "\\u00e9" * n + '"'),
                    lambda n: function("json.decode", '"' + "\\ud800" * n + '"'),
                    lambda n: function("json.decode", " " * n * 8 + "1"),
                    lambda n: function("json.decode", "[" + '"",' * n + "1]"),
                    lambda n: function("json.decode", "[" + "[]," * n + "1]"),
                    lambda n: function("json.decode", "7" * (n >> 2)),
                    lambda n: refused(function("json.decode", '"' * (n | 1) * 8)),
                    lambda n: refused(function("json.decode", "[" + "1," * n))],
    "json.encode": [lambda n: function("json.encode", ints(n)), lambda n: function("json.encode", text(n >> 5)),
                    lambda n: function("json.encode", shared(n)), lambda n: function("json.encode", range(n)),
                    lambda n: function("json.encode", Dict((str(place), place) for place in range(n))),
                    lambda n: function("json.encode", Dict((key, 1) for key in alike(n >> 5)[::-1])),
                    lambda n: function("json.encode", Struct(named(n))),
                    lambda n: function("json.encode", large(n << 2)),
                    lambda n: refused(function("json.encode", List([*rows(n), len])))],
    "json.encode_indent": [lambda n: function("json.encode_indent", ints(n)),
                           lambda n: function("json.encode_indent", rows(n), prefix="x" * 999)],
    "json.indent": [lambda n: function("json.indent", nested_json(n)),
                    lambda n: function("json.indent", "[" * 20 + "1," * n + "1" + "]" * 20, indent=" " * 9)],
}  # fmt: skip

METHODS: dict[str, list[Maker]] = {
    "list.extend": [lambda n: method(List(), "extend", ints(n)), lambda n: method(List(), "extend", range(n))],
    "list.index": [lambda n: method(ints(n), "index", n - 1), lambda n: method(rows(n), "index", List((n - 1,))),
                   lambda n: refused(method(List(["x" * n] * 50), "index", "x" * (n - 1) + "y"))],
    "list.insert": [lambda n: method(ints(n * 32), "insert", 0, 1)],
    "list.pop": [lambda n: method(ints(n * 32), "pop", 0)],
    "list.remove": [lambda n: method(ints(n), "remove", n - 1), lambda n: method(ints(n * 32), "remove", 0)],
    "dict.items": [lambda n: method(table(n), "items")],
    "dict.keys": [lambda n: method(table(n), "keys")],
    "dict.get": [lambda n: method(table(2), "get", tuple(range(n))),
                 lambda n: method(table(2), "get", tuple((place,) for place in range(n)))],
    "dict.pop": [lambda n: method(Dict({text(n): 1}), "pop", text(n))],
    "dict.setdefault": [lambda n: method(table(2), "setdefault", text(n), 1)],
    "dict.update": [lambda n: method(table(2), "update", table(n)), lambda n: method(table(2), "update", **named(n)),
                    lambda n: method(table(2), "update", List(((place, 1.5), 1) for place in range(n)))],
    "dict.values": [lambda n: method(table(n), "values")],
    "set.add": [lambda n: method(members(2), "add", text(n)), lambda n: method(members(2), "add", tuple(range(n)))],
    "set.difference": [lambda n: method(members(n), "difference", ints(n)),
                       lambda n: method(members(n), "difference", *[members(9)] * 50),
                       lambda n: method(exotic(n), "difference", exotic(n))],
    "set.difference_update": [lambda n: method(members(n), "difference_update", ints(n)),
                              lambda n: method(members(n), "difference_update", *[members(9)] * 50)],
    "set.discard": [lambda n: method(members(2), "discard", text(n))],
    "set.intersection": [lambda n: method(members(n), "intersection", ints(n)),
                         lambda n: method(members(n), "intersection", *[members(n)] * 50)],
    "set.intersection_update": [lambda n: method(members(n), "intersection_update", ints(n)),
                                lambda n: method(members(n), "intersection_update", *[members(n)] * 50)],
    "set.isdisjoint": [lambda n: method(members(n), "isdisjoint", members(n, n)),
                       lambda n: method(members(2), "isdisjoint", ints(n))],
    "set.issubset": [lambda n: method(members(n), "issubset", members(n)),
                     lambda n: method(members(1), "issubset", ints(n))],
    "set.issuperset": [lambda n: method(members(n), "issuperset", members(n)),
                       lambda n: method(members(1), "issuperset", ints(n))],
    "set.remove": [lambda n: refused(method(members(2), "remove", text(n)))],
    "set.symmetric_difference": [lambda n: method(members(n), "symmetric_difference", ints(n)),
                                 lambda n: method(members(2), "symmetric_difference", members(n))],
    "set.symmetric_difference_update": [lambda n: method(members(n), "symmetric_difference_update", ints(n)),
                                        lambda n: method(members(2), "symmetric_difference_update", members(n))],
    "set.union": [lambda n: method(members(n), "union"), lambda n: method(members(2), "union", ints(n))],
    "set.update": [lambda n: method(members(2), "update", members(n)), lambda n: method(members(2), "update", ints(n))],
    "string.count": [lambda n: method(text(n), "count", "a"), lambda n: method("a" * n * 8, "count", "a" * 90 + "b")],
    "string.endswith": [lambda n: method(text(n), "endswith", text(n)),
                        lambda n: method("a", "endswith", ("b",) * n)],
    "string.find": [lambda n: method(text(n), "find", "x"), lambda n: method(text(n), "find", "b" * 50 + "x"),
                    lambda n: method("a" * n * 8, "find", "a" * (n * 4) + "b"),
                    lambda n: method(wide_text(n), "find", "λx")],
    "string.format": [lambda n: method("{}" * n, "format", *range(n)),
                      lambda n: method("{0}" * n, "format", "x" * 99),
                      lambda n: method("{} {}", "format", text(n), text(n)), lambda n: method("{}", "format", ints(n)),
                      lambda n: method("{{" * n, "format")],
    "string.index": [lambda n: method(text(n) + "x", "index", "x")],
    "string.isalnum": [lambda n: method("a1" * n * 32, "isalnum"), lambda n: method("λ1" * n, "isalnum")],
    "string.isalpha": [lambda n: method("a" * n * CHARACTERS, "isalpha"), lambda n: method("λ" * n * 9, "isalpha")],
    "string.isdigit": [lambda n: method("1" * n * CHARACTERS, "isdigit")],
    "string.islower": [lambda n: method(text(n), "islower"), lambda n: method(wide_text(n), "islower")],
    "string.isspace": [lambda n: method(" " * n * CHARACTERS, "isspace"), lambda n: method("\u2000" * n, "isspace")],
    "string.istitle": [lambda n: method("Ab " * n * 16, "istitle")],
    "string.isupper": [lambda n: method("AB " * n * 16, "isupper"), lambda n: method("ΛB " * n * 16, "isupper")],
    "string.join": [lambda n: method(", ", "join", texts(n)), lambda n: method(text(n >> 6), "join", ("a",) * 64),
                    lambda n: method("", "join", (wide_text(n), "a"))],
    "string.lower": [lambda n: method(text(n), "lower"), lambda n: method("Λ" * n, "lower")],
    "string.upper": [lambda n: method(text(n), "upper"), lambda n: method("ß" * n, "upper")],
    "string.title": [lambda n: method(text(n), "title"), lambda n: method("ß " * n, "title")],
    "string.capitalize": [lambda n: method(text(n), "capitalize"), lambda n: method("ß" * n, "capitalize")],
    "string.lstrip": [lambda n: method(" " * n * CHARACTERS + "a", "lstrip"),
                      lambda n: method("a" * n, "lstrip", "".join(map(chr, range(33, 400))))],
    "string.rstrip": [lambda n: method("a" + " " * n * CHARACTERS, "rstrip"),
                      lambda n: method("a" * n, "rstrip", "b" * n + "a")],
    "string.strip": [lambda n: method(" " * n * CHARACTERS, "strip"), lambda n: method("a" * n, "strip", "xyza")],
    "string.partition": [lambda n: method(text(n) + "x", "partition", "x")],
    "string.removeprefix": [lambda n: method(text(n), "removeprefix", "ab"),
                            lambda n: method(text(n), "removeprefix", text(n))],
    "string.removesuffix": [lambda n: method(text(n), "removesuffix", ", ")],
    "string.replace": [lambda n: method(text(n), "replace", "a", "bc"), lambda n: method(text(n), "replace", "", "x"),
                       lambda n: method(text(n), "replace", "x" * 20, ""),
                       lambda n: method("a" * (n >> 6), "replace", "a", "x" * CHARACTERS * 64)],
    "string.rfind": [lambda n: method(text(n), "rfind", "x"), lambda n: method("a" * n, "rfind", "b" + "a" * 200)],
    "string.rindex": [lambda n: method("x" + text(n), "rindex", "x")],
    "string.rpartition": [lambda n: method("x" + text(n), "rpartition", "x")],
    "string.rsplit": [lambda n: method(text(n), "rsplit", ","), lambda n: method(text(n), "rsplit"),
                      lambda n: method(text(n), "rsplit", ",", 2), lambda n: method("a\x1c " * n, "rsplit", None, n)],
    "string.split": [lambda n: method(text(n), "split", ","), lambda n: method(text(n), "split"),
                     lambda n: method("a\x1c " * n, "split"), lambda n: method("a\x1c " * n, "split", None, n)],
    "string.splitlines": [lambda n: method("ab\n" * n, "splitlines"), lambda n: method("ab\v\r" * n, "splitlines"),
                          lambda n: method("\r\n" * n, "splitlines", True)],
    "string.startswith": [lambda n: method(text(n), "startswith", text(n)),
                          lambda n: method("a", "startswith", ("b",) * n)],
}  # fmt: skip


def operation(symbol: str, left: Callable[[int], Any], right: Callable[[int], Any]) -> Maker:
    """A maker for a binary operator."""
    names = {
        "+": operators.add, "-": operators.subtract, "*": operators.multiply, "/": operators.divide,
        "//": operators.floor_divide, "%": operators.modulo, "|": operators.bit_or, "&": operators.bit_and,
        "^": operators.bit_xor, "<<": operators.shift_left, ">>": operators.shift_right, "==": operators.equal,
        "<": operators.less, "in": operators.contains, "+=": operators.add_in_place, "|=": operators.or_in_place,
        "&=": operators.and_in_place, "-=": operators.subtract_in_place, "^=": operators.xor_in_place,
    }  # fmt: skip
    return lambda n: partial(names[symbol], left(n), right(n))


def always(value: Any) -> Callable[[int], Any]:
    return lambda n: value


OPERATORS: dict[str, list[Maker]] = {
    "bytes + bytes": [operation("+", data, data)],
    "list + list": [operation("+", ints, ints)],
    "string + string": [operation("+", text, text), operation("+", wide_text, text)],
    "struct + struct": [operation("+", lambda n: Struct(named(n)), always(Struct({})))],
    "tuple + tuple": [operation("+", lambda n: tuple(range(n)), always((1,)))],
    "set - set": [operation("-", members, members), operation("-", exotic, exotic)],
    "bytes * int": [operation("*", always(b"ab"), lambda n: n * CHARACTERS)],
    "int * bytes": [operation("*", lambda n: n * CHARACTERS, always(b"a"))],
    "int * list": [operation("*", lambda n: n, always(List((1,))))],
    "list * int": [operation("*", always(List((1, 2))), lambda n: n)],
    "int * string": [operation("*", lambda n: n * CHARACTERS, always("a"))],
    "string * int": [operation("*", always("ab"), lambda n: n * CHARACTERS)],
    "int * tuple": [operation("*", lambda n: n, always((1,)))],
    "tuple * int": [operation("*", always((1,)), lambda n: n)],
    "string % any": [operation("%", lambda n: "%s" * n, lambda n: tuple(range(n))),
                     operation("%", always("%s %s"), lambda n: (text(n), text(n))),
                     operation("%", always("%r"), ints),
                     operation("%", lambda n: "%%" * n, always(())),
                     operation("%", always("%d"), lambda n: large(n << 2)),
                     operation("%", always("%x"), large)],
    "dict | dict": [operation("|", table, always(Dict())), operation("|", always(Dict()), table)],
    "set | set": [operation("|", members, members), operation("|", always(Set()), members)],
    "set & set": [operation("&", members, members), operation("&", exotic, exotic)],
    "set ^ set": [operation("^", members, lambda n: members(n, n >> 1)), operation("^", always(Set()), members)],
    "list += any": [lambda n: partial(operators.add_in_place, List(), range(n)),
                    lambda n: partial(operators.add_in_place, List(), table(n))],
    "dict |= dict": [lambda n: partial(operators.or_in_place, Dict(), table(n))],
    "set |= set": [lambda n: partial(operators.or_in_place, Set(), members(n))],
    "set &= set": [lambda n: partial(operators.and_in_place, members(n), members(n))],
    "set -= set": [lambda n: partial(operators.subtract_in_place, members(n), members(n))],
    "set ^= set": [lambda n: partial(operators.xor_in_place, members(n), members(n, 1))],
    "int // int": [operation("//", wide, lambda n: large(n << 1)), operation("//", wide, always(7))],
    "int % int": [operation("%", wide, lambda n: large(n << 1)), operation("%", wide, always(7))],
    "int * int": [operation("*", lambda n: large(n << 1), lambda n: large(n << 1))],
    "int + int": [operation("+", wide, wide)],
    "int - int": [operation("-", lambda n: large(n << 2) << 1, wide)],
    "int & int": [operation("&", wide, wide)],
    "int | int": [operation("|", wide, wide)],
    "int ^ int": [operation("^", wide, lambda n: large(n << 2) >> 1)],
    "int << int": [operation("<<", wide, always(500))],
    "int >> int": [operation(">>", wide, always(1))],
    "list == list": [operation("==", ints, ints), operation("==", rows, rows), operation("==", alike, alike)],
    "dict == dict": [operation("==", table, table)],
    "set == set": [operation("==", members, members), operation("==", exotic, exotic)],
    "tuple == tuple": [operation("==", lambda n: tuple(range(n)), lambda n: tuple(range(n)))],
    "struct == struct": [operation("==", lambda n: Struct(named(n)), lambda n: Struct(named(n)))],
    "string == string": [operation("==", text, text), operation("==", wide_text, wide_text)],
    "bytes == bytes": [operation("==", data, data)],
    "string.elems == string.elems": [operation("==", lambda n: method(text(n), "elems")(),
                                               lambda n: method(text(n), "elems")())],
    "Result == Result": [operation("==", lambda n: Ok(ints(n)), lambda n: Ok(ints(n))),
                         operation("==", lambda n: Err(text(n)), lambda n: Err(text(n)))],
    "list < list": [operation("<", ints, ints), operation("<", rows, rows)],
    "tuple < tuple": [operation("<", lambda n: tuple(range(n)), lambda n: tuple(range(n)))],
    "string < string": [operation("<", text, text)],
    "bytes < bytes": [operation("<", data, data)],
    "set < set": [operation("<", members, lambda n: members(n + 1))],
    "any in list": [operation("in", always(None), ints), operation("in", always(-1), ints),
                    operation("in", always(1.5), ints), operation("in", always(List((0.5,))), rows)],
    "any in tuple": [operation("in", always("x"), lambda n: tuple(range(n))),
                     operation("in", always("x" * 99), lambda n: ("x" * 98 + "y",) * n)],
    "any in dict": [operation("in", text, always(Dict())), operation("in", lambda n: tuple(range(n)), always(Dict()))],
    "any in set": [operation("in", text, always(Set())), operation("in", lambda n: Struct(named(n)), always(Set()))],
    "any in string": [operation("in", always("x"), text), operation("in", lambda n: "a" * n, lambda n: "a" * n + "b")],
    "any in bytes": [operation("in", always(b"x"), data), operation("in", always(7), data)],
    "any in string.elems": [operation("in", always("x"), lambda n: method(text(n), "elems")())],
    "any in string.codepoints": [operation("in", always("x"), lambda n: method(text(n), "codepoints")())],
    "any in bytes.elems": [operation("in", always(7), lambda n: method(data(n), "elems")())],
    "list[:]": [lambda n: partial(operators.slice_value, ints(n), None, None, None)],
    "tuple[:]": [lambda n: partial(operators.slice_value, tuple(range(n)), None, None, -1)],
    "string[:]": [lambda n: partial(operators.slice_value, text(n), 1, None, None),
                  lambda n: partial(operators.slice_value, wide_text(n), None, None, -1)],
    "bytes[:]": [lambda n: partial(operators.slice_value, data(n), None, None, -1)],
    "string.elems[:]": [lambda n: partial(operators.slice_value, method(text(n), "elems")(), 1, None, None)],
    "string.codepoints[:]": [lambda n: partial(operators.slice_value, method(text(n), "codepoints")(), 1, None, None)],
    "bytes.elems[:]": [lambda n: partial(operators.slice_value, method(data(n), "elems")(), 1, None, None)],
    "dict[]": [lambda n: refused(partial(operators.index, table(2), text(n)))],
    "dict[] =": [lambda n: partial(operators.set_index, table(2), text(n), 1)],
    "bytes.elems == bytes.elems": [operation("==", lambda n: method(data(n), "elems")(),
                                             lambda n: method(data(n), "elems")())],
    "string.codepoints == string.codepoints": [operation("==", lambda n: method(text(n), "codepoints")(),
                                                         lambda n: method(text(n), "codepoints")())],
    "freeze": [lambda n: partial(freeze, rows(n)), lambda n: partial(freeze, List([(List(), n)] * 9 + list(rows(n))))],
}  # fmt: skip

CONSTANT: dict[str, Maker] = {
    "bool": lambda n: function("bool", ints(n)),
    "chr": lambda n: refused(function("chr", large(n))),
    "ord": lambda n: refused(function("ord", text(n))),
    "len": lambda n: function("len", text(n)),
    "range": lambda n: function("range", 1 << 60),
    "type": lambda n: function("type", ints(n)),
    "getattr": lambda n: refused(function("getattr", ints(n), "x" * n * CHARACTERS)),
    "hasattr": lambda n: function("hasattr", ints(n), "x" * n * CHARACTERS),
    "float": lambda n: function("float", "1" * 300),
    "float of a long text": lambda n: refused(function("float", "1" * n)),
    "print": lambda n: function("print", "outside of a run"),
    "list == list, shared": operation("==", shared, shared),
    "sorted, shared": lambda n: function("sorted", List((shared(n), place) for place in range(8))),
    "Ok": lambda n: function("Ok", ints(n)),
    "Err": lambda n: function("Err", ints(n)),
    "stream": lambda n: function("stream", identity),
    "flow": lambda n: function("flow", implementation=identity),
    "current_flow": lambda n: refused(function("current_flow")),
    "failure": lambda n: function("failure", "no-luck", text(n), ints(n)),
    "failure of a long kind": lambda n: refused(function("failure", "x" * n, "")),
    "Stop": lambda n: function("Stop", ints(n)),
    "FlowContext.stop": lambda n: refused(partial(VALUE_TYPES[FlowContext].methods["stop"], 0, None, ints(n))),
    "inbox.send": lambda n: refused(method(InboxRef("run"), "send", "name", ints(n))),
    "run": lambda n: refused(function("run", None, ints(n))),
    "wait": lambda n: refused(function("wait", ints(n))),
    "wait_any": lambda n: refused(function("wait_any", ints(n))),
    "wait_all": lambda n: refused(function("wait_all", ints(n))),
    "cancel": lambda n: refused(function("cancel", ints(n))),
    "parallel_map": lambda n: refused(function("parallel_map", ints(n), None)),
    "with_timeout": lambda n: refused(function("with_timeout", 1, None, ints(n))),
    "on_exit": lambda n: refused(function("on_exit", None, ints(n))),
    "on_failure": lambda n: refused(function("on_failure", None, ints(n))),
    "retry_policy": lambda n: function("retry_policy", backoff=ints(min(n, 1000))),
    "receive": lambda n: refused(function("receive", text(n))),
    "try_receive": lambda n: refused(function("try_receive", text(n))),
    "send": lambda n: refused(function("send", text(n), text(n), ints(n))),
    "gate": lambda n: refused(function("gate", text(n), ints(n))),
    "await_gate": lambda n: refused(function("await_gate", ints(n))),
    "try_await_gate": lambda n: refused(function("try_await_gate", ints(n))),
    "spawn": lambda n: refused(function("spawn", None, ints(n))),
    "set_status": lambda n: refused(function("set_status", text(n))),
    "set_attributes": lambda n: refused(function("set_attributes", table(n))),
    "progress": lambda n: refused(function("progress", 1, message=text(n))),
    "continue_as": lambda n: refused(function("continue_as", ints(n))),
    "version": lambda n: refused(function("version", text(n), large(n))),
    "list.append": lambda n: method(ints(n), "append", 1),
    "list.clear": lambda n: method(List(), "clear"),
    "dict.clear": lambda n: method(Dict(), "clear"),
    "dict.popitem": lambda n: method(table(n), "popitem"),
    "set.clear": lambda n: method(Set(), "clear"),
    "set.pop": lambda n: method(members(n), "pop"),
    "string.elems": lambda n: method(text(n), "elems"),
    "string.elem_ords": lambda n: method(text(n), "elem_ords"),
    "string.codepoints": lambda n: method(text(n), "codepoints"),
    "string.codepoint_ords": lambda n: method(text(n), "codepoint_ords"),
    "bytes.elems": lambda n: method(data(n), "elems"),
    "Result.is_ok": lambda n: method(Ok(ints(n)), "is_ok"),
    "Result.is_err": lambda n: method(Ok(ints(n)), "is_err"),
    "Result.unwrap_or": lambda n: method(Ok(ints(n)), "unwrap_or", 1),
    "any in range": operation("in", always(1.0), always(range(1 << 60))),
    "range[:]": lambda n: partial(operators.slice_value, range(1 << 60), 1, None, 3),
    "range == range": operation("==", always(range(1 << 60)), always(range(1 << 60))),
    "max of a range": lambda n: function("max", range(1 << 60)),
    "int / int": operation("/", large, large),
}
